/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several recipients under several policies: the manual's table, what RCPT may refuse before the author is known, and random messages
 * under random policies against an oracle that writes the manual's rules anew and enumerates recipients and authors.
 * ASSAY_ROUNDS: how many configurations; each judges MESSAGES messages under both rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "evidence_random.h"
#include "policy/match.h"
#include "policy/recorded.h"
#include "util/arena.h"
#include "util/domain.h"

enum { ROUNDS = 400, MESSAGES = 50, ENFORCED = 100 };

static const struct config *config_of(const char *text)
{
	const struct config *config = config_load_buffer(text, strlen(text), "test.conf", stderr);

	assert_non_null(config);
	return config;
}

static unsigned rank(const struct decision *decision)
{
	return (decision->enforced && decision->action != ACTION_NONE ? ENFORCED : 0) + (unsigned)decision->action;
}

static bool refuses(unsigned value)
{
	return value == ENFORCED + ACTION_DEFER || value == ENFORCED + ACTION_REJECT;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static const struct recipient_place one = { .where = RECIPIENT_AT_DOMAIN, .domain = "one.example" };
static const struct recipient_place two = { .where = RECIPIENT_AT_DOMAIN, .domain = "two.example" };
static const struct recipient_place nobody_knows = { .where = RECIPIENT_UNKNOWN };

/* A message with spf-fail from author.example, to some places. */
static struct decision judge(const struct config *config, enum finding_stage stage, const struct recipient_place *places, size_t count,
    struct arena *arena)
{
	struct evidence_finding finding = { .id = FINDING_SPF_FAIL, .secure = true, .domain = "author.example" };
	const struct evidence_author author = { .domain = "author.example" };
	struct evidence evidence = { .stage = stage, .findings = &finding, .finding_count = 1, .recipients = places,
		.recipient_count = count, .authors = &author, .author_count = stage == FINDING_STAGE_MESSAGE };
	const struct policy_set set = policy_set_of(config);

	assert_int_equal(network_parse("192.0.2.1", &evidence.client), 0);
	return policy_judge(&set, &evidence, arena);
}

/* The table of assay.conf(5), each pair in both orders of the file and of the recipients. */
static void test_policy_judge_is_the_table_of_the_manual(void **state)
{
	static const struct { const char *modes[2], *actions[2]; unsigned strictest, lenient; } rows[] = {
		{ { "enforce", "enforce" }, { "reject", "tag" }, ENFORCED + ACTION_REJECT, ENFORCED + ACTION_TAG },
		{ { "enforce", "enforce" }, { "quarantine", "none" }, ENFORCED + ACTION_QUARANTINE, ACTION_NONE },
		{ { "enforce", "enforce" }, { "greylist", "tag" }, ENFORCED + ACTION_GREYLIST, ENFORCED + ACTION_TAG },
		{ { "enforce", "enforce" }, { "quarantine", "defer" }, ENFORCED + ACTION_QUARANTINE, ENFORCED + ACTION_DEFER },
		{ { "enforce", "dry-run" }, { "tag", "reject" }, ENFORCED + ACTION_TAG, ACTION_REJECT },
		{ { "enforce", "dry-run" }, { "reject", "none" }, ENFORCED + ACTION_REJECT, ACTION_NONE },
		{ { "dry-run", "enforce" }, { "reject", "none" }, ACTION_REJECT, ACTION_NONE },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < 4 * 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i / 8;
		bool lenient = (i & 1) != 0, swapped = (i & 2) != 0, turned = (i & 4) != 0;
		const struct recipient_place places[] = { turned ? two : one, turned ? one : two };
		const struct config *config;
		struct decision decision;

		config = config_of(arena_printf(arena, "several-recipients = %s\n"
		    "policy p1 { recipient-domains = one.example mode = %s actions { spf-fail = %s } }\n"
		    "policy p2 { recipient-domains = two.example mode = %s actions { spf-fail = %s } }\n", lenient ? "lenient" : "strictest",
		    rows[row].modes[swapped], rows[row].actions[swapped], rows[row].modes[!swapped], rows[row].actions[!swapped]));
		decision = judge(config, FINDING_STAGE_MESSAGE, places, 2, arena);
		assert_int_equal(rank(&decision), lenient ? rows[row].lenient : rows[row].strictest);
		assert_string_equal(decision.policy, lenient == swapped ? "p1" : "p2");
		assert_int_equal(decision.weighed, 2);
		assert_true(decision.by_rule && (decision.rule == SEVERAL_LENIENT) == lenient);
		config_unref(&config);
	}
	arena_free(&arena);
}

/* "Of policies that come to the same the first in the file is named": of two authors, in either order, and of two recipients. */
static void test_policy_judge_names_the_first_of_those_that_come_to_the_same(void **state)
{
	struct evidence_finding finding = { .id = FINDING_SPF_FAIL, .secure = true };
	const struct evidence_author authors[] = { { .domain = "a.example" }, { .domain = "b.example" }, { .domain = "a.example" } };
	const struct recipient_place places[] = { one, two, one };
	struct evidence evidence = { .stage = FINDING_STAGE_MESSAGE, .findings = &finding, .finding_count = 1, .author_count = 2 };
	const struct config *config = config_of("mode = enforce\n"
	    "policy p1 { author-domains = b.example recipient-domains = one.example actions { spf-fail = reject } }\n"
	    "policy p2 { recipient-domains = { one.example, two.example } actions { spf-fail = reject } }\n");
	const struct policy_set set = policy_set_of(config);
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(network_parse("192.0.2.1", &evidence.client), 0);
	for (size_t i = 0; i < 2; i++) {
		evidence.authors = &authors[i];
		evidence.recipients = places;
		evidence.recipient_count = 1;
		assert_string_equal(policy_judge(&set, &evidence, arena).policy, "p1");
		evidence.recipients = &places[i];
		evidence.recipient_count = 2;
		assert_string_equal(policy_judge(&set, &evidence, arena).policy, "p1");
	}
	config_unref(&config);
	arena_free(&arena);
}

/* The rule is no matter where recipients have one policy, or nothing is asked for. */
static void test_policy_judge_names_the_rule_only_where_it_was_used(void **state)
{
	struct arena *arena = arena_new();
	const struct config *config = config_of("mode = enforce several-recipients = lenient\nfindings { spf-fail = reject }\n"
	    "policy p1 { recipient-domains = { one.example, two.example } }\n");
	const struct config *quiet = config_of("mode = enforce\nfindings { spf-fail = none }\npolicy p1 { recipient-domains = one.example }\n");
	const struct recipient_place places[] = { one, two };
	struct decision decision;

	(void)state;
	decision = judge(config, FINDING_STAGE_MESSAGE, places, 2, arena);
	assert_true(decision.action == ACTION_REJECT && decision.weighed == 1 && !decision.by_rule);
	decision = judge(quiet, FINDING_STAGE_MESSAGE, places, 2, arena);
	assert_true(decision.action == ACTION_NONE && decision.weighed == 2 && !decision.by_rule);
	assert_string_equal(decision.policy, "p1");
	config_unref(&config);
	config_unref(&quiet);
	arena_free(&arena);
}

/* Nobody knows where he is: under any rule he is weighed as the strictest that he could be, and makes nothing more lenient. */
static void test_policy_judge_lenient_takes_an_unknown_recipient_for_the_strictest(void **state)
{
	struct arena *arena = arena_new();
	const struct config *config = config_of("mode = enforce several-recipients = lenient\nfindings { spf-fail = none }\n"
	    "policy p1 { recipient-domains = one.example actions { spf-fail = reject } }\n"
	    "policy p2 { recipient-domains = two.example actions { spf-fail = quarantine } }\n");
	const struct recipient_place places[] = { nobody_knows, one, two };

	(void)state;
	assert_int_equal(judge(config, FINDING_STAGE_MESSAGE, places, 1, arena).action, ACTION_REJECT);
	assert_int_equal(judge(config, FINDING_STAGE_MESSAGE, places, 2, arena).action, ACTION_REJECT);
	assert_int_equal(judge(config, FINDING_STAGE_MESSAGE, places, 3, arena).action, ACTION_QUARANTINE);
	config_unref(&config);
	arena_free(&arena);
}

/* What stands before the policy of one.example, what that asks for, and what RCPT then answers. */
static void test_policy_judge_at_rcpt_waits_for_an_author_who_may_be_protected(void **state)
{
#define AUTHOR "policy a { author-domains = author.example "
	static const struct { const char *before, *action; enum action at_rcpt; bool refuses; } rows[] = {
		{ "", "reject", ACTION_REJECT, true },
		{ AUTHOR "actions { spf-fail = none } }\n", "reject", ACTION_NONE, false },
		{ AUTHOR "actions { spf-fail = tag } }\n", "defer", ACTION_TAG, false },
		{ AUTHOR "actions { spf-fail = reject } }\n", "reject", ACTION_REJECT, true },
		{ AUTHOR "actions { spf-fail = defer } }\n", "defer", ACTION_DEFER, true },
		/* neither for good what would be asked to come again, nor asked to come again what would be refused for good */
		{ AUTHOR "actions { spf-fail = defer } }\n", "reject", ACTION_NONE, false },
		{ AUTHOR "actions { spf-fail = reject } }\n", "defer", ACTION_NONE, false },
		{ AUTHOR "mode = dry-run actions { spf-fail = reject } }\n", "reject", ACTION_REJECT, false },	/* and is not enforced */
		{ AUTHOR "actions { spf-fail = quarantine } }\n", "defer", ACTION_NONE, false },
		/* which cannot be his, or stands behind */
		{ AUTHOR "recipient-domains = two.example actions { spf-fail = none } }\n", "reject", ACTION_REJECT, true },
		{ AUTHOR "client-networks = 198.51.100.0/24 actions { spf-fail = none } }\n", "reject", ACTION_REJECT, true },
		{ AUTHOR "recipient-domains = one.example actions { spf-fail = none } }\n", "reject", ACTION_NONE, false },
		{ AUTHOR "client-networks = 192.0.2.0/24 actions { spf-fail = none } }\n", "reject", ACTION_NONE, false },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct config *config = config_of(arena_printf(arena, "mode = enforce\nfindings { spf-fail = none }\n%s"
		    "policy r { recipient-domains = one.example actions { spf-fail = %s } }\n"
		    "policy b { author-domains = author.example actions { spf-fail = none } }\n", rows[i].before, rows[i].action));
		struct decision decision = judge(config, FINDING_STAGE_ENVELOPE, &one, 1, arena);

		if (decision.action != rows[i].at_rcpt)
			fail_msg("%s%s: %s", rows[i].before, rows[i].action, action_name(decision.action));
		assert_int_equal(decision_refuses(&decision), rows[i].refuses);
		config_unref(&config);
	}
	arena_free(&arena);
}

/* With so many policies an index finds those of a domain (config/policy_index.h). */
static void test_policy_judge_among_many_policies(void **state)
{
	struct arena *arena = arena_new();
	const struct recipient_place places[] = { one, two };
	const struct config *config;
	const char *text = "mode = enforce several-recipients = lenient\nfindings { spf-fail = none }\n";
	struct decision decision;

	(void)state;
	for (int i = 0; i < 30; i++)
		text = arena_printf(arena, "%spolicy f%d { recipient-domains = f%d.example actions { spf-fail = quarantine } }\n"
		    "policy a%d { author-domains = .a%d.example recipient-domains = f%d.example actions { spf-fail = none } }\n", text, i, i, i, i, i);
	config = config_of(arena_printf(arena, "%spolicy a { author-domains = author.example recipient-domains = one.example "
	    "actions { spf-fail = tag } }\npolicy r { recipient-domains = .one.example actions { spf-fail = reject } }\n"
	    "policy s { recipient-domains = two.example actions { spf-fail = reject } }\n", text));
	assert_non_null(config->policy_index);
	assert_int_equal(judge(config, FINDING_STAGE_ENVELOPE, &one, 1, arena).action, ACTION_TAG);
	assert_int_equal(judge(config, FINDING_STAGE_ENVELOPE, &two, 1, arena).action, ACTION_REJECT);
	decision = judge(config, FINDING_STAGE_MESSAGE, places, 2, arena);
	assert_true(decision.action == ACTION_TAG && decision.weighed == 2 && decision.by_rule);
	assert_string_equal(decision.policy, "a");
	config_unref(&config);
	arena_free(&arena);
}

/* Of a recipient whom nobody can place all policies count that may be his: what one of them lets pass another does not. */
static void test_policy_judge_at_rcpt_unknown_recipient(void **state)
{
	struct arena *arena = arena_new();
	const struct config *config = config_of("mode = enforce\nfindings { spf-fail = none }\n"
	    "policy a { author-domains = author.example recipient-domains = two.example actions { spf-fail = none } }\n"
	    "policy r { recipient-domains = one.example actions { spf-fail = reject } }\n");
	const struct config *other = config_of("mode = enforce\nfindings { spf-fail = none }\n"
	    "policy a { author-domains = author.example actions { spf-fail = none } }\n"
	    "policy r { recipient-domains = one.example actions { spf-fail = reject } }\n");

	(void)state;
	assert_int_equal(judge(config, FINDING_STAGE_ENVELOPE, &nobody_knows, 1, arena).action, ACTION_REJECT);
	assert_int_equal(judge(other, FINDING_STAGE_ENVELOPE, &nobody_knows, 1, arena).action, ACTION_NONE);
	config_unref(&config);
	config_unref(&other);
	arena_free(&arena);
}

/* Whether one gets the message hangs on what nobody looked for: if he does he is the most lenient, if not the other is alone. */
static void test_policy_replay_lenient_does_not_count_on_who_may_be_refused(void **state)
{
	static const char policies[] = "mode = enforce several-recipients = %s\nfindings { spf-fail = none dmarc-reject = none }\n"
	    "policy p1 { recipient-domains = one.example actions { spf-fail = defer dmarc-reject = defer } }\n"
	    "policy p2 { recipient-domains = two.example actions { dmarc-reject = quarantine } }\n";
	struct evidence_finding finding = { .id = FINDING_DMARC_REJECT, .secure = true };
	const struct evidence_author author = { .domain = "author.example", .dmarc = RESULT_FAIL };
	const struct recipient_place places[] = { one, two };
	struct evidence evidence = { .stage = FINDING_STAGE_MESSAGE, .findings = &finding, .finding_count = 1, .recipients = places,
		.recipient_count = 2, .authors = &author, .author_count = 1 };
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(network_parse("192.0.2.1", &evidence.client), 0);
	for (int lenient = 0; lenient < 2; lenient++) {
		const struct config *config = config_of(arena_printf(arena, policies, lenient ? "lenient" : "strictest"));
		const struct policy_set set = policy_set_of(config);
		struct recorded_decision recorded;

		evidence.unlooked = (finding_set){ 0 };
		policy_replay(&set, &evidence, arena, &recorded);
		assert_int_equal(recorded.why, UNTOLD_NOT);
		assert_int_equal(recorded.decision.action, lenient ? ACTION_DEFER : ACTION_QUARANTINE);
		finding_set_add(&evidence.unlooked, FINDING_SPF_FAIL);
		policy_replay(&set, &evidence, arena, &recorded);
		assert_int_equal(recorded.why, lenient ? UNTOLD_CHECKS : UNTOLD_NOT);
		config_unref(&config);
	}
	arena_free(&arena);
}

/* ---- the oracle -------------------------------------------------------------------------------------------------- */

/* Every name that policies tell apart, by config_random(): those that they name, others below them, and others. */
static const char *const universe[] = {
	"a.example", "sub.a.example", "b.example", "c.example", "x.c.example", "d.example", "below.a.example", "below.sub.a.example",
	"below.b.example", "below.c.example", "below.x.c.example", "below.d.example", "stranger.example", "example",
};
enum { UNIVERSE = sizeof(universe) / sizeof(universe[0]) };

static bool holds(const struct domain_list *patterns, const char *domain)
{
	for (size_t i = 0; i < patterns->count; i++) {
		const char *pattern = domain_set_entry(patterns->set, i);
		size_t length = strlen(pattern), have = strlen(domain);

		if (strcmp(pattern[0] == '.' ? pattern + 1 : pattern, domain) == 0 ||
		    (pattern[0] == '.' && have > length && strcmp(domain + have - length, pattern) == 0))
			return true;
	}
	return patterns->count == 0;
}

/* The conditions that are no matter here (test_conditions.c): all but those on domains of recipient and author. */
static enum match rest_holds(const struct config *config, const struct policy_config *policy, const struct evidence *evidence,
    const struct recipient_place *place)
{
	const struct match_who who = { .evidence = evidence, .recipient = place->domain, .mailbox = place->mailbox,
		.delimiters = config->recipient_delimiters };
	enum match least = MATCH_YES;

	for (size_t i = 0; i < match_condition_count; i++) {
		const struct condition *condition = &match_conditions[i];

		if (strcmp(condition->option, "recipient-domains") == 0 || strcmp(condition->option, "author-domains") == 0 ||
		    !condition->is_set(policy))
			continue;
		if (condition->holds(policy, &who) < least)
			least = condition->holds(policy, &who);
	}
	return least;
}

static bool rest_is_known(const struct config *config, const struct evidence *evidence, const struct recipient_place *place)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		enum match rest = rest_holds(config, &config->policies[i], evidence, place);

		if (rest != MATCH_YES && rest != MATCH_NO)
			return false;
	}
	return place->where == RECIPIENT_AT_DOMAIN && config->local_domains.count == 0;
}

