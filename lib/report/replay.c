/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a recorded row back into evidence. Trusts the store for nothing but termination of strings; what a row does not say is
 * lacking, and policy_replay() knows what that means. Cannot fail. Thread: one.
 */
#include "report/replay.h"

#include <string.h>

#include "policy/evidence_text.h"
#include "util/arena.h"

/* ---- rows without evidence --------------------------------------------------------------------------------------- */

/* A word of the row's results, "name=value" or "name": a copy of the value; NULL when it is not there. */
static const char *row_result(struct arena *arena, const struct flow_row *row, const char *name)
{
	size_t length = strlen(name);

	for (const char *word = row->results; *word != '\0'; word += strspn(word, " ")) {
		size_t word_length = strcspn(word, " ");
		bool has_value = word_length > length && word[length] == '=';

		if (strncmp(word, name, length) == 0 && (has_value || word_length == length))
			return arena_strndup(arena, word + length + has_value, word_length - length - has_value);
		word += word_length;
	}
	return NULL;
}

static bool list_has(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (; list != NULL && *list != '\0'; list += strcspn(list, ","), list += *list == ',') {
		if (strncmp(list, name, length) == 0 && (list[length] == ',' || list[length] == '\0'))
			return true;
	}
	return false;
}

static bool is_result(const char *word, const char *result)
{
	return word != NULL && strcmp(word, result) == 0;
}

static void old_findings(struct arena *arena, const struct flow_row *row, struct evidence *evidence)
{
	const char *secure = row_result(arena, row, "secure");

	evidence->findings = arena_calloc(arena, FINDING_COUNT, sizeof(*evidence->findings));
	if (list_has(row->findings, findings_table[FINDING_DMARC_OVERRIDDEN].name))
		evidence->lacks |= EVIDENCE_LACKS_OVERRIDES;
	for (int id = 0; id < FINDING_COUNT; id++) {
		const char *name = findings_table[id].name;

		if (list_has(row->findings, name))
			evidence->findings[evidence->finding_count++] = (struct evidence_finding){ .id = (enum finding_id)id,
				.secure = !finding_is((enum finding_id)id, TRAIT_DNS) || list_has(secure, name) };
	}
}

/* "verified/client-name": of the names inside nothing was recorded. */
static void old_cert(struct arena *arena, const struct flow_row *row, struct evidence *evidence)
{
	const char *cert = row_result(arena, row, "cert"), *match = cert != NULL ? strchr(cert, '/') : NULL;
	size_t length = match != NULL ? (size_t)(match - cert) : cert != NULL ? strlen(cert) : 0;

	for (int status = CERT_NONE; status <= CERT_VERIFIED && cert != NULL; status++) {
		const char *name = cert_status_name((enum cert_status)status);

		if (strlen(name) == length && strncmp(cert, name, length) == 0)
			evidence->cert.status = (enum cert_status)status;
	}
	evidence->cert.match = match != NULL ? match + 1 : NULL;
	evidence->cert.tlsa_unknown = row_result(arena, row, "tlsa") != NULL;	/* recorded only then */
}

/* The first author domain was recorded; these findings tell that it may not have been the only one. */
static void old_authors(struct arena *arena, const struct flow_row *row, struct evidence *evidence)
{
	static const enum finding_id several[] = { FINDING_FROM_MULTIPLE, FINDING_FROM_INVALID, FINDING_FROM_MISSING, FINDING_LIMIT_EXCEEDED };
	struct evidence_author *author = arena_calloc(arena, 1, sizeof(*author));

	for (size_t i = 0; i < sizeof(several) / sizeof(several[0]); i++) {
		if (list_has(row->findings, findings_table[several[i]].name))
			evidence->lacks |= EVIDENCE_LACKS_AUTHORS;
	}
	evidence->authors = author;
	evidence->author_count = row->author_domain[0] != '\0';
	if (evidence->author_count == 0)
		evidence->lacks |= EVIDENCE_LACKS_AUTHORS;
	author->domain = row->author_domain;
	/* that DMARC passed is not said: on secure data or not, nobody knows, and the SPF or DKIM pass below it lacks as much */
	author->dmarc = RESULT_UNCHECKED;
}

/*
 * The words of a row that was made before evidence was recorded. Not weighed, for then nothing could ever be told: that with those
 * who were refused at RCPT there would have been more recipients than max-recipients.
 */
