/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of checks and findings: sets of any size, and that the traits say what the RFCs and the manual say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "finding_sets.h"
#include "util/arena.h"
#include "util/buf.h"

enum { MANY = 201 };	/* more than three words, and not a whole number of them */

static void test_bits_next_visits_each_in_order_beyond_one_word(void **state)
{
	static const unsigned numbers[] = { 0, 1, 62, 63, 64, 65, 127, 128, 191, 192, 200 };
	uint64_t words[BITS_WORDS(MANY)] = { 0 };
	size_t at = 0;

	(void)state;
	assert_int_equal(BITS_WORDS(MANY), 4);
	assert_int_equal(bits_next(words, MANY, 0), MANY);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		bits_add(words, numbers[i]);
	for (unsigned number = bits_next(words, MANY, 0); number < MANY; number = bits_next(words, MANY, number + 1))
		assert_int_equal(number, numbers[at++]);
	assert_int_equal(at, sizeof(numbers) / sizeof(numbers[0]));
	for (unsigned number = 0; number < MANY; number++) {
		bool expected = false;

		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			expected = expected || numbers[i] == number;
		assert_int_equal(bits_has(words, number), expected);
	}
}

static void test_bits_union_keeps_both(void **state)
{
	uint64_t a[BITS_WORDS(MANY)] = { 0 }, b[BITS_WORDS(MANY)] = { 0 };

	(void)state;
	bits_add(a, 3);
	bits_add(a, 100);
	bits_add(b, 100);
	bits_add(b, 199);
	bits_union(a, b, MANY);
	assert_int_equal(bits_next(a, MANY, 0), 3);
	assert_int_equal(bits_next(a, MANY, 4), 100);
	assert_int_equal(bits_next(a, MANY, 101), 199);
	assert_int_equal(bits_next(a, MANY, 200), MANY);
	assert_false(bits_has(b, 3));
}

/* Bits behind the last number, which a word has room for, are none. */
static void test_bits_next_ends_at_the_count(void **state)
{
	uint64_t words[2] = { 0 };

	(void)state;
	bits_add(words, 70);
	assert_int_equal(bits_next(words, 70, 0), 70);
	assert_int_equal(bits_next(words, 71, 0), 70);
	assert_int_equal(bits_next(words, 66, 65), 66);
}

static void test_finding_set_each_finding_has_a_place(void **state)
{
	finding_set set = SET_NONE, more = SET_NONE;
	int expected = 0;

	(void)state;
	assert_true(finding_set_is_empty(&set));
	for (int id = 0; id < FINDING_COUNT; id++) {
		assert_false(finding_set_has(&set, (enum finding_id)id));
		finding_set_add(id % 2 == 0 ? &set : &more, (enum finding_id)id);
	}
	finding_set_union(&set, &more);
	FINDING_SET_EACH(&set, id)
		assert_int_equal(id, expected++);
	assert_int_equal(expected, FINDING_COUNT);
	assert_false(finding_set_is_empty(&set));
}

static void test_finding_set_print(void **state)
{
	struct arena *arena = arena_new();
	struct buf buf = buf_make(arena);
	finding_set set = SET_OF(FINDING_DKIM_NONE, FINDING_SPF_FAIL), none = SET_NONE;

	(void)state;
	finding_set_print(&none, &buf);
	assert_int_equal(buf.length, 0);
	finding_set_print(&set, &buf);
	assert_string_equal(buf.data, "spf-fail,dkim-none");
	arena_free(&arena);
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

/* Which findings must have a trait, by name, from what the RFC or the manual says of them. */
static void test_finding_traits(void **state)
{
	/* RFC 8689 section 5: policies on TLS of the hop; not a certificate that a partner owes, not tampering */
	static const char *const lack_of_tls[] = { "tls-none", "tls-weak", "tls-no-forward-secrecy", "tls-downgrade",
		"tls-path-cleartext", NULL };
	/* assay.conf(5), exempt-authenticated: "only the auth findings count" */
	static const char *const exempt_too[] = { "auth-cleartext", "auth-plaintext-mechanism", NULL };
	static const char *const explained[] = { "spf-fail", NULL };
	static const char *const whole_body[] = { "message-malformed", NULL };
	static const struct { enum finding_trait trait; const char *const *names; } traits[] = {
		{ TRAIT_LACK_OF_TLS, lack_of_tls }, { TRAIT_EXEMPT_TOO, exempt_too }, { TRAIT_EXPLAINED, explained },
		{ TRAIT_WHOLE_BODY, whole_body },
	};

	(void)state;
	for (int id = 0; id < FINDING_COUNT; id++) {
		const char *name = findings_table[id].name;

		for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++) {
			if (finding_is((enum finding_id)id, traits[i].trait) != is_one_of(name, traits[i].names))
				fail_msg("%s, trait %d", name, traits[i].trait);
		}
	}
}

