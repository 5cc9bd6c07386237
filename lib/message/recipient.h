/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_RECIPIENT_H
#define ASSAY_MESSAGE_RECIPIENT_H
/*
 * Where a recipient is, as far as policies match on it. What RCPT says is the client's word: <ann>, <@relay:ann@a.example>,
 * <ann%a.example@mx.example> and <"ann@a.example"> may all reach ann@a.example, by rules that only the MTA knows. Therefore
 * what the MTA has resolved goes first, and what cannot be told is told as unknown.
 */
#include "util/arena.h"

/* What the MTA made of an address: {rcpt_addr} and {rcpt_host}. NULL or "": it does not say. */
struct recipient_route {
	const char *address;	/* Postfix: always with a domain. Sendmail: of its own mailboxes the user alone */
	const char *host;	/* next hop; empty for the MTA's own mailboxes */
};

enum recipient_where {
	RECIPIENT_UNKNOWN,	/* may be in any domain */
	RECIPIENT_LOCAL,	/* a mailbox of the MTA itself, named without one of its domains */
	RECIPIENT_AT_DOMAIN,
};

struct recipient_place {
	enum recipient_where where;
	const char *domain;	/* A-labels, lower case, no trailing dot. LOCAL: what the MTA put there, or NULL. UNKNOWN: NULL */
};

/**
 * @param given  address of RCPT, without <>.
 * @param route  NULL: nobody has resolved it.
 * @return the place; its domain lives in the arena. Thread: any.
 */
struct recipient_place recipient_find_place(struct arena *arena, const char *given, const struct recipient_route *route);

#endif
