/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names in lower-case wire form: taking apart, comparing, printing. Part of the validator.
 * Trusts names that it made itself; text and messages are checked octet by octet. Fails with -E_SYNTAX. Thread: any.
 */
#include "dnssec/name.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"

enum { MAX_POINTERS = 10, MAX_LABEL = 63 };

size_t name_length(const uint8_t *name)
{
	size_t length = 1;

	while (name[length - 1] != 0)
		length += (size_t)name[length - 1] + 1;
	return length;
}

unsigned name_labels(const uint8_t *name)
{
	unsigned count = 0;

	for (; *name != 0; name += *name + 1)
		count++;
	return count;
}

unsigned name_signed_labels(const uint8_t *name)
{
	return name_labels(name) - (name_is_wildcard(name) ? 1 : 0);
}

const uint8_t *name_parent(const uint8_t *name)
{
	return *name == 0 ? name : name + *name + 1;
}

const uint8_t *name_suffix(const uint8_t *name, unsigned labels)
{
	for (unsigned have = name_labels(name); have > labels; have--)
		name += *name + 1;
	return name;
}

bool name_is_root(const uint8_t *name)
{
	return *name == 0;
}

bool name_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
	/* label by label: names of a flood differ early, and are compared each with each */
	for (; *a == *b && memcmp(a, b, *a + 1u) == 0; a += *a + 1, b += *b + 1)
		if (*a == 0)
			return true;
	return false;
}

bool name_within(const uint8_t *name, const uint8_t *ancestor)
{
	return name_equal(name_suffix(name, name_labels(ancestor)), ancestor);
}

bool name_below(const uint8_t *name, const uint8_t *ancestor)
{
	return name_labels(name) > name_labels(ancestor) && name_within(name, ancestor);
}

/* Fills starts with the labels from the first on. @return their number. */
static unsigned name_split(const uint8_t *name, const uint8_t *starts[NAME_MAX_LABELS + 1])
{
	unsigned count = 0;

	for (; *name != 0 && count <= NAME_MAX_LABELS; name += *name + 1)
		starts[count++] = name;
	return count;
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
	int order = memcmp(a + 1, b + 1, *a < *b ? *a : *b);

	return order != 0 ? order : (int)*a - (int)*b;
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *labels_a[NAME_MAX_LABELS + 1], *labels_b[NAME_MAX_LABELS + 1];
	unsigned count_a = name_split(a, labels_a), count_b = name_split(b, labels_b);

	while (count_a != 0 && count_b != 0) {
		int order = label_compare(labels_a[--count_a], labels_b[--count_b]);

		if (order != 0)
			return order;
	}
	return (int)count_a - (int)count_b;
}

unsigned name_common_labels(const uint8_t *a, const uint8_t *b)
{
	unsigned labels = name_labels(a), labels_b = name_labels(b);

	if (labels_b < labels)
		labels = labels_b;
	while (labels != 0 && !name_equal(name_suffix(a, labels), name_suffix(b, labels)))
		labels--;
	return labels;
}

const uint8_t *name_wildcard(struct arena *arena, const uint8_t *ancestor)
{
	size_t length = name_length(ancestor);
	uint8_t *name;

	if (length + 2 > NAME_BYTES)
		return NULL;
	name = arena_alloc(arena, length + 2);
	name[0] = 1;
	name[1] = '*';
	memcpy(name + 2, ancestor, length);
	return name;
}

const char *name_text(struct arena *arena, const uint8_t *name)
{
	char text[4 * NAME_BYTES + 1];
	size_t used = 0;

	if (*name == 0)
		return ".";
	for (; *name != 0; name += *name + 1) {
		if (used != 0)
			text[used++] = '.';
		for (unsigned i = 1; i <= *name; i++) {
			uint8_t c = name[i];

			if (c <= 0x20 || c >= 0x7f)
				used += (size_t)snprintf(text + used, sizeof(text) - used, "\\%03u", c);
			else if (strchr(".\\\"();@$", c) != NULL)
				used += (size_t)snprintf(text + used, sizeof(text) - used, "\\%c", c);
			else
				text[used++] = (char)c;
		}
	}
	return arena_strndup(arena, text, used);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One character of presentation form, escapes undone. @return its octet, -1 when the escape is broken. */
static int text_octet(const char **text)
{
	const char *t = *text;
	int value;

	if (*t != '\\') {
		*text = t + 1;
		return lower((uint8_t)*t);
	}
	if (!is_digit(t[1])) {
		*text = t + 2;
		return t[1] == '\0' ? -1 : lower((uint8_t)t[1]);
	}
	if (!is_digit(t[2]) || !is_digit(t[3]))
		return -1;
	value = (t[1] - '0') * 100 + (t[2] - '0') * 10 + (t[3] - '0');
	*text = t + 4;
	return value > 255 ? -1 : lower((uint8_t)value);
}

int name_from_text(const char *text, uint8_t name_r[NAME_BYTES])
{
	size_t start = 0, used = 1;

	if (strcmp(text, ".") == 0 || *text == '\0') {
		name_r[0] = 0;
		return 0;
	}
	while (*text != '\0') {
		int octet;

		if (*text == '.') {
			if (used == start + 1 || used >= NAME_BYTES)
				return -E_SYNTAX;
			name_r[start] = (uint8_t)(used - start - 1);
			start = used++;
			text++;
			continue;
		}
		octet = text_octet(&text);
		if (octet < 0 || used >= NAME_BYTES - 1u || used - start > MAX_LABEL)
			return -E_SYNTAX;
		name_r[used++] = (uint8_t)octet;
	}
	name_r[start] = (uint8_t)(used - start - 1);
	if (name_r[start] != 0)
		name_r[used] = 0;
	return 0;
}

int name_from_wire(const uint8_t *wire, size_t length, size_t *position_r, uint8_t name_r[NAME_BYTES])
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
		if (octet > MAX_LABEL || position + octet >= length || used + octet + 1u > NAME_BYTES)
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
