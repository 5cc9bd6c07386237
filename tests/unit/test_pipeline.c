/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole messages through the pipeline over a zone file: policies per recipient, dry-run, exempt, caps, abort, reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/pipeline.h"
#include "text_fixture.h"

static const char zone_text[] =
	"good.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"good.example. 300 IN A 192.0.2.1\n"
	"mx.good.example. 300 IN A 192.0.2.1\n"
	"1.2.0.192.in-addr.arpa. 300 IN PTR mx.good.example.\n"
	"_dmarc.good.example. 300 IN TXT \"v=DMARC1; p=reject\"\n";

struct world {
	char zone_path[FIXTURE_PATH_BYTES], config_path[FIXTURE_PATH_BYTES];
	struct engine *engine;
	struct session *session;
};

static const struct config *load(struct world *world, const char *settings)
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

static struct engine *make_engine(struct world *world, const char *settings, struct engine *previous)
{
	const struct config *config = load(world, settings);
	char why[256] = "";
	struct engine *engine = engine_new(config, previous, why, sizeof(why));

	if (engine == NULL)
		fail_msg("no engine: %s", why);
	config_unref(&config);
	return engine;
}

/* A world with one session from client. */
static struct world *world_new(const char *settings, const char *client)
{
	struct world *world = calloc(1, sizeof(*world));
	struct facts_connection *connection;

	assert_non_null(world);
	text_file(world->zone_path, zone_text);
	world->engine = make_engine(world, settings, NULL);
	world->session = session_new(world->engine);
	connection = session_connection(world->session);
	assert_int_equal(addr_parse(client, &connection->client), 0);
	connection->client_name = "mx.good.example";
	connection->helo = "mx.good.example";
	connection->mta_hostname = "mta.test.example";
	return world;
}

static void world_free(struct world *world)
{
	session_free(&world->session);
	engine_unref(&world->engine);
	unlink(world->zone_path);
	free(world);
}

static void field(struct message *message, const char *name, const char *value)
{
	message_field(message, name, value, strlen(value));
}

static struct message *begin(struct world *world, const char *sender)
{
	return message_new(world->session, sender, NULL);
}

/* Header and body of a plain message of good.example. */
static const struct outcome *finish(struct message *message)
{
	field(message, "From", " Joe <joe@good.example>");
	field(message, "Subject", " x");
	if (message_header_done(message))
		message_body(message, "Hello\r\n", 7);
	return message_judge(message);
}

static bool raised(const struct message *message, enum finding_id id)
{
	return finding_set_has(&message_results(message)->set, id);
}

/* The topmost field of the name: the one inserted last. */
static const char *inserted(const struct outcome *outcome, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < outcome->edits.count; i++) {
		if (outcome->edits.items[i].kind == EDIT_INSERT && strcmp(outcome->edits.items[i].name, name) == 0)
			value = outcome->edits.items[i].value;
	}
	return value;
}

static const char *unfolded(struct message *message, const char *value)
{
	char *text = arena_strdup(message_arena(message), value), *to = text;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c != '\n')
			*to++ = *c == '\t' ? ' ' : *c;
	}
	*to = '\0';
	return text;
}

static void test_message_judge_clean_message_passes(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	struct message *message = begin(world, "<joe@good.example>");
	const struct outcome *outcome = finish(message);
	const struct results *results = message_results(message);

	(void)state;
	assert_int_equal(results->spf.result, RESULT_PASS);
	assert_string_equal(results->spf.domain, "good.example");
	assert_int_equal(results->dmarc.result, RESULT_PASS);
	assert_int_equal(results->iprev.result, RESULT_PASS);
	assert_int_equal(outcome->decision.action, ACTION_NONE);
	assert_int_equal(outcome->decision.code, 250);
	assert_non_null(strstr(inserted(outcome, "Authentication-Results"), "mx.test.example"));
	assert_ptr_equal(message_judge(message), outcome);
	message_free(&message);
	assert_null(message);
	world_free(world);
}

static const struct decision *decision_of(struct message *message)
{
	return &finish(message)->decision;
}

