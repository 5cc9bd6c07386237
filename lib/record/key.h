/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_KEY_H
#define ASSAY_RECORD_KEY_H
/*
 * Texts by which peers, hosts, greylist entries and shapes are found. Senders write addresses of any length, and an index of PostgreSQL
 * takes no long ones: of a longer one the beginning and a hash stand for all. So does SQLite, which could do without, in order that a
 * record that was copied from one to the other, and back, is found again. Pure. Thread: any.
 */
#include "util/arena.h"

enum { RECORD_KEY_SURE_BYTES = 200 };	/* a text that is no longer stays as it is, whatever its octets */

/** @return the text itself, or what stands for it, in the arena. What stands for a text stands for itself. */
const char *record_key(struct arena *arena, const char *text);

#endif
