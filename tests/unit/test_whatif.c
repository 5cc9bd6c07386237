/* SPDX-License-Identifier: BSD-2-Clause */
/* report/signs, report/whatif: made-up rows, counted by hand here. That decisions are those of a run is test_whatif_month's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/evidence_text.h"
#include "report/whatif_text.h"
#include "text_fixture.h"

enum { HOUR = 1700002800, DAY = 86400 };

static const struct flow_row row_template = {
	.hour_secs = HOUR, .author_domain = "", .envelope_domain = "", .client_network = "192.0.2.0/24", .findings = "", .results = "",
	.tls_grade = "", .tls_version = "", .tls_cipher = "", .policy = "default", .action = "none", .evidence = "", .messages = 1,
};

static struct flow_row row(const char *author, uint64_t messages, const char *findings, const char *evidence)
{
	struct flow_row made = row_template;

	made.author_domain = author;
	made.messages = messages;
	made.findings = findings;
	made.evidence = evidence;
	return made;
}

/* ---- signs ------------------------------------------------------------------------------------------------------- */

static struct looks look_at(const struct signs *signs, const char *text)
{
	struct arena *arena = arena_new();
	struct evidence evidence;
	struct looks looks;

	assert_int_equal(evidence_read(text, arena, &evidence), 0);
	looks = signs_look(signs, &evidence);
	arena_free(&arena);
	return looks;
}

/* A kind of one hour. */
static void see(store_kind_each_f *each, struct whatif *whatif, const struct flow_row *row)
{
	const struct flow_span span = { .from_secs = row->hour_secs, .span_secs = 3600, .messages = row->messages };

	each(whatif, row, &span, 1);
}

static void learn(struct signs *signs, unsigned days, const char *text)
{
	struct arena *arena = arena_new();
	struct evidence evidence;

	assert_int_equal(evidence_read(text, arena, &evidence), 0);
	for (unsigned day = 0; day < days; day++)
		signs_learn(signs, HOUR + (int64_t)day * DAY, &evidence);
	arena_free(&arena);
}

/* @param sign  SIGN_COUNT: none at all. */
static void check_look(const char *settings, const char *text, enum look look, enum sign sign)
{
	const struct config *config = text_config(settings);
	struct signs *signs = signs_new(config, HOUR);
	struct looks looks = look_at(signs, text);

	if (looks.look != look || looks.signs != (sign != SIGN_COUNT ? 1u << sign : 0))
		fail_msg("%s looks %s by %x, not %s", text, look_name(looks.look), looks.signs, look_name(look));
	signs_free(&signs);
	config_unref(&config);
}

static void test_signs_look_by_what_the_evidence_shows(void **state)
{
	(void)state;
	check_look("", "1 s=m r=x.example a=a.example:pass", LOOK_WANTED, SIGN_DMARC);
	check_look("", "1 s=m q=a r=x.example a=a.example:fail f=dmarc-reject", LOOK_WANTED, SIGN_AUTHENTICATED);
	check_look("", "1 s=m r=x.example a=a.example:none d=a.example", LOOK_WANTED, SIGN_AUTHOR_DKIM);
	check_look("", "1 s=m r=x.example a=mail.a.example:none p=a.example:pass", LOOK_WANTED, SIGN_AUTHOR_SPF);
	check_look("dmarc { trusted-forwarders = f.example }", "1 s=m f=dmarc-reject r=x.example a=a.example:fail d=f.example",
	    LOOK_WANTED, SIGN_FORWARDER);
	check_look("", "1 s=m f=dmarc-overridden r=x.example a=a.example:fail", LOOK_WANTED, SIGN_OVERRIDE);
	check_look("", "1 s=m f=spf-fail,dmarc-reject r=x.example a=a.example:fail p=a.example:fail", LOOK_FORGED, SIGN_COUNT);
	check_look("", "1 s=m r=x.example a=a.example:none", LOOK_UNCLEAR, SIGN_COUNT);
}

