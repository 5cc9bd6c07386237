/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The author domain(s) of a message, the identity that DMARC and ADSP judge. Stands between facts and checks.
 *
 * Mail programs show an author for nearly anything; an attacker wins when they show another one than the one judged
 * here. Therefore a field is read by the whole grammar or it is AUTHOR_INVALID, and of an invalid field every domain
 * that stands behind any "@" is listed, so that the strictest of their policies can be applied.
 * Thread: that of the message. Trusts nothing of the header. Work is linear in the header's size.
 */
#include "message/author.h"

#include <string.h>
#include <strings.h>

#include "message/address.h"
#include "util/buf.h"

enum { ADDRESS_TEXT_MAX = 320 };	/* 64 + @ + 255, for the log */

struct collector {
	struct arena *arena;
	struct author *author;
	size_t address_count;
	const char *error;	/* an address that is in the grammar but has no domain name */
};

static void author_add_domain(struct author *author, const char *domain)
{
	for (size_t i = 0; i < author->domain_count; i++)
		if (strcmp(author->domains[i], domain) == 0)
			return;
	if (author->domain_count == AUTHOR_MAX_DOMAINS)
		author->domains_truncated = true;
	else
		author->domains[author->domain_count++] = domain;
}

static const char *address_text(struct arena *arena, const struct address *address)
{
	struct buf text = buf_make(arena);

	for (size_t i = 0; i < address->local_length && text.length < ADDRESS_TEXT_MAX; i++)
		if (strchr(" \t\r\n", address->local[i]) == NULL)
			buf_putc(&text, address->local[i]);
	buf_putc(&text, '@');
	buf_append(&text, address->domain,
	    address->domain_length < ADDRESS_TEXT_MAX ? address->domain_length : ADDRESS_TEXT_MAX);
	return text.data;
}

static void collect(void *arg, const struct address *address)
{
	struct collector *collector = arg;
	const char *domain;

	collector->address_count++;
	if (collector->author->address == NULL)
		collector->author->address = address_text(collector->arena, address);
	if (address->literal) {
		collector->error = "address literal instead of a domain";
		return;
	}
	domain = domain_normalize(collector->arena, address->domain, address->domain_length);
	if (domain != NULL)
		author_add_domain(collector->author, domain);
	else
		collector->error = "not a domain name behind the @";
}

static bool domain_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	    c == '.' || c >= 0x80;
}

/* Lists what could be taken for a domain, quotes, comments and all: for fields that are not in the grammar. */
static void scan_domains(struct arena *arena, struct author *author, const char *text, size_t length)
{
	const char *p = text, *end = text + length, *start, *domain;

	while (p < end && (p = memchr(p, '@', (size_t)(end - p))) != NULL) {
		do
			p++;
		while (p < end && memchr(" \t\r\n.\"\\<(", *p, 9) != NULL);
		start = p;
		while (p < end && domain_byte((unsigned char)*p))
			p++;
		domain = domain_normalize(arena, start, (size_t)(p - start));
		if (domain != NULL)
			author_add_domain(author, domain);
	}
}

/* @return why the field is invalid; NULL when it is not. */
static const char *read_field(struct arena *arena, const struct header_field *field, struct author *author,
    size_t *address_count)
{
	struct collector collector = { .arena = arena, .author = author };
	const char *error = address_list_parse(field->value, field->value_length, collect, &collector);

	*address_count += collector.address_count;
	if (error == NULL)
		error = collector.error;
	if (error == NULL && field->name_length != strlen("From"))
		error = "white space between From and its colon";
	if (error != NULL)
		scan_domains(arena, author, field->value, field->value_length);
	return error;
}

/* "From" or, obsolete, with white space before the colon (RFC 5322 section 4.5.2), which some programs do not read. */
static bool is_from(const struct header_field *field)
{
	size_t length = field->name_length;

	while (length != 0 && strchr(" \t\r\n", field->name[length - 1]) != NULL)
		length--;
	return length == strlen("From") && strncasecmp(field->name, "From", length) == 0;
}

void author_parse(const struct facts *facts, struct author *author_r)
{
	const char *invalid = NULL, *error;
	size_t address_count = 0;

	*author_r = (struct author){ .status = AUTHOR_OK };
	for (size_t i = 0; i < facts->field_count; i++) {
		if (!is_from(&facts->fields[i]))
			continue;
		author_r->field_count++;
		error = read_field(facts->arena, &facts->fields[i], author_r, &address_count);
		if (invalid == NULL)
			invalid = error;
	}
	if (invalid != NULL) {
		author_r->status = AUTHOR_INVALID;
		author_r->reason = invalid;
	} else if (author_r->field_count > 1) {
		author_r->status = AUTHOR_MULTIPLE;
		author_r->reason = "several From fields";
	} else if (author_r->domain_count > 1) {
		author_r->status = AUTHOR_MULTIPLE;
		author_r->reason = "several author domains";
	} else if (address_count == 0) {
		author_r->status = AUTHOR_MISSING;
		author_r->reason = author_r->field_count == 0 ? "no From field" : "no address in From";
	} else if (facts->fields_truncated) {
		/* what was not kept may hold another From */
		author_r->status = AUTHOR_INVALID;
		author_r->reason = "header fields over the cap were not read";
	}
}
