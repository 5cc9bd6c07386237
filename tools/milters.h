/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_MILTERS_H
#define ASSAY_TOOLS_MILTERS_H
/*
 * Postfix's lists of milters (smtpd_milters): words apart by commas and white space, or { address, name=value … } groups
 * (postconf(5), "milter" parameters). Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

struct milter_item {
	const char *text;	/* as it stands in the list, braces included */
	const char *address;	/* "unix:assay/assay.sock", "inet:localhost:8891" */
};

/** @return the items in the arena; count_r says how many. A brace that is not closed takes the rest. */
struct milter_item *milters_split(struct arena *arena, const char *list, size_t *count_r);

/** The items with ", " between them; skip: an index to leave out, or count. */
const char *milters_join(struct arena *arena, const struct milter_item *items, size_t count, size_t skip);

/**
 * Where the address leads a process whose root is `root` ("" for none) and which stands in directory (within that root): the
 * path of a unix socket as seen from outside, or NULL for another kind of address.
 */
const char *milter_unix_path(struct arena *arena, const char *address, const char *root, const char *directory);

/** Postfix's inet:HOST:PORT for libmilter's inet:PORT@HOST; NULL when it is none. Host "" becomes 127.0.0.1. */
const char *milter_from_libmilter(struct arena *arena, const char *socket);

/** The path in libmilter's unix:PATH, local:PATH or PATH; NULL for another kind. Borrowed. */
const char *libmilter_unix_path(const char *socket);

#endif
