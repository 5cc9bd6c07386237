/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index, see policy_index.h: the entries of all lists of one option as one set, and for each of its entries the policies that have
 * it. Trusts the snapshot.
 */
#include "config/policy_index.h"

#include <string.h>

#include "util/domain.h"

enum { WORTH_POLICIES = 16, PAIRS_MAX = 4000000 };

/* One of the two options. */
struct side {
	const struct domain_set *names;		/* all entries, each once; NULL: no policy has the option */
	const uint32_t *begins;			/* of each entry, where its policies stand; and the end */
	const uint16_t *policies;
	struct policy_numbers without;		/* policies that do not have the option */
};

struct policy_index { struct side recipients, authors; };

typedef const struct domain_list *list_of(const struct policy_config *policy);

static const struct domain_list *recipients_of(const struct policy_config *policy)
{
	return &policy->recipient_domains;
}

static const struct domain_list *authors_of(const struct policy_config *policy)
{
	return &policy->author_domains;
}

static void numbers_add(struct policy_numbers *numbers, size_t number)
{
	numbers->words[number / 64] |= (uint64_t)1 << number % 64;
}

static size_t count_pairs(const struct policy_config *policies, size_t count, list_of *list)
{
	size_t pairs = 0;

	for (size_t i = 0; i < count; i++)
		pairs += list(&policies[i])->count;
	return pairs;
}

/* All entries as one set; those that occur twice are one. */
static const struct domain_set *join(const struct policy_config *policies, size_t count, list_of *list, size_t pairs, struct arena *arena)
{
	struct arena *scratch = arena_new();
	const char **entries = arena_calloc(scratch, pairs + 1, sizeof(*entries));
	const struct domain_set *names;
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t e = 0; e < list(&policies[i])->count; e++)
			entries[at++] = domain_set_entry(list(&policies[i])->set, e);
	}
	names = domain_set_make(arena, entries, at);
	arena_free(&scratch);
	return names;
}

static void side_make(const struct policy_config *policies, size_t count, list_of *list, struct arena *arena, struct side *side_r)
{
	size_t pairs = count_pairs(policies, count, list), total = 0;
	uint32_t *begins, *fill;
	uint16_t *numbers;

	for (size_t i = 0; i < count; i++) {
		if (list(&policies[i])->count == 0)
			numbers_add(&side_r->without, i);
	}
	side_r->names = join(policies, count, list, pairs, arena);
	total = domain_set_count(side_r->names);
	side_r->begins = begins = arena_calloc(arena, total + 2, sizeof(*begins));
	side_r->policies = numbers = arena_calloc(arena, pairs + 1, sizeof(*numbers));
	fill = begins + 1;	/* where the next policy of an entry goes; in the end where those of the one behind it begin */
	for (size_t i = 0; i < count; i++) {
		for (size_t e = 0; e < list(&policies[i])->count && total != 0; e++)
			begins[domain_set_number(side_r->names, domain_set_entry(list(&policies[i])->set, e)) + 1]++;
	}
	for (size_t e = 0; e < total; e++)
		begins[e + 1] += begins[e];
	memmove(fill, begins, total * sizeof(*fill));
	for (size_t i = 0; i < count; i++) {
		for (size_t e = 0; e < list(&policies[i])->count; e++)
			numbers[fill[domain_set_number(side_r->names, domain_set_entry(list(&policies[i])->set, e))]++] = (uint16_t)i;
	}
}

const struct policy_index *policy_index_make(const struct policy_config *policies, size_t count, struct arena *arena)
{
	struct policy_index *index;

	if (count < WORTH_POLICIES || count > POLICIES_MAX ||
	    count_pairs(policies, count, recipients_of) + count_pairs(policies, count, authors_of) > PAIRS_MAX)
		return NULL;
	index = arena_calloc(arena, 1, sizeof(*index));
	side_make(policies, count, recipients_of, arena, &index->recipients);
	side_make(policies, count, authors_of, arena, &index->authors);
	return index;
}

struct finding_side { const struct side *side; struct policy_numbers *numbers; };

static void add_entry(void *closure, size_t entry)
{
	const struct finding_side *finding = closure;
	const struct side *side = finding->side;

	for (uint32_t i = side->begins[entry]; i < side->begins[entry + 1]; i++)
		numbers_add(finding->numbers, side->policies[i]);
}

static void side_find(const struct side *side, const char *name, struct policy_numbers *numbers_r)
{
	struct finding_side finding = { side, numbers_r };

	if (name == NULL) {
		memset(numbers_r, 0xff, sizeof(*numbers_r));
		return;
	}
	*numbers_r = side->without;
	domain_set_each(side->names, name, add_entry, &finding);
}

void policy_index_find(const struct policy_index *index, const char *recipient, const char *author, struct policy_numbers *numbers_r)
{
	struct policy_numbers authors;

	side_find(&index->recipients, recipient, numbers_r);
	side_find(&index->authors, author, &authors);
	for (size_t i = 0; i < POLICY_WORDS; i++)
		numbers_r->words[i] &= authors.words[i];
}

size_t policy_numbers_next(const struct policy_numbers *numbers, size_t from)
{
	for (size_t i = from / 64; i < POLICY_WORDS; i++) {
		uint64_t word = numbers->words[i] & (i == from / 64 ? ~(uint64_t)0 << from % 64 : ~(uint64_t)0);

		if (word != 0)
			return i * 64 + (size_t)__builtin_ctzll(word);
	}
	return POLICIES_MAX;
}
