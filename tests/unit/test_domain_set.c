/* SPDX-License-Identifier: BSD-2-Clause */
/* Which name is within which, and sets of names: against a list that is gone through one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/domain.h"

enum { ENTRIES = 3000, QUESTIONS = 200000 };

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	srand(20261128);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#define SET(...) domain_set_make(arena, (const char *const[]){ __VA_ARGS__ }, \
    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void test_domain_is_within_by_labels(void **state)
{
	(void)state;
	assert_true(domain_is_within("example.org", "example.org"));
	assert_true(domain_is_within("a.example.org", "example.org"));
	assert_true(domain_is_within("b.a.example.org", "example.org"));
	assert_true(domain_is_within("A.Example.ORG", "example.org"));
	assert_false(domain_is_within("badexample.org", "example.org"));
	assert_false(domain_is_within("example.org", "a.example.org"));
	assert_false(domain_is_within("example.org.evil.example", "example.org"));
	assert_false(domain_is_within("", "example.org"));
	/* a name that went missing lets nothing in */
	assert_false(domain_is_within("example.org", ""));
	assert_false(domain_is_within("", ""));
	assert_false(domain_is_within("example.org", "."));
	assert_false(domain_is_within("example.org.", "."));
}

/* A mailbox stands behind its domain (util/mailbox.h), and may have dots anywhere. */
static void test_domain_set_of_mailboxes_with_dots(void **state)
{
	static const char *const locals[] = { "ann", "ann.", "ann..", ".", "..", ".ann", "a..b", "a.b.", ".x." };

	(void)state;
	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
		const char *local = locals[i];
		const struct domain_set *set = SET(arena_printf(arena, ".example.org@%s", local), arena_printf(arena, "example.net@%s", local),
		    arena_printf(arena, "@%s", local));

		assert_true(domain_set_has(set, arena_printf(arena, "example.org@%s", local)));
		assert_true(domain_set_has(set, arena_printf(arena, "a.b.example.org@%s", local)));
		assert_true(domain_set_has(set, arena_printf(arena, "example.net@%s", local)));
		assert_true(domain_set_has(set, arena_printf(arena, "@%s", local)));
		assert_false(domain_set_has(set, arena_printf(arena, "a.example.net@%s", local)));
		assert_false(domain_set_has(set, arena_printf(arena, "badexample.org@%s", local)));
		assert_false(domain_set_has(set, arena_printf(arena, "example.org@%sx", local)));
		assert_false(domain_set_has(set, arena_printf(arena, "example.org@%s.", local)));
	}
}

static void test_domain_set_exact_and_below(void **state)
{
	const struct domain_set *set = SET("example.org", ".example.net", "a.b.example.com", ".com");

	(void)state;
	assert_true(domain_set_has(set, "example.org"));
	assert_false(domain_set_has(set, "a.example.org"));
	assert_true(domain_set_has(set, "example.net"));
	assert_true(domain_set_has(set, "c.b.a.example.net"));
	assert_false(domain_set_has(set, "badexample.net"));
	assert_false(domain_set_has(set, "net"));
	assert_true(domain_set_has(set, "com"));
	assert_true(domain_set_has(set, "x.com"));
	assert_false(domain_set_has(set, "org"));
	/* normal form is the caller's work: what is not in it is not in the set */
	assert_false(domain_set_has(set, "Example.org"));
	assert_false(domain_set_has(set, "example.org."));
	assert_false(domain_set_has(set, ".example.org"));
	assert_false(domain_set_has(set, ".example.net"));
	assert_false(domain_set_has(set, ""));
	assert_false(domain_set_has(set, "."));
	assert_false(domain_set_has(set, ".."));
	assert_false(domain_set_has(set, NULL));
	assert_true(domain_set_has(set, domain_normalize(arena, "EXAMPLE.org.", 12)));
}

static void test_domain_set_u_labels_after_normalizing(void **state)
{
	const struct domain_set *set = SET(".xn--bcher-kva.example");

	(void)state;
	assert_true(domain_set_has(set, domain_normalize(arena, "www.B\xc3\xbc" "cher.example", 19)));
	assert_false(domain_set_has(set, "b\xc3\xbc" "cher.example"));
}

static void test_domain_set_of_nothing(void **state)
{
	const struct domain_set *set = domain_set_make(arena, NULL, 0);

	(void)state;
	assert_null(set);
	assert_int_equal(domain_set_count(set), 0);
	assert_false(domain_set_has(set, "example.org"));
	assert_true(domain_set_equal(set, NULL));
	assert_false(domain_set_equal(set, SET("a.example")));
}

static void test_domain_set_keeps_each_entry_once(void **state)
{
	const struct domain_set *set = SET("b.example", ".b.example", "a.example", "b.example", ".b.example", "a.example");

	(void)state;
	assert_int_equal(domain_set_count(set), 3);
	assert_string_equal(domain_set_entry(set, 0), "b.example");
	assert_string_equal(domain_set_entry(set, 1), ".b.example");
	assert_string_equal(domain_set_entry(set, 2), "a.example");
	assert_true(domain_set_equal(set, SET("a.example", "b.example", ".b.example")));
	assert_false(domain_set_equal(set, SET("a.example", "b.example", ".a.example")));
	assert_false(domain_set_equal(set, SET("a.example", "b.example")));
}

