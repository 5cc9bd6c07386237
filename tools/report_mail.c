/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The morning's mail: text of ten lines, and the page as an attachment, so that who reads mail as text loses nothing and who wants to see
 * more has it at hand. Trusts the configuration for the addresses, which are read by the same rule as those of others.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "assay.h"
#include "build-config.h"
#include "check/dmarc/uri.h"
#include "report/html.h"
#include "report/morning.h"
#include "report.h"
#include "report_mail.h"
#include "sendmail.h"
#include "util/buf.h"
#include "util/clean.h"

enum { DAY_SECS = 86400, PEERS_MAX = 200000, SENDMAIL_SECS = 120, LINE_BYTES = 57 /* 76 characters of base64 */ };

static bool is_address(const char *text)
{
	struct arena *arena = arena_new();
	struct dmarc_uris uris;

	dmarc_uri_list_read(arena, arena_printf(arena, "mailto:%s", text), &uris);
	arena_free(&arena);
	return uris.count == 1 && uris.malformed == 0;
}

static const char *recipient(const struct config *config, const struct report_mail *mail)
{
	return mail->to != NULL ? mail->to : config->morning_to;
}

static const char *sender(const struct config *config, const struct report_mail *mail)
{
	return config->morning_from != NULL ? config->morning_from : recipient(config, mail);
}

int report_mail_check(const struct config *config, const struct report_mail *mail)
{
	const char *to = recipient(config, mail);

	if (to == NULL)
		return tool_complain(EX_CONFIG, "report: --mail: to whom? give --to, or set to in the section morning of the configuration");
	if (!is_address(to))
		return tool_complain(EX_CONFIG, "report: --mail: '%s' is no address that is mailed to: user@example.org", to);
	if (!is_address(sender(config, mail)))
		return tool_complain(EX_CONFIG, "report: --mail: from in the section morning is no address: '%s'", config->morning_from);
	return 0;
}

static int read_morning(struct morning *morning, struct store *store)
{
	int code = store_peers_each(store, NULL, PEERS_MAX, morning_peer, morning);

	if (code == 0)
		code = store_brakes_each(store, morning_brake, morning);
	if (code == 0)
		code = store_kinds_each(store, morning_since(morning), DAY_SECS, morning_learn, morning);
	if (code == 0)
		code = store_kinds_each(store, morning_since(morning), DAY_SECS, morning_add, morning);
	return code;
}

static void put_base64(struct buf *buf, const char *data, size_t length)
{
	unsigned char line[4 * (LINE_BYTES / 3) + 1];

	for (size_t at = 0; at < length; at += LINE_BYTES) {
		size_t bytes = length - at < LINE_BYTES ? length - at : LINE_BYTES;
		int chars = EVP_EncodeBlock(line, (const unsigned char *)data + at, (int)bytes);

		buf_append(buf, line, (size_t)chars);
		buf_putc(buf, '\n');
	}
}

/* @return 0, or -1 with errno. */
static int put_page(struct buf *buf, const struct page *page)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return -1;
	html_print_page(page, out);
	if (fclose(out) != 0) {
		free(text);
		return -1;
	}
	put_base64(buf, text, length);
	free(text);
	return 0;
}

/* Names of days and months are English, whatever the locale. */
static const char *mail_date(struct arena *arena, int64_t secs)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t value = (time_t)secs;
	struct tm tm = { 0 };

	(void)gmtime_r(&value, &tm);
	return arena_printf(arena, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static const char *host_name(struct arena *arena)
{
	char host[256];

	if (gethostname(host, sizeof(host)) != 0 || host[0] == '\0')
		return "localhost";
	host[sizeof(host) - 1] = '\0';
	return clean_span(host, CLEAN_NAME) == strlen(host) ? arena_strdup(arena, host) : "localhost";
}

/* @return the mail; NULL: errno says why the page could not be made. */
static const char *make_mail(const struct config *config, const struct report_mail *mail, const struct morning_text *text,
    const struct page *page, struct arena *arena)
{
	const char *host = host_name(arena), *boundary = arena_printf(arena, "=_assay.morning.%" PRId64 "_=", mail->now_secs);
	struct buf buf = buf_make(arena);

	buf_printf(&buf, "From: \"assay at %s\" <%s>\nTo: <%s>\nDate: %s\n", host, sender(config, mail), recipient(config, mail),
	    mail_date(arena, mail->now_secs));
	buf_printf(&buf, "Message-ID: <assay-morning.%" PRId64 ".%ld@%s>\nSubject: assay %s: %s\n", mail->now_secs, (long)getpid(), host, host,
	    text->subject);
	buf_printf(&buf, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"%s\"\n\n", boundary);
	buf_printf(&buf, "--%s\nContent-Type: text/plain; charset=us-ascii\n\n", boundary);
	for (size_t i = 0; i < MORNING_LINES; i++)
		buf_printf(&buf, "%s\n", text->lines[i]);
	buf_printf(&buf, "\n--%s\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n"
	    "Content-Disposition: attachment; filename=\"assay-%.10s.html\"\n\n", boundary, text->subject);
	if (put_page(&buf, page) != 0)
		return NULL;
	buf_printf(&buf, "\n--%s--\n", boundary);
	return buf.data;
}

static int hand_over(const struct config *config, const struct report_mail *mail, const char *text, struct arena *arena)
{
	const char *to = recipient(config, mail), *why;
	const struct sendmail_mail letter = { .command = config->dmarc_sendmail, .from = sender(config, mail), .recipients = &to,
		.recipient_count = 1, .message = text, .message_bytes = strlen(text), .timeout_secs = SENDMAIL_SECS };
	enum sendmail_outcome outcome;

	(void)signal(SIGPIPE, SIG_IGN);	/* a sendmail that ends early is told by its status */
	outcome = sendmail_send(arena, &letter, &why);
	if (outcome == SENDMAIL_SENT)
		return EX_OK;
	return tool_complain(outcome == SENDMAIL_LATER ? EX_TEMPFAIL : EX_UNAVAILABLE, "report: --mail: not sent: %s", why);
}

int report_mail_send(const struct config *config, const struct report_mail *mail, struct store *store, const struct page *page)
{
	struct morning *morning = morning_new(config, mail->now_secs - mail->now_secs % DAY_SECS - DAY_SECS);
	struct arena *arena = arena_new();
	struct morning_text text;
	const char *letter = NULL;
	int code = read_morning(morning, store);

	if (code != 0) {
		code = record_failed("report", store);
	} else {
		morning_tell(morning, arena, &text);
		letter = make_mail(config, mail, &text, page, arena);
		code = letter == NULL ? tool_complain(EX_OSERR, "report: --mail: %s", strerror(errno)) :
		    mail->output != NULL ? report_write_text(mail->output, letter, strlen(letter)) : hand_over(config, mail, letter, arena);
	}
	arena_free(&arena);
	morning_free(&morning);
	return code;
}
