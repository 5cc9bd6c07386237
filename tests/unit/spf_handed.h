/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_SPF_HANDED_H
#define ASSAY_TESTS_SPF_HANDED_H
/*
 * Stands between the front (lib/check/spf/front.c) and libspf2: sees each text before the library does, and ends the
 * program when one is not as the library may have it: short, without macros, with numbers in range. So the guards are
 * tested with records that would harm nobody if a guard were missing. Linked into a test it takes the place of the
 * library's functions of the same name, which it then calls. Thread: one.
 */
#include <stddef.h>

enum {
	SPF_HANDED_RECORD_BYTES = 400,	/* twelve terms of tokens; libspf2 compiles into 511 octets and drops what is over */
	SPF_HANDED_DATA_BYTES = 64,	/* of one DNS record: an address or a token */
};

/** The record that libspf2 was given last; "" when none since spf_handed_forget(). */
const char *spf_handed_record(void);

/** How many records it was given, and how many servers of its own it was asked to make. */
size_t spf_handed_records(void);
size_t spf_handed_servers(void);

void spf_handed_forget(void);

#endif
