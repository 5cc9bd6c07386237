/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_CONFIG_DIFF_H
#define ASSAY_TOOLS_CONFIG_DIFF_H
/* assay config --diff: what another configuration changes. Thread: one. */
#include <stdbool.h>
#include <stdint.h>

struct config_change {
	const char *old_path, *new_path;
	const char *database;		/* NULL: as the new one says, else the old one */
	int64_t since_secs;		/* back from now; 0: a week */
	bool json;
};

/** Prints the options that differ and, where there is a record, what that would have meant. @return exit code. */
int config_change_tell(const struct config_change *change);

#endif
