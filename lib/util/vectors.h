/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_VECTORS_H
#define ASSAY_UTIL_VECTORS_H
/*
 * For functions that look at every octet of a body by the block, in plain C that compilers make vectors of. Debian builds for the
 * oldest processors of an architecture; such a function is compiled twice, and the C library takes the one that the processor at
 * hand can do. Where that is not offered there is one, which is as right. Sanitizers cannot stand in what is run before they are.
 */
#include <stdlib.h>	/* __GLIBC__ */

#ifndef __has_attribute
#define __has_attribute(attribute) 0
#endif
#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __has_attribute(target_clones) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WIDE_VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define WIDE_VECTORS
#endif

/* Of what it calls in each block: inlined, so that it is compiled with it. */
#define WITHIN_VECTORS static inline __attribute__((always_inline))

#endif
