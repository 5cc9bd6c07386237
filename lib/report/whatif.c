/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds → sums. Kinds of equal evidence come to the same, so what came of one is kept (uthash, VERDICTS_MAX bytes, then begun anew);
 * author domains over MAX_SENDERS are added up under one name. Trusts the store for nothing but termination of strings. Out of
 * memory aborts. Thread: one.
 */
#include "report/whatif.h"

#include <stdlib.h>
#include <string.h>

#include "report/replay.h"
#include "report/whatif_internal.h"
#include "util/out_of_memory.h"

enum { HOUR_SECS = 3600, MAX_SENDERS = 100000, VERDICTS_MAX = 24 << 20 };

static const char over_cap[] = "(others)";

const char *fate_name(enum fate fate)
{
	static const char *const names[FATE_COUNT] = { "delivered", "delayed", "quarantined", "refused" };

	return names[fate];
}

struct whatif *whatif_new(const struct config *config, const struct policy_set *set, int64_t since_secs)
{
	struct whatif *whatif = calloc(1, sizeof(*whatif));

	if (whatif == NULL)
		out_of_memory();
	whatif->config = config;
	whatif->set = *set;
	whatif->signs = signs_new(config, since_secs);
	whatif->arena = arena_new();
	whatif->kept = arena_new();
	whatif_set_brakes(whatif, NULL);
	steps_prepare(whatif);
	return whatif;
}

void whatif_set_brakes(struct whatif *whatif, const struct brakes *brakes)
{
	const struct policy_set *const set = &whatif->set;
	struct brakes *copy = NULL;

	if (brakes != NULL) {
		copy = arena_memdup(whatif->kept, brakes, sizeof(*brakes));
		if (brakes->count != 0)
			copy->items = arena_memdup(whatif->kept, brakes->items, brakes->count * sizeof(*brakes->items));
	}
	whatif->epochs = epochs_make(&set, 1, copy, whatif->kept);
}

const struct brakes *whatif_brakes(const struct whatif *whatif)
{
	return whatif->epochs.brakes;
}

static void verdicts_free(struct whatif *whatif)
{
	struct verdict *verdict, *next;

	HASH_ITER(hh, whatif->verdicts, verdict, next) {
		HASH_DEL(whatif->verdicts, verdict);
		free(verdict);
	}
	whatif->verdict_bytes = 0;
}

void whatif_free(struct whatif **whatif)
{
	struct whatif *old = *whatif;
	struct sender *sender, *next;

	*whatif = NULL;
	if (old == NULL)
		return;
	verdicts_free(old);
	HASH_ITER(hh, old->senders, sender, next) {
		HASH_DEL(old->senders, sender);
		free(sender);
	}
	steps_free(old);
	signs_free(&old->signs);
	arena_free(&old->arena);
	arena_free(&old->kept);
	free(old);
}

void whatif_learn_peer(void *arg, const char *peer, const struct peer_memory *memory)
{
	signs_learn_peer(((struct whatif *)arg)->signs, peer, memory);
}

void whatif_learn(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct whatif *whatif = arg;
	struct replay_past past;

	arena_reset(whatif->arena);
	replay_read(whatif->config, kind, whatif->arena, &past);
	for (size_t i = 0; i < count; i++)
		signs_learn(whatif->signs, spans[i].from_secs, &past.evidence);
}

struct looks whatif_looks(const struct whatif *whatif, const struct evidence *evidence)
{
	return signs_look(whatif->signs, evidence);
}

/* ---- one row ----------------------------------------------------------------------------------------------------- */

static struct verdict *verdict_new(struct whatif *whatif, const struct epoch_part *part, const char *key)
{
	size_t bytes = sizeof(struct verdict) + strlen(key) + 1;
	struct verdict *verdict = calloc(1, bytes);
	struct replay_past past;