/* A configuration and what each of its policies makes of a message. */
struct asked { const struct config *config; const struct evidence *evidence; unsigned ranks[16]; };

static void ask(struct asked *asked, const struct config *config, const struct evidence *evidence)
{
	struct decision decision;

	*asked = (struct asked){ .config = config, .evidence = evidence };
	assert_true(config->policy_count <= sizeof(asked->ranks) / sizeof(asked->ranks[0]));
	for (size_t i = 0; i < config->policy_count; i++) {
		policy_decide(&config->policies[i], evidence, &decision);
		asked->ranks[i] = rank(&decision);
	}
}

/* What nobody can tell is one thing of several: that it is not so. */
static unsigned first_rank(const struct asked *asked, const struct recipient_place *place, const char *recipient, const char *author)
{
	const struct policy_config *policy = asked->config->policies;

	while (!holds(&policy->recipient_domains, recipient) || !holds(&policy->author_domains, author) ||
	    rest_holds(asked->config, policy, asked->evidence, place) != MATCH_YES)
		policy++;
	return asked->ranks[policy - asked->config->policies];
}

static unsigned strictest_for(const struct asked *asked, const struct recipient_place *place, const char *recipient)
{
	const struct evidence *evidence = asked->evidence;
	unsigned strictest = 0, value;

	for (size_t i = 0; i < evidence->author_count + (evidence->authors_unknown ? (size_t)UNIVERSE : 0); i++) {
		value = first_rank(asked, place, recipient, i < evidence->author_count ? evidence->authors[i].domain :
		    universe[i - evidence->author_count]);
		strictest = value > strictest ? value : strictest;
	}
	return strictest;
}