/* Traits that a finding has by who raises it. */
static void test_finding_traits_of_its_check(void **state)
{
	static const char *const dns[] = { "iprev", "spf", "dkim", "arc", "dmarc", "adsp", "policy", "dns", NULL };
	static const char *const authentication[] = { "spf", "dkim", "arc", "dmarc", "adsp", NULL };	/* RFC 7372 */
	static const char *const combined[] = { "dmarc", NULL };
	static const char *const tls_reply[] = { "tls", "memory", NULL };			/* RFC 3207 section 4 */
	static const struct { enum finding_trait trait; const char *const *names; } traits[] = {
		{ TRAIT_DNS, dns }, { TRAIT_AUTHENTICATION, authentication }, { TRAIT_COMBINED, combined },
		{ TRAIT_TLS_REPLY, tls_reply },
	};

	(void)state;
	for (int id = 0; id < FINDING_COUNT; id++) {
		const char *name = check_rows[findings_table[id].check].name;

		for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++) {
			if (finding_is((enum finding_id)id, traits[i].trait) != is_one_of(name, traits[i].names))
				fail_msg("%s of %s, trait %d", findings_table[id].name, name, traits[i].trait);
		}
	}
}

/* What stands for another because DNS did not answer is temporary, of the same check, and never stands behind a third. */
static void test_finding_unknown_is_a_temporary_one_of_the_same_check(void **state)
{
	unsigned hidden = 0;

	(void)state;
	for (int id = 0; id < FINDING_COUNT; id++) {
		const struct finding_row *row = &findings_table[id], *unknown;

		if (row->unknown == FINDING_NONE)
			continue;
		unknown = &findings_table[row->unknown];
		hidden++;
		assert_int_equal(unknown->check, row->check);
		assert_true(unknown->code < 500 && row->code >= 500);
		assert_int_equal(unknown->unknown, FINDING_NONE);
		assert_true(finding_is((enum finding_id)id, TRAIT_DNS));
	}
	assert_int_equal(hidden, 13);
	/* a temperror of a check always hides something */
	for (int id = 0; id < FINDING_COUNT; id++) {
		bool hides = strstr(findings_table[id].name, "-temperror") == NULL;

		for (int other = 0; other < FINDING_COUNT; other++)
			hides = hides || (int)findings_table[other].unknown == id;
		if (!hides)
			fail_msg("%s hides nothing", findings_table[id].name);
	}
}

static void test_checks_table_is_in_the_order_of_its_ids(void **state)
{
	(void)state;
	for (int id = 0; id < CHECK_COUNT; id++) {
		assert_int_equal(checks_table[id]->id, id);
		assert_non_null(checks_table[id]->judge);
	}
	for (int id = 0; id < CHECK_RAISERS; id++)
		assert_true((check_rows[id].is_off == NULL) == (check_rows[id].why_off == NULL));
	/* each reads the results of those before it */
	assert_true(CHECK_IPREV < CHECK_MEMORY && CHECK_TLS < CHECK_MEMORY);
	assert_true(CHECK_SPF < CHECK_DMARC && CHECK_DKIM < CHECK_DMARC && CHECK_DKIM < CHECK_ADSP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits_next_visits_each_in_order_beyond_one_word),
		cmocka_unit_test(test_bits_union_keeps_both),
		cmocka_unit_test(test_bits_next_ends_at_the_count),
		cmocka_unit_test(test_finding_set_each_finding_has_a_place),
		cmocka_unit_test(test_finding_set_print),
		cmocka_unit_test(test_finding_traits),
		cmocka_unit_test(test_finding_traits_of_its_check),
		cmocka_unit_test(test_finding_unknown_is_a_temporary_one_of_the_same_check),
		cmocka_unit_test(test_checks_table_is_in_the_order_of_its_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
