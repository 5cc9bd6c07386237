/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_DMARC_REPORT_H
#define ASSAY_TOOLS_DMARC_REPORT_H
/*
 * One aggregate report (RFC 9990): from a policy and its rows to XML, gzip and a mail.
 *
 *   dmarc_reports.c        the command: which reports there are
 *   dmarc_report_make.c    names, rows, and as many of them as fit
 *   dmarc_report_xml.c     the XML (libxml2)
 *   dmarc_report_mail.c    gzip (zlib), MIME
 *   dmarc_reports_send.c   consent, deliveries, retries
 *
 * All lives in the arena. Thread: one.
 */
#include "check/dmarc/feedback.h"
#include "config/config.h"
#include "record/dmarc.h"
#include "slow_owners.h"

struct report_row {
	struct feedback_row row;
	uint64_t messages;
};

struct dmarc_report {
	struct arena *arena;
	int64_t policy_id, begin_secs, end_secs;	/* end: the last second */
	const char *domain;		/* the policy domain */
	struct feedback_policy policy;
	const char *rua;
	struct dmarc_names names;
	const char *receiver;		/* domain of who reports */
	const char *organization, *email, *extra_contact;	/* extra_contact NULL: none */
	const struct report_row *rows;
	size_t row_count;		/* in the report; at least 1 */
	uint64_t messages;		/* of these */
	uint64_t left_out;		/* messages that are not in it, for their rows had no room */
	const char *xml;
	size_t xml_bytes;
	const void *gzip;
	size_t gzip_bytes;
};

/** Who reports: checks the section dmarc-reports. @return NULL when it will do, else what is wrong, in words for an admin. */
const char *dmarc_report_identity(struct arena *arena, const struct config *config, const char **receiver_r);

/**
 * Makes a report of a policy as it stands in the book: names (those that it has, else new ones), XML and gzip.
 * @param receiver  of dmarc_report_identity().
 * @param freeze  it is to be sent: nothing is added to it in the book any more.
 * @return 0; -E_ABSENT: it has no rows, or another has finished it; -E_SYNTAX: the record's text cannot be read; -E_SYSTEM:
 * dmarc_book_why(), or out of room.
 */
int dmarc_report_make(struct arena *arena, const struct config *config, const char *receiver, struct dmarc_book *book,
    const struct dmarc_policy_row *policy, bool freeze, struct dmarc_report *report_r);

/** Writes the XML of the first row_count rows. @return 0, or -E_SYSTEM when libxml2 fails. */
int dmarc_report_xml(struct dmarc_report *report);

/** Compresses the XML. @return 0, or -E_SYSTEM when zlib fails. */
int dmarc_report_gzip(struct dmarc_report *report);

/** Bytes of the mail, about. */
size_t dmarc_report_mail_bytes(const struct dmarc_report *report);

/** The mail to these addresses, lines with LF. @param now_secs  for its Date. */
const char *dmarc_report_mail(const struct dmarc_report *report, const char *const *addresses, size_t count, int64_t now_secs,
    size_t *bytes_r);

/* ---- sending (dmarc_reports_send.c) ---- */

struct check_shared;

struct dmarc_sender {
	const struct config *config;
	const struct check_shared *shared;	/* resolver, suffix list */
	struct dmarc_book *book;
	const struct clock *clock;
	struct slow_owners slow;
	unsigned sent, later, given_up;		/* deliveries */
	bool failed;				/* the database did */
};

/** Asks for consent and mails the report where it is due; says what happens on standard output. */
void dmarc_report_send(struct dmarc_sender *sender, struct dmarc_report *report);

/** Asks for consent and says to whom the report would go; writes mail and XML into a directory. @return whether that could be done. */
bool dmarc_report_rehearse(struct dmarc_sender *sender, struct dmarc_report *report, const char *directory);

#endif
