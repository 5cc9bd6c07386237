/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The place of DNSSEC validation: a cache entry is judged once, by the first thread that waits for it; the others wait
 * for its verdict. The validator fetches keys and delegations as raw messages of other entries, which need to be
 * complete but not judged: so two judgements never wait for each other. A judgement that was cut short by its own
 * scope's deadline, or by what its message or its client's network may ask, is not kept; the next asker begins anew.
 */
#include "resolver/internal.h"

#include <string.h>

#include "util/error.h"

enum { FETCHES_MAX = 256, UNTOLD_SECS = 60 };

/* One judgement's look-ups; what it was given stays alive until it ends. */
struct fetch {
	struct dns_resolver *resolver;
	const struct asker *asker;
	int64_t deadline_ms;
	struct cache_entry *entries[FETCHES_MAX];
	size_t count;
	bool cut_short, limited, pressed;
};

static struct cache_entry *fetch_entry(struct fetch *fetch, const char *name, uint16_t type, const struct asker *asker)
{
	struct dns_name parsed;

	if (dns_name_parse(name, &parsed) != 0)
		return NULL;
	for (size_t i = 0; i < fetch->count; i++)
		if (fetch->entries[i]->type == type && dns_name_equal(fetch->entries[i]->name, &parsed))
			return fetch->entries[i];
	if (fetch->count == FETCHES_MAX)
		return NULL;
	fetch->entries[fetch->count] = resolver_acquire(fetch->resolver, &parsed, type, ANSWER_CHAIN_LINKS, asker, NULL);
	return fetch->entries[fetch->count] != NULL ? fetch->entries[fetch->count++] : NULL;
}

static void fetch_start(void *context, const char *name, uint16_t type)
{
	struct fetch *fetch = context;
	struct asker early = *fetch->asker;

	early.early = true;
	fetch_entry(fetch, name, type, &early);
}

static int fetch_wait(void *context, const char *name, uint16_t type, const uint8_t **wire_r, size_t *length_r)
{
	struct fetch *fetch = context;
	struct cache_entry *entry = fetch_entry(fetch, name, type, fetch->asker);

	if (entry == NULL) {
		fetch->limited = true;
		return -E_DNS;
	}
	if (!cache_wait_complete(entry, fetch->deadline_ms)) {
		fetch->cut_short = true;
		return -E_DNS;
	}
	fetch->limited = fetch->limited || entry->answer->head.failure == DNS_FAILURE_LIMIT;
	fetch->pressed = fetch->pressed || entry->answer->head.failure == DNS_FAILURE_PRESSURE;
	*wire_r = entry->answer->wire;
	*length_r = entry->answer->wire_length;
	return entry->answer->wire != NULL ? 0 : -E_DNS;
}

/* Runs the validator over one entry. @return whether the verdict stands: DONE when nothing cut it short. */
static enum judging entry_validate(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms,
    const struct asker *asker, bool explain, struct arena *arena, struct validator_verdict *verdict_r)
{
	struct fetch *fetch = arena_calloc(arena, 1, sizeof(*fetch));
	struct dns_fetcher fetcher = { .start = fetch_start, .wait = fetch_wait, .context = fetch };
	char name[DNS_NAME_TEXT_BYTES];

	fetch->resolver = resolver;
	fetch->asker = asker;
	fetch->deadline_ms = deadline_ms;
	memset(verdict_r, 0, sizeof(*verdict_r));
	dns_name_text(entry->name->bytes, name);
	validator_judge(resolver->validator, &fetcher, name, entry->type, entry->answer->wire, entry->answer->wire_length,
	    explain, arena, verdict_r);
	for (size_t i = 0; i < fetch->count; i++) {
		/* a false key must not stay as long as its TTL says: the next judgement asks again. Nor must an answer without
		 * DNSSEC, given once at start: it would keep everything indeterminate for as long. */
		if (verdict_r->security == DNS_BOGUS)
			cache_forget(fetch->entries[i]);
		else if (verdict_r->security == DNS_INDETERMINATE)
			cache_shorten(fetch->entries[i], UNTOLD_SECS);
		resolver_leave(resolver, &fetch->entries[i], asker->account);
	}
	if (verdict_r->why == NULL)
		verdict_r->why = "";
	/* an answer that was proven with what had come in time stands all the same */
	if (verdict_r->security < DNS_INDETERMINATE)
		return JUDGING_DONE;
	if (fetch->limited)
		return JUDGING_LIMITED;
	return fetch->pressed ? JUDGING_PRESSED : fetch->cut_short ? JUDGING_LATE : JUDGING_DONE;
}

/* Kept for a short time only: the server, or the one in its place, may do better soon. */
static const struct validator_verdict unreached = { .security = DNS_INDETERMINATE, .ttl_secs = UNTOLD_SECS,
	.why = "the recursive server passes no DNSSEC on", .explanation = "" };

/* The judge's last step: the verdict goes to who waits, and is counted when it stands. */
static void judge_end(struct dns_resolver *resolver, struct cache_entry *entry, const struct validator_verdict *verdict, bool stands)
{
	if (stands)
		atomic_fetch_add_explicit(&resolver->verdicts[verdict->security - DNS_SECURE], 1, memory_order_relaxed);
	cache_judge_end(entry, verdict, stands);
}

enum judging resolver_judge(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms,
    const struct asker *asker)
{
	enum judge_turn turn = cache_judge_begin(entry, deadline_ms);
	struct validator_verdict verdict;
	struct arena *arena;
	enum judging judging;

	if (turn != JUDGE_YOURS)
		return turn == JUDGE_DONE ? JUDGING_DONE : JUDGING_LATE;
	if (atomic_load(&resolver->reach) == DNS_REACH_NONE) {
		judge_end(resolver, entry, &unreached, true);
		return JUDGING_DONE;
	}
	arena = arena_new();
	judging = entry_validate(resolver, entry, deadline_ms, asker, false, arena, &verdict);
	/* a verdict that may not be kept is kept as long as a failure, lest a broken zone be judged for every asker */
	if (verdict.ttl_secs < resolver->limits.fail_ttl_secs)
		verdict.ttl_secs = resolver->limits.fail_ttl_secs;
	judge_end(resolver, entry, &verdict, judging == JUDGING_DONE);
	arena_free(&arena);
	return judging;
}

void resolver_explain(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms,
    const struct asker *asker, struct arena *arena, struct validator_verdict *verdict_r)
{
	if (entry->answer->wire == NULL) {
		*verdict_r = (struct validator_verdict){ .security = DNS_INDETERMINATE, .why = entry->answer->head.why };
		return;
	}
	entry_validate(resolver, entry, deadline_ms, asker, true, arena, verdict_r);
}
