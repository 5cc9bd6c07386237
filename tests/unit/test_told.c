/* SPDX-License-Identifier: BSD-2-Clause */
/* A check with a result of its own is told in Authentication-Results and in the log: a new one cannot be forgotten there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "action/action.h"
#include "check/check.h"

/* Each check's result, as if it had passed. */
static void fill(struct results *results, struct facts_connection *connection, struct dkim_result *dkim)
{
	addr_parse("192.0.2.1", &connection->client);
	connection->auth = (struct facts_auth){ .mechanism = "SCRAM-SHA-256", .user = "joe" };
	*dkim = (struct dkim_result){ .result = RESULT_PASS, .domain = "example.org" };
	*results = (struct results){
		.spf = { .result = RESULT_PASS, .domain = "example.org" }, .dkim_checked = true, .dkim = dkim, .dkim_count = 1,
		.arc = { .result = RESULT_PASS, .sealer = "lists.example" },
		.dmarc = { .result = RESULT_PASS, .domain = "example.org" }, .adsp = { .result = RESULT_PASS, .domain = "example.org" },
		.iprev = { .result = RESULT_PASS, .name = "mx.example.org" },
		.tls = { .checked = true, .version = "TLSv1.3", .grade = TLS_GRADE_STRONG },
	};
}

/* "spf=pass" in a text of words, behind whatever prefix the method has ("x-", "dkim-"). */
static bool tells(const char *text, const char *name)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "%s=", name);
	for (const char *at = strstr(text, wanted); at != NULL; at = strstr(at + 1, wanted)) {
		if (at == text || strchr(" \t-", at[-1]) != NULL)
			return true;
	}
	return false;
}

static void test_each_check_with_a_result_is_told(void **state)
{
	const struct config *config = config_load(NULL, stderr);
	struct arena *arena = arena_new();
	struct facts_connection connection = { .helo = "mx.example.org" };
	struct facts facts = { .arena = arena, .connection = &connection, .mail_from = "a@example.org" };
	struct author author = { 0 };
	static struct results results;
	struct dkim_result dkim;
	struct decision decision = { .finding = FINDING_NONE, .policy = "default" };
	struct action_input input = { .config = config, .facts = &facts, .author = &author, .results = &results,
		.decision = &decision, .authserv_id = "mx.test.example" };
	const char *field, *line;

	(void)state;
	fill(&results, &connection, &dkim);
	field = arena_printf(arena, "%s\n%s", authres_build(&input), authres_build_unregistered(&input));
	line = log_line_build(&input);
	for (int id = 0; id < CHECK_COUNT; id++) {
		bool told = (check_rows[id].traits & TRAIT_TOLD) != 0;

		if (tells(field, check_rows[id].name) != told)
			fail_msg("%s in: %s", check_rows[id].name, field);
		if (told && !tells(line, check_rows[id].name))
			fail_msg("%s in: %s", check_rows[id].name, line);
	}
	arena_free(&arena);
	config_unref(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_check_with_a_result_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
