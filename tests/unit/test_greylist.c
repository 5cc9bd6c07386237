/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipeline/greylist: who waits. What passes SPF or DKIM in alignment with its author waits for nothing (RFC 9989 section 4.10.2; where no
 * policy is published, as relaxed alignment would have it); a retry passes after the delay, or at once by TLS that is no weaker than ok.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/pipeline.h"
#include "record/store.h"
#include "scratch.h"

#define SPF " 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"

static const char zone[] =
	"relaxed.example" SPF "sub.relaxed.example" SPF
	"_dmarc.relaxed.example. 300 IN TXT \"v=DMARC1; p=none\"\n"
	"strict.example" SPF "sub.strict.example" SPF
	"_dmarc.strict.example. 300 IN TXT \"v=DMARC1; p=none; aspf=s\"\n"
	"silent.example" SPF "sub.silent.example" SPF
	"other.example" SPF
	/* a name that the client claims, and that is another host's */
	"1.2.0.192.in-addr.arpa. 300 IN PTR mx.claimed.example.\n"
	"mx.claimed.example. 300 IN A 198.51.100.7\n";

struct world {
	char directory[SCRATCH_BYTES];
	struct engine *engine;
	struct session *session;
};

static struct world *world_new(const char *settings)
{
	struct world *world = calloc(1, sizeof(*world));
	char text[2048], path[128], why[256] = "";
	struct facts_connection *connection;
	const struct config *config;
	FILE *file;

	assert_non_null(world);
	scratch_directory(world->directory);
	snprintf(path, sizeof(path), "%s/zone", world->directory);
	file = fopen(path, "w");
	assert_non_null(file);
	for (const char *c = zone; *c != '\0'; c++) {	/* names of the zone are absolute */
		if (strncmp(c, " 300", 4) == 0 && c[-1] != '.')
			fputc('.', file);
		fputc(*c, file);
	}
	fclose(file);
	snprintf(text, sizeof(text), "authserv-id = \"mx.test.example\"\nmode = enforce\nfindings { dkim-none = greylist }\n"
	    "dns { zone-file = \"%s\" dnssec = off }\nrecord { path = \"%s/assay.db\" }\ngreylist { delay = 5m %s }\n", path,
	    world->directory, settings);
	config = config_load_buffer(text, strlen(text), "test", stderr);
	assert_non_null(config);
	world->engine = engine_new(config, NULL, why, sizeof(why));
	assert_non_null(world->engine);
	assert_int_equal(engine_open_store(world->engine, NULL, NULL, why, sizeof(why)), 0);
	config_unref(&config);
	while (!store_is_up(engine_store(world->engine)))
		usleep(1000);
	world->session = session_new(world->engine);
	connection = session_connection(world->session);
	assert_int_equal(addr_parse("192.0.2.1", &connection->client), 0);
	connection->client_name = connection->helo = "mx.claimed.example";
	return world;
}

static void world_free(struct world *world)
{
	char command[128];

	session_free(&world->session);
	engine_unref(&world->engine);
	snprintf(command, sizeof(command), "rm -rf %s", world->directory);
	assert_int_equal(system(command), 0);
	free(world);
}

/* An unsigned message. @return whether it has to wait. */
static bool waits(struct world *world, const char *sender, const char *author)
{
	char mail_from[64], from[64];
	struct message *message;
	struct decision decision;
	enum action action;

	snprintf(mail_from, sizeof(mail_from), "<joe@%s>", sender);
	snprintf(from, sizeof(from), " Joe <joe@%s>", author);
	message = message_new(world->session, mail_from, NULL);
	message_recipient(message, "<ann@test.example>", &decision);
	message_field(message, "From", from, strlen(from));
	message_header_done(message);
	action = message_judge(message)->decision.action;
	message_end(message);
	message_free(&message);
	assert_int_equal(store_flush(engine_store(world->engine)), 0);
	assert_true(action == ACTION_NONE || action == ACTION_GREYLIST);
	return action == ACTION_GREYLIST;
}

static void test_remember_greylist_aligned_waits_for_nothing(void **state)
{
	static const struct { const char *sender, *author; bool waits; } rows[] = {
		{ "relaxed.example", "relaxed.example", false },
		{ "sub.relaxed.example", "relaxed.example", false },
		{ "other.example", "relaxed.example", true },
		{ "strict.example", "strict.example", false },
		{ "sub.strict.example", "strict.example", true },
		{ "silent.example", "silent.example", false },
		{ "sub.silent.example", "silent.example", false },
		{ "other.example", "silent.example", true },
	};
	struct world *world = world_new("");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (waits(world, rows[i].sender, rows[i].author) != rows[i].waits)
			fail_msg("%s from %s", rows[i].sender, rows[i].author);
	world_free(world);
}

static void test_remember_greylist_retry_before_the_delay_waits_again(void **state)
{
	struct world *world = world_new("");

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(waits(world, "other.example", "silent.example"));
	world_free(world);
}

/* By the grades of the manual: what is no weaker than ok shows that somebody cares. */
static void test_remember_greylist_retry_by_tls(void **state)
{
	static const struct { const char *version, *cipher; unsigned bits; bool waits; } rows[] = {
		{ "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, false },		/* strong */
		{ "TLSv1.2", "ECDHE-RSA-AES128-SHA", 128, false },		/* ok */
		{ "TLSv1", "ECDHE-RSA-AES128-SHA", 128, true },			/* weak: RFC 8996 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *world = world_new("");

		session_connection(world->session)->tls = (struct facts_tls){ .version = rows[i].version, .cipher = rows[i].cipher,
			.bits = rows[i].bits };
		assert_true(waits(world, "other.example", "silent.example"));
		if (waits(world, "other.example", "silent.example") != rows[i].waits)
			fail_msg("%s", rows[i].version);
		world_free(world);
	}
}

/* What only the client says of its name exempts nobody. */
static void test_remember_greylist_exempts_confirmed_names_only(void **state)
{
	struct world *world = world_new("exempt-domains = { mx.claimed.example, claimed.example }");

	(void)state;
	assert_true(waits(world, "other.example", "silent.example"));
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remember_greylist_aligned_waits_for_nothing),
		cmocka_unit_test(test_remember_greylist_retry_before_the_delay_waits_again),
		cmocka_unit_test(test_remember_greylist_retry_by_tls),
		cmocka_unit_test(test_remember_greylist_exempts_confirmed_names_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
