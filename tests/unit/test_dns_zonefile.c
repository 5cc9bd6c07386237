/* SPDX-License-Identifier: BSD-2-Clause */
/* The master-file backend, through the resolver's own interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/resolver.h"
#include "text_fixture.h"

/* The zone of RFC 4592 section 2.2.1, in short, and other zones in the same file. */
static const char zone_text[] =
	"$ORIGIN example.\n"
	"$TTL 3600\n"
	"@ IN SOA ns hostmaster 1 2 3 4 120\n"
	"@ NS ns.example.com.\n"
	"* TXT \"this is a wildcard\"\n"
	"* MX 10 host1.example.\n"
	"sub.* TXT \"this is not a wildcard\"\n"
	"host1 A 192.0.2.1\n"
	"_ssh._tcp.host1 SRV 0 0 22 host1\n"
	"_ssh._tcp.host2 SRV 0 0 22 host2\n"
	"alias CNAME host1\n"
	"away CNAME nowhere.invalid.\n"
	"c1 CNAME c2\nc2 CNAME c1\n"
	"old DNAME new\n"
	"x.new A 192.0.2.9\n"
	"bad TYPE65280 \\# 0\n"
	"tobad CNAME bad\n"
	"other.test. TXT \"other zone\"\n";

struct fixture {
	char path[FIXTURE_PATH_BYTES];
	struct dns_resolver *resolver;
	struct dns_scope *scope;
	struct arena *arena;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct dns_config config = { .dnssec = DNSSEC_VALIDATE };
	char why[256];

	text_file(fixture->path, zone_text);
	config.zone_file = fixture->path;
	fixture->resolver = dns_resolver_new(&config, why, sizeof(why));
	assert_non_null(fixture->resolver);
	fixture->scope = dns_scope_new(fixture->resolver, 0, 1000);
	fixture->arena = arena_new();
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->path);
	arena_free(&fixture->arena);
	dns_scope_free(&fixture->scope);
	dns_resolver_free(&fixture->resolver);
	free(fixture);
	return 0;
}

static enum dns_status asked(struct fixture *fixture, const char *name, uint16_t type)
{
	return dns_wait(fixture->scope, name, type)->status;
}

static void test_zonefile_answers_indeterminate(void **state)
{
	struct fixture *fixture = *state;
	const struct dns_answer *answer = dns_wait(fixture->scope, "host1.example", DNS_TYPE_A);

	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_int_equal(answer->security, DNS_INDETERMINATE);
	assert_int_equal(answer->ttl_secs, 3600);
	assert_int_equal(answer->rr_count, 1);
	assert_int_equal(asked(fixture, "OTHER.test", DNS_TYPE_TXT), DNS_STATUS_DATA);
}

/* RFC 4592 section 2.2.1: what is and what is not synthesized. */
static void test_zonefile_wildcards(void **state)
{
	struct fixture *fixture = *state;
	const struct dns_answer *answer = dns_wait(fixture->scope, "host3.example", DNS_TYPE_MX);

	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->rrs[0].owner, "host3.example");
	assert_int_equal(asked(fixture, "host3.example", DNS_TYPE_A), DNS_STATUS_NODATA);
	assert_int_equal(asked(fixture, "foo.bar.example", DNS_TYPE_TXT), DNS_STATUS_DATA);
	assert_int_equal(asked(fixture, "host1.example", DNS_TYPE_MX), DNS_STATUS_NODATA);
	assert_int_equal(asked(fixture, "sub.*.example", DNS_TYPE_MX), DNS_STATUS_NODATA);
	assert_int_equal(asked(fixture, "_telnet._tcp.host1.example", DNS_TYPE_TXT), DNS_STATUS_NXDOMAIN);
	assert_int_equal(asked(fixture, "ghost.*.example", DNS_TYPE_MX), DNS_STATUS_NXDOMAIN);
	answer = dns_wait(fixture->scope, "*.example", DNS_TYPE_TXT);
	assert_string_equal(dns_rr_text(&answer->rrs[0], fixture->arena, NULL), "this is a wildcard");
}

