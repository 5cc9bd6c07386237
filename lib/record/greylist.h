/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_GREYLIST_H
#define ASSAY_RECORD_GREYLIST_H
/*
 * Greylisting, the pure part: may this try pass, given what is remembered of earlier ones? No I/O. Thread: any.
 *
 * The key is who vouches for the message, not the address it comes from: a domain that passes SPF sends from a pool of
 * addresses and still waits once only; without any such domain the client's network stands in.
 */
#include <stdbool.h>

#include "record/store.h"
#include "util/arena.h"

struct greylist_rules {
	unsigned delay_secs;	/* a retry after this passes; default 300 */
	unsigned window_secs;	/* … but not later than this after the first try, else it starts anew; default 2 days */
};

enum greylist_verdict { GREYLIST_PASS, GREYLIST_WAIT };

struct greylist_try {
	int64_t time_secs;
	bool tls;	/* session graded ok or better */
	bool aligned;	/* SPF or DKIM passes in alignment with the author domain */
};

/**
 * @param entry  what is remembered of the key; NULL: nothing.
 * @param wait_secs_r  for WAIT: how long until a retry would pass.
 */
enum greylist_verdict greylist_judge(const struct greylist_entry *entry, const struct greylist_try *try,
    const struct greylist_rules *rules, unsigned *wait_secs_r);

/** Counts one try; entry is all zero when the key was not known. */
void greylist_update(struct greylist_entry *entry, int64_t time_secs, bool passed, unsigned window_secs);

/**
 * @param origin  domain that passed SPF for MAIL FROM, else the client's network as text.
 * @return "origin sender recipient", lower case, in the arena.
 */
const char *greylist_key(struct arena *arena, const char *origin, const char *mail_from, const char *recipient);

#endif
