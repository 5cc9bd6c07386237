/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows by kind: parts and back, each kind once, days of hours that are past, kinds over the number of a day, what goes with the last
 * row. Sums are counted here, beside the store; nothing may change them but age.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "evidence_random.h"
#include "policy/evidence_text.h"
#include "record/backend.h"
#include "record/flow_parts.h"
#include "store_fixture.h"

enum { HOUR = 3600, DAY = 86400, FIRST = 20000 * DAY, LIMIT = 100 };

static const struct backend *backend;	/* of the test that runs */

static int place_setup(void **state)
{
	return place_make(state, FIRST);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, FIRST);
}

static struct backend_handle *open_backend(struct place *place)
{
	backend = place->backend;
	return place->handle = backend->open(place->path, BACKEND_MAKE, 10000, place->why, sizeof(place->why));
}

/* A flow of kind number `kind` at an hour. */
static void add(struct backend_handle *handle, unsigned kind, unsigned hour, uint64_t messages, bool enforced)
{
	char author[32], network[32];
	const struct flow_note note = { .time_secs = FIRST + (int64_t)hour * HOUR + 7, .author_domain = author, .client_network = network,
		.policy = "default", .action = enforced ? "reject" : "tag", .enforced = enforced, .findings = "spf-fail",
		.evidence = "1 s=m f=spf-fail r=x.example a=a.example:fail n=192.0.2.0/24", .messages = messages, .bytes = messages * 10,
		.sessions = messages / 2 };

	snprintf(author, sizeof(author), "d%u.example", kind);
	snprintf(network, sizeof(network), "198.51.%u.0/24", kind % 7);
	assert_int_equal(backend->flow_add(handle, &note), 0);
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static void check_note(const struct flow_note *note, struct arena *arena)
{
	const char *texts[FLOW_PARTS];
	struct flow_row row = { 0 };

	flow_parts_make(note, arena, texts);
	flow_parts_read(texts, arena, &row);
	assert_string_equal(row.author_domain, note->author_domain != NULL ? note->author_domain : "");
	assert_string_equal(row.envelope_domain, note->envelope_domain != NULL ? note->envelope_domain : "");
	assert_string_equal(row.client_network, note->client_network != NULL ? note->client_network : "");
	assert_string_equal(row.findings, note->findings != NULL ? note->findings : "");
	assert_string_equal(row.results, note->results != NULL ? note->results : "");
	assert_string_equal(row.evidence, note->evidence != NULL ? note->evidence : "");
	assert_string_equal(row.tls_grade, note->tls_grade != NULL ? note->tls_grade : "");
	assert_string_equal(row.tls_version, note->tls_version != NULL ? note->tls_version : "");
	assert_string_equal(row.tls_cipher, note->tls_cipher != NULL ? note->tls_cipher : "");
	assert_string_equal(row.policy, note->policy != NULL ? note->policy : "");
	assert_string_equal(row.action, note->action != NULL ? note->action : "");
	assert_int_equal(row.enforced, note->enforced);
	assert_false(row.other);
}

static void test_flow_parts_give_back_every_evidence(void **state)
{
	struct arena *arena = arena_new();
	struct flow_note note = { .author_domain = "a.example", .envelope_domain = "b.example", .client_network = "192.0.2.0/24",
		.findings = "spf-fail,tls-none", .results = "spf=fail dkim=-", .tls_grade = "ok", .tls_version = "TLSv1.2", .tls_cipher = "C",
		.policy = "p", .action = "tag", .enforced = true };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct evidence evidence;
		struct model model;

		arena_reset(arena);
		model_random(&model, arena, i % 2 == 0);
		evidence_make(&(struct evidence_input){ .stage = FINDING_STAGE_MESSAGE, .facts = &model.facts, .author = &model.author,
		    .results = &model.results, .recipients = model.places, .recipient_count = model.place_count }, arena, &evidence);
		note.evidence = evidence_write(&evidence, arena);
		check_note(&note, arena);
	}
	arena_free(&arena);
}

static void test_flow_parts_give_back_what_is_no_evidence(void **state)
{
	static const char *const texts[] = { NULL, "", " ", "1", "  r=", " r= a= r= n= z=1 f=", "x r=r=r= =", "1 s=m d=a r=b", "n=1 c=2 l=3",
		"2 z=new s=m r=a.example y=more n=1", "others", "r=a s=m" };
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_note(&(struct flow_note){ .evidence = texts[i] }, arena);
	arena_free(&arena);
}

