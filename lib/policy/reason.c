/* SPDX-License-Identifier: BSD-2-Clause */
/* The reasons of a decision, see reason.h. Trusts the evidence for nothing but its enums; its names are cleaned on their way out. */
#include "policy/reason.h"

#include <string.h>

#include "policy/internal.h"
#include "policy/match.h"
#include "util/buf.h"
#include "util/clean.h"
#include "util/domain.h"

enum { NAME_SHOWN_MAX = 255 };

static void put_match(struct buf *buf, const char *what, const char *name, struct arena *arena)
{
	buf_printf(buf, "%s%s", buf->length != 0 ? ", " : "", what);
	if (name != NULL)
		buf_printf(buf, " %s", clean_word(arena, name, NAME_SHOWN_MAX));
}

/* Which of several names it is that an option holds; NULL: none that is known. */
static const char *matching_name(const struct policy_config *policy, const struct evidence *evidence, const char *option)
{
	for (size_t i = 0; strcmp(option, "recipient-domains") == 0 && i < evidence->recipient_count; i++) {
		const char *domain = evidence->recipients[i].domain;

		if (domain != NULL && domain_set_has(policy->recipient_domains.set, domain))
			return domain;
	}
	for (size_t i = 0; strcmp(option, "author-domains") == 0 && i < evidence->author_count; i++) {
		if (domain_set_has(policy->author_domains.set, evidence->authors[i].domain))
			return evidence->authors[i].domain;
	}
	if (strcmp(option, "client-names") == 0)
		return evidence->client_name;
	if (strcmp(option, "envelope-domains") == 0)
		return evidence->null_sender ? "<>" : evidence->envelope_domain;
	return strcmp(option, "listeners") == 0 ? evidence->listener : NULL;
}

static void match_session(struct buf *buf, const struct policy_config *policy, const char *option, const struct evidence *evidence,
    struct arena *arena)
{
	char client[ADDR_TEXT_BYTES];

	if (strcmp(option, "authenticated") == 0)
		put_match(buf, policy->authenticated == AUTHENTICATED_YES ? "a client that has authenticated" :
		    "a client that has not authenticated", NULL, arena);
	else if (evidence->client.addr.family != AF_UNSPEC)
		put_match(buf, "client", addr_format(&evidence->client.addr, client), arena);
	else
		put_match(buf, "a client that is not known", NULL, arena);
}

/* By which of its conditions; what holds for want of knowledge is told as that. */
static const char *match_text(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	static const struct { const char *option, *what, *unknown; } texts[] = {
		{ "recipient-domains", "recipient", "a recipient here, or one whose domain is not known" },
		{ "recipients", NULL, "a recipient by his mailbox" }, { "author-domains", "author", "an author that is not known" },
		{ "envelope-domains", "envelope domain", "an envelope domain that is not known" }, { "client-networks", NULL, NULL },
		{ "client-names", "client name", "a client name that is not known" }, { "listeners", "listener", "a listener without a name" },
		{ "authenticated", NULL, NULL },
	};
	struct buf buf = buf_make(arena);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct condition *condition = match_condition_find(texts[i].option);
		const char *name = matching_name(policy, evidence, texts[i].option);

		if (!condition->is_set(policy))
			continue;
		if (texts[i].unknown == NULL)
			match_session(&buf, policy, texts[i].option, evidence, arena);
		else if (evidence->stage == FINDING_STAGE_ENVELOPE && strcmp(texts[i].option, "author-domains") == 0)
			put_match(&buf, "an author that is not known yet", NULL, arena);
		else
			put_match(&buf, name != NULL ? texts[i].what : texts[i].unknown, name, arena);
	}
	return buf.length != 0 ? buf.data : "all mail that no policy before it takes";
}

enum action policy_asked_for(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id,
    enum asked_why *why_r)
{
	/* raised by the policies themselves, which ask for it on data that counts as secure */
	const struct evidence_finding own = { .id = id, .secure = true };
	enum action strongest = ACTION_NONE, action;
	const char *domain;
	enum asked_why why;

	*why_r = ASKED_AS_SET;
	for (size_t i = 0; i < evidence->finding_count; i++) {
		if (evidence->findings[i].id != id || !policy_takes(policy, evidence, &evidence->findings[i]))
			continue;
		action = policy_asked_action(policy, evidence, &evidence->findings[i], false, &why);
		if (action > strongest || (action == ACTION_NONE && strongest == ACTION_NONE)) {
			strongest = action;
			*why_r = why;
		}
	}
	for (size_t i = 0; i < evidence->waivable_count && policy_counts(policy, evidence, id); i++) {
		const struct evidence_finding *finding = policy_waive(policy, &evidence->waivable[i]);

		action = finding->id == id ? policy_asked_action(policy, evidence, finding, false, &why) : ACTION_NONE;
		if (finding->id != id && evidence->waivable[i].as_is.id != id)
			continue;
		if (action > strongest || (action == ACTION_NONE && strongest == ACTION_NONE)) {
			strongest = action;
			*why_r = finding->id == id ? why : ASKED_OVERRIDDEN;
		}
	}
	if ((id == FINDING_TLS_CERT_REQUIRED && policy_counts(policy, evidence, id) && require_cert_lacking(policy, evidence) == TRUTH_YES) ||
	    (id == FINDING_INSECURE_PASS && require_insecure_pass(policy, evidence, &domain) == TRUTH_YES))
		strongest = policy_asked_action(policy, evidence, &own, false, why_r);
	return strongest;
}

static const char *rule_text(const struct policy_config *policy, const struct evidence *evidence, const struct decision *decision,
    struct arena *arena)
{
	static const char *const instead[] = {
		[ASKED_DNS_OUTAGE] = "; dns-outage defers it: what could not be looked for would be refused",
		[ASKED_TLS_NOT_REQUIRED] = "; the message says TLS-Required: No",
		[ASKED_ONLY_SECURE] = "; reject-only-secure: what it stands on is not secured by DNSSEC",
		[ASKED_TLSA_UNKNOWN] = "; the client's TLSA record could not be read, so it is deferred",
		[ASKED_BEFORE_FLAG_DAY] = "; its ramp begins later (from)",
		[ASKED_OUTSIDE_SHARE] = "; its ramp's share leaves these domains out",
		[ASKED_BRAKED] = "; a brake is on it (assay brakes)",
		[ASKED_OVERRIDE_UNKNOWN] = "; an override may hold, its evidence could not be read, so it is deferred",
		[ASKED_OVERRIDDEN] = "; an override holds", [ASKED_AS_SET] = "",
	};
	enum asked_why why;

	if (decision->finding >= FINDING_COUNT)
		return NULL;
	(void)policy_asked_for(policy, evidence, decision->finding, &why);
	return arena_printf(arena, "%s = %s%s", findings_table[decision->finding].name, action_name(policy->actions[decision->finding]),
	    instead[why]);
}

size_t policy_reasons(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    struct policy_reason *reasons_r)
{
	unsigned char *marks = arena_alloc(arena, set->count);
	size_t count = 0;

	policy_select(set, evidence, marks);
	for (size_t i = 0; i < set->count; i++) {
		struct policy_reason *reason = &reasons_r[count];

		if (marks[i] == POLICY_OUT)
			continue;
		*reason = (struct policy_reason){ .policy = &set->policies[i], .sure = marks[i] == POLICY_IN };
		reason->match = match_text(reason->policy, evidence, arena);
		policy_decide(reason->policy, evidence, &reason->decision);
		reason->rule = rule_text(reason->policy, evidence, &reason->decision, arena);
		count++;
	}
	return count;
}
