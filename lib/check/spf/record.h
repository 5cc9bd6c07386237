/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SPF_RECORD_H
#define ASSAY_CHECK_SPF_RECORD_H
/*
 * SPF records: which of the TXT records it is (RFC 7208 section 4.5) and what it says, by the letter of the grammar
 * (section 12). Nothing is expanded or looked up here. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/dns.h"
#include "util/addr.h"
#include "util/arena.h"

enum { SPF_RECORD_BYTES = 3000 };	/* longer records are refused (permerror) */

enum spf_term_kind {
	SPF_TERM_ALL, SPF_TERM_INCLUDE, SPF_TERM_A, SPF_TERM_MX, SPF_TERM_PTR, SPF_TERM_IP4, SPF_TERM_IP6, SPF_TERM_EXISTS,
	SPF_TERM_REDIRECT, SPF_TERM_EXP, SPF_TERM_OTHER,	/* modifiers; OTHER: an unknown one, without effect */
};

/* One directive or modifier. Texts are slices of the record. */
struct spf_term {
	enum spf_term_kind kind;
	char qualifier;			/* + - ~ ? */
	bool uses_p, uses_sender;	/* the domain-spec has %{p}, or %{s} or %{l} */
	uint8_t prefix4, prefix6;	/* CIDR lengths of a, mx, ip4, ip6; 32 and 128 without one */
	struct ip_addr addr;		/* of ip4 and ip6; host bits as written */
	const char *domain;		/* domain-spec; NULL without one */
	size_t domain_length;
	const char *text;		/* the whole term */
	size_t text_length;
};

struct spf_record {
	const struct spf_term *terms;
	size_t term_count;
	const struct spf_term *redirect, *exp;	/* among terms; NULL without one */
};

/**
 * Chooses the record among the answer's TXT records.
 * @return 0; -E_ABSENT: no SPF record; -E_SYNTAX: several; -E_LIMIT: over SPF_RECORD_BYTES.
 */
int spf_record_select(const struct dns_answer *answer, struct arena *arena, const char **text_r, size_t *length_r);

/** @return whether this TXT is an SPF record: "v=spf1" and the end or a space. */
bool spf_record_is(const char *text, size_t length);

/** Points behind the version; a place to begin with for spf_term_next(). */
const char *spf_record_terms(const char *text);

/**
 * Reads the next term.
 * @param at  moves on; starts at spf_record_terms().
 * @return 1 with a term, 0 at the end, -E_SYNTAX with term_r->text set to the term that is wrong.
 */
int spf_term_next(const char **at, const char *end, struct spf_term *term_r);

/**
 * Reads a whole record, duplicates of redirect= and exp= included.
 * @param why_r  on failure, what is wrong, in the arena.
 * @return 0 or -E_SYNTAX.
 */
int spf_record_parse(struct arena *arena, const char *text, size_t length, struct spf_record *record_r,
    const char **why_r);

/** Does a DNS look-up when it is evaluated, and so counts against the limit of section 4.6.4. */
bool spf_term_queries(const struct spf_term *term);

/** Are the first prefix_bits of two addresses of one family the same? */
bool spf_addr_match(const struct ip_addr *a, const struct ip_addr *b, unsigned prefix_bits);

/** The term for a reason: its text, cut when it is long, unprintable octets replaced. In the arena. */
const char *spf_term_describe(struct arena *arena, const struct spf_term *term);

#endif
