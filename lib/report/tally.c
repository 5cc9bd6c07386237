/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Adds up flow rows. Groups are kept in hash tables (uthash) by name, at most MAX_GROUPS of a kind: what is over that is added up
 * under "(others)". Trusts the store for nothing but termination of strings. Out of memory aborts. Thread: one.
 */
#include "report/tally.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "report/replay.h"
#include "util/arena.h"
#include "util/out_of_memory.h"

enum { MAX_GROUPS = 100000 };

const struct tally_kind tally_tables[TALLY_TABLES] = {
	[TALLY_FINDINGS] = { "findings", "finding", true },
	[TALLY_DOMAINS] = { "author_domains", "author domain", true },
	[TALLY_GRADES] = { "tls_grades", "TLS grade", true },
	[TALLY_VERSIONS] = { "tls_versions", "TLS version", false },
	[TALLY_CIPHERS] = { "tls_ciphers", "TLS cipher suite", false },
};

struct group {
	UT_hash_handle hh;
	struct tally_row row;
	char name[];
};

struct tally {
	struct replay *replay;
	struct arena *arena;		/* for one row; reset each time */
	struct tally_totals totals;
	struct group *tables[TALLY_TABLES];
	struct group *networks;		/* "version network", "cipher network": each pair once */
};

struct tally *tally_new(const struct config *config)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (tally == NULL)
		out_of_memory();
	tally->replay = replay_new(config);
	tally->arena = arena_new();
	return tally;
}

static void groups_free(struct group **groups)
{
	struct group *group, *next;

	HASH_ITER(hh, *groups, group, next) {
		HASH_DEL(*groups, group);
		free(group);
	}
}

void tally_free(struct tally **tally)
{
	struct tally *old = *tally;

	*tally = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < TALLY_TABLES; i++)
		groups_free(&old->tables[i]);
	groups_free(&old->networks);
	replay_free(&old->replay);
	arena_free(&old->arena);
	free(old);
}

static struct group *group_find(struct group **groups, const char *name, bool *new_r)
{
	struct group *group;

	if (HASH_COUNT(*groups) >= MAX_GROUPS) {
		HASH_FIND_STR(*groups, name, group);
		if (group == NULL)
			name = "(others)";
	}
	HASH_FIND_STR(*groups, name, group);
	*new_r = group == NULL;
	if (group == NULL) {
		group = calloc(1, sizeof(*group) + strlen(name) + 1);
		if (group == NULL)
			out_of_memory();
		strcpy(group->name, name);
		group->row.name = group->name;
		HASH_ADD_STR(*groups, name, group);
	}
	return group;
}

static struct tally_row *count(struct tally *tally, enum tally_table table, const char *name, uint64_t messages,
    const struct replayed *replayed)
{
	bool is_new;
	struct tally_row *row = &group_find(&tally->tables[table], name, &is_new)->row;

	row->messages += messages;
	if (replayed->why == UNTOLD_NOT)
		row->would[replayed->action] += messages;
	return row;
}

/* Counts a version or cipher suite: messages, and the client networks that use it. */
static void count_use(struct tally *tally, enum tally_table table, const char *name, const struct flow_row *flow,
    const struct replayed *replayed)
{
	struct tally_row *row = count(tally, table, name, flow->messages, replayed);
	bool is_new;

	group_find(&tally->networks, arena_printf(tally->arena, "%s %s", name, flow->client_network), &is_new);
	row->networks += is_new;
}

static void count_tls(struct tally *tally, const struct flow_row *flow, const struct replayed *replayed)
{
	bool judged = flow->tls_grade[0] != '\0';

	count(tally, TALLY_GRADES, judged ? flow->tls_grade : "(not judged)", flow->messages, replayed);
	if (judged)
		count_use(tally, TALLY_VERSIONS, flow->tls_version[0] != '\0' ? flow->tls_version : "(cleartext)", flow, replayed);
	if (flow->tls_cipher[0] != '\0')
		count_use(tally, TALLY_CIPHERS, flow->tls_cipher, flow, replayed);
}

void tally_add(void *arg, const struct flow_row *flow)
{
	struct tally *tally = arg;
	struct tally_totals *totals = &tally->totals;
	struct replayed replayed;
	enum action then;

	arena_reset(tally->arena);
	totals->rows++;
	totals->messages += flow->messages;
	totals->bytes += flow->bytes;
	if (action_from_name(flow->action, &then) != 0)
		then = ACTION_NONE;
	(flow->enforced ? totals->carried_out : totals->told)[then] += flow->messages;

	replay_row(tally->replay, flow, &replayed);
	(replayed.why == UNTOLD_NOT ? &totals->would[replayed.action] : &totals->untold[replayed.why])[0] += flow->messages;
	totals->untold_old += replayed.why != UNTOLD_NOT && replayed.old ? flow->messages : 0;
	FINDING_SET_EACH(&replayed.findings, id)
		count(tally, TALLY_FINDINGS, findings_table[id].name, flow->messages, &replayed);
	count(tally, TALLY_DOMAINS, flow->author_domain[0] != '\0' ? flow->author_domain : "(none)", flow->messages,
	    &replayed);
	count_tls(tally, flow, &replayed);
}

const struct tally_totals *tally_totals(const struct tally *tally)
{
	return &tally->totals;
}

size_t tally_count(const struct tally *tally, enum tally_table table)
{
	return HASH_COUNT(tally->tables[table]);
}

static int by_messages(const struct group *a, const struct group *b)
{
	if (a->row.messages != b->row.messages)
		return a->row.messages < b->row.messages ? 1 : -1;
	return strcmp(a->name, b->name);
}

void tally_each(struct tally *tally, enum tally_table table, size_t limit, tally_each_f *each, void *arg)
{
	struct group *group, *next;

	HASH_SORT(tally->tables[table], by_messages);
	HASH_ITER(hh, tally->tables[table], group, next) {
		if (limit-- == 0)
			break;
		each(arg, &group->row);
	}
}