	if (verdict == NULL)
		out_of_memory();
	whatif->verdict_bytes += bytes;
	strcpy(verdict->text, key);
	replay_read(whatif->config, &part->row, whatif->arena, &past);
	epochs_date(&whatif->epochs, part, &past.evidence);
	verdict->seen = past.findings;
	verdict->old = past.old;
	verdict->looks = signs_look(whatif->signs, &past.evidence);
	policy_replay(&whatif->set, &past.evidence, whatif->arena, &verdict->now);
	if (verdict->now.why == UNTOLD_NOT)
		steps_ask(whatif, &past.evidence, verdict);
	return verdict;
}

/* Rows without evidence differ by their other columns. They stand in the table, too, so that somebody frees them. */
static const struct verdict *verdict_of(struct whatif *whatif, const struct epoch_part *part)
{
	const char *key = arena_printf(whatif->arena, "%s|%s|%s", part->name, part->row.results, part->row.evidence);
	struct verdict *verdict = NULL;

	if (whatif->verdict_bytes >= VERDICTS_MAX)
		verdicts_free(whatif);
	HASH_FIND_STR(whatif->verdicts, key, verdict);
	if (verdict != NULL && !verdict->old)
		return verdict;
	if (verdict != NULL) {
		whatif->verdict_bytes -= sizeof(*verdict) + strlen(verdict->text) + 1;
		HASH_DEL(whatif->verdicts, verdict);
		free(verdict);
	}
	verdict = verdict_new(whatif, part, key);
	HASH_ADD_STR(whatif->verdicts, text, verdict);
	return verdict;
}

static struct sender *sender_of(struct whatif *whatif, const char *name)
{
	struct sender *sender;

	name = name[0] != '\0' ? name : "(none)";
	HASH_FIND_STR(whatif->senders, name, sender);
	if (sender == NULL && HASH_COUNT(whatif->senders) >= MAX_SENDERS) {
		name = over_cap;
		HASH_FIND_STR(whatif->senders, name, sender);
	}
	if (sender == NULL) {
		sender = calloc(1, sizeof(*sender) + strlen(name) + 1);
		if (sender == NULL)
			out_of_memory();
		strcpy(sender->name, name);
		HASH_ADD_STR(whatif->senders, name, sender);
	}
	return sender;
}

static void count_kind(struct whatif *whatif, struct sender *sender, enum whatif_kind kind, const struct looks *looks,
    uint64_t messages)
{
	count_add(&whatif->totals.kinds[kind], looks->look, messages);
	count_add(&sender->kinds[kind], looks->look, messages);
	for (unsigned sign = 0; sign < SIGN_COUNT; sign++)
		if ((looks->signs >> sign & 1) != 0)
			whatif->totals.signs[kind][sign] += messages;
}

static void count_change(struct whatif *whatif, struct sender *sender, enum fate then, enum fate now, const struct verdict *verdict,
    uint64_t messages)
{
	static const enum whatif_kind stricter[FATE_COUNT] = { [FATE_DELAYED] = WHATIF_DELAYED, [FATE_QUARANTINED] = WHATIF_QUARANTINED,
		[FATE_REFUSED] = WHATIF_REFUSED };
	const struct looks *looks = &verdict->looks;

	if (now > then) {
		count_kind(whatif, sender, stricter[now], looks, messages);
		if (now == FATE_REFUSED && verdict->now.decision.finding < FINDING_COUNT)
			whatif->totals.refused_by[verdict->now.decision.finding] += messages;
	}
	if (now <= FATE_DELAYED && then >= FATE_QUARANTINED)
		count_kind(whatif, sender, WHATIF_LET_IN, looks, messages);
	if (now <= FATE_DELAYED && looks->accused && !looks->proven)
		count_kind(whatif, sender, WHATIF_EXPOSED, looks, messages);
}

