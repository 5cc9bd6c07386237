/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_POLICIES_H
#define ASSAY_CONFIG_POLICIES_H
/* What is to be done with policy sections beside reading their options; but for the first function for build.c alone. Thread: that of the arena. */
#include "config/complaints.h"
#include "config/config.h"
#include "config/source.h"
#include "util/arena.h"

struct policy_sections { const struct source_section *const *items; size_t count; };

/** Makes the policy match all mail. */
void policy_clear_conditions(struct policy_config *policy, struct arena *arena);

/** The policy sections of the file, in its order. @return false: there are too many, which is a complaint. */
bool policy_sections_find(const struct source_section *root, struct complaints *complaints, struct policy_sections *sections_r);

void policy_check_name(const struct source_section *section, struct complaints *complaints);

/** Gives a policy, which has its name and the settings from outside, those of the policy from which it inherits; NULL: none. */
void policy_inherit(const struct policy_config *base, struct arena *arena, struct policy_config *policy);

/** The order of policies is that of matching: one without conditions is the last, or a template. */
void policies_check_order(const struct policy_sections *sections, const struct policy_config *policies, struct complaints *complaints);

/**
 * Puts the policies into the configuration, templates apart, and the one for all other mail behind them where no section is that;
 * and makes what their conditions are asked by. Local domains are known by then.
 * @param all  count of them in file order, and that one at the end.
 */
void policies_settle(const struct policy_config *all, size_t count, struct arena *arena, struct config *config);

/** Complains of conditions on names that nobody looks for. */
void policies_check_names(const struct config *config, struct complaints *complaints);

#endif
