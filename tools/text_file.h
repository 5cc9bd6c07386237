/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_TEXT_FILE_H
#define ASSAY_TOOLS_TEXT_FILE_H
/* Files as a whole: read with a cap, replaced in one step. A signal or a full disk in the middle leaves no part of one. */
#include "util/arena.h"

enum { TEXT_FILE_MAX_BYTES = 4 << 20 };

/** @return the text, or NULL with errno set (EFBIG: over the cap; EINVAL: it holds a NUL). In the arena. */
const char *text_file_read(struct arena *arena, const char *path);

/**
 * Puts text in the place of the file, which keeps its owner and mode; a new one gets mode. The old file stays whole until
 * the new one is on disk. A symbolic link is followed.
 * @return 0, or -1 with errno set.
 */
int text_file_write(struct arena *arena, const char *path, const char *text, unsigned mode);

/**
 * Makes a file of so many octets, with the mode less what the umask takes away. What stood there stays until the new one is on disk,
 * and whose it was does not matter; a symbolic link is replaced, not followed.
 * @return 0, or -1 with errno set.
 */
int text_file_make(struct arena *arena, const char *path, const void *data, size_t bytes, unsigned mode);

#endif
