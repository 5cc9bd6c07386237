/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a judged message adds to the aggregate reports of its author domains (RFC 9990), where their records ask for some by mail.
 * Rejected messages too; exempt ones were not judged and are in no report.
 *
 * The disposition says what has become of the message: "pass" or "none" when DMARC passes, whatever else spoke against it; when DMARC
 * fails, what was carried out, so in dry-run "none". Where that is not what was published there is a reason.
 *
 * A loop: each report is mail, and would be told in the next report to whoever sent it, for ever. A message that passes DMARC and has
 * the subject of a report is therefore not noted, in whatever letters: not all who report write it as the RFC does. What fails is
 * always noted, so nobody hides a forgery behind a subject.
 * Thread: the message's. Cannot fail: the store drops.
 */
#include <string.h>
#include <strings.h>

#include "action/overridden.h"
#include "check/dmarc/feedback.h"
#include "check/dmarc/uri.h"
#include "pipeline/internal.h"
#include "pipeline/remember.h"
#include "util/buf.h"

enum { RUA_MAX_BYTES = 1024 };	/* of a rua that is noted; a record of 16 KiB for each subdomain would fill the disk */

static bool is_report(const struct message *message)
{
	static const char *const words[] = { "Report", "Domain:" };
	const struct header_field *subject = facts_field(&message->facts, "Subject");
	const char *p;

	if (subject == NULL)
		return false;
	p = subject->value;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		p += strspn(p, " \t\r\n");
		if (strncasecmp(p, words[i], strlen(words[i])) != 0)
			return false;
		p += strlen(words[i]);
	}
	return *p == ' ' || *p == '\t' || *p == '\r' || *p == '\n';
}

/* What matters most first (RFC 9990 section 3.1.3): aligned passes, other passes, the rest. */
static int rank(const struct dkim_result *dkim, const struct dmarc_result *dmarc)
{
	if (dkim->result != RESULT_PASS)
		return 3;
	if (strcmp(dkim->domain, dmarc->domain) == 0)
		return 0;
	return dmarc->org_domain != NULL && domain_is_within(dkim->domain, dmarc->org_domain) ? 1 : 2;
}

static bool has_signature(const struct feedback_row *row, const struct feedback_signature *signature)
{
	for (size_t i = 0; i < row->signature_count; i++)
		if (row->signatures[i].result == signature->result && strcmp(row->signatures[i].domain, signature->domain) == 0 &&
		    strcmp(row->signatures[i].selector, signature->selector) == 0)
			return true;
	return false;
}

/* One whose domain or selector cannot be read was tried by nobody. */
static void add_signatures(struct message *message, const struct dmarc_result *dmarc, struct feedback_row *row)
{
	const struct results *results = message->results;
	struct feedback_signature *signatures = arena_calloc(message->arena, results->dkim_count + 1, sizeof(*signatures));

	row->signatures = signatures;
	for (int wanted = 0; wanted <= 3; wanted++) {
		for (size_t i = 0; i < results->dkim_count; i++) {
			const struct dkim_result *dkim = &results->dkim[i];
			const struct feedback_signature signature = { dkim->domain, dkim->selector, dkim->result };

			if (dkim->domain == NULL || dkim->selector == NULL || result_name(dkim->result) == NULL ||
			    rank(dkim, dmarc) != wanted || has_signature(row, &signature))
				continue;
			signatures[row->signature_count++] = signature;
		}
	}
}

static enum feedback_disposition carried_out(const struct decision *decision)
{
	if (!decision->enforced)
		return FEEDBACK_NONE;
	return decision->action == ACTION_REJECT ? FEEDBACK_REJECT : decision->action == ACTION_QUARANTINE ? FEEDBACK_QUARANTINE :
	    FEEDBACK_NONE;
}

static enum feedback_disposition disposition_of(enum dmarc_policy policy)
{
	return policy == DMARC_POLICY_REJECT ? FEEDBACK_REJECT : policy == DMARC_POLICY_QUARANTINE ? FEEDBACK_QUARANTINE : FEEDBACK_NONE;
}

/* The policy at hand, and what it made of the message. */
static const char *local_comment(struct arena *arena, const struct decision *decision)
{
	const char *policy = decision->policy != NULL ? decision->policy : "none";

	if (decision->action == ACTION_NONE || decision->finding >= FINDING_COUNT)
		return arena_printf(arena, "policy %s asks for nothing", policy);
	return arena_printf(arena, "%spolicy %s: %s for %s", decision->enforced ? "" : "dry-run, not carried out: ", policy,
	    action_name(decision->action), findings_table[decision->finding].name);
}

/* "arc=pass as[2].d=lists.example as[2].s=sel as[1].d=…", the newest first; cut where a comment ends. */
static const char *seals_comment(struct arena *arena, const struct arc_result *arc)
{
	struct buf comment = buf_make(arena);

	buf_printf(&comment, "arc=pass");
	for (size_t i = arc->set_count; i-- > 0 && comment.length < FEEDBACK_COMMENT_MAX;)
		buf_printf(&comment, " as[%zu].d=%s as[%zu].s=%s", i + 1, arc->sets[i].sealer, i + 1, arc->sets[i].selector);
	return comment.data;
}

