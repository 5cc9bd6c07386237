/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Adds up kinds of flows. Names are kept apart up to a cap (groups.h); what is over it still counts in every sum. Trusts the store for
 * nothing but termination of strings. Out of memory aborts. Thread: one.
 */
#include "report/tally.h"

#include <stdlib.h>
#include <string.h>

#include "report/tally_internal.h"
#include "util/out_of_memory.h"

/* What is carried out today: a policy in dry-run does nothing. */
static void set_now(struct tally *tally)
{
	struct policy_config *policies = arena_memdup(tally->kept, tally->set.policies, tally->set.count * sizeof(*policies));

	for (size_t i = 0; i < tally->set.count; i++) {
		if (policies[i].mode != MODE_ENFORCE)
			memset(policies[i].actions, 0, sizeof(policies[i].actions));	/* ACTION_NONE */
		policies[i].mode = MODE_ENFORCE;
	}
	tally->now = tally->set;
	tally->now.policies = policies;
}

static void make_groups(struct tally *tally)
{
	for (int table = 0; table < MAIL_TABLES; table++)
		tally->mail[table] = groups_new(sizeof(struct mail_counts) / sizeof(uint64_t), NAMES_MAX);
	tally->protection = groups_new(sizeof(struct protection_counts) / sizeof(uint64_t), NAMES_MAX);
	tally->clients = groups_new(sizeof(struct client_counts) / sizeof(uint64_t), NAMES_MAX);
	tally->client_authors = groups_new(1, PAIRS_MAX);
	tally->overrides = groups_new(sizeof(struct override_counts) / sizeof(uint64_t), NAMES_MAX);
	tally->versions = groups_new(sizeof(struct use_counts) / sizeof(uint64_t), MASK_BITS - 1);
	tally->suites = groups_new(sizeof(struct use_counts) / sizeof(uint64_t), MASK_BITS - 1);
	tally->mechanisms = groups_new(sizeof(struct use_counts) / sizeof(uint64_t), MASK_BITS - 1);
	tally->networks = groups_new(sizeof(struct network_masks) / sizeof(uint64_t), PAIRS_MAX);
	tally->downgraded = groups_new(2, NAMES_MAX);
	tally->changed = groups_new(3, NAMES_MAX);
	tally->settled = groups_new(3, NAMES_MAX);
	tally->pinned = groups_new(3, NAMES_MAX);
	tally->dns_domains = groups_new(2, NAMES_MAX);
}

struct tally *tally_new(const struct config *config, const struct policy_set *set, int64_t since_secs, int64_t until_secs)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	int64_t days;

	if (tally == NULL)
		out_of_memory();
	tally->config = config;
	tally->set = *set;
	tally->since_secs = since_secs;
	tally->until_secs = until_secs;
	tally->arena = arena_new();
	tally->kept = arena_new();
	set_now(tally);
	tally->whatif = whatif_new(config, &tally->now, since_secs);
	make_groups(tally);
	tally_set_brakes(tally, NULL);
	/* days from the first one asked for, or the last so many of them */
	days = until_secs / DAY_SECS - since_secs / DAY_SECS + 1;
	tally->day_count = days < 1 ? 1 : days > DAYS_MAX ? DAYS_MAX : (size_t)days;
	tally->first_day = until_secs / DAY_SECS + 1 - (int64_t)tally->day_count;
	tally->days = calloc(tally->day_count, sizeof(*tally->days));
	if (tally->days == NULL)
		out_of_memory();
	return tally;
}

void tally_set_brakes(struct tally *tally, const struct brakes *brakes)
{
	const struct policy_set *const set = &tally->set;

	tally->epochs = epochs_make(&set, 1, brakes, tally->kept);
	whatif_set_brakes(tally->whatif, brakes);
}

bool tally_is_dated(const struct tally *tally)
{
	return tally->epochs.count != 0;
}

void tally_free(struct tally **tally)
{
	struct tally *old = *tally;

	*tally = NULL;
	if (old == NULL)
		return;
	for (int table = 0; table < MAIL_TABLES; table++)
		groups_free(&old->mail[table]);
	groups_free(&old->protection);
	groups_free(&old->clients);
	groups_free(&old->client_authors);
	groups_free(&old->overrides);
	groups_free(&old->versions);
	groups_free(&old->suites);
	groups_free(&old->mechanisms);
	groups_free(&old->networks);
	groups_free(&old->downgraded);
	groups_free(&old->changed);
	groups_free(&old->settled);
	groups_free(&old->pinned);
	groups_free(&old->dns_domains);
	whatif_free(&old->whatif);
	free(old->days);
	arena_free(&old->arena);
	arena_free(&old->kept);
	free(old);
}

