/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DANE for clients. Only an MTA that gives a fingerprint with SHA-256 or SHA-512 makes this possible (Sendmail with
 * CertFingerprintAlgorithm); everything else is no match. Insecure TLSA records prove nothing (RFC 6698 section 4.1).
 */
#include "check/tls/tlsa.h"

#include <string.h>

#include "check/tls/cert.h"
#include "util/domain.h"

enum { USAGE_DANE_EE = 3, SELECTOR_CERTIFICATE = 0, MATCHING_SHA256 = 1, MATCHING_SHA512 = 2, RDATA_HEAD = 3 };
enum { NAMES_MAX = 2 };

/* The names the client goes by: HELO, and the name that the MTA gives it. Neither needs to be confirmed: only the owner of a
 * name can publish there whose certificate it is. */
static size_t candidate_names(const struct check_context *context, const char *names_r[NAMES_MAX])
{
	const struct facts_connection *connection = context->facts->connection;
	const char *const given[NAMES_MAX] = { connection->helo, connection->client_name };
	size_t count = 0;

	for (size_t i = 0; i < NAMES_MAX; i++) {
		const char *name = given[i] == NULL ? NULL : domain_normalize(context->arena, given[i], strlen(given[i]));

		if (name != NULL && strchr(name, '.') != NULL && (count == 0 || strcmp(names_r[0], name) != 0))
			names_r[count++] = name;
	}
	return count;
}

static const char *owner(struct check_context *context, const char *name)
{
	return arena_printf(context->arena, "_smtp-client.%s", name);
}

/* @return length of the digest; 0 when there is nothing to compare, and so nothing to look up. */
static size_t read_digest(const struct check_context *context, uint8_t digest_r[CERT_DIGEST_MAX])
{
	const char *fingerprint = context->facts->connection->tls.cert_fingerprint;

	return fingerprint != NULL ? cert_read_fingerprint(fingerprint, digest_r) : 0;
}

void tlsa_start(struct check_context *context)
{
	const char *names[NAMES_MAX];
	uint8_t digest[CERT_DIGEST_MAX];
	size_t count = read_digest(context, digest) != 0 ? candidate_names(context, names) : 0;

	for (size_t i = 0; i < count; i++)
		dns_start(dns_scope_for(context->dns, DNS_FOR_CLIENT), owner(context, names[i]), DNS_TYPE_TLSA);
}

static bool record_matches(const struct dns_rr *rr, const uint8_t *digest, size_t length)
{
	uint8_t matching = length == 32 ? MATCHING_SHA256 : MATCHING_SHA512;

	return rr->rdata_length == RDATA_HEAD + length && rr->rdata[0] == USAGE_DANE_EE &&
	    rr->rdata[1] == SELECTOR_CERTIFICATE && rr->rdata[2] == matching &&
	    memcmp(rr->rdata + RDATA_HEAD, digest, length) == 0;
}

static enum tlsa_status judge_answer(const struct dns_answer *answer, const uint8_t *digest, size_t length)
{
	if (answer->failure == DNS_FAILURE_LIMIT)
		return TLSA_NONE;
	if (answer->status == DNS_STATUS_FAIL)
		return answer->security == DNS_BOGUS ? TLSA_BOGUS : TLSA_TEMPERROR;
	if (answer->status != DNS_STATUS_DATA)
		return TLSA_NONE;
	if (answer->security != DNS_SECURE)
		return TLSA_INSECURE;
	for (size_t i = 0; i < answer->rr_count; i++)
		if (record_matches(&answer->rrs[i], digest, length))
			return TLSA_MATCH;
	return TLSA_MISMATCH;
}

void tlsa_judge(struct check_context *context)
{
	struct tls_result *result = &context->results->tls;
	const char *names[NAMES_MAX];
	uint8_t digest[CERT_DIGEST_MAX];
	size_t length = read_digest(context, digest);
	size_t count = length != 0 ? candidate_names(context, names) : 0;

	for (size_t i = 0; i < count; i++) {
		const struct dns_answer *answer = dns_wait(dns_scope_for(context->dns, DNS_FOR_CLIENT),
		    owner(context, names[i]), DNS_TYPE_TLSA);
		enum tlsa_status status = judge_answer(answer, digest, length);

		if (status == TLSA_BOGUS)
			results_raise(context->results, FINDING_DNSSEC_BOGUS, answer->name, answer->why, DNS_BOGUS);
		if (status <= result->tlsa)
			continue;
		result->tlsa = status;
		result->tlsa_name = names[i];
	}
}
