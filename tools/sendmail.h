/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_SENDMAIL_H
#define ASSAY_TOOLS_SENDMAIL_H
/*
 * Mails a message through the local sendmail command (Postfix's or Sendmail's). No shell: the message goes to its standard input, the
 * envelope into its arguments behind "--". Thread: one at a time.
 */
#include <stddef.h>

#include "util/arena.h"

enum { SENDMAIL_RECIPIENTS_MAX = 20 };

enum sendmail_outcome {
	SENDMAIL_SENT,		/* the MTA has it, in its queue at least */
	SENDMAIL_LATER,		/* EX_TEMPFAIL, no such command, took too long: a later try may do (it may even have taken it) */
	SENDMAIL_REFUSED	/* EX_USAGE, EX_DATAERR, EX_NOUSER, EX_NOHOST: never with this message or these addresses */
};

struct sendmail_mail {
	const char *command;		/* path of the sendmail command */
	const char *from;		/* envelope sender; "": the null sender */
	const char *const *recipients;	/* 1 to SENDMAIL_RECIPIENTS_MAX */
	size_t recipient_count;
	const void *message;		/* whole: header, empty line, body; lines end in LF */
	size_t message_bytes;
	unsigned timeout_secs;		/* for all of it */
};

/**
 * Hands the message over. Addresses have to be plain: letters, digits and a few signs (sendmail.c); others are REFUSED without a try.
 * SIGPIPE must be ignored by the caller.
 * @param why_r  unless SENT: one sentence, with what the command said; in the arena.
 */
enum sendmail_outcome sendmail_send(struct arena *arena, const struct sendmail_mail *mail, const char **why_r);

#endif
