/* SPDX-License-Identifier: BSD-2-Clause */
/* pipeline/remember: what of a message is noted, and what not, on a real database in a temporary directory. */
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
#include "util/error.h"

static const char zone[] =
	"good.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"good.example. 300 IN A 192.0.2.1\n"
	"mx.good.example. 300 IN A 192.0.2.1\n"
	"1.2.0.192.in-addr.arpa. 300 IN PTR mx.good.example.\n";

struct world {
	char directory[SCRATCH_BYTES];
	struct engine *engine;
	struct session *session;
};

/* One session of mx.good.example, in cleartext until session_tls(). */
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
	fputs(zone, file);
	fclose(file);
	snprintf(text, sizeof(text), "authserv-id = \"mx.test.example\"\ndns { zone-file = \"%s\" dnssec = off }\n"
	    "record { path = \"%s/assay.db\" }\n%s\n", path, world->directory, settings);
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
	connection->client_name = connection->helo = "mx.good.example";
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

static void session_tls(struct world *world)
{
	session_connection(world->session)->tls = (struct facts_tls){ .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384",
		.bits = 256 };
}

/* A message of good.example, to its end. extra: a further header field, or NULL. @return the decision's action. */
static enum action send_message(struct world *world, const char *extra_name, const char *extra_value, const char **text_r)
{
	struct message *message = message_new(world->session, "<joe@good.example>", NULL);
	const struct outcome *outcome;
	struct decision decision;
	enum action action;

	message_recipient(message, "<ann@test.example>", &decision);
	message_field(message, "From", " Joe <joe@good.example>", 23);
	if (extra_name != NULL)
		message_field(message, extra_name, extra_value, strlen(extra_value));
	message_header_done(message);
	outcome = message_judge(message);
	action = outcome->decision.action;
	if (text_r != NULL)
		*text_r = outcome->decision.text != NULL ? arena_strdup(session_arena(world->session), outcome->decision.text) : NULL;
	message_end(message);
	message_free(&message);
	assert_int_equal(store_flush(engine_store(world->engine)), 0);
	return action;
}

struct seen { unsigned rows; uint64_t messages; char findings[256], results[256], evidence[1024], policy[64], action[32]; };

static void see_row(void *arg, const struct flow_row *row)
{
	struct seen *seen = arg;

	seen->rows++;
	seen->messages += row->messages;
	snprintf(seen->findings, sizeof(seen->findings), ",%s,", row->findings);
	snprintf(seen->results, sizeof(seen->results), "%s", row->results);
	snprintf(seen->evidence, sizeof(seen->evidence), "%s", row->evidence);
	snprintf(seen->policy, sizeof(seen->policy), "%s", row->policy);
	snprintf(seen->action, sizeof(seen->action), "%s", row->action);
}

static struct seen flows(struct world *world)
{
	struct seen seen = { 0 };

	assert_int_equal(store_flush(engine_store(world->engine)), 0);
	assert_int_equal(store_flows_each(engine_store(world->engine), 0, see_row, &seen), 0);
	return seen;
}

static int peer(struct world *world, struct peer_memory *memory_r)
{
	return store_peer_get(engine_store(world->engine), "good.example", memory_r);
}

static void test_remember_message_notes_flow_and_peer(void **state)
{
	struct world *world = world_new("");
	struct peer_memory memory;
	struct seen seen;

	(void)state;
	session_tls(world);
	send_message(world, NULL, NULL, NULL);
	seen = flows(world);
	assert_int_equal(seen.messages, 1);
	assert_non_null(strstr(seen.findings, ",dkim-none,"));
	assert_null(strstr(seen.findings, "tls-none"));
	assert_int_equal(strncmp(seen.results, "spf=pass dkim=none dmarc=none", 29), 0);
	assert_string_equal(seen.policy, "default");
	assert_int_equal(peer(world, &memory), 0);
	assert_int_equal(memory.sessions, 1);
	assert_int_equal(memory.grades[TLS_GRADE_STRONG], 1);
	world_free(world);
}

static void test_remember_message_counts_a_session_once(void **state)
{
	struct world *world = world_new("");
	struct peer_memory memory;

	(void)state;
	for (int i = 0; i < 5; i++)
		send_message(world, NULL, NULL, NULL);
	assert_int_equal(peer(world, &memory), 0);
	assert_int_equal(memory.sessions, 1);
	session_tls(world);	/* the client turned to TLS between two messages */
	for (int i = 0; i < 5; i++)
		send_message(world, NULL, NULL, NULL);
	assert_int_equal(peer(world, &memory), 0);
	assert_int_equal(memory.sessions, 2);
	assert_int_equal(flows(world).messages, 10);
	world_free(world);
}