void tally_learn(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	whatif_learn(((struct tally *)arg)->whatif, kind, spans, count);
}

void tally_peer(void *arg, const char *peer, const struct peer_memory *memory)
{
	struct tally *tally = arg;
	const struct config *config = tally->config;
	const struct peer_rules rules = { config->habit_min_sessions, config->habit_min_days, config->habit_min_share_percent,
		config->habit_settle_secs / DAY_SECS };
	struct peer_counts *peers = &tally->peers;
	const struct { bool is; struct groups *groups; uint64_t weight; int64_t secs; } kinds[] = {
		{ memory->changed_secs != 0, tally->changed, memory->changed_sessions, memory->changed_secs },
		{ memory->settled_secs != 0, tally->settled, memory->sessions, memory->settled_secs },
		{ memory->pinned, tally->pinned, memory->sessions, memory->last_secs },
	};

	whatif_learn_peer(tally->whatif, peer, memory);
	peers->peers++;
	peers->sessions += memory->sessions;
	peers->habit += peer_has_tls_habit(memory, &rules);
	peers->changed += kinds[0].is;
	peers->settled += kinds[1].is;
	peers->pinned += kinds[2].is;
	peers->usual[peer_usual_grade(memory, &rules)]++;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t *counts = kinds[i].is ? groups_at(kinds[i].groups, peer) : NULL;

		if (counts == NULL)
			continue;
		counts[0] += kinds[i].weight;
		counts[1] += memory->sessions;
		counts[2] = (uint64_t)kinds[i].secs;
	}
}

/* ---- a kind ------------------------------------------------------------------------------------------------------ */

static void count_mail(struct mail_counts *counts, const struct tally_kind *kind, uint64_t messages)
{
	counts->messages += messages;
	if (kind->now.why == UNTOLD_NOT)
		counts->would[kind->now.decision.action] += messages;
	else
		counts->untold += messages;
	counts->looks[kind->looks.look] += messages;
}

static void count_days(struct tally *tally, const struct tally_kind *kind)
{
	for (size_t i = 0; i < kind->span_count; i++) {
		const struct flow_span *span = &kind->spans[i];
		int64_t day = span->from_secs / DAY_SECS - tally->first_day, last = (int64_t)tally->day_count - 1;
		struct day_counts *counts = &tally->days[day < 0 ? 0 : day > last ? last : day];

		count_mail(&counts->mail, kind, span->messages);
		*(kind->graded ? &counts->grades[kind->grade] : &counts->ungraded) += span->messages;
		if (tally->first_secs == 0 || span->from_secs < tally->first_secs)
			tally->first_secs = span->from_secs;
		if (span->from_secs > tally->last_secs)
			tally->last_secs = span->from_secs;
	}
}

/* A finding that a policy raises itself is not among the row's. */
static void count_findings(struct tally *tally, const struct tally_kind *kind)
{
	const struct decision *decision = &kind->now.decision;
	bool told = kind->now.why == UNTOLD_NOT, decides = told && decision->finding < FINDING_COUNT;
	uint64_t messages = kind->row->messages;
	finding_set present = kind->past.findings;

	if (decides)
		finding_set_add(&present, decision->finding);
	FINDING_SET_EACH(&present, id)
		tally->findings[id].present += messages;
	if (decides) {
		struct finding_counts *counts = &tally->findings[decision->finding];

		counts->decided += messages;
		counts->actions[decision->action] += messages;
		counts->looks[kind->looks.look] += messages;
	}
	tally->undecided += told && !decides ? messages : 0;
}

/* A day's kinds over a cap are one row, of which only the sums are known. */
static const char *name_of(const struct flow_row *row, const char *name)
{
	return row->other ? "(not told apart)" : name[0] != '\0' ? name : "(none)";
}

