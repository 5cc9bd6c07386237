/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_ARENA_H
#define ASSAY_UTIL_ARENA_H
/*
 * Memory by region: one arena a connection, one a message; everything in it dies together.
 * Out of memory aborts the process, therefore every input that is stored here has a cap.
 * Thread: an arena belongs to one thread at a time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/** New empty arena; free it with arena_free(). */
struct arena *arena_new(void);

/** Frees the arena with all that was allocated from it, and sets *arena to NULL. NULL is allowed. */
void arena_free(struct arena **arena);

/** Forgets all allocations, and keeps little memory for those to come. */
void arena_reset(struct arena *arena);

/** @return bytes handed out since creation or the last reset. */
size_t arena_used_bytes(const struct arena *arena);

/** Uninitialised memory, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size_bytes) __attribute__((malloc, warn_unused_result));

/** Zeroed memory for an array of count elements; overflow of the product aborts. */
void *arena_calloc(struct arena *arena, size_t count, size_t size_bytes) __attribute__((malloc, warn_unused_result));

/** An array that has room for one more: the same, or a copy of its count elements with twice the room. NULL is an empty one.
 * @param room  how many elements there is room for; borrowed. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size_bytes) __attribute__((warn_unused_result));

/** Copy of a string; NULL gives NULL. */
char *arena_strdup(struct arena *arena, const char *text) __attribute__((warn_unused_result));

/** Copy of length bytes with a NUL behind them. */
char *arena_strndup(struct arena *arena, const char *text, size_t length) __attribute__((warn_unused_result));

/** Copy of a block of memory. */
void *arena_memdup(struct arena *arena, const void *data, size_t size_bytes) __attribute__((warn_unused_result));

/** The three texts as one. Where it is done for each message, instead of arena_printf(): that costs ten times as much. */
char *arena_concat(struct arena *arena, const char *first, const char *second, const char *third)
	__attribute__((warn_unused_result));

/** The same for any number of texts. The last argument is NULL and no other may be: the text would end there. */
char *arena_join(struct arena *arena, const char *first, ...) __attribute__((sentinel, warn_unused_result));

/** A number in decimal. */
const char *arena_uint(struct arena *arena, uint64_t number) __attribute__((warn_unused_result));

char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0), warn_unused_result));

#endif
