/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_RUN_H
#define ASSAY_TOOLS_RUN_H
/* Runs another program and takes what it prints. No shell. Thread: one at a time. */
#include <stdbool.h>

#include "util/arena.h"

enum { RUN_OUTPUT_MAX_BYTES = 1 << 20 };

struct run_result {
	int status;		/* exit status; -1: could not be started, killed, or took too long */
	const char *output;	/* standard output, at most RUN_OUTPUT_MAX_BYTES; never NULL */
	const char *errors;	/* standard error, the same; never NULL. With -1: why */
};

/**
 * @param argv  NULL-terminated; argv[0] is looked for in PATH, then in the sbin directories.
 * @return whether it ended with status 0. Texts live in the arena.
 */
bool run_program(struct arena *arena, const char *const *argv, unsigned timeout_secs, struct run_result *result_r);

/** The first line of the text without its end; in the arena. */
const char *first_line(struct arena *arena, const char *text);

#endif