static void test_message_judge_dry_run_decides_as_enforce(void **state)
{
	static const char *const settings[] = {
		"mode = dry-run\nfindings { dmarc-reject-corroborated = reject }",
		"mode = enforce\nfindings { dmarc-reject-corroborated = reject }",
	};

	(void)state;
	for (int enforce = 0; enforce < 2; enforce++) {
		struct world *world = world_new(settings[enforce], "203.0.113.9");
		struct message *message = begin(world, "<joe@good.example>");
		const struct decision *decision = decision_of(message);

		assert_int_equal(decision->action, ACTION_REJECT);
		assert_int_equal(decision->finding, FINDING_DMARC_REJECT_CORROBORATED);
		assert_int_equal(decision->code, 550);
		assert_string_equal(decision->enhanced, "5.7.26");
		assert_int_equal(decision->enforced, enforce);
		assert_int_equal(decision_refuses(decision), enforce);
		message_free(&message);
		world_free(world);
	}
}

#define TWO_POLICIES                                                                                       \
	"policy \"strict\" {\n recipient-domains = { \"strict.example\" }\n mode = enforce\n"               \
	" actions { spf-fail = reject }\n}\n"                                                               \
	"policy \"soft\" {\n recipient-domains = { \"soft.example\" }\n actions { spf-fail = tag }\n}\n"

static void test_message_recipient_each_has_its_own_policy(void **state)
{
	struct world *world = world_new(TWO_POLICIES, "203.0.113.9");
	struct message *message = begin(world, "<joe@good.example>");
	struct decision decision;

	(void)state;
	assert_true(message_acts_at_rcpt(message));
	message_recipient(message, "<a@strict.example>", &decision);
	assert_true(decision_refuses(&decision));
	assert_string_equal(decision.enhanced, "5.7.23");
	assert_string_equal(decision.policy, "strict");
	message_recipient(message, "<b@soft.example>", &decision);
	assert_false(decision_refuses(&decision));
	/* The refused one does not count any more, at the end either. */
	assert_int_equal(message_facts(message)->recipient_count, 1);
	assert_string_equal(message_facts(message)->recipients[0], "b@soft.example");
	assert_false(decision_refuses(decision_of(message)));
	message_free(&message);
	world_free(world);
}

static void test_message_judge_strictest_of_several_recipients(void **state)
{
	/* Not refused at RCPT (kept), so both are weighed at the end: enforced reject beats tag, whatever the order. */
	static const char *const order[2][2] = { { "a@strict.example", "b@soft.example" }, { "b@soft.example", "a@strict.example" } };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *world = world_new(TWO_POLICIES, "203.0.113.9");
		struct message *message = begin(world, "<joe@good.example>");
		const struct decision *decision;

		message_recipient_keep(message, order[i][0]);
		message_recipient_keep(message, order[i][1]);
		decision = decision_of(message);
		assert_int_equal(decision->action, ACTION_REJECT);
		assert_string_equal(decision->policy, "strict");
		assert_true(decision->enforced);
		message_free(&message);
		world_free(world);
	}
}

static void test_message_new_trusted_network_is_exempt(void **state)
{
	struct world *world = world_new("mode = enforce\nfindings { spf-fail = reject dkim-none = reject }", "198.51.100.7");
	struct message *message = begin(world, "<joe@good.example>");
	struct decision decision;
	const struct outcome *outcome;

	(void)state;
	assert_false(message_acts_at_rcpt(message));
	message_recipient(message, "<a@test.example>", &decision);
	assert_false(decision_refuses(&decision));
	outcome = finish(message);
	assert_string_equal(message_results(message)->exempt_reason, "trusted-network");
	assert_int_equal(message_results(message)->spf.result, RESULT_UNCHECKED);
	assert_int_equal(message_results(message)->dmarc.result, RESULT_UNCHECKED);
	assert_false(message_results(message)->dkim_checked);
	assert_int_equal(outcome->decision.action, ACTION_NONE);
	assert_non_null(inserted(outcome, "Authentication-Results"));
	message_free(&message);
	world_free(world);
}

static void test_message_new_authenticated_is_exempt_unless_configured(void **state)
{
	(void)state;
	for (int exempt = 0; exempt < 2; exempt++) {
		struct world *world = world_new(exempt ? "" : "exempt-authenticated = no", "203.0.113.9");
		struct message *message;
		const struct outcome *outcome;

		session_connection(world->session)->auth.mechanism = "PLAIN";
		session_connection(world->session)->auth.user = "joe";
		message = begin(world, "<joe@good.example>");
		outcome = finish(message);
		assert_int_equal(message_results(message)->exempt, exempt);
		assert_int_equal(message_results(message)->spf.result, exempt ? RESULT_UNCHECKED : RESULT_FAIL);
		assert_non_null(strstr(inserted(outcome, "Authentication-Results"), "auth=pass"));
		message_free(&message);
		world_free(world);
	}
}