static void test_zonefile_absence(void **state)
{
	struct fixture *fixture = *state;
	const struct dns_answer *answer = dns_wait(fixture->scope, "host2.example", DNS_TYPE_A);

	assert_int_equal(answer->status, DNS_STATUS_NODATA);	/* an empty non-terminal, no wildcard */
	assert_int_equal(answer->ttl_secs, 120);
	assert_int_equal(asked(fixture, "_tcp.host1.example", DNS_TYPE_A), DNS_STATUS_NODATA);
	assert_int_equal(asked(fixture, "nowhere.invalid", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
	assert_int_equal(asked(fixture, "test", DNS_TYPE_A), DNS_STATUS_NODATA);
	assert_int_equal(asked(fixture, ".", DNS_TYPE_A), DNS_STATUS_NODATA);
}

static void test_zonefile_aliases(void **state)
{
	struct fixture *fixture = *state;
	const struct dns_answer *answer = dns_wait(fixture->scope, "alias.example", DNS_TYPE_A);

	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->canonical_name, "host1.example");
	answer = dns_wait(fixture->scope, "alias.example", DNS_TYPE_TXT);
	assert_int_equal(answer->status, DNS_STATUS_NODATA);
	assert_string_equal(answer->canonical_name, "host1.example");
	answer = dns_wait(fixture->scope, "away.example", DNS_TYPE_A);
	assert_int_equal(answer->status, DNS_STATUS_NXDOMAIN);
	assert_string_equal(answer->canonical_name, "nowhere.invalid");
	answer = dns_wait(fixture->scope, "x.old.example", DNS_TYPE_A);
	assert_int_equal(answer->status, DNS_STATUS_DATA);
	assert_string_equal(answer->canonical_name, "x.new.example");
	assert_int_equal(asked(fixture, "old.example", DNS_TYPE_DNAME), DNS_STATUS_DATA);
	assert_int_equal(asked(fixture, "c1.example", DNS_TYPE_A), DNS_STATUS_FAIL);
}

static void test_zonefile_names_that_fail(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(asked(fixture, "bad.example", DNS_TYPE_TXT), DNS_STATUS_FAIL);
	assert_int_equal(asked(fixture, "bad.example", DNS_TYPE_A), DNS_STATUS_FAIL);
	assert_int_equal(asked(fixture, "tobad.example", DNS_TYPE_A), DNS_STATUS_FAIL);
}

static void test_zonefile_dname_over_the_length_limit(void **state)
{
	struct fixture *fixture = *state;
	char name[300];

	for (int i = 0; i < 122; i++)
		memcpy(name + 2 * i, "a.", 2);
	strcpy(name + 244, "old.test");
	/* nothing of the sort in old.test: plain NXDOMAIN; below old.example the target is as long as the name */
	assert_int_equal(asked(fixture, name, DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
}

static void continued(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	(void)scope;
	*(enum dns_status *)arg = answer->status;
}

static void test_zonefile_start_then_is_called_at_once(void **state)
{
	struct fixture *fixture = *state;
	enum dns_status status = DNS_STATUS_FAIL;
	const char *explanation = "";

	dns_start_then(fixture->scope, "alias.example", DNS_TYPE_A, continued, &status);
	assert_int_equal(status, DNS_STATUS_DATA);
	assert_true(dns_ready(fixture->scope, "host1.example", DNS_TYPE_A));
	assert_int_equal(dns_explain(fixture->scope, "host1.example", DNS_TYPE_A, &explanation)->status, DNS_STATUS_DATA);
	assert_null(explanation);
}

static void test_zonefile_load_tells_file_and_line(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF };
	char path[FIXTURE_PATH_BYTES], why[256] = "", expected[128];

	(void)state;
	text_file(path, "a.test. A 192.0.2.1\nb.test. A 192.0.2.1.5\n");
	config.zone_file = path;
	assert_null(dns_resolver_new(&config, why, sizeof(why)));
	unlink(path);
	snprintf(expected, sizeof(expected), "%s:2: ", path);
	assert_memory_equal(why, expected, strlen(expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_zonefile_answers_indeterminate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zonefile_wildcards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zonefile_absence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zonefile_aliases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zonefile_names_that_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zonefile_dname_over_the_length_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zonefile_start_then_is_called_at_once, setup, teardown),
		cmocka_unit_test(test_zonefile_load_tells_file_and_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
