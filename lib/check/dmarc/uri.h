/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DMARC_URI_H
#define ASSAY_CHECK_DMARC_URI_H
/*
 * The URIs in the tags rua and ruf of a DMARC record (RFC 9989 section 4.7): which of them are any, and to which addresses a report
 * can be mailed. Whoever publishes a record chooses them, and they end as arguments of sendmail and in header fields: an address is
 * taken only when every character of it is harmless in both. Pure. Thread: that of the arena.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

enum {
	DMARC_URIS_MAX = 20,		/* addresses taken of one list */
	DMARC_URIS_LOOKED_MAX = 1000,	/* items of it looked at; a record of 16 KiB can have 8192 */
	DMARC_ADDRESS_LOCAL_MAX = 64	/* RFC 5321 section 4.5.3.1.1 */
};

/* A mailto URI that can be used. Both live in the arena. */
struct dmarc_address {
	const char *address;	/* "local@domain": letters, digits and ._+=~- before the @, the domain in normal form with a dot in it */
	const char *host;	/* that domain */
};

struct dmarc_uris {
	struct dmarc_address addresses[DMARC_URIS_MAX];	/* in the order of the list, each once */
	size_t count;
	size_t malformed;	/* items that are no URI, or no address that is taken */
	size_t other_schemes;	/* URIs that are no mailto */
	size_t over_cap;	/* addresses for which there was no room, and items that were not looked at */
};

/**
 * One URI, without blanks around it. An obsolete size limit behind it ("!10m") is no part of it.
 * @param length_r  how much of the text is the URI; may be NULL.
 * @return whether it is one: a scheme and something; mailto needs an "@" with something on both sides.
 */
bool dmarc_uri_valid(const char *text, size_t length, size_t *length_r);

/** @return whether some item of the list is a valid URI. */
bool dmarc_uri_list_valid(const char *text, size_t length);

/** Reads a list. Fields behind "?" in a mailto URI are dropped. @param list  the tag's value; NULL: an empty list. Cannot fail. */
void dmarc_uri_list_read(struct arena *arena, const char *list, struct dmarc_uris *uris_r);

/** Adds an address that is not among them yet; counts it in over_cap when there is no room. */
void dmarc_uris_add(struct dmarc_uris *uris, const struct dmarc_address *address);

#endif
