/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_FAILURE_MAIL_H
#define ASSAY_REPORT_FAILURE_MAIL_H
/*
 * A recorded failure as the mail that tells of it: multipart/report with the three parts of RFC 5965 section 2, auth-failure of
 * RFC 6591 with what RFC 9991 adds. Pure; what comes out is ASCII with LF line ends, as a sendmail command takes it. The row's text was
 * made by lib/action/failure.c and is trusted to be lines; it is checked all the same, for a database may be anybody's.
 * Thread: that of the arena.
 */
#include "record/store.h"
#include "util/buf.h"

struct failure_sender {
	const char *from;		/* address, without <>: header and envelope */
	const char *organization;	/* NULL: none */
	const char *host;		/* our own name: Reporting-MTA, the right side of Message-ID */
	const char *agent;		/* "Assay/1.0" */
	int64_t time_secs;		/* of Date */
};

/**
 * @param to  one destination, without <>; its syntax was checked.
 * @return the mail; NULL when the row's text is none of ours.
 */
const char *failure_mail(const struct failure_row *row, const struct failure_sender *sender, const char *to, struct arena *arena);

#endif
