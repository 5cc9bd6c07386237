/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_TEXT_FIXTURE_H
#define ASSAY_TESTS_TEXT_FIXTURE_H
/* Texts of a test as what the code under test wants: a file, a configuration. What cannot be fails the test, but for text_load(). */
#include "config/config.h"
#include "scratch.h"

enum { FIXTURE_PATH_BYTES = SCRATCH_BYTES };

/** Makes a file with this text, which goes with the program (scratch.h). @param path_r FIXTURE_PATH_BYTES at least. */
void text_file(char *path_r, const char *text);

/** The configuration; what is wrong with it goes to stderr. The caller's reference. */
const struct config *text_config(const char *text);

/** Loads a text, any octets, called "test.conf". @param errors_r  what was said; the caller frees it. @return NULL: it was refused. */
const struct config *text_load(const char *text, size_t length, char **errors_r);

/** The text has to be refused with exactly these lines. */
void text_check_errors(const char *text, const char *expected);

#endif
