/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does a section `override "name" { }` hold for a message that fails DMARC? Only what others have proven counts: the client's
 * address, its forward-confirmed name, an SPF pass, a DKIM pass that counts. What the sender writes (From, List-Id) only ever takes
 * messages away from a section. All that the section asks for has to hold; evidence that did not come, of a name that the section
 * has, leaves it open: neither a pass nor a reason to refuse for good.
 * Thread: the message's. Trusts the results of iprev, spf and dkim; nothing of the header. No look-ups.
 */
#include "check/dmarc/judgement.h"
#include "util/buf.h"
#include "util/domain.h"

enum { BY_MAX = 180 };	/* of a name in the log, where the words in full have no room */

enum holds { HOLDS_NOT, HOLDS_PERHAPS, HOLDS };

/* Of one condition, the best there is. */
struct proof {
	enum holds holds;
	const char *what, *whose;	/* "spf" "lists.example" */
	enum dns_security dnssec;
};

static void consider(struct proof *best, enum holds holds, const char *what, const char *whose, enum dns_security dnssec)
{
	if (holds > best->holds || (holds == HOLDS && best->holds == HOLDS && dnssec < best->dnssec))
		*best = (struct proof){ holds, what, whose, dnssec };
}

static struct proof by_network(const struct check_context *context, const struct override_config *section)
{
	const struct ip_addr *client = &context->facts->connection->client;
	struct proof proof = { HOLDS_NOT, NULL, NULL, DNS_INDETERMINATE };
	char text[ADDR_TEXT_BYTES];

	for (size_t i = 0; client->family != AF_UNSPEC && i < section->client_networks.count; i++)
		if (network_contains(&section->client_networks.items[i], client))	/* no DNS that could be false */
			consider(&proof, HOLDS, "client", arena_strdup(context->arena, addr_format(client, text)), DNS_SECURE);
	return proof;
}

static struct proof by_name(const struct check_context *context, const struct override_config *section)
{
	const struct iprev_result *iprev = &context->results->iprev;
	struct proof proof = { HOLDS_NOT, NULL, NULL, DNS_INDETERMINATE };

	if (iprev->result == RESULT_PASS && domain_set_has(section->client_names.set, iprev->name))
		consider(&proof, HOLDS, "client name", iprev->name, iprev->dnssec);
	else if (iprev->result == RESULT_TEMPERROR)
		consider(&proof, HOLDS_PERHAPS, "client name", NULL, iprev->dnssec);
	return proof;
}

/* @param proof  of the same condition, from SPF; what is better stays. */
static void by_dkim(const struct results *results, const struct domain_set *domains, bool secure, struct proof *proof)
{
	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		if (dkim->domain == NULL || !domain_set_has(domains, dkim->domain))
			continue;
		if (dkim_result_counts(dkim) && (!secure || dkim->dnssec == DNS_SECURE))
			consider(proof, HOLDS, "DKIM", dkim->domain, dkim->dnssec);
		else if (dkim->result == RESULT_TEMPERROR && dkim->added_field == NULL)
			consider(proof, HOLDS_PERHAPS, "DKIM", dkim->domain, dkim->dnssec);
	}
}

static void by_spf(const struct results *results, const struct domain_set *domains, bool secure, struct proof *proof)
{
	const struct spf_result *spf = &results->spf;

	if (spf->domain == NULL || !domain_set_has(domains, spf->domain))
		return;
	if (spf->result == RESULT_PASS && (!secure || spf->dnssec == DNS_SECURE))
		consider(proof, HOLDS, "SPF", spf->domain, spf->dnssec);
	else if (spf->result == RESULT_TEMPERROR)
		consider(proof, HOLDS_PERHAPS, "SPF", spf->domain, spf->dnssec);
}

/* What all conditions so far come to. */
struct sum {
	struct arena *arena;
	const struct override_config *section;
	enum holds holds;
	enum dns_security dnssec;
	struct buf why;
	const char *by;
};

static void add(struct sum *sum, const struct proof *proof)
{
	enum holds holds = proof->holds;

	if (holds == HOLDS && sum->section->secure && proof->dnssec != DNS_SECURE)
		holds = HOLDS_NOT;
	if (holds < sum->holds)
		sum->holds = holds;
	if (holds == HOLDS_NOT)
		return;
	sum->dnssec = dns_weakest(sum->dnssec, proof->dnssec);
	if (proof->whose == NULL) {
		buf_printf(&sum->why, "%s %s", sum->why.length != 0 ? "," : "", proof->what);
		return;
	}
	buf_printf(&sum->why, "%s %s %s", sum->why.length != 0 ? "," : "", proof->what, proof->whose);
	if (sum->by == NULL)
		sum->by = arena_printf(sum->arena, "%s:%.*s", sum->section->name, BY_MAX, proof->whose);
}

static void add_domains(struct sum *sum, const struct results *results, const struct domain_list *domains, bool spf_too)
{
	struct proof proof = { HOLDS_NOT, NULL, NULL, DNS_INDETERMINATE };

	if (domains->count == 0)
		return;
	by_dkim(results, domains->set, sum->section->secure, &proof);
	if (spf_too)
		by_spf(results, domains->set, sum->section->secure, &proof);
	add(sum, &proof);
}

static bool is_meant(const struct check_context *context, const struct override_config *section, const char *author)
{
	if (section->author_domains.count != 0 && !domain_set_has(section->author_domains.set, author))
		return false;
	return !section->list_id || facts_field(context->facts, "List-Id") != NULL;
}

bool dmarc_section_override(const struct check_context *context, const struct override_config *section, const char *author,
    struct dmarc_override *override_r)
{
	struct sum sum = { .arena = context->arena, .section = section, .holds = HOLDS, .dnssec = DNS_SECURE,
		.why = buf_make(context->arena) };
	struct proof proof;

	if (!is_meant(context, section, author))
		return false;
	add_domains(&sum, context->results, &section->dkim_domains, false);
	add_domains(&sum, context->results, &section->authenticated_domains, true);
	if (section->client_names.count != 0) {
		proof = by_name(context, section);
		add(&sum, &proof);
	}
	if (section->client_networks.count != 0) {
		proof = by_network(context, section);
		add(&sum, &proof);
	}
	if (sum.holds == HOLDS_NOT || sum.why.length == 0)	/* without any evidence nothing holds, whatever the loader let through */
		return false;
	*override_r = (struct dmarc_override){ .name = section->name, .kind = section->kind, .dnssec = sum.dnssec,
		.unknown = sum.holds == HOLDS_PERHAPS, .by = sum.by != NULL ? sum.by : section->name,
		.why = arena_printf(context->arena, "%s %s:%s", words_of(override_kind_words, (int)section->kind), section->name, sum.why.data) };
	return true;
}
