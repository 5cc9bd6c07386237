/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_REPORT_MAIL_H
#define ASSAY_TOOLS_REPORT_MAIL_H
/* assay report --mail: the morning's ten lines (report/morning.h), the HTML page attached. Thread: one. */
#include "config/config.h"
#include "record/store.h"
#include "report/page.h"

struct report_mail {
	const char *to;		/* NULL: as the configuration says */
	const char *output;	/* a file instead of sendmail, "-" for standard output; NULL */
	int64_t now_secs;
};

/**
 * Looks whether the mail has somebody to go to, before anything is read.
 * @return 0, or an exit code after a complaint.
 */
int report_mail_check(const struct config *config, const struct report_mail *mail);

/**
 * Tells of the UTC day before now, and hands the mail to sendmail or writes it.
 * @param page  what is attached. @return an exit code, after a complaint where it is none of success.
 */
int report_mail_send(const struct config *config, const struct report_mail *mail, struct store *store, const struct page *page);

#endif
