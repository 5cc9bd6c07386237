/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See readahead_slot.h. One table of fixed size, so that a slot is never freed under somebody who looks at it; its memory is
 * used as far as descriptors go. Thread: any.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "readahead_slot.h"

enum {
	SLOTS = 64 * 1024,
	SPARE_BLOCKS = 64,			/* blocks kept for the next who needs one */
	WAITS_AT_ONCE = 16,			/* in recv() at once */
};

static struct real_calls calls;
static struct slot slots[SLOTS];

static struct {
	pthread_mutex_t lock;
	struct block *spare;
	size_t spares, used;
} blocks = { .lock = PTHREAD_MUTEX_INITIALIZER };

static atomic_uint waits;

static void find(const char *name, void *function_r, size_t bytes)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(function_r, &found, bytes);
}

/* Before any thread; earlier still when another library's constructor needs one of them. */
__attribute__((constructor)) static void find_calls(void)
{
	find("poll", &calls.poll, sizeof(calls.poll));
	find("read", &calls.read, sizeof(calls.read));
	find("writev", &calls.writev, sizeof(calls.writev));
	find("close", &calls.close, sizeof(calls.close));
}

const struct real_calls *real(void)
{
	if (calls.close == NULL)
		find_calls();
	return &calls;
}

struct block *block_take(void)
{
	struct block *block;

	pthread_mutex_lock(&blocks.lock);
	block = blocks.spare;
	if (block != NULL) {
		blocks.spare = block->next;
		blocks.spares--;
	} else {
		block = malloc(sizeof(*block));
	}
	blocks.used += block != NULL;
	pthread_mutex_unlock(&blocks.lock);
	if (block != NULL)
		block->at = block->end = 0;
	return block;
}

void block_give(struct block *block)
{
	if (block == NULL)
		return;
	pthread_mutex_lock(&blocks.lock);
	blocks.used--;
	if (blocks.spares < SPARE_BLOCKS) {
		block->next = blocks.spare;
		blocks.spare = block;
		blocks.spares++;
		block = NULL;
	}
	pthread_mutex_unlock(&blocks.lock);
	free(block);
}

size_t readahead_blocks(void)
{
	size_t used;

	pthread_mutex_lock(&blocks.lock);
	used = blocks.used;
	pthread_mutex_unlock(&blocks.lock);
	return used;
}

bool wait_begin(void)
{
	if (atomic_fetch_add_explicit(&waits, 1, memory_order_relaxed) < WAITS_AT_ONCE)
		return true;
	wait_end();
	return false;
}

void wait_end(void)
{
	atomic_fetch_sub_explicit(&waits, 1, memory_order_relaxed);
}

enum stage slot_stage(const struct slot *slot)
{
	return (enum stage)atomic_load_explicit(&slot->stage, memory_order_acquire);
}

void slot_stage_set(struct slot *slot, enum stage stage)
{
	atomic_store_explicit(&slot->stage, (unsigned char)stage, memory_order_release);
}

struct slot *slot_of(int fd)
{
	if (fd < 0 || fd >= SLOTS || slot_stage(&slots[fd]) == NOT_OURS)
		return NULL;
	return &slots[fd];
}

struct block *slot_ahead(const struct slot *slot)
{
	return atomic_load_explicit(&slot->ahead, memory_order_acquire);
}

void slot_ahead_set(struct slot *slot, struct block *block)
{
	atomic_store_explicit(&slot->ahead, block, memory_order_release);
}

void slot_clear(struct slot *slot)
{
	block_give(slot_ahead(slot));
	block_give(slot->behind);
	slot_ahead_set(slot, NULL);
	slot->behind = NULL;
	slot->polled = slot->likely = slot->answers = slot->full = false;
	slot->seen = slot->rest = 0;
	slot->patience_ms = 0;
}

void readahead_begin(int fd, struct readahead_library *library)
{
	bool known = library != NULL && atomic_load_explicit(&library->known, memory_order_relaxed);

	if (fd < 0 || fd >= SLOTS)
		return;
	(void)slot_stage(&slots[fd]);	/* sees what its last close() has done */
	slot_clear(&slots[fd]);
	slots[fd].library = library;
	slots[fd].answers = known;
	slot_stage_set(&slots[fd], known ? AHEAD : FIRST_PACKET);
}
