/* SPDX-License-Identifier: BSD-2-Clause */
/* Origins, see origin.h: up the line of inheritance, then outside. Trusts the snapshot, whose lines have no circles. */
#include "config/origin.h"

#include <string.h>

/* @return the line; 0: it is not set there. */
static unsigned find_place(const struct config_places *places, const char *section, const char *name)
{
	for (size_t i = 0; i < places->count; i++) {
		if (strcmp(places->items[i].name, name) == 0 && strcmp(places->items[i].section, section) == 0)
			return places->items[i].line;
	}
	return 0;
}

/* What outside of policies stands under another name there is not told apart from a default. */
static unsigned find_outside(const struct config *config, const char *section, const char *name)
{
	return find_place(&config->places, strcmp(section, "actions") == 0 ? "findings" : "", name);
}

struct origin config_origin(const struct config *config, const struct policy_config *policy, const char *section, const char *name)
{
	struct origin origin = { .kind = ORIGIN_DEFAULT };

	for (const struct policy_config *at = policy; at != NULL; at = at->base) {
		origin.line = find_place(&at->places, section, name);
		if (origin.line == 0)
			continue;
		origin.kind = at == policy ? ORIGIN_OWN : ORIGIN_INHERITED;
		origin.policy = at->name;
		return origin;
	}
	origin.line = find_outside(config, section, name);
	if (origin.line != 0)
		origin.kind = ORIGIN_OUTSIDE;
	return origin;
}
