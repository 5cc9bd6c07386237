/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is recorded of a message decides as the message did. Random messages under random policies: one configuration records, another
 * (or the same) is asked about the record; the oracle runs the message itself under that one, recipient by recipient as assayd does.
 * Told has to be what the run comes to, always. Nothing may be untold of what fits the stored form.
 * ASSAY_ROUNDS: how many pairs of configurations; each judges MESSAGES messages.
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
#include "policy/evidence_text.h"
#include "policy/recorded.h"
#include "util/arena.h"

enum { ROUNDS = 400, MESSAGES = 50, PLACES = MODEL_RECIPIENTS + MODEL_HIDDEN };

struct tally { unsigned pairs, told, acted, untold[UNTOLD_COUNT]; };

static unsigned rounds_wanted(void)
{
	const char *text = getenv("ASSAY_ROUNDS");

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : ROUNDS;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* How a message ends under some policies. */
struct ending {
	enum finding_stage stage;
	struct decision decision;
	struct evidence evidence;	/* as it is recorded then */
};

static struct evidence evidence_at_rcpt(const struct model *model, const struct recipient_place *places, size_t count,
    struct arena *arena)
{
	struct evidence evidence;

	evidence_make(&(struct evidence_input){ .stage = FINDING_STAGE_ENVELOPE, .facts = &model->facts, .author = &model->author,
		.results = &model->at_rcpt, .recipients = places, .recipient_count = count, .brakes = &model->brakes }, arena, &evidence);
	return evidence;
}

static bool refused(const struct policy_set *set, const struct model *model, const struct recipient_place *place,
    struct arena *arena)
{
	struct evidence evidence = evidence_at_rcpt(model, place, 1, arena);
	struct decision decision = policy_judge(set, &evidence, arena);

	return decision.enforced && (decision.action == ACTION_DEFER || decision.action == ACTION_REJECT);
}

/* What all judged recipients together come to. */
static void raise_over_cap(const struct model *model, struct evidence_input *input, struct arena *arena)
{
	struct results *results = arena_memdup(arena, &model->results, sizeof(model->results));

	if (!results->exempt)
		results_raise(results, FINDING_LIMIT_EXCEEDED, NULL, "more recipients than are weighed", DNS_SECURE);
	input->recipients_over_cap = true;
	input->results = results;
}

static void say_more(struct evidence *evidence, bool more)
{
	evidence->lacks |= more ? EVIDENCE_LACKS_RECIPIENTS : 0;
	evidence->over_cap_but_for_refused = more && !evidence->recipients_over_cap;
}

/* Recipients in the order in which they come. So many as the model lists are weighed: those that were refused do not count. */
static struct ending run(const struct policy_set *set, const struct model *model, struct arena *arena)
{
	struct recipient_place *taken = arena_calloc(arena, PLACES, sizeof(*taken)), *gone = arena_calloc(arena, PLACES, sizeof(*gone));
	struct evidence_input input = { .stage = FINDING_STAGE_MESSAGE, .facts = &model->facts, .author = &model->author,
		.results = &model->results, .recipients = taken, .refused = gone, .brakes = &model->brakes };
	bool acts = policy_acts_at_rcpt(set) && !model->results.exempt;
	struct ending ending = { .stage = FINDING_STAGE_MESSAGE };
	bool more;

	for (size_t i = 0; i < model->place_count + model->hidden_count; i++) {
		const struct recipient_place *place = i >= model->place_count ? &model->hidden[i - model->place_count] : &model->places[i];

		if (acts && refused(set, model, place, arena))
			gone[input.refused_count++] = *place;
		else if (input.recipient_count == model->place_count)
			raise_over_cap(model, &input, arena);
		else
			taken[input.recipient_count++] = *place;
	}
	/* had nobody been refused, there would be some over the cap */
	more = input.refused_count + input.recipient_count > model->place_count;
	if (input.recipient_count == 0 && !input.recipients_over_cap) {
		ending.stage = input.stage = FINDING_STAGE_ENVELOPE;
		input.results = &model->at_rcpt;
		ending.evidence = evidence_at_rcpt(model, gone, input.refused_count, arena);
		ending.decision = policy_judge(set, &ending.evidence, arena);
		evidence_make(&input, arena, &ending.evidence);
		say_more(&ending.evidence, more);
		return ending;
	}
	evidence_make(&input, arena, &ending.evidence);
	ending.decision = policy_judge(set, &ending.evidence, arena);
	say_more(&ending.evidence, more);
	return ending;
}

/* ---- told and untold --------------------------------------------------------------------------------------------- */

static void assert_same(const struct decision *told, const struct decision *live, bool all, const char *text)
{
	bool same = told->action == live->action && (told->action == ACTION_NONE || told->enforced == live->enforced);

	if (all)
		same = same && told->finding == live->finding && strcmp(told->policy, live->policy) == 0 && told->enforced == live->enforced;
	if (!same)
		fail_msg("told %s by %s for %s, but it was %s by %s for %s: %s", action_name(told->action), told->policy,
		    told->finding < FINDING_COUNT ? findings_table[told->finding].name : "-", action_name(live->action), live->policy,
		    live->finding < FINDING_COUNT ? findings_table[live->finding].name : "-", text);
}

/* Whether some policy tells hosts of the client's recorded network apart. */
static bool network_is_cut(const struct policy_set *set, const struct evidence *recorded)
{
	for (size_t i = 0; i < set->count; i++) {
		for (size_t n = 0; n < set->policies[i].client_networks.count; n++) {
			const struct ip_network *network = &set->policies[i].client_networks.items[n];

			if (network->prefix_bits > recorded->client.prefix_bits && network_contains(&recorded->client, &network->addr))
				return true;
		}
	}
	return false;
}

enum { NEVER_WHOLE = EVIDENCE_LACKS_MAILBOXES | EVIDENCE_LACKS_CLIENT_NAME };

/* What the record never has whole, and no policy of the set asks for. */
static unsigned unasked(const struct policy_set *set)
{
	unsigned lacks = NEVER_WHOLE;

	for (size_t i = 0; i < set->count; i++) {
		if (set->policies[i].recipients.count != 0)
			lacks &= ~(unsigned)EVIDENCE_LACKS_MAILBOXES;
		if (set->policies[i].client_names.count != 0)
			lacks &= ~(unsigned)EVIDENCE_LACKS_CLIENT_NAME;
	}
	return lacks;
}

/* What stands in other columns than the text. */
struct beside { unsigned lacks, span_secs; finding_set unlooked; int64_t time_secs; const struct brakes *brakes; };

static struct beside beside_of(const struct evidence *evidence)
{
	unsigned span_secs = evidence->span_secs != 0 ? evidence->span_secs : 3600;

	return (struct beside){ .lacks = evidence->lacks & (EVIDENCE_LACKS_PRESSURE | EVIDENCE_LACKS_AUTH), .unlooked = evidence->unlooked, .span_secs = span_secs,
		.time_secs = evidence->time_secs - evidence->time_secs % (int64_t)span_secs, .brakes = evidence->brakes };
}

/* Reads a text back and asks about it. */
static struct recorded_decision ask(const struct policy_set *set, const char *text, struct beside beside, struct arena *arena,
    struct evidence *read_r)
{
	struct recorded_decision recorded;

	assert_int_equal(evidence_read(text, arena, read_r), 0);
	assert_string_equal(evidence_write(read_r, arena), text);
	read_r->lacks |= beside.lacks;
	read_r->unlooked = beside.unlooked;
	read_r->time_secs = beside.time_secs;
	read_r->span_secs = beside.span_secs;
	read_r->brakes = beside.brakes;
	policy_replay(set, read_r, arena, &recorded);
	return recorded;
}

static bool has_doubt(const struct brakes *brakes)
{
	return brakes->count != 0 && brakes->items[0].unsure;
}

/* One record under the policies of set, which would have ended live. */
static void check_pair(const struct policy_set *set, const struct evidence *evidence, const struct ending *live, bool same_stage,
    struct arena *arena, struct tally *tally)
{
	const char *text = evidence_write(evidence, arena);
	struct evidence read;
	struct recorded_decision recorded = ask(set, text, beside_of(evidence), arena, &read);
	bool all_kept = evidence->lacks == 0 && finding_set_is_empty(&evidence->unlooked) && (read.lacks & ~unasked(set)) == 0 && !read.recipients_over_cap;
	bool fits = all_kept && !network_is_cut(set, &read) && same_stage && evidence->span_secs == 0 && !has_doubt(evidence->brakes);

	tally->pairs++;
	tally->untold[recorded.why]++;
	if (recorded.why == UNTOLD_NOT) {
		assert_same(&recorded.decision, &live->decision, fits, text);
		tally->told++;
		tally->acted += recorded.decision.action != ACTION_NONE;
	} else if (fits) {
		fail_msg("cannot tell (%s) although all is there: %s", untold_name(recorded.why), text);
	}
}

/* One finding is not there, for nobody looked for it. */
static void forget_a_finding(struct evidence *evidence)
{
	enum finding_id id = evidence->finding_count != 0 ? evidence->findings[random_below((unsigned)evidence->finding_count)].id :
	    (enum finding_id)random_below(FINDING_COUNT);
	size_t kept = 0;

	for (size_t i = 0; i < evidence->finding_count; i++)
		if (evidence->findings[i].id != id)
			evidence->findings[kept++] = evidence->findings[i];
	evidence->finding_count = kept;
	finding_set_add(&evidence->unlooked, id);
}

/* A forecast that does not know when brakes come on. */
static void doubt_brakes(struct evidence *evidence, struct arena *arena)
{
	struct brakes *brakes = arena_memdup(arena, evidence->brakes, sizeof(*brakes));
	struct brake *items = brakes->count != 0 ? arena_memdup(arena, brakes->items, brakes->count * sizeof(*items)) : NULL;

	for (size_t i = 0; i < brakes->count; i++)
		items[i].unsure = true;
	brakes->items = items;
	evidence->brakes = brakes;
}

/* Takes something away and says so. What is then still told has to be true all the same. */
static void forget(struct evidence *evidence, struct arena *arena)
{
	size_t *const counts[] = { &evidence->recipient_count, &evidence->author_count, &evidence->finding_count };
	static const enum evidence_lack lacks[] = { EVIDENCE_LACKS_RECIPIENTS, EVIDENCE_LACKS_AUTHORS, EVIDENCE_LACKS_FINDINGS };
	unsigned what = random_below(21);

	if (what < 3) {
		evidence->lacks |= lacks[what];
		if (*counts[what] != 0)
			--*counts[what];
	} else if (what == 3) {		/* of a domain either all passes are known or none */
		evidence->lacks |= EVIDENCE_LACKS_SIGNATURES;
		evidence->pass_count = 0;
	} else if (what == 4) {
		evidence->lacks |= EVIDENCE_LACKS_SPF;
	} else if (what == 5) {
		evidence->dns_pressed = false;
		evidence->lacks |= EVIDENCE_LACKS_PRESSURE;
	} else if (what == 6) {
		forget_a_finding(evidence);
	} else if (what == 7) {
		evidence->lacks |= EVIDENCE_LACKS_CERT;
	} else if (what == 8) {
		evidence->lacks |= EVIDENCE_LACKS_ENVELOPE;
		evidence->envelope_domain = NULL;
		evidence->null_sender = false;
	} else if (what == 9) {
		evidence->lacks |= EVIDENCE_LACKS_CLIENT_NAME;
		evidence->client_name = NULL;
		evidence->client_name_unknown = evidence->client_name_secure = false;
	} else if (what == 13 || what == 14) {
		evidence->span_secs = 86400;
	} else if (what > 14) {
		doubt_brakes(evidence, arena);
	} else if (what == 10) {
		evidence->lacks |= EVIDENCE_LACKS_LISTENER;
		evidence->listener = NULL;
	} else if (what == 11) {
		evidence->lacks |= EVIDENCE_LACKS_OVERRIDES;
		evidence->waivable_count = 0;
	} else {
		evidence->lacks |= EVIDENCE_LACKS_AUTH;
		evidence->authenticated = false;
	}
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static void judge_one(const struct policy_set *recorder, const struct policy_set *asked, bool wide, struct arena *arena,
    struct tally *plain, struct tally *gaps)
{
	struct model model;
	struct ending then, now;
	bool same_stage;

	model_random(&model, arena, wide);
	then = run(recorder, &model, arena);
	now = run(asked, &model, arena);
	/* what was refused at RCPT says nothing of what would have followed */
	same_stage = then.stage == FINDING_STAGE_MESSAGE || now.stage == FINDING_STAGE_ENVELOPE;
	check_pair(asked, &then.evidence, &now, same_stage, arena, plain);
	check_pair(recorder, &then.evidence, &then, true, arena, plain);
	forget(&then.evidence, arena);
	check_pair(asked, &then.evidence, &now, same_stage, arena, gaps);
}

static void print_tally(const char *title, const struct tally *tally)
{
	print_message("%s: %u pairs, %u told, %u with an action; cannot tell:", title, tally->pairs, tally->told, tally->acted);
	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++)
		print_message(" %s %u", untold_name((enum untold)why), tally->untold[why]);
	print_message("\n");
}

static void run_rounds(bool wide, struct tally *plain, struct tally *gaps)
{
	struct arena *arena = arena_new();

	for (unsigned round = rounds_wanted(); round > 0; round--) {
		const struct config *first = config_random(), *second = config_random();
		const struct policy_set recorder = policy_set_of(first), asked = policy_set_of(second);

		for (unsigned i = 0; i < MESSAGES; i++) {
			judge_one(&recorder, &asked, wide, arena, plain, gaps);
			arena_reset(arena);
		}
		config_unref(&first);
		config_unref(&second);
	}
	arena_free(&arena);
}

/* Few recipients, short names: all of it is kept. */
static void test_policy_replay_is_the_run_where_all_is_kept(void **state)
{
	struct tally plain = { .pairs = 0 }, gaps = { .pairs = 0 };

	(void)state;
	srand(10);
	run_rounds(false, &plain, &gaps);
	print_tally("kept", &plain);
	print_tally("with gaps", &gaps);
	assert_int_equal(plain.untold[UNTOLD_RECIPIENTS] + plain.untold[UNTOLD_AUTHORS] + plain.untold[UNTOLD_SIGNATURES] +
	    plain.untold[UNTOLD_SPF] + plain.untold[UNTOLD_CERT] + plain.untold[UNTOLD_FINDINGS] + plain.untold[UNTOLD_UNREADABLE], 0);
	/* else it would show nothing */
	assert_true(plain.told > plain.pairs / 10 * 8 && plain.acted > plain.pairs / 4 && gaps.told > gaps.pairs / 4);
	for (int why = UNTOLD_AT_RCPT; why < UNTOLD_COUNT; why++)
		assert_true(gaps.untold[why] != 0);
}

static void test_policy_replay_is_the_run_or_cannot_tell(void **state)
{
	struct tally plain = { .pairs = 0 }, gaps = { .pairs = 0 };

	(void)state;
	srand(11);
	run_rounds(true, &plain, &gaps);
	print_tally("wide", &plain);
	print_tally("wide with gaps", &gaps);
	assert_true(plain.told > plain.pairs / 10 * 7 && plain.acted > plain.pairs / 4);
	assert_true(plain.untold[UNTOLD_RECIPIENTS] != 0 && plain.untold[UNTOLD_SIGNATURES] != 0);
}

/* Of a client whose address was not kept nothing is told exactly when two hosts of its network fare differently. */
static void test_policy_replay_tells_the_client_apart_only_where_it_matters(void **state)
{
	struct arena *arena = arena_new();
	unsigned untold = 0;

	(void)state;
	srand(12);
	for (unsigned round = rounds_wanted(); round > 0; round--) {
		const struct config *config = config_random();
		const struct policy_set set = policy_set_of(config);
		struct recorded_decision recorded;
		struct evidence read;
		struct ending first, other;
		struct model model;
		bool differ = false;

		model_random(&model, arena, false);
		assert_int_equal(addr_parse("192.0.2.0", &model.connection.client), 0);
		first = run(&(struct policy_set){ .policies = &set.policies[set.count - 1], .count = 1 }, &model, arena);
		recorded = ask(&set, evidence_write(&first.evidence, arena), beside_of(&first.evidence), arena, &read);
		first = run(&set, &model, arena);
		for (unsigned host = 1; host < 256; host++) {
			model.connection.client.bytes[3] = (uint8_t)host;
			other = run(&set, &model, arena);
			differ = differ || other.decision.action != first.decision.action ||
			    (other.decision.action != ACTION_NONE && other.decision.enforced != first.decision.enforced);
		}
		if (recorded.why != UNTOLD_AT_RCPT && unasked(&set) == NEVER_WHOLE)
			assert_int_equal(recorded.why, differ ? UNTOLD_CLIENT : UNTOLD_NOT);
		untold += differ;
		config_unref(&config);
		arena_reset(arena);
	}
	assert_true(untold != 0);
	arena_free(&arena);
}

/*
 * Where the most lenient counts, the one who is recorded decides as long as he is weighed. If some who were refused then are not now, they
 * come before him, and he may be over the cap.
 */
static void test_policy_replay_lenient_does_not_count_on_who_may_be_pushed_out(void **state)
{
	static const char text[] = "mode = enforce several-recipients = lenient\nfindings { dmarc-reject = quarantine limit-exceeded = none }\n"
	    "policy gold { recipient-domains = gold.example actions { dmarc-reject = tag } }\n";
	const struct config *config = config_load_buffer(text, sizeof(text) - 1, "test", stderr);
	struct evidence_finding finding = { .id = FINDING_DMARC_REJECT, .secure = true };
	const struct evidence_author author = { .domain = "author.example", .dmarc = RESULT_FAIL };
	const struct recipient_place gold = { .where = RECIPIENT_AT_DOMAIN, .domain = "gold.example" };
	struct evidence evidence = { .stage = FINDING_STAGE_MESSAGE, .findings = &finding, .finding_count = 1, .recipients = &gold,
		.recipient_count = 1, .authors = &author, .author_count = 1, .lacks = EVIDENCE_LACKS_RECIPIENTS };
	struct arena *arena = arena_new();
	struct recorded_decision recorded;
	struct policy_set set;

	(void)state;
	assert_non_null(config);
	set = policy_set_of(config);
	assert_int_equal(network_parse("192.0.2.1", &evidence.client), 0);
	policy_replay(&set, &evidence, arena, &recorded);
	assert_int_equal(recorded.why, UNTOLD_NOT);
	assert_int_equal(recorded.decision.action, ACTION_TAG);
	evidence.over_cap_but_for_refused = true;
	policy_replay(&set, &evidence, arena, &recorded);
	assert_int_equal(recorded.why, UNTOLD_RECIPIENTS);
	config_unref(&config);
	arena_free(&arena);
}

/* The same message in another order is the same row. */
static void test_evidence_write_is_one_text_for_one_message(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	srand(13);
	for (unsigned round = rounds_wanted() * MESSAGES / 10; round > 0; round--) {
		struct model model;
		struct evidence first, second;
		struct evidence_input input = { .stage = FINDING_STAGE_MESSAGE, .facts = &model.facts, .author = &model.author,
			.results = &model.results, .recipients = model.places };

		model_random(&model, arena, true);
		input.recipient_count = model.place_count;
		evidence_make(&input, arena, &first);
		model_shuffle(&model);
		evidence_make(&input, arena, &second);
		assert_string_equal(evidence_write(&first, arena), evidence_write(&second, arena));
		assert_true(strlen(evidence_write(&first, arena)) <= EVIDENCE_TEXT_MAX);
		arena_reset(arena);
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_replay_is_the_run_where_all_is_kept),
		cmocka_unit_test(test_policy_replay_is_the_run_or_cannot_tell),
		cmocka_unit_test(test_policy_replay_tells_the_client_apart_only_where_it_matters),
		cmocka_unit_test(test_policy_replay_lenient_does_not_count_on_who_may_be_pushed_out),
		cmocka_unit_test(test_evidence_write_is_one_text_for_one_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
