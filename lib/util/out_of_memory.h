/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_OUT_OF_MEMORY_H
#define ASSAY_UTIL_OUT_OF_MEMORY_H
/*
 * The one end of every allocation that failed. Whoever runs the process may have last words said, which must not allocate.
 */

/** Set once, before any other thread; NULL: none. */
void out_of_memory_set_last_words(void (*last_words)(void));

/** Says the last words and aborts. Thread: any. */
void out_of_memory(void) __attribute__((noreturn, cold));

#endif
