/* SPDX-License-Identifier: BSD-2-Clause */
/* What cannot be told from what is recorded: options by which checks would have found something else. Pure. Thread: any. */
#include <stdio.h>
#include <string.h>

#include "config/diff_internal.h"
#include "config/domain_list.h"

/* Options by which a check finds something else: whole sections, and those of the daemon and the record. */
static bool decides_findings(const struct option_row *row)
{
	static const char *const sections[] = { "spf", "dkim", "arc", "dmarc", "adsp", "iprev", "dns", "tls", "limits" };
	static const char *const options[] = { "trusted-networks", "trusted-authserv-ids", "exempt-authenticated", "reinjection-daemons",
		"authserv-id", "habit-min-sessions", "habit-min-days", "habit-min-share", "habit-settle" };

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(row->section, sections[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(row->name, options[i]) == 0)
			return true;
	return false;
}

static bool option_differs(const struct option_row *row, const void *old, const void *new)
{
	return !diff_same_value(row, old, new) || !domain_lists_equal(row, old, new);
}

static bool override_is_same(const struct override_config *old, const struct override_config *new)
{
	for (size_t i = 0; old != NULL && i < schema_count; i++)
		if (strcmp(schema_table[i].section, "override") == 0 && option_differs(&schema_table[i], old, new))
			return false;
	return old != NULL;
}

size_t config_diff_findings(const struct config *old, const struct config *new, config_tell *tell_name, void *closure)
{
	size_t count = 0;
	char name[96];

	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];

		if (schema_is_titled(row->section) || !decides_findings(row) || !option_differs(row, old, new))
			continue;
		snprintf(name, sizeof(name), "%s%s%s", row->section, row->section[0] != '\0' ? " " : "", row->name);
		tell_name(closure, name);
		count++;
	}
	for (size_t i = 0; i < new->override_count; i++) {	/* whether it would have held; of one that is gone the policies know */
		if (override_is_same(diff_find_override(old, new->overrides[i].name), &new->overrides[i]))
			continue;
		snprintf(name, sizeof(name), "override %s", new->overrides[i].name);
		tell_name(closure, name);
		count++;
	}
	return count;
}
