/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_ACTION_ACTION_H
#define ASSAY_ACTION_ACTION_H
/*
 * Decision → edits of the message: what milter/ applies without knowing why, and what `assay check` prints.
 * Pure: facts, results and decision in, list of edits out. Nothing of the sender's can end a field or start another.
 */
#include "action/beside.h"
#include "check/result.h"
#include "config/config.h"
#include "message/author.h"
#include "message/facts.h"
#include "policy/policy.h"

enum edit_kind {
	EDIT_INSERT,	/* name: value at index (0: above the MTA's own Received, 1: below it) */
	EDIT_DELETE,	/* the occurrence-th field of that name, counted as received */
};

struct edit {
	enum edit_kind kind;
	const char *name;
	const char *value;	/* INSERT: starts with " ", folds as LF + white space, never CR */
	unsigned index;		/* INSERT: index; DELETE: occurrence. Deletes are listed from the highest down. */
};

struct edits {
	struct edit *items;
	size_t count;
	size_t left;		/* forged fields that the cap does not let go; they stay in the message */
};

struct action_input {
	const struct config *config;
	const struct facts *facts;
	const struct author *author;
	const struct results *results;
	const struct decision *decision;
	const char *authserv_id;
	const char *recipient;	/* of the log line: whom RCPT refuses; NULL: it is about the message */
	size_t edits_left;	/* struct edits */
	const struct beside *beside;	/* NULL: as if it came for the first time */
	const char *reference;	/* of the message (util/reference.h), for log and header; NULL: it has none */
};

/** The deletions for one message, as many as max-edits allows; the decision is not looked at. None of a verdict that is kept. */
void action_deletes(const struct action_input *input, struct edits *edits_r);

/** Puts the insertions behind the deletions, in the order in which they are to be applied. */
void action_inserts(const struct action_input *input, struct edits *edits);

/** Value of the first Authentication-Results field (RFC 8601), with leading space and folds: the registered methods, or "none". */
const char *authres_build(const struct action_input *input);

/** Value of the second one, in the same name: the methods that are not registered with IANA. NULL when there is none to tell. */
const char *authres_build_unregistered(const struct action_input *input);

/** Occurrences (1-based) of incoming Authentication-Results fields that claim authserv_id; for results and edits.
 * RFC 8601 section 5: compared case-insensitively, comments, folding and version parsed.
 * @return how many; occurrences_r (room for max) holds them in ascending order. */
size_t authres_find_forged(const struct facts *facts, const char *authserv_id, unsigned *occurrences_r, size_t max);

/** Value of the Received field that records TLS (RFC 8314 section 4.3, RFC 3848, RFC 3207 section 4.1). */
const char *received_build(const struct action_input *input);

/** Value of Received-SPF (RFC 7208 section 9.1); NULL when SPF was not checked. */
const char *received_spf_build(const struct action_input *input);

/** One key=value line for the log (util/log_field.h): queue id, client, from, findings, decision. */
const char *log_line_build(const struct action_input *input);

/** "550 5.7.23 …" as one line for a human. */
const char *reply_line(const struct decision *decision, struct arena *arena);

/** OpenSSL's cipher name → IANA name (RFC 8314 wants it); NULL when unknown. Static string. */
const char *cipher_iana_name(const char *openssl_name);

#endif