/* No field reaches into the next. */
static void test_flow_parts_take_no_line_feed(void **state)
{
	const struct flow_note note = { .author_domain = "a\nb", .tls_cipher = "\n", .action = "none\n1" };
	struct arena *arena = arena_new();
	const char *texts[FLOW_PARTS];
	struct flow_row row = { 0 };

	(void)state;
	flow_parts_make(&note, arena, texts);
	flow_parts_read(texts, arena, &row);
	assert_string_equal(row.author_domain, "a?b");
	assert_string_equal(row.envelope_domain, "");
	assert_string_equal(row.tls_cipher, "?");
	assert_string_equal(row.action, "none?1");
	assert_false(row.enforced);
	/* a damaged one lacks lines */
	flow_parts_read((const char *const[FLOW_PARTS]){ "spf-fail", NULL, NULL, "", "ok" }, arena, &row);
	assert_string_equal(row.findings, "spf-fail");
	assert_string_equal(row.action, "");
	assert_string_equal(row.author_domain, "");
	assert_string_equal(row.tls_grade, "ok");
	arena_free(&arena);
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

struct sums {
	uint64_t messages, bytes, sessions, others, enforced;
	unsigned rows, spans, days;
	int64_t last_secs;
	char names[64][32];	/* kinds in their order, as far as there is room */
};

static void sum_row(void *arg, const struct flow_row *row)
{
	struct sums *sums = arg;

	assert_true(row->hour_secs >= sums->last_secs);
	assert_int_equal(row->hour_secs % row->span_secs, 0);
	sums->last_secs = row->hour_secs;
	sums->rows++;
	sums->days += row->span_secs == DAY;
	sums->messages += row->messages;
	sums->bytes += row->bytes;
	sums->sessions += row->sessions;
	sums->others += row->other ? row->messages : 0;
	sums->enforced += row->enforced ? row->messages : 0;
	assert_string_equal(row->action, row->enforced ? "reject" : "tag");
	assert_string_equal(row->evidence, row->other ? STORE_EVIDENCE_OTHER :
	    "1 s=m f=spf-fail r=x.example a=a.example:fail n=192.0.2.0/24");
}

static struct sums sums_of(struct backend_handle *handle)
{
	struct sums sums = { 0 };

	assert_int_equal(backend->flows_each(handle, 0, sum_row, &sums), 0);
	return sums;
}

static void sum_kind(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct sums *sums = arg;
	uint64_t messages = 0, bytes = 0, sessions = 0;

	assert_true(count > 0);
	assert_int_equal(kind->hour_secs, spans[0].from_secs);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(spans[i].from_secs % spans[i].span_secs, 0);
		assert_true(i == 0 || spans[i].from_secs > spans[i - 1].from_secs ||
		    (spans[i].from_secs == spans[i - 1].from_secs && spans[i].span_secs > spans[i - 1].span_secs));
		messages += spans[i].messages;
		bytes += spans[i].bytes;
		sessions += spans[i].sessions;
		sums->days += spans[i].span_secs == DAY;
	}
	assert_true(kind->messages == messages && kind->bytes == bytes && kind->sessions == sessions);
	if (sums->rows < 64)
		snprintf(sums->names[sums->rows], sizeof(sums->names[0]), "%s %s", kind->author_domain, kind->action);
	for (unsigned i = 0; i < sums->rows && i < 64; i++)
		assert_string_not_equal(sums->names[i], sums->names[sums->rows < 64 ? sums->rows : 63]);
	sums->rows++;
	sums->spans += (unsigned)count;
	sums->messages += messages;
	sums->bytes += bytes;
	sums->sessions += sessions;
}

static struct sums kinds_of(struct backend_handle *handle, int64_t since_secs, unsigned span_secs)
{
	struct sums sums = { 0 };

	assert_int_equal(backend->kinds_each(handle, since_secs, span_secs, sum_kind, &sums), 0);
	return sums;
}

/* 20 kinds in each of so many hours, the rarest of 1 message an hour, the most common of 20. */
static void fill(struct backend_handle *handle, unsigned from, unsigned hours)
{
	for (unsigned hour = from; hour < from + hours; hour++) {
		assert_int_equal(backend->begin(handle), 0);
		for (unsigned kind = 0; kind < 20; kind++)
			add(handle, kind, hour, kind + 1, kind % 2 == 1);
		assert_int_equal(backend->commit(handle), 0);
	}
}

