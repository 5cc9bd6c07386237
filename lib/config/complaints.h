/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_COMPLAINTS_H
#define ASSAY_CONFIG_COMPLAINTS_H
/*
 * What is wrong with a configuration file, collected so that all of it can be told at once, in the order of its lines.
 * Thread: that of the arena. Each complaint is kept once; after COMPLAINTS_MAX the rest is only counted.
 */
#include <stdio.h>

#include "util/arena.h"

enum { COMPLAINTS_MAX = 100 };

struct complaints {
	struct arena *arena;
	size_t count, dropped;
	struct { unsigned line; const char *text; } items[COMPLAINTS_MAX];
};

/** @param line 0: about the file as a whole. */
void complain(struct complaints *complaints, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Writes "name:line: text" lines. */
void complaints_print(struct complaints *complaints, const char *name, FILE *out);

#endif