/* A forger has these, too: himself in the envelope, his own signature, a name that only looks like the author's. */
static void test_signs_look_a_forger_is_never_wanted(void **state)
{
	(void)state;
	check_look("", "1 s=m f=dmarc-reject r=x.example a=bank.example:fail p=evil.example:pass", LOOK_UNCLEAR, SIGN_OTHER_SPF);
	check_look("", "1 s=m f=dmarc-reject r=x.example a=bank.example:fail d=evil.example", LOOK_UNCLEAR, SIGN_OTHER_DKIM);
	check_look("", "1 s=m r=x.example a=bank.example:none d=bank.example.evil.example", LOOK_UNCLEAR, SIGN_OTHER_DKIM);
	check_look("", "1 s=m r=x.example a=bank.example:none d=evil.bank.example", LOOK_UNCLEAR, SIGN_OTHER_DKIM);
	/* DMARC knows of alignment what this does not */
	check_look("", "1 s=m f=dmarc-reject r=x.example a=a.bank.example:fail d=bank.example", LOOK_UNCLEAR, SIGN_OTHER_DKIM);
	/* a second author, or who knows how many */
	check_look("", "1 s=m r=x.example a=evil.example:pass,bank.example:fail f=dmarc-reject", LOOK_FORGED, SIGN_COUNT);
	check_look("", "1 s=m f=dmarc-overridden r=x.example a=evil.example:fail,bank.example:fail", LOOK_UNCLEAR, SIGN_COUNT);
	check_look("", "1 s=m q=u r=x.example a=evil.example:pass", LOOK_UNCLEAR, SIGN_COUNT);
	check_look("", "1 s=m r=x.example a=evil.example:pass,&", LOOK_UNCLEAR, SIGN_COUNT);
}

static void test_signs_learn_who_carried_proven_mail_of_others_for_weeks(void **state)
{
	static const char forged[] = "1 s=m f=dmarc-reject r=x.example a=bank.example:fail p=evil.example:pass d=evil.example";
	static const char unsaid[] = "1 s=m r=x.example a=small.example:none p=evil.example:pass d=evil.example";
	static const char own[] = "1 s=m r=x.example a=mail.evil.example:pass p=evil.example:pass d=evil.example,mail.evil.example";
	static const char carried[] = "1 s=m f=spf-fail r=x.example a=a.example:pass p=list.example:pass d=a.example,list.example";
	static const char changed[] = "1 s=m f=dmarc-reject r=x.example a=bank.example:fail d=list.example";
	const struct config *config = text_config("");
	struct signs *signs = signs_new(config, HOUR);

	(void)state;
	learn(signs, 30, forged);
	learn(signs, 30, unsaid);
	learn(signs, 30, own);
	assert_int_equal(look_at(signs, forged).look, LOOK_UNCLEAR);
	learn(signs, 14, carried);
	assert_int_equal(look_at(signs, changed).look, LOOK_UNCLEAR);	/* a day short of it */
	learn(signs, 15, carried);
	assert_int_equal(look_at(signs, changed).look, LOOK_WANTED);
	assert_int_equal(look_at(signs, changed).signs, 1u << SIGN_KNOWN_DKIM);
	assert_false(look_at(signs, changed).proven);
	assert_int_equal(look_at(signs, "1 s=m f=dmarc-reject r=x.example a=bank.example:fail p=list.example:pass").signs, 1u << SIGN_KNOWN_SPF);
	signs_free(&signs);
	config_unref(&config);
}

/* The record tells kind by kind, so days come in no order, and often. */
static void test_signs_learn_counts_days_in_any_order(void **state)
{
	static const unsigned days[] = { 9, 9, 0, 3, 3, 14, 9, 1, 0, 2, 2, 14, 3, 9 };	/* six of them, a fortnight apart */
	static const char carried[] = "1 s=m r=x.example a=a.example:pass d=a.example,list.example";
	static const char changed[] = "1 s=m f=dmarc-reject r=x.example a=bank.example:fail d=list.example";
	const struct config *config = text_config("");
	struct signs *signs = signs_new(config, HOUR);
	struct arena *arena = arena_new();
	struct evidence evidence;

	(void)state;
	assert_int_equal(evidence_read(carried, arena, &evidence), 0);
	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
			signs_learn(signs, HOUR + (int64_t)days[i] * DAY, &evidence);
	assert_int_equal(look_at(signs, changed).signs, 1u << SIGN_OTHER_DKIM);
	signs_learn(signs, HOUR + 5 * DAY, &evidence);
	assert_int_equal(look_at(signs, changed).signs, 1u << SIGN_KNOWN_DKIM);
	arena_free(&arena);
	signs_free(&signs);
	config_unref(&config);
}

