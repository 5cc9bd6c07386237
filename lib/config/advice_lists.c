/* SPDX-License-Identifier: BSD-2-Clause */
/* Customers who stand in the lists of two policies: the first in the file has them, whatever the second says. Pure. Thread: any. */
#include "config/advice_internal.h"

#include <stdio.h>
#include <string.h>

#include "config/schema.h"
#include "util/domain.h"

/* This runs at each start and reload: of very many long lists only the first are looked at, and so many sentences are enough. */
enum { LOOKS_MAX = 2000000, TOLD_MAX = 10 };

static bool has_only_domains(const struct policy_config *policy)
{
	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];

		if (option_is_condition(row) && condition_is_set(row, policy) != (strcmp(row->name, "recipient-domains") == 0))
			return false;
	}
	return true;
}

/* Whether all that an entry stands for is in the set: of ".example.org" any name below it is. */
static bool covers(const struct domain_set *set, const char *entry)
{
	char below[DOMAIN_MAX_LENGTH + 3];

	if (entry[0] != '.')
		return domain_set_has(set, entry);
	snprintf(below, sizeof(below), "*%s", entry);
	return domain_set_has(set, below);
}

static bool advise_pair(struct advisor *advisor, const struct policy_config *first, const struct policy_config *second)
{
	const struct domain_set *set = second->recipient_domains.set;
	const char *example = NULL;
	size_t count = 0;

	for (size_t i = 0; i < domain_set_count(set); i++) {
		if (!covers(first->recipient_domains.set, domain_set_entry(set, i)))
			continue;
		example = example != NULL ? example : domain_set_entry(set, i);
		count++;
	}
	if (count != 0)
		advise(advisor, "policy %s never has %zu of its %zu recipient-domains, for policy %s before it takes them: %.253s%s", second->name,
		    count, domain_set_count(set), first->name, example, count > 1 ? " and so on" : "");
	return count != 0;
}

void advise_lists(struct advisor *advisor)
{
	const struct config *config = advisor->config;
	size_t looks = 0, told = 0;

	for (size_t i = 0; i < config->policy_count; i++) {
		if (!has_only_domains(&config->policies[i]))
			continue;
		for (size_t j = i + 1; j < config->policy_count; j++) {
			looks += 1 + domain_set_count(config->policies[j].recipient_domains.set);
			if (looks > LOOKS_MAX || told == TOLD_MAX)
				return;
			told += advise_pair(advisor, &config->policies[i], &config->policies[j]);
		}
	}
}
