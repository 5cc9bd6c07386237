/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_TEXT_FIXTURE_H
#define ASSAY_TESTS_TEXT_FIXTURE_H
/* Texts of a test as what the code under test wants: a file, a configuration. Both fail the test when that cannot be. */
#include "config/config.h"

enum { FIXTURE_PATH_BYTES = 64 };

/** Makes a file in /tmp with this text. @param path_r FIXTURE_PATH_BYTES at least; the caller unlinks it. */
void text_file(char *path_r, const char *text);

/** The configuration; what is wrong with it goes to stderr. The caller's reference. */
const struct config *text_config(const char *text);

#endif
