/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain names in wire form, lower case: parsing, printing, comparing, hashing. Trusts nothing of what it is given;
 * a name that breaks a limit of RFC 1035 is refused, never cut. Thread: any; pure.
 */
#include "dns/name.h"

#include <string.h>

#include "dns/dns.h"
#include "util/error.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One octet of a label, escaped or not. @return characters read, 0 on a syntax error. */
static size_t octet_parse(const char *text, uint8_t *octet_r)
{
	unsigned value;

	if (text[0] != '\\') {
		*octet_r = (uint8_t)text[0];
		return 1;
	}
	if (!is_digit(text[1])) {
		*octet_r = (uint8_t)text[1];
		return text[1] != '\0' ? 2 : 0;
	}
	if (!is_digit(text[2]) || !is_digit(text[3]))
		return 0;
	value = (unsigned)(text[1] - '0') * 100 + (unsigned)(text[2] - '0') * 10 + (unsigned)(text[3] - '0');
	*octet_r = (uint8_t)value;
	return value <= 255 ? 4 : 0;
}

int dns_name_parse(const char *text, struct dns_name *name_r)
{
	size_t used = 0, label = 0;	/* label: where the length octet of the present label is */

	if (strcmp(text, ".") == 0) {
		name_r->length = 1;
		name_r->bytes[0] = 0;
		return 0;
	}
	for (;;) {
		label = used++;
		while (*text != '\0' && *text != '.') {
			uint8_t octet;
			size_t step = octet_parse(text, &octet);

			if (step == 0 || used - label > 63 || used >= DNS_NAME_BYTES - 1)
				return -E_SYNTAX;
			name_r->bytes[used++] = lower(octet);
			text += step;
		}
		if (used - label == 1)
			return -E_SYNTAX;
		name_r->bytes[label] = (uint8_t)(used - label - 1);
		if (*text == '.')
			text++;
		if (*text == '\0')
			break;
		if (used >= DNS_NAME_BYTES - 2)
			return -E_SYNTAX;
	}
	name_r->bytes[used++] = 0;
	name_r->length = (uint8_t)used;
	return 0;
}

int dns_name_from_wire(const uint8_t *wire, size_t length, struct dns_name *name_r)
{
	size_t at = 0;

	if (length == 0 || length > DNS_NAME_BYTES)
		return -E_SYNTAX;
	while (wire[at] != 0) {
		if (wire[at] > 63 || at + 1 + wire[at] >= length)
			return -E_SYNTAX;
		name_r->bytes[at] = wire[at];
		for (size_t i = at + 1; i <= at + wire[at]; i++)
			name_r->bytes[i] = lower(wire[i]);
		at += 1u + wire[at];
	}
	if (at + 1 != length)
		return -E_SYNTAX;
	name_r->bytes[at] = 0;
	name_r->length = (uint8_t)length;
	return 0;
}

size_t dns_name_text(const uint8_t *wire, char text_r[DNS_NAME_TEXT_BYTES])
{
	char *out = text_r;

	if (wire[0] == 0)
		*out++ = '.';
	for (; wire[0] != 0; wire += 1 + wire[0]) {
		if (out != text_r)
			*out++ = '.';
		for (size_t i = 1; i <= wire[0]; i++) {
			uint8_t c = wire[i];

			if (c == '.' || c == '\\') {
				*out++ = '\\';
				*out++ = (char)c;
			} else if (c > 0x20 && c < 0x7f) {
				*out++ = (char)c;
			} else {
				*out++ = '\\';
				*out++ = (char)('0' + c / 100);
				*out++ = (char)('0' + c / 10 % 10);
				*out++ = (char)('0' + c % 10);
			}
		}
	}
	*out = '\0';
	return (size_t)(out - text_r);
}

bool dns_name_equals_wire(const struct dns_name *name, const uint8_t *wire, size_t length)
{
	/* length octets are below 64, so lowering them changes nothing */
	if (length != name->length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (lower(wire[i]) != name->bytes[i])
			return false;
	return true;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

bool dns_name_is_within(const struct dns_name *name, const struct dns_name *ancestor)
{
	size_t at = 0;

	while (name->length - at > ancestor->length)
		at += 1u + name->bytes[at];
	return name->length - at == ancestor->length && memcmp(name->bytes + at, ancestor->bytes, ancestor->length) == 0;
}

void dns_name_chop(struct dns_name *name)
{
	size_t cut = name->bytes[0] != 0 ? 1u + name->bytes[0] : 0;

	name->length = (uint8_t)(name->length - cut);
	memmove(name->bytes, name->bytes + cut, name->length);
}

bool dns_name_valid(const char *name)
{
	struct dns_name parsed;

	return dns_name_parse(name, &parsed) == 0;
}
