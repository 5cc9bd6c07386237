/* SPDX-License-Identifier: BSD-2-Clause */
/* What is noted of a judged message: a flow, and its session with its peer. Thread: the message's. Cannot fail: the store drops. */
#include "pipeline/internal.h"
#include "pipeline/remember.h"
#include "policy/evidence_text.h"
#include "util/buf.h"
#include "util/clean.h"

/* Names of a set of findings, in the order of the table: the same set gives the same text. */
static const char *findings_text(struct arena *arena, const finding_set *set)
{
	struct buf buf = buf_make(arena);

	finding_set_print(set, &buf);
	return buf.length != 0 ? buf.data : "";
}

/* Findings that a policy weighs. Of an exempt message those of its authentication only. */
static finding_set weighed_findings(const struct results *results)
{
	finding_set set = { 0 };

	if (!results->exempt)
		return results->set;
	for (size_t i = 0; i < results->finding_count; i++)
		if (finding_is(results->findings[i].id, TRAIT_EXEMPT_TOO))
			finding_set_add(&set, results->findings[i].id);
	return set;
}

static const char *word(enum result result)
{
	const char *name = result_name(result);

	return name != NULL ? name : "-";
}

static const char *dkim_word(const struct results *results)
{
	enum result best = results->dkim_checked ? RESULT_NONE : RESULT_UNCHECKED;

	for (size_t i = 0; i < results->dkim_count; i++) {
		if (i == 0 || results->dkim[i].result == RESULT_PASS)
			best = results->dkim[i].result;
	}
	return word(best);
}

/* How the client authenticated: a word besides, where it did. The mechanism's name is the client's choice of what the MTA offers. */
static const char *mechanism_text(const struct message *message)
{
	enum { MECHANISM_MAX = 20 };	/* RFC 4422 section 3.1 */
	const char *mechanism = message->session->connection.auth.mechanism;

	if (mechanism == NULL || *mechanism == '\0')
		return "";
	return arena_concat(message->arena, " sasl=", clean_word(message->arena, mechanism, MECHANISM_MAX), "");
}

/* Most messages have no chain: they need no word for that. */
static const char *arc_text(const struct message *message)
{
	enum result result = message->results->arc.result;

	return result == RESULT_NONE || result == RESULT_UNCHECKED ? "" : arena_concat(message->arena, " arc=", word(result), "");
}

/* For people and SQL; what a policy looks at is in the evidence. */
const char *remember_results(const struct message *message)
{
	const struct results *results = message->results;

	return arena_join(message->arena, "spf=", word(results->spf.result), " dkim=", dkim_word(results), " dmarc=",
	    word(results->dmarc.result), " adsp=", word(results->adsp.result), " iprev=", word(results->iprev.result), arc_text(message),
	    mechanism_text(message), NULL);
}

static void note_peer(struct shared_store *shared, struct message *message)
{
	const struct results *results = message->results;
	struct session *session = message->session;
	char host[ADDR_TEXT_BYTES];
	struct peer_note note = {
		.peer = results->peer.peer, .host = addr_format(&session->connection.client, host),
		.grade = (unsigned)results->tls.grade, .time_secs = message->facts.time_secs,
		.cert = results->tls.cert_status == CERT_VERIFIED ? results->tls.cert_subject : tls_proven_name(&results->tls),
		.downgraded = results->peer.downgrade, .host_only = results->peer.settled_host, .queue_id = message->facts.queue_id,
	};

	/* a session counts once; one that began in cleartext and went on after STARTTLS counts as what it became */
	if (results->peer.peer == NULL || !results->tls.checked || session->noted_grade == (int)results->tls.grade + 1)
		return;
	session->noted_grade = (int)results->tls.grade + 1;
	store_peer_note(shared->store, &note);
}

void remember_message(struct shared_store *shared, struct message *message, const struct decision *decision,
    const struct evidence *evidence)
{
	const struct results *results = message->results;
	struct flow_note note = {
		.time_secs = message->facts.time_secs,
		.author_domain = message->author.domain_count != 0 ? message->author.domains[0] : NULL,
		.envelope_domain = message->facts.mail_from_domain,
		.client_network = memory_network_name(message->arena, &message->session->connection.client),
		.tls_grade = results->tls.checked ? tls_grade_name(results->tls.grade) : NULL,
		.tls_version = results->tls.version, .tls_cipher = results->tls.cipher,
		.policy = decision->policy, .action = action_name(decision->action), .enforced = decision->enforced,
		.queue_id = message->facts.queue_id,
	};

	finding_set findings = weighed_findings(results);

	/* an exempt message was not judged, unless its authentication was found wanting */
	if (shared == NULL || (results->exempt && finding_set_is_empty(&findings)))
		return;
	(void)facts_bytes(&message->facts, &note.bytes);	/* at least so many */
	note.findings = findings_text(message->arena, &findings);
	note.results = remember_results(message);
	note.evidence = message->evidence_text = evidence_write(evidence, message->arena);
	note.sessions = !message->session->counted;
	message->session->counted = true;
	store_flow_note(shared->store, &note);
	if (!results->exempt)
		note_peer(shared, message);
}

void remember_refused(struct shared_store *shared, struct message *message)
{
	struct evidence evidence;
	struct decision decision;

	if (shared == NULL)
		return;
	decision = message_decide(message, FINDING_STAGE_ENVELOPE, &evidence);
	remember_message(shared, message, &decision, &evidence);
}

void remember_shape(struct shared_store *shared, const char *key, const char *text, int64_t time_secs)
{
	if (shared != NULL)
		store_shape_note(shared->store, key, text, time_secs);
}
