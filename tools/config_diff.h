/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_CONFIG_DIFF_H
#define ASSAY_TOOLS_CONFIG_DIFF_H
/* assay config --diff: what another configuration changes. Thread: one. */
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "config/config.h"
#include "record/store.h"

struct config_change {
	const char *old_path, *new_path;
	const char *database;		/* NULL: as the new one says, else the old one */
	int64_t since_secs;		/* back from now; 0: a week */
	bool json;
};

/** Prints the options that differ and, where there is a record, what that would have meant. @return exit code. */
int config_change_tell(const struct config_change *change);

/**
 * Adds those brakes of the record that are on and that mean something to the new configuration: they hold there, or they held under the
 * old one and what they held back may be refused again. As {policy, finding, since, holds, action or why}.
 * @return 0 or -E_SYSTEM.
 */
int change_brakes_read(const struct config *old, const struct config *new, struct store *store, json_t *list);
/** The same as sentences. */
void change_brakes_print(const json_t *list);

#endif
