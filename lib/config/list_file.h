/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_LIST_FILE_H
#define ASSAY_CONFIG_LIST_FILE_H
/*
 * Files of domains or addresses: one a line, "#" begins a comment, blank lines and white space around do not count, lines end with LF or
 * CR LF. Thread: any; works in the arena it is given. Trusts nothing of the file.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

enum { LIST_FILE_MAX_BYTES = 64 << 20, LIST_FILE_MAX_ENTRIES = 2000000 };

/** What is wrong with a line. @param entry  what stands there, borrowed, any bytes; valid during the call. */
typedef void list_fault(void *closure, unsigned line, const char *entry, const char *why);

/* What a list is of. */
enum list_form {
	LIST_OF_DOMAINS,	/* single ones */
	LIST_OF_PATTERNS,	/* and ".example.org" for it and all below */
	LIST_OF_SENDERS,	/* and "<>" for the null sender */
	LIST_OF_ADDRESSES,	/* of mailboxes (util/mailbox.h) */
};

/**
 * Brings an entry to normal form, in place: lower case, an address as mailbox_entry() has it.
 * @return what is wrong with it, in words for an admin (static); NULL: nothing.
 */
const char *list_entry_fault(char *text, size_t length, enum list_form form);

/** Entries of a file, in its order, in normal form; they may repeat. */
struct list_names {
	const char **names;
	size_t count;
};

/**
 * Takes a text apart. Every line that is neither an entry nor empty is told, one by one.
 * @param text      length bytes and a NUL behind them; changed, and the names stay in it.
 * @return 0; -E_LIMIT when there are more entries than LIST_FILE_MAX_ENTRIES: names_r is then empty.
 */
int list_parse(char *text, size_t length, enum list_form form, struct arena *arena, list_fault *tell, void *closure,
    struct list_names *names_r) __attribute__((warn_unused_result));

/**
 * Reads a file whole. @param why_r  on failure: why, in words for an admin (static, or in the arena).
 * @return 0, with length_r bytes and a NUL in text_r, in the arena; -E_LIMIT when it is larger than LIST_FILE_MAX_BYTES, -E_SYSTEM
 * for everything else: only regular files are read.
 */
int list_file_read(const char *path, struct arena *arena, char **text_r, size_t *length_r, const char **why_r)
	__attribute__((warn_unused_result));

#endif
