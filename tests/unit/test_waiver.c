/* SPDX-License-Identifier: BSD-2-Clause */
/* What policies make of overrides, and what can be told of records that do not name them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/evidence_text.h"
#include "policy/recorded.h"
#include "text_fixture.h"
#include "util/arena.h"

#define SECTIONS "mode = enforce\ndmarc { trusted-sealers = a.example }\noverride lists { kind = mailing-list dkim-domains = a.example }\n" \
    "override uni { kind = forwarder client-networks = 192.0.2.1 }\n"
#define TAIL " r=x.example e=dul a=a.example:fail n=192.0.2.0/24"

/* What comes of a record: action and finding, or why that cannot be told. */
static struct recorded_decision ask(const char *config_text, const char *overrides, const char *fields, struct arena *arena)
{
	const struct config *config = text_config(arena_printf(arena, SECTIONS "%s\npolicy \"default\" { overrides = %s }\n", config_text, overrides));
	struct policy_set set = policy_set_of(config);
	struct recorded_decision recorded;
	struct evidence evidence;

	assert_int_equal(evidence_read(arena_printf(arena, "1 s=m %s" TAIL, fields), arena, &evidence), 0);
	policy_replay(&set, &evidence, arena, &recorded);
	config_unref(&config);
	return recorded;
}

static void test_policy_waives_what_it_honours(void **state)
{
	static const struct { const char *actions, *overrides, *fields; enum action action; enum finding_id finding; } rows[] = {
		/* one that holds */
		{ "dmarc-reject = reject", "all", "o=dmarc-reject:lists", ACTION_NONE, FINDING_COUNT },
		{ "dmarc-reject = reject", "lists", "o=dmarc-reject:lists", ACTION_NONE, FINDING_COUNT },
		{ "dmarc-reject = reject", "none", "o=dmarc-reject:lists", ACTION_REJECT, FINDING_DMARC_REJECT },
		{ "dmarc-reject = reject", "uni", "o=dmarc-reject:lists", ACTION_REJECT, FINDING_DMARC_REJECT },
		{ "dmarc-reject = reject", "{ uni, arc }", "o=dmarc-reject:arc/lists", ACTION_NONE, FINDING_COUNT },
		/* that is there no more */
		{ "dmarc-reject = reject", "all", "o=dmarc-reject:gone", ACTION_REJECT, FINDING_DMARC_REJECT },
		/* what is put in its place */
		{ "dmarc-overridden = tag", "all", "o=dmarc-reject:lists", ACTION_TAG, FINDING_DMARC_OVERRIDDEN },
		{ "dmarc-overridden = tag dmarc-reject = reject", "none", "o=dmarc-reject:lists", ACTION_REJECT, FINDING_DMARC_REJECT },
		/* both findings of an author, and one of another who has no override */
		{ "", "all", "o=dmarc-reject:lists,dmarc-reject-corroborated:lists", ACTION_NONE, FINDING_COUNT },
		{ "", "none", "o=dmarc-reject:lists,dmarc-reject-corroborated:lists", ACTION_REJECT, FINDING_DMARC_REJECT_CORROBORATED },
		{ "dmarc-reject = reject", "all", "f=dmarc-reject o=dmarc-reject:lists", ACTION_REJECT, FINDING_DMARC_REJECT },
		/* one of which nothing is known: nothing for good, unless it does not count or another one holds */
		{ "dmarc-reject = reject", "all", "o=dmarc-reject:lists?", ACTION_DEFER, FINDING_DMARC_REJECT },
		{ "dmarc-reject = reject", "uni", "o=dmarc-reject:lists?", ACTION_REJECT, FINDING_DMARC_REJECT },
		{ "dmarc-reject = reject", "all", "o=dmarc-reject:lists?/uni", ACTION_NONE, FINDING_COUNT },
		{ "dmarc-reject = reject", "lists", "o=dmarc-reject:lists?/uni", ACTION_DEFER, FINDING_DMARC_REJECT },
		{ "dmarc-reject = quarantine", "all", "o=dmarc-reject:lists?", ACTION_QUARANTINE, FINDING_DMARC_REJECT },
		{ "dmarc-reject = tag", "all", "o=dmarc-reject:lists?", ACTION_TAG, FINDING_DMARC_REJECT },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *findings = arena_printf(arena, "findings { %s }", rows[i].actions);
		struct recorded_decision recorded = ask(findings, rows[i].overrides, rows[i].fields, arena);

		if (recorded.why != UNTOLD_NOT || recorded.decision.action != rows[i].action || recorded.decision.finding != rows[i].finding)
			fail_msg("row %zu: %s, untold %d", i, action_name(recorded.decision.action), (int)recorded.why);
	}
	arena_free(&arena);
}

/* reject-only-secure asks what the override stands on, too. */
static void test_policy_knows_how_secure_an_override_is(void **state)
{
	static const struct { const char *fields; enum action action; } rows[] = {
		{ "o=dmarc-reject+:lists+", ACTION_REJECT }, { "o=dmarc-reject+:lists", ACTION_QUARANTINE },
		{ "o=dmarc-reject:lists+", ACTION_QUARANTINE }, { "o=dmarc-reject+:lists/uni+", ACTION_REJECT },
		{ "o=dmarc-reject+:lists/uni+?", ACTION_QUARANTINE }, { "o=dmarc-reject+:lists+/uni?", ACTION_REJECT },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct recorded_decision recorded = ask("findings { dmarc-overridden = reject }", "all reject-only-secure = yes", rows[i].fields, arena);

		assert_int_equal(recorded.decision.action, rows[i].action);
	}
	arena_free(&arena);
}

/* Records of before say that something was overridden by a sealer, and not what. */
static void test_policy_of_records_that_do_not_say(void **state)
{
	static const struct { const char *findings, *overrides; enum untold why; enum action action; } rows[] = {
		{ "dmarc-reject = reject", "all", UNTOLD_NOT, ACTION_NONE }, { "dmarc-reject = reject", "arc", UNTOLD_NOT, ACTION_NONE },
		{ "dmarc-overridden = tag", "arc", UNTOLD_NOT, ACTION_TAG },
		{ "dmarc-reject = reject", "none", UNTOLD_OVERRIDES, ACTION_NONE }, { "", "lists", UNTOLD_OVERRIDES, ACTION_NONE },
		{ "dmarc-fail = none dmarc-quarantine = none dmarc-reject = none dmarc-reject-corroborated = none", "none", UNTOLD_NOT, ACTION_NONE },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct recorded_decision recorded = ask(arena_printf(arena, "findings { %s }", rows[i].findings), rows[i].overrides,
		    "f=dmarc-overridden", arena);

		if (recorded.why != rows[i].why || (recorded.why == UNTOLD_NOT && recorded.decision.action != rows[i].action))
			fail_msg("row %zu: untold %d, %s", i, (int)recorded.why, action_name(recorded.decision.action));
	}
	/* what had no room may be anything */
	assert_int_equal(ask("", "all", "o=&", arena).why, UNTOLD_OVERRIDES);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_waives_what_it_honours),
		cmocka_unit_test(test_policy_knows_how_secure_an_override_is),
		cmocka_unit_test(test_policy_of_records_that_do_not_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
