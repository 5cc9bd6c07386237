/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mail that carries an aggregate report (RFC 9990 section 3.5.2). Addresses and domains are plain ASCII by then (check/dmarc/uri.h,
 * util/domain.h); a name of the organization that would need quoting beyond that is left out of From. No time in the gzip, so that the
 * same report gives the same bytes.
 */
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "dmarc_report.h"
#include "util/buf.h"
#include "util/clean.h"
#include "util/clock.h"
#include "util/error.h"

enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8, BASE64_LINE_BYTES = 57, HEADER_BYTES = 2048 };

int dmarc_report_gzip(struct dmarc_report *report)
{
	z_stream stream = { 0 };
	size_t room;
	void *data;
	int code;

	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -E_SYSTEM;
	room = deflateBound(&stream, report->xml_bytes);
	data = arena_alloc(report->arena, room);
	stream.next_in = (Bytef *)(uintptr_t)report->xml;
	stream.avail_in = (uInt)report->xml_bytes;
	stream.next_out = data;
	stream.avail_out = (uInt)room;
	code = deflate(&stream, Z_FINISH);
	report->gzip = data;
	report->gzip_bytes = stream.total_out;
	deflateEnd(&stream);
	return code == Z_STREAM_END ? 0 : -E_SYSTEM;
}

size_t dmarc_report_mail_bytes(const struct dmarc_report *report)
{
	return HEADER_BYTES + (report->gzip_bytes + 2) / 3 * 4 * 77 / 76;
}

static void append_base64(struct buf *buf, const unsigned char *data, size_t bytes)
{
	unsigned char line[BASE64_LINE_BYTES / 3 * 4 + 1];

	for (size_t at = 0; at < bytes; at += BASE64_LINE_BYTES) {
		size_t part = bytes - at < BASE64_LINE_BYTES ? bytes - at : BASE64_LINE_BYTES;

		buf_printf(buf, "%.*s\n", EVP_EncodeBlock(line, data + at, (int)part), (const char *)line);
	}
}

/* Whether a text can stand between quotes in a header field. */
static bool quotable(const char *text)
{
	return clean_span(text, CLEAN_TEXT) == strlen(text) && strpbrk(text, "\"\\") == NULL;
}

static void append_header(struct buf *buf, const struct dmarc_report *report, const char *const *addresses, size_t count,
    int64_t now_secs)
{
	char date[64] = "";
	time_t now = (time_t)now_secs;
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	if (quotable(report->organization))
		buf_printf(buf, "From: \"%s\" <%s>\n", report->organization, report->email);
	else
		buf_printf(buf, "From: <%s>\n", report->email);
	for (size_t i = 0; i < count; i++)
		buf_printf(buf, "%s<%s>%s\n", i == 0 ? "To: " : " ", addresses[i], i + 1 < count ? "," : "");
	buf_printf(buf, "Subject: Report Domain: %s\n Submitter: %s\n Report-ID: <%s>\n", report->domain, report->receiver,
	    report->names.report_id);
	buf_printf(buf, "Date: %s\nMessage-ID: <%s@%s>\n", date, report->names.report_id, report->receiver);
	buf_puts(buf, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n");
}

const char *dmarc_report_mail(const struct dmarc_report *report, const char *const *addresses, size_t count, int64_t now_secs,
    size_t *bytes_r)
{
	struct buf buf = buf_make(report->arena);
	char begin[32], stop[32];

	(void)clock_text(begin, sizeof(begin), CLOCK_SECOND, report->begin_secs);
	(void)clock_text(stop, sizeof(stop), CLOCK_SECOND, report->end_secs);
	append_header(&buf, report, addresses, count, now_secs);
	/* "=_" stands in no base64 and in no line that we write */
	buf_printf(&buf, "Content-Type: multipart/mixed; boundary=\"=_%s\"\n\n--=_%s\n", report->names.report_id, report->names.report_id);
	buf_printf(&buf, "Content-Type: text/plain; charset=us-ascii\n\nDMARC aggregate report (RFC 9990)\n\nDomain:    %s\n"
	    "From:      %s UTC\nTo:        %s UTC\nReported:  %llu messages in %zu records\nBy:        %s\n\n", report->domain, begin, stop,
	    (unsigned long long)report->messages, report->row_count, report->receiver);
	buf_printf(&buf, "--=_%s\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment;\n"
	    " filename=\"%s\"\n\n", report->names.report_id, report->names.file);
	append_base64(&buf, report->gzip, report->gzip_bytes);
	buf_printf(&buf, "--=_%s--\n", report->names.report_id);
	*bytes_r = buf.length;
	return buf.data;
}
