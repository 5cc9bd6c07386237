/* SPDX-License-Identifier: BSD-2-Clause */
/* Prometheus' text format, histograms, and the places where they may be served; expected texts are those of the format's description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/listen_place.h"
#include "exposition.h"

static struct { FILE *out; char *text; size_t length; } page;

static FILE *page_begin(void)
{
	page.out = open_memstream(&page.text, &page.length);
	assert_non_null(page.out);
	return page.out;
}

static void page_is(const char *expected)
{
	assert_int_equal(fclose(page.out), 0);
	assert_string_equal(page.text, expected);
	free(page.text);
}

static void test_exposition_family_has_help_before_type(void **state)
{
	FILE *out = page_begin();

	(void)state;
	exposition_family(out, "a_total", METRIC_COUNTER, "What is counted.");
	exposition_family(out, "b", METRIC_GAUGE, "");
	exposition_family(out, "c_seconds", METRIC_HISTOGRAM, "x");
	page_is("# HELP a_total What is counted.\n# TYPE a_total counter\n# HELP b \n# TYPE b gauge\n"
	    "# HELP c_seconds x\n# TYPE c_seconds histogram\n");
}

static void test_exposition_family_escapes_help(void **state)
{
	FILE *out = page_begin();

	(void)state;
	exposition_family(out, "a", METRIC_GAUGE, "one\ntwo \\ \"three\"");	/* quotes stay as they are in a help text */
	page_is("# HELP a one\\ntwo \\\\ \"three\"\n# TYPE a gauge\n");
}

static void test_exposition_count_escapes_values_of_labels(void **state)
{
	FILE *out = page_begin();

	(void)state;
	exposition_count(out, "a", NULL, 0);
	exposition_count(out, "a", (const struct label[]){ { 0 } }, 1);
	exposition_count(out, "a", (const struct label[]){ { "x", "a\"} 9\n\\b" }, { "y", "" }, { 0 } }, UINT64_MAX);
	page_is("a 0\na 1\na{x=\"a\\\"} 9\\n\\\\b\",y=\"\"} 18446744073709551615\n");
}

static void test_exposition_seconds_are_exact(void **state)
{
	static const uint64_t times[] = { 0, 1, 500000, 1000000, 10000000, 1000001, 86400123450 };
	FILE *out = page_begin();

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		exposition_seconds(out, "t", NULL, times[i]);
	page_is("t 0\nt 0.000001\nt 0.5\nt 1\nt 10\nt 1.000001\nt 86400.12345\n");
}

static void test_histogram_bounds_rise(void **state)
{
	(void)state;
	for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
		assert_true(histogram_bounds_us[i] > histogram_bounds_us[i - 1]);
}

/* A bound belongs to its own bucket: le means less or equal. */
static void test_histogram_note_at_a_bound(void **state)
{
	(void)state;
	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		struct histogram histogram = { 0 };

		histogram_note(&histogram, histogram_bounds_us[i]);
		histogram_note(&histogram, histogram_bounds_us[i] + 1);
		assert_int_equal(histogram.counts[i], 1);
		assert_int_equal(histogram.counts[i + 1], 1);
		assert_int_equal(histogram.sum_us, 2 * histogram_bounds_us[i] + 1);
	}
}

static void test_exposition_histogram_is_cumulative(void **state)
{
	struct histogram histogram = { 0 };
	FILE *out = page_begin();

	(void)state;
	histogram_note(&histogram, 0);
	histogram_note(&histogram, 700);
	histogram_note(&histogram, 700);
	histogram_note(&histogram, 2000000);
	histogram_note(&histogram, 31000000);
	exposition_histogram(out, "t", &histogram);
	page_is("t_bucket{le=\"0.0005\"} 1\nt_bucket{le=\"0.001\"} 3\nt_bucket{le=\"0.0025\"} 3\nt_bucket{le=\"0.005\"} 3\n"
	    "t_bucket{le=\"0.01\"} 3\nt_bucket{le=\"0.025\"} 3\nt_bucket{le=\"0.05\"} 3\nt_bucket{le=\"0.1\"} 3\n"
	    "t_bucket{le=\"0.25\"} 3\nt_bucket{le=\"1\"} 3\nt_bucket{le=\"2.5\"} 4\nt_bucket{le=\"5\"} 4\nt_bucket{le=\"10\"} 4\n"
	    "t_bucket{le=\"30\"} 4\nt_bucket{le=\"+Inf\"} 5\nt_sum 33.0014\nt_count 5\n");
}

