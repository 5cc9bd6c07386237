/* SPDX-License-Identifier: BSD-2-Clause */
/* util/reference: references of messages, made and found again in what people paste. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/reference.h"

static void test_reference_make_is_of_its_form_and_found(void **state)
{
	char reference[REFERENCE_BYTES], found[REFERENCE_BYTES], text[64];
	unsigned seen[128] = { 0 };

	(void)state;
	for (int round = 0; round < 20000; round++) {
		assert_int_equal(reference_make(reference), 0);
		assert_int_equal(strlen(reference), REFERENCE_BYTES - 1);
		for (int i = 0; reference[i] != '\0'; i++) {
			assert_true(i % 5 == 4 ? reference[i] == '-' : strchr("0123456789abcdefghjkmnpqrstvwxyz", reference[i]) != NULL);
			seen[(unsigned char)reference[i]]++;
		}
		snprintf(text, sizeof(text), "550 5.7.1 no; ref %s; see x", reference);
		assert_true(reference_find(text, strlen(text), found));
		assert_string_equal(found, reference);
	}
	/* 12 letters of 32 each time: 7500 of each, and sixty times their deviation is more than chance has */
	for (const char *c = "0123456789abcdefghjkmnpqrstvwxyz"; *c != '\0'; c++)
		assert_in_range(seen[(unsigned char)*c], 6800, 8200);
}

static void test_reference_make_never_twice(void **state)
{
	enum { COUNT = 20000 };
	static char references[COUNT][REFERENCE_BYTES];

	(void)state;
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(reference_make(references[i]), 0);
	qsort(references, COUNT, REFERENCE_BYTES, (int (*)(const void *, const void *))strcmp);
	for (int i = 1; i < COUNT; i++)
		assert_string_not_equal(references[i - 1], references[i]);
}

static void test_reference_find_in_what_is_pasted(void **state)
{
	static const struct { const char *text, *found; } rows[] = {
		{ "k7m9-qxw2-rtbh", "k7m9-qxw2-rtbh" }, { "K7M9-QXW2-RTBH", "k7m9-qxw2-rtbh" }, { "k7m9qxw2rtbh", "k7m9-qxw2-rtbh" },
		{ " <k7m9-qxw2-rtbh>.\n", "k7m9-qxw2-rtbh" }, { "\"k7m9-qxw2-rtbh\",", "k7m9-qxw2-rtbh" }, { "(ref k7m9-qxw2-rtbh)", "k7m9-qxw2-rtbh" },
		{ "ref=k7m9-qxw2-rtbh", "k7m9-qxw2-rtbh" }, { "REF: k7m9-qxw2-rtbh.", "k7m9-qxw2-rtbh" }, { "ref\r\n    k7m9-qxw2-rtbh;", "k7m9-qxw2-rtbh" },
		{ "ref k7m9qxw2rtbh here", "k7m9-qxw2-rtbh" }, { "the one is k7m9-qxw2-rtbh, thank you", "k7m9-qxw2-rtbh" },
		/* read aloud and written down */
		{ "oOil-ILoO-0011", "0011-1100-0011" },
		/* ours stands behind all that is the sender's */
		{ "550 no: ref aaaa-bbbb-cccc says he; ref k7m9-qxw2-rtbh; see https://x", "k7m9-qxw2-rtbh" },
		{ "550 ref k7m9-qxw2-rtbh; some-host-name", "k7m9-qxw2-rtbh" }, { "550 some-host-name then ref k7m9-qxw2-rtbh", "k7m9-qxw2-rtbh" },
		{ "id=4F2 ref=k7m9-qxw2-rtbh client=mail-abcd-efgh.example[192.0.2.1] helo=x", "k7m9-qxw2-rtbh" },
		/* none */
		{ "", NULL }, { "-", NULL }, { "k7m9-qxw2", NULL }, { "k7m9-qxw2-rtb", NULL }, { "k7m9-qxw2-rtbhh", NULL }, { "k7m9-qxw2-rtbh-", NULL },
		{ "k7m9-qxw2-rtbu", NULL }, { "k7m9_qxw2_rtbh", NULL }, { "the k7m9qxw2rtbh is bare", NULL }, { "a@k7m9-qxw2-rtbh.example", NULL },
		{ "x k7m9-qxw2-rtbh.example", NULL }, { "x k7m9-qxw2-rtbh@example", NULL }, { "x -k7m9-qxw2-rtbh y", NULL },
		{ "\xc3\xa4k7m9-qxw2-rtbh x", NULL }, { "4F2A81C0B3", NULL },
	};
	char found[REFERENCE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool any = reference_find(rows[i].text, strlen(rows[i].text), found);

		if (any != (rows[i].found != NULL))
			fail_msg("'%s': found %s", rows[i].text, any ? found : "nothing");
		if (any)
			assert_string_equal(found, rows[i].found);
	}
}

static void test_reference_find_looks_so_far(void **state)
{
	static char text[REFERENCE_PASTED_BYTES + 100];
	char found[REFERENCE_BYTES];

	(void)state;
	memset(text, ' ', sizeof(text));
	text[0] = 'x';
	memcpy(text + REFERENCE_PASTED_BYTES - 14, "k7m9-qxw2-rtbh", 14);
	assert_true(reference_find(text, sizeof(text), found));
	memset(text + 1, ' ', sizeof(text) - 1);
	memcpy(text + REFERENCE_PASTED_BYTES - 13, "k7m9-qxw2-rtbh", 14);
	assert_false(reference_find(text, sizeof(text), found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_make_is_of_its_form_and_found),
		cmocka_unit_test(test_reference_make_never_twice),
		cmocka_unit_test(test_reference_find_in_what_is_pasted),
		cmocka_unit_test(test_reference_find_looks_so_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
