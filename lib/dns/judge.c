/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The place of DNSSEC validation: a cache entry is judged once, by the first thread that waits for it; the others wait
 * for its verdict. The validator fetches keys and delegations as raw messages of other entries, which need to be
 * complete but not judged: so two judgements never wait for each other. A judgement that was cut short by its own
 * scope's deadline is not kept; the next asker begins anew.
 */
#include "dns/resolver.h"

#include <string.h>

#include "util/error.h"

enum { FETCHES_MAX = 256, UNTOLD_SECS = 60 };

/* One judgement's look-ups; what it was given stays alive until it ends. */
struct fetch {
	struct dns_resolver *resolver;
	int64_t deadline_ms;
	struct cache_entry *entries[FETCHES_MAX];
	size_t count;
	bool cut_short;
};

static struct cache_entry *fetch_entry(struct fetch *fetch, const char *name, uint16_t type)
{
	struct dns_name parsed;

	if (dns_name_parse(name, &parsed) != 0)
		return NULL;
	for (size_t i = 0; i < fetch->count; i++)
		if (fetch->entries[i]->type == type && dns_name_equal(fetch->entries[i]->name, &parsed))
			return fetch->entries[i];
	if (fetch->count == FETCHES_MAX)
		return NULL;
	fetch->entries[fetch->count] = resolver_acquire(fetch->resolver, &parsed, type, ANSWER_CHAIN_LINKS, NULL);
	return fetch->entries[fetch->count++];
}

static void fetch_start(void *context, const char *name, uint16_t type)
{
	fetch_entry(context, name, type);
}

/* For look-ups that nobody waits for yet: the cache keeps what comes. */
static void prefetch_start(void *context, const char *name, uint16_t type)
{
	struct cache_entry *entry;
	struct dns_name parsed;

	if (dns_name_parse(name, &parsed) != 0)
		return;
	entry = resolver_acquire(context, &parsed, type, ANSWER_CHAIN_LINKS, NULL);
	cache_release(&entry);
}

void resolver_prefetch_chain(struct dns_resolver *resolver, const struct dns_name *name)
{
	struct dns_fetcher fetcher = { .start = prefetch_start, .context = resolver };
	char text[DNS_NAME_TEXT_BYTES];

	dns_name_text(name->bytes, text);
	validator_prefetch(resolver->validator, &fetcher, text);
}

static int fetch_wait(void *context, const char *name, uint16_t type, const uint8_t **wire_r, size_t *length_r)
{
	struct fetch *fetch = context;
	struct cache_entry *entry = fetch_entry(fetch, name, type);

	if (entry == NULL)
		return -E_DNS;
	if (!cache_wait_complete(entry, fetch->deadline_ms)) {
		fetch->cut_short = true;
		return -E_DNS;
	}
	*wire_r = entry->answer->wire;
	*length_r = entry->answer->wire_length;
	return entry->answer->wire != NULL ? 0 : -E_DNS;
}

/* Runs the validator over one entry. @return whether the verdict stands (it was not cut short). */
static bool entry_validate(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms, bool explain,
    struct arena *arena, struct validator_verdict *verdict_r)
{
	struct fetch *fetch = arena_calloc(arena, 1, sizeof(*fetch));
	struct dns_fetcher fetcher = { .start = fetch_start, .wait = fetch_wait, .context = fetch };
	char name[DNS_NAME_TEXT_BYTES];

	fetch->resolver = resolver;
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
		cache_release(&fetch->entries[i]);
	}
	if (verdict_r->why == NULL)
		verdict_r->why = "";
	/* an answer that was proven with what had come in time stands all the same */
	return !fetch->cut_short || verdict_r->security < DNS_INDETERMINATE;
}

bool resolver_judge(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms)
{
	enum judge_turn turn = cache_judge_begin(entry, deadline_ms);
	struct validator_verdict verdict;
	struct arena *arena;
	bool stands;

	if (turn != JUDGE_YOURS)
		return turn == JUDGE_DONE;
	arena = arena_new();
	stands = entry_validate(resolver, entry, deadline_ms, false, arena, &verdict);
	/* a verdict that may not be kept is kept as long as a failure, lest a broken zone be judged for every asker */
	if (verdict.ttl_secs < resolver->limits.fail_ttl_secs)
		verdict.ttl_secs = resolver->limits.fail_ttl_secs;
	cache_judge_end(entry, &verdict, stands);
	arena_free(&arena);
	return stands;
}

void resolver_explain(struct dns_resolver *resolver, struct cache_entry *entry, int64_t deadline_ms,
    struct arena *arena, struct validator_verdict *verdict_r)
{
	if (entry->answer->wire == NULL) {
		*verdict_r = (struct validator_verdict){ .security = DNS_INDETERMINATE, .why = entry->answer->head.why };
		return;
	}
	entry_validate(resolver, entry, deadline_ms, true, arena, verdict_r);
}
