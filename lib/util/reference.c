/* SPDX-License-Identifier: BSD-2-Clause */
/* References of messages: made of the system's random bits, and found again in what people paste. See reference.h. */
#include "util/reference.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "util/clean.h"
#include "util/error.h"

enum { GROUP = 4, LETTERS = 12, DASHED = REFERENCE_BYTES - 1 };

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

int reference_make(char reference_r[REFERENCE_BYTES])
{
	uint64_t bits;
	char *to = reference_r;

	if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
		return -E_SYSTEM;
	for (int i = 0; i < LETTERS; i++, bits >>= 5) {
		if (i != 0 && i % GROUP == 0)
			*to++ = '-';
		*to++ = alphabet[bits & 31];
	}
	*to = '\0';
	return 0;
}

/* @return the letter of the alphabet that somebody meant; NUL: none. */
static char letter_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c + ('a' - 'A'));
	if (c == 'o')
		return '0';
	if (c == 'i' || c == 'l')
		return '1';
	return c != '\0' && strchr(alphabet, c) != NULL ? c : '\0';
}

/* Whether the word is a reference, with hyphens between its groups or, where that may be, without any. */
static bool read_word(const char *word, size_t length, bool bare, char reference_r[REFERENCE_BYTES])
{
	bool dashed = length == DASHED;
	char *to = reference_r;
	size_t letters = 0;

	if (!dashed && !(bare && length == LETTERS))
		return false;
	for (size_t i = 0; i < length; i++) {
		char letter;

		if (dashed && i % (GROUP + 1) == GROUP) {
			if (word[i] != '-')
				return false;
			continue;
		}
		letter = letter_of(word[i]);
		if (letter == '\0')
			return false;
		if (letters != 0 && letters % GROUP == 0)
			*to++ = '-';
		*to++ = letter;
		letters++;
	}
	*to = '\0';
	return true;
}

/* What a word of an address or a domain is made of; a full stop is one only when more of it follows. */
static bool is_inside(const char *text, size_t at, size_t length)
{
	char c = text[at];

	if (c == '.')
		return at + 1 < length && (clean_is(text[at + 1], CLEAN_NAME) || text[at + 1] == '@');
	return clean_is(c, CLEAN_NAME) || c == '@' || (c & 0x80) != 0;
}

static bool is_ref(const char *word, size_t length)
{
	return length == 3 && (word[0] | 0x20) == 'r' && (word[1] | 0x20) == 'e' && (word[2] | 0x20) == 'f';
}

bool reference_find(const char *text, size_t length, char reference_r[REFERENCE_BYTES])
{
	bool found = false, found_behind = false, behind = false;
	size_t first = 0, last, begin;
	char read[REFERENCE_BYTES];

	if (length > REFERENCE_PASTED_BYTES)
		length = REFERENCE_PASTED_BYTES;
	last = length;
	while (first < last && !clean_is(text[first], CLEAN_NAME))
		first++;
	while (last > first && (!clean_is(text[last - 1], CLEAN_NAME) || text[last - 1] == '.'))
		last--;
	if (read_word(text + first, last - first, true, reference_r))
		return true;
	for (size_t at = 0; at < length; at++) {
		if (!is_inside(text, at, length))
			continue;
		for (begin = at; at < length && is_inside(text, at, length); at++)
			;
		if (read_word(text + begin, at - begin, behind, read) && (behind || !found_behind)) {
			memcpy(reference_r, read, sizeof(read));
			found = true;
			found_behind = behind;
		}
		behind = is_ref(text + begin, at - begin);
	}
	return found;
}
