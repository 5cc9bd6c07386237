/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record/copy: a record with something in every table goes from each backend to each, comes back the same, and works on there; all of
 * it or nothing. Compared are texts of all rows that are made here, not the hash that the copy itself goes by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "postgres_fixture.h"
#include "record/backend.h"
#include "record/copy.h"
#include "store_fixture.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/error.h"

enum { HOUR = 3600, DAY = 86400, FIRST = 20000 * DAY };

static int place_setup(void **state)
{
	return place_make(state, FIRST);
}

static int place_setup_postgresql(void **state)
{
	return place_make_postgresql(state, FIRST);
}

/* A further place, of one backend or the other. */
static struct place *another(bool postgresql)
{
	void *state;

	assert_int_equal(postgresql ? place_make_postgresql(&state, FIRST) : place_make(&state, FIRST), 0);
	return state;
}

static struct backend_handle *handle_open(struct place *place, enum backend_access access)
{
	struct backend_handle *handle = place->backend->open(place->path, access, 10000, place->why, sizeof(place->why));

	if (handle == NULL)
		print_message("%s\n", place->why);
	assert_non_null(handle);
	return handle;
}

/* ---- a record ------------------------------------------------------------------------------------------------------ */

static void add_flow(const struct backend *backend, struct backend_handle *handle, unsigned kind, int64_t time_secs)
{
	char author[40], network[32];
	const struct flow_note note = { .time_secs = time_secs, .author_domain = author, .client_network = network, .policy = "default",
		.action = kind % 2 != 0 ? "reject" : "tag", .enforced = kind % 2 != 0, .findings = "spf-fail",
		/* octets that are no character, and some that mean something in lists and in SQL */
		.evidence = kind % 3 == 0 ? "1 s=m \"a\\b',{}\" \xff\xc3 r=x.example" : "1 s=m r=x.example n=192.0.2.0/24", .messages = kind + 1,
		.bytes = kind * 1000, .sessions = kind / 2 };

	snprintf(author, sizeof(author), "d%u.example", kind);
	snprintf(network, sizeof(network), "192.0.%u.0/24", kind % 7);
	assert_int_equal(backend->flow_add(handle, &note), 0);
}

static void add_flows(const struct backend *backend, struct backend_handle *handle, unsigned kinds, unsigned hours)
{
	for (unsigned hour = 0; hour < hours; hour++) {
		assert_int_equal(backend->begin(handle), 0);
		for (unsigned kind = 0; kind < kinds; kind++)
			add_flow(backend, handle, kind, FIRST + (int64_t)hour * HOUR);
		assert_int_equal(backend->commit(handle), 0);
	}
}

static void add_memory(const struct backend *backend, struct backend_handle *handle)
{
	char name[40];

	for (unsigned i = 0; i < 700; i++) {
		const struct peer_memory memory = { .first_secs = FIRST - i, .last_secs = FIRST + i, .grades = { 1, i, 3, 1 }, .days = i % 40,
			.tls_days = i % 30, .last_tls_secs = i, .changed_secs = i % 5, .changed_sessions = i, .settled_secs = i % 3,
			.best_grade = i % 4, .pinned = i % 9 == 0, .last_cert = "CN=caf\xe9 \\ \" \xf4\x8f\xbf\xbf" };
		const struct greylist_entry entry = { FIRST, FIRST + i, i % 2 != 0 ? FIRST + i : 0, i };
		const struct trace_note trace = { .reference = name, .queue_id = i % 2 != 0 ? name : NULL, .time_secs = FIRST + i,
			.text = "a text of some words, some words, some words, some words" };
		const struct brake_row brake = { .policy = name, .finding = "spf-fail", .since_secs = FIRST + i, .lifted_secs = i % 2,
			.held = i, .wanted = i / 2 };

		snprintf(name, sizeof(name), "d%u.example", i % 600);
		assert_int_equal(backend->peer_put(handle, name, i < 600 ? "" : "192.0.2.1", &memory), 0);
		assert_int_equal(backend->greylist_put(handle, name, &entry), 0);
		assert_int_equal(backend->shape_put(handle, name, "A a.example", FIRST + i), 0);
		assert_int_equal(backend->trace_put(handle, &trace), 0);
		assert_int_equal(backend->brake_put(handle, &brake), 0);
	}
}

