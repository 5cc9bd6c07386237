/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ADSP records: a tag list as in DKIM (RFC 6376 section 3.2) whose first tag is "dkim". What does not follow the syntax
 * is ignored as if it were not there (RFC 5617 section 4.2.1). Thread: any. Trusts nothing of the text.
 */
#include "check/adsp/record.h"

#include <stdbool.h>
#include <string.h>

#include "util/error.h"

enum { RECORD_MAX_BYTES = 4096, TAGS_MAX = 50, NAME_MAX_BYTES = 63 };

/* FWS of a tag list; folds do not occur in DNS. */
static bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

struct tag { const char *name, *value; size_t name_length, value_length; };

static bool is_name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (!first && ((c >= '0' && c <= '9') || c == '_'));
}

/* tag-spec: name "=" value, white space around both, the value printable without ";". */
static bool split_tag(const char *p, const char *end, struct tag *tag_r)
{
	while (p < end && is_wsp(*p))
		p++;
	while (p < end && is_wsp(end[-1]))
		end--;
	tag_r->name = p;
	while (p < end && is_name_char(*p, p == tag_r->name))
		p++;
	tag_r->name_length = (size_t)(p - tag_r->name);
	while (p < end && is_wsp(*p))
		p++;
	if (tag_r->name_length == 0 || tag_r->name_length > NAME_MAX_BYTES || p == end || *p != '=')
		return false;
	p++;
	while (p < end && is_wsp(*p))
		p++;
	tag_r->value = p;
	tag_r->value_length = (size_t)(end - p);
	for (; p < end; p++)
		if ((*p < '!' || *p > '~') && !is_wsp(*p))
			return false;
	return true;
}

static bool value_is(const struct tag *tag, const char *word)
{
	return tag->value_length == strlen(word) && memcmp(tag->value, word, tag->value_length) == 0;
}

static bool same_name(const struct tag *a, const struct tag *b)
{
	return a->name_length == b->name_length && memcmp(a->name, b->name, a->name_length) == 0;
}

static bool rest_is_blank(const char *p, const char *end)
{
	while (p < end && is_wsp(*p))
		p++;
	return p == end;
}

const struct word adsp_practice_words[] = {
	{ "unknown", ADSP_UNKNOWN }, { "all", ADSP_ALL }, { "discardable", ADSP_DISCARDABLE }, { 0 }
};

int adsp_record_parse(const char *text, size_t length, enum adsp_practice *practice_r)
{
	const char *p = text, *end = text + length, *next;
	struct tag tags[TAGS_MAX];
	size_t count = 0;

	*practice_r = ADSP_UNKNOWN;
	/* "the first four characters of the record are lowercase dkim" */
	if (length > RECORD_MAX_BYTES || length < 4 || memcmp(text, "dkim", 4) != 0)
		return -E_ABSENT;
	for (; p < end; p = next + 1) {
		next = memchr(p, ';', (size_t)(end - p));
		if (next == NULL)
			next = end;
		if (count != 0 && rest_is_blank(p, end))
			break;	/* one ";" may stand at the end */
		if (count == TAGS_MAX || !split_tag(p, next, &tags[count]))
			return -E_ABSENT;
		for (size_t i = 0; i < count; i++)
			if (same_name(&tags[i], &tags[count]))
				return -E_ABSENT;
		count++;
	}
	if (tags[0].name_length != 4 || tags[0].value_length == 0)
		return -E_ABSENT;
	for (const struct word *word = adsp_practice_words; word->word != NULL; word++) {
		if (value_is(&tags[0], word->word))
			*practice_r = (enum adsp_practice)word->value;
	}
	return 0;
}
