/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_WORD_READINGS_H
#define ASSAY_MESSAGE_WORD_READINGS_H
/*
 * Encoded words (RFC 2047) read as the most lenient reader would: anywhere, glued to other text, of any length, b and q, with
 * broken padding. Only to find what somebody might see in a field; nothing that Assay believes is read in this way.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

/** Whether there is an encoded word in the text, however it is placed. */
bool word_readings_present(const char *text, size_t length);

/**
 * The text with every encoded word replaced by what it stands for, in UTF-8.
 * joined: the white space between two of them goes, as it should (RFC 2047 section 6.2), but not everywhere does;
 * else a blank stands behind each word.
 * Bytes of a charset that is not known stay as they are. Time and memory are linear in the text.
 * @return in the arena; length_r: its length. Thread: any.
 */
const char *word_readings_decode(struct arena *arena, const char *text, size_t length, bool joined,
    size_t *length_r);

#endif
