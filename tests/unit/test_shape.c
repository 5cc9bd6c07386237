/* SPDX-License-Identifier: BSD-2-Clause */
/* The shapes of domains: their text, their bounds, what is forgotten, and when guesses stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "arena_fixture.h"
#include "resolver/shape.h"

static const unsigned right[SHAPE_PARTS] = { 0 };

static void test_shape_next_reads_what_is_one_and_nothing_else(void **state)
{
	static const char *const bad[] = { "e", "e 16", "e 16 a.example", "x 16 a.example\n", "e 17 a.example\n", "e 016 a.example\n",
		"e  a.example\n", "e 16 \n", "e 16 a b\n", "e 16 a..example\n", "e 1\n6 a.example\n", "m 28\n", "\n", "e16 a\n" };
	const char *at = "e 16 a.example\nm 1 b.example\n";
	struct shape_question question;

	(void)state;
	assert_int_equal(shape_next(&at, &question), 1);
	assert_int_equal(question.part, SHAPE_ENVELOPE);
	assert_int_equal(question.type, 16);
	assert_string_equal(question.name, "a.example");
	assert_int_equal(shape_next(&at, &question), 1);
	assert_int_equal(question.part, SHAPE_MESSAGE);
	assert_int_equal(question.type, 1);
	assert_int_equal(shape_next(&at, &question), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(shape_is_valid(bad[i]));
}

static void test_shape_is_valid_up_to_its_bounds(void **state)
{
	char text[SHAPE_TEXT_BYTES * 2] = "";

	(void)state;
	for (unsigned i = 0; i < SHAPE_QUESTIONS; i++)
		strcat(text, "e 16 a.example\n");
	assert_true(shape_is_valid(text));
	strcat(text, "e 16 a.example\n");
	assert_false(shape_is_valid(text));
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "e 16 ", 5);
	text[sizeof(text) - 1] = '\0';
	text[sizeof(text) - 2] = '\n';
	assert_false(shape_is_valid(text));
}

static void test_shapes_keep_those_used_last(void **state)
{
	struct shapes *shapes = shapes_new(3, 0);
	bool trusted[SHAPE_PARTS];
	size_t count, bytes;

	(void)state;
	shapes_put(shapes, "a.example", "e 1 a\n", right, 1);
	shapes_put(shapes, "b.example", "e 1 b\n", right, 1);
	shapes_put(shapes, "c.example", "e 1 c\n", right, 1);
	assert_non_null(shapes_get(shapes, "a.example", arena, trusted));
	shapes_put(shapes, "d.example", "e 1 d\n", right, 1);
	assert_null(shapes_get(shapes, "b.example", arena, trusted));
	assert_string_equal(shapes_get(shapes, "a.example", arena, trusted), "e 1 a\n");
	assert_true(trusted[SHAPE_ENVELOPE]);
	shapes_usage(shapes, &count, &bytes);
	assert_int_equal(count, 3);
	shapes_free(&shapes);
	shapes = shapes_new(0, 2000);
	for (unsigned i = 0; i < 1000; i++)
		shapes_put(shapes, arena_printf(arena, "%u.example", i), "e 1 a\n", right, 1);
	shapes_usage(shapes, &count, &bytes);
	assert_true(count > 1 && bytes <= 2000);
	shapes_free(&shapes);
}

static void test_shapes_put_forgets_what_was_before_and_tells_the_record_seldom(void **state)
{
	struct shapes *shapes = shapes_new(0, 0);
	bool trusted[SHAPE_PARTS];

	(void)state;
	assert_true(shapes_put(shapes, "a.example", "e 1 a\n", right, 1000));
	assert_false(shapes_put(shapes, "a.example", "e 1 a\n", right, 2000));
	assert_true(shapes_put(shapes, "a.example", "e 1 b\n", right, 2000));
	assert_false(shapes_put(shapes, "a.example", "e 1 c\n", right, 2001));
	assert_string_equal(shapes_get(shapes, "a.example", arena, trusted), "e 1 c\n");
	assert_true(shapes_put(shapes, "a.example", "e 1 c\n", right, 2000 + 86400));
	assert_false(shapes_put(shapes, "b.example", "", right, 1000));
	assert_null(shapes_get(shapes, "b.example", arena, trusted));
	assert_false(shapes_put(shapes, "b.example", "nonsense", right, 1000));
	assert_null(shapes_get(shapes, "b.example", arena, trusted));
	assert_false(shapes_put(shapes, "a.example", "e 1 a..b\n", right, 2000 + 3 * 86400));
	assert_string_equal(shapes_get(shapes, "a.example", arena, trusted), "e 1 c\n");
	shapes_free(&shapes);
}

static void test_shapes_of_who_changes_every_time_are_not_trusted(void **state)
{
	struct shapes *shapes = shapes_new(0, 0);
	const unsigned wrong[SHAPE_PARTS] = { [SHAPE_MESSAGE] = 1 };
	bool trusted[SHAPE_PARTS];

	(void)state;
	shapes_put(shapes, "a.example", "e 1 a\nm 16 x\n", right, 1000);
	shapes_put(shapes, "a.example", "e 1 a\nm 16 y\n", wrong, 1000);
	shapes_get(shapes, "a.example", arena, trusted);
	assert_true(trusted[SHAPE_ENVELOPE]);
	assert_false(trusted[SHAPE_MESSAGE]);
	for (unsigned i = 0; i < 20; i++) {
		shapes_put(shapes, "a.example", arena_printf(arena, "e 1 a\nm 16 y%u\n", i), right, 1000);
		shapes_get(shapes, "a.example", arena, trusted);
		assert_false(trusted[SHAPE_MESSAGE]);
	}
	shapes_put(shapes, "a.example", "e 1 b\nm 16 y19\n", right, 1000);
	shapes_put(shapes, "a.example", "e 1 a\nm 16 y19\n", right, 1000);
	shapes_get(shapes, "a.example", arena, trusted);
	assert_true(trusted[SHAPE_MESSAGE]);
	shapes_free(&shapes);
}

static void test_shapes_load_takes_no_nonsense_and_replaces_nothing(void **state)
{
	struct shapes *shapes = shapes_new(2, 0);
	bool trusted[SHAPE_PARTS];

	(void)state;
	shapes_put(shapes, "a.example", "e 1 new\n", right, 1000);
	shapes_load(shapes, "a.example", "e 1 old\n", 1);
	shapes_load(shapes, "b.example", "e 99 x\n", 1);
	shapes_load(shapes, "c.example", "e 1 c\n", 1);
	shapes_load(shapes, "d.example", "e 1 d\n", 1);
	assert_string_equal(shapes_get(shapes, "a.example", arena, trusted), "e 1 new\n");
	assert_null(shapes_get(shapes, "b.example", arena, trusted));
	assert_string_equal(shapes_get(shapes, "c.example", arena, trusted), "e 1 c\n");
	assert_null(shapes_get(shapes, "d.example", arena, trusted));
	shapes_free(&shapes);
}

/* The record tells of the one noted last first: what was noted longest ago goes when room runs out. */
static void test_shapes_load_keeps_those_noted_last(void **state)
{
	struct shapes *by_count = shapes_new(3, 0), *by_bytes;
	bool trusted[SHAPE_PARTS];
	size_t count, bytes;

	(void)state;
	shapes_put(by_count, "now.example", "e 1 n\n", right, 1000);
	shapes_load(by_count, "late.example", "e 1 l\n", 30);
	shapes_usage(by_count, &count, &bytes);
	shapes_load(by_count, "soon.example", "e 1 s\n", 20);
	by_bytes = shapes_new(0, bytes);
	shapes_put(by_count, "fresh.example", "e 1 f\n", right, 1001);
	assert_null(shapes_get(by_count, "soon.example", arena, trusted));
	assert_non_null(shapes_get(by_count, "late.example", arena, trusted));
	assert_non_null(shapes_get(by_count, "now.example", arena, trusted));
	shapes_free(&by_count);

	shapes_put(by_bytes, "now.example", "e 1 n\n", right, 1000);
	shapes_load(by_bytes, "late.example", "e 1 l\n", 30);
	shapes_load(by_bytes, "soon.example", "e 1 s\n", 20);
	assert_null(shapes_get(by_bytes, "soon.example", arena, trusted));
	assert_non_null(shapes_get(by_bytes, "late.example", arena, trusted));
	assert_non_null(shapes_get(by_bytes, "now.example", arena, trusted));
	shapes_free(&by_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape_next_reads_what_is_one_and_nothing_else),
		cmocka_unit_test(test_shape_is_valid_up_to_its_bounds),
		cmocka_unit_test_setup_teardown(test_shapes_keep_those_used_last, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_shapes_put_forgets_what_was_before_and_tells_the_record_seldom, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_shapes_of_who_changes_every_time_are_not_trusted, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_shapes_load_takes_no_nonsense_and_replaces_nothing, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_shapes_load_keeps_those_noted_last, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
