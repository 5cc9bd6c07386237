/* SPDX-License-Identifier: BSD-2-Clause */
/* Zones that do not answer, and the share of the query table that each zone has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "resolver/silence.h"

static struct dns_name named(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), 0);
	return name;
}

static void time_out(struct silence *silence, const char *text, int64_t now_ms)
{
	struct dns_name name = named(text);

	silence_timed_out(silence, &name, now_ms, now_ms);
}

static bool holds(struct silence *silence, const char *text, int64_t now_ms)
{
	struct dns_name name = named(text);
	const char *zone;

	return silence_holds(silence, &name, false, now_ms, &zone);
}

/* Under a domain that gives names below it to strangers: what has answered, and its own policy, is asked on. */
static void test_strangers_silence_no_neighbour_that_answers(void **state)
{
	struct silence *silence = silence_new();
	struct dns_name neighbour = named("mail.honest.hosting.example"), policy = named("_dmarc.hosting.example"),
		deep = named("_dmarc.new.hosting.example");
	const char *zone;
	unsigned let_through = 0;

	(void)state;
	silence_answered(silence, &neighbour, 1000);
	for (unsigned i = 0; i < 20; i++)
		time_out(silence, "a.stranger.hosting.example", 1000);
	assert_true(holds(silence, "b.stranger.hosting.example", 1001));
	assert_true(holds(silence, "new.hosting.example", 1001));
	assert_false(holds(silence, "mail.honest.hosting.example", 1001));
	assert_false(silence_holds(silence, &policy, true, 1001, &zone));
	for (unsigned i = 0; i < 20; i++)
		let_through += !silence_holds(silence, &deep, true, 1001, &zone);
	assert_int_equal(let_through, 8);
	assert_true(silence_is_known(silence, &deep, 1001));
	assert_false(silence_is_known(silence, &neighbour, 1001));
	silence_free(&silence);
}

/* A dead name below a domain keeps nobody from what the domain is judged by: a forger's "no such key" must stay that. */
static void test_dead_name_below_silences_no_record_of_its_domain(void **state)
{
	static const char *const own[] = { "victim.example", "_dmarc.victim.example", "s1._domainkey.victim.example" };
	struct silence *silence = silence_new();
	struct dns_name name;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		time_out(silence, "dead.victim.example", 1000);
	assert_true(holds(silence, "other.victim.example", 1001));
	assert_true(holds(silence, "_spf.victim.example", 1001));
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		for (unsigned n = 0; n < 20; n++)
			assert_false(holds(silence, own[i], 1001));
		name = named(own[i]);
		assert_false(silence_is_known(silence, &name, 1001));
	}
	/* but for their own silence */
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		time_out(silence, own[i], 2000);
		time_out(silence, own[i], 2000);
		assert_true(holds(silence, own[i], 2001));
	}
	silence_free(&silence);
}

/* Where everybody can have a name, no name silences the others. */
static void test_public_suffix_is_no_zone(void **state)
{
	struct silence *silence = silence_new();
	char name[64];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "x%u.evil.co.uk", i);
		time_out(silence, name, 1000);
	}
	assert_true(holds(silence, "another.evil.co.uk", 1001));
	assert_false(holds(silence, "honest.co.uk", 1001));
	assert_false(holds(silence, "_dmarc.honest.co.uk", 1001));
	silence_free(&silence);
}

static void test_what_was_lost_together_counts_once(void **state)
{
	struct silence *silence = silence_new();
	char text[64];
	struct dns_name name;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "x%u.hiccup.example", i % 5);
		name = named(text);
		silence_timed_out(silence, &name, 1000 + i, 3000 + i);
	}
	assert_false(holds(silence, "x1.hiccup.example", 3100));
	assert_false(silence_is_known(silence, &name, 3100));
	silence_timed_out(silence, &name, 3050, 5050);
	assert_true(holds(silence, "x1.hiccup.example", 5051));
	silence_free(&silence);
}

static void test_silence_ends_with_an_answer_or_with_time(void **state)
{
	struct silence *silence = silence_new();
	struct dns_name name = named("y.evil.example");
	unsigned let_through = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_false(holds(silence, "x.evil.example", 1000));
		time_out(silence, "x.evil.example", 1000);
	}
	assert_true(holds(silence, "x.evil.example", 1001));
	for (int64_t now_ms = 1000; now_ms < 31000; now_ms += 100)	/* each five seconds one may look, of the label and of all */
		let_through += !holds(silence, "x.evil.example", now_ms);
	assert_int_equal(let_through, 5);
	assert_false(holds(silence, "x.evil.example", 31000));
	time_out(silence, "x.evil.example", 40000);
	assert_true(holds(silence, "x.evil.example", 40001));
	silence_answered(silence, &name, 40001);	/* another label's */
	assert_true(holds(silence, "x.evil.example", 40002));
	name = named("x.evil.example");
	silence_answered(silence, &name, 40002);
	assert_false(holds(silence, "x.evil.example", 40003));
	silence_free(&silence);
}

static void test_silence_of_reverse_zones_stays_near(void **state)
{
	struct silence *silence = silence_new();
	char name[128];

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "%u.77.0.192.in-addr.arpa", i);
		time_out(silence, name, 1000);
	}
	assert_true(holds(silence, "99.77.0.192.in-addr.arpa", 1001));
	assert_false(holds(silence, "99.78.0.192.in-addr.arpa", 1001));
	silence_free(&silence);
}

static void test_silence_is_bounded(void **state)
{
	struct silence *silence = silence_new();
	char name[64];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "x.zone%u.example", i);
		time_out(silence, name, 1000);
		time_out(silence, name, 1000);
		time_out(silence, name, 1000);
	}
	assert_false(holds(silence, "x.zone1.example", 1001));	/* long forgotten */
	assert_true(holds(silence, "x.zone19999.example", 1001));
	silence_free(&silence);
}

static void test_zone_has_its_share(void **state)
{
	struct silence *silence = silence_new();
	struct zone *held[9] = { NULL }, *other;
	struct dns_name name = named("x.slow.example"), neighbour = named("x.quick.example");
	char text[64];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_true(zone_enter(silence, &name, false, 8, &held[i]));
	assert_false(zone_enter(silence, &name, false, 8, &other));
	assert_true(zone_enter(silence, &name, true, 8, &held[8]));	/* an author domain's */
	assert_true(zone_enter(silence, &neighbour, false, 8, &other));
	zone_leave(&other);
	for (unsigned i = 0; i < 20000; i++) {	/* however many others come meanwhile, its queries are not forgotten */
		snprintf(text, sizeof(text), "x.zone%u.example", i);
		time_out(silence, text, 1000);
	}
	assert_false(zone_enter(silence, &name, false, 8, &other));
	for (unsigned i = 0; i < 9; i++)
		zone_leave(&held[i]);
	assert_null(held[0]);
	assert_true(zone_enter(silence, &name, false, 8, &other));
	zone_leave(&other);
	silence_free(&silence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strangers_silence_no_neighbour_that_answers),
		cmocka_unit_test(test_dead_name_below_silences_no_record_of_its_domain),
		cmocka_unit_test(test_public_suffix_is_no_zone),
		cmocka_unit_test(test_what_was_lost_together_counts_once),
		cmocka_unit_test(test_silence_ends_with_an_answer_or_with_time),
		cmocka_unit_test(test_silence_of_reverse_zones_stays_near),
		cmocka_unit_test(test_silence_is_bounded),
		cmocka_unit_test(test_zone_has_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