static bool mailboxes_matter(const struct config *config)
{
	for (size_t i = 0; i < config->policy_count; i++)
		if (config->policies[i].recipients.count != 0)
			return true;
	return false;
}

/* A mailbox of the MTA's own is in each local domain; who is nowhere may be anywhere. */
static unsigned own_rank(const struct asked *asked, const struct recipient_place *place)
{
	const struct domain_list *local = &asked->config->local_domains;
	bool is_local = place->where == RECIPIENT_LOCAL || (place->domain != NULL && local->count != 0 && holds(local, place->domain));
	unsigned strictest = place->domain != NULL ? strictest_for(asked, place, place->domain) : 0, value;

	if ((is_local || place->where == RECIPIENT_UNKNOWN) && mailboxes_matter(asked->config))
		return 0;	/* at least */
	for (size_t i = 0; i < UNIVERSE; i++) {
		if (place->where != RECIPIENT_UNKNOWN && !(is_local && (local->count == 0 || domain_set_has(local->set, universe[i]))))
			continue;
		value = strictest_for(asked, place, universe[i]);
		strictest = value > strictest ? value : strictest;
	}
	return strictest;
}

/* Whether the manual says it to the action: nothing is there that nobody knows, and of which more is weighed than may be. */
static bool all_known(const struct evidence *evidence, const struct config *config)
{
	bool known = !evidence->authors_unknown;

	for (size_t i = 0; i < evidence->recipient_count; i++)
		known = known && rest_is_known(config, evidence, &evidence->recipients[i]);
	return known;
}

