/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_TRACE_PACK_H
#define ASSAY_RECORD_TRACE_PACK_H
/* Texts of traces as octets for a database. Thread: any. */
#include <stddef.h>
#include <stdint.h>

/** The text packed, or as it is where that would not help. @param data_r  to be freed. @return octets. */
size_t trace_pack(const char *text, size_t length, unsigned char **data_r);

/** @param length  of the text. @return it, to be freed; NULL: it cannot be unpacked. */
char *trace_unpack(const void *data, size_t bytes, int64_t length);

#endif
