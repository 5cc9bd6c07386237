/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One record and several programs that write to it at once, as those of several hosts do: nothing is counted twice or lost, nothing is
 * made twice, nothing is sent twice, and nobody fails because another is at work. What they should come to is counted here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/backend.h"
#include "store_fixture.h"
#include "util/arena.h"
#include "util/error.h"

enum { HOUR = 3600, DAY = 86400, FIRST = 20000 * DAY, HOSTS = 4, ROUNDS = 30, BUSY_MS = 20000 };

static int place_setup(void **state)
{
	return place_make(state, FIRST);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, FIRST);
}

static struct backend_handle *handle_open(struct place *place)
{
	return place->backend->open(place->path, BACKEND_MAKE, BUSY_MS, place->why, sizeof(place->why));
}

/* What a host does, in a process of its own. @return 0, or where it failed. */
typedef int work_f(struct place *place, struct backend_handle *handle, unsigned host);

/* Runs all hosts at once, and waits for them. */
static void run_hosts(struct place *place, work_f *work)
{
	pid_t children[HOSTS];
	int status;

	for (unsigned host = 0; host < HOSTS; host++) {
		children[host] = fork();
		assert_true(children[host] >= 0);
		if (children[host] == 0) {
			struct backend_handle *handle = handle_open(place);
			int code = handle != NULL ? work(place, handle, host) : 99;

			if (code != 0)
				fprintf(stderr, "host %u: %d: %s\n", host, code, handle != NULL ? place->backend->why(handle) : place->why);
			if (handle != NULL)
				place->backend->close(&handle);
			_exit(code != 0);
		}
	}
	for (unsigned host = 0; host < HOSTS; host++) {
		assert_int_equal(waitpid(children[host], &status, 0), children[host]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

/* ---- flows -------------------------------------------------------------------------------------------------------- */

enum { KINDS = 25, STRIDE = 9 };

/* Kinds that all hosts have, in an order of its own for each host, and some that only one has. */
static int add_flows(struct place *place, struct backend_handle *handle, unsigned host, unsigned round)
{
	int code = place->backend->begin(handle);

	for (unsigned i = 0; i < KINDS && code == 0; i++) {
		unsigned kind = (i * (host + 1) * 7 + round) % KINDS;
		char author[40], network[32];
		const struct flow_note note = { .time_secs = FIRST + (int64_t)((round * STRIDE) % 96) * HOUR, .author_domain = author,
			.client_network = network, .policy = "default", .action = kind % 2 != 0 ? "reject" : "tag", .enforced = kind % 2 != 0,
			.findings = "spf-fail", .evidence = "1 s=m", .messages = kind + 1, .bytes = 100, .sessions = 1 };

		if (kind < KINDS - 5)
			snprintf(author, sizeof(author), "d%u.example", kind);
		else
			snprintf(author, sizeof(author), "d%u-%u-%u.example", kind, host, round);
		snprintf(network, sizeof(network), "192.0.%u.0/24", kind % 3);
		code = place->backend->flow_add(handle, &note);
	}
	if (code == 0)
		code = place->backend->commit(handle);
	if (code != 0)
		place->backend->rollback(handle);
	return code;
}

static int flows_work(struct place *place, struct backend_handle *handle, unsigned host)
{
	const struct backend_expiry expiry = { .hours_secs = FIRST + 3 * DAY, .kinds_max = 15 };
	struct backend_expired expired;

	for (unsigned round = 0; round < ROUNDS; round++) {
		if (add_flows(place, handle, host, round) != 0)
			return 1;
		if (place->backend->expire(handle, &expiry, 10, &expired) != 0)
			return 2;
	}
	return 0;
}

struct sums { uint64_t messages, bytes, sessions, enforced; };

static void sum_row(void *arg, const struct flow_row *row)
{
	struct sums *sums = arg;

	sums->messages += row->messages;
	sums->bytes += row->bytes;
	sums->sessions += row->sessions;
	sums->enforced += row->enforced ? row->messages : 0;
}

static void test_hosts_add_flows_and_roll_them_up(void **state)
{
	struct place *place = *state;
	const uint64_t rounds = HOSTS * ROUNDS;
	const struct backend_expiry gone = { .flows_secs = FIRST + 1000 * DAY, .hours_secs = FIRST };
	struct backend_expired expired = { .more = true };
	struct sums sums = { 0 };

	place->handle = handle_open(place);
	run_hosts(place, flows_work);
	assert_int_equal(place->backend->flows_each(place->handle, 0, sum_row, &sums), 0);
	assert_true(sums.messages == rounds * KINDS * (KINDS + 1) / 2 && sums.bytes == rounds * KINDS * 100 && sums.sessions == rounds * KINDS);
	assert_int_equal(sums.enforced, rounds * (KINDS / 2) * (KINDS / 2 + 1));	/* 2 + 4 + … + 24 a round */
	/* each part and each kind once, and what is said of their use is true */
	assert_int_equal(place_number(place, "SELECT count(*)-(SELECT count(*) FROM (SELECT DISTINCT text FROM part) AS p) FROM part"), 0);
	assert_int_equal(place_number(place, "SELECT count(*)-(SELECT count(*) FROM (SELECT DISTINCT outcome,sender,recipients,client,tls "
	    "FROM kind) AS k) FROM kind"), 0);
	assert_int_equal(place_kinds_astray(place), 0);
	assert_int_equal(place_number(place, "SELECT count(*) FROM part WHERE kinds<>(SELECT count(*) FROM kind WHERE part.id IN "
	    "(outcome,sender,recipients,client,tls))"), 0);
	assert_int_equal(place_number(place, "SELECT hours+days-(SELECT count(*) FROM flow)-(SELECT count(*) FROM flow_day) FROM flow_total"), 0);
	for (int i = 0; i < 10000 && expired.more; i++)
		assert_int_equal(place->backend->expire(place->handle, &gone, 50, &expired), 0);
	assert_int_equal(place_number(place, "SELECT (SELECT count(*) FROM kind)+(SELECT count(*) FROM part)+(SELECT hours+days FROM flow_total)"), 0);
}

/* ---- aggregate reports --------------------------------------------------------------------------------------------- */

enum { DOMAINS = 5, ADDRESSES = 8 };

static struct shared {
	unsigned claimed[DOMAINS][ADDRESSES];	/* by how many, over all hosts */
	unsigned taken[400];
} *shared;

static unsigned *counter_of(int64_t policy, unsigned address)
{
	return &shared->claimed[policy % DOMAINS][address];
}

static int add_rows(struct place *place, struct backend_handle *handle, unsigned host, unsigned round)
{
	const struct dmarc_rules rules = { .rows_max = 1000000, .report_rows_max = 1000000 };
	int code = place->backend->begin(handle);

	for (unsigned i = 0; i < DOMAINS * 4 && code == 0; i++) {
		unsigned number = (i * (host + 1) * 3 + round) % (DOMAINS * 4);
		char domain[32], row[32];
		const struct dmarc_note note = { .time_secs = FIRST + 5, .domain = domain, .policy = "v=DMARC1", .rua = "mailto:a@b.example",
			.row = row, .messages = 3 };

		snprintf(domain, sizeof(domain), "d%u.example", number % DOMAINS);
		snprintf(row, sizeof(row), "row %u", number);
		code = place->backend->dmarc->add(handle, &note, &rules);
	}
	if (code == 0)
		code = place->backend->commit(handle);
	if (code != 0)
		place->backend->rollback(handle);
	return code;
}

struct found { int64_t policies[64]; uint64_t messages[64]; size_t count; };

static void find_policy(void *arg, const struct dmarc_policy_row *policy)
{
	struct found *found = arg;

	assert_true(found->count < 64);
	found->policies[found->count++] = policy->id;
}

static void find_messages(void *arg, const char *row, uint64_t messages)
{
	(void)row;
	*(uint64_t *)arg += messages;
}

/* The sums of the reports of one day. */
static int look(struct dmarc_book *book, int64_t day, struct found *found_r)
{
	*found_r = (struct found){ .count = 0 };
	if (dmarc_book_each(book, day, FIRST / DAY + 1000, find_policy, found_r) != 0)
		return -E_SYSTEM;
	for (size_t i = 0; i < found_r->count; i++)
		if (dmarc_book_rows_each(book, found_r->policies[i], 1000, find_messages, &found_r->messages[i]) != 0)
			return -E_SYSTEM;
	return 0;
}

/* In the tenth round each makes the first day's reports, and claims all deliveries of all of them. */
static int make_reports(struct place *place, unsigned host)
{
	struct dmarc_book *book = dmarc_book_open(place->location, true, place->why, sizeof(place->why));
	struct found before, after;
	int code = book != NULL ? look(book, FIRST / DAY, &before) : -E_SYSTEM;

	for (size_t i = 0; code == 0 && i < before.count; i++) {
		struct dmarc_names names = { .report_id = "" };

		snprintf(names.report_id, sizeof(names.report_id), "id-%u-%zu", host, i);
		snprintf(names.file, sizeof(names.file), "file");
		code = dmarc_book_freeze(book, before.policies[i], &names);
	}
	if (code == 0)
		code = look(book, FIRST / DAY, &before);
	for (unsigned i = 0; code == 0 && i < before.count * ADDRESSES; i++) {
		struct dmarc_delivery delivery;
		char address[32];

		snprintf(address, sizeof(address), "a%u@b.example", i % ADDRESSES);
		code = dmarc_book_claim(book, before.policies[i / ADDRESSES], address, FIRST + DAY, FIRST + 2 * DAY, &delivery);
		if (code == 0)
			__atomic_fetch_add(counter_of(before.policies[i / ADDRESSES], i % ADDRESSES), 1, __ATOMIC_SEQ_CST);
		code = code == -E_ABSENT ? 0 : code;
		usleep(1000);
	}
	if (code == 0)
		code = look(book, FIRST / DAY, &after);
	if (code == 0 && memcmp(&before, &after, sizeof(before)) != 0)
		code = -E_LIMIT;	/* something came to a report that had its names */
	dmarc_book_close(&book);
	return code;
}

static int reports_work(struct place *place, struct backend_handle *handle, unsigned host)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (add_rows(place, handle, host, round) != 0)
			return 1;
		if (round == 10 && make_reports(place, host) != 0)
			return 2;
	}
	return 0;
}

static void test_hosts_make_each_report_once(void **state)
{
	struct place *place = *state;
	struct dmarc_book *book;
	struct found found;
	uint64_t messages = 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	place->handle = handle_open(place);
	run_hosts(place, reports_work);
	book = dmarc_book_open(place->location, false, place->why, sizeof(place->why));
	assert_non_null(book);
	assert_int_equal(look(book, -1, &found), 0);
	for (size_t i = 0; i < found.count; i++)
		messages += found.messages[i];
	assert_int_equal(messages, HOSTS * ROUNDS * DOMAINS * 4 * 3);
	assert_int_equal(found.count, 2 * DOMAINS);	/* what came later stands with the next day */
	for (unsigned domain = 0; domain < DOMAINS; domain++)
		for (unsigned address = 0; address < ADDRESSES; address++)
			assert_int_equal(shared->claimed[domain][address], 1);
	dmarc_book_close(&book);
	munmap(shared, sizeof(*shared));
}

/* ---- failures ------------------------------------------------------------------------------------------------------ */

static int failures_work(struct place *place, struct backend_handle *handle, unsigned host)
{
	struct arena *arena = arena_new();
	int code = 0;

	for (unsigned i = 0; i < ROUNDS && code == 0; i++) {
		char alike[32];
		struct failure_row row;
		const struct failure_note note = { .time_secs = FIRST + i, .domain = "d.example", .alike = alike, .ruf = "a@b.example",
			.fields = "A: b\n", .header = "C: d\n", .domain_max = 50, .day_max = 1000 };

		/* every second one all hosts have */
		snprintf(alike, sizeof(alike), "%u %u", i, i % 2 == 0 ? HOSTS : host);
		code = place->backend->begin(handle);
		if (code == 0)
			code = place->backend->failure_add(handle, &note);
		if (code == 0)
			code = place->backend->commit(handle);
		if (code == 0)
			code = place->backend->failure_take(handle, FIRST + DAY, FIRST + DAY, FIRST + 2 * DAY, arena, &row);
		if (code == 0 && row.id < 400)
			__atomic_fetch_add(&shared->taken[row.id], 1, __ATOMIC_SEQ_CST);
		code = code == -E_ABSENT ? 0 : code;
	}
	arena_free(&arena);
	return code;
}

static void test_hosts_take_each_failure_once(void **state)
{
	struct place *place = *state;
	const unsigned kinds = ROUNDS / 2 + HOSTS * ROUNDS / 2;
	struct failure_counts counts;
	unsigned taken = 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	place->handle = handle_open(place);
	run_hosts(place, failures_work);
	assert_int_equal(place->backend->failure_counts(place->handle, FIRST, &counts), 0);
	assert_int_equal(counts.waiting, 50);	/* as many as may be of a domain, of 75 kinds */
	assert_true(kinds > 50);
	assert_int_equal(counts.incidents + counts.beyond, HOSTS * ROUNDS);
	for (unsigned id = 0; id < 400; id++) {
		assert_true(shared->taken[id] <= 1);
		taken += shared->taken[id];
	}
	assert_int_equal(taken, 50);
	munmap(shared, sizeof(*shared));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TESTS(test_hosts_add_flows_and_roll_them_up, place_setup),
		PLACE_TESTS(test_hosts_make_each_report_once, place_setup),
		PLACE_TESTS(test_hosts_take_each_failure_once, place_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
