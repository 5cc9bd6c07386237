/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of domain names: a table with open addressing. An entry stands there by the name that it is about, an entry with a dot
 * in front in a place of its own kind. A name is looked up once as it is, and once for each ancestor of which some entry has
 * the depth, so that a name of many labels costs no more than the set gives reason for.
 * Strangers choose the names that are asked, and may choose entries (a provider's customers do), hence the keyed hash.
 * Thread: any; a set never changes. Trusts its maker for the form of the entries, nothing of the names that are asked.
 */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "util/clock.h"
#include "util/domain.h"
#include "util/siphash.h"

enum { DEPTH_BITS = 128 };	/* a name has 127 labels at most */

/* Where an entry stands: its number from 1, and half of its hash, which spares most looks at the text. 0: free. */
struct slot { uint32_t number, hash; };

struct domain_set {
	const char **entries;
	size_t count;
	struct slot *slots;
	size_t mask;			/* of a place among the slots: their number is a power of two */
	uint64_t key[2];
	uint64_t depths[DEPTH_BITS / 64];	/* bit n: some ".example.org" is about a name of n labels */
};

static uint64_t hash_of(const struct domain_set *set, const char *name, size_t length, bool below)
{
	uint64_t hash = siphash(name, length, set->key);

	return below ? ~hash : hash;
}

/* The slot of this entry, or the free one where it belongs: there always is one. */
static struct slot *slot_find(const struct domain_set *set, const char *name, size_t length, bool below, uint64_t hash)
{
	for (size_t at = (size_t)hash & set->mask;; at = (at + 1) & set->mask) {
		struct slot *slot = &set->slots[at];
		const char *entry;

		if (slot->number == 0)
			return slot;
		if (slot->hash != (uint32_t)(hash >> 32))
			continue;
		entry = set->entries[slot->number - 1];
		if ((entry[0] == '.') == below && strncmp(entry + below, name, length) == 0 && entry[below + length] == '\0')
			return slot;
	}
}

/* From 1; 0: there is no such entry. */
static size_t entry_number(const struct domain_set *set, const char *name, size_t length, bool below)
{
	return slot_find(set, name, length, below, hash_of(set, name, length, below))->number;
}

static bool is_entry(const struct domain_set *set, const char *name, size_t length, bool below)
{
	return entry_number(set, name, length, below) != 0;
}

static unsigned depth_of(const char *name)
{
	unsigned labels = 1;

	for (; *name != '\0'; name++)
		labels += *name == '.';
	return labels < DEPTH_BITS ? labels : DEPTH_BITS - 1;
}

static void add(struct domain_set *set, const char *entry)
{
	bool below = entry[0] == '.';
	const char *name = entry + below;
	size_t length = strlen(name);
	uint64_t hash = hash_of(set, name, length, below);
	struct slot *slot = slot_find(set, name, length, below, hash);
	unsigned depth;

	if (slot->number != 0)
		return;
	set->entries[set->count++] = entry;
	*slot = (struct slot){ (uint32_t)set->count, (uint32_t)(hash >> 32) };
	depth = depth_of(name);
	if (below)
		set->depths[depth / 64] |= (uint64_t)1 << (depth % 64);
}

static void make_key(uint64_t key_r[2], const void *place)
{
	if (getrandom(key_r, 2 * sizeof(key_r[0]), 0) == 2 * sizeof(key_r[0]))
		return;
	/* no kernel does that once it has started; what strangers do not know either will do for a list of the admin's */
	key_r[0] = (uint64_t)clock_monotonic_ms();
	key_r[1] = (uint64_t)(uintptr_t)place;
}

const struct domain_set *domain_set_make(struct arena *arena, const char *const *entries, size_t count)
{
	struct domain_set *set;
	size_t slots = 4;

	if (count == 0)
		return NULL;
	while (slots / 4 * 3 < count)	/* three quarters full at most, and never without a free one */
		slots *= 2;
	set = arena_calloc(arena, 1, sizeof(*set));
	set->entries = arena_calloc(arena, count, sizeof(*set->entries));
	set->slots = arena_calloc(arena, slots, sizeof(*set->slots));
	set->mask = slots - 1;
	make_key(set->key, set);
	for (size_t i = 0; i < count; i++)
		add(set, entries[i]);
	return set;
}

/*
 * The next ancestor of which some entry has the depth: the name itself or what stands behind a dot in it, from the last label on. What
 * stands behind a dot at the very front is below nothing. Depth counts as in depth_of(): nothing behind a dot at the very end is a
 * label too, for mailboxes may end so.
 */
struct ancestors { const char *name; size_t length, start; unsigned depth; };

static const char *ancestor_next(const struct domain_set *set, struct ancestors *at)
{
	while (at->start > 0) {
		size_t start = at->start--;

		if (start > 1 && at->name[start - 2] != '.')
			continue;
		/* name + start - 1 is where a label begins */
		at->depth += at->depth < DEPTH_BITS - 1;
		if ((set->depths[at->depth / 64] >> (at->depth % 64) & 1) != 0 && start != 2 && start <= at->length)
			return at->name + start - 1;
	}
	return NULL;
}

bool domain_set_has(const struct domain_set *set, const char *name)
{
	struct ancestors at = { .name = name };
	const char *ancestor;

	if (set == NULL || name == NULL)
		return false;
	at.length = strlen(name);
	at.start = at.length + 1;
	if (is_entry(set, name, at.length, false))
		return true;
	while ((ancestor = ancestor_next(set, &at)) != NULL) {
		if (is_entry(set, ancestor, at.length - (size_t)(ancestor - name), true))
			return true;
	}
	return false;
}

void domain_set_each(const struct domain_set *set, const char *name, domain_set_seen *seen, void *closure)
{
	struct ancestors at = { .name = name };
	const char *ancestor;
	size_t number;

	if (set == NULL || name == NULL)
		return;
	at.length = strlen(name);
	at.start = at.length + 1;
	number = entry_number(set, name, at.length, false);
	if (number != 0)
		seen(closure, number - 1);
	while ((ancestor = ancestor_next(set, &at)) != NULL) {
		number = entry_number(set, ancestor, at.length - (size_t)(ancestor - name), true);
		if (number != 0)
			seen(closure, number - 1);
	}
}

size_t domain_set_number(const struct domain_set *set, const char *entry)
{
	bool below = entry[0] == '.';

	return entry_number(set, entry + below, strlen(entry + below), below) - 1;
}

size_t domain_set_count(const struct domain_set *set)
{
	return set != NULL ? set->count : 0;
}

const char *domain_set_entry(const struct domain_set *set, size_t index)
{
	return set->entries[index];
}

static bool has_entry(const struct domain_set *set, const char *entry)
{
	bool below = entry[0] == '.';

	return set != NULL && is_entry(set, entry + below, strlen(entry + below), below);
}

bool domain_set_equal(const struct domain_set *a, const struct domain_set *b)
{
	return domain_set_count(a) == domain_set_count(b) && domain_set_missing(a, b, NULL, 0) == 0;
}

size_t domain_set_missing(const struct domain_set *of, const struct domain_set *in, const char **names_r, size_t room)
{
	size_t missing = 0;

	for (size_t i = 0; i < domain_set_count(of); i++) {
		if (has_entry(in, of->entries[i]))
			continue;
		if (missing < room)
			names_r[missing] = of->entries[i];
		missing++;
	}
	return missing;
}