/* DMARC did not pass: what was done, and why that is not what was published. */
static void explain_failure(struct message *message, const struct dmarc_result *dmarc, const struct decision *decision,
    struct feedback_row *row)
{
	enum dmarc_forwarder forwarder = message->results->dmarc_forwarder;
	const struct dmarc_override *override = policy_honoured(message->config, decision->policy, dmarc);

	row->disposition = carried_out(decision);
	if (row->disposition == disposition_of(dmarc->policy))
		return;
	row->reason = FEEDBACK_LOCAL_POLICY;
	row->comment = local_comment(message->arena, decision);
	/* what lets mail in is no reason to do more than was asked for */
	if (row->disposition > disposition_of(dmarc->policy))
		return;
	if (dmarc->result != RESULT_FAIL) {
		row->reason = FEEDBACK_OTHER;
		row->comment = dmarc->result == RESULT_PASS ? "several From fields" :
		    dmarc->result == RESULT_TEMPERROR ? "a DNS answer was missing, so alignment is not known" :
		    "not all that DMARC needs could be checked";
	} else if (dmarc->testing && row->disposition == disposition_of(dmarc->disposition)) {
		row->reason = FEEDBACK_POLICY_TEST_MODE;
		row->comment = "";
	} else if (override != NULL) {
		row->reason = overridden_reason(override->kind);
		/* RFC 8617 section 7.2.2: the sealers in the comment */
		row->comment = override->kind == OVERRIDE_SEALER ? seals_comment(message->arena, &message->results->arc) : override->why;
	} else if (forwarder == DMARC_FORWARDER_TRUSTED && decision->enforced) {
		row->reason = FEEDBACK_TRUSTED_FORWARDER;
	} else if (forwarder == DMARC_FORWARDER_SIGN && decision->enforced) {
		row->reason = FEEDBACK_MAILING_LIST;
	}
}

/* The rua as it was published; of one that is too long the addresses that can be mailed to, as many as fit. */
static const char *rua_text(struct arena *arena, const char *rua, const struct dmarc_uris *uris)
{
	struct buf list = buf_make(arena);

	if (strlen(rua) <= RUA_MAX_BYTES)
		return rua;
	for (size_t i = 0; i < uris->count; i++)
		if (list.length + strlen(",mailto:") + strlen(uris->addresses[i].address) <= RUA_MAX_BYTES)
			buf_printf(&list, "%smailto:%s", list.length != 0 ? "," : "", uris->addresses[i].address);
	return list.data;
}

static void note_author(struct shared_store *shared, struct message *message, const struct dmarc_result *dmarc,
    const struct dmarc_uris *uris, const struct decision *decision)
{
	const struct results *results = message->results;
	char source[ADDR_TEXT_BYTES];
	/* of a repeated From field nothing is aligned (RFC 9989 section 4.4), whatever signed one of them */
	bool may_align = message->author.field_count <= 1;
	struct feedback_policy policy = feedback_policy_of(dmarc->record, message->config->dmarc_method == ORG_DOMAIN_PSL, message->arena);
	struct feedback_row row = {
		.source_ip = addr_format(&message->session->connection.client, source), .header_from = dmarc->domain,
		.envelope_from = message->facts.mail_from != NULL && message->facts.mail_from[0] == '\0' ? "" : message->facts.mail_from_domain,
		.dkim_aligned = dmarc->dkim_aligned && may_align, .spf_aligned = dmarc->spf_aligned && may_align,
		.spf_domain = results->spf.domain, .spf = results->spf.result, .comment = "",
	};
	struct dmarc_note note = { .time_secs = message->facts.time_secs, .domain = dmarc->policy_domain,
		.rua = rua_text(message->arena, dmarc->rua, uris), .queue_id = message->facts.queue_id };

	if (dmarc->result == RESULT_PASS && may_align)
		row.disposition = dmarc->policy != DMARC_POLICY_NONE ? FEEDBACK_PASS : FEEDBACK_NONE;
	else
		explain_failure(message, dmarc, decision, &row);
	add_signatures(message, dmarc, &row);
	note.policy = feedback_policy_write(message->arena, &policy);
	note.row = feedback_row_write(message->arena, &row);
	store_dmarc_note(shared->store, &note);
}

void remember_feedback(struct shared_store *shared, struct message *message, const struct decision *decision)
{
	const struct results *results = message->results;
	struct dmarc_uris uris;

	/* without a From field (author.c) there is no author to tell anybody of */
	if (shared == NULL || !message->config->dmarc_aggregate || !message->judged_whole || results->exempt ||
	    message->author.status == AUTHOR_MISSING ||
	    message->session->connection.client.family == AF_UNSPEC || (results->dmarc.result == RESULT_PASS && is_report(message)))
		return;
	for (size_t i = 0; i < results->dmarc_author_count; i++) {
		const struct dmarc_result *dmarc = &results->dmarc_authors[i];

		/* permerror with a policy: DMARC could not be judged as it should; without: nothing is known of it */
		if (!dmarc->has_policy || dmarc->record == NULL || dmarc->rua == NULL || dmarc->policy_domain == NULL)
			continue;
		dmarc_uri_list_read(message->arena, dmarc->rua, &uris);
		if (uris.count != 0)
			note_author(shared, message, dmarc, &uris, decision);
	}
}
