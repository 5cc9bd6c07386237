/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_FAILURE_REPORTS_H
#define ASSAY_TOOLS_FAILURE_REPORTS_H
/*
 * assay failure-reports: what both its files share. One report at a time: who consents, the mail, and what is left of its destinations.
 * Thread: one, and the resolver's.
 */
#include "assay.h"
#include "check/dmarc/destination.h"
#include "report/failure_mail.h"
#include "slow_owners.h"

struct failure_run {
	const struct config *config;
	struct dns_resolver *resolver;
	struct psl_context *psl;	/* NULL */
	struct slow_owners slow;
	struct failure_sender sender;
	const char *directory;		/* where mails go instead of to sendmail; NULL */
	unsigned mails, refused, later;	/* handed over or written; destinations that get none; those that may another time */
};

/**
 * Mails one report to all of its destinations that consent, or writes it into the directory.
 * @param left_r  those to which it could not be mailed now, between commas; "" when none is left. In the arena.
 * @return how many mails were handed over or written.
 */
unsigned failure_send(struct failure_run *run, const struct failure_row *row, struct arena *arena, const char **left_r);

#endif
