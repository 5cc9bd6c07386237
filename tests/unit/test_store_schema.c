/* SPDX-License-Identifier: BSD-2-Clause */
/* record: databases of earlier schemas, read as they are and migrated with their rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "util/buf.h"
#include "store_rows.h"

static int place_setup(void **state)
{
	return place_make(state, START + DAY);
}

/* ---- a database from before ---------------------------------------------------------------------- */

/* Schema 1, as it was. */
static const char schema_1[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE flow(hour INTEGER NOT NULL, author_domain TEXT NOT NULL, envelope_domain TEXT NOT NULL,"
    " client_network TEXT NOT NULL, findings TEXT NOT NULL, results TEXT NOT NULL, tls_grade TEXT NOT NULL,"
    " tls_version TEXT NOT NULL, tls_cipher TEXT NOT NULL, policy TEXT NOT NULL, action TEXT NOT NULL,"
    " enforced INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " UNIQUE(hour,author_domain,envelope_domain,client_network,findings,results,tls_grade,tls_version,tls_cipher,policy,"
    "action,enforced));"
    "CREATE TABLE peer(peer TEXT NOT NULL, host TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " none INTEGER NOT NULL, weak INTEGER NOT NULL, ok INTEGER NOT NULL, strong INTEGER NOT NULL, days INTEGER NOT NULL,"
    " tls_days INTEGER NOT NULL, last_tls INTEGER NOT NULL, changed INTEGER NOT NULL, changed_sessions INTEGER NOT NULL,"
    " settled INTEGER NOT NULL, best INTEGER NOT NULL, pinned INTEGER NOT NULL, cert TEXT NOT NULL,"
    " PRIMARY KEY(peer,host)) WITHOUT ROWID;"
    "CREATE INDEX peer_last ON peer(last);"
    "CREATE TABLE greylist(key TEXT PRIMARY KEY NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " passed INTEGER NOT NULL, tries INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX greylist_last ON greylist(last);"
    "CREATE INDEX greylist_waiting ON greylist(last) WHERE passed=0;"
    "INSERT INTO flow VALUES(1699999200,'a.example','b.example','192.0.2.0/24','spf-fail','spf=fail','ok','TLSv1.2','C','p','tag',"
    "1,3,300),(1700002800,'c.example','','','','','','','','default','none',0,4,400);"
    "INSERT INTO peer VALUES('a.example','',1700000000,1700000000,0,0,0,7,1,1,0,0,0,0,3,1,'');"
    "INSERT INTO peer VALUES('b.example','',1700000001,1700000001,0,0,0,8,1,1,0,0,0,0,3,0,'CN=b');"
    "INSERT INTO peer VALUES('b.example','h',1700000001,1700000001,0,0,0,8,1,1,0,0,0,0,3,0,'');"
    "INSERT INTO peer VALUES('b.example','i',1700000001,1700000001,0,0,0,8,1,1,0,0,0,0,3,0,'');"
    "INSERT INTO greylist VALUES('w',1700000000,1700000000,0,1),('p',1700000000,1700000000,1700000000,2),"
    "('q',1700000000,1700000000,1700000000,2);"
    "PRAGMA user_version=1";

static void see_flow(void *arg, const struct flow_row *row)
{
	struct buf *seen = arg;

	buf_printf(seen, "%" PRId64 " %s %s %s %s %s %s %s %s %s %s '%s' %d %" PRIu64 " %" PRIu64 "\n", row->hour_secs, row->author_domain,
	    row->envelope_domain, row->client_network, row->findings, row->results, row->tls_grade, row->tls_version,
	    row->tls_cipher, row->policy, row->action, row->evidence, row->enforced, row->messages, row->bytes);
}

/* The rows of schema_1, in every column; evidence they have none. */
static void assert_flows(struct place *place)
{
	struct arena *arena = arena_new();
	struct buf seen = buf_make(arena);

	assert_int_equal(store_flows_each(place->store, 0, see_flow, &seen), 0);
	assert_string_equal(seen.data, "1699999200 a.example b.example 192.0.2.0/24 spf-fail spf=fail ok TLSv1.2 C p tag '' 1 3 300\n"
	    "1700002800 c.example        default none '' 0 4 400\n");
	arena_free(&arena);
}

static void test_store_schema_1_is_migrated_with_its_rows(void **state)
{
	struct place *place = *state;
	struct peer_memory memory;
	struct greylist_entry entry;

	place_execute(place, schema_1);
	place_store(place);
	note_peers(place->store, 0, 1);
	assert_int_equal(store_flush(place->store), 0);
	assert_int_equal(place_number(place, "PRAGMA user_version"), 9);
	assert_flows(place);
	assert_int_equal(place_number(place, "SELECT peers*1000+hosts*100+waiting*10+passed FROM total"), 3312);
	assert_totals(place);
	assert_int_equal(store_peer_get(place->store, "a.example", &memory), 0);
	assert_true(memory.pinned && memory.sessions == 7);
	assert_int_equal(store_peer_host_get(place->store, "b.example", "i", &memory), 0);
	assert_int_equal(store_greylist_get(place->store, "p", &entry), 0);
	assert_int_equal(entry.passed_secs, START);
	store_close(&place->store);
	place->config.peers_max = 1;
	place->config.flows_max = 1;
	place_store(place);	/* and the numbers are kept to: the pinned one stays, though above it; of flows the older one goes */
	wait_for_rows(place, "SELECT count(*) FROM flow_old WHERE author_domain='c.example'", 1);
	wait_for_rows(place, "SELECT count(*) FROM flow_old", 1);
	wait_for_rows(place, "SELECT count(*) FROM peer", 1);
	assert_int_equal(store_peer_get(place->store, "a.example", &memory), 0);
}

static void count_peers(void *arg, const char *peer, const struct peer_memory *memory)
{
	(void)peer;
	(void)memory;
	++*(unsigned *)arg;
}

/* The command line of a new version may meet the database of a daemon that was not restarted yet. */
static void test_store_schema_1_is_read_as_it_is(void **state)
{
	struct place *place = *state;
	unsigned count = 0;

	place_execute(place, schema_1);
	place->config.read_only = true;
	place_store(place);
	assert_int_equal(store_peers_each(place->store, NULL, 10, count_peers, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(store_hosts_each(place->store, "b.example", 10, count_peers, &count), 0);
	assert_int_equal(count, 4);
	assert_flows(place);
	assert_int_equal(place_number(place, "PRAGMA user_version"), 1);
}

/* What versions 2, 3 and 4 added to it, as it was; the last row is what each would have written. */
static const char *const schema_steps[] = {
	"DROP INDEX peer_last; CREATE INDEX peer_seen ON peer(last,pinned) WHERE host='';"
	"CREATE INDEX host_seen ON peer(last) WHERE host<>''; DROP INDEX greylist_last;"
	"CREATE INDEX greylist_passed ON greylist(last) WHERE passed<>0;"
	"CREATE TABLE total(peers INTEGER NOT NULL, hosts INTEGER NOT NULL, waiting INTEGER NOT NULL, passed INTEGER NOT NULL);"
	"INSERT INTO total VALUES(2,2,1,2);"
	"CREATE TRIGGER peer_comes AFTER INSERT ON peer BEGIN"
	" UPDATE total SET peers=peers+(NEW.host=''), hosts=hosts+(NEW.host<>''); END;"
	"INSERT INTO flow VALUES(1700006400,'2.example','','','','','','','','default','none',0,1,1);"
	"PRAGMA user_version=2",
	"ALTER TABLE flow RENAME TO flow_old;"
	"CREATE TABLE flow(hour INTEGER NOT NULL, author_domain TEXT NOT NULL, envelope_domain TEXT NOT NULL,"
	" client_network TEXT NOT NULL, findings TEXT NOT NULL, results TEXT NOT NULL, tls_grade TEXT NOT NULL,"
	" tls_version TEXT NOT NULL, tls_cipher TEXT NOT NULL, policy TEXT NOT NULL, action TEXT NOT NULL,"
	" evidence TEXT NOT NULL, enforced INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" UNIQUE(hour,author_domain,envelope_domain,client_network,policy,action,enforced,evidence,findings,results,tls_grade,"
	"tls_version,tls_cipher));"
	"INSERT INTO flow VALUES(1700010000,'3.example','','','','','','','','default','none','1 s=m',0,1,1);"
	"PRAGMA user_version=3",
	"CREATE TABLE shape(key TEXT PRIMARY KEY NOT NULL, questions TEXT NOT NULL, noted INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX shape_noted ON shape(noted);"
	"INSERT INTO flow VALUES(1700013600,'4.example','','','','','','','','default','none','1 s=r',0,1,1);"
	"PRAGMA user_version=4",
};

static const char *const step_flows[] = {
	"1700006400 2.example        default none '' 0 1 1\n", "1700010000 3.example        default none '1 s=m' 0 1 1\n",
	"1700013600 4.example        default none '1 s=r' 0 1 1\n",
};

static void see_kind(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	assert_int_equal(count, 1);
	assert_true(spans->from_secs == kind->hour_secs && spans->messages == kind->messages && spans->bytes == kind->bytes);
	see_flow(arg, kind);
}

/* @param version  which schema the rows are from. @param more  what comes after them */
static void assert_rows(struct place *place, int version, const char *more)
{
	struct arena *arena = arena_new();
	struct buf expected = buf_make(arena), seen = buf_make(arena), kinds = buf_make(arena);

	buf_puts(&expected, "1699999200 a.example b.example 192.0.2.0/24 spf-fail spf=fail ok TLSv1.2 C p tag '' 1 3 300\n"
	    "1700002800 c.example        default none '' 0 4 400\n");
	for (int i = 2; i <= version; i++)
		buf_puts(&expected, step_flows[i - 2]);
	buf_puts(&expected, more);
	assert_int_equal(store_flows_each(place->store, 0, see_flow, &seen), 0);
	assert_string_equal(seen.data, expected.data);
	assert_int_equal(store_kinds_each(place->store, 0, 3600, see_kind, &kinds), 0);
	assert_string_equal(kinds.data, expected.data);
	arena_free(&arena);
}

static void check_version(int version)
{
	const struct flow_note note = { .time_secs = 1700020800, .author_domain = "new.example", .policy = "p", .action = "tag",
		.evidence = "1 s=m", .bytes = 5 };
	const char *const new_row = "1700020800 new.example        p tag '1 s=m' 0 1 5\n";
	struct place *place;
	void *state;

	place_make(&state, START + DAY);
	place = state;
	place_execute(place, schema_1);
	for (int i = 2; i <= version; i++)
		place_execute(place, schema_steps[i - 2]);
	place->config.read_only = true;
	place_store(place);
	assert_rows(place, version, "");
	assert_int_equal(place_number(place, "PRAGMA user_version"), version);
	store_close(&place->store);

	place->config.read_only = false;
	place_store(place);
	assert_int_equal(store_flow_note(place->store, &note), 0);
	assert_int_equal(store_flush(place->store), 0);
	assert_int_equal(place_number(place, "PRAGMA user_version"), 9);
	assert_rows(place, version, new_row);
	store_close(&place->store);
	/* too many: those of before go first, oldest first; too old: all of them go alike */
	place->config.flows_max = (unsigned)version;
	place_store(place);
	wait_for_rows(place, "SELECT (SELECT count(*) FROM flow_old)+(SELECT count(*) FROM flow_plain)+(SELECT count(*) FROM flow)", version);
	wait_for_rows(place, "SELECT count(*) FROM flow WHERE messages=1", 1);
	store_close(&place->store);
	place->config.flow_keep_days = 1;
	place->clock.fixed_secs += 10 * DAY;
	place_store(place);
	wait_for_rows(place, "SELECT (SELECT count(*) FROM flow_old)+(SELECT count(*) FROM flow_plain)+(SELECT count(*) FROM flow)", 0);
	place_teardown(&state);
}

static void test_store_rows_of_every_schema_are_read_before_and_after(void **state)
{
	(void)state;
	for (int version = 1; version <= 4; version++)
		check_version(version);
}

#define SCHEMA_TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCHEMA_TEST(test_store_schema_1_is_migrated_with_its_rows),
		SCHEMA_TEST(test_store_schema_1_is_read_as_it_is),
		cmocka_unit_test(test_store_rows_of_every_schema_are_read_before_and_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
