/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_TEXT_FILE_H
#define ASSAY_TOOLS_TEXT_FILE_H
/* Configuration files as a whole: read with a cap, replaced in one step. */
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

#endif
