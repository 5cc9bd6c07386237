/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole messages with more than is kept, or in forms that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline_fixture.h"

static const char *unfolded(struct message *message, const char *value)
{
	char *text = arena_strdup(message_arena(message), value), *to = text;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c != '\n')
			*to++ = *c == '\t' ? ' ' : *c;
	}
	*to = '\0';
	return text;
}

static void test_message_field_over_the_cap_is_counted_not_kept(void **state)
{
	struct world *world = world_new("limits { max-header-fields = 100 }", "192.0.2.1");
	struct message *message = begin_message(world, "<joe@good.example>");

	(void)state;
	for (int i = 0; i < 150; i++)
		put_field(message, "X-Many", " y");
	assert_int_equal(message_facts(message)->field_count, 100);
	assert_int_equal(message_facts(message)->fields[99].occurrence, 100);
	assert_true(message_facts(message)->fields_truncated);
	assert_int_equal(message_facts(message)->header_bytes, 150 * strlen("X-Many: y\r\n"));
	/* From behind the cap is still an author. */
	finish_message(message);
	assert_int_equal(message_author(message)->domain_count, 1);
	assert_true(message_raised(message, FINDING_LIMIT_EXCEEDED));
	message_free(&message);
	world_free(world);
}

/* Each kind of field that is judged has room of its own, which the others cannot fill. */
static void test_message_field_from_behind_all_other_caps_is_judged(void **state)
{
	static const char *const fillers[] = { "X-Many", "Authentication-Results", "Received", "DKIM-Signature" };
	static const char *const names[] = { "From", "FROM", "From ", "From\t" };

	(void)state;
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		struct world *world = world_new("limits { max-header-fields = 100 }", "192.0.2.1");
		struct message *message = begin_message(world, "<joe@good.example>");

		for (size_t f = 0; f < sizeof(fillers) / sizeof(fillers[0]); f++)
			for (int i = 0; i < 250; i++)
				put_field(message, fillers[f], " y");
		put_field(message, names[n], " a@victim.example");
		assert_false(message_facts(message)->from_unkept);
		assert_true(message_facts(message)->judged_unkept);
		finish_message(message);
		assert_string_equal(message_author(message)->domains[0], "victim.example");
		assert_int_equal(message_results(message)->dmarc_author_count, 2);
		assert_string_equal(message_results(message)->dmarc_authors[0].domain, "victim.example");
		assert_true(message_raised(message, FINDING_LIMIT_EXCEEDED));
		message_free(&message);
		world_free(world);
	}
}

/* More From fields than are kept: whose they are is not known, so that the strictest counts. */
static void test_message_field_unkept_from_is_the_strictest(void **state)
{
	struct world *world = world_new("mode = enforce limits { max-header-fields = 100 }", "192.0.2.1");
	struct message *message = begin_message(world, "<joe@good.example>");
	const struct outcome *outcome;

	(void)state;
	for (int i = 0; i < 200; i++)
		put_field(message, "From", " joe@good.example");
	assert_false(message_facts(message)->from_unkept);
	put_field(message, "From", " a@victim.example");
	assert_true(message_facts(message)->from_unkept);
	outcome = finish_message(message);
	assert_true(message_raised(message, FINDING_FROM_INVALID));
	assert_true(message_raised(message, FINDING_DMARC_REJECT_CORROBORATED));
	assert_int_equal(outcome->decision.action, ACTION_REJECT);
	message_free(&message);
	world_free(world);
}

/* A forger with more fields than are kept twice over: what nobody has read goes, each by its own number. */
static void test_message_field_authres_behind_all_caps_is_deleted(void **state)
{
	struct world *world = world_new("limits { max-header-fields = 100 max-edits = 150 }", "192.0.2.1");
	struct message *message = begin_message(world, "<joe@good.example>");
	const struct outcome *outcome;
	unsigned deletes = 0, last = UINT32_MAX;

	(void)state;
	for (int i = 0; i < 350; i++)
		put_field(message, "Authentication-Results", " other.example; none");
	outcome = finish_message(message);
	for (size_t i = 0; i < outcome->edits.count; i++) {
		if (outcome->edits.items[i].kind != EDIT_DELETE)
			continue;
		assert_string_equal(outcome->edits.items[i].name, "Authentication-Results");
		assert_true(outcome->edits.items[i].index < last);
		last = outcome->edits.items[i].index;
		deletes++;
	}
	assert_int_equal(deletes, 150);	/* 100 kept as any field, 100 kept over the cap: these are others' and stay */
	assert_int_equal(last, 201);
	message_free(&message);
	world_free(world);
}

