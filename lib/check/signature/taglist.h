/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_TAGLIST_H
#define ASSAY_CHECK_SIGNATURE_TAGLIST_H
/*
 * Lists of tag=value (RFC 6376 section 3.2), as DKIM-Signature fields and key records are written, and what their
 * values are made of. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

enum { DKIM_TAGS_MAX = 48 };
#define DKIM_NUMBER_CEILING UINT64_C(1000000000000000000)

struct dkim_tag {
	const char *name, *value;	/* borrowed from the text; not NUL-terminated */
	size_t name_length, value_length;	/* white space around the value is not counted */
	bool spaced;			/* white space stands between the name and "=" */
};

struct dkim_taglist {
	struct dkim_tag tags[DKIM_TAGS_MAX];
	size_t count;
};

/**
 * Splits a list. White space is SP, HT, CR and LF; 8-bit bytes may stand in values (RFC 8616), control bytes nowhere;
 * a name that occurs twice spoils the whole list.
 * @param why_r  set on failure: a static text.
 * @return 0; -E_SYNTAX; -E_LIMIT when there are more than DKIM_TAGS_MAX tags.
 */
int dkim_taglist_parse(const char *text, size_t length, struct dkim_taglist *list_r, const char **why_r)
	__attribute__((warn_unused_result));

/** @return the tag of that name (names are case-sensitive), or NULL. */
const struct dkim_tag *dkim_taglist_get(const struct dkim_taglist *list, const char *name);

/** @return whether the value is that text, ASCII letters compared without case. */
bool dkim_tag_is(const struct dkim_tag *tag, const char *text);

/** The value without any white space, NUL-terminated. length_r may be NULL. */
char *dkim_tag_compact(const struct dkim_tag *tag, struct arena *arena, size_t *length_r);

/**
 * The value as decimal number of up to 76 digits; what is over 10^18 is given as 10^18.
 * @return 0 or -E_SYNTAX.
 */
int dkim_tag_number(const struct dkim_tag *tag, uint64_t *number_r) __attribute__((warn_unused_result));

/**
 * Base64 with white space in it; padding may be missing.
 * @return the bytes in the arena, never NULL when length_r is set; NULL when it is not base64 or empty.
 */
uint8_t *dkim_tag_base64(const struct dkim_tag *tag, struct arena *arena, size_t *length_r);

/**
 * Next item of a list separated by colons, white space around it cut off.
 * @param rest  what is left to read; starts as *tag. *rest has value NULL behind the last item.
 * @return false when there is none left.
 */
bool dkim_tag_next_item(struct dkim_tag *rest, const char **item_r, size_t *length_r);

#endif
