/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_SHAPE_H
#define ASSAY_RESOLVER_SHAPE_H
/*
 * Shapes: which questions a domain's last message asked, kept beyond the TTL of their answers. A shape holds names and types of
 * questions and nothing else; whoever asks them at once waits one round trip instead of one for each step of a chain. It says
 * nothing of answers, so that a wrong, old or hostile one costs a few queries and changes no verdict.
 *
 * Text of a shape, in memory and in the record: a line a question, at most SHAPE_QUESTIONS of them, "PART TYPE NAME\n".
 *   PART  e: asked for the envelope (SPF); m: for what the message said (DKIM, DMARC, ADSP)
 *   TYPE  1, 15, 16 or 28 (A, MX, TXT, AAAA)
 *   NAME  a domain name, at most SHAPE_NAME_BYTES
 * Thread: any; the table has one lock, held for moments.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

enum {
	SHAPE_QUESTIONS = 24,
	SHAPE_NAME_BYTES = 255,
	SHAPE_KEY_BYTES = 300,		/* "DOMAIN" or "helo:DOMAIN" */
	SHAPE_TEXT_BYTES = 4096,
	SHAPES_MAX = 20000,		/* in memory, those used last; in the record as many */
	SHAPES_BYTES = 8 << 20,		/* all of them together */
};

enum shape_part { SHAPE_ENVELOPE, SHAPE_MESSAGE, SHAPE_PARTS };

struct shape_question {
	enum shape_part part;
	uint16_t type;
	char name[SHAPE_NAME_BYTES + 1];
};

/**
 * Reads the next question of a text. Whether NAME is a domain name is not looked at: who asks it is told.
 * @param at  moves on. @return 1 with a question, 0 at the end, -E_SYNTAX: what follows is no question.
 */
int shape_next(const char **at, struct shape_question *question_r);

/** @return whether the text is a shape from end to end: for what comes from outside the process. */
bool shape_is_valid(const char *text);

/** Whether the shape may have a question of that type. */
bool shape_has_type(uint16_t type);

struct shapes;

/** @param max_count, max_bytes  0: SHAPES_MAX, SHAPES_BYTES. */
struct shapes *shapes_new(size_t max_count, size_t max_bytes);
void shapes_free(struct shapes **shapes);

/**
 * The shape of a key, for asking.
 * @param trusted_r  a flag a part: false while earlier guesses of that part were wrong.
 * @return its text in the arena; NULL: none is known.
 */
const char *shapes_get(struct shapes *shapes, const char *key, struct arena *arena, bool trusted_r[SHAPE_PARTS]);

/**
 * What a message of the key asked, in place of what was known.
 * @param text    "": nothing that would be worth asking early.
 * @param wrong   a number a part: guesses of it that nobody wanted. A part with such is not trusted until it has stayed the
 *                same for some messages.
 * @return whether the record should hear of it: it is new, or has changed (told once a minute at most), or was told a day ago.
 */
bool shapes_put(struct shapes *shapes, const char *key, const char *text, const unsigned wrong[SHAPE_PARTS], int64_t now_secs);

/** Puts in one that the record knew, unless there is one already, as the one used longest ago: the one noted last comes first. Text that
 * is no shape is ignored. @param arg  struct shapes. */
void shapes_load(void *arg, const char *key, const char *text, int64_t told_secs);

/** For tests and statistics. */
void shapes_usage(struct shapes *shapes, size_t *count_r, size_t *bytes_r);

#endif
