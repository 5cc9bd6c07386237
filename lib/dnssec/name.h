/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNSSEC_NAME_H
#define ASSAY_DNSSEC_NAME_H
/*
 * Domain names as the validator keeps them: uncompressed wire form, lower case, ended by the root label (RFC 1035
 * section 3.1, RFC 4034 section 6). A pointer to the first length octet is the name; a pointer to a later length octet
 * is its ancestor, so that going up costs nothing. Every name here was checked when it was made: at most 255 octets.
 * Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

enum { NAME_BYTES = 255, NAME_MAX_LABELS = 127 };

/** @return octets, the root label included: 1 for the root. */
size_t name_length(const uint8_t *name);

/** @return labels without the root: 0 for the root. A leading "*" counts. */
unsigned name_labels(const uint8_t *name);

/** @return labels as an RRSIG counts them: without root and without a leading "*" (RFC 4034 section 3.1.3). */
unsigned name_signed_labels(const uint8_t *name);

/** @return the name without its first label; the root for the root. Points into name. */
const uint8_t *name_parent(const uint8_t *name);

/** @return the ancestor (or itself) with that many labels; the name itself when it has no more. Points into name. */
const uint8_t *name_suffix(const uint8_t *name, unsigned labels);

bool name_is_root(const uint8_t *name);
bool name_is_wildcard(const uint8_t *name);
bool name_equal(const uint8_t *a, const uint8_t *b);

/** @return whether name is ancestor itself or below it. */
bool name_within(const uint8_t *name, const uint8_t *ancestor);

/** @return whether name is below ancestor and not the same. */
bool name_below(const uint8_t *name, const uint8_t *ancestor);

/** Canonical order (RFC 4034 section 6.1). @return <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);

/** @return how many labels both names have in common, counted from the root. */
unsigned name_common_labels(const uint8_t *a, const uint8_t *b);

/** "*.ancestor". @return NULL when that is no name (over 255 octets). */
const uint8_t *name_wildcard(struct arena *arena, const uint8_t *ancestor);

/** Presentation form without trailing dot ("." for the root), RFC 1035 escapes. */
const char *name_text(struct arena *arena, const uint8_t *name);

/** From presentation form. @return 0 or -E_SYNTAX. */
int name_from_text(const char *text, uint8_t name_r[NAME_BYTES]);

/**
 * Reads a name out of a message, following at most 10 compression pointers that each point backwards, and lowers it.
 * @param position_r  in: where it begins; out: behind it.
 * @return 0 or -E_SYNTAX.
 */
int name_from_wire(const uint8_t *wire, size_t length, size_t *position_r, uint8_t name_r[NAME_BYTES]);

#endif
