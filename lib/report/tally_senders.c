/* SPDX-License-Identifier: BSD-2-Clause */
/* What senders do for their mail, who hands on mail of others, and what DNS withheld. Part of the tally. Thread: one. */
#include <stdlib.h>
#include <string.h>

#include "check/tls/cipher.h"
#include "report/tally_internal.h"
#include "util/domain.h"

/* @return the first author domain of the evidence; NULL. */
static const struct evidence_author *first_author(const struct evidence *evidence)
{
	return evidence->author_count != 0 ? &evidence->authors[0] : NULL;
}

/* A pass for the author, that counts there as DMARC in its relaxed form would have it, without looking for a policy. */
static bool signed_by(const struct evidence *evidence, const char *author, bool *secure_r)
{
	for (size_t i = 0; i < evidence->pass_count; i++) {
		const char *domain = evidence->passes[i].domain;

		if (domain_is_within(author, domain) || domain_is_within(domain, author)) {
			*secure_r = evidence->passes[i].secure;
			return true;
		}
	}
	return false;
}

static bool spf_is_of(const struct evidence *evidence, const char *author)
{
	return evidence->spf_domain != NULL && (domain_is_within(author, evidence->spf_domain) ||
	    domain_is_within(evidence->spf_domain, author));
}

/* ADSP's result stands in the row's results alone. A pass says that the author signed, and nothing of a record. */
static void count_adsp(struct protection_counts *counts, const char *results, uint64_t messages)
{
	static const char name[] = "adsp=";
	const char *word = strstr(results, name);
	bool has_record;

	if (word == NULL || (word != results && word[-1] != ' '))
		return;
	word += sizeof(name) - 1;
	has_record = strncmp(word, "fail", 4) == 0 || strncmp(word, "discard", 7) == 0 || strncmp(word, "unknown", 7) == 0;
	counts->adsp += has_record ? messages : 0;
	counts->adsp_asked += has_record || strncmp(word, "none", 4) == 0 ? messages : 0;
}

static bool is_answer(enum result result)
{
	return result != RESULT_UNCHECKED && result != RESULT_TEMPERROR;
}

static void count_authentication(struct protection_counts *counts, const struct evidence *evidence, const struct evidence_author *author,
    uint64_t messages)
{
	bool secure = false, signs = signed_by(evidence, author->domain, &secure), mine = spf_is_of(evidence, author->domain);
	bool spf_pass = mine && evidence->spf == RESULT_PASS;

	counts->spf_asked += mine && is_answer(evidence->spf) ? messages : 0;
	counts->spf += mine && is_answer(evidence->spf) && evidence->spf != RESULT_NONE ? messages : 0;
	counts->spf_pass += spf_pass ? messages : 0;
	counts->dkim_pass += signs ? messages : 0;
	counts->dmarc_asked += is_answer(author->dmarc) ? messages : 0;
	counts->dmarc += author->dmarc == RESULT_PASS || author->dmarc == RESULT_FAIL ? messages : 0;
	counts->dmarc_pass += author->dmarc == RESULT_PASS ? messages : 0;
	counts->secure += (spf_pass && evidence->spf_secure) || (signs && secure) ? messages : 0;
}

static void count_protection(struct tally *tally, const struct tally_kind *kind)
{
	const struct evidence *evidence = &kind->past.evidence;
	const struct evidence_author *author = first_author(evidence);
	const struct cipher_info *cipher = kind->row->tls_cipher[0] != '\0' ? cipher_find(kind->row->tls_cipher) : NULL;
	uint64_t messages = kind->row->messages;
	struct protection_counts *counts;

	/* a forger's session says nothing of the domain that he wrote down */
	if (kind->past.old || author == NULL || kind->looks.look == LOOK_FORGED)
		return;
	counts = groups_at(tally->protection, author->domain);
	counts->messages += messages;
	counts->graded += kind->graded ? messages : 0;
	if (kind->graded)
		counts->grades[kind->grade] += messages;
	counts->forward_secrecy += cipher != NULL && cipher_has_forward_secrecy(cipher) ? messages : 0;
	counts->cert += evidence->cert.status == CERT_VERIFIED || evidence->cert.status == CERT_TLSA ? messages : 0;
	count_authentication(counts, evidence, author, messages);
	count_adsp(counts, kind->row->results, messages);
}

/* ---- forwarders -------------------------------------------------------------------------------------------------- */

static void count_pair(struct tally *tally, const struct tally_kind *kind, const char *author, struct client_counts *counts)
{
	uint64_t *pair = groups_at(tally->client_authors, arena_printf(tally->arena, "%s %s", kind->client, author));

	counts->authors += *pair == 0;
	*pair += kind->row->messages;
}