struct tally { unsigned messages, exact, rules, refused, waiting; };

static void check_end(const struct config *config, const struct evidence *evidence, struct arena *arena, struct tally *tally)
{
	struct policy_set set = policy_set_of(config);
	struct asked asked;

	ask(&asked, config, evidence);
	for (int lenient = 0; lenient < 2; lenient++) {
		unsigned wanted = lenient ? 2 * ENFORCED : 0, got, value;
		struct decision decision;

		for (size_t i = 0; i < evidence->recipient_count; i++) {
			value = own_rank(&asked, &evidence->recipients[i]);
			if (lenient ? value < wanted : value > wanted)
				wanted = value;
		}
		set.several = lenient ? SEVERAL_LENIENT : SEVERAL_STRICTEST;
		decision = policy_judge(&set, evidence, arena);
		got = rank(&decision);
		if (got < wanted || (all_known(evidence, config) && got != wanted))
			fail_msg("%s: %u by %s, wanted %u", lenient ? "lenient" : "strictest", got, decision.policy, wanted);
		tally->rules += decision.by_rule;
	}
	tally->messages++;
	tally->exact += all_known(evidence, config);
}

/* At RCPT, of a recipient whose place is known: who is refused would be by the policies of every author alike. */
static void check_rcpt(const struct config *config, const struct evidence *evidence, const struct recipient_place *place,
    struct arena *arena, struct tally *tally)
{
	const struct policy_set set = policy_set_of(config);
	struct evidence alone = *evidence;
	struct asked asked;
	struct decision decision;
	bool alike = true, ended = false, is_refused;
	unsigned first = 0;

