/* SPDX-License-Identifier: BSD-2-Clause */
/* See uri.h. Trusts nothing of the text. Thread: that of the arena. */
#include "check/dmarc/uri.h"

#include <string.h>
#include <strings.h>

#include "util/domain.h"

static bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Drops the size limit of RFC 7489 section 6.4 behind a URI: "!", digits and perhaps a unit. @return false on any other "!". */
static bool drop_size(const char *text, size_t *length)
{
	const char *mark = memchr(text, '!', *length), *p, *end = text + *length;

	if (mark == NULL)
		return true;
	for (p = mark + 1; p < end && is_digit(*p); p++)
		;
	if (p == mark + 1)
		return false;
	if (p < end && *p != '\0' && strchr("kmgtKMGT", *p) != NULL)
		p++;
	*length = (size_t)(mark - text);
	return p == end;
}

static bool is_mailto(const char *text, size_t scheme_length)
{
	return scheme_length == strlen("mailto") && strncasecmp(text, "mailto", scheme_length) == 0;
}

bool dmarc_uri_valid(const char *text, size_t length, size_t *length_r)
{
	const char *colon, *at, *end;

	if (!drop_size(text, &length))
		return false;
	if (length_r != NULL)
		*length_r = length;
	end = text + length;
	colon = memchr(text, ':', length);
	if (colon == NULL || colon == text || !is_alpha(text[0]))
		return false;
	for (const char *p = text; p < colon; p++)
		if (!is_alpha(*p) && !is_digit(*p) && *p != '+' && *p != '-' && *p != '.')
			return false;
	for (const char *p = colon; p < end; p++)
		if (is_wsp(*p) || *p == '\0' || strchr("\"<>\\^`{|}", *p) != NULL)
			return false;
	if (!is_mailto(text, (size_t)(colon - text)))
		return colon + 1 < end;
	at = memchr(colon, '@', (size_t)(end - colon));
	return at != NULL && at > colon + 1 && at + 1 < end;
}

/* The next item without the blanks around it. @return false at the end. */
static bool next_item(const char **p, const char *end, const char **item_r, size_t *length_r)
{
	const char *comma, *start = *p, *stop;

	if (start > end)
		return false;
	comma = start < end ? memchr(start, ',', (size_t)(end - start)) : NULL;
	stop = comma != NULL ? comma : end;
	*p = stop + 1;
	while (start < stop && is_wsp(*start))
		start++;
	while (start < stop && is_wsp(stop[-1]))
		stop--;
	*item_r = start;
	*length_r = (size_t)(stop - start);
	return true;
}

bool dmarc_uri_list_valid(const char *text, size_t length)
{
	const char *p = text, *item;
	size_t item_length;

	while (next_item(&p, text + length, &item, &item_length))
		if (item_length != 0 && dmarc_uri_valid(item, item_length, NULL))
			return true;
	return false;
}

static int hex(char c)
{
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent encoding undone (RFC 6068 section 2). @return a copy; NULL when it is malformed or encodes a NUL. */
static const char *decode(struct arena *arena, const char *text, size_t length, size_t *length_r)
{
	char *copy = arena_alloc(arena, length + 1);
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		copy[used] = text[i];
		if (text[i] == '%') {
			int high = i + 2 < length ? hex(text[i + 1]) : -1, low = i + 2 < length ? hex(text[i + 2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0))
				return NULL;
			copy[used] = (char)(high << 4 | low);
			i += 2;
		}
		used++;
	}
	copy[used] = '\0';
	*length_r = used;
	return copy;
}

/*
 * A local part without anything that a mail system reads as more than a name: no quotes, no "%" or "!" (routes), no "|" or "/"
 * (commands and files of local delivery), no "-" in front (options), no dot where RFC 5322 allows none.
 */
static bool local_part_taken(const char *text, size_t length)
{
	if (length == 0 || length > DMARC_ADDRESS_LOCAL_MAX || text[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.' && (i == 0 || i + 1 == length || text[i - 1] == '.'))
			return false;
		if (!is_alpha(text[i]) && !is_digit(text[i]) && (text[i] == '\0' || strchr("._+=~-", text[i]) == NULL))
			return false;
	}
	return true;
}

/* What stands behind "mailto:". @return false when no report is mailed there. */
static bool read_address(struct arena *arena, const char *text, size_t length, struct dmarc_address *address_r)
{
	const char *fields = memchr(text, '?', length), *plain, *at;
	size_t plain_length;

	if (fields != NULL)
		length = (size_t)(fields - text);
	plain = decode(arena, text, length, &plain_length);
	at = plain != NULL ? memchr(plain, '@', plain_length) : NULL;
	if (at == NULL || !local_part_taken(plain, (size_t)(at - plain)))
		return false;
	address_r->host = domain_normalize(arena, at + 1, plain_length - (size_t)(at + 1 - plain));
	/* a name of one label is a machine of whoever sends */
	if (address_r->host == NULL || strchr(address_r->host, '.') == NULL)
		return false;
	address_r->address = arena_printf(arena, "%.*s@%s", (int)(at - plain), plain, address_r->host);
	return true;
}

void dmarc_uris_add(struct dmarc_uris *uris, const struct dmarc_address *address)
{
	for (size_t i = 0; i < uris->count; i++)
		if (strcmp(uris->addresses[i].address, address->address) == 0)
			return;
	if (uris->count == DMARC_URIS_MAX)
		uris->over_cap++;
	else
		uris->addresses[uris->count++] = *address;
}

void dmarc_uri_list_read(struct arena *arena, const char *list, struct dmarc_uris *uris_r)
{
	const char *p = list, *end, *item;
	struct dmarc_address address;
	size_t length, looked = 0;

	*uris_r = (struct dmarc_uris){ 0 };
	if (list == NULL)
		return;
	end = list + strlen(list);
	while (next_item(&p, end, &item, &length)) {
		const char *colon;

		if (length == 0)
			continue;
		if (++looked > DMARC_URIS_LOOKED_MAX || uris_r->over_cap != 0) {
			uris_r->over_cap++;
			continue;
		}
		if (!dmarc_uri_valid(item, length, &length)) {
			uris_r->malformed++;
			continue;
		}
		colon = memchr(item, ':', length);
		if (!is_mailto(item, (size_t)(colon - item)))
			uris_r->other_schemes++;
		else if (!read_address(arena, colon + 1, length - (size_t)(colon + 1 - item), &address))
			uris_r->malformed++;
		else
			dmarc_uris_add(uris_r, &address);
	}
}
