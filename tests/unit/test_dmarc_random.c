/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A million DMARC records: half of them made from tags, so that what they must be read as is known before; half of those and
 * whatever bytes bent afterwards, of which only the invariants are asked. ASSAY_RECORDS: how many, ASSAY_SEED: which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/dmarc/record.h"
#include "util/error.h"

enum { RECORDS = 1000000, TAGS_MAX = 12, TEXT_BYTES = 4096, BATCH = 1000 };

static uint64_t seed;

/* xorshift64*; the same on every machine. */
static unsigned below(unsigned limit)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % limit;
}

struct known {
	struct dmarc_policy_tag p, sp, np;
	enum dmarc_psd psd;
	bool testing, strict_dkim, strict_spf, rua_valid, repeated, seen[11];
	const char *rua, *ruf;
	unsigned options;	/* fo */
};

struct made { char text[TEXT_BYTES]; size_t length; };

static void put(struct made *made, const char *text)
{
	size_t length = strlen(text);

	memcpy(made->text + made->length, text, length + 1);
	made->length += length;
}

/* Letters in either case: names and words do not mind. */
static void put_word(struct made *made, const char *text)
{
	size_t start = made->length;

	put(made, text);
	for (size_t i = start; below(4) == 0 && i < made->length; i++)
		if (made->text[i] >= 'a' && made->text[i] <= 'z' && below(2) == 0)
			made->text[i] -= 'a' - 'A';
}

static void put_blank(struct made *made)
{
	static const char *const blanks[] = { "", "", "", " ", "\t", "  " };

	put(made, blanks[below(6)]);
}

static void set_policy(struct dmarc_policy_tag *tag, unsigned value)
{
	tag->present = true;
	tag->valid = value <= DMARC_POLICY_REJECT;
	tag->policy = tag->valid ? (enum dmarc_policy)value : DMARC_POLICY_NONE;
}

static const char *const names[] = { "p", "sp", "np", "psd", "t", "adkim", "aspf", "rua", "v", "ruf", "fo" };
static const char *const policies[] = { "none", "quarantine", "reject", "", "rejekt", "none reject", "reject!" };
static const char *const flags[] = { "y", "n", "u", "s", "r", "", "yes" };
static const struct { const char *text; bool valid; } uris[] = {
	{ "mailto:a@b.example", true }, { "mailto:a@b.example!10m", true }, { "x,mailto:a@b.example!1", true }, { "", false },
	{ "mailto:a!b@c.example", false }, { "mailto:a@b.example!10x", false }, { "mailto:a@b.example!1m1", false },
	{ "mailto:a@b.example!m", false }, { "https://b.example/!5k", true }, { "https:", false },
};

static const struct { const char *text; unsigned set; } options[] = {
	{ "0", DMARC_FAILURE_ALL }, { "1", DMARC_FAILURE_ANY }, { "d", DMARC_FAILURE_DKIM }, { "S", DMARC_FAILURE_SPF },
	{ "1:d", DMARC_FAILURE_ANY | DMARC_FAILURE_DKIM }, { "d : s:0", DMARC_FAILURE_DKIM | DMARC_FAILURE_SPF | DMARC_FAILURE_ALL },
	{ "", DMARC_FAILURE_ALL }, { "1:x", DMARC_FAILURE_ALL }, { "d:", DMARC_FAILURE_ALL }, { "1d", DMARC_FAILURE_ALL },
};

/* The value of the tag that stands at this place of names; known gets it when it is the first. */
static const char *value_of(unsigned tag, bool first, struct known *known)
{
	unsigned value = below(7), uri = below(sizeof(uris) / sizeof(uris[0]));

	if (tag <= 2) {
		if (first)
			set_policy(tag == 0 ? &known->p : tag == 1 ? &known->sp : &known->np, value);
		return policies[value];
	}
	if (tag == 7) {
		if (first) {
			known->rua = uris[uri].text;
			known->rua_valid = uris[uri].valid;
		}
		return uris[uri].text;
	}
	if (tag == 8)
		return "DMARC1";
	if (tag == 9) {
		if (first)
			known->ruf = uris[uri].text;
		return uris[uri].text;
	}
	if (tag == 10) {
		if (first)
			known->options = options[uri].set;
		return options[uri].text;
	}
	if (first && tag == 3)
		known->psd = value == 0 ? DMARC_PSD_YES : value == 1 ? DMARC_PSD_NO : DMARC_PSD_UNKNOWN;
	if (first && tag == 4)
		known->testing = value == 0;
	if (first && tag == 5)
		known->strict_dkim = value == 3;
	if (first && tag == 6)
		known->strict_spf = value == 3;
	return flags[value];
}