static void count_told(struct whatif *whatif, const struct flow_row *row, const struct verdict *verdict, enum fate then)
{
	struct whatif_totals *totals = &whatif->totals;
	const struct decision *decision = &verdict->now.decision;
	enum fate now = fate_of(decision->enforced, decision->action);
	struct sender *sender = sender_of(whatif, row->author_domain);
	uint64_t messages = row->messages;

	totals->told += messages;
	(decision->enforced ? totals->now_enforced : totals->now_dry)[decision->action] += messages;
	totals->fates[then][now] += messages;
	totals->partly += verdict->now.partly ? messages : 0;
	count_add(&totals->all, verdict->looks.look, messages);
	if (verdict->looks.look == LOOK_WANTED) {
		totals->senders += sender->wanted == 0;
		sender->wanted += messages;
		finding_set_union(&sender->hit, &verdict->hit);
	}
	count_change(whatif, sender, then, now, verdict, messages);
	steps_count(whatif, verdict, messages);
}

static void see_times(struct whatif_totals *totals, const struct flow_span *spans, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t first_secs = spans[i].from_secs, last_secs = first_secs + spans[i].span_secs - HOUR_SECS;

		totals->first_secs = totals->last_secs == 0 || first_secs < totals->first_secs ? first_secs : totals->first_secs;
		totals->last_secs = last_secs > totals->last_secs ? last_secs : totals->last_secs;
	}
}

static void add_part(void *arg, const struct epoch_part *part)
{
	struct whatif *whatif = arg;
	struct whatif_totals *totals = &whatif->totals;
	const struct flow_row *row = &part->row;
	const struct verdict *verdict;
	enum action then;

	if (row->messages == 0)
		return;
	arena_reset(whatif->arena);
	totals->messages += row->messages;
	if (action_from_name(row->action, &then) != 0)
		then = ACTION_NONE;
	(row->enforced ? totals->then_enforced : totals->then_dry)[then] += row->messages;
	verdict = verdict_of(whatif, part);
	if (verdict->now.why == UNTOLD_NOT) {
		count_told(whatif, row, verdict, fate_of(row->enforced, then));
		return;
	}
	totals->untold[verdict->now.why] += row->messages;
	totals->untold_old += verdict->old ? row->messages : 0;
}

void whatif_add(void *arg, const struct flow_row *row, const struct flow_span *spans, size_t count)
{
	struct whatif *whatif = arg;

	if (row->messages == 0)
		return;
	whatif->totals.rows++;
	see_times(&whatif->totals, spans, count);
	epochs_each(&whatif->epochs, row, spans, count, add_part, whatif);
}

const struct whatif_totals *whatif_totals(struct whatif *whatif)
{
	return &whatif->totals;
}

/* ---- author domains ---------------------------------------------------------------------------------------------- */

static int by_messages(const void *left, const void *right)
{
	const struct whatif_domain *a = left, *b = right;

	if (a->count.messages != b->count.messages)
		return a->count.messages < b->count.messages ? 1 : -1;
	return strcmp(a->name, b->name);
}

size_t whatif_domains(struct whatif *whatif, enum whatif_kind kind, size_t limit, whatif_domain_f *each, void *arg,
    struct whatif_count *other_r)
{
	struct whatif_domain *domains = calloc(HASH_COUNT(whatif->senders) + 1, sizeof(*domains));
	struct sender *sender, *next;
	size_t count = 0;

	if (domains == NULL)
		out_of_memory();
	*other_r = (struct whatif_count){ 0 };
	HASH_ITER(hh, whatif->senders, sender, next)
		if (sender->kinds[kind].messages != 0)
			domains[count++] = (struct whatif_domain){ sender->name, sender->kinds[kind] };
	qsort(domains, count, sizeof(*domains), by_messages);
	for (size_t i = 0; i < count; i++) {
		if (i < limit) {
			each(arg, &domains[i]);
			continue;
		}
		other_r->messages += domains[i].count.messages;
		for (int look = 0; look < LOOK_COUNT; look++)
			other_r->looks[look] += domains[i].count.looks[look];
	}
	free(domains);
	return count > limit ? count - limit : 0;
}
