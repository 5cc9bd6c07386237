/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SPF_MACRO_H
#define ASSAY_CHECK_SPF_MACRO_H
/*
 * SPF macros (RFC 7208 section 7): syntax of macro-strings and domain-specs, and their expansion in bounded memory.
 * Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/buf.h"

enum {
	SPF_NAME_BYTES = 254,		/* a domain name as text, 253 octets and the NUL */
	SPF_PRESENTATION_BYTES = 4 * 253 + 1,	/* the same with every octet escaped as \DDD */
};

/* What the letters stand for. Strings are borrowed and may hold any byte but NUL. */
struct spf_macro_values {
	struct ip_addr client;		/* i, c, v */
	const char *sender_local;	/* l, and s with sender_domain */
	const char *sender_domain;	/* o */
	const char *domain;		/* d: the current domain */
	const char *helo;		/* h */
	const char *receiver;		/* r */
	int64_t time_secs;		/* t */
	/* p: the validated name for the current domain, or "unknown". NULL: p cannot be expanded here. */
	const char *(*validated_name)(void *context, const char *domain);
	void *context;
};

/* What a text has been found to contain. */
struct spf_macro_use {
	bool p;			/* needs the validated name */
	bool sender;		/* s or l: the local part */
	bool exp_only;		/* c, r or t: allowed in explanation text only */
};

/** Syntax of a macro-string; explain-strings may have spaces too. @return 0 or -E_SYNTAX. */
int spf_macro_check(const char *text, size_t length, bool allow_space, struct spf_macro_use *use_r);

/** Syntax of a domain-spec (section 7.1), without c, r and t. @return 0 or -E_SYNTAX. */
int spf_domain_spec_check(const char *text, size_t length, struct spf_macro_use *use_r);

/**
 * Expands a domain-spec (already checked) into a name: one trailing dot is dropped, and when the rest is over 253
 * octets labels are dropped from the left until it fits (section 7.3).
 * @param name_r  raw octets, not escaped; SPF_NAME_BYTES.
 * @return 0; -E_SYNTAX when this is no name that can be asked for (empty or over-long label, 8-bit or control octet).
 */
int spf_macro_expand_domain(const struct spf_macro_values *values, const char *text, size_t length, char *name_r);

/** Expands an explain-string (already checked) and appends it, sanitized to printable ASCII, at most max_bytes. */
void spf_macro_expand_text(const struct spf_macro_values *values, const char *text, size_t length, size_t max_bytes,
    struct buf *out);

/** Raw name → the presentation form the resolver takes (RFC 1035 section 5.1). text_r: SPF_PRESENTATION_BYTES. */
const char *spf_name_present(const char *name, char *text_r);

/** @return whether raw octets are a name with labels of 1–63 octets, 7-bit and printable, of at most 253 octets. */
bool spf_name_askable(const char *name);

#endif
