/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMARC policy records from DNS. RFC 9989 section 4.8: unknown tags are ignored, and a known tag whose value is wrong
 * gives its default, except that wrong p, sp and np are remembered (section 4.10.1). Tag lists are those of DKIM, where
 * a tag that stands twice makes the list invalid (RFC 6376 section 3.2). A policy is not dropped for that, as its domain
 * would be without protection for a slip: the first value counts, and the admin is told.
 * Thread: that of the arena. Trusts nothing of the text, which may hold any bytes.
 */
#include "check/dmarc/record.h"

#include <string.h>
#include <strings.h>

#include "check/dmarc/uri.h"
#include "util/error.h"

enum { RECORD_MAX_BYTES = 16384, RECORD_MAX_TAGS = 100 };

struct slice { const char *start; size_t length; };

static bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct slice trim(const char *start, const char *end)
{
	while (start < end && is_wsp(*start))
		start++;
	while (start < end && is_wsp(end[-1]))
		end--;
	return (struct slice){ start, (size_t)(end - start) };
}

static bool slice_is(struct slice slice, const char *word)
{
	return slice.length == strlen(word) && strncasecmp(slice.start, word, slice.length) == 0;
}

/* dmarc-tag. @return false when the text between two semicolons is none. */
static bool split_tag(const char *start, const char *end, struct slice *name_r, struct slice *value_r)
{
	const char *equals = memchr(start, '=', (size_t)(end - start));

	if (equals == NULL)
		return false;
	*name_r = trim(start, equals);
	*value_r = trim(equals + 1, end);
	for (size_t i = 0; i < name_r->length; i++)
		if (!is_alpha(name_r->start[i]))
			return false;
	for (size_t i = 0; i < value_r->length; i++)
		if (value_r->start[i] < ' ' || value_r->start[i] > '~')
			return false;
	return name_r->length != 0;
}

static void set_policy(struct dmarc_policy_tag *tag, struct slice value)
{
	int policy;

	tag->present = true;
	if (words_value_nocase(dmarc_policy_words, value.start, value.length, &policy) == 0) {
		tag->valid = true;
		tag->policy = (enum dmarc_policy)policy;
	}
}

/* Options between colons. One that is none spoils the value, which then is the default. */
static unsigned failure_options(struct slice list)
{
	static const struct { const char *word; enum dmarc_failure_option option; } options[] = {
		{ "0", DMARC_FAILURE_ALL }, { "1", DMARC_FAILURE_ANY }, { "d", DMARC_FAILURE_DKIM }, { "s", DMARC_FAILURE_SPF },
	};
	const char *p = list.start, *end = list.start + list.length, *colon;
	unsigned set = 0;

	for (; p <= end; p = colon + 1) {
		unsigned found = 0;

		colon = p < end ? memchr(p, ':', (size_t)(end - p)) : NULL;
		if (colon == NULL)
			colon = end;
		for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
			if (slice_is(trim(p, colon), options[i].word))
				found = options[i].option;
		if (found == 0)
			return DMARC_FAILURE_ALL;
		set |= found;
	}
	return set;
}

enum known_tag { TAG_ADKIM, TAG_ASPF, TAG_FO, TAG_NP, TAG_P, TAG_PSD, TAG_RUA, TAG_RUF, TAG_SP, TAG_T, TAG_V, TAG_COUNT };

static const char *const tag_names[TAG_COUNT] = { "adkim", "aspf", "fo", "np", "p", "psd", "rua", "ruf", "sp", "t",
	"v" };

static void set_tag(struct arena *arena, struct dmarc_record *record, enum known_tag tag, struct slice value)
{
	switch (tag) {
	case TAG_ADKIM:
		record->strict_dkim = slice_is(value, "s");
		break;
	case TAG_ASPF:
		record->strict_spf = slice_is(value, "s");
		break;
	case TAG_FO:
		record->failure_options = failure_options(value);
		break;
	case TAG_NP:
		set_policy(&record->np, value);
		break;
	case TAG_P:
		set_policy(&record->p, value);
		break;
	case TAG_PSD:
		record->psd = slice_is(value, "y") ? DMARC_PSD_YES : slice_is(value, "n") ? DMARC_PSD_NO : DMARC_PSD_UNKNOWN;
		break;
	case TAG_RUA:
		record->rua = arena_strndup(arena, value.start, value.length);
		record->rua_valid = dmarc_uri_list_valid(value.start, value.length);
		break;
	case TAG_RUF:
		record->ruf = arena_strndup(arena, value.start, value.length);
		break;
	case TAG_SP:
		set_policy(&record->sp, value);
		break;
	case TAG_T:
		record->testing = slice_is(value, "y");
		break;
	case TAG_V:
	case TAG_COUNT:
		break;
	}
}

static enum known_tag find_tag(struct slice name)
{
	enum known_tag tag = 0;

	while (tag < TAG_COUNT && !slice_is(name, tag_names[tag]))
		tag++;
	return tag;
}

/* dmarc-version: the first thing in the record, its value case-sensitive. */
static bool is_version(const char *start, const char *end)
{
	struct slice name, value;

	return start < end && !is_wsp(*start) && split_tag(start, end, &name, &value) && slice_is(name, "v") &&
	    value.length == strlen("DMARC1") && memcmp(value.start, "DMARC1", value.length) == 0;
}

int dmarc_record_parse(struct arena *arena, const char *text, size_t length, struct dmarc_record *record_r)
{
	const char *p = text, *end = text + length, *next;
	unsigned seen = 0, tags = 0;
	struct slice name, value;
	enum known_tag tag;

	*record_r = (struct dmarc_record){ .psd = DMARC_PSD_UNKNOWN, .failure_options = DMARC_FAILURE_ALL };
	for (; p < end || tags == 0; p = next + 1) {
		next = p < end ? memchr(p, ';', (size_t)(end - p)) : NULL;
		if (next == NULL)
			next = end;
		if (tags == 0 && !is_version(p, next))
			return -E_ABSENT;
		if (++tags > RECORD_MAX_TAGS || length > RECORD_MAX_BYTES)
			return -E_LIMIT;
		if (!split_tag(p, next, &name, &value))
			continue;
		tag = find_tag(name);
		if (tag == TAG_COUNT)
			continue;
		if ((seen & 1u << tag) != 0) {
			/* those of failure reports matter to no verdict: nobody is told */
			if (tag != TAG_FO && tag != TAG_RUF)
				record_r->repeated = tag_names[tag];
			continue;
		}
		seen |= 1u << tag;
		set_tag(arena, record_r, tag, value);
	}
	return 0;
}
