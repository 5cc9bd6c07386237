/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts and results → evidence. Keeps what a decision can hang on and no more: findings that weigh the same are one, recipients
 * in the same place are one. Pure; cannot fail. Trusts the results' enums, and of the facts nothing but that strings end.
 * Thread: the message's.
 */
#include "policy/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "check/tls/cert.h"
#include "policy/policy.h"

static int compare_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int compare_places(const void *left, const void *right)
{
	const struct recipient_place *a = left, *b = right;
	int order;

	if (a->where != b->where)
		return a->where < b->where ? -1 : 1;
	order = compare_text(a->domain, b->domain);
	return order != 0 ? order : compare_text(a->mailbox, b->mailbox);
}

size_t evidence_sort_places(struct recipient_place *places, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || compare_places(&places[i], &places[kept - 1]) != 0)
			places[kept++] = places[i];
	}
	return kept;
}

static size_t copy_places(struct arena *arena, const struct recipient_place *places, size_t count, bool unknown,
    const struct recipient_place **set_r)
{
	struct recipient_place *set = arena_calloc(arena, count + 1, sizeof(*set));

	if (count != 0)
		memcpy(set, places, count * sizeof(*set));
	if (unknown)
		set[count++] = (struct recipient_place){ .where = RECIPIENT_UNKNOWN };
	*set_r = set;
	return evidence_sort_places(set, count);
}

static void make_recipients(const struct evidence_input *input, struct arena *arena, struct evidence *evidence)
{
	bool ended_at_rcpt = input->stage == FINDING_STAGE_ENVELOPE && input->refused_count != 0;
	bool unknown = input->recipients_over_cap || (input->recipient_count == 0 && !ended_at_rcpt);

	evidence->recipients_over_cap = input->recipients_over_cap;
	evidence->recipient_count = copy_places(arena, input->recipients, input->recipient_count, unknown, &evidence->recipients);
	evidence->refused_count = copy_places(arena, input->refused, input->refused_count, false, &evidence->refused);
}

static void make_findings(const struct results *results, struct arena *arena, struct evidence *evidence)
{
	const struct finding *least[FINDING_COUNT][2] = { { NULL } };
	size_t count = 0;

	for (size_t i = 0; i < results->finding_count; i++) {
		const struct finding *finding = &results->findings[i];
		bool secure = finding->dnssec == DNS_SECURE || !finding_is(finding->id, TRAIT_DNS);
		const struct finding **kept = &least[finding->id][secure];

		if (results->exempt && !finding_is(finding->id, TRAIT_EXEMPT_TOO))
			continue;	/* never weighed */
		if (finding->waivable || finding->id == FINDING_DMARC_OVERRIDDEN)
			continue;	/* weighed by make_waivable() */
		if (*kept == NULL || compare_text(finding->domain, (*kept)->domain) < 0)
			*kept = finding;
	}
	evidence->findings = arena_calloc(arena, 2 * results->finding_count + 1, sizeof(*evidence->findings));
	for (int id = 0; id < FINDING_COUNT; id++) {
		for (int secure = 0; secure < 2; secure++) {
			if (least[id][secure] != NULL)
				evidence->findings[count++] = (struct evidence_finding){ .id = (enum finding_id)id,
					.secure = secure != 0, .domain = least[id][secure]->domain };
		}
	}
	evidence->finding_count = count;
}

/* ---- overrides --------------------------------------------------------------------------------------------------- */

static int compare_overrides(const void *left, const void *right)
{
	return strcmp(((const struct evidence_override *)left)->name, ((const struct evidence_override *)right)->name);
}

void evidence_set_waivable(struct evidence_waivable *waivable, struct evidence_override *overrides, size_t count)
{
	const struct evidence_finding *finding = &waivable->as_is;

	if (count > 1)
		qsort(overrides, count, sizeof(*overrides), compare_overrides);
	waivable->overrides = overrides;
	waivable->override_count = count;
	waivable->open = *finding;
	waivable->open.override_unknown = true;
	for (int secure = 0; secure < 2; secure++)
		waivable->waived[secure] = (struct evidence_finding){ .id = FINDING_DMARC_OVERRIDDEN, .domain = finding->domain,
			.secure = secure != 0 && finding->secure };
}

static int compare_override_lists(const struct evidence_waivable *a, const struct evidence_waivable *b)
{
	for (size_t i = 0; i < a->override_count && i < b->override_count; i++) {
		const struct evidence_override *x = &a->overrides[i], *y = &b->overrides[i];
		int order = strcmp(x->name, y->name);

		if (order == 0)
			order = ((int)x->unknown - (int)y->unknown) * 2 + (int)x->secure - (int)y->secure;
		if (order != 0)
			return order;
	}
	return a->override_count == b->override_count ? 0 : a->override_count < b->override_count ? -1 : 1;
}

static int compare_waivable(const void *left, const void *right)
{
	const struct evidence_waivable *a = left, *b = right;

	if (a->as_is.id != b->as_is.id)
		return a->as_is.id < b->as_is.id ? -1 : 1;
	if (a->as_is.secure != b->as_is.secure)
		return a->as_is.secure ? 1 : -1;
	return compare_override_lists(a, b);
}

/* Of those that weigh the same, the one with the least domain. */
static size_t join_waivable(struct evidence_waivable *items, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(items, count, sizeof(*items), compare_waivable);
	for (size_t i = 0; i < count; i++) {
		bool same = kept != 0 && compare_waivable(&items[kept - 1], &items[i]) == 0;

		if (!same)
			items[kept++] = items[i];
		else if (compare_text(items[i].as_is.domain, items[kept - 1].as_is.domain) < 0)
			items[kept - 1] = items[i];
	}
	return kept;
}

