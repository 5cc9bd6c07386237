/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_ADVICE_H
#define ASSAY_CONFIG_ADVICE_H
/*
 * Warnings about a configuration that is valid and yet hardly what the admin wants: actions that can never be taken; users,
 * files and directories that are not there. `assay config`, `assayd -n`, the daemon's log and `assay doctor` all show them.
 * Reads the user database and looks at files (stat), never writes. Thread: one at a time (getpwnam).
 */
#include "config/config.h"

/** @param text  one sentence without a line end; valid during the call. */
typedef void config_tell(void *closure, const char *text);

/**
 * Tells everything that looks wrong in a valid configuration.
 * @return number of sentences told.
 */
size_t config_advise(const struct config *config, config_tell *tell, void *closure);

/**
 * The part about the database alone: its directory and file, seen as the user that assayd runs as.
 * @param path  the database; need not be the configured one.
 */
size_t config_advise_database(const struct config *config, const char *path, config_tell *tell, void *closure);

#endif
