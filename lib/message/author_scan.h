/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_AUTHOR_SCAN_H
#define ASSAY_MESSAGE_AUTHOR_SCAN_H
/*
 * All domains that a mail program could take for the author's in a From field that is not in the grammar.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

/** @return whether more are wanted. */
typedef bool author_domain_seen(void *arg, const char *domain);

enum author_scan_routes {
	AUTHOR_SCAN_AT,		/* what stands behind an "@" only */
	AUTHOR_SCAN_ROUTES	/* user%domain and domain!user too, of which an MTA makes user@domain */
};

/**
 * @param seen  called for each, in the form of domain_normalize(), possibly more than once.
 * Time and memory are linear in the text. Thread: that of the arena.
 */
void author_scan(struct arena *arena, const char *text, size_t length, enum author_scan_routes routes,
    author_domain_seen *seen, void *arg);

#endif