/*
 * The author's signature is there, so the message is his; but who brings it is nobody for whom his SPF speaks: somebody between
 * handed it on, under the author's envelope address, or under one of his own (as lists and forwarders with SRS do).
 */
static void count_carried(struct tally *tally, const struct tally_kind *kind)
{
	const struct evidence *evidence = &kind->past.evidence;
	const struct evidence_author *author = first_author(evidence);
	struct client_counts *counts = groups_at(tally->clients, kind->client);
	uint64_t messages = kind->row->messages;
	bool secure, own, kept, rewritten;

	counts->messages += messages;
	counts->looks[kind->looks.look] += messages;
	if (author == NULL || evidence->author_count != 1 || !signed_by(evidence, author->domain, &secure))
		return;
	own = evidence->client_name != NULL && (domain_is_within(evidence->client_name, author->domain) ||
	    domain_is_within(author->domain, evidence->client_name));
	kept = spf_is_of(evidence, author->domain) && (evidence->spf == RESULT_FAIL || evidence->spf == RESULT_SOFTFAIL ||
	    evidence->spf == RESULT_NEUTRAL);
	rewritten = !spf_is_of(evidence, author->domain) && evidence->spf == RESULT_PASS;
	if (own || !(kept || rewritten))
		return;
	counts->carried += messages;
	counts->kept += kept ? messages : 0;
	counts->rewritten += rewritten ? messages : 0;
	count_pair(tally, kind, author->domain, counts);
}

/* ---- overrides --------------------------------------------------------------------------------------------------- */

static bool held_before(const struct evidence *evidence, size_t waivable, const char *name)
{
	for (size_t i = 0; i < waivable; i++)
		for (size_t j = 0; j < evidence->waivable[i].override_count; j++)
			if (!evidence->waivable[i].overrides[j].unknown && strcmp(evidence->waivable[i].overrides[j].name, name) == 0)
				return true;
	return false;
}

/* Each that held, once a message, whether the policies honour it or not. */
static void count_overrides(struct tally *tally, const struct tally_kind *kind)
{
	const struct evidence *evidence = &kind->past.evidence;

	for (size_t i = 0; i < evidence->waivable_count; i++) {
		for (size_t j = 0; j < evidence->waivable[i].override_count; j++) {
			const struct evidence_override *override = &evidence->waivable[i].overrides[j];
			struct override_counts *counts;

			if (override->unknown || held_before(evidence, i, override->name))
				continue;
			counts = groups_at(tally->overrides, override->name);
			counts->messages += kind->row->messages;
			counts->looks[kind->looks.look] += kind->row->messages;
		}
	}
}

void tally_add_senders(struct tally *tally, const struct tally_kind *kind)
{
	count_protection(tally, kind);
	count_carried(tally, kind);
	count_overrides(tally, kind);
}

/* ---- DNS --------------------------------------------------------------------------------------------------------- */

bool finding_is_of_dns(enum finding_id id)
{
	static const enum finding_id ids[] = { FINDING_SPF_TEMPERROR, FINDING_IPREV_TEMPERROR, FINDING_DKIM_TEMPERROR, FINDING_DMARC_TEMPERROR,
		FINDING_ADSP_TEMPERROR, FINDING_DNSSEC_BOGUS, FINDING_DNS_UNAVAILABLE };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i] == id)
			return true;
	return false;
}

static void count_pass(struct tally *tally, size_t which, bool pass, bool secure, uint64_t messages)
{
	tally->passes[which] += pass ? messages : 0;
	tally->secure_passes[which] += pass && secure ? messages : 0;
}

void tally_add_dns(struct tally *tally, const struct tally_kind *kind)
{
	const struct evidence *evidence = &kind->past.evidence;
	const struct evidence_author *author = first_author(evidence);
	uint64_t messages = kind->row->messages, *counts;
	bool failed = false, dkim_secure = false;

	FINDING_SET_EACH(&kind->past.findings, id)
		failed = failed || finding_is_of_dns(id);
	if (!kind->past.old) {
		for (size_t i = 0; i < evidence->pass_count; i++)
			dkim_secure = dkim_secure || evidence->passes[i].secure;
		count_pass(tally, 0, evidence->spf == RESULT_PASS, evidence->spf_secure, messages);
		count_pass(tally, 1, evidence->pass_count != 0, dkim_secure, messages);
		count_pass(tally, 2, author != NULL && author->dmarc == RESULT_PASS, author != NULL && author->secure, messages);
	}
	if (!failed)
		return;
	tally->dns_failed += messages;
	tally->dns_pressed += evidence->dns_pressed ? messages : 0;
	counts = groups_at(tally->dns_domains, kind->author);
	counts[0] += messages;
	counts[1] += finding_set_has(&kind->past.findings, FINDING_DNSSEC_BOGUS) ? messages : 0;
}
