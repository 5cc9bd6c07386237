/* SPDX-License-Identifier: BSD-2-Clause */
/* When a brake comes on, read from a record: what hangs on who vouches is learnt first (report/brakes.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/brakes.h"
#include "store_fixture.h"
#include "text_fixture.h"
#include "util/arena.h"

enum { HOUR = 3600, DAY = 86400, MESSAGES = 5 };
static const int64_t TODAY = 1798761600;	/* midnight */

static int place_setup(void **state)
{
	return place_make(state, TODAY + 12 * HOUR);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, TODAY + 12 * HOUR);
}

static void note(struct store *store, int64_t time_secs, const char *author, const char *evidence)
{
	const struct flow_note flow = { .time_secs = time_secs, .author_domain = author, .client_network = "192.0.2.0/24",
		.findings = "dmarc-reject", .policy = "default", .action = "none", .evidence = evidence };

	assert_int_equal(store_flow_note(store, &flow), 0);
}

/* What a list changed fails, and looks wanted because the list is known by mail of others whose authors are proven. */
static void test_brake_watch_read_learns_who_vouches(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	const struct config *config = text_config("mode = enforce record { path = \"/nonexistent/db\" } findings { dmarc-reject = reject }\n"
	    "brake-wanted = 5");
	const struct policy_set set = policy_set_of(config);
	const struct brake_watch_wish wish = { .config = config, .set = &set, .first_secs = TODAY, .end_secs = TODAY + 10 * HOUR };
	struct arena *arena = arena_new();

	for (int i = 0; i < MESSAGES; i++)
		note(store, TODAY, "a.example", "1 s=m f=dmarc-reject r=x.example a=a.example:fail d=list.example");
	for (int known = 0; known < 2; known++) {
		struct brake_watch *watch = brake_watch_new(&wish);
		const struct brakes *brakes;

		for (int day = 2; known && day <= 20; day++)
			note(store, TODAY - day * DAY, "b.example", "1 s=m r=x.example a=b.example:pass d=b.example,list.example");
		assert_int_equal(store_flush(store), 0);
		assert_int_equal(brake_watch_read(watch, store), 0);
		brakes = brake_watch_forecast(watch, arena);
		assert_int_equal(brakes->count, known);
		if (known) {
			assert_int_equal(brakes->items[0].finding, FINDING_DMARC_REJECT);
			assert_int_equal(brakes->items[0].since_secs, TODAY + 2 * HOUR);	/* the hour ends at 1 */
		}
		brake_watch_free(&watch);
	}
	config_unref(&config);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TESTS(test_brake_watch_read_learns_who_vouches, place_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