static void test_signs_learn_peers_known_before_the_period(void **state)
{
	static const char forwarded[] = "1 s=m f=spf-fail r=x.example a=a.example:fail h=mx.b.example/ n=192.0.2.0/24";
	struct peer_memory memory = { .first_secs = HOUR - DAY, .days = 3 };
	const struct config *config = text_config("");
	struct signs *signs = signs_new(config, HOUR);

	(void)state;
	signs_learn_peer(signs, "192.0.2.0/24", &memory);	/* a client with a name is no such peer */
	assert_int_equal(look_at(signs, forwarded).look, LOOK_FORGED);
	assert_int_equal(look_at(signs, "1 s=m f=spf-fail r=x.example a=a.example:fail n=192.0.2.0/24").signs, 1u << SIGN_PEER);
	memory.days = 2;
	signs_learn_peer(signs, "b.example", &memory);
	assert_int_equal(look_at(signs, forwarded).look, LOOK_FORGED);
	memory = (struct peer_memory){ .first_secs = HOUR, .days = 3 };
	signs_learn_peer(signs, "b.example", &memory);
	assert_int_equal(look_at(signs, forwarded).look, LOOK_FORGED);
	memory.first_secs--;
	signs_learn_peer(signs, "b.example", &memory);
	assert_int_equal(look_at(signs, forwarded).look, LOOK_UNCLEAR);	/* not enough alone */
	signs_free(&signs);
	config_unref(&config);
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

struct world { const struct config *config; struct policy_set set; struct whatif *whatif; };

static struct world world_new(const char *settings)
{
	struct world world = { .config = text_config(settings) };

	world.set = policy_set_of(world.config);
	world.whatif = whatif_new(world.config, &world.set, HOUR);
	return world;
}

static void world_free(struct world *world)
{
	whatif_free(&world->whatif);
	config_unref(&world->config);
}

static void add_rows(struct world *world)
{
	struct flow_row rows[] = {
		row("a.example", 100, "", "1 s=m r=x.example a=a.example:pass"),
		row("b.example", 7, "spf-fail,dmarc-fail", "1 s=m f=spf-fail,dmarc-fail r=x.example a=b.example:fail p=b.example:fail"),
		row("c.example", 3, "spf-fail", "1 s=m f=spf-fail r=x.example a=c.example:none p=c.example:fail d=fwd.example"),
		row("a.example", 2, "spf-fail", "1 s=m f=spf-fail r=x.example a=a.example:pass p=a.example:fail d=a.example"),
		row("d.example", 20, "dkim-none", "1 s=m f=dkim-none r=x.example a=d.example:pass p=d.example:pass"),
		row("b.example", 5, "dkim-none,dmarc-fail", "1 s=m f=dkim-none,dmarc-fail r=x.example a=b.example:fail"),
		row("e.example", 4, "dkim-none", "1 s=m f=dkim-none r=x.example a=e.example:none"),
		row("f.example", 6, "", "nonsense"),
	};
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

	rows[6].action = "reject";
	rows[6].enforced = true;
	for (size_t i = 0; i < ROWS; i++)
		see(whatif_learn, world->whatif, &rows[i]);
	for (size_t i = 0; i < ROWS; i++)
		see(whatif_add, world->whatif, &rows[i]);
}

static void assert_count(const struct whatif_count *count, uint64_t wanted, uint64_t unclear, uint64_t forged)
{
	assert_int_equal(count->messages, wanted + unclear + forged);
	assert_int_equal(count->looks[LOOK_WANTED], wanted);
	assert_int_equal(count->looks[LOOK_UNCLEAR], unclear);
	assert_int_equal(count->looks[LOOK_FORGED], forged);
}

static void test_whatif_add_counts_what_changes(void **state)
{
	struct world world = world_new("mode = enforce\nfindings { spf-fail = reject }");
	const struct whatif_totals *totals = whatif_totals(world.whatif);

	(void)state;
	add_rows(&world);
	assert_int_equal(totals->messages, 147);
	assert_int_equal(totals->told, 141);
	assert_int_equal(totals->untold[UNTOLD_UNREADABLE], 6);
	assert_int_equal(totals->then_enforced[ACTION_REJECT], 4);
	assert_int_equal(totals->now_enforced[ACTION_REJECT], 12);
	assert_int_equal(totals->now_enforced[ACTION_TAG], 5);
	assert_int_equal(totals->fates[FATE_REFUSED][FATE_DELIVERED], 4);
	assert_int_equal(totals->fates[FATE_DELIVERED][FATE_REFUSED], 12);
	assert_int_equal(totals->fates[FATE_DELIVERED][FATE_DELIVERED], 125);
	assert_int_equal(totals->refused_by[FINDING_SPF_FAIL], 12);
	assert_int_equal(totals->signs[WHATIF_REFUSED][SIGN_DMARC], 2);
	assert_int_equal(totals->signs[WHATIF_REFUSED][SIGN_OTHER_DKIM], 3);
	assert_int_equal(totals->senders, 2);
	assert_count(&totals->all, 122, 7, 12);
	assert_count(&totals->kinds[WHATIF_REFUSED], 2, 3, 7);
	assert_count(&totals->kinds[WHATIF_LET_IN], 0, 4, 0);
	assert_count(&totals->kinds[WHATIF_EXPOSED], 0, 0, 5);
	world_free(&world);
}

/* From the first hour with mail to the last one, whatever comes first; of a day the last hour is its 24th. */
static void test_whatif_add_sees_the_first_and_the_last_hour(void **state)
{
	struct world world = world_new("mode = enforce");
	const struct whatif_totals *totals = whatif_totals(world.whatif);
	const struct flow_row made = row("a.example", 3, "", "1 s=m r=x.example a=a.example:pass");
	const struct flow_span spans[] = {
		{ .from_secs = HOUR + 2 * DAY, .span_secs = DAY, .messages = 1 }, { .from_secs = HOUR, .span_secs = 3600, .messages = 1 },
		{ .from_secs = HOUR + DAY, .span_secs = 3600, .messages = 1 },
	};

	(void)state;
	whatif_add(world.whatif, &made, spans, 3);
	assert_int_equal(totals->first_secs, HOUR);
	assert_int_equal(totals->last_secs, HOUR + 2 * DAY + 23 * 3600);
	world_free(&world);
}

static void first_domain(void *arg, const struct whatif_domain *domain)
{
	assert_string_equal(domain->name, "b.example");
	assert_count(&domain->count, 0, 0, 7);
	++*(unsigned *)arg;
}

/* What was too rare to be kept apart: what was done is known, what would be is not. */
static void test_whatif_add_of_kinds_counted_together_tells_no_more_than_sums(void **state)
{
	struct world world = world_new("mode = enforce\nfindings { spf-fail = reject }");
	const struct whatif_totals *totals = whatif_totals(world.whatif);
	struct flow_row other = row("", 20, "", STORE_EVIDENCE_OTHER), known = row("a.example", 3, "", "1 s=m r=x.example a=a.example:pass");

	(void)state;
	other.other = true;
	other.action = "reject";
	other.enforced = true;
	see(whatif_learn, world.whatif, &other);
	see(whatif_add, world.whatif, &other);
	see(whatif_add, world.whatif, &known);
	assert_true(totals->messages == 23 && totals->told == 3 && totals->untold[UNTOLD_OTHER] == 20 && totals->untold_old == 0);
	assert_int_equal(totals->then_enforced[ACTION_REJECT], 20);
	assert_int_equal(totals->all.messages, 3);
	world_free(&world);
}

static void test_whatif_domains_say_how_many_are_left_out(void **state)
{
	struct world world = world_new("mode = enforce\nfindings { spf-fail = reject }");
	struct whatif_count other;
	unsigned seen = 0;

	(void)state;
	add_rows(&world);
	assert_int_equal(whatif_domains(world.whatif, WHATIF_REFUSED, 1, first_domain, &seen, &other), 2);
	assert_int_equal(seen, 1);
	assert_count(&other, 2, 3, 0);
	world_free(&world);
}

/* A policy in dry-run refuses nothing. */
static void test_whatif_add_of_a_dry_run_changes_nothing_but_what_was_refused(void **state)
{
	struct world world = world_new("findings { spf-fail = reject }");
	const struct whatif_totals *totals = whatif_totals(world.whatif);

	(void)state;
	add_rows(&world);
	assert_int_equal(totals->now_dry[ACTION_REJECT], 12);
	assert_int_equal(totals->kinds[WHATIF_REFUSED].messages, 0);
	assert_count(&totals->kinds[WHATIF_LET_IN], 0, 4, 0);
	assert_count(&totals->kinds[WHATIF_EXPOSED], 0, 3, 12);	/* what spf-fail would have refused, too */
	world_free(&world);
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void test_whatif_steps_are_ranked_by_what_they_surely_gain(void **state)
{
	static const struct whatif_weights weights = { .good = 10, .forged = 1, .upkeep = 0.1 };
	struct world world = world_new("mode = enforce\nfindings { spf-fail = reject }");
	struct whatif_step steps[FINDING_COUNT];

	(void)state;
	add_rows(&world);
	assert_int_equal(whatif_steps(world.whatif, &weights, 10, steps), 2);
	assert_int_equal(steps[0].finding, FINDING_DMARC_FAIL);
	assert_int_equal(steps[0].action, ACTION_TAG);
	assert_int_equal(steps[0].seen, 12);
	assert_count(&steps[0].newly, 0, 0, 5);
	assert_true(near(steps[0].gain_low, 4) && near(steps[0].gain, 4) && near(steps[0].gain_high, 4));
	assert_int_equal(steps[0].pays, PAYS_YES);
	assert_true(near(steps[0].mail_ready, 1) && near(steps[0].senders_ready, 1) && near(steps[0].needed, 1 - 4.0 / 1220));

	assert_int_equal(steps[1].finding, FINDING_DKIM_NONE);
	assert_count(&steps[1].newly, 20, 4, 5);
	assert_int_equal(steps[1].senders_hit, 1);
	assert_true(near(steps[1].gain_low, -236) && near(steps[1].gain, -196) && near(steps[1].gain_high, -192));
	assert_int_equal(steps[1].pays, PAYS_NO);
	assert_true(near(steps[1].mail_ready, 102.0 / 122) && near(steps[1].senders_ready, 0.5));
	world_free(&world);
}

static void test_whatif_steps_hang_on_the_weights(void **state)
{
	struct world world = world_new("mode = enforce\nfindings { spf-fail = reject }");
	struct whatif_weights weights = { .good = 1, .forged = 6, .upkeep = 0 };	/* 30 won, 20 lost, 4 unclear at 1 or 6 */
	struct whatif_step steps[FINDING_COUNT];

	(void)state;
	add_rows(&world);
	(void)whatif_steps(world.whatif, &weights, 10, steps);
	assert_int_equal(steps[1].pays, PAYS_YES);
	assert_true(near(steps[1].gain_low, 6) && near(steps[1].gain_high, 34));
	weights.upkeep = 2;		/* of ten days */
	(void)whatif_steps(world.whatif, &weights, 10, steps);
	assert_int_equal(steps[1].finding, FINDING_DKIM_NONE);
	assert_int_equal(steps[1].pays, PAYS_PERHAPS);
	assert_true(near(steps[1].gain_low, -14) && near(steps[1].gain_high, 14));
	assert_true(near(steps[1].needed, 1 - 10.0 / 122));
	weights.upkeep = 3;		/* what perhaps pays stands before what surely does not, though that loses less */
	(void)whatif_steps(world.whatif, &weights, 10, steps);
	assert_true(steps[0].finding == FINDING_DKIM_NONE && steps[0].pays == PAYS_PERHAPS && near(steps[0].gain_low, -24));
	assert_true(steps[1].finding == FINDING_DMARC_FAIL && steps[1].pays == PAYS_NO && near(steps[1].gain_low, 0));
	weights.upkeep = 4;
	(void)whatif_steps(world.whatif, &weights, 10, steps);
	assert_int_equal(steps[0].pays, PAYS_NO);
	assert_true(steps[0].needed > 1);	/* upkeep alone is more than is won */
	world_free(&world);
}

/* EXAMPLES of assay-whatif(7). */
static void test_whatif_steps_of_the_manual(void **state)
{
	struct world world = world_new("mode = enforce");
	struct whatif_weights weights = { WHATIF_GOOD, WHATIF_FORGED, WHATIF_UPKEEP };
	struct whatif_step steps[FINDING_COUNT];
	struct flow_row rows[] = {
		row("a.example", 7960, "", "1 s=m r=x.example a=a.example:pass"),
		row("a.example", 40, "spf-fail", "1 s=m f=spf-fail r=x.example a=a.example:pass"),
		row("b.example", 10, "spf-fail", "1 s=m f=spf-fail r=x.example a=b.example:none d=c.example"),
		row("b.example", 350, "spf-fail", "1 s=m f=spf-fail r=x.example a=b.example:none"),
		row("c.example", 90, "", "1 s=m r=x.example a=c.example:none"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		see(whatif_add, world.whatif, &rows[i]);
	assert_int_equal(whatif_totals(world.whatif)->messages, 8450);
	assert_int_equal(whatif_steps(world.whatif, &weights, 30, steps), 1);
	assert_count(&steps[0].newly, 40, 10, 350);
	assert_true(near(steps[0].gain_low, -180) && near(steps[0].gain_high, -70) && steps[0].pays == PAYS_NO);
	assert_true(near(steps[0].needed, 0.9960) && near(steps[0].mail_ready, 0.9950));
	weights.good = 5;
	(void)whatif_steps(world.whatif, &weights, 30, steps);
	assert_true(near(steps[0].gain_low, 70) && steps[0].pays == PAYS_YES && near(steps[0].needed, 0.9920));
	world_free(&world);
}

static void test_whatif_steps_follow_the_policy(void **state)
{
	static const struct whatif_weights weights = { WHATIF_GOOD, WHATIF_FORGED, WHATIF_UPKEEP };
	struct world world = world_new("mode = enforce\npolicy default { reject-only-secure = yes }");
	struct whatif_step steps[FINDING_COUNT];
	struct flow_row one = row("a.example", 2, "spf-fail", "1 s=m f=spf-fail r=x.example a=a.example:none"),
	    other = row("a.example", 3, "spf-fail", "1 s=m f=spf-fail+ r=x.example a=a.example:none");

	(void)state;
	see(whatif_add, world.whatif, &one);
	see(whatif_add, world.whatif, &other);
	assert_int_equal(whatif_steps(world.whatif, &weights, 1, steps), 1);
	assert_count(&steps[0].newly, 0, 0, 3);		/* insecure evidence is quarantined only */
	assert_int_equal(steps[0].seen, 5);
	world_free(&world);
}

/* A step is in force for all, whatever the ramp of what stands there now. */
static void test_whatif_steps_have_no_ramp(void **state)
{
	static const struct whatif_weights weights = { WHATIF_GOOD, WHATIF_FORGED, WHATIF_UPKEEP };
	struct world world = world_new("mode = enforce\npolicy default { actions { spf-fail = quarantine } ramp \"spf-fail\" { share = 0% } }");
	struct whatif_step steps[FINDING_COUNT];
	struct flow_row one = row("a.example", 2, "spf-fail", "1 s=m f=spf-fail r=x.example a=a.example:none");

	(void)state;
	see(whatif_add, world.whatif, &one);
	assert_int_equal(whatif_steps(world.whatif, &weights, 1, steps), 1);
	assert_int_equal(steps[0].newly.messages, 2);
	world_free(&world);
}

/* What only a policy raises is in no evidence, and seen all the same; of what a step refuses some was held already. */
static void test_whatif_steps_count_what_policies_raise_and_what_was_held(void **state)
{
	static const struct whatif_weights weights = { WHATIF_GOOD, WHATIF_FORGED, WHATIF_UPKEEP };
	struct world world = world_new("mode = enforce\npolicy default { require-cert = yes actions { tls-cert-required = tag spf-fail = quarantine } }");
	struct whatif_step steps[FINDING_COUNT];
	struct flow_row plain = row("a.example", 5, "", "1 s=m r=x.example a=a.example:none"),
	    held = row("a.example", 3, "spf-fail", "1 s=m f=spf-fail r=x.example a=a.example:none");

	(void)state;
	see(whatif_add, world.whatif, &plain);
	see(whatif_add, world.whatif, &held);
	assert_int_equal(whatif_steps(world.whatif, &weights, 1, steps), 2);
	for (size_t i = 0; i < 2; i++) {
		bool cert = steps[i].finding == FINDING_TLS_CERT_REQUIRED;

		assert_true(cert || steps[i].finding == FINDING_SPF_FAIL);
		assert_int_equal(steps[i].seen, cert ? 8 : 3);
		assert_int_equal(steps[i].newly.messages, cert ? 8 : 3);
		assert_int_equal(steps[i].quarantined, 3);
		assert_int_equal(steps[i].action, cert ? ACTION_TAG : ACTION_QUARANTINE);
	}
	world_free(&world);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static size_t columns(const char *line, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += ((unsigned char)line[i] & 0xc0) != 0x80;
	return count;
}

static void test_whatif_print_text_fits_a_terminal_and_is_clean(void **state)
{
	struct world world = world_new("mode = enforce\nfindings { spf-fail = reject }");
	struct whatif_page page = { .policies = "policies of x, enforced", .since_secs = HOUR, .until_secs = HOUR + DAY,
		.weights = { WHATIF_GOOD, WHATIF_FORGED, WHATIF_UPKEEP }, .days = 1, .top = 2 };
	struct flow_row evil = row("\033[2Jaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", 4000000000u, "spf-fail",
	    "1 s=m f=spf-fail r=x.example a=b.example:fail");
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(out);
	add_rows(&world);
	see(whatif_add, world.whatif, &evil);
	whatif_print_text(world.whatif, &page, out);
	assert_int_equal(fclose(out), 0);
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		if (columns(line, strcspn(line, "\n")) > 80)
			fail_msg("%zu columns: %.*s", columns(line, strcspn(line, "\n")), (int)strcspn(line, "\n"), line);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "  other (2 domains) "));
	assert_non_null(strstr(text, "  unreadable "));
	free(text);
	world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signs_look_by_what_the_evidence_shows),
		cmocka_unit_test(test_signs_look_a_forger_is_never_wanted),
		cmocka_unit_test(test_signs_learn_who_carried_proven_mail_of_others_for_weeks),
		cmocka_unit_test(test_signs_learn_counts_days_in_any_order),
		cmocka_unit_test(test_signs_learn_peers_known_before_the_period),
		cmocka_unit_test(test_whatif_add_counts_what_changes),
		cmocka_unit_test(test_whatif_add_sees_the_first_and_the_last_hour),
		cmocka_unit_test(test_whatif_add_of_kinds_counted_together_tells_no_more_than_sums),
		cmocka_unit_test(test_whatif_domains_say_how_many_are_left_out),
		cmocka_unit_test(test_whatif_add_of_a_dry_run_changes_nothing_but_what_was_refused),
		cmocka_unit_test(test_whatif_steps_are_ranked_by_what_they_surely_gain),
		cmocka_unit_test(test_whatif_steps_hang_on_the_weights),
		cmocka_unit_test(test_whatif_steps_of_the_manual),
		cmocka_unit_test(test_whatif_steps_follow_the_policy),
		cmocka_unit_test(test_whatif_steps_have_no_ramp),
		cmocka_unit_test(test_whatif_steps_count_what_policies_raise_and_what_was_held),
		cmocka_unit_test(test_whatif_print_text_fits_a_terminal_and_is_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
