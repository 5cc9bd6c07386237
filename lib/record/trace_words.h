/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_TRACE_WORDS_H
#define ASSAY_RECORD_TRACE_WORDS_H
/*
 * What traces are likely to say, for packing them (trace_pack.h). Each trace in a database was packed with these octets and can be
 * unpacked with no others: they are never changed. Better ones are words 2, beside these, with a first octet of their own.
 */
#include <stddef.h>

extern const char trace_words_1[];
extern const size_t trace_words_1_length;

#endif
