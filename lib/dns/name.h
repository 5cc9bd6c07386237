/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_NAME_H
#define ASSAY_DNS_NAME_H
/*
 * Domain names inside resolver and validator: wire form (RFC 1035 section 3.1), lower case, uncompressed, ended by the root label, so
 * that equal names are equal bytes. Presentation form (RFC 1035 section 5.1) exists at the edges only.
 *
 *   struct dns_name  a name as a value: a key, an entry of a table
 *   dns_wire_…()     the same octets by a pointer to the first length octet; a pointer to a later length octet is the ancestor,
 *                    so that going up costs nothing. Every such name was checked when it was made: at most 255 octets.
 *
 * Thread: any; pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

enum {
	DNS_NAME_BYTES = 255,		/* RFC 1035 section 2.3.4 */
	DNS_NAME_MAX_LABELS = 127,
	DNS_NAME_TEXT_BYTES = 1024,	/* every octet escaped, with the NUL */
};

struct dns_name {
	uint8_t length;			/* 1 (the root) to 255 */
	uint8_t bytes[DNS_NAME_BYTES];
};

/** Presentation form, one trailing dot allowed, to wire form. @return 0; -E_SYNTAX when it is no domain name. */
int dns_name_parse(const char *text, struct dns_name *name_r);

/**
 * Uncompressed wire form to a name.
 * @return 0; -E_SYNTAX when it is not exactly one well-formed name in `length` bytes.
 */
int dns_name_from_wire(const uint8_t *wire, size_t length, struct dns_name *name_r);

/** Writes the presentation form without trailing dot (the root is "."). @return its length. */
size_t dns_name_text(const uint8_t *wire, char text_r[DNS_NAME_TEXT_BYTES]);

/** @return whether uncompressed wire bytes are this name, case-insensitively. */
bool dns_name_equals_wire(const struct dns_name *name, const uint8_t *wire, size_t length);

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);

/** @return whether name is ancestor or below it. */
bool dns_name_is_within(const struct dns_name *name, const struct dns_name *ancestor);

/** Cuts the first label off; the root stays the root. */
void dns_name_chop(struct dns_name *name);

/* ---- by pointer ---- */

/** @return octets, the root label included: 1 for the root. */
size_t dns_wire_length(const uint8_t *name);

/** @return labels without the root: 0 for the root. A leading "*" counts. */
unsigned dns_wire_labels(const uint8_t *name);

/** @return labels as an RRSIG counts them: without root and without a leading "*" (RFC 4034 section 3.1.3). */
unsigned dns_wire_signed_labels(const uint8_t *name);

/** @return the name without its first label; the root for the root. Points into name. */
const uint8_t *dns_wire_parent(const uint8_t *name);

/** @return the ancestor (or itself) with that many labels; the name itself when it has no more. Points into name. */
const uint8_t *dns_wire_suffix(const uint8_t *name, unsigned labels);

bool dns_wire_is_root(const uint8_t *name);
bool dns_wire_is_wildcard(const uint8_t *name);
bool dns_wire_equal(const uint8_t *a, const uint8_t *b);

/** @return whether name is ancestor itself or below it. */
bool dns_wire_is_within(const uint8_t *name, const uint8_t *ancestor);

/** @return whether name is below ancestor and not the same. */
bool dns_wire_is_below(const uint8_t *name, const uint8_t *ancestor);

/** Canonical order (RFC 4034 section 6.1). @return <0, 0, >0. */
int dns_wire_compare(const uint8_t *a, const uint8_t *b);

/** @return how many labels both names have in common, counted from the root. */
unsigned dns_wire_common_labels(const uint8_t *a, const uint8_t *b);

/** "*.ancestor". @return NULL when that is no name (over 255 octets). */
const uint8_t *dns_wire_wildcard(struct arena *arena, const uint8_t *ancestor);

/** As dns_name_text(), in the arena. */
const char *dns_wire_text(struct arena *arena, const uint8_t *name);

/**
 * Reads a name out of a message, following at most 10 compression pointers that each point backwards, and lowers it.
 * @param position_r  in: where it begins; out: behind it.
 * @return 0 or -E_SYNTAX.
 */
int dns_wire_from_message(const uint8_t *wire, size_t length, size_t *position_r, uint8_t name_r[DNS_NAME_BYTES]);

#endif
