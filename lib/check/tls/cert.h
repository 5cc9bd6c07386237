/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_TLS_CERT_H
#define ASSAY_CHECK_TLS_CERT_H
/*
 * Names of client certificates, as MTAs hand them over: Postfix gives the common name alone, Sendmail the whole
 * distinguished name in the form /C=…/CN=… and xtext (RFC 3461 section 4). Pure. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

/** xtext → text: "+20" is a blank. What is not valid xtext stays as it is; control bytes become '?'. */
const char *cert_decode(struct arena *arena, const char *xtext);

/**
 * Reads a fingerprint: hex digits, in pairs that colons may part.
 * @param digest_r  room for CERT_DIGEST_MAX. @return its length: 32 (SHA-256) or 64 (SHA-512); 0 for anything else.
 */
enum { CERT_DIGEST_MAX = 64 };
size_t cert_read_fingerprint(const char *text, uint8_t digest_r[CERT_DIGEST_MAX]);

/** The common name of a subject or issuer in either form, lower case; NULL when there is none or several. */
const char *cert_common_name(struct arena *arena, const char *name);

/** Whether the common name stands for the host (RFC 6125: equal, or "*." for exactly one label). */
bool cert_matches_host(const char *common_name, const char *host);

/** Whether the common name is the domain or a host in it. */
bool cert_matches_domain(const char *common_name, const char *domain);

#endif
