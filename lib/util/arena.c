/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Region allocator: a list of blocks, bump allocation, one free for all.
 * Trusts its callers for sizes (they cap their input); fails by abort() when memory is out.
 */
#include "util/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/decimal.h"
#include "util/out_of_memory.h"

/* The first block comes with the arena itself. It is small: several arenas of a message, and that of its session, hold next to nothing. */
enum { FIRST_BYTES = 1024 - 64, BLOCK_BYTES = 16 * 1024 - 64 };

struct block {
	struct block *next;
	size_t size_bytes, used_bytes;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *blocks;	/* newest first; the last is the one behind this struct */
	size_t used_bytes;
};

_Static_assert(sizeof(struct arena) % alignof(struct block) == 0, "the first block is aligned");

static void *allocate(size_t size_bytes)
{
	void *memory = malloc(size_bytes);

	if (memory == NULL)
		out_of_memory();
	return memory;
}

static struct block *block_init(struct block *block, size_t size_bytes, struct block *next)
{
	block->next = next;
	block->size_bytes = size_bytes;
	block->used_bytes = 0;
	return block;
}

static struct block *block_new(size_t size_bytes, struct block *next)
{
	return block_init(allocate(sizeof(struct block) + size_bytes), size_bytes, next);
}

static struct block *first_block(struct arena *arena)
{
	return (struct block *)(void *)(arena + 1);
}

struct arena *arena_new(void)
{
	struct arena *arena = allocate(sizeof(*arena) + sizeof(struct block) + FIRST_BYTES);

	arena->blocks = block_init(first_block(arena), FIRST_BYTES, NULL);
	arena->used_bytes = 0;
	return arena;
}

static void blocks_free(struct block *block, const struct block *until)
{
	while (block != until) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_free(struct arena **arena)
{
	if (*arena == NULL)
		return;
	blocks_free((*arena)->blocks, first_block(*arena));
	free(*arena);
	*arena = NULL;
}

void arena_reset(struct arena *arena)
{
	struct block *first = first_block(arena), *kept = arena->blocks;

	while (kept != first && kept->next != first)
		kept = kept->next;
	if (kept->size_bytes > BLOCK_BYTES)
		kept = first;
	blocks_free(arena->blocks, kept);
	arena->blocks = kept;
	first->used_bytes = kept->used_bytes = 0;
	arena->used_bytes = 0;
}

size_t arena_used_bytes(const struct arena *arena)
{
	return arena->used_bytes;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	const size_t align = alignof(max_align_t);
	struct block *block = arena->blocks;
	void *result;

	if (size_bytes > SIZE_MAX / 2)
		out_of_memory();
	size_bytes = (size_bytes + align - 1) / align * align;
	if (block->size_bytes - block->used_bytes < size_bytes) {
		block = block_new(size_bytes > BLOCK_BYTES ? size_bytes : BLOCK_BYTES, block);
		arena->blocks = block;
	}
	result = block->data + block->used_bytes;
	block->used_bytes += size_bytes;
	arena->used_bytes += size_bytes;
	return result;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size_bytes)
{
	void *result;

	if (size_bytes != 0 && count > SIZE_MAX / 2 / size_bytes)
		out_of_memory();
	result = arena_alloc(arena, count * size_bytes);
	memset(result, 0, count * size_bytes);
	return result;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t *room, size_t size_bytes)
{
	void *grown;

	if (count < *room)
		return items;
	*room = *room != 0 ? *room * 2 : 8;
	grown = arena_calloc(arena, *room, size_bytes);
	if (items != NULL)
		memcpy(grown, items, count * size_bytes);
	return grown;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

void *arena_memdup(struct arena *arena, const void *data, size_t size_bytes)
{
	void *copy = arena_alloc(arena, size_bytes);

	if (size_bytes != 0)
		memcpy(copy, data, size_bytes);
	return copy;
}

char *arena_concat(struct arena *arena, const char *first, const char *second, const char *third)
{
	size_t first_length = strlen(first), second_length = strlen(second), third_length = strlen(third);
	char *text = arena_alloc(arena, first_length + second_length + third_length + 1);

	memcpy(text, first, first_length);
	memcpy(text + first_length, second, second_length);
	memcpy(text + first_length + second_length, third, third_length + 1);
	return text;
}

char *arena_join(struct arena *arena, const char *first, ...)
{
	size_t length = 0;
	const char *text;
	va_list texts, again;
	char *joined, *at;

	va_start(texts, first);
	va_copy(again, texts);
	for (text = first; text != NULL; text = va_arg(texts, const char *))
		length += strlen(text);
	va_end(texts);
	joined = at = arena_alloc(arena, length + 1);
	for (text = first; text != NULL; text = va_arg(again, const char *))
		at = stpcpy(at, text);
	va_end(again);
	*at = '\0';
	return joined;
}

const char *arena_uint(struct arena *arena, uint64_t number)
{
	char text[DECIMAL_BYTES];

	return arena_strdup(arena, decimal(number, text));
}

/* Formats into the room that is left in the newest block, where arena_alloc() then finds it; mostly that is enough. */
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
	const struct block *block = arena->blocks;
	size_t left = block->size_bytes - block->used_bytes;
	va_list again;
	char *text;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(arena->blocks->data + block->used_bytes, left, format, again);
	va_end(again);
	if (length < 0)
		out_of_memory();
	text = arena_alloc(arena, (size_t)length + 1);
	if ((size_t)length >= left)
		vsnprintf(text, (size_t)length + 1, format, arguments);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = arena_vprintf(arena, format, arguments);
	va_end(arguments);
	return text;
}
