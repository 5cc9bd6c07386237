/* SPDX-License-Identifier: BSD-2-Clause */
/* report/morning: made-up rows of a week and a day, counted by hand here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/morning.h"
#include "text_fixture.h"
#include "util/clean.h"

enum { DAY_SECS = 86400, DAY = 1699920000 /* 2023-11-14 in UTC */ };

/* What a test says of one kind: messages on the day, the day before, and on each of the six days before that. */
struct kind {
	const char *author, *findings, *evidence, *action;
	bool enforced;
	uint64_t day, before, earlier;
};

static struct {
	const struct config *config;
	struct arena *arena;
	struct morning_text text;
} told;

static int setup(void **state)
{
	(void)state;
	told.config = text_config("");
	told.arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	config_unref(&told.config);
	arena_free(&told.arena);
	return 0;
}

static void see(struct morning *morning, store_kind_each_f *each, const struct kind *kind)
{
	struct flow_row row = { .hour_secs = DAY, .author_domain = kind->author, .envelope_domain = "", .client_network = "192.0.2.0/24",
		.findings = kind->findings, .results = "", .tls_grade = "", .tls_version = "", .tls_cipher = "", .policy = "default",
		.action = kind->action != NULL ? kind->action : "none", .evidence = kind->evidence, .enforced = kind->enforced };
	struct flow_span spans[9];
	size_t count = 0;

	for (int ago = 8; ago >= 0; ago--) {
		/* the eighth day before is of no week */
		uint64_t messages = ago == 0 ? kind->day : ago == 1 ? kind->before : ago == 8 ? 1000 : kind->earlier;

		if (messages == 0)
			continue;
		spans[count++] = (struct flow_span){ .from_secs = DAY - (int64_t)ago * DAY_SECS, .span_secs = DAY_SECS, .messages = messages };
		row.messages += messages;
	}
	each(morning, &row, spans, count);
}

static void tell(const struct kind *kinds, size_t count)
{
	struct morning *morning = morning_new(told.config, DAY + 5000);

	assert_int_equal(morning_since(morning), DAY - 7 * DAY_SECS);
	for (size_t i = 0; i < count; i++)
		see(morning, morning_learn, &kinds[i]);
	for (size_t i = 0; i < count; i++)
		see(morning, morning_add, &kinds[i]);
	morning_tell(morning, told.arena, &told.text);
	morning_free(&morning);
	assert_null(morning);
	for (size_t i = 0; i < MORNING_LINES; i++)
		assert_int_equal(clean_span(told.text.lines[i], CLEAN_TEXT), strlen(told.text.lines[i]));
}

#define TELL(...) do { const struct kind kinds[] = { __VA_ARGS__ }; tell(kinds, sizeof(kinds) / sizeof(kinds[0])); } while (0)

static void check_line(const char *label, const char *text)
{
	for (size_t i = 0; i < MORNING_LINES; i++) {
		if (strncmp(told.text.lines[i], label, strlen(label)) != 0)
			continue;
		assert_string_equal(told.text.lines[i] + 15, text);
		return;
	}
	fail_msg("no line %s", label);
}

#define GOOD "1 s=m r=x.example a=a.example:pass"
#define CARRIED "1 s=m f=dmarc-fail r=x.example a=b.example:fail d=list.example"
#define FORGED "1 s=m f=spf-fail,dmarc-reject r=x.example a=c.example:fail p=c.example:fail"

static void test_morning_compares_with_before_and_habit(void **state)
{
	(void)state;
	TELL({ "a.example", "", GOOD, .day = 1500, .before = 700, .earlier = 1400 },
	    { "c.example", "spf-fail,dmarc-reject", FORGED, "reject", true, .day = 30, .before = 3, .earlier = 0 },
	    { "c.example", "spf-fail,dmarc-reject", FORGED, "reject", false, .day = 4, .before = 0, .earlier = 7 });
	/* the week: 700 + 3 and six days of 1407, so 9145 / 7 */
	check_line("Messages", "1,534; the day before 703, on a usual day 1,306");
	check_line("Refused", "30; the day before 3, on a usual day 0");
	check_line("Dry-run only", "would have been refused: 4; the day before 0, on a usual day 6");
	check_line("Looked wanted", "none");
	check_line("Needs you", "nothing");
	assert_string_equal(told.text.subject, "2023-11-14: 1,534 messages, 30 refused");
	assert_false(told.text.needs_admin);
}

/* What a policy in dry-run would have held was not; the mean of a week, to the nearest number. */
static void test_morning_held_is_what_was_held(void **state)
{
	(void)state;
	TELL({ "a.example", "", GOOD, "greylist", true, .day = 3 }, { "b.example", "", GOOD, "defer", true, .day = 2 },
	    { "c.example", "", GOOD, "quarantine", true, .day = 4 }, { "d.example", "", GOOD, "greylist", false, .day = 70 },
	    { "e.example", "", GOOD, "defer", false, .day = 80 }, { "f.example", "", GOOD, "quarantine", false, .day = 90 },
	    { "g.example", "", GOOD, .before = 1, .earlier = 2 });
	check_line("Held, put off", "4 quarantined, 5 put off");
	check_line("Messages", "249; the day before 1, on a usual day 2");	/* 13 in seven days */
}

static void test_morning_new_and_grown_findings(void **state)
{
	(void)state;
	TELL({ "a.example", "tls-weak", GOOD, .day = 12, .earlier = 0 }, { "a.example", "tls-none", GOOD, .day = 90, .before = 30, .earlier = 30 },
	    { "a.example", "dkim-none", GOOD, .day = 50, .before = 40, .earlier = 40 });
	check_line("New findings", "tls-weak (12)");
	check_line("Grown", "tls-none: 90; the day before 30, on a usual day 30");
}

