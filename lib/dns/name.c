/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain names in wire form, lower case: parsing, printing, comparing, taking apart, hashing. Trusts names that it made itself; text and
 * messages are checked octet by octet, and a name that breaks a limit of RFC 1035 is refused, never cut. Thread: any; pure.
 */
#include "dns/name.h"

#include <string.h>

#include "dns/dns.h"
#include "util/error.h"

enum { MAX_POINTERS = 10, LABEL_BYTES = 63 };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* What an octet of a text is in a name; 0: the end of a label, or of the text, or a backslash. */
#define ROW(n) (n), (n) + 1, (n) + 2, (n) + 3, (n) + 4, (n) + 5, (n) + 6, (n) + 7, \
	(n) + 8, (n) + 9, (n) + 10, (n) + 11, (n) + 12, (n) + 13, (n) + 14, (n) + 15
static const uint8_t text_octets[256] = {
	ROW(0x00), ROW(0x10),
	' ', '!', '"', '#', '$', '%', '&', '\'', '(', ')', '*', '+', ',', '-', 0 /* . */, '/',
	ROW(0x30),
	'@', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
	'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '[', 0 /* \ */, ']', '^', '_',
	ROW(0x60), ROW(0x70), ROW(0x80), ROW(0x90), ROW(0xa0), ROW(0xb0), ROW(0xc0), ROW(0xd0), ROW(0xe0), ROW(0xf0),
};
#undef ROW

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One octet of a label behind a backslash. @return characters read, 0 on a syntax error. */
static size_t escape_parse(const char *text, uint8_t *octet_r)
{
	unsigned value;

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

/*
 * A label's octets into the name, of which `used` are there. Each name of a message is read several times: what stands for itself
 * takes the shortest loop. @return what is used then; *text_r is at the end of the label, or at what does not belong to one or has
 * no room.
 */
static size_t label_parse(const char **text_r, uint8_t *bytes, size_t used)
{
	size_t end = used + LABEL_BYTES < DNS_NAME_BYTES - 1 ? used + LABEL_BYTES : DNS_NAME_BYTES - 1;
	const char *text = *text_r;
	size_t step = 1;

	while (step != 0) {
		uint8_t octet;

		for (; used < end && (octet = text_octets[(unsigned char)*text]) != 0; text++)
			bytes[used++] = octet;
		step = *text == '\\' && used < end ? escape_parse(text, &octet) : 0;
		if (step != 0)
			bytes[used++] = lower(octet);
		text += step;
	}
	*text_r = text;
	return used;
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
		used = label_parse(&text, name_r->bytes, used);
		if (used - label == 1 || (*text != '\0' && *text != '.'))
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

size_t dns_wire_length(const uint8_t *name)
{
	size_t length = 1;

	while (name[length - 1] != 0)
		length += (size_t)name[length - 1] + 1;
	return length;
}

unsigned dns_wire_labels(const uint8_t *name)
{
	unsigned count = 0;

	for (; *name != 0; name += *name + 1)
		count++;
	return count;
}

unsigned dns_wire_signed_labels(const uint8_t *name)
{
	return dns_wire_labels(name) - (dns_wire_is_wildcard(name) ? 1 : 0);
}

const uint8_t *dns_wire_parent(const uint8_t *name)
{
	return *name == 0 ? name : name + *name + 1;
}

const uint8_t *dns_wire_suffix(const uint8_t *name, unsigned labels)
{
	for (unsigned have = dns_wire_labels(name); have > labels; have--)
		name += *name + 1;
	return name;
}

bool dns_wire_is_root(const uint8_t *name)
{
	return *name == 0;
}

bool dns_wire_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

bool dns_wire_equal(const uint8_t *a, const uint8_t *b)
{
	/* label by label: names of a flood differ early, and are compared each with each */
	for (; *a == *b && memcmp(a, b, *a + 1u) == 0; a += *a + 1, b += *b + 1)
		if (*a == 0)
			return true;
	return false;
}

bool dns_wire_is_within(const uint8_t *name, const uint8_t *ancestor)
{
	return dns_wire_equal(dns_wire_suffix(name, dns_wire_labels(ancestor)), ancestor);
}

bool dns_wire_is_below(const uint8_t *name, const uint8_t *ancestor)
{
	return dns_wire_labels(name) > dns_wire_labels(ancestor) && dns_wire_is_within(name, ancestor);
}

/* Fills starts with the labels from the first on. @return their number. */
static unsigned name_split(const uint8_t *name, const uint8_t *starts[DNS_NAME_MAX_LABELS + 1])
{
	unsigned count = 0;

	for (; *name != 0 && count <= DNS_NAME_MAX_LABELS; name += *name + 1)
		starts[count++] = name;
	return count;
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
	int order = memcmp(a + 1, b + 1, *a < *b ? *a : *b);

	return order != 0 ? order : (int)*a - (int)*b;
}

int dns_wire_compare(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *labels_a[DNS_NAME_MAX_LABELS + 1], *labels_b[DNS_NAME_MAX_LABELS + 1];
	unsigned count_a = name_split(a, labels_a), count_b = name_split(b, labels_b);

	while (count_a != 0 && count_b != 0) {
		int order = label_compare(labels_a[--count_a], labels_b[--count_b]);

		if (order != 0)
			return order;
	}
	return (int)count_a - (int)count_b;
}

unsigned dns_wire_common_labels(const uint8_t *a, const uint8_t *b)
{
	unsigned labels = dns_wire_labels(a), labels_b = dns_wire_labels(b);

	if (labels_b < labels)
		labels = labels_b;
	while (labels != 0 && !dns_wire_equal(dns_wire_suffix(a, labels), dns_wire_suffix(b, labels)))
		labels--;
	return labels;
}

const uint8_t *dns_wire_wildcard(struct arena *arena, const uint8_t *ancestor)
{
	size_t length = dns_wire_length(ancestor);
	uint8_t *name;

	if (length + 2 > DNS_NAME_BYTES)
		return NULL;
	name = arena_alloc(arena, length + 2);
	name[0] = 1;
	name[1] = '*';
	memcpy(name + 2, ancestor, length);
	return name;
}

const char *dns_wire_text(struct arena *arena, const uint8_t *name)
{
	char text[DNS_NAME_TEXT_BYTES];
	size_t length = dns_name_text(name, text);

	return arena_strndup(arena, text, length);
}

int dns_wire_from_message(const uint8_t *wire, size_t length, size_t *position_r, uint8_t name_r[DNS_NAME_BYTES])
{
	size_t position = *position_r, used = 0;
	unsigned pointers = 0;

	for (;;) {
		uint8_t octet;

		if (position >= length)
			return -E_SYNTAX;
		octet = wire[position];
		if ((octet & 0xc0) == 0xc0) {
			size_t target;

			if (position + 1 >= length || ++pointers > MAX_POINTERS)
				return -E_SYNTAX;
			target = (size_t)(octet & 0x3f) << 8 | wire[position + 1];
			if (target >= position)
				return -E_SYNTAX;
			if (pointers == 1)
				*position_r = position + 2;
			position = target;
			continue;
		}
		if (octet > LABEL_BYTES || position + octet >= length || used + octet + 1u > DNS_NAME_BYTES)
			return -E_SYNTAX;
		for (unsigned i = 0; i <= octet; i++)
			name_r[used++] = i == 0 ? octet : lower(wire[position + i]);
		position += (size_t)octet + 1;
		if (octet == 0)
			break;
	}
	if (pointers == 0)
		*position_r = position;
	return 0;
}