static void test_message_new_local_submission_is_exempt(void **state)
{
	struct world *world = world_new("", "127.0.0.1");
	struct message *message;

	(void)state;
	session_connection(world->session)->local_submission = true;
	message = begin(world, "<>");
	finish(message);
	assert_string_equal(message_results(message)->exempt_reason, "local-submission");
	message_free(&message);
	world_free(world);
}

static void test_message_field_over_the_cap_is_counted_not_kept(void **state)
{
	struct world *world = world_new("limits { max-header-fields = 100 }", "192.0.2.1");
	struct message *message = begin(world, "<joe@good.example>");

	(void)state;
	for (int i = 0; i < 150; i++)
		field(message, "X-Many", " y");
	assert_int_equal(message_facts(message)->field_count, 100);
	assert_int_equal(message_facts(message)->fields[99].occurrence, 100);
	assert_true(message_facts(message)->fields_truncated);
	assert_int_equal(message_facts(message)->header_bytes, 150 * strlen("X-Many: y\r\n"));
	/* From behind the cap is still an author. */
	finish(message);
	assert_int_equal(message_author(message)->domain_count, 1);
	assert_true(raised(message, FINDING_LIMIT_EXCEEDED));
	message_free(&message);
	world_free(world);
}

/* Each kind of field that is judged has room of its own, which the others cannot fill. */
static void test_message_field_from_behind_all_other_caps_is_judged(void **state)
{
	static const char *const fillers[] = { "X-Many", "Authentication-Results", "Received", "DKIM-Signature" };
	static const char *const names[] = { "From", "FROM", "From ", "From\t" };

	(void)state;
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		struct world *world = world_new("limits { max-header-fields = 100 }", "192.0.2.1");
		struct message *message = begin(world, "<joe@good.example>");

		for (size_t f = 0; f < sizeof(fillers) / sizeof(fillers[0]); f++)
			for (int i = 0; i < 250; i++)
				field(message, fillers[f], " y");
		field(message, names[n], " a@victim.example");
		assert_false(message_facts(message)->from_unkept);
		assert_true(message_facts(message)->judged_unkept);
		finish(message);
		assert_string_equal(message_author(message)->domains[0], "victim.example");
		assert_int_equal(message_results(message)->dmarc_author_count, 2);
		assert_string_equal(message_results(message)->dmarc_authors[0].domain, "victim.example");
		assert_true(raised(message, FINDING_LIMIT_EXCEEDED));
		message_free(&message);
		world_free(world);
	}
}

/* More From fields than are kept: whose they are is not known, so that the strictest counts. */
static void test_message_field_unkept_from_is_the_strictest(void **state)
{
	struct world *world = world_new("mode = enforce limits { max-header-fields = 100 }", "192.0.2.1");
	struct message *message = begin(world, "<joe@good.example>");
	const struct outcome *outcome;

	(void)state;
	for (int i = 0; i < 200; i++)
		field(message, "From", " joe@good.example");
	assert_false(message_facts(message)->from_unkept);
	field(message, "From", " a@victim.example");
	assert_true(message_facts(message)->from_unkept);
	outcome = finish(message);
	assert_true(raised(message, FINDING_FROM_INVALID));
	assert_true(raised(message, FINDING_DMARC_REJECT_CORROBORATED));
	assert_int_equal(outcome->decision.action, ACTION_REJECT);
	message_free(&message);
	world_free(world);
}

