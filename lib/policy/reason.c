/* SPDX-License-Identifier: BSD-2-Clause */
/* The reasons of a decision, see reason.h. Trusts the evidence for nothing but its enums; its names are cleaned on their way out. */
#include "policy/reason.h"

#include <string.h>

#include "policy/internal.h"
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

static void match_recipients(struct buf *buf, const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	for (size_t i = 0; i < evidence->recipient_count; i++) {
		const struct recipient_place *place = &evidence->recipients[i];

		if (place->domain != NULL && domain_set_has(policy->recipient_domains.set, place->domain)) {
			put_match(buf, "recipient", place->domain, arena);
			return;
		}
	}
	put_match(buf, "a recipient here, or one whose domain is not known", NULL, arena);
}

static void match_authors(struct buf *buf, const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	for (size_t i = 0; i < evidence->author_count; i++) {
		if (domain_set_has(policy->author_domains.set, evidence->authors[i].domain)) {
			put_match(buf, "author", evidence->authors[i].domain, arena);
			return;
		}
	}
	put_match(buf, "an author that is not known", NULL, arena);
}

static const char *match_text(const struct policy_config *policy, const struct evidence *evidence, struct arena *arena)
{
	char client[ADDR_TEXT_BYTES];
	struct buf buf = buf_make(arena);

	if (policy->recipient_domains.count != 0)
		match_recipients(&buf, policy, evidence, arena);
	if (policy->author_domains.count != 0)
		match_authors(&buf, policy, evidence, arena);
	if (policy->client_networks.count != 0 && evidence->client.addr.family != AF_UNSPEC)
		put_match(&buf, "client", addr_format(&evidence->client.addr, client), arena);
	else if (policy->client_networks.count != 0)
		put_match(&buf, "a client that is not known", NULL, arena);
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
		if (evidence->findings[i].id != id || !policy_counts(policy, evidence, id))
			continue;
		action = policy_asked_action(policy, evidence, &evidence->findings[i], false, &why);
		if (action > strongest || (action == ACTION_NONE && strongest == ACTION_NONE)) {
			strongest = action;
			*why_r = why;
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
		[ASKED_AS_SET] = "",
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