/* Deletes are capped: what a forger has over that is a finding of its own, which refuses. */
static void test_message_judge_forged_over_max_edits(void **state)
{
	struct world *world = world_new("mode = enforce\nlimits { max-edits = 10 }", "192.0.2.1");

	(void)state;
	for (int over = 0; over <= 1; over++) {
		struct message *message = begin_message(world, "<joe@good.example>");
		const struct outcome *outcome;

		for (int i = 0; i < 10 + over; i++)
			put_field(message, "Authentication-Results", " mx.test.example; spf=pass");
		outcome = finish_message(message);
		assert_true(message_raised(message, FINDING_AUTHRES_FORGED));
		assert_int_equal(message_raised(message, FINDING_AUTHRES_TOO_MANY), over);
		assert_int_equal(outcome->decision.action, over ? ACTION_REJECT : ACTION_NONE);
		assert_int_equal(outcome->edits.left, over);
		assert_int_equal(outcome->edits.items[0].index, 10);
		assert_int_equal(outcome->edits.items[9].index, 1);
		assert_int_equal(strstr(outcome->log_line, " authres_left=1 ") != NULL, over);
		message_free(&message);
	}
	world_free(world);
}

/* Nobody judges an exempt message, but its fields cost as much: the same cap, told in header and log. */
static void test_message_judge_forged_over_max_edits_exempt(void **state)
{
	struct world *world = world_new("mode = enforce\nlimits { max-edits = 10 }", "198.51.100.1");
	struct message *message = begin_message(world, "<joe@good.example>");
	const struct outcome *outcome;

	(void)state;
	for (int i = 0; i < 25; i++)
		put_field(message, "Authentication-Results", " mx.test.example; spf=pass");
	outcome = finish_message(message);
	assert_int_equal(outcome->decision.action, ACTION_NONE);
	assert_int_equal(outcome->edits.items[0].index, 10);
	assert_int_equal(outcome->edits.items[9].index, 1);
	assert_int_equal(outcome->edits.items[10].kind, EDIT_INSERT);
	assert_non_null(strstr(unfolded(message, topmost_inserted(outcome, "Authentication-Results")), "; 15 forged fields below were not removed)"));
	assert_non_null(strstr(outcome->log_line, " authres_left=15 "));
	message_free(&message);
	world_free(world);
}

/* One field behind so many lines costs the MTA as much as many fields on top; a long line is several. */
static void test_message_judge_forged_behind_many_lines(void **state)
{
	enum { FOLDS = 19900 };
	static char folded[FOLDS * 3 + 1];
	struct world *world = world_new("mode = enforce\nlimits { max-edits = 10 }", "192.0.2.1");

	(void)state;
	for (char *at = folded; at < folded + FOLDS * 3; at += 3)
		memcpy(at, "\n y", 3);
	for (int over = 0; over <= 1; over++) {
		struct message *message = begin_message(world, "<joe@good.example>");

		/* 10 * 2,000 lines may be passed: 1 + 19,900 with 59,700 bytes (29 times 2,048), 69 more, and its own */
		put_field(message, "X-Folded", folded);
		for (int i = 0; i < 69 + over; i++)
			put_field(message, "X-Many", " y");
		put_field(message, "Authentication-Results", " mx.test.example; spf=pass");
		(void)finish_message(message);
		assert_int_equal(message_raised(message, FINDING_AUTHRES_TOO_MANY), over);
		message_free(&message);
	}
	world_free(world);
}

static void test_message_field_forged_behind_the_cap_is_deleted(void **state)
{
	struct world *world = world_new("limits { max-header-fields = 100 }", "192.0.2.1");
	struct message *message = begin_message(world, "<joe@good.example>");
	const struct outcome *outcome;

	(void)state;
	for (int i = 0; i < 150; i++)
		put_field(message, "X-Many", " y");
	put_field(message, "Authentication-Results", " mx.test.example; spf=pass");
	outcome = finish_message(message);
	assert_true(message_raised(message, FINDING_AUTHRES_FORGED));
	assert_int_equal(outcome->edits.items[0].kind, EDIT_DELETE);
	assert_int_equal(outcome->edits.items[0].index, 1);
	message_free(&message);
	world_free(world);
}

