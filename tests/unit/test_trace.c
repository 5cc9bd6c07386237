/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces: their text read back, the rows of the store that hold them, of which messages they are kept, and the reasons in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/pipeline.h"
#include "pipeline/trace_text.h"
#include "policy/evidence_text.h"
#include "policy/reason.h"
#include "store_fixture.h"
#include "util/error.h"

enum { NOW = 1800000000 };

static const struct backend *backend;

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void test_trace_read_lines(void **state)
{
	struct arena *arena = arena_new();
	struct trace trace;
	const struct trace_line *line;

	(void)state;
	assert_int_equal(trace_read("assay-trace 1\nmessage ref=a queue=\"b c\"\nrr\nlater-word x=1 y=\"\\\"\"\nend left_out=3\n", arena, &trace), 0);
	assert_int_equal(trace.count, 3);
	assert_string_equal(trace.left_out, "3");
	line = trace_find(&trace, "message");
	assert_string_equal(trace_get(line, "queue"), "b c");
	assert_null(trace_get(line, "nothing"));
	assert_int_equal(trace_find(&trace, "rr")->count, 0);
	assert_string_equal(trace_get(trace_find(&trace, "later-word"), "y"), "\"");
	assert_null(trace_find(&trace, "end"));
	assert_int_equal(trace_read("assay-trace 1\nend\n", arena, &trace), 0);
	assert_null(trace.left_out);
	arena_free(&arena);
}

static void test_trace_read_what_is_none(void **state)
{
	static const struct { const char *text; int code; } rows[] = {
		{ "", -E_SYNTAX }, { "assay-trace 1", -E_SYNTAX }, { "assay-trace 1\n", -E_SYNTAX }, { "assay-trace x\nend\n", -E_SYNTAX },
		{ "assay-trace 2\nwhatever\n", -E_ABSENT }, { "assay-trace 11\nend\n", -E_ABSENT }, { "assay-trace \nend\n", -E_SYNTAX },
		{ "assay-trace 1\nend", -E_SYNTAX }, { "assay-trace 1\nend\nmessage a=b\n", -E_SYNTAX }, { "assay-trace 1\nend\nend\n", -E_SYNTAX },
		{ "assay-trace 1\nmessage a=b\n", -E_SYNTAX }, { "assay-trace 1\n\nend\n", -E_SYNTAX }, { "assay-trace 1\n a=b\nend\n", -E_SYNTAX },
		{ "assay-trace 1\nmessage a=b a=c\nend\n", -E_SYNTAX }, { "assay-trace 1\nmessage  a=b\nend\n", -E_SYNTAX },
		{ "assay-trace 1\nmessage a=\"b\nend\n", -E_SYNTAX }, { "assay-trace 1\nMessage a=b\nend\n", -E_SYNTAX },
		{ "assay-trace 1\nmessage \nend\n", -E_SYNTAX }, { "id=x\n", -E_SYNTAX },
	};
	struct arena *arena = arena_new();
	struct trace trace;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (trace_read(rows[i].text, arena, &trace) != rows[i].code)
			fail_msg("'%s' is not %d", rows[i].text, rows[i].code);
	arena_free(&arena);
}

static void test_trace_read_caps(void **state)
{
	struct arena *arena = arena_new();
	struct buf lines = buf_make(arena), octets = buf_make(arena);
	struct trace trace;

	(void)state;
	buf_puts(&lines, "assay-trace 1\n");
	for (int i = 0; i < TRACE_LINES_MAX; i++)
		buf_puts(&lines, "rr\n");
	assert_int_equal(trace_read(arena_printf(arena, "%send\n", lines.data), arena, &trace), 0);
	assert_int_equal(trace.count, TRACE_LINES_MAX);
	assert_int_equal(trace_read(arena_printf(arena, "%srr\nend\n", lines.data), arena, &trace), -E_LIMIT);
	buf_puts(&octets, "assay-trace 1\nend a=");
	while (octets.length < TRACE_TEXT_MAX - 1)
		buf_putc(&octets, 'x');
	assert_int_equal(trace_read(arena_printf(arena, "%s\n", octets.data), arena, &trace), 0);
	assert_int_equal(trace_read(arena_printf(arena, "%sx\n", octets.data), arena, &trace), -E_LIMIT);
	arena_free(&arena);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	backend = &backend_sqlite;
	return place_make(state, NOW);
}

static int setup_postgresql(void **state)
{
	backend = &backend_postgresql;
	return place_make_postgresql(state, NOW);
}

struct seen { unsigned count; char first[32], texts[8][4096]; };