static void count_names(struct tally *tally, const struct tally_kind *kind)
{
	const struct evidence *evidence = &kind->past.evidence;
	uint64_t messages = kind->row->messages;

	count_mail(groups_at(tally->mail[MAIL_AUTHORS], kind->author), kind, messages);
	count_mail(groups_at(tally->mail[MAIL_ENVELOPES], kind->envelope), kind, messages);
	count_mail(groups_at(tally->mail[MAIL_CLIENTS], kind->client), kind, messages);
	if (evidence->recipient_count == 0) {
		count_mail(groups_at(tally->mail[MAIL_RECIPIENTS], name_of(kind->row, "(unknown)")), kind, messages);
		tally->copies += messages;
	}
	for (size_t i = 0; i < evidence->recipient_count; i++) {
		const struct recipient_place *place = &evidence->recipients[i];

		count_mail(groups_at(tally->mail[MAIL_RECIPIENTS], place->domain != NULL ? place->domain :
		    place->where == RECIPIENT_LOCAL ? "(local mailbox)" : "(unknown)"), kind, messages);
		tally->copies += messages;
	}
}

static void count_totals(struct tally *tally, const struct tally_kind *kind)
{
	const struct flow_row *row = kind->row;
	bool refuses = kind->now.decision.action == ACTION_DEFER || kind->now.decision.action == ACTION_REJECT;
	enum action then;

	tally->kinds += kind->first;
	tally->sessions += row->sessions;
	tally->sessionless += row->sessions_unknown ? row->messages : 0;
	tally->old += kind->past.old ? row->messages : 0;
	tally->bytes += row->bytes;
	count_mail(&tally->all, kind, row->messages);
	if (action_from_name(row->action, &then) != 0)
		then = ACTION_NONE;
	(row->enforced ? tally->carried_out : tally->told)[then] += row->messages;
	for (unsigned sign = 0; sign < SIGN_COUNT; sign++)
		tally->signs[sign] += (kind->looks.signs >> sign & 1) != 0 ? row->messages : 0;
	if (kind->now.why == UNTOLD_NOT) {
		tally->action_looks[kind->now.decision.action][kind->looks.look] += row->messages;
		tally->partly += kind->now.partly && !refuses ? row->messages : 0;
		return;
	}
	tally->untold[kind->now.why] += row->messages;
	tally->untold_old += kind->past.old ? row->messages : 0;
}

static const char *client_name(struct arena *arena, const struct evidence *evidence, const char *network)
{
	if (evidence->client_name != NULL)
		return evidence->client_name;
	return network[0] != '\0' ? arena_printf(arena, "[%s]", network) : "(none)";
}

static bool read_grade(const char *name, enum tls_grade *grade_r)
{
	for (int grade = TLS_GRADE_NONE; grade <= TLS_GRADE_STRONG; grade++) {
		if (strcmp(name, tls_grade_name((enum tls_grade)grade)) == 0) {
			*grade_r = (enum tls_grade)grade;
			return true;
		}
	}
	return false;
}

static void add_part(void *arg, const struct epoch_part *part)
{
	struct tally *tally = arg;
	const struct flow_row *row = &part->row;
	struct tally_kind kind = { .row = row, .spans = part->spans, .span_count = part->count, .grade = TLS_GRADE_NONE, .first = part->first,
		.author = name_of(row, row->author_domain), .envelope = name_of(row, row->envelope_domain) };

	arena_reset(tally->arena);
	replay_read(tally->config, row, tally->arena, &kind.past);
	epochs_date(&tally->epochs, part, &kind.past.evidence);
	policy_replay(&tally->set, &kind.past.evidence, tally->arena, &kind.now);
	kind.looks = whatif_looks(tally->whatif, &kind.past.evidence);
	kind.graded = read_grade(row->tls_grade, &kind.grade);
	kind.client = row->other ? name_of(row, "") : client_name(tally->arena, &kind.past.evidence, row->client_network);
	count_totals(tally, &kind);
	count_days(tally, &kind);
	count_findings(tally, &kind);
	count_names(tally, &kind);
	tally_add_tls(tally, &kind);
	tally_add_senders(tally, &kind);
	tally_add_dns(tally, &kind);
}

void tally_add(void *arg, const struct flow_row *row, const struct flow_span *spans, size_t count)
{
	struct tally *tally = arg;

	if (row->messages == 0)
		return;
	epochs_each(&tally->epochs, row, spans, count, add_part, tally);
	whatif_add(tally->whatif, row, spans, count);
}

struct page *tally_page(struct tally *tally, struct arena *arena, const char *policies, size_t top)
{
	struct page *page = page_new(arena, policies, tally->since_secs, tally->until_secs);
	const struct sections sections = { tally, page, arena, top };

	sections_overview(&sections);
	sections_steps(&sections);
	sections_policy(&sections);
	sections_protection(&sections);
	sections_tls(&sections);
	sections_peers(&sections);
	sections_forwarders(&sections);
	sections_dns(&sections);
	sections_untold(&sections);
	return page;
}