static void put_tag(struct made *made, struct known *known)
{
	static const char *const idle[] = { "pct=50", "rf=afrf", "ri=1", "x=y", "q", "", "=", "rux=1:d", "p\x01=reject", "p1=none" };
	unsigned tag = below(16);
	const char *value;

	if (tag >= sizeof(names) / sizeof(names[0])) {
		put(made, idle[below(10)]);
		return;
	}
	value = value_of(tag, !known->seen[tag], known);
	/* those of failure reports are told to nobody */
	known->repeated = known->repeated || (known->seen[tag] && tag < 9);
	known->seen[tag] = true;
	put_word(made, names[tag]);
	put_blank(made);
	put(made, "=");
	put_blank(made);
	if (tag < 7)
		put_word(made, value);
	else
		put(made, value);
}

static void make(struct made *made, struct known *known)
{
	unsigned count = below(TAGS_MAX);

	*known = (struct known){ .psd = DMARC_PSD_UNKNOWN, .options = DMARC_FAILURE_ALL, .seen = { [8] = true } };
	made->length = 0;
	put(made, below(8) == 0 ? "V = DMARC1" : "v=DMARC1");
	for (unsigned i = 0; i < count; i++) {
		put_blank(made);
		put(made, ";");
		put_blank(made);
		put_tag(made, known);
	}
	put_blank(made);
	put(made, below(2) == 0 ? ";" : "");
}

static bool same_tag(const struct dmarc_policy_tag *a, const struct dmarc_policy_tag *b)
{
	return a->present == b->present && a->valid == b->valid && a->policy == b->policy;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_known(const struct dmarc_record *record, const struct known *known)
{
	return same_tag(&record->p, &known->p) && same_tag(&record->sp, &known->sp) && same_tag(&record->np, &known->np) &&
	    record->psd == known->psd && record->testing == known->testing && record->strict_dkim == known->strict_dkim &&
	    record->strict_spf == known->strict_spf && record->rua_valid == known->rua_valid &&
	    (record->repeated != NULL) == known->repeated &&
	    same_text(record->rua, known->rua) && same_text(record->ruf, known->ruf) && record->failure_options == known->options;
}

/* A few bytes changed, cut, doubled, or all of it noise. */
static void bend(struct made *made)
{
	unsigned count = 1 + below(6);

	if (below(20) == 0) {
		made->length = below(200);
		for (size_t i = 0; i < made->length; i++)
			made->text[i] = (char)below(256);
		return;
	}
	for (unsigned i = 0; i < count && made->length > 1; i++) {
		size_t at = below((unsigned)made->length), rest = made->length - at;

		if (below(3) == 0) {
			made->length = at;
		} else if (below(3) == 0 && made->length + rest < TEXT_BYTES) {
			memmove(made->text + at + rest, made->text + at, rest);
			made->length += rest;
		} else {
			made->text[at] = (char)(below(3) == 0 ? below(256) : (unsigned)";= \tv!:@,"[below(9)]);
		}
	}
}

static void check_bent(const struct made *made, struct arena *arena)
{
	struct dmarc_record record;
	int status = dmarc_record_parse(arena, made->text, made->length, &record);
	const struct dmarc_policy_tag *tags[] = { &record.p, &record.sp, &record.np };

	assert_true(status == 0 || status == -E_ABSENT || status == -E_LIMIT);
	for (size_t i = 0; i < 3; i++)
		assert_true(tags[i]->policy <= DMARC_POLICY_REJECT && (tags[i]->present || !tags[i]->valid));
	assert_true(record.rua != NULL || !record.rua_valid);
	for (const char *c = record.rua; c != NULL && *c != '\0'; c++)
		assert_true(*c >= ' ' && *c <= '~' && *c != ';');
	if (status != 0)
		return;
	assert_true(made->length >= strlen("v=DMARC1") && (made->text[0] == 'v' || made->text[0] == 'V'));
}

static unsigned long from_environment(const char *name, unsigned long usual)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : usual;
}

static void test_dmarc_record_parse_random(void **state)
{
	static struct made made;
	unsigned long records = from_environment("ASSAY_RECORDS", RECORDS), first = from_environment("ASSAY_SEED", 20260501);
	struct arena *arena = arena_new();
	struct dmarc_record record;
	struct known known;

	(void)state;
	seed = first | 1;
	for (unsigned long i = 0; i < records; i++) {
		make(&made, &known);
		if (i % 2 != 0) {
			bend(&made);
			check_bent(&made, arena);
		} else if (dmarc_record_parse(arena, made.text, made.length, &record) != 0 || !is_known(&record, &known)) {
			fail_msg("seed %lu, record %lu: %s", first, i, made.text);
		}
		if (i % BATCH == 0) {
			arena_free(&arena);
			arena = arena_new();
		}
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmarc_record_parse_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
