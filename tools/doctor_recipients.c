/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay doctor: does a policy for recipients hold under every name by which Postfix takes mail for its own mailboxes? One for
 * example.org alone is shed by whoever writes to the same user at the host's name.
 */
#include <string.h>

#include "doctor.h"
#include "util/domain.h"

enum { NAMES_MAX = 100 };

static bool is_among(const struct string_list *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->items[i], name) == 0)
			return true;
	}
	return false;
}

/* The domains of mydestination; tables and patterns in it are not read. */
static struct string_list own_domains(struct arena *arena, const char *mydestination)
{
	const char **names = arena_calloc(arena, NAMES_MAX, sizeof(*names));
	struct string_list list = { .items = names };
	char *save = NULL, *text = arena_strdup(arena, mydestination);

	for (char *word = strtok_r(text, ", \t", &save); word != NULL; word = strtok_r(NULL, ", \t", &save)) {
		const char *name = domain_normalize(arena, word, strlen(word));

		/* that one counts as local without being named */
		if (name != NULL && strcmp(name, "localhost") != 0 && !is_among(&list, name) && list.count < NAMES_MAX)
			names[list.count++] = name;
	}
	return list;
}

static const char *first_of(const struct string_list *names, const struct domain_list *patterns, bool matching)
{
	for (size_t i = 0; i < names->count; i++) {
		if (domain_set_has(patterns->set, names->items[i]) == matching)
			return names->items[i];
	}
	return NULL;
}

static const char *as_option(struct arena *arena, const struct string_list *names)
{
	const char *text = "";

	for (size_t i = 0; i < names->count; i++)
		text = arena_printf(arena, "%s%s%s", text, i != 0 ? ", " : "", names->items[i]);
	return arena_printf(arena, "local-domains = { %s }", text);
}

void doctor_recipients(struct doctor *doctor, const char *mydestination)
{
	const struct config *config = doctor->config;
	struct string_list own = own_domains(doctor->arena, mydestination);

	if (first_of(&own, &config->local_domains, false) == NULL)
		return;
	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy_config *policy = &config->policies[i];
		const char *held = first_of(&own, &policy->recipient_domains, true);
		const char *shed = first_of(&own, &policy->recipient_domains, false);

		if (held == NULL || shed == NULL)
			continue;
		doctor_say(doctor, "mta", DOCTOR_WARNING,
		    arena_printf(doctor->arena, "write %s into assay.conf", as_option(doctor->arena, &own)),
		    "policy %s is for recipients at %s, but Postfix has the same mailboxes at %s (mydestination), where it does not hold",
		    policy->name, held, shed);
		return;
	}
}