/* A forger with more fields than are kept twice over: what nobody has read goes, each by its own number. */
static void test_message_field_authres_behind_all_caps_is_deleted(void **state)
{
	struct world *world = world_new("limits { max-header-fields = 100 max-edits = 150 }", "192.0.2.1");
	struct message *message = begin(world, "<joe@good.example>");
	const struct outcome *outcome;
	unsigned deletes = 0, last = UINT32_MAX;

	(void)state;
	for (int i = 0; i < 350; i++)
		field(message, "Authentication-Results", " other.example; none");
	outcome = finish(message);
	for (size_t i = 0; i < outcome->edits.count; i++) {
		if (outcome->edits.items[i].kind != EDIT_DELETE)
			continue;
		assert_string_equal(outcome->edits.items[i].name, "Authentication-Results");
		assert_true(outcome->edits.items[i].index < last);
		last = outcome->edits.items[i].index;
		deletes++;
	}
	assert_int_equal(deletes, 150);	/* 100 kept as any field, 100 kept over the cap: these are others' and stay */
	assert_int_equal(last, 201);
	message_free(&message);
	world_free(world);
}

/* Deletes are capped: what a forger has over that is a finding of its own, which refuses. */
static void test_message_judge_forged_over_max_edits(void **state)
{
	struct world *world = world_new("mode = enforce\nlimits { max-edits = 10 }", "192.0.2.1");

	(void)state;
	for (int over = 0; over <= 1; over++) {
		struct message *message = begin(world, "<joe@good.example>");
		const struct outcome *outcome;

		for (int i = 0; i < 10 + over; i++)
			field(message, "Authentication-Results", " mx.test.example; spf=pass");
		outcome = finish(message);
		assert_true(raised(message, FINDING_AUTHRES_FORGED));
		assert_int_equal(raised(message, FINDING_AUTHRES_TOO_MANY), over);
		assert_int_equal(outcome->decision.action, over ? ACTION_REJECT : ACTION_NONE);
		assert_int_equal(outcome->edits.left, over);
		assert_int_equal(outcome->edits.items[0].index, 10);
		assert_int_equal(outcome->edits.items[9].index, 1);
		assert_int_equal(strstr(outcome->log_line, " authres_left=1 ") != NULL, over);
		message_free(&message);
	}
	world_free(world);
}

/* Nobody judges an exempt message, but its fields cost as much: the same cap, told in header and log. */
static void test_message_judge_forged_over_max_edits_exempt(void **state)
{
	struct world *world = world_new("mode = enforce\nlimits { max-edits = 10 }", "198.51.100.1");
	struct message *message = begin(world, "<joe@good.example>");
	const struct outcome *outcome;

	(void)state;
	for (int i = 0; i < 25; i++)
		field(message, "Authentication-Results", " mx.test.example; spf=pass");
	outcome = finish(message);
	assert_int_equal(outcome->decision.action, ACTION_NONE);
	assert_int_equal(outcome->edits.items[0].index, 10);
	assert_int_equal(outcome->edits.items[9].index, 1);
	assert_int_equal(outcome->edits.items[10].kind, EDIT_INSERT);
	assert_non_null(strstr(unfolded(message, inserted(outcome, "Authentication-Results")), "; 15 forged fields below were not removed)"));
	assert_non_null(strstr(outcome->log_line, " authres_left=15 "));
	message_free(&message);
	world_free(world);
}

/* One field behind so many lines costs the MTA as much as many fields on top; a long line is several. */
static void test_message_judge_forged_behind_many_lines(void **state)
{
	enum { FOLDS = 19900 };
	static char folded[FOLDS * 3 + 1];
	struct world *world = world_new("mode = enforce\nlimits { max-edits = 10 }", "192.0.2.1");

	(void)state;
	for (char *at = folded; at < folded + FOLDS * 3; at += 3)
		memcpy(at, "\n y", 3);
	for (int over = 0; over <= 1; over++) {
		struct message *message = begin(world, "<joe@good.example>");

		/* 10 * 2,000 lines may be passed: 1 + 19,900 with 59,700 bytes (29 times 2,048), 69 more, and its own */
		field(message, "X-Folded", folded);
		for (int i = 0; i < 69 + over; i++)
			field(message, "X-Many", " y");
		field(message, "Authentication-Results", " mx.test.example; spf=pass");
		(void)finish(message);
		assert_int_equal(raised(message, FINDING_AUTHRES_TOO_MANY), over);
		message_free(&message);
	}
	world_free(world);
}

