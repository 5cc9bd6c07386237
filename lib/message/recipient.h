/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_RECIPIENT_H
#define ASSAY_MESSAGE_RECIPIENT_H
/*
 * The domain of a recipient and his mailbox there, for policies that apply to some recipients only. The address in RCPT is the client's
 * choice: <ann>, <@relay:ann@a.example>, <ann%a.example@mx.example> and <"ann@a.example"> may all reach ann@a.example, by
 * rules that only the MTA knows. Therefore the address that the MTA made of it is used when there is one; when the domain
 * cannot be told for certain the result says so.
 */
#include "util/arena.h"

/* What the MTA made of an address: {rcpt_addr} and {rcpt_host}. NULL or "": it does not say. */
struct recipient_route {
	const char *address;	/* Postfix: always with a domain. Sendmail: of its own mailboxes the user alone */
	const char *host;	/* next hop; empty for the MTA's own mailboxes */
};

enum recipient_where {
	RECIPIENT_UNKNOWN,	/* nobody can tell: it may be in any domain */
	RECIPIENT_LOCAL,	/* a mailbox of the MTA itself, named without one of its domains */
	RECIPIENT_AT_DOMAIN,
};

struct recipient_place {
	enum recipient_where where;
	const char *domain;	/* A-labels, lower case, no trailing dot. LOCAL: what the MTA put there, or NULL. UNKNOWN: NULL */
	const char *mailbox;	/* his local part as mailbox_read() has it (util/mailbox.h); NULL: not known, or nobody asks for it */
};

/**
 * @param given  address of RCPT, without <>.
 * @param route  NULL: nobody has resolved it.
 * @return the place; its texts live in the arena. Thread: any.
 */
struct recipient_place recipient_find_place(struct arena *arena, const char *given, const struct recipient_route *route);

#endif
