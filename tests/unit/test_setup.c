/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pure parts of `assay setup`: lists of milters, the edit of assay.conf, and the plan made from what Postfix and assay.conf
 * say. What Postfix makes of it is tested end to end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arena_fixture.h"
#include "config_edit.h"
#include "milters.h"
#include "run.h"
#include "setup.h"

/* ---- lists ---- */

static void test_milters_split_and_join(void **state)
{
	static const struct { const char *list, *first, *joined; size_t count; } cases[] = {
		{ "", NULL, "", 0 }, { "  ,, ", NULL, "", 0 },
		{ "unix:a/b", "unix:a/b", "unix:a/b", 1 },
		{ "inet:localhost:8891 unix:/x,unix:y", "inet:localhost:8891", "inet:localhost:8891, unix:/x, unix:y", 3 },
		{ "{ inet:127.0.0.1:1, command_timeout = 5s { x } }, unix:y", "inet:127.0.0.1:1",
		    "{ inet:127.0.0.1:1, command_timeout = 5s { x } }, unix:y", 2 },
		{ "unix:y,{unix:z}", "unix:y", "unix:y, {unix:z}", 2 },
		{ "{unix:z", "unix:z", "{unix:z", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t count;
		struct milter_item *items = milters_split(arena, cases[i].list, &count);

		assert_int_equal(count, cases[i].count);
		if (count != 0)
			assert_string_equal(items[0].address, cases[i].first);
		assert_string_equal(milters_join(arena, items, count, count), cases[i].joined);
	}
}

static void test_milters_join_leaves_one_out(void **state)
{
	size_t count;
	struct milter_item *items = milters_split(arena, "unix:a, unix:b, unix:c", &count);

	(void)state;
	assert_string_equal(milters_join(arena, items, count, 0), "unix:b, unix:c");
	assert_string_equal(milters_join(arena, items, count, 2), "unix:a, unix:b");
	assert_string_equal(milters_join(arena, items, 1, 0), "");
}

static void test_milter_unix_path_in_a_chroot(void **state)
{
	(void)state;
	assert_string_equal(milter_unix_path(arena, "unix:/run/a.sock", "/q", "/q"), "/q/run/a.sock");
	assert_string_equal(milter_unix_path(arena, "unix:/run/a.sock", "", "/q"), "/run/a.sock");
	assert_string_equal(milter_unix_path(arena, "unix:assay/a.sock", "/q", "/q"), "/q/assay/a.sock");
	assert_string_equal(milter_unix_path(arena, "unix:assay/a.sock", "", "/q"), "/q/assay/a.sock");
	assert_null(milter_unix_path(arena, "inet:localhost:1", "", "/q"));
	assert_null(milter_unix_path(arena, "localhost", "", "/q"));
}

static void test_milter_from_libmilter(void **state)
{
	static const struct { const char *socket, *address; } cases[] = {
		{ "inet:8893@127.0.0.1", "inet:127.0.0.1:8893" }, { "inet:8893", "inet:127.0.0.1:8893" },
		{ "inet:8893@0.0.0.0", "inet:127.0.0.1:8893" }, { "inet6:8893@[::1]", "inet:[::1]:8893" },
		{ "inet6:8893@::1", "inet:[::1]:8893" }, { "inet6:8893", "inet:[::1]:8893" }, { "inet:8893@milter.example", "inet:milter.example:8893" },
		{ "unix:/x", NULL }, { "/x", NULL }, { "fd:3", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *address = milter_from_libmilter(arena, cases[i].socket);

		if (cases[i].address == NULL)
			assert_null(address);
		else
			assert_string_equal(address, cases[i].address);
	}
}

/* ---- the edit ---- */

static void test_config_edit_set(void **state)
{
	static const struct { const char *before, *after; } cases[] = {
		{ "", "socket = \"unix:/n\"\n" },
		{ "mode = enforce\n", "socket = \"unix:/n\"\nmode = enforce\n" },
		{ "# head\n#socket = \"unix:/d\"\nuser = x\n", "# head\n#socket = \"unix:/d\"\nsocket = \"unix:/n\"\nuser = x\n" },
		{ "#socket = \"unix:/d\"\n\tsocket= unix:/o\nuser = x\n", "#socket = \"unix:/d\"\nsocket = \"unix:/n\"\nuser = x\n" },
		{ "socket = \"unix:/o\"", "socket = \"unix:/n\"" },
		{ "sockets = 1\nstatus-socket = \"/s\"\n", "socket = \"unix:/n\"\nsockets = 1\nstatus-socket = \"/s\"\n" },
		{ "a = b\n# socket: no\nsocket = \"unix:/o\" # mine\n\n", "a = b\n# socket: no\nsocket = \"unix:/n\"\n\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(config_edit_set(arena, cases[i].before, "socket", "unix:/n"), cases[i].after);
}

/* ---- the plan ---- */

static struct postfix_service chrooted = { .name = "smtp", .type = "inet", .chroot = true };

static struct setup make(struct config *config, const char *socket, const char *milters)
{
	struct setup setup = { .arena = arena, .config_path = "/nowhere/assay.conf", .config = config, .smtpd = &chrooted,
		.postfix = { .directory = "/nowhere/postfix", .version = "3.7", .queue_directory = "/nowhere/queue", .mail_owner = "root",
		    .milters = milters, .raw_milters = milters, .default_action = "tempfail", .inet_interfaces = "all",
		    .inet_protocols = "all", .restrictions = "", .protocol = 6, .milters_set = *milters != '\0' } };

	*config = (struct config){ .socket = socket, .user = "root" };
	return setup;
}

static void test_setup_plan_from_scratch(void **state)
{
	struct config config;
	struct setup setup = make(&config, "unix:/run/assay/assay.sock", "");
	struct setup_plan plan;

	(void)state;
	setup_plan(&setup, false, &plan);
	assert_string_equal(plan.directory, "/nowhere/queue/assay");
	assert_string_equal(plan.socket, "unix:/nowhere/queue/assay/assay.sock");
	assert_string_equal(plan.milters, "unix:assay/assay.sock");
	assert_string_equal(plan.default_action, "accept");
	assert_null(plan.protocol);
	assert_false(plan.nothing);
}

static void test_setup_plan_keeps_what_stands_there(void **state)
{
	struct config config;
	struct setup setup = make(&config, "unix:/run/assay/assay.sock", "inet:localhost:8891, { unix:x/y, command_timeout=9s }");
	struct setup_plan plan;

	(void)state;
	setup.postfix.default_action_set = true;
	setup.postfix.protocol = 2;
	setup_plan(&setup, true, &plan);
	assert_null(plan.directory);
	assert_null(plan.default_action);	/* tempfail is the admin's word */
	assert_string_equal(plan.protocol, "6");
	assert_string_equal(plan.milters, "unix:assay/assay.sock, inet:localhost:8891, { unix:x/y, command_timeout=9s }");
}

static void test_setup_plan_replaces_a_stale_place_of_ours(void **state)
{
	struct config config;
	struct setup setup = make(&config, "unix:/nowhere/queue/assay/assay.sock", "unix:/run/assay/assay.sock, unix:z");
	struct setup_plan plan;

	(void)state;
	setup_plan(&setup, true, &plan);
	assert_null(plan.socket);
	assert_string_equal(plan.milters, "unix:assay/assay.sock, unix:z");
}

static void test_setup_plan_nothing_to_do(void **state)
{
	struct config config;
	struct setup setup = make(&config, "unix:/nowhere/queue/assay/assay.sock", "unix:z, unix:assay/assay.sock");
	struct setup_plan plan;

	(void)state;
	setup.postfix.default_action = "accept";
	setup_plan(&setup, true, &plan);
	assert_true(plan.nothing);
	assert_string_equal(setup_present_address(&setup), "unix:assay/assay.sock");
	config.socket = "unix:/nowhere/else.sock";
	assert_null(setup_present_address(&setup));
}

static void test_setup_plan_tcp_needs_no_directory(void **state)
{
	struct config config;
	struct setup setup = make(&config, "inet:8893@127.0.0.1", "");
	struct setup_plan plan;

	(void)state;
	setup_plan(&setup, false, &plan);
	assert_null(plan.directory);
	assert_null(plan.socket);
	assert_string_equal(plan.milters, "inet:127.0.0.1:8893");
	setup.postfix.milters = setup.postfix.raw_milters = "inet:localhost:8893";
	setup_plan(&setup, false, &plan);
	assert_null(plan.milters);
	config.socket = "fd:3";
	setup_plan(&setup, false, &plan);
	assert_null(plan.address);
}

/* ---- other programs ---- */

static void test_run_program(void **state)
{
	const char *const prints[] = { "sh", "-c", "echo out; echo err >&2; exit 3", NULL };
	const char *const leaves[] = { "sh", "-c", "sleep 30 & echo left", NULL };
	const char *const stays[] = { "sleep", "30", NULL };
	const char *const none[] = { "assay-no-such-program", NULL };
	struct run_result result;

	(void)state;
	assert_false(run_program(arena, prints, 20, &result));
	assert_int_equal(result.status, 3);
	assert_string_equal(result.output, "out\n");
	assert_string_equal(result.errors, "err\n");
	/* who is left behind with the pipes open is not waited for */
	assert_true(run_program(arena, leaves, 20, &result));
	assert_string_equal(result.output, "left\n");
	assert_false(run_program(arena, stays, 1, &result));
	assert_int_equal(result.status, -1);
	assert_non_null(strstr(result.errors, "longer than 1 s"));
	assert_false(run_program(arena, none, 20, &result));
	assert_int_equal(result.status, -1);
	assert_non_null(strstr(result.errors, "No such file"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_milters_split_and_join, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_milters_join_leaves_one_out, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_milter_unix_path_in_a_chroot, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_milter_from_libmilter, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_config_edit_set, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_setup_plan_from_scratch, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_setup_plan_keeps_what_stands_there, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_setup_plan_replaces_a_stale_place_of_ours, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_setup_plan_nothing_to_do, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_setup_plan_tcp_needs_no_directory, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_run_program, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