static void test_message_field_forged_behind_the_cap_is_deleted(void **state)
{
	struct world *world = world_new("limits { max-header-fields = 100 }", "192.0.2.1");
	struct message *message = begin(world, "<joe@good.example>");
	const struct outcome *outcome;

	(void)state;
	for (int i = 0; i < 150; i++)
		field(message, "X-Many", " y");
	field(message, "Authentication-Results", " mx.test.example; spf=pass");
	outcome = finish(message);
	assert_true(raised(message, FINDING_AUTHRES_FORGED));
	assert_int_equal(outcome->edits.items[0].kind, EDIT_DELETE);
	assert_int_equal(outcome->edits.items[0].index, 1);
	message_free(&message);
	world_free(world);
}

static void test_message_field_malformed_forms(void **state)
{
	static const struct { const char *name, *value; size_t length; bool malformed; } cases[] = {
		{ "X", " plain\n\tfolded", 14, false },
		{ "X", " a\0b", 4, true },
		{ "X", " a\rb", 4, true },
		{ "X Y", " z", 2, true },
		{ "X\xc3\xa9", " z", 2, true },
		{ "", " z", 2, true },
		{ "X", " \xff\xfe", 3, false },	/* 8-bit values are legal with SMTPUTF8 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *world = world_new("", "192.0.2.1");
		struct message *message = begin(world, "<>");

		message_field(message, cases[i].name, cases[i].value, cases[i].length);
		assert_int_equal(message_facts(message)->malformed, cases[i].malformed);
		assert_int_equal(message_facts(message)->field_count, 1);
		assert_int_equal(strlen(message_facts(message)->fields[0].value), cases[i].length);
		message_free(&message);
		world_free(world);
	}
}

static void test_message_field_line_length_limit_is_998(void **state)
{
	char value[1200];

	(void)state;
	for (size_t total = 997; total <= 999; total++) {	/* "X:" and the value */
		struct world *world = world_new("", "192.0.2.1");
		struct message *message = begin(world, "<>");

		memset(value, 'v', sizeof(value));
		message_field(message, "X", value, total - 2);
		assert_int_equal(message_facts(message)->malformed, total > 998);
		message_free(&message);
		world_free(world);
	}
}

/* One body line of that many bytes, cut into two chunks at every place that matters. */
static bool body_line_malformed(struct world *world, size_t line_bytes, size_t cut)
{
	char line[1100];
	struct message *message = begin(world, "<>");
	bool malformed;

	memset(line, 'b', line_bytes);
	memcpy(line + line_bytes, "\r\n", 2);
	field(message, "From", " a@good.example");
	assert_true(message_header_done(message));
	message_body(message, line, cut);
	message_body(message, line + cut, line_bytes + 2 - cut);
	message_body(message, "next\r\n", 6);
	assert_int_equal(message_facts(message)->body_lines, 2);
	assert_int_equal(message_facts(message)->body_bytes, line_bytes + 8);
	malformed = message_facts(message)->malformed;
	message_free(&message);
	return malformed;
}

static void test_message_body_line_length_over_chunk_borders(void **state)
{
	struct world *world = world_new("findings { message-malformed = tag }", "192.0.2.1");
	static const size_t cuts[] = { 0, 1, 500, 998, 999, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		assert_false(body_line_malformed(world, 998, cuts[i]));
		assert_true(body_line_malformed(world, 999, cuts[i]));
	}
	world_free(world);
}

static void test_message_header_done_wants_no_body_without_signature(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	struct message *message = begin(world, "<joe@good.example>");

	(void)state;
	field(message, "From", " joe@good.example");
	assert_false(message_header_done(message));
	assert_int_equal(message_judge(message)->decision.code, 250);
	message_free(&message);
	world_free(world);
}

static uint64_t lookups(struct world *world)
{
	struct dns_statistics statistics;

	dns_resolver_statistics(engine_resolver(world->engine), &statistics);
	return statistics.lookups;
}

static void test_message_header_done_begins_lookups_for_a_slow_client(void **state)
{
	/* The deadline is for waiting: what a client that pauses for longer sends is looked up ahead all the same. */
	struct world *world = world_new("limits { dns-deadline = 100ms }\nfindings { spf-fail = reject }\nmode = enforce",
	    "203.0.113.9");
	struct message *message = begin(world, "<joe@good.example>");
	struct decision decision;
	uint64_t before;

	(void)state;
	usleep(150000);
	message_recipient(message, "<a@test.example>", &decision);
	assert_int_equal(decision.finding, FINDING_SPF_FAIL);
	usleep(150000);
	before = lookups(world);
	field(message, "From", " joe@good.example");
	message_header_done(message);
	assert_true(lookups(world) > before);
	message_free(&message);
	world_free(world);
}