static void add_reports(const struct backend *backend, struct backend_handle *handle)
{
	const struct dmarc_rules rules = { .rows_max = 120, .report_rows_max = 30 };
	char domain[40], row[40], *longest = calloc(1, 9000);

	memset(longest, 'x', 8999);	/* more than an index takes */
	for (unsigned i = 0; i < 400; i++) {
		const struct dmarc_note note = { .time_secs = FIRST + (int64_t)(i % 2) * DAY, .domain = domain,
			.policy = i % 3 == 0 ? longest : "v=DMARC1", .rua = "mailto:a@b.example", .row = i % 5 == 0 ? longest : row, .messages = i };
		const struct failure_note failure = { .time_secs = FIRST + i, .domain = domain, .alike = i % 5 == 0 ? longest : row,
			.ruf = "a@b.example", .fields = "A: \xe9\n", .header = "B: c\n", .domain_max = 9, .day_max = 100 };

		snprintf(domain, sizeof(domain), "d%u.example", i % 8);
		snprintf(row, sizeof(row), "row %u", i);
		assert_int_equal(backend->dmarc->add(handle, &note, &rules), 0);
		assert_int_equal(backend->failure_add(handle, &failure), 0);
	}
	free(longest);
}

static void note_policy(void *arg, const struct dmarc_policy_row *policy)
{
	*(int64_t *)arg = policy->id;
}

/* Something in every table, and some of it in another state than it began. */
static void fill(struct place *place)
{
	const struct backend *backend = place->backend;
	struct backend_handle *handle = place->handle = handle_open(place, BACKEND_MAKE);
	const struct backend_expiry expiry = { .hours_secs = FIRST + DAY };
	struct dmarc_names names = { .report_id = "id", .file = "file" };
	const struct dmarc_delivery delivery = { DMARC_DELIVERY_SENT, 2, FIRST, 0 };
	struct backend_expired expired = { .more = true };
	struct failure_row failure;
	struct arena *arena = arena_new();
	int64_t policy = 0;

	add_flows(backend, handle, 40, 30);
	assert_int_equal(backend->expire(handle, &expiry, 500, &expired), 0);	/* the first day is half rolled up */
	assert_int_equal(backend->begin(handle), 0);
	add_memory(backend, handle);
	add_reports(backend, handle);
	assert_int_equal(backend->commit(handle), 0);
	assert_int_equal(backend->dmarc->each(handle, FIRST / DAY, FIRST / DAY + 1, note_policy, &policy), 0);
	assert_int_equal(backend->dmarc->freeze(handle, policy, &names), 0);
	assert_int_equal(backend->dmarc->delivery_put(handle, policy, "a@b.example", &delivery), 0);
	assert_int_equal(backend->failure_take(handle, FIRST + DAY, FIRST + DAY, FIRST + 2 * DAY, arena, &failure), 0);
	assert_int_equal(backend->failure_done(handle, failure.id, true), 0);
	place_execute(place, "INSERT INTO flow_old(hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,enforced,messages,bytes) VALUES(3600,'a','b','c','d','e','f','g','h','i','j',1,17,18)");
	place_execute(place, "INSERT INTO flow_plain(hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,"
	    "tls_cipher,policy,action,evidence,enforced,messages,bytes) VALUES(7200,'a','b','c','d','e','f','g','h','i','j','k',0,19,20)");
	arena_free(&arena);
}

/* ---- as text --------------------------------------------------------------------------------------------------------- */

struct dump {
	const struct copy_table *table;
	struct arena *arena;
	char *rows[20000];
	size_t count;
};

