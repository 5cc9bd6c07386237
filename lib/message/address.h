/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_ADDRESS_H
#define ASSAY_MESSAGE_ADDRESS_H
/*
 * Address lists of header fields: RFC 5322 section 3.4 with the obsolete forms of section 4.4, groups in From
 * (RFC 6854) and UTF-8 (RFC 6532). Reads strictly and reports the first thing that is not in the grammar; it never
 * repairs. Time and memory are linear in the input. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>

struct address {
	const char *local;	/* slice of the text: the local part as written, with its quotes and CFWS */
	size_t local_length;
	const char *domain;	/* without CFWS; for a literal with its brackets; lives for the callback only */
	size_t domain_length;
	bool literal;		/* [192.0.2.1] */
	bool spaced;		/* CFWS inside the domain, or a comment behind the "@" */
	bool routed;		/* a route stands before it */
};

/** Called for each address in order. */
typedef void address_seen(void *arg, const struct address *address);

/**
 * Reads a list of mailboxes and groups. An empty list and empty groups are no error: seen() is just not called.
 * @param text  value of the field, folds as LF + white space; borrowed.
 * @return NULL when all of it is in the grammar, else a static text saying what is not; addresses before that place
 *         have been handed to seen().
 */
const char *address_list_parse(const char *text, size_t length, address_seen *seen, void *arg);

#endif
