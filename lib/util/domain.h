/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_DOMAIN_H
#define ASSAY_UTIL_DOMAIN_H
/*
 * Domain names as text: what is one, the one form in which they are kept and compared, which is within which, and sets of
 * them. Normal form: A-labels, lower case, no dot at the end, 253 characters at most; equal names are equal text.
 * Inside the resolver names have another shape, that of the wire (dns/name.h).
 * Thread: any; a set may be read by any number of threads.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

enum { DOMAIN_MAX_LENGTH = 253 };	/* characters; 255 octets in wire form (RFC 1035 section 2.3.4) */

/** @return what keeps the text from being a domain name in normal form, in words for an admin (static); NULL: it is one. */
const char *domain_fault(const char *text, size_t length);

/**
 * Brings a name from anywhere to normal form: U-labels to A-labels (IDNA2008, non-transitional), letters to lower case, one
 * dot at the end away.
 * @return a copy in the arena; NULL when it is not a domain name.
 */
const char *domain_normalize(struct arena *arena, const char *text, size_t length);

/**
 * @return whether name is ancestor itself or stands below it, whatever the case of letters. Both without a dot at the end; the
 * root is nobody's ancestor here, so that a name that went missing ("" or ".") lets nothing in.
 */
bool domain_is_within(const char *name, const char *ancestor);

/* Names, and names with all below them. A look-up costs the same however many there are. */
struct domain_set;

/**
 * Makes a set of "example.org" (that name alone) and ".example.org" (it and all below it). Entries may repeat.
 * @param entries  in normal form, some with a dot in front; borrowed, they must live as long as the arena. UINT32_MAX / 4 at most.
 * @return the set, in the arena (8 bytes an entry for its place and 11 to 22 for the table); NULL when count is 0.
 */
const struct domain_set *domain_set_make(struct arena *arena, const char *const *entries, size_t count);

/** @return whether some entry holds the name (normal form). NULL is in no set, and nothing is in the set NULL. */
bool domain_set_has(const struct domain_set *set, const char *name);

/** @return how many different entries there are; 0 for NULL. */
size_t domain_set_count(const struct domain_set *set);

/** @return entry `index`, as it was given; in the order of their first places. */
const char *domain_set_entry(const struct domain_set *set, size_t index);

/** @return the number of an entry that is in the set, as it was given. */
size_t domain_set_number(const struct domain_set *set, const char *entry);

/** Calls seen with the number of each entry that holds the name. @param set, name  as for domain_set_has(). */
typedef void domain_set_seen(void *closure, size_t number);
void domain_set_each(const struct domain_set *set, const char *name, domain_set_seen *seen, void *closure);

/** @return whether both have the same entries, in whatever order. Either may be NULL. */
bool domain_set_equal(const struct domain_set *a, const struct domain_set *b);

/**
 * Entries of one that the other has not, literally: "a.example.org" is missing beside ".example.org". Either may be NULL.
 * @param names_r  the first of them, `room` at most.
 * @return how many there are.
 */
size_t domain_set_missing(const struct domain_set *of, const struct domain_set *in, const char **names_r, size_t room);

#endif