static void test_morning_newly_failing_domains_that_do_not_look_forged(void **state)
{
	(void)state;
	TELL({ "b.example", "dmarc-fail", "1 s=m f=dmarc-fail r=x.example a=b.example:fail d=list.example", .day = 5 },
	    { "d.example", "dmarc-fail", "1 s=m f=dmarc-fail r=x.example a=d.example:fail d=list.example", .day = 9, .earlier = 1 },
	    { "c.example", "spf-fail,dmarc-reject", FORGED, .day = 7 }, { "a.example", "", GOOD, .day = 3, .before = 3, .earlier = 3 });
	check_line("Newly failing", "b.example (5)");
}

static void test_morning_refused_mail_that_looked_wanted(void **state)
{
	(void)state;
	TELL({ "a.example", "tls-none", GOOD, "reject", true, .day = 6, .before = 6, .earlier = 6 },
	    { "e.example", "tls-none", "1 s=m r=x.example a=e.example:pass", "reject", true, .day = 2 });
	check_line("Looked wanted", "a.example (6), e.example (2)");
	check_line("Needs you", "refused mail looks wanted: see those senders");
	assert_true(told.text.needs_admin);
	assert_non_null(strstr(told.text.subject, "; needs you"));
}

static void test_morning_tls_and_dns(void **state)
{
	(void)state;
	TELL({ "a.example", "tls-downgrade", GOOD, "tag", true, .day = 9, .before = 2, .earlier = 2 },
	    { "a.example", "dns-unavailable", GOOD, .day = 3, .earlier = 0 }, { "a.example", "dnssec-bogus", GOOD, .day = 1, .before = 4,
	    .earlier = 4 }, { "a.example", "", GOOD, .day = 100, .before = 100, .earlier = 100 });
	check_line("TLS, DNS", "9 came with less TLS than usual; DNS did not answer for 3; answers that fail DNSSEC for 1, on a usual day 4");
	check_line("Needs you", "DNS did not answer: see assay doctor; peers came with less TLS than usual: see assay peers");
}

static void test_morning_stripped_is_less_tls_and_cleartext_is_not(void **state)
{
	(void)state;
	TELL({ "a.example", "tls-stripped", GOOD, .day = 3, .before = 3, .earlier = 3 },
	    { "a.example", "tls-none", GOOD, .day = 50, .before = 50, .earlier = 50 });
	check_line("TLS, DNS", "3 came with less TLS than usual; DNS was there for all messages");
}

static void test_morning_brakes_that_are_on(void **state)
{
	struct morning *morning = morning_new(told.config, DAY + 5000);

	(void)state;
	see(morning, morning_add, &(struct kind){ "a.example", "", GOOD, .day = 3, .before = 3, .earlier = 3 });
	morning_brake(morning, &(struct brake_row){ .policy = "default", .finding = "spf-fail", .since_secs = DAY, .lifted_secs = DAY + 1 });
	morning_brake(morning, &(struct brake_row){ .policy = "default", .finding = "dkim-fail", .since_secs = DAY, .lifted_secs = DAY + 1 });
	morning_tell(morning, told.arena, &told.text);
	check_line("Needs you", "nothing");
	morning_brake(morning, &(struct brake_row){ .policy = "default", .finding = "tls-none", .since_secs = DAY });
	morning_tell(morning, told.arena, &told.text);
	check_line("Needs you", "1 brake is on, so that findings are only tagged: see assay brakes");
	morning_free(&morning);
}

static void test_morning_without_a_week(void **state)
{
	(void)state;
	TELL({ "a.example", "tls-none", GOOD, .day = 0 });
	check_line("Messages", "0; there is no day before to compare it with");
	check_line("Needs you", "nothing was recorded: see assay doctor");
	tell(NULL, 0);
	check_line("New findings", "all are new: nothing was recorded in the week before");
	check_line("Newly failing", "cannot be told: nothing was recorded in the week before");
}

/* A name from outside is one word of printable ASCII, and no more than so many of them are named. */
static void test_morning_names_from_outside(void **state)
{
	(void)state;
	TELL({ "x\n.example y", "dmarc-fail", CARRIED, .day = 9 }, { "f2.example", "dmarc-fail", CARRIED, .day = 8 },
	    { "f3.example", "dmarc-fail", CARRIED, .day = 7 }, { "f4.example", "dmarc-fail", CARRIED, .day = 6 },
	    { "f5.example", "dmarc-fail", CARRIED, .day = 5 }, { "a.example", "", GOOD, .day = 1, .before = 1 });
	check_line("Newly failing", "x?.example?y (9), f2.example (8), f3.example (7) and 2 more");
}

#define MORNING_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MORNING_TEST(test_morning_compares_with_before_and_habit),
		MORNING_TEST(test_morning_held_is_what_was_held),
		MORNING_TEST(test_morning_new_and_grown_findings),
		MORNING_TEST(test_morning_newly_failing_domains_that_do_not_look_forged),
		MORNING_TEST(test_morning_refused_mail_that_looked_wanted),
		MORNING_TEST(test_morning_tls_and_dns),
		MORNING_TEST(test_morning_stripped_is_less_tls_and_cleartext_is_not),
		MORNING_TEST(test_morning_brakes_that_are_on),
		MORNING_TEST(test_morning_without_a_week),
		MORNING_TEST(test_morning_names_from_outside),
	};

	return cmocka_run_group_tests_name("morning", tests, NULL, NULL);
}
