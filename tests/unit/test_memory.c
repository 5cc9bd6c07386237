/* SPDX-License-Identifier: BSD-2-Clause */
/* check/memory: names of peers, and judgement against a past that the test makes up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "check/check.h"
#include "check/memory.h"
#include "check_fixture.h"
#include "util/error.h"
#include "finding_sets.h"

/* What is remembered: the peer as a whole and the one host that comes. */
struct past {
	const char *peer;
	struct memory_view whole, host;
	int whole_code, host_code;
	unsigned asked;
};

static int past_view(void *context, const char *peer, const char *host, enum tls_grade grade, struct memory_view *view_r)
{
	struct past *past = context;

	(void)grade;
	past->asked++;
	assert_string_equal(peer, past->peer);
	if (host[0] == '\0') {
		*view_r = past->whole;
		return past->whole_code;
	}
	assert_string_equal(host, "192.0.2.1");
	*view_r = past->host;
	return past->host_code;
}

/* A client mx1.sender.example, confirmed, in cleartext; past says what is known. */
static struct check_fixture *arrange(struct past *past, struct memory_source *source)
{
	struct check_fixture *fixture = fixture_new(NULL);

	*source = (struct memory_source){ .context = past, .view = past_view };
	fixture->shared.memory = source;
	assert_int_equal(addr_parse("192.0.2.1", &fixture->connection.client), 0);
	fixture->results.iprev = (struct iprev_result){ .result = RESULT_PASS, .name = "mx1.sender.example" };
	fixture->results.tls = (struct tls_result){ .checked = true, .grade = TLS_GRADE_NONE };
	past->peer = "sender.example";
	return fixture;
}

static const struct memory_view habit = { .habit = true, .downgrade = true, .usual_grade = TLS_GRADE_STRONG,
	.sessions = 100, .days = 30, .last_tls_secs = 1700000000 };

static void test_memory_peer_name_forms(void **state)
{
	struct arena *arena = arena_new();
	struct ip_addr v4, v6, none = { .family = AF_UNSPEC };

	(void)state;
	assert_int_equal(addr_parse("192.0.2.77", &v4), 0);
	assert_int_equal(addr_parse("2001:db8:1:2:3:4:5:6", &v6), 0);
	assert_string_equal(memory_peer_name(arena, NULL, "mx1.sender.example", &v4), "sender.example");
	assert_string_equal(memory_peer_name(arena, NULL, "sender.example", &v4), "sender.example");
	assert_string_equal(memory_peer_name(arena, NULL, "localhost", &v4), "localhost");
	assert_string_equal(memory_peer_name(arena, NULL, NULL, &v4), "192.0.2.0/24");
	assert_string_equal(memory_peer_name(arena, NULL, NULL, &v6), "2001:db8:1:2::/64");
	assert_null(memory_peer_name(arena, NULL, NULL, &none));
	arena_free(&arena);
}

static void test_memory_judge_habit_and_cleartext(void **state)
{
	struct past past = { .whole = habit, .host_code = -E_ABSENT };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);
	const struct finding *finding;

	(void)state;
	fixture_run(fixture, &check_memory);
	assert_true(fixture->results.peer.downgrade);
	assert_true(fixture->results.peer.host_only);	/* a host that is new while a hundred sessions were others' */
	finding = fixture_finding(fixture, FINDING_TLS_DOWNGRADE, "sender.example");
	assert_non_null(finding);
	assert_non_null(strstr(finding->detail, "usually strong in 100 sessions on 30 days"));
	fixture_free(&fixture);
}

static void test_memory_judge_nothing_known_raises_nothing(void **state)
{
	struct past past = { .whole_code = -E_ABSENT };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);

	(void)state;
	fixture_run(fixture, &check_memory);
	assert_findings(fixture->results.set, SET_NONE);
	assert_false(fixture->results.peer.known);
	assert_false(fixture->results.peer.no_memory);
	assert_string_equal(fixture->results.peer.peer, "sender.example");
	fixture_free(&fixture);
}

static void test_memory_judge_store_down_raises_nothing(void **state)
{
	struct past past = { .whole = habit, .whole_code = -E_SYSTEM };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);

	(void)state;
	fixture_run(fixture, &check_memory);
	assert_findings(fixture->results.set, SET_NONE);
	assert_true(fixture->results.peer.no_memory);
	fixture_free(&fixture);
}

