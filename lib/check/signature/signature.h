/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_SIGNATURE_H
#define ASSAY_CHECK_SIGNATURE_SIGNATURE_H
/*
 * A DKIM-Signature field as data: what RFC 6376 sections 3.5 and 6.1.1 say of it before any key is fetched.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/signature/taglist.h"
#include "util/arena.h"

enum dkim_algorithm { DKIM_ALGORITHM_UNKNOWN, DKIM_ALGORITHM_RSA_SHA1, DKIM_ALGORITHM_RSA_SHA256,
	DKIM_ALGORITHM_ED25519_SHA256 };

enum {
	DKIM_SIGNATURE_MAX_BYTES = 32768,	/* libopendkim gives up the message over 65,536 */
	DKIM_SIGNATURE_MAX_NAMES = 500,		/* in h= */
	DKIM_IDENTITY_MAX_BYTES = 254,		/* libopendkim reads 257 and more past its buffer */
	DKIM_HASH_BYTES = 32,
	DKIM_INSTANCE_MAX = 50,			/* RFC 8617 section 4.2.1 */
};

/* What an ARC-Seal says of the chain below it (RFC 8617 section 4.4). */
enum dkim_chain { DKIM_CHAIN_UNREADABLE, DKIM_CHAIN_NONE, DKIM_CHAIN_PASS, DKIM_CHAIN_FAIL };

struct dkim_name { const char *text; size_t length; };

/* Who reads it how: ARC's two fields (RFC 8617 section 4.1) are DKIM-Signature fields with some differences. */
enum dkim_dialect {
	DKIM_DIALECT_DKIM,
	DKIM_DIALECT_ARC_MESSAGE,	/* no v=; i= is the instance, and no identity */
	DKIM_DIALECT_ARC_SEAL,		/* neither body nor list of fields: no h=, no bh=, no c=; else as the one before */
};

/* Strings live in the arena. What could be read is set even when `fault` says that the signature is unusable. */
struct dkim_signature {
	enum dkim_dialect dialect;
	const char *fault;		/* why it is a permerror before any look-up; NULL: it may be judged */
	const char *domain, *selector;	/* A-labels, lower case; NULL: unreadable */
	const char *identity;		/* i= decoded, or "@" d=; NULL: unreadable, or of ARC */
	unsigned instance;		/* of ARC: i=, 1 to DKIM_INSTANCE_MAX; 0: unreadable */
	enum dkim_chain chain;		/* of an ARC-Seal: cv= */
	bool identity_below_domain;	/* i= names a subdomain of d=, which t=s keys forbid */
	const char *algorithm_text;	/* a= as signed, lower case; NULL: none */
	enum dkim_algorithm algorithm;
	bool header_relaxed, body_relaxed;
	bool has_length;
	uint64_t length;		/* l= */
	bool has_time, has_expiry;
	uint64_t time_secs, expiry_secs;	/* t=, x= */
	const struct dkim_name *names;	/* h=, in order */
	size_t name_count;
	bool names_dkim_signature;	/* h= lists DKIM-Signature (other fields of that name) */
	const char *b_text;		/* b= without white space; NULL: none */
	const uint8_t *b;
	size_t b_length;
	uint8_t body_hash[DKIM_HASH_BYTES];
	bool library_unfit;		/* libopendkim would refuse it or hash it wrongly: see signature.c */
};

/**
 * Reads a field's value (folds as LF or CRLF).
 * Thread: any; all memory from the arena. Never fails: see fault.
 */
void dkim_signature_parse(struct arena *arena, const char *value, size_t length, struct dkim_signature *signature_r);

/** The same for a field of ARC; library_unfit does not apply to those. */
void dkim_signature_parse_as(struct arena *arena, enum dkim_dialect dialect, const char *value, size_t length,
    struct dkim_signature *signature_r);

#endif
