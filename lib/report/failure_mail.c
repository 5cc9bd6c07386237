/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failure reports as mail. Message-ID and boundary come from the row, so that a report that is sent again after a crash is seen to be
 * the same. Nothing of the message reported on stands in our own header but its author's policy domain.
 * Thread: that of the arena.
 */
#include "report/failure_mail.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "util/clean.h"

enum { LINE_MAX_BYTES = 998 };

/* Names of days and months are English, whatever the locale. */
static const char *mail_date(struct arena *arena, int64_t secs)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t value = (time_t)secs;
	struct tm tm = { 0 };

	if (gmtime_r(&value, &tm) == NULL)
		value = 0;
	return arena_printf(arena, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Lines of printable ASCII, each a field or the rest of one, and no empty one: nothing that could end the part. */
static bool is_fields(const char *text)
{
	size_t line = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\n') {
			if (line == 0)
				return false;
			line = 0;
			continue;
		}
		if ((!clean_is(*p, CLEAN_TEXT) && *p != '\t') || (line == 0 && *p == '-') || ++line > LINE_MAX_BYTES)
			return false;
	}
	return line == 0;
}

static void put_header(struct buf *buf, const struct failure_row *row, const struct failure_sender *sender, const char *to,
    const char *boundary)
{
	struct arena *arena = buf->arena;
	const char *name = sender->organization != NULL ? clean_field(arena, sender->organization, 80) : NULL;

	if (name != NULL && clean_span(name, CLEAN_TEXT) == strlen(name) && strpbrk(name, "\"\\") == NULL)
		buf_printf(buf, "From: \"%s\" <%s>\n", name, sender->from);
	else
		buf_printf(buf, "From: <%s>\n", sender->from);
	buf_printf(buf, "To: <%s>\nDate: %s\n", to, mail_date(arena, sender->time_secs));
	buf_printf(buf, "Message-ID: <assay-failure.%" PRId64 ".%" PRId64 "@%s>\n", row->id, row->first_secs, sender->host);
	buf_printf(buf, "Subject: DMARC failure report for %s\n", row->domain);
	/* RFC 3834: no program answers it, and none of ours reports on it */
	buf_puts(buf, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n");
	buf_printf(buf, "Content-Type: multipart/report; report-type=feedback-report;\n\tboundary=\"%s\"\n\n", boundary);
}

static void put_text(struct buf *buf, const struct failure_row *row, const struct failure_sender *sender)
{
	buf_puts(buf, "Content-Type: text/plain; charset=us-ascii\n\n");
	buf_printf(buf, "This is a report of failed authentication of mail that claims to be from\n%s, received by %s.\n\n", row->domain,
	    sender->host);
	if (row->incidents > 1)
		buf_printf(buf, "It is about %" PRIu64 " messages that failed in the same way, the first on\n%s\nand the last on\n%s.\n"
		    "What follows is of the first.\n\n", row->incidents, mail_date(buf->arena, row->first_secs),
		    mail_date(buf->arena, row->last_secs));
	buf_puts(buf, "Local parts of addresses are replaced by a keyed hash, the same for the same\nuser. Subject, names and body are left "
	    "out, as are most fields of the header.\nYou get this because the domain's DMARC record asks for it (ruf).\n");
}

const char *failure_mail(const struct failure_row *row, const struct failure_sender *sender, const char *to, struct arena *arena)
{
	struct buf buf = buf_make(arena);
	const char *boundary = arena_printf(arena, "=_assay.%" PRId64 ".%" PRId64 "_=", row->id, row->first_secs);

	if (!is_fields(row->fields) || !is_fields(row->header) || row->fields[0] == '\0' ||
	    clean_span(row->domain, CLEAN_NAME) != strlen(row->domain))
		return NULL;
	put_header(&buf, row, sender, to, boundary);
	buf_printf(&buf, "--%s\n", boundary);
	put_text(&buf, row, sender);
	buf_printf(&buf, "\n--%s\nContent-Type: message/feedback-report\n\n", boundary);
	buf_printf(&buf, "User-Agent: %s\n%sReporting-MTA: dns; %s\nIncidents: %" PRIu64 "\n", sender->agent, row->fields, sender->host,
	    row->incidents);
	/* without a field it would be a part without an end of its header */
	buf_printf(&buf, "\n--%s\nContent-Type: text/rfc822-headers\n\n%s", boundary, row->header[0] != '\0' ? row->header :
	    "X-Redacted: everything\n");
	buf_printf(&buf, "\n--%s--\n", boundary);
	return buf.data;
}