static void test_memory_judge_without_store_still_names_the_peer(void **state)
{
	struct past past = { 0 };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);

	(void)state;
	fixture->shared.memory = NULL;
	fixture_run(fixture, &check_memory);
	assert_string_equal(fixture->results.peer.peer, "sender.example");
	assert_findings(fixture->results.set, SET_NONE);
	fixture_free(&fixture);
}

static void test_memory_judge_authenticated_client_is_nobody(void **state)
{
	struct past past = { .whole = habit };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);

	(void)state;
	fixture->connection.auth.mechanism = "PLAIN";
	fixture_run(fixture, &check_memory);
	assert_null(fixture->results.peer.peer);
	assert_int_equal(past.asked, 0);
	assert_findings(fixture->results.set, SET_NONE);
	fixture_free(&fixture);
}

static void test_memory_judge_unconfirmed_name_does_not_count(void **state)
{
	struct past past = { .whole = habit };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);

	(void)state;
	fixture->results.iprev.result = RESULT_FAIL;
	past.peer = "192.0.2.0/24";
	fixture_run(fixture, &check_memory);
	assert_string_equal(fixture->results.peer.peer, "192.0.2.0/24");
	assert_non_null(fixture_finding(fixture, FINDING_TLS_DOWNGRADE, "192.0.2.0/24"));
	fixture_free(&fixture);
}

/* Weaker sessions since the last usual one: of the peer, of this host; and sessions that count, of both. */
static bool judged_host_only(uint64_t peer_changed, uint64_t host_changed, uint64_t host_sessions)
{
	struct past past = { .whole = habit, .host = habit };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);
	bool host_only;

	past.whole.changed_sessions = peer_changed;
	past.host.changed_sessions = host_changed;
	past.host.sessions = host_sessions;
	fixture_run(fixture, &check_memory);
	assert_true(fixture_raised(fixture, FINDING_TLS_DOWNGRADE));
	host_only = fixture->results.peer.host_only;
	fixture_free(&fixture);
	return host_only;
}

static void test_memory_judge_one_host_or_all(void **state)
{
	(void)state;
	assert_true(judged_host_only(0, 0, 40));	/* the first one after others came as usual */
	assert_true(judged_host_only(3, 3, 40));	/* nobody but this host since */
	assert_true(judged_host_only(0, 3, 40));	/* others came as usual meanwhile */
	assert_false(judged_host_only(4, 3, 40));	/* another host came so as well */
	assert_false(judged_host_only(0, 0, 100));	/* there is no other host */
}

static void test_memory_judge_settled_host(void **state)
{
	struct past past = { .whole = habit, .host = { .settled = true } };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);

	(void)state;
	fixture_run(fixture, &check_memory);
	assert_findings(fixture->results.set, SET_NONE);
	assert_false(fixture->results.peer.downgrade);
	assert_true(fixture->results.peer.settled_host);
	fixture_free(&fixture);
}

static void test_memory_judge_pinned_peer_never_settles(void **state)
{
	struct past past = { .whole = habit, .host = { .settled = true } };
	struct memory_source source;
	struct check_fixture *fixture = arrange(&past, &source);
	const struct finding *finding;

	(void)state;
	past.whole.pinned = true;
	fixture_run(fixture, &check_memory);
	finding = fixture_finding(fixture, FINDING_TLS_DOWNGRADE, "sender.example");
	assert_non_null(finding);
	assert_non_null(strstr(finding->detail, "by hand"));
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_peer_name_forms),
		cmocka_unit_test(test_memory_judge_habit_and_cleartext),
		cmocka_unit_test(test_memory_judge_nothing_known_raises_nothing),
		cmocka_unit_test(test_memory_judge_store_down_raises_nothing),
		cmocka_unit_test(test_memory_judge_without_store_still_names_the_peer),
		cmocka_unit_test(test_memory_judge_authenticated_client_is_nobody),
		cmocka_unit_test(test_memory_judge_unconfirmed_name_does_not_count),
		cmocka_unit_test(test_memory_judge_one_host_or_all),
		cmocka_unit_test(test_memory_judge_settled_host),
		cmocka_unit_test(test_memory_judge_pinned_peer_never_settles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
