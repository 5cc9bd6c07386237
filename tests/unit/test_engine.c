/* SPDX-License-Identifier: BSD-2-Clause */
/* Engines: what a reload changes and what it shares; sessions keep theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline_fixture.h"

static void test_authserv_id_falls_back_to_the_mta_name(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	const struct config *config = world_load(world, "authserv-id = \"\"");
	struct engine *engine;
	struct session *session;
	struct message *message;
	char why[256];

	(void)state;
	engine = engine_new(config, NULL, why, sizeof(why));
	assert_non_null(engine);
	session = session_new(engine);
	session_connection(session)->mta_hostname = "mta.test.example";
	message = message_new(session, "<>", NULL);
	assert_non_null(strstr(topmost_inserted(finish_message(message), "Authentication-Results"), "mta.test.example"));
	message_free(&message);
	session_free(&session);
	engine_unref(&engine);
	config_unref(&config);
	world_free(world);
}

static void test_engine_new_reload_leaves_running_sessions_their_config(void **state)
{
	struct world *world = world_new("mode = dry-run", "192.0.2.1");
	struct engine *next = world_engine(world, "mode = enforce", world->engine);
	struct message *message = begin_message(world, "<joe@good.example>");

	(void)state;
	engine_unref(&world->engine);	/* the session holds the last reference */
	assert_int_equal(session_config(world->session)->mode, MODE_DRY_RUN);
	assert_int_equal(engine_config(next)->mode, MODE_ENFORCE);
	assert_int_equal(finish_message(message)->decision.code, 250);
	message_free(&message);
	session_free(&world->session);
	world->engine = next;
	world_free(world);
}

/* A reload reads a trust anchor file that has changed, and takes changed caps. */
static void test_engine_new_changed_anchor_or_cap_makes_a_resolver(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	char anchor[FIXTURE_PATH_BYTES], settings[256], capped[256];
	static const char ds[] = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
	struct engine *first, *same, *touched, *limited;
	FILE *file;

	(void)state;
	text_file(anchor, ds);
	snprintf(settings, sizeof(settings), "dns { servers = { \"127.0.0.1@9\" } trust-anchor-files = { \"%s\" } }", anchor);
	snprintf(capped, sizeof(capped), "dns { servers = { \"127.0.0.1@9\" } trust-anchor-files = { \"%s\" } max-ds = 3 }", anchor);
	first = world_engine(world, settings, NULL);
	same = world_engine(world, settings, first);
	assert_ptr_equal(engine_resolver(first), engine_resolver(same));
	limited = world_engine(world, capped, same);
	assert_ptr_not_equal(engine_resolver(limited), engine_resolver(same));
	usleep(20000);	/* the file's time must move */
	file = fopen(anchor, "w");
	assert_non_null(file);
	fputs(ds, file);
	fclose(file);
	touched = world_engine(world, settings, same);
	assert_ptr_not_equal(engine_resolver(touched), engine_resolver(same));
	unlink(anchor);
	engine_unref(&first);
	engine_unref(&same);
	engine_unref(&limited);
	engine_unref(&touched);
	world_free(world);
}

static void test_engine_new_same_dns_settings_share_the_resolver(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	static const char network[] = "dns { dnssec = off servers = { \"127.0.0.1@9\" } timeout = 1s }";
	static const char other[] = "dns { dnssec = off servers = { \"127.0.0.1@9\" } timeout = 2s }";
	struct engine *first = world_engine(world, network, NULL);
	struct engine *same = world_engine(world, network, first);
	struct engine *different = world_engine(world, other, same);

	(void)state;
	assert_ptr_equal(engine_resolver(first), engine_resolver(same));
	assert_ptr_not_equal(engine_resolver(same), engine_resolver(different));
	engine_unref(&first);
	engine_unref(&same);
	engine_unref(&different);
	world_free(world);
}

static void test_engine_new_unreadable_zone_says_why(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	const struct config *config = world_load(world, "dns { zone-file = \"/nonexistent/zone\" dnssec = off }");
	char why[256] = "";

	(void)state;
	assert_null(engine_new(config, NULL, why, sizeof(why)));
	assert_non_null(strstr(why, "/nonexistent/zone"));
	config_unref(&config);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authserv_id_falls_back_to_the_mta_name),
		cmocka_unit_test(test_engine_new_reload_leaves_running_sessions_their_config),
		cmocka_unit_test(test_engine_new_changed_anchor_or_cap_makes_a_resolver),
		cmocka_unit_test(test_engine_new_same_dns_settings_share_the_resolver),
		cmocka_unit_test(test_engine_new_unreadable_zone_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