/* The longest names: 127 labels, of which each ancestor is a question of its own. */
static void test_domain_set_of_deep_names(void **state)
{
	char name[DOMAIN_MAX_LENGTH + 1], below[DOMAIN_MAX_LENGTH + 2], longer[2 * DOMAIN_MAX_LENGTH];

	(void)state;
	for (size_t i = 0; i < DOMAIN_MAX_LENGTH; i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	name[DOMAIN_MAX_LENGTH] = '\0';
	assert_null(domain_fault(name, strlen(name)));
	for (size_t cut = 0; cut < DOMAIN_MAX_LENGTH; cut += 2) {
		const struct domain_set *set;

		snprintf(below, sizeof(below), ".%s", name + cut);
		set = SET(below);
		assert_true(domain_set_has(set, name));
		assert_true(domain_set_has(set, name + cut));
		assert_int_equal(domain_set_has(set, name + cut + 2 < name + sizeof(name) - 1 ? name + cut + 2 : "b"), false);
	}
	/* no name is that long, but nothing promises it: of such a text the end still counts */
	snprintf(below, sizeof(below), ".%s", name);
	snprintf(longer, sizeof(longer), "x.x.x.%s", name);
	assert_true(domain_set_has(SET(below), longer));
	assert_true(domain_set_has(SET(".a.a"), longer));
	assert_false(domain_set_has(SET(".b.a"), longer));
}

/* The way of old: each entry in turn. */
static bool linear_has(const char *const *entries, size_t count, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < count; i++) {
		const char *entry = entries[i];
		size_t end = strlen(entry);

		if (entry[0] != '.' ? strcmp(entry, name) == 0 :
		    strcmp(entry + 1, name) == 0 || (length > end && strcmp(name + length - end, entry) == 0))
			return true;
	}
	return false;
}

/* Few labels, so that names meet often; sometimes what is no name at all. */
static char *random_name(bool wild)
{
	static const char *const labels[] = { "a", "b", "ab", "ba", "aa", "xn--a", "org", "a-b" };
	char text[200] = "";
	int count = 1 + rand() % 5;

	for (int i = 0; i < count; i++) {
		strcat(text, i != 0 ? "." : "");
		strcat(text, labels[rand() % 8]);
	}
	if (wild && rand() % 8 == 0)
		text[rand() % (int)strlen(text)] = '.';
	if (wild && rand() % 8 == 0)
		strcat(text, ".");
	return arena_strdup(arena, text);
}

static void test_domain_set_against_a_list(void **state)
{
	const char *entries[ENTRIES];
	size_t held = 0;

	(void)state;
	for (size_t size = 1; size <= ENTRIES; size = size * 3 + 1) {
		const struct domain_set *set;

		for (size_t i = 0; i < size; i++)
			entries[i] = arena_printf(arena, "%s%s", rand() % 3 == 0 ? "." : "", random_name(false));
		set = domain_set_make(arena, entries, size);
		assert_true(domain_set_count(set) <= size);
		for (size_t i = 0; i < QUESTIONS / 8; i++) {
			const char *name = random_name(true);
			bool expected = linear_has(entries, size, name);

			if (domain_set_has(set, name) != expected)
				fail_msg("%zu entries: %s is %sin the list", size, name, expected ? "" : "not ");
			held += expected;
		}
	}
	assert_true(held > 1000);
}

/* Every entry of a large set is found, also where their places in the table run into each other, and no neighbour is. */
static void test_domain_set_large(void **state)
{
	enum { COUNT = 98304 };	/* three quarters of a power of two: the table is as full as it gets */
	const char **entries = arena_calloc(arena, COUNT, sizeof(*entries));
	const struct domain_set *set;

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		entries[i] = arena_printf(arena, "%sd%zu.example", i % 2 == 0 ? "" : ".", i);
	set = domain_set_make(arena, entries, COUNT);
	assert_int_equal(domain_set_count(set), COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "d%zu.example", i);
		assert_true(domain_set_has(set, name));
		snprintf(name, sizeof(name), "x.d%zu.example", i);
		assert_int_equal(domain_set_has(set, name), i % 2 != 0);
		snprintf(name, sizeof(name), "d%zu.example", COUNT + i);
		assert_false(domain_set_has(set, name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain_is_within_by_labels),
		cmocka_unit_test(test_domain_set_exact_and_below),
		cmocka_unit_test(test_domain_set_of_mailboxes_with_dots),
		cmocka_unit_test(test_domain_set_u_labels_after_normalizing),
		cmocka_unit_test(test_domain_set_of_nothing),
		cmocka_unit_test(test_domain_set_keeps_each_entry_once),
		cmocka_unit_test(test_domain_set_of_deep_names),
		cmocka_unit_test(test_domain_set_against_a_list),
		cmocka_unit_test(test_domain_set_large),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