enum { HOURLY = 20 * 21 / 2, HOURLY_SESSIONS = 100, HOURLY_ENFORCED = 110 };

static void test_kinds_each_gives_each_kind_once(void **state)
{
	struct place *place = *state;
	struct backend_handle *handle = open_backend(place);
	struct sums sums;

	fill(handle, 0, 50);	/* two days and two hours */
	sums = kinds_of(handle, 0, HOUR);
	assert_true(sums.rows == 20 && sums.spans == 20 * 50 && sums.days == 0);
	assert_true(sums.messages == 50 * HOURLY && sums.bytes == 500 * HOURLY && sums.sessions == 50 * HOURLY_SESSIONS);
	sums = kinds_of(handle, 0, DAY);
	assert_true(sums.rows == 20 && sums.spans == 20 * 3 && sums.messages == 50 * HOURLY && sums.sessions == 50 * HOURLY_SESSIONS);
	sums = kinds_of(handle, FIRST + 40 * HOUR, DAY);
	assert_true(sums.rows == 20 && sums.spans == 20 * 2 && sums.messages == 10 * HOURLY);
	sums = kinds_of(handle, FIRST + 50 * HOUR, DAY);
	assert_int_equal(sums.rows, 0);
}

/* ---- rolled up --------------------------------------------------------------------------------------------------- */

static unsigned steps(struct backend_handle *handle, const struct backend_expiry *expiry, unsigned limit)
{
	struct backend_expired expired = { .more = true };
	unsigned count = 0;

	for (; expired.more; count++) {
		assert_true(count < 1000);
		assert_int_equal(backend->expire(handle, expiry, limit, &expired), 0);
	}
	return count;
}

static void test_expire_makes_days_of_hours_that_are_past(void **state)
{
	struct place *place = *state;
	struct backend_handle *handle = open_backend(place);
	struct backend_expiry expiry = { .hours_secs = FIRST + 3 * DAY - 1 };
	struct sums sums;

	fill(handle, 0, 96);
	assert_true(steps(handle, &expiry, LIMIT) >= 48 * 20 / LIMIT);	/* two days; the third has a second to go */
	sums = sums_of(handle);
	assert_true(sums.days == 2 * 20 && sums.rows == 2 * 20 + 48 * 20);
	assert_true(sums.messages == 96 * HOURLY && sums.bytes == 960 * HOURLY && sums.sessions == 96 * HOURLY_SESSIONS);
	assert_int_equal(sums.enforced, 96 * HOURLY_ENFORCED);
	/* a note that comes late goes to its day in the next step, and is there before */
	add(handle, 3, 5, 1000, true);
	sums = kinds_of(handle, 0, HOUR);
	assert_true(sums.rows == 20 && sums.messages == 96 * HOURLY + 1000 && sums.spans == 40 + 48 * 20 + 1);
	expiry.hours_secs++;
	steps(handle, &expiry, LIMIT);
	sums = sums_of(handle);
	assert_true(sums.days == 3 * 20 && sums.rows == 3 * 20 + 24 * 20 && sums.messages == 96 * HOURLY + 1000);
	/* of a day in which the time falls all is told */
	sums = kinds_of(handle, FIRST + 2 * DAY + 5 * HOUR, DAY);
	assert_int_equal(sums.messages, 48 * HOURLY);
	assert_int_equal(place_number(place, "SELECT hours*1000+days FROM flow_total"), 24 * 20 * 1000 + 3 * 20);
	assert_int_equal(place_number(place, "SELECT count(*) FROM crowded"), 0);
	assert_int_equal(place_kinds_astray(place), 0);
}

