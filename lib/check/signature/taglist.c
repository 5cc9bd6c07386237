/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tag lists: the strict reader that stands before libopendkim for signature fields, and the only one for key records.
 * It is strict because the library loses all signatures of a message for one list that it cannot read.
 * Thread: any. Trusts nothing; fails with -E_SYNTAX and a static text.
 */
#include "check/signature/taglist.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "util/clean.h"
#include "util/error.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_alpha(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* ALNUMPUNC of RFC 6376 section 3.2 */
static bool is_name_char(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '_';
}

static bool name_is(const struct dkim_tag *tag, const char *name, size_t length)
{
	return tag->name_length == length && memcmp(tag->name, name, length) == 0;
}

static int fail(const char **why_r, const char *why)
{
	*why_r = why;
	return -E_SYNTAX;
}

/* One tag-spec between text and end, which holds no ";". */
static int tag_parse(const char *text, const char *end, struct dkim_tag *tag_r, const char **why_r)
{
	const char *at = text;

	tag_r->name = at;
	if (!is_alpha(*at))
		return fail(why_r, "a tag name does not begin with a letter");
	while (at < end && is_name_char(*at))
		at++;
	tag_r->name_length = (size_t)(at - tag_r->name);
	tag_r->spaced = at < end && is_space(*at);
	while (at < end && is_space(*at))
		at++;
	if (at == end || *at != '=')
		return fail(why_r, "a tag has no \"=\" behind its name");
	at++;
	while (at < end && is_space(*at))
		at++;
	while (end > at && is_space(end[-1]))
		end--;
	tag_r->value = at;
	tag_r->value_length = (size_t)(end - at);
	for (; at < end; at++)
		if (clean_is(*at, CLEAN_CONTROL) && !is_space(*at))
			return fail(why_r, "a control byte stands in a tag's value");
	return 0;
}

static int tag_add(struct dkim_taglist *list, const char *text, const char *end, const char **why_r)
{
	struct dkim_tag tag;

	if (list->count == DKIM_TAGS_MAX) {
		*why_r = "too many tags";
		return -E_LIMIT;
	}
	if (tag_parse(text, end, &tag, why_r) != 0)
		return -E_SYNTAX;
	for (size_t i = 0; i < list->count; i++)
		if (name_is(&list->tags[i], tag.name, tag.name_length))
			return fail(why_r, "a tag occurs twice");
	list->tags[list->count++] = tag;
	return 0;
}

int dkim_taglist_parse(const char *text, size_t length, struct dkim_taglist *list_r, const char **why_r)
{
	const char *end = text + length;
	int error;

	list_r->count = 0;
	*why_r = NULL;
	while (text < end) {
		const char *semicolon = memchr(text, ';', (size_t)(end - text));
		const char *stop = semicolon != NULL ? semicolon : end;

		while (text < stop && is_space(*text))
			text++;
		if (text == stop) {
			/* only the list's end may be empty: [";"] */
			if (semicolon == NULL)
				break;
			return fail(why_r, "a tag is empty");
		}
		error = tag_add(list_r, text, stop, why_r);
		if (error != 0)
			return error;
		text = semicolon != NULL ? semicolon + 1 : end;
	}
	return list_r->count != 0 ? 0 : fail(why_r, "there are no tags");
}

const struct dkim_tag *dkim_taglist_get(const struct dkim_taglist *list, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < list->count; i++)
		if (name_is(&list->tags[i], name, length))
			return &list->tags[i];
	return NULL;
}

bool dkim_tag_is(const struct dkim_tag *tag, const char *text)
{
	return tag->value_length == strlen(text) && strncasecmp(tag->value, text, tag->value_length) == 0;
}

char *dkim_tag_compact(const struct dkim_tag *tag, struct arena *arena, size_t *length_r)
{
	char *copy = arena_alloc(arena, tag->value_length + 1);
	size_t length = 0;

	for (size_t i = 0; i < tag->value_length; i++)
		if (!is_space(tag->value[i]))
			copy[length++] = tag->value[i];
	copy[length] = '\0';
	if (length_r != NULL)
		*length_r = length;
	return copy;
}

