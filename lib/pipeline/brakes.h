/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_BRAKES_H
#define ASSAY_PIPELINE_BRAKES_H
/*
 * What the record told last of brakes, so that no message has to ask it. While it cannot be read what it told last holds, for as long
 * as that takes. Before it could be read at all nobody knows which brakes are on: then all count as on (struct brakes, unknown), for a
 * brake that was forgotten would refuse mail that looked wanted. Thread: any; one lock, held for moments.
 */
#include "policy/ramp.h"
#include "record/store.h"

struct arena;
struct brake_memory;

struct brake_memory *brake_memory_new(void);
void brake_memory_free(struct brake_memory **memory);

/** One brake of the record, or NULL: that is all. Fits brake_known of struct store_config, with the memory as its argument. */
void brake_memory_load(void *memory, const struct brake_row *row);

/** All that is in the record, in place of what was known. Those that were lifted long ago are left out. */
void brake_memory_set(struct brake_memory *memory, const struct brake_row *rows, size_t count);

bool brake_memory_is_known(struct brake_memory *memory);

/** @return a copy in the arena; NULL: none is on. */
const struct brakes *brake_memory_copy(struct brake_memory *memory, struct arena *arena);

#endif
