/* SPDX-License-Identifier: BSD-2-Clause */
/* Log sink: formats into one bounded line, cleans it, hands it to stderr, syslog or the journal. Never fails visibly. */
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "util/log_field.h"

static struct {
	_Atomic enum log_target target;	/* a reload changes them while others log */
	_Atomic enum log_level level;
} sink = { LOG_TARGET_STDERR, LOG_LEVEL_INFO };

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
static const char *const words[] = { "error", "warning", "notice", "info", "debug" };

void log_open(enum log_target target, enum log_level level, int facility, const char *program)
{
	sink.target = target;
	sink.level = level;
	if (target == LOG_TARGET_SYSLOG)
		openlog(program, LOG_PID, facility);
}

int log_wants(enum log_level level)
{
	return level <= sink.level;
}

/* Copies text so that one call stays one line of printable ASCII. */
static void clean(char *out, size_t room, const char *text)
{
	size_t used = 0;

	for (; *text != '\0' && used + 5 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f)
			out[used++] = (char)c;
		else
			used += (size_t)snprintf(out + used, room - used, "\\x%02x", c);
	}
	out[used] = '\0';
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
	clean(line, sizeof(line), text);
	switch (target) {
	case LOG_TARGET_STDERR:
		fprintf(stderr, "%s: %s\n", words[level], line);
		break;
	case LOG_TARGET_SYSLOG:
		syslog(priorities[level], "%s", line);
		break;
	case LOG_TARGET_JOURNAL:
		sd_journal_print(priorities[level], "%s", line);
		break;
	}
}
