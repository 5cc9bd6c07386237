/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SPF_WALK_H
#define ASSAY_CHECK_SPF_WALK_H
/*
 * The state of one SPF evaluation, behind libspf2's back: the true names, the parsed records, the limits that hold for
 * the whole check (RFC 7208 section 4.6.4), and what each DNS answer meant. Internal to spf*.c.
 *
 *   frame    one record under evaluation: the sender's, an include's, a redirect's
 *   target   what a token stands for that libspf2 asks by: a term of a frame, or one host of an mx term
 */
#include <stdbool.h>
#include <stddef.h>

#include "check/spf/macro.h"
#include "check/spf/record.h"
#include "check/spf/spf.h"

enum {
	SPF_MAX_TERMS = 10,	/* terms that query, in all records together */
	SPF_MAX_VOIDS = 2,	/* of these, terms for which some answer had no records: counted once a term */
	SPF_MAX_MX = 10,	/* hosts of one mx term */
	SPF_MAX_PTR = 10,	/* names of the client; further ones are ignored */
	SPF_TOKEN_BYTES = 16,
	SPF_MAX_TARGETS = 512,	/* over twelve records with twelve terms and ten times ten hosts */
};

#define SPF_TOKEN_DOMAIN ".x"	/* tokens are "tN.x", N the target's number */

struct spf_frame;

/* What became of one term of a frame. */
struct spf_term_state {
	bool evaluated, matched, voided;
	bool skipped;			/* cannot match: an 8-bit local part in its name (RFC 8616 section 4) */
	struct spf_frame *child;	/* of include and redirect */
};

struct spf_frame {
	const char *domain;		/* %{d}, raw octets */
	struct spf_record record;
	struct spf_term_state *states;	/* one a term */
	bool personal;			/* domain came out of a macro: it may hold what is this message's alone */
};

struct spf_target {
	struct spf_frame *frame;	/* NULL: the root, the identity's own domain */
	const struct spf_term *term;
	struct spf_term_state *state;
	const char *host;		/* of an mx term, in presentation form; NULL: the term itself */
};

struct spf_walk {
	struct dns_scope *scope;
	struct arena *arena;
	struct spf_macro_values values;	/* domain is set for each expansion */
	const char *domain;		/* of the identity */
	bool sender_8bit;		/* the local part has octets over 127 */

	unsigned term_count, void_count;
	struct spf_target *asking;	/* the term counted last: %{p} is expanded for it; NULL: for an explanation */
	enum result error;		/* UNCHECKED: none so far; the first one ends the evaluation */
	const char *reason;		/* of the error */
	bool personal;			/* so are the names asked for now: they are not to be remembered */
	bool answered;
	enum dns_security security;	/* weakest of the answers used */

	struct spf_frame *root;
	struct spf_target *targets[SPF_MAX_TARGETS];	/* token number is the index; 0 is the root */
	size_t target_count;

	bool names_known;		/* the PTR answer is there */
	size_t name_count;
	struct { const char *name; bool checked, valid, empty; } names[SPF_MAX_PTR];
};

/** Ends the evaluation with temperror, permerror or none, unless it has ended already. */
void spf_walk_fail(struct spf_walk *walk, enum result error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Expands the term's domain-spec, or takes the frame's domain. @return 0 or -E_SYNTAX: no name to ask for. What %{p} had to
 * ask for may have ended the evaluation. */
int spf_walk_name(struct spf_walk *walk, const struct spf_frame *frame, const struct spf_term *term, char *name_r);

/** Whether what is asked for this target is of this message alone: a macro is in its name, or in that of a record above. */
bool spf_target_is_personal(const struct spf_target *target);

/** Counts the term against the limit. @return false when it is one too many (the evaluation has ended then). */
bool spf_walk_count(struct spf_walk *walk, struct spf_target *target);

/** Answer for a raw name, its security noted. NULL: temperror (the evaluation has ended). */
const struct dns_answer *spf_walk_ask(struct spf_walk *walk, const char *name, uint16_t type);

/** The same for a name in presentation form. */
const struct dns_answer *spf_walk_ask_presented(struct spf_walk *walk, const char *name, uint16_t type);

/** Notes a void answer of the term, NULL: of none. @return false when it is one too many (the evaluation has ended). */
bool spf_walk_void(struct spf_walk *walk, const struct spf_target *target, const struct dns_answer *answer);

/** Has the client a validated name that is domain or ends in it (section 5.5)? */
bool spf_walk_ptr_match(struct spf_walk *walk, const struct spf_target *target, const char *domain);

/** Value of %{p} for the current domain; of struct spf_macro_values. @param context the walk. */
const char *spf_walk_validated_name(void *context, const char *domain);

/** DNS type of the client's address family. */
uint16_t spf_walk_addr_type(const struct spf_walk *walk);

/** Result of the answers noted so far, by section 4.6.2: the verdict libspf2's is checked against. UNCHECKED: a term
 * that had to be evaluated was not. @param reason the terms that decided are appended; may be NULL. */
enum result spf_frame_verdict(const struct spf_walk *walk, const struct spf_frame *frame, struct buf *reason);

/**
 * What decided: the mechanism of this record that matched, or of the one that redirect= leads to, as written and without its
 * qualifier; "default" when none did (RFC 7208 section 9.1). @return in the arena; NULL while a branch is open.
 */
const char *spf_frame_mechanism(const struct spf_walk *walk, const struct spf_frame *frame);

/** A new target, and with it a token. @param frame NULL: the root. @return NULL when there are too many (an error is set). */
struct spf_target *spf_target_add(struct spf_walk *walk, struct spf_frame *frame, size_t term, const char *host);
void spf_token_make(size_t number, char token_r[SPF_TOKEN_BYTES]);

/** Fetches and parses the record that a target leads to, and counts it. @return NULL when the evaluation has ended. */
struct spf_frame *spf_frame_open(struct spf_walk *walk, struct spf_target *target);

/** The record as libspf2 may see it, in the arena. @param mechanisms_r how many it must compile to. */
const char *spf_frame_rewrite(struct spf_walk *walk, struct spf_frame *frame, unsigned *mechanisms_r);

/** Explanation for fail (section 6.2), sanitized; NULL when there is none. */
const char *spf_explain(struct spf_walk *walk, const char *default_explanation);

/** Has libspf2 evaluate the identity. @return its verdict, checked; walk->error and reason are set otherwise. */
enum result spf_front_run(struct spf_walk *walk);

#endif