static void test_remember_message_refused_at_rcpt_counts_once(void **state)
{
	struct world *world = world_new("mode = enforce\ntls { honor-tls-required-no = no }\nfindings { tls-none = reject }");
	struct message *message = message_new(world->session, "<joe@good.example>", NULL);
	struct decision decision;
	struct peer_memory memory;
	struct seen seen;

	(void)state;
	for (int i = 0; i < 3; i++) {
		message_recipient(message, "<ann@test.example>", &decision);
		assert_int_equal(decision.action, ACTION_REJECT);
	}
	message_end(message);
	message_free(&message);
	seen = flows(world);
	assert_int_equal(seen.messages, 1);
	assert_string_equal(seen.action, "reject");
	assert_non_null(strstr(seen.findings, ",tls-none,"));
	assert_non_null(strstr(seen.evidence, "1 s=r f=tls-none+ r=test.example m="));
	assert_int_equal(peer(world, &memory), 0);
	assert_int_equal(memory.grades[TLS_GRADE_NONE], 1);
	world_free(world);
}

static void test_remember_message_partly_refused_counts_once(void **state)
{
	struct world *world = world_new("mode = enforce\nfindings { spf-none = none }\n"
	    "policy \"p\" { recipient-domains = { \"strict.example\" } actions { iprev-fail = reject spf-helo-fail = reject "
	    "spf-none = reject } }\ntls { honor-tls-required-no = no }");
	struct message *message = message_new(world->session, "<joe@nowhere.example>", NULL);
	struct decision decision;
	struct seen seen;

	(void)state;
	message_recipient(message, "<ann@strict.example>", &decision);
	assert_int_equal(decision.action, ACTION_REJECT);
	message_recipient(message, "<ann@test.example>", &decision);
	assert_int_equal(decision.action, ACTION_NONE);
	message_field(message, "From", " Joe <joe@nowhere.example>", 26);
	message_judge(message);
	message_end(message);
	message_free(&message);
	seen = flows(world);
	assert_int_equal(seen.messages, 1);
	assert_string_equal(seen.policy, "default");
	/* another policy might have taken them both */
	assert_non_null(strstr(seen.evidence, " r=strict.example,test.example "));
	world_free(world);
}

/* Two who are refused and two who are not, where three may be: with all of them there would have been one too many. */
static void test_remember_message_tells_who_would_have_been_over_the_cap(void **state)
{
	struct world *world = world_new("mode = enforce\nlimits { max-recipients = 3 }\n"
	    "policy \"p\" { recipient-domains = { \"strict.example\" } actions { tls-none = reject } }\ntls { honor-tls-required-no = no }");
	struct message *message = message_new(world->session, "<joe@nowhere.example>", NULL);
	static const char *const recipients[] = { "<a@strict.example>", "<b@strict.example>", "<a@test.example>", "<b@test.example>" };
	struct decision decision;
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		message_recipient(message, recipients[i], &decision);
	message_field(message, "From", " Joe <joe@nowhere.example>", 26);
	message_judge(message);
	message_end(message);
	message_free(&message);
	seen = flows(world);
	assert_null(strstr(seen.findings, "limit-exceeded"));
	assert_non_null(strstr(seen.evidence, "1 s=m q=c "));
	assert_non_null(strstr(seen.evidence, " r=strict.example,test.example,& "));
	world_free(world);
}

static void test_remember_message_aborted_before_a_verdict_is_no_flow(void **state)
{
	struct world *world = world_new("");
	struct message *message = message_new(world->session, "<joe@good.example>", NULL);
	struct decision decision;

	(void)state;
	message_recipient(message, "<ann@test.example>", &decision);
	message_field(message, "From", " Joe <joe@good.example>", 23);
	message_end(message);
	message_free(&message);
	assert_int_equal(flows(world).messages, 0);
	world_free(world);
}

/* Each message once, whoever says how often that it ended; and only who says so. */
static void test_message_end_notes_once(void **state)
{
	struct world *world = world_new("");
	struct message *message = message_new(world->session, "<joe@good.example>", NULL);
	struct decision decision;

	(void)state;
	message_recipient(message, "<ann@test.example>", &decision);
	message_field(message, "From", " Joe <joe@good.example>", 23);
	message_judge(message);
	assert_int_equal(flows(world).messages, 0);
	message_end(message);
	message_end(message);
	assert_int_equal(flows(world).messages, 1);
	message_free(&message);
	assert_int_equal(flows(world).messages, 1);

	message = message_new(world->session, "<joe@good.example>", NULL);
	message_field(message, "From", " Joe <joe@good.example>", 23);
	message_judge(message);
	message_free(&message);
	assert_int_equal(flows(world).messages, 1);
	world_free(world);
}

