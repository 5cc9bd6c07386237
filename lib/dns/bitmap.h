/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_BITMAP_H
#define ASSAY_DNS_BITMAP_H
/* The type bitmaps of NSEC and NSEC3 (RFC 4034 section 4.1.2). Thread: any; pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @return whether the bitmap is well formed: only then may the absence of a bit mean anything. */
bool bitmap_valid(const uint8_t *bitmap, size_t length);
/** @return whether the bit of type is set. */
bool bitmap_has(const uint8_t *bitmap, size_t length, uint16_t type);
/**
 * @return whether a well-formed bitmap of a name's own record says that there is no such name: NXNAME, and no data beside it
 *         (compact denial, RFC 9824 section 2).
 */
bool bitmap_is_nonexistence(const uint8_t *bitmap, size_t length);

#endif