static void test_message_recipient_cap(void **state)
{
	struct world *world = world_new("limits { max-recipients = 10 }", "192.0.2.1");
	struct message *message = begin(world, "<joe@good.example>");
	struct decision decision;
	char address[64];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(address, sizeof(address), "<u%d@test.example>", i);
		message_recipient(message, address, &decision);
		assert_false(decision_refuses(&decision));
	}
	assert_int_equal(message_facts(message)->recipient_count, 10);
	assert_string_equal(message_facts(message)->recipients[9], "u9@test.example");
	finish(message);
	assert_true(raised(message, FINDING_LIMIT_EXCEEDED));
	message_free(&message);
	world_free(world);
}

/* DNSSEC has nothing to say about what message and session show themselves: none of it is "insecure" in a record. */
static void test_message_judge_findings_without_dns_are_not_insecure(void **state)
{
	struct world *world = world_new("limits { max-recipients = 10 }", "203.0.113.9");
	struct message *message = begin(world, "joe@good.example");
	const struct results *results;

	(void)state;
	for (int i = 0; i < 11; i++)
		message_recipient_keep(message, "ann@test.example");
	field(message, "Authentication-Results", " mx.test.example; spf=pass");
	field(message, "From", " broken <<joe@good.example>");
	finish(message);
	results = message_results(message);
	assert_true(raised(message, FINDING_LIMIT_EXCEEDED));
	assert_true(raised(message, FINDING_AUTHRES_FORGED));
	assert_true(raised(message, FINDING_FROM_INVALID));
	assert_true(raised(message, FINDING_TLS_NONE));
	for (size_t i = 0; i < results->finding_count; i++) {
		if (!finding_is(results->findings[i].id, TRAIT_DNS))
			assert_int_equal(results->findings[i].dnssec, DNS_SECURE);
	}
	message_free(&message);
	world_free(world);
}

static void test_message_new_sender_forms(void **state)
{
	static const struct { const char *given, *address, *domain; } cases[] = {
		{ "<joe@Good.Example>", "joe@Good.Example", "good.example" },
		{ "joe@good.example", "joe@good.example", "good.example" },
		{ "<>", "", NULL },
		{ "", "", NULL },
		{ "<joe>", "joe", NULL },
		{ "<joe@>", "joe@", NULL },
		{ "<\"a@b\"@good.example>", "\"a@b\"@good.example", "good.example" },
	};
	struct world *world = world_new("", "192.0.2.1");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message *message = begin(world, cases[i].given);

		assert_string_equal(message_facts(message)->mail_from, cases[i].address);
		if (cases[i].domain == NULL)
			assert_null(message_facts(message)->mail_from_domain);
		else
			assert_string_equal(message_facts(message)->mail_from_domain, cases[i].domain);
		message_free(&message);
	}
	world_free(world);
}

static void test_message_free_at_every_stage(void **state)
{
	struct world *world = world_new("", "192.0.2.1");

	(void)state;
	for (int stage = 0; stage < 5; stage++) {
		struct message *message = begin(world, "<joe@good.example>");
		struct decision decision;

		if (stage > 0)
			message_recipient(message, "<a@test.example>", &decision);
		if (stage > 1) {
			field(message, "From", " joe@good.example");
			field(message, "DKIM-Signature", " v=1; a=rsa-sha256; d=good.example; s=x; h=from;\n"
			    "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA");
		}
		if (stage > 2)
			assert_true(message_header_done(message));
		if (stage > 3)
			message_body(message, "half", 4);
		message_free(&message);
		assert_null(message);
	}
	world_free(world);
}

static void test_message_judge_envelope_judges_no_message_findings(void **state)
{
	struct world *world = world_new("findings { spf-fail = reject from-missing = reject }", "203.0.113.9");
	struct message *message = begin(world, "<joe@good.example>");
	const struct outcome *outcome = message_judge_envelope(message);

	(void)state;
	assert_int_equal(message_results(message)->spf.result, RESULT_FAIL);
	assert_int_equal(message_results(message)->dmarc.result, RESULT_UNCHECKED);
	assert_false(raised(message, FINDING_FROM_MISSING));
	assert_int_equal(outcome->decision.finding, FINDING_SPF_FAIL);
	message_free(&message);
	world_free(world);
}