static int dump_row(void *arg, const struct copy_value *values)
{
	struct dump *dump = arg;
	struct buf text = buf_make(dump->arena);

	buf_puts(&text, dump->table->name);
	for (size_t i = 0; dump->table->types[i] != '\0'; i++) {
		if (dump->table->types[i] == 'n')
			buf_printf(&text, "|%lld", (long long)values[i].number);
		else
			buf_putc(&text, '|');
		for (size_t j = 0; dump->table->types[i] != 'n' && j < values[i].length; j++)
			buf_printf(&text, "%02x", (unsigned char)values[i].data[j]);
	}
	assert_true(dump->count < 20000);
	dump->rows[dump->count++] = text.data;
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All rows of all tables, in an order that is nobody's. */
static struct dump *dump_of(struct place *place)
{
	struct backend_handle *handle = handle_open(place, BACKEND_READ);
	struct dump *dump = calloc(1, sizeof(*dump));

	dump->arena = arena_new();
	for (size_t i = 0; i < COPY_TABLES; i++) {
		size_t before = dump->count;

		dump->table = &copy_tables[i];
		assert_int_equal(place->backend->copy->each(handle, dump->table, dump_row, dump), 0);
		if (dump->count == before)
			print_message("nothing in %s\n", dump->table->name);
		assert_true(dump->count > before);
	}
	qsort(dump->rows, dump->count, sizeof(dump->rows[0]), compare_rows);
	place->backend->close(&handle);
	return dump;
}

static void dump_free(struct dump *dump)
{
	arena_free(&dump->arena);
	free(dump);
}

static void check_same(struct place *one, struct place *other)
{
	struct dump *first = dump_of(one), *second = dump_of(other);

	assert_int_equal(first->count, second->count);
	for (size_t i = 0; i < first->count; i++)
		assert_string_equal(first->rows[i], second->rows[i]);
	dump_free(first);
	dump_free(second);
}

/* ---- copies ------------------------------------------------------------------------------------------------------- */

static uint64_t told_rows;

static void tell(void *arg, const struct copy_table *table, const struct copy_sums *sums)
{
	(void)arg;
	(void)table;
	told_rows += sums->rows;
}

static enum copy_result copy(struct place *from, struct place *to)
{
	struct copy_side from_side = { from->backend, handle_open(from, BACKEND_READ) }, to_side = { to->backend, handle_open(to, BACKEND_MAKE) };
	const struct copy_table *table;
	enum copy_result result;

	told_rows = 0;
	result = record_copy(&from_side, &to_side, tell, NULL, &table);
	if (result != COPY_DONE)
		print_message("%s: from %s, to %s\n", table->name, from->backend->why(from_side.handle), to->backend->why(to_side.handle));
	from->backend->close(&from_side.handle);
	to->backend->close(&to_side.handle);
	return result;
}

/* What the triggers count is true of the copy, too. */
static void check_counts(const struct place *place)
{
	assert_int_equal(place_kinds_astray(place), 0);
	assert_int_equal(place_number(place, "SELECT count(*) FROM part WHERE kinds<>(SELECT count(*) FROM kind WHERE part.id IN "
	    "(outcome,sender,recipients,client,tls))"), 0);
	assert_int_equal(place_number(place, "SELECT hours+days-(SELECT count(*) FROM flow)-(SELECT count(*) FROM flow_day) FROM flow_total"), 0);
	assert_int_equal(place_number(place, "SELECT sum(peers)+sum(hosts)-(SELECT count(*) FROM peer) FROM total"), 0);
	assert_int_equal(place_number(place, "SELECT sum(waiting)+sum(passed)-(SELECT count(*) FROM greylist) FROM total"), 0);
	assert_int_equal(place_number(place, "SELECT sum(bytes)-(SELECT sum(bytes) FROM trace) FROM trace_total"), 0);
}

/* What is known is found again, what is new gets ids of its own, and all of it goes. */
static void check_goes_on(struct place *place)
{
	const struct backend *backend = place->backend;
	struct backend_handle *handle = place->handle = handle_open(place, BACKEND_MAKE);
	const int64_t late = FIRST + 1000 * DAY;
	const struct backend_expiry expiry = { late, late, late, late, late, late, late, late,
		.dmarc_secs = late };
	int64_t kinds = place_number(place, "SELECT count(*) FROM kind"), failures = place_number(place, "SELECT max(id) FROM failure");
	struct backend_expired expired = { .more = true };

	add_flows(backend, handle, 41, 1);
	assert_int_equal(place_number(place, "SELECT count(*) FROM kind"), kinds + 1);
	assert_int_equal(backend->begin(handle), 0);
	add_memory(backend, handle);
	add_reports(backend, handle);
	assert_int_equal(backend->commit(handle), 0);
	check_counts(place);
	assert_int_equal(place_number(place, "SELECT count(*) FROM failure_day WHERE domain='' AND reports<>8*9"), 0);
	assert_int_equal(place_number(place, "SELECT max(id) FROM failure"), failures);
	for (int i = 0; i < 1000 && expired.more; i++)
		assert_int_equal(backend->expire(handle, &expiry, 500, &expired), 0);
	assert_int_equal(place_number(place, "SELECT (SELECT count(*) FROM kind)+(SELECT count(*) FROM part)+(SELECT count(*) FROM flow_plain)+"
	    "(SELECT count(*) FROM flow_old)+(SELECT count(*) FROM dmarc_policy)+(SELECT count(*) FROM failure)+(SELECT count(*) FROM trace)"), 0);
	/* ids of failures are in reports that were sent */
	assert_int_equal(backend->begin(handle), 0);
	add_reports(backend, handle);
	assert_int_equal(backend->commit(handle), 0);
	assert_true(place_number(place, "SELECT min(id) FROM failure") > failures);
}

static void copy_there_and_back(struct place *place, bool to_postgresql)
{
	struct place *there, *back;

	fill(place);
	there = another(to_postgresql);
	back = another(place->backend == &backend_postgresql);
	assert_int_equal(copy(place, there), COPY_DONE);
	assert_true(told_rows > 3000);
	check_same(place, there);
	check_counts(there);
	assert_int_equal(copy(there, back), COPY_DONE);
	check_same(place, back);
	check_goes_on(there);
	check_goes_on(back);
	place_teardown((void **)&there);
	place_teardown((void **)&back);
}

static void test_copy_to_sqlite(void **state)
{
	copy_there_and_back(*state, false);
}

static void test_copy_to_postgresql(void **state)
{
	if (!postgres_is_there())
		skip();
	copy_there_and_back(*state, true);
}

/* Senders write addresses of any length, and what they write must not stop a copy. */
static void test_copy_takes_keys_longer_than_an_index(void **state)
{
	struct place *place = *state, *there, *back;
	const struct greylist_entry entry = { FIRST, FIRST + 7, 0, 3 };
	const struct peer_memory memory = { .first_secs = FIRST, .last_secs = FIRST, .grades = { 0, 0, 0, 5 }, .days = 1 };
	struct greylist_entry found_entry;
	struct peer_memory found_memory;
	uint64_t random = 1;
	char key[6001];

	if (!postgres_is_there())
		skip();
	for (size_t i = 0; i < sizeof(key) - 1; i++) {	/* without any order, so that no server makes it shorter */
		random = random * 6364136223846793005u + 1442695040888963407u;
		key[i] = (char)(i % 5 == 0 ? 0x80 + (random >> 40) % 0x80 : '!' + (random >> 40) % 90);
	}
	key[sizeof(key) - 1] = '\0';
	place->handle = handle_open(place, BACKEND_MAKE);
	assert_int_equal(place->backend->begin(place->handle), 0);
	assert_int_equal(place->backend->greylist_put(place->handle, key, &entry), 0);
	assert_int_equal(place->backend->peer_put(place->handle, "a.example", key, &memory), 0);
	assert_int_equal(place->backend->peer_put(place->handle, key, "", &memory), 0);
	assert_int_equal(place->backend->commit(place->handle), 0);
	there = another(true);
	assert_int_equal(copy(place, there), COPY_DONE);
	assert_int_equal(told_rows, 3);
	there->handle = handle_open(there, BACKEND_READ);
	assert_int_equal(there->backend->greylist_get(there->handle, key, &found_entry), 0);
	assert_int_equal(found_entry.tries, 3);
	assert_int_equal(there->backend->peer_get(there->handle, "a.example", key, &found_memory), 0);
	assert_int_equal(there->backend->peer_get(there->handle, key, "", &found_memory), 0);
	assert_int_equal(found_memory.sessions, 5);
	/* and back: it is found there, too, and what is noted next is the same row */
	back = another(false);
	there->backend->close(&there->handle);
	assert_int_equal(copy(there, back), COPY_DONE);
	back->handle = handle_open(back, BACKEND_MAKE);
	assert_int_equal(back->backend->greylist_get(back->handle, key, &found_entry), 0);
	assert_int_equal(found_entry.tries, 3);
	assert_int_equal(back->backend->greylist_put(back->handle, key, &entry), 0);
	assert_int_equal(place_number(back, "SELECT count(*) FROM greylist"), 1);
	assert_int_equal(back->backend->peer_get(back->handle, "a.example", key, &found_memory), 0);
	assert_int_equal(back->backend->peer_get(back->handle, key, "", &found_memory), 0);
	assert_int_equal(found_memory.sessions, 5);
	place_teardown((void **)&back);
	place_teardown((void **)&there);
}

static void test_copy_refuses_what_is_not_empty(void **state)
{
	struct place *place = *state, *there = another(place->backend == &backend_postgresql);
	struct greylist_entry entry = { FIRST, FIRST, 0, 1 };
	struct backend_handle *handle = handle_open(there, BACKEND_MAKE);

	fill(place);
	assert_int_equal(there->backend->greylist_put(handle, "k", &entry), 0);
	assert_int_equal(copy(place, there), COPY_NOT_EMPTY);
	assert_int_equal(place_number(there, "SELECT count(*) FROM peer"), 0);
	assert_int_equal(there->backend->greylist_get(handle, "k", &entry), 0);
	there->backend->close(&handle);
	/* an empty record is nothing but a schema */
	place_teardown((void **)&there);
	there = another(place->backend == &backend_postgresql);
	handle = handle_open(there, BACKEND_MAKE);
	there->backend->close(&handle);
	assert_int_equal(copy(there, there), COPY_DONE);
	assert_int_equal(told_rows, 0);
	assert_int_equal(copy(place, there), COPY_DONE);
	place_teardown((void **)&there);
}

/* Killed at any moment it leaves a target without a row, into which the next one goes. */
static void test_copy_that_is_killed_leaves_nothing(void **state)
{
	struct place *place = *state, *there = another(place->backend == &backend_postgresql);
	unsigned killed = 0;

	fill(place);
	add_flows(place->backend, place->handle, 300, 20);
	there->handle = handle_open(there, BACKEND_MAKE);
	for (unsigned round = 0; round < 25; round++) {
		int status;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			_exit(copy(place, there) == COPY_DONE ? 0 : 1);
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 + round * 4000000 }, NULL);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		if (!WIFSIGNALED(status))
			break;		/* it was done before */
		killed++;
		/* all is there together, if it was killed when it had committed */
		if (place_number(there, "SELECT (SELECT count(*) FROM peer)+(SELECT count(*) FROM part)+(SELECT count(*) FROM flow)+"
		    "(SELECT count(*) FROM failure)") != 0)
			break;
	}
	assert_true(killed > 3);
	if (place_number(there, "SELECT count(*) FROM peer") == 0)
		assert_int_equal(copy(place, there), COPY_DONE);
	check_same(place, there);
	place_teardown((void **)&there);
}