static void old_row(struct arena *arena, const struct flow_row *row, struct evidence *evidence_r)
{
	const char *dkim = row_result(arena, row, "dkim");

	*evidence_r = (struct evidence){ .stage = FINDING_STAGE_MESSAGE, .client.addr.family = AF_UNSPEC,
		.lacks = EVIDENCE_LACKS_RECIPIENTS | EVIDENCE_LACKS_CERT | EVIDENCE_LACKS_MAILBOXES | EVIDENCE_LACKS_ENVELOPE |
		    EVIDENCE_LACKS_CLIENT_NAME | EVIDENCE_LACKS_LISTENER | EVIDENCE_LACKS_AUTH };
	old_findings(arena, row, evidence_r);
	old_cert(arena, row, evidence_r);
	old_authors(arena, row, evidence_r);
	if (is_result(row_result(arena, row, "spf"), "pass"))
		evidence_r->lacks |= EVIDENCE_LACKS_SPF;
	if (is_result(dkim, "pass"))
		evidence_r->lacks |= EVIDENCE_LACKS_SIGNATURES;
	if (list_has(row->findings, findings_table[FINDING_DNS_UNAVAILABLE].name))
		evidence_r->lacks |= EVIDENCE_LACKS_PRESSURE;
	/* enforced before any signature was looked at: perhaps at RCPT, where all that follows was not seen */
	if (row->enforced && is_result(dkim, "-") && (is_result(row->action, "defer") || is_result(row->action, "reject")))
		evidence_r->stage = FINDING_STAGE_ENVELOPE;
	evidence_r->exempt = row_result(arena, row, "exempt") != NULL;
	evidence_r->tls_not_required = is_result(row_result(arena, row, "tls-required"), "no");	/* recorded where it counted */
	if (network_parse(row->client_network, &evidence_r->client) != 0)
		evidence_r->client.addr.family = AF_UNSPEC;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* Names of findings that are not known here are left out. @return false: there are such. */
static bool row_findings(struct arena *arena, const struct flow_row *row, finding_set *set_r)
{
	bool all_known = true;

	*set_r = (finding_set){ 0 };
	for (const char *names = row->findings; *names != '\0';) {
		size_t length = strcspn(names, ",");
		enum finding_id id;

		if (finding_from_name(arena_strndup(arena, names, length), &id) == 0)
			finding_set_add(set_r, id);
		else
			all_known = all_known && length == 0;
		names += length + (names[length] == ',');
	}
	return all_known;
}

/* Every author signed himself: then no practice of ADSP is broken (RFC 5617 section 5.4). */
static bool authors_signed(const struct replay_past *past)
{
	const struct evidence *evidence = &past->evidence;

	for (size_t i = 0; i < evidence->author_count; i++) {
		size_t pass = 0;

		while (pass < evidence->pass_count && strcmp(evidence->passes[pass].domain, evidence->authors[i].domain) != 0)
			pass++;
		if (pass == evidence->pass_count)
			return false;
	}
	return evidence->author_count != 0 && !evidence->authors_unknown && !finding_set_has(&past->findings, FINDING_DKIM_FIELD_ADDED) &&
	    (evidence->lacks & EVIDENCE_LACKS_AUTHORS) == 0;
}

/*
 * A check that was off leaves "-" for its result: what it would have found is not known, unless
 * it is off now as well. Without an address two have no say.
 */
static void unlooked_findings(const struct config *config, const struct flow_row *row, struct arena *arena, struct replay_past *past)
{
	bool off[CHECK_RAISERS] = { false };

	for (int check = 0; check < CHECK_COUNT; check++)
		off[check] = is_result(row_result(arena, row, check_rows[check].name), "-");
	off[CHECK_CORROBORATE] = off[CHECK_DMARC];	/* it works on what that finds */
	off[CHECK_ADSP] = off[CHECK_ADSP] && !authors_signed(past);
	if (past->evidence.client.addr.family == AF_UNSPEC)
		off[CHECK_SPF] = off[CHECK_IPREV] = false;
	for (int id = 0; id < FINDING_COUNT; id++)
		if (off[findings_table[id].check] && (check_rows[findings_table[id].check].is_off == NULL ||
		    !check_rows[findings_table[id].check].is_off(config)))
			finding_set_add(&past->evidence.unlooked, (enum finding_id)id);
}

void replay_read(const struct config *config, const struct flow_row *row, struct arena *arena, struct replay_past *past_r)
{
	bool all_known;

	*past_r = (struct replay_past){ .old = row->evidence[0] == '\0' };
	if (row->other) {
		past_r->evidence.lacks = EVIDENCE_LACKS_ALL;
		return;
	}
	all_known = row_findings(arena, row, &past_r->findings);
	if (!past_r->old)
		(void)evidence_read(row->evidence, arena, &past_r->evidence);	/* what fails lacks sense */
	else
		old_row(arena, row, &past_r->evidence);
	if (past_r->old && !all_known)
		past_r->evidence.lacks |= EVIDENCE_LACKS_FINDINGS;
	unlooked_findings(config, row, arena, past_r);
}
