/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_DKIM_HANDED_H
#define ASSAY_TESTS_DKIM_HANDED_H
/*
 * Stands between lib/check/signature/hash.c and libopendkim: keeps each header field that the library is handed, so that
 * its guards are tested by what reaches it, with messages that would harm nobody if a guard were missing. Linked into a
 * test it takes the place of the library's function of the same name, which it then calls. Thread: one.
 */
#include <stddef.h>

/** How many fields were handed over since dkim_handed_forget(), and the first octets of each of the first 64, "Name: value". */
size_t dkim_handed_count(void);
const char *dkim_handed_field(size_t index);

void dkim_handed_forget(void);

#endif
