/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_ENCODED_WORD_H
#define ASSAY_MESSAGE_ENCODED_WORD_H
/* Encoded words (RFC 2047), as leniently as mail programs take them. Hostile input. Thread: that of the arena. */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

/* Stands for an encoded word in a charset whose bytes are not ASCII where they look like it (UTF-16, UTF-7, EBCDIC …). */
enum { ENCODED_WORD_UNREAD = '\x01' };

/** @return whether the text holds an encoded word, in or out of place. */
bool encoded_words_present(const char *text, size_t length);

/**
 * The text with each encoded word replaced by its bytes, wherever it stands (within quotes, comments, other words: some
 * program decodes it there), and without the white space between two of them.
 * @return in the arena; length_r bytes, NULs among them dropped
 */
const char *encoded_words_decode(struct arena *arena, const char *text, size_t length, size_t *length_r);

#endif
