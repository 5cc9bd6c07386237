/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_DIFF_INTERNAL_H
#define ASSAY_CONFIG_DIFF_INTERNAL_H
/* What the parts of the comparison share: options (diff.c), titled sections (diff_sections.c), what is not recorded (diff_findings.c). */
#include "config/diff.h"
#include "config/schema.h"

struct differ {
	const struct config *old, *new;
	config_tell *tell;
	void *closure;
	size_t count, lines_max;
};

/** The value as it is printed; the caller frees it. */
char *diff_value_text(const struct option_row *row, const void *base);
bool diff_same_value(const struct option_row *row, const void *a_base, const void *b_base);

/** One line, and one difference more. */
void diff_tell(struct differ *differ, const char *where, const char *name, const char *change);

/** Tells whether the values differ, or what is in the files that they name. @param where  the section; "" for none. */
void diff_compare(struct differ *differ, const char *where, const struct option_row *row, const void *old_base, const void *new_base);

/** Tells what a section that is new says: "policy a recipient-domains = a.example". */
void diff_tell_value(struct differ *differ, const char *where, const struct option_row *row, const void *base);

/* Ramps of a section, one for each finding. Values that are those of the references, before and now, say nothing of their own. */
struct diff_ramps {
	const struct ramp_config *old, *new;	/* old: NULL for a section that is new */
	const struct ramp_config *old_reference, *new_reference;	/* NULL: there is none */
};
void diff_compare_ramps(struct differ *differ, const char *where, const struct diff_ramps *ramps);

/** Sections with titles, each of one name beside the other. */
void diff_policies(struct differ *differ);
void diff_overrides(struct differ *differ);

const struct override_config *diff_find_override(const struct config *config, const char *name);

#endif
