/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is there more against a message than its author domain's p=reject? See the header. The signs of a forwarder can be
 * forged: they only ever turn a rejection into what the plain dmarc-reject finding asks for (quarantine by default).
 * Thread: that of the message. No look-ups.
 */
#include "check/dmarc/corroborate.h"

#include <string.h>
#include <strings.h>

#include "check/dmarc/prefetch.h"
#include "util/domain.h"

static bool value_contains(const struct header_field *field, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= field->value_length; i++)
		if (strncasecmp(field->value + i, word, length) == 0)
			return true;
	return false;
}

static bool name_is(const struct header_field *field, const char *name)
{
	return field->name_length == strlen(name) && strncasecmp(field->name, name, field->name_length) == 0;
}

static bool name_starts(const struct header_field *field, const char *prefix)
{
	return field->name_length >= strlen(prefix) && strncasecmp(field->name, prefix, strlen(prefix)) == 0;
}

/* Fields that lists (RFC 2919, RFC 2369) and forwarders (RFC 5322 section 3.6.6, and habit) put in. */
static bool is_forwarding_sign(const struct header_field *field)
{
	static const char *const names[] = { "List-Id", "List-Post", "Mailing-List" };
	static const char *const prefixes[] = { "X-Forwarded-", "Resent-" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name_is(field, names[i]))
			return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (name_starts(field, prefixes[i]))
			return true;
	return name_is(field, "Precedence") && value_contains(field, "list");
}

/* The seal is not verified: it is a sign only, see the head of this file. */
static bool sealed_by_trusted(const struct check_context *context, const struct header_field *field)
{
	return name_is(field, "ARC-Seal") &&
	    domain_set_has(context->config->trusted_forwarders.set, dmarc_signature_domain(context->arena, field));
}

static bool passes_for_trusted(const struct check_context *context)
{
	const struct domain_set *trusted = context->config->trusted_forwarders.set;
	const struct results *results = context->results;

	if (results->spf.result == RESULT_PASS && domain_set_has(trusted, results->spf.domain))
		return true;
	for (size_t i = 0; i < results->dkim_count; i++)
		if (dkim_result_counts(&results->dkim[i]) && domain_set_has(trusted, results->dkim[i].domain))
			return true;
	return false;
}

bool dmarc_reject_corroborated(const struct check_context *context, const struct dmarc_result *result)
{
	const struct facts *facts = context->facts;

	if (result->result != RESULT_FAIL || result->disposition != DMARC_POLICY_REJECT ||
	    context->results->spf.result != RESULT_FAIL || passes_for_trusted(context))
		return false;
	for (size_t i = 0; i < facts->field_count; i++)
		if (is_forwarding_sign(&facts->fields[i]) || sealed_by_trusted(context, &facts->fields[i]))
			return false;
	return true;
}
