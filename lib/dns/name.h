/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_NAME_H
#define ASSAY_DNS_NAME_H
/*
 * Domain names inside the resolver: wire form, lower case, uncompressed, so that equal names are equal bytes.
 * Presentation form (RFC 1035 section 5.1) exists at the edges only. Thread: any; pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_NAME_BYTES = 255,		/* RFC 1035 section 2.3.4 */
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

#endif