	if (!rest_is_known(config, evidence, place))
		return;
	alone.recipients = place;
	alone.recipient_count = 1;
	ask(&asked, config, &alone);
	decision = policy_judge(&set, &alone, arena);
	is_refused = refuses(rank(&decision));	/* greylisting waits in any case */
	for (size_t i = 0; i < UNIVERSE && is_refused; i++)
		assert_int_equal(first_rank(&asked, place, place->domain, universe[i]), rank(&decision));
	/* the manual to the letter: his policy, and each before it that may be the author's */
	for (size_t i = 0; !ended; i++) {
		const struct policy_config *policy = &config->policies[i];

		if (!holds(&policy->recipient_domains, place->domain) || rest_holds(config, policy, evidence, place) != MATCH_YES)
			continue;
		first = first == 0 ? asked.ranks[i] + 1 : first;
		alike = alike && asked.ranks[i] + 1 == first;
		ended = policy->author_domains.count == 0;
		tally->waiting += ended && refuses(asked.ranks[i]) && !alike;
	}
	if (is_refused != (alike && refuses(first - 1)))
		fail_msg("%s: %s by %s", place->domain, action_name(decision.action), decision.policy);
	tally->refused += is_refused;
}

static void check_one(const struct config *config, struct arena *arena, struct tally *tally)
{
	struct evidence evidence;
	struct model model;

	model_random(&model, arena, false);
	evidence_make(&(struct evidence_input){ .stage = FINDING_STAGE_MESSAGE, .facts = &model.facts, .author = &model.author,
		.results = &model.results, .recipients = model.places, .recipient_count = model.place_count }, arena, &evidence);
	check_end(config, &evidence, arena, tally);
	evidence_make(&(struct evidence_input){ .stage = FINDING_STAGE_ENVELOPE, .facts = &model.facts, .author = &model.author,
		.results = &model.at_rcpt }, arena, &evidence);
	for (size_t i = 0; i < model.place_count; i++)
		check_rcpt(config, &evidence, &model.places[i], arena, tally);
}

