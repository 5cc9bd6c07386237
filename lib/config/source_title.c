/* SPDX-License-Identifier: BSD-2-Clause */
/* See source_title.h: libConfuse says of a repeated title only the title. */
#include "config/source_title.h"

#include <stdbool.h>
#include <string.h>

const char *titled_before(const cfg_t *section, const char *title)
{
	for (const cfg_opt_t *option = section->opts; option->name != NULL; option++) {
		bool override = strcmp(option->name, "override") == 0, ramp = strcmp(option->name, "ramp") == 0;

		for (unsigned i = 0; option->type == CFGT_SEC && (override || ramp) && i < option->nvalues; i++)
			if (option->values[i]->section != NULL && strcmp(option->values[i]->section->title, title) == 0)
				return override ? "an override" : "a ramp";
	}
	return "a policy";
}
