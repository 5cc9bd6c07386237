/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The author domain(s) of a message, the identity that DMARC and ADSP judge. Stands between facts and checks.
 *
 * Mail programs show an author for nearly anything; an attacker wins when they show another one than the one judged
 * here. Therefore a field is read by the whole grammar or it is AUTHOR_INVALID, and of an invalid field every domain
 * that some program could find in it is listed (author_scan.c), so that the strictest of their policies can be applied.
 * Thread: that of the message. Trusts nothing of the header. Work is linear in the header's size.
 */
#include "message/author.h"

#include <string.h>

#include "message/address.h"
#include "message/author_scan.h"
#include "message/encoded_word.h"
#include "util/buf.h"
#include "util/domain.h"

const struct word author_status_words[] = {
	{ "ok", AUTHOR_OK }, { "multiple", AUTHOR_MULTIPLE }, { "missing", AUTHOR_MISSING }, { "invalid", AUTHOR_INVALID }, { 0 }
};

enum { ADDRESS_TEXT_MAX = 320 };	/* 64 + @ + 255, for the log */

struct scan { struct author *author; bool found; };

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

static bool scanned(void *arg, const char *domain)
{
	struct scan *scan = arg;

	scan->found = true;
	author_add_domain(scan->author, domain);
	return !scan->author->domains_truncated;
}

/* In a local part: a word without a dot is nothing but a part of it. */
static bool scanned_inside(void *arg, const char *domain)
{
	return strchr(domain, '.') == NULL || scanned(arg, domain);
}

/* Obsolete forms that no mail program writes, and of which others may show another part than the domain. */
static void check_form(struct collector *collector, const struct address *address)
{
	struct scan scan = { .author = collector->author };

	if (address->spaced)
		collector->error = "blanks or a comment inside a domain";
	else if (address->routed)
		collector->error = "route before an address";
	else if (encoded_word_in(address->local, address->local_length))
		collector->error = "encoded word inside an address";
	else	/* "a@b.example"@c.example is no error, but b.example could be shown */
		author_scan(collector->arena, address->local, address->local_length, AUTHOR_SCAN_AT, scanned_inside, &scan);
}

static void collect(void *arg, const struct address *address)
{
	struct collector *collector = arg;
	const char *domain;

	collector->address_count++;
	if (collector->author->address == NULL)
		collector->author->address = address_text(collector->arena, address);
	check_form(collector, address);
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

/*
 * @return why the field is invalid; NULL when it is not. One without any address is, when it shows what looks like one: in a
 * comment, or as the name of a group.
 */
static const char *read_field(struct arena *arena, const struct header_field *field, struct author *author,
    size_t *address_count)
{
	struct collector collector = { .arena = arena, .author = author };
	const char *error = address_list_parse(field->value, field->value_length, collect, &collector);
	struct scan scan = { .author = author };

	*address_count += collector.address_count;
	if (error == NULL)
		error = collector.error;
	if (error == NULL && field->name_length != strlen("From"))
		error = "blanks or characters that are not seen in the name From";
	if (error != NULL || collector.address_count == 0)
		author_scan(arena, field->value, field->value_length, error != NULL ? AUTHOR_SCAN_ROUTES : AUTHOR_SCAN_AT, scanned,
		    &scan);
	if (error == NULL && collector.address_count == 0 && scan.found)
		error = "no address, but what looks like one";
	return error;
}

/* What is not known could be a domain of the strictest policy. */
static const char *unread(const struct facts *facts, const struct author *author)
{
	if (facts->from_unkept)
		return "a From field was over the caps and not read";
	return author->domains_truncated ? "more author domains than are judged" : NULL;
}

/*
 * Sendmail writes a From field of the envelope's sender into a message that has none, after we have seen it; some programs show the
 * sender then. So its domain is judged, and no pass of it is one: the field is not there.
 */
static void take_sender(const struct facts *facts, struct author *author)
{
	if (author->field_count == 0 && facts->mail_from_domain != NULL)
		author_add_domain(author, facts->mail_from_domain);
}

void author_parse(const struct facts *facts, struct author *author_r)
{
	const char *invalid = NULL, *error;
	size_t address_count = 0;

	*author_r = (struct author){ .status = AUTHOR_OK };
	for (size_t i = 0; i < facts->field_count; i++) {
		if (!facts_name_reads_as(facts->fields[i].name, facts->fields[i].name_length, "From"))
			continue;
		author_r->field_count++;
		error = read_field(facts->arena, &facts->fields[i], author_r, &address_count);
		if (invalid == NULL)
			invalid = error;
	}
	if (invalid == NULL)
		invalid = unread(facts, author_r);
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
		take_sender(facts, author_r);
	}
}