static void see(void *arg, const struct trace_note *note)
{
	struct seen *seen = arg;

	if (seen->count == 0)
		snprintf(seen->first, sizeof(seen->first), "%s", note->reference);
	if (seen->count < 8)
		snprintf(seen->texts[seen->count], sizeof(seen->texts[0]), "%s", note->text != NULL ? note->text : "(damaged)");
	seen->count++;
}

static void test_store_traces_each_finds_by_either_name(void **state)
{
	struct place *place = *state;
	struct store *store = place_store(place);
	struct seen seen = { 0 };
	char text[4000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(store_trace_note(store, &(struct trace_note){ "ref1", "Q1", NOW, text }), 0);
	assert_int_equal(store_trace_note(store, &(struct trace_note){ "ref2", "Q1", NOW, "x" }), 0);	/* packs to more: kept as it is */
	assert_int_equal(store_trace_note(store, &(struct trace_note){ "ref3", NULL, NOW, "third" }), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_traces_each(store, STORE_TRACE_BY_REFERENCE, "ref1", 9, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.texts[0], text);
	seen.count = 0;
	assert_int_equal(store_traces_each(store, STORE_TRACE_BY_QUEUE_ID, "Q1", 9, see, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.first, "ref2");	/* the newest first */
	assert_string_equal(seen.texts[0], "x");
	assert_int_equal(store_traces_each(store, STORE_TRACE_BY_QUEUE_ID, "", 9, see, &seen), -E_ABSENT);	/* no name is nobody's */
	assert_int_equal(store_traces_each(store, STORE_TRACE_BY_REFERENCE, "ref9", 9, see, &seen), -E_ABSENT);
	seen.count = 0;
	assert_int_equal(store_traces_each(store, STORE_TRACE_BY_QUEUE_ID, "Q1", 1, see, &seen), 0);
	assert_int_equal(seen.count, 1);
}

static void open_backend(struct place *place)
{
	place->handle = backend->open(place->path, BACKEND_MAKE, 1000, place->why, sizeof(place->why));
	assert_non_null(place->handle);
}

/* Noise of the alphabet of a trace that does not pack well, so that octets are what they are. */
static void put_noise(struct place *place, unsigned number, int64_t time_secs)
{
	char text[2001], reference[16];
	uint32_t bits = number * 2654435761u + 1;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		bits = bits * 1664525u + 1013904223u;
		text[i] = (char)(33 + (bits >> 24) % 90);
	}
	text[sizeof(text) - 1] = '\0';
	snprintf(reference, sizeof(reference), "r%u", number);
	assert_int_equal(backend->trace_put(place->handle, &(struct trace_note){ reference, reference, time_secs, text }), 0);
}

static bool has_trace(struct place *place, unsigned number)
{
	struct seen seen = { 0 };
	char reference[16];

	snprintf(reference, sizeof(reference), "r%u", number);
	return backend->traces_each(place->handle, STORE_TRACE_BY_REFERENCE, reference, 1, see, &seen) == 0;
}

static void test_backend_expire_traces_by_octets_the_oldest_first(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .traces_max_bytes = 30000, .traces_secs = 0 };
	struct backend_expired expired;
	unsigned steps = 0;

	open_backend(place);
	for (unsigned i = 0; i < 40; i++)
		put_noise(place, i, NOW);
	do {	/* about 1800 octets each packed, and 160: fifteen have room */
		assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
		assert_true(expired.trimmed[STORE_CAP_TRACES] <= 8);
		steps++;
	} while (expired.more);
	assert_in_range(steps, 4, 5);
	assert_true(!has_trace(place, 0) && !has_trace(place, 20) && has_trace(place, 39) && has_trace(place, 28));
	/* below the maximum nothing goes; without one neither */
	assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
	assert_int_equal(expired.trimmed[STORE_CAP_TRACES], 0);
	expiry.traces_max_bytes = 0;
	put_noise(place, 50, NOW);
	assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
	assert_int_equal(expired.trimmed[STORE_CAP_TRACES], 0);
	/* one that is larger than all may be goes, too: no loop */
	expiry.traces_max_bytes = 1;
	for (steps = 0; steps < 10; steps++)
		assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
	assert_true(!expired.more && !has_trace(place, 50));
}

static void test_backend_expire_traces_by_age(void **state)
{
	struct place *place = *state;
	struct backend_expiry expiry = { .traces_secs = NOW - 100 };
	struct backend_expired expired;

	open_backend(place);
	put_noise(place, 1, NOW - 101);
	put_noise(place, 2, NOW - 100);
	put_noise(place, 3, NOW);
	assert_int_equal(backend->expire(place->handle, &expiry, 8, &expired), 0);
	assert_true(!has_trace(place, 1) && has_trace(place, 2) && has_trace(place, 3));
	assert_int_equal(expired.trimmed[STORE_CAP_TRACES], 0);
}

/* A database that is away: traces wait up to so many octets, then go, and cost no other note its place. */
static void test_store_traces_that_wait_are_bounded(void **state)
{
	struct place *place = *state;
	struct store_statistics statistics;
	static char text[STORE_TRACE_BYTES];
	unsigned taken = 0;
	struct store *store;

	memset(text, 'a', sizeof(text) - 1);
	snprintf(place->path, sizeof(place->path), "%s/nowhere/assay.db", place->directory);
	store = place_store(place);
	while (store_trace_note(store, &(struct trace_note){ "r", "q", NOW, text }) == 0)
		taken++;
	assert_int_equal(taken, (16 << 20) / (STORE_TRACE_BYTES - 1));
	assert_int_equal(store_greylist_note(store, "key", NOW, false), 0);
	store_statistics(store, &statistics);
	assert_int_equal(statistics.dropped, 1);
	/* once there is a database they go into it, and there is room again */
	snprintf(text, sizeof(text), "%s/nowhere", place->directory);
	assert_int_equal(mkdir(text, 0700), 0);
	for (int i = 0; i < 300 && !store_is_up(store); i++)
		usleep(20000);
	assert_int_equal(store_flush(store), 0);
	memset(text, 'b', sizeof(text) - 1);
	assert_int_equal(store_trace_note(store, &(struct trace_note){ "s", "q", NOW, text }), 0);
	assert_int_equal(store_flush(store), 0);
}

/* ---- which messages ---------------------------------------------------------------------------------------------- */

struct world { struct place *place; struct engine *engine; struct session *session; };

static void world_make(struct world *world, struct place *place, const char *settings)
{
	char text[2048], why[256] = "";
	const struct config *config;

	snprintf(text, sizeof(text), "authserv-id = \"mx.test.example\"\nrecord { path = \"%s\" traces = failures }\n%s\n", place->path, settings);
	config = config_load_buffer(text, strlen(text), "test", stderr);
	assert_non_null(config);
	*world = (struct world){ .place = place, .engine = engine_new(config, NULL, why, sizeof(why)) };
	assert_non_null(world->engine);
	assert_int_equal(engine_open_store(world->engine, NULL, NULL, why, sizeof(why)), 0);
	config_unref(&config);
	while (!store_is_up(engine_store(world->engine)))
		usleep(1000);
	world->session = session_new(world->engine);
	assert_int_equal(addr_parse("192.0.2.1", &session_connection(world->session)->client), 0);
	session_connection(world->session)->client_name = session_connection(world->session)->helo = "mx.good.example";
}

static void world_end(struct world *world)
{
	session_free(&world->session);
	engine_unref(&world->engine);
}

static unsigned traces_of_a_message(struct world *world, struct seen *seen)
{
	struct message *message = message_new(world->session, "<joe@good.example>", NULL);
	struct decision decision;

	message_facts(message)->queue_id = "Q";
	message_recipient(message, "<ann@test.example>", &decision);
	message_field(message, "From", " Joe <joe@good.example>", 23);
	(void)message_judge(message);
	message_end(message);
	message_free(&message);
	assert_int_equal(store_flush(engine_store(world->engine)), 0);
	*seen = (struct seen){ 0 };
	(void)store_traces_each(engine_store(world->engine), STORE_TRACE_BY_QUEUE_ID, "Q", 9, see, seen);
	return seen->count;
}

/* Nobody answers: nothing is done to the message, but it could not be found out what it is. */
static void test_trace_of_a_temperror(void **state)
{
	struct world world;
	struct seen seen;

	world_make(&world, *state, "dns { servers = \"127.0.0.1@1\" dnssec = off timeout = 100ms rounds = 1 }\n"
	    "dns-outage = accept\nfindings { spf-temperror = none dmarc-temperror = none iprev-temperror = none dkim-none = none tls-none = none\n"
	    "dns-unavailable = none }\n");
	assert_int_equal(traces_of_a_message(&world, &seen), 1);
	assert_non_null(strstr(seen.texts[0], "\nresult check=spf result=temperror "));
	assert_non_null(strstr(seen.texts[0], "\ndecision action=none "));
	assert_non_null(strstr(seen.texts[0], "\ndns name=good.example type=TXT for=spf"));
	world_end(&world);
}

static void test_no_trace_of_what_is_fine(void **state)
{
	struct place *place = *state;
	char path[128], settings[512];
	struct world world;
	struct seen seen;
	FILE *file;

	snprintf(path, sizeof(path), "%s/zone", place->directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("good.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n", file);
	fclose(file);
	snprintf(settings, sizeof(settings), "dns { zone-file = \"%s\" dnssec = off }\nfindings { dkim-none = none dmarc-none = none }\n", path);
	world_make(&world, place, settings);
	assert_int_equal(traces_of_a_message(&world, &seen), 0);
	world_end(&world);
}

/* ---- reasons ----------------------------------------------------------------------------------------------------- */

static size_t reasons_of(const struct config *config, const char *evidence_text, struct arena *arena, struct policy_reason *reasons_r)
{
	const struct policy_set set = policy_set_of(config);
	struct evidence evidence;

	assert_int_equal(evidence_read(evidence_text, arena, &evidence), 0);
	return policy_reasons(&set, &evidence, arena, reasons_r);
}

#define PLAIN "1 s=m r=a.example a=c.example:none m=c.example n=192.0.2.1/32"
#define MAIL(findings) PLAIN " f=" findings

static void test_policy_reasons_say_the_line_that_decided(void **state)
{
	static const struct { const char *settings, *evidence, *match, *rule; enum action action; } rows[] = {
		{ "findings { spf-fail = reject }", MAIL("spf-fail"), "all mail that no policy before it takes", "spf-fail = reject", ACTION_REJECT },
		{ "findings { spf-fail = none }", MAIL("spf-fail"), "all mail that no policy before it takes", NULL, ACTION_NONE },
		{ "policy p { recipient-domains = a.example reject-only-secure = yes actions { spf-fail = reject } }", MAIL("spf-fail"),
		    "recipient a.example", "spf-fail = reject; reject-only-secure: what it stands on is not secured by DNSSEC", ACTION_QUARANTINE },
		{ "policy p { recipient-domains = a.example reject-only-secure = yes actions { spf-fail = reject } }", MAIL("spf-fail+"),
		    "recipient a.example", "spf-fail = reject", ACTION_REJECT },
		{ "dns-outage = defer\npolicy p { author-domains = .c.example actions { spf-fail = reject spf-temperror = tag } }",
		    MAIL("spf-temperror"), "author c.example",
		    "spf-temperror = tag; dns-outage defers it: what could not be looked for would be refused", ACTION_DEFER },
		{ "policy p { client-networks = 192.0.2.0/24 author-domains = c.example actions { spf-fail = defer } }", MAIL("spf-fail"),
		    "author c.example, client 192.0.2.1", "spf-fail = defer", ACTION_DEFER },
		/* what policies raise themselves */
		{ "policy p { recipient-domains = a.example require-cert = yes }", PLAIN, "recipient a.example", "tls-cert-required = reject",
		    ACTION_REJECT },
		{ "policy p { recipient-domains = a.example require-cert = yes actions { tls-cert-required = tag } }", PLAIN " c=none::::",
		    "recipient a.example", "tls-cert-required = tag", ACTION_TAG },
		{ "policy p { recipient-domains = a.example require-cert = yes }", PLAIN " c=none::::?", "recipient a.example",
		    "tls-cert-required = reject; the client's TLSA record could not be read, so it is deferred", ACTION_DEFER },
		{ "policy p { recipient-domains = a.example require-secure-domains = b.example actions { insecure-pass = quarantine } }",
		    PLAIN " p=b.example:pass", "recipient a.example", "insecure-pass = quarantine", ACTION_QUARANTINE },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct config *config = config_load_buffer(rows[i].settings, strlen(rows[i].settings), "test", stderr);
		struct policy_reason reasons[8];
		struct evidence evidence;
		enum asked_why why;

		assert_non_null(config);
		assert_in_range(reasons_of(config, rows[i].evidence, arena, reasons), 1, 8);
		assert_int_equal(reasons[0].decision.action, rows[i].action);
		assert_string_equal(reasons[0].match, rows[i].match);
		if (rows[i].rule != NULL)
			assert_string_equal(reasons[0].rule, rows[i].rule);
		else
			assert_null(reasons[0].rule);
		assert_true(reasons[0].sure);
		/* what is told of the finding that decided is what was done */
		assert_int_equal(evidence_read(rows[i].evidence, arena, &evidence), 0);
		if (rows[i].rule != NULL)
			assert_int_equal(policy_asked_for(reasons[0].policy, &evidence, reasons[0].decision.finding, &why), rows[i].action);
		config_unref(&config);
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_read_lines),
		cmocka_unit_test(test_trace_read_what_is_none),
		cmocka_unit_test(test_trace_read_caps),
		PLACE_TESTS(test_store_traces_each_finds_by_either_name, setup),
		PLACE_TESTS(test_backend_expire_traces_by_octets_the_oldest_first, setup),
		PLACE_TESTS(test_backend_expire_traces_by_age, setup),
		cmocka_unit_test_setup_teardown(test_store_traces_that_wait_are_bounded, setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_trace_of_a_temperror, setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_no_trace_of_what_is_fine, setup, place_teardown),
		cmocka_unit_test(test_policy_reasons_say_the_line_that_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
