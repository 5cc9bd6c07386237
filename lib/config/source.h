/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_SOURCE_H
#define ASSAY_CONFIG_SOURCE_H
/*
 * The text of a configuration file as a tree of sections and options whose values are still text: the one place that
 * knows libConfuse. Only options and sections of the schema occur in the tree; all others have become complaints.
 * Thread: one at a time in the process (libConfuse's scanner keeps its state in globals).
 */
#include <stdbool.h>
#include <stddef.h>

#include "config/complaints.h"

struct source_value { const char *text; unsigned line; };

struct source_option {
	const char *name;
	unsigned line;			/* of its first value, else of its section */
	const struct source_value *values;
	size_t value_count;		/* 0 for "= {}" */
};

/** @return how many values a list has: one that is nothing but "" is empty, as an option of one value would be. */
static inline size_t source_list_count(const struct source_option *option)
{
	return option->value_count == 1 && option->values[0].text[0] == '\0' ? 0 : option->value_count;
}

struct source_section {
	const char *name;		/* "" for the file itself */
	const char *title;		/* NULL without one */
	unsigned line;			/* of its first option, else of its end */
	const struct source_option *options;	/* only those that the file sets */
	size_t option_count;
	const struct source_section *sections;
	size_t section_count;
};

/**
 * Parses the text (NUL-terminated). Syntax errors, unknown names and repeated options become complaints; what could be
 * read is returned nevertheless, so that its values can be checked too. Never NULL.
 */
const struct source_section *source_parse(const char *text, struct complaints *complaints);

#endif