int dkim_tag_number(const struct dkim_tag *tag, uint64_t *number_r)
{
	uint64_t number = 0;

	/* RFC 6376 section 3.5: l= has up to 76 digits */
	if (tag->value_length == 0 || tag->value_length > 76)
		return -E_SYNTAX;
	for (size_t i = 0; i < tag->value_length; i++) {
		if (tag->value[i] < '0' || tag->value[i] > '9')
			return -E_SYNTAX;
		number = number * 10 + (uint64_t)(tag->value[i] - '0');
		if (number > DKIM_NUMBER_CEILING)
			number = DKIM_NUMBER_CEILING;
	}
	*number_r = number;
	return 0;
}

/* The value of a base64 digit, and one more; 0: none. Of octets past 127 there is none. */
static const uint8_t base64_digits[UCHAR_MAX + 1] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11,
	['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
	['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31,
	['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41,
	['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51,
	['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61,
	['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* @return -1: not a digit. */
static int base64_digit(char c)
{
	return base64_digits[(unsigned char)c] - 1;
}

/* Four digits at a time, as long as there are such. @return how many octets of text were read. */
static size_t base64_groups(const char *text, size_t length, uint8_t *bytes)
{
	size_t at = 0;

	for (; length - at >= 4; at += 4) {
		int first = base64_digit(text[at]), second = base64_digit(text[at + 1]);
		int third = base64_digit(text[at + 2]), fourth = base64_digit(text[at + 3]);
		uint32_t bits;

		if ((first | second | third | fourth) < 0)
			break;
		bits = (uint32_t)first << 18 | (uint32_t)second << 12 | (uint32_t)third << 6 | (uint32_t)fourth;
		*bytes++ = (uint8_t)(bits >> 16);
		*bytes++ = (uint8_t)(bits >> 8);
		*bytes++ = (uint8_t)bits;
	}
	return at;
}

uint8_t *dkim_tag_base64(const struct dkim_tag *tag, struct arena *arena, size_t *length_r)
{
	uint8_t *bytes = arena_alloc(arena, tag->value_length / 4 * 3 + 3);
	size_t length = 0, digits = 0, padding = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < tag->value_length; i++) {
		int digit;

		if (digits % 4 == 0 && padding == 0) {
			size_t whole = base64_groups(tag->value + i, tag->value_length - i, bytes + length);

			i += whole;
			digits += whole;
			length += whole / 4 * 3;
			if (i == tag->value_length)
				break;
		}
		if (is_space(tag->value[i]))
			continue;
		digit = base64_digit(tag->value[i]);
		if (tag->value[i] == '=') {
			padding++;
			continue;
		}
		if (digit < 0 || padding != 0)
			return NULL;
		bits = bits << 6 | (uint32_t)digit;
		if (digits++ % 4 != 0)
			bytes[length++] = (uint8_t)(bits >> (6 - 2 * ((digits - 1) % 4)));
	}
	/* one digit alone is no byte; padding fills up to four */
	if (length == 0 || digits % 4 == 1 || (padding != 0 && (digits + padding) % 4 != 0) || padding > 2)
		return NULL;
	*length_r = length;
	return bytes;
}

bool dkim_tag_next_item(struct dkim_tag *rest, const char **item_r, size_t *length_r)
{
	const char *end, *colon;

	if (rest->value == NULL)
		return false;
	colon = memchr(rest->value, ':', rest->value_length);
	end = colon != NULL ? colon : rest->value + rest->value_length;
	*item_r = rest->value;
	if (colon != NULL) {
		rest->value_length -= (size_t)(colon + 1 - rest->value);
		rest->value = colon + 1;
	} else {
		rest->value = NULL;
	}
	while (*item_r < end && is_space(**item_r))
		(*item_r)++;
	while (end > *item_r && is_space(end[-1]))
		end--;
	*length_r = (size_t)(end - *item_r);
	return true;
}
