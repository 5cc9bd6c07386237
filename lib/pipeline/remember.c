/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads and writes the store for the pipeline. A store that gives no answer never refuses a message: greylisting then lets
 * it pass (delaying everybody because a disk is full would lose mail), and memory raises nothing.
 */
#include "pipeline/remember.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/internal.h"
#include "policy/evidence_text.h"
#include "policy/reply.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { DAY_SECS = 86400 };

static int view_peer(void *context, const char *peer, const char *host, enum tls_grade grade, struct memory_view *view_r)
{
	const struct shared_store *shared = context;
	struct peer_memory memory;
	int code = store_peer_host_get(shared->store, peer, host, &memory);

	if (code != 0)
		return code;
	*view_r = (struct memory_view){
		.habit = peer_has_tls_habit(&memory, &shared->rules), .pinned = memory.pinned,
		.settled = memory.settled_secs != 0 && memory.best_grade <= (unsigned)grade,
		.downgrade = peer_is_downgrade(&memory, (unsigned)grade, &shared->rules),
		.usual_grade = peer_usual_grade(&memory, &shared->rules), .sessions = memory.sessions,
		.days = memory.days, .last_tls_secs = memory.last_tls_secs,
		.changed_sessions = memory.changed_sessions,
	};
	return 0;
}

struct shared_store *shared_store_get(struct config *config, struct shared_store *previous, engine_store_changed *changed,
    char *why_r, size_t why_bytes)
{
	struct shared_store *shared;
	struct store_config store_config = {
		.path = config->record_path, .flow_keep_days = config->flow_keep_secs / DAY_SECS, .flows_max = config->flows_max,
		.peer_keep_days = config->peer_keep_secs / DAY_SECS, .greylist_keep_days = config->greylist_keep_secs / DAY_SECS,
		.peers_max = config->peers_max, .peer_hosts_max = config->peer_hosts_max, .greylist_max = config->greylist_max,
		.peer_settle_days = config->habit_settle_secs / DAY_SECS, .greylist_window_secs = config->greylist_window_secs,
		.clock = config->dns.clock, .changed = changed, .readers_max = config->store_readers,
	};

	if (why_bytes != 0)
		why_r[0] = '\0';
	if (config->record_path == NULL)
		return NULL;
	if (previous != NULL && config_section_equal(previous->config, config, "record") &&
	    previous->config->greylist_window_secs == config->greylist_window_secs) {
		atomic_fetch_add(&previous->references, 1);
		return previous;
	}
	shared = calloc(1, sizeof(*shared));
	if (shared == NULL)
		out_of_memory();
	shared->store = store_open(&store_config, why_r, why_bytes);
	if (shared->store == NULL) {
		free(shared);
		return NULL;
	}
	atomic_init(&shared->references, 1);
	shared->config = config_ref(config);
	shared->rules = (struct peer_rules){
		.min_sessions = config->habit_min_sessions, .min_days = config->habit_min_days,
		.min_share_percent = config->habit_min_share_percent, .settle_days = config->habit_settle_secs / DAY_SECS,
	};
	shared->source = (struct memory_source){ .context = shared, .view = view_peer };
	return shared;
}

void shared_store_unref(struct shared_store **shared)
{
	struct shared_store *old = *shared;

	*shared = NULL;
	if (old == NULL || atomic_fetch_sub(&old->references, 1) > 1)
		return;
	store_close(&old->store);
	config_unref(&old->config);
	free(old);
}

/* ---- greylist ------------------------------------------------------------------------------------ */

static bool is_in_domain(const char *name, const char *domain)
{
	size_t name_length = strlen(name), length = strlen(domain);

	return name_length >= length && strcmp(name + name_length - length, domain) == 0 &&
	    (name_length == length || name[name_length - length - 1] == '.');
}

