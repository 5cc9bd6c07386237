/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_SIPHASH_H
#define ASSAY_UTIL_SIPHASH_H
/* The keyed hash of every table whose keys come from strangers: without the key nobody can choose the bucket. Pure. Thread: any. */
#include <stddef.h>
#include <stdint.h>

/** SipHash-2-4 of the bytes. @param key  128 secret bits, from getrandom(). */
uint64_t siphash(const void *bytes, size_t length, const uint64_t key[2]);

#endif
