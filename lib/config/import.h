/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_IMPORT_H
#define ASSAY_CONFIG_IMPORT_H
/*
 * Translates the configuration of opendkim and opendmarc into one of Assay, with a comment on each old option that says what
 * became of it. Every value goes through the schema, so that what is printed always loads.
 * Thread: any; no state between calls.
 */
#include <stdio.h>

#include "util/arena.h"

enum import_program { IMPORT_OPENDKIM, IMPORT_OPENDMARC, IMPORT_PROGRAMS };

/**
 * Reads a file.
 * @param most  bytes; a longer file is cut there (and then refused as too long).
 * @return its bytes in the arena, with length_r; NULL with errno set.
 */
typedef char *import_read(void *closure, const char *path, size_t most, struct arena *arena, size_t *length_r);

/**
 * @param paths   one for each program; NULL: not given.
 * @param read    reads them, and the lists of hosts that they name.
 * @param out     where the configuration goes; nothing when a file cannot be read.
 * @param errors  file:line messages: files that cannot be read, options that nobody knows.
 * @return 0; -E_ABSENT when a file cannot be read, -E_SYNTAX when it is not such a file.
 */
int config_import(const char *const paths[IMPORT_PROGRAMS], import_read *read, void *closure, FILE *out, FILE *errors);

#endif