static void test_policy_judge_is_the_manual(void **state)
{
	const char *rounds_text = getenv("ASSAY_ROUNDS");
	struct arena *arena = arena_new();
	struct tally tally = { .messages = 0 };

	(void)state;
	srand(1414);
	for (unsigned round = rounds_text != NULL ? (unsigned)strtoul(rounds_text, NULL, 10) : ROUNDS; round > 0; round--) {
		const struct config *config = config_random();

		for (unsigned i = 0; i < MESSAGES; i++) {
			check_one(config, arena, &tally);
			arena_reset(arena);
		}
		config_unref(&config);
	}
	print_message("%u messages, %u with all known, %u by a rule; at RCPT %u refused, %u waited for the author\n", tally.messages,
	    tally.exact, tally.rules, tally.refused, tally.waiting);
	/* else it would show nothing */
	assert_true(tally.exact > tally.messages / 10 && tally.rules > tally.messages / 10 && tally.refused > 100 && tally.waiting > 10);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_judge_is_the_table_of_the_manual),
		cmocka_unit_test(test_policy_judge_names_the_first_of_those_that_come_to_the_same),
		cmocka_unit_test(test_policy_judge_names_the_rule_only_where_it_was_used),
		cmocka_unit_test(test_policy_judge_lenient_takes_an_unknown_recipient_for_the_strictest),
		cmocka_unit_test(test_policy_judge_at_rcpt_waits_for_an_author_who_may_be_protected),
		cmocka_unit_test(test_policy_judge_among_many_policies),
		cmocka_unit_test(test_policy_judge_at_rcpt_unknown_recipient),
		cmocka_unit_test(test_policy_replay_lenient_does_not_count_on_who_may_be_refused),
		cmocka_unit_test(test_policy_judge_is_the_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
