/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_TRACE_PACK_H
#define ASSAY_RECORD_TRACE_PACK_H
/*
 * Texts of traces as octets for a database. What is packed begins with an octet that says how: 1, and a block of LZ4 made
 * with the words that all traces share (trace_words.h). Traces of older versions are zlib streams (RFC 1950), which begin
 * otherwise. A text that packing would not make shorter stands as it is, which its length tells.
 */
#include <stddef.h>
#include <stdint.h>

/** What packing keeps from one trace to the next: tables, and room for the outcome. */
struct trace_packer;

/** @return a new one, to be freed. Thread: one at a time uses it. */
struct trace_packer *trace_packer_new(void);
/** @param packer_r  NULL is fine; set to NULL. */
void trace_packer_free(struct trace_packer **packer_r);

/**
 * Packs a text.
 * @param length  of the text; at most STORE_TRACE_BYTES
 * @param bytes_r  how many octets came of it; at most length
 * @return them; the packer's, until its next use, or the text itself
 */
const void *trace_pack(struct trace_packer *packer, const char *text, size_t length, size_t *bytes_r);

/** @param length  of the text. @return it, to be freed; NULL: it cannot be unpacked. Thread: any. */
char *trace_unpack(const void *data, size_t bytes, int64_t length);

#endif
