/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver: a burst of questions goes out no faster than a server can take it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "resolver/query.h"
#include "resolver/resolver.h"
#include "resolver_fixture.h"
#include "util/clock.h"

enum { WAIT_MS = 20000 };

static const char *name_of(unsigned number)
{
	static char name[64];

	snprintf(name, sizeof(name), "n%u.wild.example.com", number);
	return name;
}

static void ask(struct dns_scope *scope, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		dns_start(scope, name_of(i), DNS_TYPE_TXT);
}

/* @return ms until the server has got so many questions. */
static int64_t got(struct resolver_fixture *dns, unsigned count, int64_t begun_ms)
{
	while (fake_dns_count(dns->server, NULL, 0) < count && clock_monotonic_ms() < begun_ms + WAIT_MS)
		usleep(500);
	assert_true(fake_dns_count(dns->server, NULL, 0) >= count);
	return clock_monotonic_ms() - begun_ms;
}

/* What is not answered goes out so many at a time. */
static void test_dns_start_of_many_without_answers(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = WAIT_MS, .rounds = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	int64_t begun_ms = clock_monotonic_ms();

	ask(fixture_scope(dns, WAIT_MS, 1000), 4 * PACE_MAX);
	/* the first PACE_MAX at once, and each further lot after PACE_MS */
	assert_true(got(dns, 4 * PACE_MAX, begun_ms) >= 3 * PACE_MS);
}

/* All of a burst are answered, although they are more than may go out at once, and none is lost or sent twice. */
static void test_dns_start_of_many_with_answers(void **state)
{
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = 100000, .rounds = 1 };
	struct resolver_fixture *dns = fixture_start(state, NULL, config);
	struct dns_scope *scope = fixture_scope(dns, WAIT_MS, 1000);

	ask(scope, 7 * PACE_MAX);
	for (unsigned i = 0; i < 7 * PACE_MAX; i++)
		assert_int_equal(dns_wait(scope, name_of(i), DNS_TYPE_TXT)->status, DNS_STATUS_DATA);
	assert_int_equal(fake_dns_count(dns->server, NULL, 0), 7 * PACE_MAX);
}

/* A resolver that is stopped while questions wait their turn gives them up. */
static void test_dns_resolver_free_with_many_waiting(void **state)
{
	struct behaviour behaviour = { .reply = { .drop = true } };
	struct dns_config config = { .dnssec = DNSSEC_OFF, .timeout_ms = WAIT_MS, .rounds = 1 };
	struct resolver_fixture *dns = fixture_start(state, &behaviour, config);
	int64_t begun_ms = clock_monotonic_ms();

	ask(fixture_scope(dns, WAIT_MS, 1000), 7 * PACE_MAX);
	dns_scope_free(&dns->scope);
	dns_resolver_free(&dns->resolver);
	assert_true(clock_monotonic_ms() - begun_ms < WAIT_MS);
}

static void closed(uv_handle_t *handle)
{
	*(bool *)handle->loop->data = true;
}

static void test_pace_has_room_for_so_many(void **state)
{
	static struct transport transport;
	static struct attempt attempts[PACE_MAX + 1];
	bool over = false;
	int64_t now_ms;

	(void)state;
	assert_int_equal(uv_loop_init(&transport.loop), 0);
	transport.loop.data = &over;
	pace_init(&transport);
	now_ms = clock_monotonic_ms() + 60000;	/* they do not grow old while this runs */
	for (unsigned i = 0; i < PACE_MAX; i++) {
		assert_true(pace_has_room(&transport));
		attempts[i].sent_ms = now_ms;
		pace_sent(&transport, &attempts[i]);
	}
	assert_false(pace_has_room(&transport));
	pace_over(&transport, &attempts[PACE_MAX / 2]);	/* answered */
	pace_over(&transport, &attempts[PACE_MAX / 2]);
	assert_true(pace_has_room(&transport));
	attempts[PACE_MAX].sent_ms = now_ms;
	pace_sent(&transport, &attempts[PACE_MAX]);
	assert_false(pace_has_room(&transport));
	attempts[0].sent_ms = clock_monotonic_ms() - PACE_MS;	/* the oldest has stood long enough */
	assert_true(pace_has_room(&transport));
	for (unsigned i = 1; i <= PACE_MAX; i++)
		pace_over(&transport, &attempts[i]);
	assert_true(transport.pace.count == 0 && transport.pace.newest == NULL && transport.pace.oldest == NULL);
	uv_close((uv_handle_t *)&transport.pace.timer, closed);
	uv_run(&transport.loop, UV_RUN_DEFAULT);
	assert_true(over);
	assert_int_equal(uv_loop_close(&transport.loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESOLVER_TEST(test_dns_start_of_many_without_answers),
		RESOLVER_TEST(test_dns_start_of_many_with_answers),
		RESOLVER_TEST(test_dns_resolver_free_with_many_waiting),
		cmocka_unit_test(test_pace_has_room_for_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