static void test_expire_by_age_takes_days_and_what_only_they_had(void **state)
{
	struct place *place = *state;
	struct backend_handle *handle = open_backend(place);
	struct backend_expiry expiry = { .hours_secs = FIRST + DAY };

	fill(handle, 0, 24);
	add(handle, 5, 30, 1, true);
	steps(handle, &expiry, LIMIT);
	expiry.flows_secs = FIRST + DAY - 1;	/* not yet */
	steps(handle, &expiry, LIMIT);
	assert_int_equal(sums_of(handle).messages, 24 * HOURLY + 1);
	expiry.flows_secs = FIRST + DAY;
	steps(handle, &expiry, LIMIT);
	assert_int_equal(sums_of(handle).messages, 1);
	assert_int_equal(place_number(place, "SELECT count(*) FROM kind"), 1);
	assert_int_equal(place_number(place, "SELECT count(*) FROM part"), FLOW_PARTS);
	expiry.flows_secs = FIRST + 3 * DAY;
	steps(handle, &expiry, LIMIT);
	assert_int_equal(place_number(place, "SELECT (SELECT count(*) FROM kind)+(SELECT count(*) FROM part)+(SELECT hours+days FROM flow_total)"), 0);
	/* and what has gone is made anew */
	fill(handle, 72, 1);
	assert_int_equal(sums_of(handle).messages, HOURLY);
}

/* Of a day with more than 5 kinds the smallest are two rows, one for each action; what was done stays known. */
static void test_expire_keeps_the_largest_kinds_of_a_day_and_the_sums_of_the_others(void **state)
{
	struct place *place = *state;
	struct backend_handle *handle = open_backend(place);
	struct backend_expiry expiry = { .hours_secs = FIRST + DAY, .kinds_max = 5 };
	struct backend_expired expired;
	unsigned folded = 0;
	struct sums sums;

	fill(handle, 0, 48);
	do {
		assert_int_equal(backend->expire(handle, &expiry, 3, &expired), 0);
		folded += expired.trimmed[STORE_CAP_KINDS];
		sums = sums_of(handle);
		assert_true(sums.messages == 48 * HOURLY && sums.enforced == 48 * HOURLY_ENFORCED && sums.sessions == 48 * HOURLY_SESSIONS);
	} while (expired.more || sums.days != 5);
	assert_int_equal(folded, 17);
	assert_int_equal(sums.rows, 5 + 24 * 20);
	/* kinds 17, 18 and 19 with 18 to 20 messages an hour are left */
	assert_int_equal(sums.others, 24 * (HOURLY - 18 - 19 - 20));
	assert_int_equal(place_number(place, "SELECT count(*) FROM flow_day WHERE messages IN (18*24,19*24,20*24)"), 3);
	steps(handle, &expiry, 3);
	assert_int_equal(place_number(place, "SELECT count(*) FROM crowded"), 0);
	/* the kinds of the second day are the same: all are still there, and go when it comes to be a day */
	assert_int_equal(place_number(place, "SELECT count(*) FROM kind"), 22);
	expiry.hours_secs = FIRST + 2 * DAY;
	steps(handle, &expiry, LIMIT);
	steps(handle, &expiry, LIMIT);
	assert_int_equal(place_number(place, "SELECT count(*) FROM kind"), 5);
	assert_int_equal(sums_of(handle).messages, 48 * HOURLY);
	/* a note that comes late is weighed with the others again */
	add(handle, 0, 1, 1, false);
	steps(handle, &expiry, LIMIT);
	steps(handle, &expiry, LIMIT);
	assert_int_equal(place_number(place, "SELECT count(*) FROM flow_day"), 10);
	assert_int_equal(sums_of(handle).messages, 48 * HOURLY + 1);
}

static char told[256];

static void remember_told(enum store_news news, const char *text)
{
	if (news == STORE_WARNING)
		snprintf(told, sizeof(told), "%s", text);
}

static void test_store_tells_that_kinds_are_counted_together(void **state)
{
	struct place *place = *state;
	struct store_statistics statistics;

	told[0] = '\0';
	fill(open_backend(place), 0, 24);
	backend->close(&place->handle);
	place->config.kinds_max = 7;
	place->config.hour_keep_hours = 2;
	place->config.changed = remember_told;
	place->clock.fixed_secs = FIRST + DAY + 2 * HOUR;
	place_store(place);	/* the first step comes when it opens; others with the interval, so with notes */
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(store_flow_note(place->store, &(struct flow_note){ .time_secs = place->clock.fixed_secs }), 0);
	assert_int_equal(store_flush(place->store), 0);
	store_statistics(place->store, &statistics);
	assert_int_equal(statistics.trimmed[STORE_CAP_KINDS], 15);
	store_close(&place->store);
	assert_non_null(strstr(told, "max-kinds = 7 is reached"));
}

