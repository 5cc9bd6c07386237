/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_DIFF_H
#define ASSAY_CONFIG_DIFF_H
/* What another configuration changes, in words: for the log of a reload, and for people. Pure. Thread: any. */
#include "config/advice.h"
#include "config/config.h"

/**
 * Tells each option whose value in effect differs, by the schema, one line each: "mode: enforce -> dry-run". What a policy only
 * inherits is not told again. Values that are long are not shown.
 * @return how many differ; after some dozens only the number of the rest is told.
 */
size_t config_diff(const struct config *old, const struct config *new, config_tell *tell, void *closure);

/** The same without an end to it, for whoever asked. */
size_t config_diff_all(const struct config *old, const struct config *new, config_tell *tell, void *closure);

/**
 * Tells the names of the options that differ and by which checks would have found something else: what they would have found in
 * messages of the past is not recorded.
 * @return how many.
 */
size_t config_diff_findings(const struct config *old, const struct config *new, config_tell *tell, void *closure);

#endif
