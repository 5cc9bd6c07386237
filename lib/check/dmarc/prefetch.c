/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMARC's look-ups begun when the header is complete, so that at the end of the message all answers are there. Guesses
 * here cost a query at worst: nothing is judged.
 * Thread: that of the message; the continuation perhaps on the I/O thread.
 */
#include "check/dmarc/prefetch.h"

#include <string.h>
#include <strings.h>

#include "check/dmarc/dmarc.h"
#include "util/domain.h"

enum { SIGNATURES_READ_MAX = 10 };

/* Could they be of one organization? Two common labels are asked for; real alignment is judged later. */
static bool may_align(const char *a, const char *b)
{
	size_t i = strlen(a), j = strlen(b), dots = 0;

	for (; i > 0 && j > 0 && a[i - 1] == b[j - 1]; i--, j--)
		dots += a[i - 1] == '.';
	if (i == 0 && j == 0)
		return false;	/* equal: started already */
	return dots >= 2 || (dots == 1 && ((i == 0 && b[j - 1] == '.') || (j == 0 && a[i - 1] == '.')));
}

static void start_identifier(struct check_context *context, const char *domain)
{
	const struct author *author = context->author;

	for (size_t i = 0; domain != NULL && i < author->domain_count; i++) {
		if (may_align(author->domains[i], domain)) {
			dmarc_discovery_start(context, DNS_FOR_ALIGNMENT, domain);
			return;
		}
	}
}

const char *dmarc_signature_domain(struct arena *arena, const struct header_field *field)
{
	const char *p = field->value, *end = p + field->value_length, *next;

	for (; p < end; p = next) {
		while (p < end && (*p == ';' || *p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
			p++;
		next = p < end ? memchr(p, ';', (size_t)(end - p)) : NULL;
		if (next == NULL)
			next = end;
		if (next - p > 2 && p[0] == 'd' && p[1] == '=') {
			size_t length = 0;

			while (p + 2 + length < next && strchr(" \t\r\n", p[2 + length]) == NULL)
				length++;
			return domain_normalize(arena, p + 2, length);
		}
	}
	return NULL;
}

static void start_signatures(struct check_context *context)
{
	const struct facts *facts = context->facts;
	size_t read = 0;

	for (size_t i = 0; i < facts->field_count && read < SIGNATURES_READ_MAX; i++) {
		const struct header_field *field = &facts->fields[i];

		if (field->name_length != strlen("DKIM-Signature") ||
		    strncasecmp(field->name, "DKIM-Signature", field->name_length) != 0)
			continue;
		read++;
		start_identifier(context, dmarc_signature_domain(context->arena, field));
	}
}

/* No record at the author domain itself: one above it may have np=, which asks whether the domain exists. */
static void start_existence(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	if (answer->status == DNS_STATUS_NXDOMAIN)
		dns_start(scope, arg, CHECK_EXISTENCE_TYPE);
}

void dmarc_prefetch(struct check_context *context)
{
	const struct author *author = context->author;

	for (size_t i = 0; i < author->domain_count; i++) {
		const char *domain = author->domains[i];

		dmarc_discovery_start(context, DNS_FOR_AUTHOR, domain);
		if (strchr(domain, '.') != NULL)
			dns_start_then(dns_scope_for(context->dns, DNS_FOR_AUTHOR), arena_concat(context->arena, "_dmarc.", domain, ""), DNS_TYPE_TXT,
			    start_existence, arena_strdup(context->arena, domain));
	}
	start_identifier(context, context->facts->mail_from_domain);
	start_signatures(context);
}