static void make_waivable(const struct results *results, struct arena *arena, struct evidence *evidence)
{
	size_t count = results->exempt ? 0 : results->waivable_count;
	struct evidence_waivable *items = arena_calloc(arena, count + 1, sizeof(*items));

	for (size_t i = 0; i < count; i++) {
		const struct waivable *from = &results->waivable[i];
		struct evidence_override *overrides = arena_calloc(arena, from->override_count + 1, sizeof(*overrides));

		for (size_t j = 0; j < from->override_count; j++)
			overrides[j] = (struct evidence_override){ .name = from->overrides[j].name, .unknown = from->overrides[j].unknown,
				.secure = from->overrides[j].dnssec == DNS_SECURE && !from->overrides[j].unknown };
		items[i].as_is = (struct evidence_finding){ .id = from->finding.id, .domain = from->finding.domain,
			.secure = from->finding.dnssec == DNS_SECURE };
		evidence_set_waivable(&items[i], overrides, from->override_count);
	}
	evidence->waivable = items;
	evidence->waivable_count = join_waivable(items, count);
}

static bool holds(const struct evidence_waivable *waivable)
{
	for (size_t i = 0; i < waivable->override_count; i++)
		if (!waivable->overrides[i].unknown)
			return true;
	return false;
}

bool evidence_is_overridden(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->waivable_count; i++)
		if (holds(&evidence->waivable[i]))
			return true;
	for (size_t i = 0; i < evidence->finding_count; i++)	/* of a record that does not say what was overridden */
		if (evidence->findings[i].id == FINDING_DMARC_OVERRIDDEN)
			return true;
	return false;
}

/* ---- everything else --------------------------------------------------------------------------------------------- */

static void make_cert(const struct tls_result *tls, struct arena *arena, struct evidence_cert *cert_r)
{
	bool verified = tls->cert_status == CERT_VERIFIED;

	*cert_r = (struct evidence_cert){
		.status = tls->cert_status, .match = tls->cert_match, .proven = tls_proven_name(tls),
		.tlsa_unknown = tlsa_status_is_unknown(tls->tlsa),
		/* the names inside count only when an authority stands behind them */
		.subject = verified ? cert_common_name(arena, tls->cert_subject) : NULL,
		.issuer = verified ? cert_common_name(arena, tls->cert_issuer) : NULL,
	};
}

/* Whether the author domains that were read are all that a reader could be shown. */
static bool authors_known(const struct facts *facts, const struct author *author)
{
	return (author->status == AUTHOR_OK || author->status == AUTHOR_MULTIPLE) && author->domain_count != 0 &&
	    !author->domains_truncated && !facts->fields_truncated;
}

static void make_authors(const struct evidence_input *input, struct arena *arena, struct evidence *evidence)
{
	const struct author *author = input->author;
	const struct results *results = input->results;
	struct evidence_author *authors = arena_calloc(arena, author->domain_count + 1, sizeof(*authors));

	if (input->stage == FINDING_STAGE_ENVELOPE)
		return;
	for (size_t i = 0; i < author->domain_count; i++) {
		authors[i].domain = author->domains[i];
		if (i < results->dmarc_author_count) {	/* in the same order */
			authors[i].dmarc = results->dmarc_authors[i].result;
			authors[i].secure = results->dmarc_authors[i].dnssec == DNS_SECURE;
		}
	}
	evidence->authors = authors;
	evidence->author_count = author->domain_count;
	evidence->authors_unknown = !authors_known(input->facts, author);
}

static void make_passes(const struct results *results, struct arena *arena, struct evidence *evidence)
{
	struct evidence_pass *passes = arena_calloc(arena, results->dkim_count + 1, sizeof(*passes));

	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];
		bool secure = dkim->dnssec == DNS_SECURE;

		if (dkim->result == RESULT_PASS && dkim->domain != NULL && (!secure || dkim_result_counts(dkim)))
			passes[evidence->pass_count++] = (struct evidence_pass){ .domain = dkim->domain, .secure = secure };
	}
	evidence->passes = passes;
}

void evidence_make(const struct evidence_input *input, struct arena *arena, struct evidence *evidence_r)
{
	const struct facts *facts = input->facts;
	const struct facts_connection *connection = facts->connection;
	const struct results *results = input->results;

	*evidence_r = (struct evidence){
		.stage = input->stage, .time_secs = facts->time_secs, .brakes = input->brakes, .exempt = results->exempt, .authenticated = connection->auth.mechanism != NULL,
		.dns_pressed = (results->dns_failures >> DNS_FAILURE_PRESSURE & 1) != 0,
		.tls_not_required = results->tls.not_required,
		.listener = connection->profile != NULL ? connection->profile : connection->daemon_name,
		.client = { .addr = connection->client, .prefix_bits = connection->client.family == AF_INET6 ? 128 : 32 },
		.client_name = results->iprev.name, .client_name_secure = results->iprev.dnssec == DNS_SECURE,
		.client_name_unknown = results->iprev.result == RESULT_UNCHECKED || results->iprev.result == RESULT_TEMPERROR,
		.envelope_domain = facts->mail_from_domain,
		.null_sender = facts->mail_from != NULL && facts->mail_from[0] == '\0',
		.spf = results->spf.result, .spf_domain = results->spf.domain, .spf_secure = results->spf.dnssec == DNS_SECURE,
	};
	make_findings(results, arena, evidence_r);
	if (input->stage != FINDING_STAGE_ENVELOPE)
		make_waivable(results, arena, evidence_r);
	make_cert(&results->tls, arena, &evidence_r->cert);
	make_passes(results, arena, evidence_r);
	make_authors(input, arena, evidence_r);
	make_recipients(input, arena, evidence_r);
}