static void test_exposition_histogram_of_nothing(void **state)
{
	struct histogram histogram = { 0 };
	FILE *out = page_begin();

	(void)state;
	exposition_histogram(out, "t", &histogram);
	assert_int_equal(fclose(page.out), 0);
	assert_non_null(strstr(page.text, "t_bucket{le=\"+Inf\"} 0\nt_sum 0\nt_count 0\n"));
	free(page.text);
}

static void place_is(const char *text, const char *address, unsigned port)
{
	struct listen_place place;
	char found[ADDR_TEXT_BYTES];
	const char *why = "";

	if (listen_place_parse(text, &place, &why) != 0)
		fail_msg("%s: %s", text, why);
	assert_null(place.path);
	assert_string_equal(addr_format(&place.addr, found), address);
	assert_int_equal(place.port, port);
}

static void test_listen_place_parse_takes_loopback(void **state)
{
	static const char *const paths[] = { "unix:/run/x.sock", "local:/run/x.sock", "/run/x.sock", "UNIX:/run/x.sock" };
	struct listen_place place;
	const char *why;

	(void)state;
	place_is("inet:9198@127.0.0.1", "127.0.0.1", 9198);
	place_is("inet:65535@127.255.0.9", "127.255.0.9", 65535);
	place_is("inet6:1@[::1]", "::1", 1);
	place_is("inet6:1@::1", "::1", 1);
	place_is("inet:80@::ffff:127.0.0.1", "127.0.0.1", 80);	/* the same address */
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(listen_place_parse(paths[i], &place, &why), 0);
		assert_string_equal(place.path, "/run/x.sock");
	}
}

static void test_listen_place_parse_refuses_all_else(void **state)
{
	static const struct { const char *text, *why; } cases[] = {
		{ "inet:9198", "loopback" }, { "inet:9198@0.0.0.0", "loopback" }, { "inet:9198@192.0.2.1", "loopback" },
		{ "inet6:9198@[::]", "loopback" }, { "inet6:9198@[2001:db8::1]", "loopback" }, { "inet:9198@localhost", "loopback" },
		{ "inet:9198@128.0.0.1", "loopback" }, { "inet:9198@", "loopback" }, { "inet:9198@127.0.0.1.example", "loopback" },
		{ "inet:9198@[::1]", "IPv4" }, { "inet6:9198@127.0.0.1", "IPv6" },
		{ "inet:0@127.0.0.1", "port" }, { "inet:65536@127.0.0.1", "port" }, { "inet:4294967297@127.0.0.1", "port" },
		{ "inet:127.0.0.1:9198", "Postfix" }, { "inet:-1@127.0.0.1", "Postfix" }, { "inet:", "Postfix" },
		{ "unix:run/x", "absolute" }, { "unix:", "absolute" }, { "9198", "not a socket" }, { "http://127.0.0.1:9198/", "not a socket" },
		{ "", "not a socket" },
	};
	char longest[2 + LISTEN_PATH_MAX];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		why = "";
		if (listen_place_parse(cases[i].text, NULL, &why) == 0)
			fail_msg("%s is taken", cases[i].text);
		if (strstr(why, cases[i].why) == NULL)
			fail_msg("%s: '%s' says nothing of '%s'", cases[i].text, why, cases[i].why);
	}
	memset(longest, '/', sizeof(longest));
	longest[LISTEN_PATH_MAX + 1] = '\0';
	assert_int_not_equal(listen_place_parse(longest, NULL, &why), 0);
	longest[LISTEN_PATH_MAX] = '\0';
	assert_int_equal(listen_place_parse(longest, NULL, &why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exposition_family_has_help_before_type),
		cmocka_unit_test(test_exposition_family_escapes_help),
		cmocka_unit_test(test_exposition_count_escapes_values_of_labels),
		cmocka_unit_test(test_exposition_seconds_are_exact),
		cmocka_unit_test(test_histogram_bounds_rise),
		cmocka_unit_test(test_histogram_note_at_a_bound),
		cmocka_unit_test(test_exposition_histogram_is_cumulative),
		cmocka_unit_test(test_exposition_histogram_of_nothing),
		cmocka_unit_test(test_listen_place_parse_takes_loopback),
		cmocka_unit_test(test_listen_place_parse_refuses_all_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
