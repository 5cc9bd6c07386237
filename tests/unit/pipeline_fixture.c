/* SPDX-License-Identifier: BSD-2-Clause */
/* See pipeline_fixture.h. */
#include "pipeline_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static const char zone_text[] =
	"good.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"good.example. 300 IN A 192.0.2.1\n"
	"mx.good.example. 300 IN A 192.0.2.1\n"
	"1.2.0.192.in-addr.arpa. 300 IN PTR mx.good.example.\n"
	"_dmarc.good.example. 300 IN TXT \"v=DMARC1; p=reject\"\n";

const struct config *world_load(struct world *world, const char *settings)
{
	char dns[128] = "", text[4096];
	const struct config *config;

	if (strstr(settings, "dns {") == NULL)
		snprintf(dns, sizeof(dns), "dns { zone-file = \"%s\" dnssec = off }", world->zone_path);
	snprintf(text, sizeof(text), "%strusted-networks = { \"198.51.100.0/24\" }\n%s\n%s\n",
	    strstr(settings, "authserv-id") == NULL ? "authserv-id = \"mx.test.example\"\n" : "", dns, settings);
	text_file(world->config_path, text);
	config = config_load(world->config_path, stderr);
	unlink(world->config_path);
	assert_non_null(config);
	return config;
}

struct engine *world_engine(struct world *world, const char *settings, struct engine *previous)
{
	const struct config *config = world_load(world, settings);
	char why[256] = "";
	struct engine *engine = engine_new(config, previous, why, sizeof(why));

	if (engine == NULL)
		fail_msg("no engine: %s", why);
	config_unref(&config);
	return engine;
}

struct world *world_new(const char *settings, const char *client)
{
	struct world *world = calloc(1, sizeof(*world));
	struct facts_connection *connection;

	assert_non_null(world);
	text_file(world->zone_path, zone_text);
	world->engine = world_engine(world, settings, NULL);
	world->session = session_new(world->engine);
	connection = session_connection(world->session);
	assert_int_equal(addr_parse(client, &connection->client), 0);
	connection->client_name = "mx.good.example";
	connection->helo = "mx.good.example";
	connection->mta_hostname = "mta.test.example";
	return world;
}

void world_free(struct world *world)
{
	session_free(&world->session);
	engine_unref(&world->engine);
	unlink(world->zone_path);
	free(world);
}

void put_field(struct message *message, const char *name, const char *value)
{
	message_field(message, name, value, strlen(value));
}

struct message *begin_message(struct world *world, const char *sender)
{
	return message_new(world->session, sender, NULL);
}

const struct outcome *finish_message(struct message *message)
{
	put_field(message, "From", " Joe <joe@good.example>");
	put_field(message, "Subject", " x");
	if (message_header_done(message))
		message_body(message, "Hello\r\n", 7);
	return message_judge(message);
}

bool message_raised(const struct message *message, enum finding_id id)
{
	return finding_set_has(&message_results(message)->set, id);
}

const char *topmost_inserted(const struct outcome *outcome, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < outcome->edits.count; i++) {
		if (outcome->edits.items[i].kind == EDIT_INSERT && strcmp(outcome->edits.items[i].name, name) == 0)
			value = outcome->edits.items[i].value;
	}
	return value;
}