/* DMARC's alignment; of an author domain without a DMARC record, what relaxed alignment would be. */
static bool is_aligned(const struct results *results)
{
	const char *org = results->dmarc.org_domain;

	if (results->dmarc.result == RESULT_PASS || results->dmarc.spf_aligned || results->dmarc.dkim_aligned)
		return true;
	if (results->dmarc.result != RESULT_NONE || org == NULL)
		return false;
	if (results->spf.result == RESULT_PASS && results->spf.domain != NULL && is_in_domain(results->spf.domain, org))
		return true;
	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		if (dkim_result_counts(dkim) && dkim->domain != NULL && is_in_domain(dkim->domain, org))
			return true;
	}
	return false;
}

static bool is_exempt(const struct message *message)
{
	const struct config *config = message->config;
	const struct results *results = message->results;

	for (size_t i = 0; i < config->greylist_exempt_networks.count; i++) {
		if (network_contains(&config->greylist_exempt_networks.items[i], &message->session->connection.client))
			return true;
	}
	if (results->spf.result == RESULT_PASS && policy_domain_matches(&config->greylist_exempt_domains, results->spf.domain))
		return true;
	return results->iprev.result == RESULT_PASS && policy_domain_matches(&config->greylist_exempt_domains, results->iprev.name);
}

/* Who vouches for the message: the domain that passes SPF, so that a pool of senders waits once; else the network. */
static const char *origin(struct message *message)
{
	const struct results *results = message->results;
	const char *network;

	if (results->spf.result == RESULT_PASS && results->spf.domain != NULL)
		return results->spf.domain;
	network = memory_network_name(message->arena, &message->session->connection.client);
	return network != NULL ? network : "local";
}

unsigned remember_greylist(struct shared_store *shared, struct message *message, struct decision *decision)
{
	struct greylist_rules rules = { message->config->greylist_delay_secs, message->config->greylist_window_secs };
	struct greylist_try try = {
		.time_secs = message->facts.time_secs, .tls = message->results->tls.grade >= TLS_GRADE_OK,
		.aligned = is_aligned(message->results),
	};
	const char *recipient = message->facts.recipient_count != 0 ? message->facts.recipients[0] : "";
	struct greylist_entry entry;
	enum greylist_verdict verdict;
	const char *key;
	unsigned wait_secs;
	int code;

	if (decision->action != ACTION_GREYLIST)
		return 0;
	if (shared == NULL || is_exempt(message)) {
		decision->action = ACTION_NONE;
		return 0;
	}
	key = greylist_key(message->arena, origin(message), message->facts.mail_from, recipient);
	if (store_is_opening(shared->store)) {	/* who has waited is not known yet, and it is not for long */
		(void)store_greylist_note(shared->store, key, message->facts.time_secs, false);
		return 0;
	}
	code = store_greylist_get(shared->store, key, &entry);
	if (code != 0 && code != -E_ABSENT) {
		decision->action = ACTION_NONE;
		return 0;
	}
	verdict = greylist_judge(code == 0 ? &entry : NULL, &try, &rules, &wait_secs);
	/* in dry-run too: that is how it is measured how many come back. A try that cannot be remembered must not wait */
	code = store_greylist_note(shared->store, key, message->facts.time_secs, verdict == GREYLIST_PASS);
	if (verdict != GREYLIST_PASS && code == 0 && store_is_up(shared->store))
		return wait_secs;
	decision->action = ACTION_NONE;
	return 0;
}

/* ---- what is noted ------------------------------------------------------------------------------- */

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

/* For people and SQL; what a policy looks at is in the evidence. */
static const char *results_text(const struct message *message)
{
	const struct results *results = message->results;

	return arena_printf(message->arena, "spf=%s dkim=%s dmarc=%s adsp=%s iprev=%s", word(results->spf.result),
	    dkim_word(results), word(results->dmarc.result), word(results->adsp.result), word(results->iprev.result));
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
		.downgraded = results->peer.downgrade, .host_only = results->peer.settled_host,
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
	};

	finding_set findings = weighed_findings(results);

	/* an exempt message was not judged, unless its authentication was found wanting */
	if (shared == NULL || (results->exempt && finding_set_is_empty(&findings)))
		return;
	(void)facts_bytes(&message->facts, &note.bytes);	/* at least so many */
	note.findings = findings_text(message->arena, &findings);
	note.results = results_text(message);
	note.evidence = evidence_write(evidence, message->arena);
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