static void test_authserv_id_falls_back_to_the_mta_name(void **state)
{
	struct world *world = world_new("", "192.0.2.1");
	const struct config *config = load(world, "authserv-id = \"\"");
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
	assert_non_null(strstr(inserted(finish(message), "Authentication-Results"), "mta.test.example"));
	message_free(&message);
	session_free(&session);
	engine_unref(&engine);
	config_unref(&config);
	world_free(world);
}

static void test_engine_new_reload_leaves_running_sessions_their_config(void **state)
{
	struct world *world = world_new("mode = dry-run", "192.0.2.1");
	struct engine *next = make_engine(world, "mode = enforce", world->engine);
	struct message *message = begin(world, "<joe@good.example>");

	(void)state;
	engine_unref(&world->engine);	/* the session holds the last reference */
	assert_int_equal(session_config(world->session)->mode, MODE_DRY_RUN);
	assert_int_equal(engine_config(next)->mode, MODE_ENFORCE);
	assert_int_equal(finish(message)->decision.code, 250);
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
	first = make_engine(world, settings, NULL);
	same = make_engine(world, settings, first);
	assert_ptr_equal(engine_resolver(first), engine_resolver(same));
	limited = make_engine(world, capped, same);
	assert_ptr_not_equal(engine_resolver(limited), engine_resolver(same));
	usleep(20000);	/* the file's time must move */
	file = fopen(anchor, "w");
	assert_non_null(file);
	fputs(ds, file);
	fclose(file);
	touched = make_engine(world, settings, same);
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
	struct engine *first = make_engine(world, network, NULL);
	struct engine *same = make_engine(world, network, first);
	struct engine *different = make_engine(world, other, same);

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
	const struct config *config = load(world, "dns { zone-file = \"/nonexistent/zone\" dnssec = off }");
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
		cmocka_unit_test(test_message_judge_clean_message_passes),
		cmocka_unit_test(test_message_judge_dry_run_decides_as_enforce),
		cmocka_unit_test(test_message_recipient_each_has_its_own_policy),
		cmocka_unit_test(test_message_judge_strictest_of_several_recipients),
		cmocka_unit_test(test_message_new_trusted_network_is_exempt),
		cmocka_unit_test(test_message_new_authenticated_is_exempt_unless_configured),
		cmocka_unit_test(test_message_new_local_submission_is_exempt),
		cmocka_unit_test(test_message_field_over_the_cap_is_counted_not_kept),
		cmocka_unit_test(test_message_field_from_behind_all_other_caps_is_judged),
		cmocka_unit_test(test_message_field_unkept_from_is_the_strictest),
		cmocka_unit_test(test_message_field_authres_behind_all_caps_is_deleted),
		cmocka_unit_test(test_message_judge_forged_over_max_edits),
		cmocka_unit_test(test_message_judge_forged_over_max_edits_exempt),
		cmocka_unit_test(test_message_judge_forged_behind_many_lines),
		cmocka_unit_test(test_message_field_forged_behind_the_cap_is_deleted),
		cmocka_unit_test(test_message_field_malformed_forms),
		cmocka_unit_test(test_message_field_line_length_limit_is_998),
		cmocka_unit_test(test_message_body_line_length_over_chunk_borders),
		cmocka_unit_test(test_message_header_done_wants_no_body_without_signature),
		cmocka_unit_test(test_message_header_done_begins_lookups_for_a_slow_client),
		cmocka_unit_test(test_message_recipient_cap),
		cmocka_unit_test(test_message_judge_findings_without_dns_are_not_insecure),
		cmocka_unit_test(test_message_new_sender_forms),
		cmocka_unit_test(test_message_free_at_every_stage),
		cmocka_unit_test(test_message_judge_envelope_judges_no_message_findings),
		cmocka_unit_test(test_authserv_id_falls_back_to_the_mta_name),
		cmocka_unit_test(test_engine_new_reload_leaves_running_sessions_their_config),
		cmocka_unit_test(test_engine_new_changed_anchor_or_cap_makes_a_resolver),
		cmocka_unit_test(test_engine_new_same_dns_settings_share_the_resolver),
		cmocka_unit_test(test_engine_new_unreadable_zone_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