static void test_message_field_malformed_forms(void **state)
{
	static const struct { const char *name, *value; size_t length; bool malformed; } cases[] = {
		{ "X", " plain\n\tfolded", 14, false },
		{ "X", " a\0b", 4, true },
		{ "X", "\0a\0\0\nb\0", 7, true },
		{ "X", " a\rb", 4, true },
		{ "X", "", 0, false },
		{ "X Y", " z", 2, true },
		{ "X\xc3\xa9", " z", 2, true },
		{ "", " z", 2, true },
		{ "X", " \xff\xfe", 3, false },	/* 8-bit values are legal with SMTPUTF8 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *world = world_new("", "192.0.2.1");
		struct message *message = begin_message(world, "<>");

		message_field(message, cases[i].name, cases[i].value, cases[i].length);
		assert_int_equal(message_facts(message)->malformed, cases[i].malformed);
		assert_int_equal(message_facts(message)->field_count, 1);
		assert_int_equal(strlen(message_facts(message)->fields[0].value), cases[i].length);
		message_free(&message);
		world_free(world);
	}
}

static void test_message_field_line_length_limit_is_998(void **state)
{
	char value[1200];

	(void)state;
	for (size_t total = 997; total <= 999; total++) {	/* "X:" and the value */
		struct world *world = world_new("", "192.0.2.1");
		struct message *message = begin_message(world, "<>");

		memset(value, 'v', sizeof(value));
		message_field(message, "X", value, total - 2);
		assert_int_equal(message_facts(message)->malformed, total > 998);
		message_free(&message);
		world_free(world);
	}
}

/* A line over the limit counts wherever it is, and each line is one. */
static void test_message_field_lines_of_a_folded_value(void **state)
{
	(void)state;
	for (int over = -1; over < 3; over++) {		/* the line that is too long; -1: none */
		struct world *world = world_new("", "192.0.2.1");
		struct message *message = begin_message(world, "<>");
		char value[4000] = "";

		for (int line = 0; line < 3; line++) {
			size_t length = strlen(value), bytes = (line == 0 ? 996 : 998) + (line == over);	/* of 998 the first has "X:" */

			memset(value + length, 'v', bytes);
			strcpy(value + length + bytes, line < 2 ? "\n" : "");
		}
		message_field(message, "X", value, strlen(value));
		assert_int_equal(message_facts(message)->malformed, over >= 0);
		assert_int_equal(message_facts(message)->header_lines, 3 + strlen(value) / 2048);
		message_field(message, "Y", " z\n", 3);
		assert_int_equal(message_facts(message)->header_lines, 3 + strlen(value) / 2048 + 2);
		message_free(&message);
		world_free(world);
	}
}

/* One body line of that many bytes, cut into two chunks at every place that matters. */
static bool body_line_malformed(struct world *world, size_t line_bytes, size_t cut)
{
	char line[1100];
	struct message *message = begin_message(world, "<>");
	bool malformed;

	memset(line, 'b', line_bytes);
	memcpy(line + line_bytes, "\r\n", 2);
	put_field(message, "From", " a@good.example");
	assert_true(message_header_done(message));
	message_body(message, line, cut);
	message_body(message, line + cut, line_bytes + 2 - cut);
	message_body(message, "next\r\n", 6);
	assert_int_equal(message_facts(message)->body_lines, 2);
	assert_int_equal(message_facts(message)->body_bytes, line_bytes + 8);
	malformed = message_facts(message)->malformed;
	message_free(&message);
	return malformed;
}

static void test_message_body_line_length_over_chunk_borders(void **state)
{
	struct world *world = world_new("findings { message-malformed = tag }", "192.0.2.1");
	static const size_t cuts[] = { 0, 1, 500, 998, 999, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		assert_false(body_line_malformed(world, 998, cuts[i]));
		assert_true(body_line_malformed(world, 999, cuts[i]));
	}
	world_free(world);
}

static void test_message_recipient_cap(void **state)
{
	struct world *world = world_new("limits { max-recipients = 10 }", "192.0.2.1");
	struct message *message = begin_message(world, "<joe@good.example>");
	struct decision decision;
	char address[64];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(address, sizeof(address), "<u%d@test.example>", i);
		message_recipient(message, address, &decision);
		assert_false(decision_refuses(&decision));
	}
	assert_int_equal(message_facts(message)->recipient_count, 10);
	assert_string_equal(message_facts(message)->recipients[9], "u9@test.example");
	finish_message(message);
	assert_true(message_raised(message, FINDING_LIMIT_EXCEEDED));
	message_free(&message);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_field_over_the_cap_is_counted_not_kept),
		cmocka_unit_test(test_message_field_from_behind_all_other_caps_is_judged),
		cmocka_unit_test(test_message_field_unkept_from_is_the_strictest),
		cmocka_unit_test(test_message_field_authres_behind_all_caps_is_deleted),
		cmocka_unit_test(test_message_judge_forged_over_max_edits),
		cmocka_unit_test(test_message_judge_forged_over_max_edits_exempt),
		cmocka_unit_test(test_message_judge_forged_behind_many_lines),
		cmocka_unit_test(test_message_field_forged_behind_the_cap_is_deleted),
		cmocka_unit_test(test_message_field_malformed_forms),
		cmocka_unit_test(test_message_field_line_length_limit_is_998),
		cmocka_unit_test(test_message_field_lines_of_a_folded_value),
		cmocka_unit_test(test_message_body_line_length_over_chunk_borders),
		cmocka_unit_test(test_message_recipient_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
