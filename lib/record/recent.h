/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_RECENT_H
#define ASSAY_RECORD_RECENT_H
/*
 * Peers that were read a moment ago. On a busy server the same peer comes many times between two commits, and its row is the same
 * each time: it is read from the database once. What is kept is forgotten whenever this process has written, so that it never is
 * behind our own commits, and after RECENT_MS in any case: other processes (another assayd, the command line) write too.
 * Bounded: RECENT_SLOTS peers. Thread: any.
 */
#include <stdbool.h>
#include <stdint.h>

#include "record/store.h"

enum { RECENT_MS = 1000, RECENT_SLOTS = 256, RECENT_KEY_BYTES = 320 };

struct recent;

/** What recent_get() hands to recent_put(): when the reading began. */
struct recent_ticket { uint64_t hash, generation; int64_t time_ms; };

struct recent *recent_new(void);
void recent_free(struct recent **recent);

/**
 * @param code_r    set when it is known: 0 with memory_r set, or -E_ABSENT.
 * @param ticket_r  always set.
 * @return whether it is known.
 */
bool recent_get(struct recent *recent, const char *peer, const char *host, int *code_r, struct peer_memory *memory_r,
    struct recent_ticket *ticket_r);

/** Keeps what was read, unless something was written meanwhile. @param code  0, or -E_ABSENT; anything else is not kept. */
void recent_put(struct recent *recent, const char *peer, const char *host, int code, const struct peer_memory *memory,
    const struct recent_ticket *ticket);

/** Something was written, or the database was closed. */
void recent_forget(struct recent *recent);

#endif