/* Killed at any moment of a roll-up the record has the same sums, and goes on from there. */
static void test_expire_that_is_killed_loses_nothing(void **state)
{
	struct place *place = *state;
	const struct backend_expiry expiry = { .hours_secs = FIRST + 30 * DAY, .kinds_max = 9 };
	unsigned killed = 0;
	struct sums sums;

	fill(open_backend(place), 0, 240);
	backend->close(&place->handle);
	for (unsigned round = 0; round < 40; round++) {
		struct backend_expired expired;
		int status;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			struct backend_handle *handle = open_backend(place);

			for (unsigned i = 0; handle != NULL && i < 1000; i++)
				if (backend->expire(handle, &expiry, 7, &expired) != 0)
					_exit(1);
			_exit(0);
		}
		nanosleep(&(struct timespec){ .tv_nsec = (3000000 + round * 700000) * (backend == &backend_sqlite ? 1 : 5) }, NULL);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		killed += WIFSIGNALED(status);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		sums = sums_of(open_backend(place));
		assert_true(sums.messages == 240 * HOURLY && sums.bytes == 2400 * HOURLY && sums.sessions == 240 * HOURLY_SESSIONS);
		assert_int_equal(sums.enforced, 240 * HOURLY_ENFORCED);
		backend->close(&place->handle);
		if (backend == &backend_sqlite)
			assert_int_equal(place_number(place, "SELECT quick_check<>'ok' FROM pragma_quick_check"), 0);
		assert_int_equal(place_number(place, "SELECT hours+days-(SELECT count(*) FROM flow)-(SELECT count(*) FROM flow_day) FROM flow_total"), 0);
	}
	assert_true(killed > 0);
	open_backend(place);
	for (int day = 0; day < 20; day++)
		steps(place->handle, &expiry, LIMIT);
	sums = sums_of(place->handle);
	assert_true(sums.rows == 90 && sums.days == 90 && sums.messages == 240 * HOURLY);
}

/* ---- ids --------------------------------------------------------------------------------------------------------- */

/* What another process lets go, or what is undone, is made anew by whoever has its ids in mind. */
static void test_flow_add_does_not_trust_ids_of_before(void **state)
{
	struct place *place = *state;
	struct backend_handle *handle = open_backend(place);
	struct backend_handle *other = backend->open(place->path, BACKEND_MAKE, 10000, place->why, sizeof(place->why));
	const struct backend_expiry expiry = { .flows_secs = FIRST + 1000 * DAY };

	assert_non_null(other);
	fill(handle, 0, 1);
	steps(other, &expiry, LIMIT);
	assert_int_equal(place_number(place, "SELECT count(*) FROM part"), 0);
	assert_int_equal(backend->begin(other), 0);
	add(other, 99, 0, 1, false);	/* takes the ids of others */
	assert_int_equal(backend->commit(other), 0);
	fill(handle, 1, 1);
	assert_int_equal(kinds_of(handle, 0, DAY).rows, 21);
	assert_int_equal(sums_of(handle).messages, HOURLY + 1);
	steps(handle, &expiry, LIMIT);

	assert_int_equal(backend->begin(handle), 0);
	add(handle, 1, 0, 1, true);
	backend->rollback(handle);
	fill(handle, 1, 1);
	assert_int_equal(kinds_of(handle, 0, DAY).rows, 20);
	assert_int_equal(sums_of(handle).messages, HOURLY);
	assert_int_equal(place_number(place, "SELECT count(*) FROM part WHERE kinds=0"), 0);
	backend->close(&other);
}

#define FLOWS_TEST(f) PLACE_TESTS(f, place_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow_parts_give_back_every_evidence),
		cmocka_unit_test(test_flow_parts_give_back_what_is_no_evidence),
		cmocka_unit_test(test_flow_parts_take_no_line_feed),
		FLOWS_TEST(test_kinds_each_gives_each_kind_once),
		FLOWS_TEST(test_expire_makes_days_of_hours_that_are_past),
		FLOWS_TEST(test_expire_by_age_takes_days_and_what_only_they_had),
		FLOWS_TEST(test_expire_keeps_the_largest_kinds_of_a_day_and_the_sums_of_the_others),
		FLOWS_TEST(test_store_tells_that_kinds_are_counted_together),
		FLOWS_TEST(test_expire_that_is_killed_loses_nothing),
		FLOWS_TEST(test_flow_add_does_not_trust_ids_of_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
