/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of report URIs: RFC 9989 section 4.7, RFC 6068; what is taken as an address, and what never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena_fixture.h"
#include "check/dmarc/uri.h"
#include "util/buf.h"

static struct dmarc_uris uris;

static void read_list(const char *list)
{
	dmarc_uri_list_read(arena, list, &uris);
}

static void test_dmarc_uri_list_read_takes(void **state)
{
	(void)state;
	read_list("mailto:a@example.org,mailto:B.c+d=e@Sub.Example.NET!10m , https://example.com/x,mailto:a@example.org");
	assert_int_equal(uris.count, 2);
	assert_string_equal(uris.addresses[0].address, "a@example.org");
	assert_string_equal(uris.addresses[0].host, "example.org");
	assert_string_equal(uris.addresses[1].address, "B.c+d=e@sub.example.net");
	assert_int_equal(uris.other_schemes, 1);
	assert_int_equal(uris.malformed + uris.over_cap, 0);
	read_list("MAILTO:a%2Bb@b\xc3\xbc" "cher.example?subject=x&body=y");
	assert_int_equal(uris.count, 1);
	assert_string_equal(uris.addresses[0].address, "a+b@xn--bcher-kva.example");
	read_list(NULL);
	assert_int_equal(uris.count + uris.malformed, 0);
	read_list(" , ,,");
	assert_int_equal(uris.count + uris.malformed, 0);
}

static void test_dmarc_uri_list_read_refuses(void **state)
{
	static const char *const bad[] = {
		"mailto:", "mailto:a", "mailto:@example.org", "mailto:a@", "a@example.org", "mailto:a@example", "mailto:a@localhost",
		"mailto:a@[192.0.2.1]", "mailto:-oX@example.org", "mailto:-a@example.org", "mailto:.a@example.org",
		"mailto:a.@example.org", "mailto:a..b@example.org", "mailto:%22a%20b%22@example.org", "mailto:a%0Ab@example.org",
		"mailto:a%0D%0ABcc:x@example.org", "mailto:a%00@example.org", "mailto:a%25b@example.org", "mailto:a%7Cb@example.org",
		"mailto:%7C/bin/sh@example.org", "mailto:/etc/x@example.org", "mailto:a!b@example.org", "mailto:a@example.org!x",
		"mailto:$(id)@example.org", "mailto:a;b@example.org", "mailto:`id`@example.org", "mailto:a&b@example.org",
		"mailto:a@b@example.org", "mailto:a%2@example.org", "mailto:a%zz@example.org", "mailto:a@exa%6dple..org",
		"mailto:a@example.org\x01", "mailto:a b@example.org", "mailto:a@exam ple.org", "mailto:\xff@example.org", "1mailto:a@b.c",
		"mailto:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.org",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		read_list(bad[i]);
		if (uris.count != 0 || uris.malformed != 1)
			fail_msg("%s: %zu taken, %zu malformed", bad[i], uris.count, uris.malformed);
	}
}

/* Ten thousand URIs, and as many commas, cost no more than the caps say. */
static void test_dmarc_uri_list_read_caps(void **state)
{
	struct buf list = buf_make(arena);

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&list, "%smailto:u%d@example.org", i > 0 ? "," : "", i);
	read_list(list.data);
	assert_int_equal(uris.count, DMARC_URIS_MAX);
	assert_string_equal(uris.addresses[DMARC_URIS_MAX - 1].address, "u19@example.org");
	assert_int_equal(uris.over_cap, 10000 - DMARC_URIS_MAX);
	list = buf_make(arena);
	for (int i = 0; i < 10000; i++)
		buf_puts(&list, "x,");
	buf_puts(&list, "mailto:late@example.org");
	read_list(list.data);
	assert_int_equal(uris.count, 0);
	assert_int_equal(uris.malformed, DMARC_URIS_LOOKED_MAX);
	assert_int_equal(uris.over_cap, 10001 - DMARC_URIS_LOOKED_MAX);
}

static void test_dmarc_uri_valid_size(void **state)
{
	size_t length = 0;

	(void)state;
	assert_true(dmarc_uri_valid("mailto:a@b.example!10m", 22, &length));
	assert_int_equal(length, 18);
	assert_true(dmarc_uri_valid("mailto:a@b.example", 18, &length));
	assert_int_equal(length, 18);
	assert_false(dmarc_uri_valid("mailto:a@b.example!10mm", 23, NULL));
	assert_false(dmarc_uri_valid("mailto:a@b.example!m", 20, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dmarc_uri_list_read_takes, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_dmarc_uri_list_read_refuses, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_dmarc_uri_list_read_caps, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_dmarc_uri_valid_size, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
