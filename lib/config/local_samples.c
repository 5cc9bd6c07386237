/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local domains begin as one group; each policy with recipient-domains parts every group in those of it that it holds and
 * the rest. With a list of 100,000 local domains a recipient would else cost as many policy look-ups. Trusts the snapshot.
 */
#include "config/local_samples.h"

#include <string.h>

/*
 * One round: the members of each group that the list holds and those that it does not are groups of their own then.
 * @param numbers  room for two numbers a group. @return the new number of groups, at most that of domains.
 */
static size_t part_groups(const struct domain_set *local, const struct domain_set *held, size_t *group, size_t *numbers,
    size_t groups)
{
	size_t count = 0;

	memset(numbers, 0, 2 * groups * sizeof(*numbers));
	for (size_t i = 0; i < domain_set_count(local); i++) {
		size_t *number = &numbers[2 * group[i] + domain_set_has(held, domain_set_entry(local, i))];

		if (*number == 0)
			*number = ++count;
		group[i] = *number - 1;
	}
	return count;
}

void local_samples_find(struct config *config, struct arena *arena)
{
	const struct domain_set *local = config->local_domains.set;
	size_t count = domain_set_count(local), groups = 1;
	struct arena *scratch = arena_new();
	size_t *group = arena_calloc(scratch, count, sizeof(*group)), *numbers = arena_calloc(scratch, 2 * count + 2, sizeof(*numbers));
	const char **samples;
	bool *seen;

	for (size_t i = 0; count != 0 && i < config->policy_count; i++) {
		const struct domain_set *held = config->policies[i].recipient_domains.set;

		if (held != NULL)
			groups = part_groups(local, held, group, numbers, groups);
	}
	samples = arena_calloc(arena, groups, sizeof(*samples));
	seen = arena_calloc(scratch, groups, sizeof(*seen));
	for (size_t i = 0; i < count; i++) {
		if (seen[group[i]])
			continue;
		seen[group[i]] = true;
		samples[config->local_sample_count++] = domain_set_entry(local, i);
	}
	config->local_samples = samples;
	arena_free(&scratch);
}
