/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_ENCODED_WORD_H
#define ASSAY_MESSAGE_ENCODED_WORD_H
/*
 * Encoded words (RFC 2047) read as the most lenient reader would: anywhere, glued to other text, of any length, b and q, with
 * broken padding. Only to find what somebody might see in a field; nothing that Assay believes is read in this way.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

/** Whether there is an encoded word in the text, however it is placed. */
bool encoded_word_in(const char *text, size_t length);

enum encoded_word_reading {
	ENCODED_WORDS_APART,	/* a blank stands behind each word, as some readers have it */
	ENCODED_WORDS_JOINED,	/* the white space between two of them goes (RFC 2047 section 6.2) */
	/* the same; a word in a charset whose bytes are not ASCII where they look like it (UTF-16, UTF-7, EBCDIC, unknown ones)
	   becomes ENCODED_WORD_UNREAD, NULs are dropped */
	ENCODED_WORDS_MARKED,
};
enum { ENCODED_WORD_UNREAD = '\x01' };

/**
 * The text with every encoded word replaced by what it stands for, in UTF-8; one layer.
 * Bytes of a charset that is not known stay as they are. Time and memory are linear in the text.
 * @return in the arena; length_r: its length. Thread: any.
 */
const char *encoded_words_decode(struct arena *arena, const char *text, size_t length,
    enum encoded_word_reading reading, size_t *length_r);

#endif
