/* SPDX-License-Identifier: BSD-2-Clause */
/* Log sink: formats into one bounded line, cleans it, hands it to stderr, syslog or the journal. Never fails visibly. */
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "util/clean.h"
#include "util/log_field.h"

enum { LOG_LAST_BYTES = 512 };

static struct {
	_Atomic enum log_target target;	/* a reload changes them while others log */
	_Atomic enum log_level level;
	int facility;
	const char *program;
} sink = { LOG_TARGET_STDERR, LOG_LEVEL_INFO, LOG_MAIL, "assay" };

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

const struct word log_level_words[] = {
	{ "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING }, { "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG }, { 0 }
};

void log_open(enum log_target target, enum log_level level, int facility, const char *program)
{
	sink.target = target;
	sink.level = level;
	sink.facility = facility;
	sink.program = program;
	if (target == LOG_TARGET_SYSLOG)
		openlog(program, LOG_PID | LOG_NDELAY, facility);	/* while there are descriptors */
}

int log_wants(enum log_level level)
{
	return level <= sink.level;
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[LOG_LINE_BYTES], line[LOG_LINE_BYTES];
	enum log_target target = sink.target;
	va_list arguments;

	if (!log_wants(level))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	clean_log_line(line, sizeof(line), text);	/* one call stays one line of printable ASCII */
	switch (target) {
	case LOG_TARGET_STDERR:
		fprintf(stderr, "%s: %s\n", words_of(log_level_words, (int)level), line);
		break;
	case LOG_TARGET_SYSLOG:
		syslog(priorities[level], "%s", line);
		break;
	case LOG_TARGET_JOURNAL:
		sd_journal_print(priorities[level], "%s", line);
		break;
	}
}

/* One datagram to a socket of the system; the C library's own way there may allocate. */
static void send_datagram(const char *path, const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof(address));
	close(fd);
}

void log_last(const char *text)
{
	char line[LOG_LAST_BYTES];
	int length = snprintf(line, sizeof(line), "error: %s\n", text);	/* plain formats do not allocate */

	if (write(STDERR_FILENO, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1) < 0)
		line[0] = '\0';		/* then nobody listens there */
	if (sink.target == LOG_TARGET_SYSLOG) {
		snprintf(line, sizeof(line), "<%d>%s[%ld]: %s", sink.facility | LOG_ERR, sink.program, (long)getpid(), text);
		send_datagram("/dev/log", line);
	} else if (sink.target == LOG_TARGET_JOURNAL) {
		snprintf(line, sizeof(line), "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n", LOG_ERR, sink.program, text);
		send_datagram("/run/systemd/journal/socket", line);
	}
}