/* ---- nothing is forgotten ----------------------------------------------------------------------------------------- */

/* What a copy makes anew: the counts of the triggers, and what rows are found by. */
static const char *const made_anew[] = { "part.hash", "part.kinds", "kind.rows", "total.peers", "total.hosts", "total.waiting", "total.passed",
	"flow_total.hours", "flow_total.days", "trace_total.bytes", "sqlite_sequence.name", "sqlite_sequence.seq" };

static bool is_copied(const char *table, const char *column)
{
	char name[100], list[600];

	snprintf(name, sizeof(name), "%s.%s", table, column);
	for (size_t i = 0; i < sizeof(made_anew) / sizeof(made_anew[0]); i++)
		if (strcmp(made_anew[i], name) == 0)
			return true;
	snprintf(name, sizeof(name), ",%s,", column);
	for (size_t i = 0; i < COPY_TABLES; i++) {
		snprintf(list, sizeof(list), ",%s,", copy_tables[i].columns);
		if (strcmp(copy_tables[i].name, table) == 0 && strstr(list, name) != NULL)
			return true;
	}
	return false;
}

static void test_every_column_is_copied(void **state)
{
	struct place *place = *state;
	sqlite3_stmt *statement;
	unsigned columns = 0;
	sqlite3 *db;

	place->handle = handle_open(place, BACKEND_MAKE);
	assert_int_equal(sqlite3_open_v2(place->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT t.name,c.name FROM sqlite_master AS t,pragma_table_info(t.name) AS c WHERE t.type='table'",
	    -1, &statement, NULL), SQLITE_OK);
	for (; sqlite3_step(statement) == SQLITE_ROW; columns++) {
		const char *table = (const char *)sqlite3_column_text(statement, 0), *column = (const char *)sqlite3_column_text(statement, 1);

		if (!is_copied(table, column))
			print_message("%s.%s is not in copy_tables\n", table, column);
		assert_true(is_copied(table, column));
	}
	assert_true(columns > 100);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	for (size_t i = 0; i < COPY_TABLES; i++) {
		size_t commas = 0;

		for (const char *c = copy_tables[i].columns; *c != '\0'; c++)
			commas += *c == ',';
		assert_int_equal(strlen(copy_tables[i].types), commas + 1);
		assert_true(commas + 1 <= COPY_COLUMNS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TESTS(test_copy_to_sqlite, place_setup),
		PLACE_TESTS(test_copy_to_postgresql, place_setup),
		PLACE_TESTS(test_copy_takes_keys_longer_than_an_index, place_setup),
		PLACE_TESTS(test_copy_refuses_what_is_not_empty, place_setup),
		PLACE_TESTS(test_copy_that_is_killed_leaves_nothing, place_setup),
		cmocka_unit_test_setup_teardown(test_every_column_is_copied, place_setup, place_teardown),
	};

	return cmocka_run_group_tests_name("record_copy", tests, NULL, NULL);
}