static void test_remember_message_exempt_is_not_noted(void **state)
{
	struct world *world = world_new("trusted-networks = { \"192.0.2.0/24\" }");
	struct peer_memory memory;

	(void)state;
	send_message(world, NULL, NULL, NULL);
	assert_int_equal(flows(world).messages, 0);
	assert_int_equal(peer(world, &memory), -E_ABSENT);
	world_free(world);
}

static void test_remember_message_exempt_with_cleartext_password_is_noted(void **state)
{
	struct world *world = world_new("");
	struct peer_memory memory;
	struct seen seen;

	(void)state;
	session_connection(world->session)->auth = (struct facts_auth){ .mechanism = "PLAIN", .user = "joe" };
	send_message(world, NULL, NULL, NULL);
	seen = flows(world);
	assert_int_equal(seen.messages, 1);
	/* what is not weighed of an exempt message must not be replayed either */
	assert_string_equal(seen.findings, ",auth-plaintext-mechanism,auth-cleartext,");
	assert_non_null(strstr(seen.evidence, " q=ax f=auth-plaintext-mechanism+,auth-cleartext+ r=test.example "));
	assert_int_equal(peer(world, &memory), -E_ABSENT);
	world_free(world);
}

static void test_remember_message_notes_what_a_replay_needs(void **state)
{
	struct world *world = world_new("");
	struct seen seen;

	(void)state;
	session_tls(world);
	session_connection(world->session)->tls.cert_subject = "mx.good.example";
	session_connection(world->session)->tls.cert_issuer = "Test CA";
	send_message(world, "TLS-Required", " No", NULL);
	seen = flows(world);
	/* the zone is not signed: nothing is secure */
	assert_string_equal(seen.evidence, "1 s=m q=n f=dkim-none,dmarc-none r=test.example a=good.example:none m=good.example "
	    "p=good.example:pass c=verified:client-name:mx.good.example:test%20ca: h=good.example/ n=192.0.2.0/24 e=l");
	world_free(world);
}

static void test_remember_greylist_waits_and_says_how_long(void **state)
{
	/* SPF passes for the envelope domain only; nobody has a DMARC record */
	struct world *world = world_new("mode = enforce\nfindings { dkim-none = greylist }\ngreylist { delay = 7m }\n"
	    "dmarc { enabled = no }");
	const char *text;

	(void)state;
	assert_int_equal(send_message(world, NULL, NULL, &text), ACTION_GREYLIST);
	assert_non_null(strstr(text, "; greylisted, try again in 420 seconds"));
	session_tls(world);
	assert_int_equal(send_message(world, NULL, NULL, &text), ACTION_NONE);
	assert_null(text);
	world_free(world);
}

/* Networks, and domains that SPF or the client's confirmed name proves: an exempt one waits for nothing. */
static void test_remember_greylist_exempts_who_is_named(void **state)
{
	static const struct { const char *exempt; enum action action; } rows[] = {
		{ "", ACTION_GREYLIST },
		{ "exempt-networks = 192.0.2.0/30", ACTION_NONE }, { "exempt-networks = { 198.51.100.0/24, 192.0.2.1 }", ACTION_NONE },
		{ "exempt-networks = 192.0.2.2/31", ACTION_GREYLIST },
		{ "exempt-domains = good.example", ACTION_NONE }, { "exempt-domains = mx.good.example", ACTION_NONE },
		{ "exempt-domains = other.example", ACTION_GREYLIST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char settings[200];
		struct world *world;

		snprintf(settings, sizeof(settings), "mode = enforce\nfindings { dkim-none = greylist }\ndmarc { enabled = no }\ngreylist { %s }\n", rows[i].exempt);
		world = world_new(settings);
		if (send_message(world, NULL, NULL, NULL) != rows[i].action)
			fail_msg("%s", rows[i].exempt);
		world_free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remember_message_notes_flow_and_peer),
		cmocka_unit_test(test_remember_message_counts_a_session_once),
		cmocka_unit_test(test_remember_message_refused_at_rcpt_counts_once),
		cmocka_unit_test(test_remember_message_partly_refused_counts_once),
		cmocka_unit_test(test_remember_message_tells_who_would_have_been_over_the_cap),
		cmocka_unit_test(test_remember_message_aborted_before_a_verdict_is_no_flow),
		cmocka_unit_test(test_message_end_notes_once),
		cmocka_unit_test(test_remember_message_exempt_is_not_noted),
		cmocka_unit_test(test_remember_message_exempt_with_cleartext_password_is_noted),
		cmocka_unit_test(test_remember_message_notes_what_a_replay_needs),
		cmocka_unit_test(test_remember_greylist_waits_and_says_how_long),
		cmocka_unit_test(test_remember_greylist_exempts_who_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
