/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DANE for clients. Only an MTA that gives a fingerprint with SHA-256 or SHA-512 makes this possible (Sendmail with
 * CertFingerprintAlgorithm); everything else is no match. Insecure TLSA records prove nothing (RFC 6698 section 4.1).
 */
#include "check/tlsa.h"

#include <string.h>

#include "check/cert.h"

enum { USAGE_DANE_EE = 3, SELECTOR_CERTIFICATE = 0, MATCHING_SHA256 = 1, MATCHING_SHA512 = 2, RDATA_HEAD = 3 };
enum { NAMES_MAX = 2 };

/* The names the client goes by: HELO, and the name its MTA or we confirmed. */
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

void tlsa_start(struct check_context *context)
{
	const char *names[NAMES_MAX];
	size_t count = context->facts->connection->tls.cert_fingerprint != NULL ? candidate_names(context, names) : 0;

	for (size_t i = 0; i < count; i++)
		dns_start(context->dns, owner(context, names[i]), DNS_TYPE_TLSA);
}

static bool record_matches(const struct dns_rr *rr, const uint8_t *digest, size_t length)
{
	uint8_t matching = length == 32 ? MATCHING_SHA256 : MATCHING_SHA512;

	return rr->rdata_length == RDATA_HEAD + length && rr->rdata[0] == USAGE_DANE_EE &&
	    rr->rdata[1] == SELECTOR_CERTIFICATE && rr->rdata[2] == matching &&
	    memcmp(rr->rdata + RDATA_HEAD, digest, length) == 0;
}

const char *tlsa_match(struct check_context *context)
{
	const char *fingerprint = context->facts->connection->tls.cert_fingerprint, *names[NAMES_MAX];
	uint8_t digest[CERT_DIGEST_MAX];
	size_t length = fingerprint != NULL ? cert_read_fingerprint(fingerprint, digest) : 0;
	size_t count = length != 0 ? candidate_names(context, names) : 0;

	for (size_t i = 0; i < count; i++) {
		const struct dns_answer *answer = dns_wait(context->dns, owner(context, names[i]), DNS_TYPE_TLSA);

		if (answer->status == DNS_STATUS_FAIL && answer->security == DNS_BOGUS)
			results_raise(context->results, FINDING_DNSSEC_BOGUS, answer->name, answer->why, DNS_BOGUS);
		if (answer->status != DNS_STATUS_DATA || answer->security != DNS_SECURE)
			continue;
		for (size_t j = 0; j < answer->rr_count; j++)
			if (record_matches(&answer->rrs[j], digest, length))
				return names[i];
	}
	return NULL;
}
