/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_LOG_FIELD_H
#define ASSAY_UTIL_LOG_FIELD_H
/*
 * The one way in which values from outside come into a log line, and back out of it:
 *
 *   line   = field *( " " field )
 *   field  = key "=" ( bare / quoted )
 *   key    = 1*( lower-case letter / digit / "_" ), once a line
 *   bare   = 1*( letter / digit / one of -_.:,@/+*<>[] )
 *   quoted = <"> *( printable ASCII but <"> and "\" / "\" <"> / "\\" / "\x" 2 hex digits ) <"> [ "..." ]
 *
 * The three dots stand behind the quotes, where no value can: the value was longer than LOG_FIELD_BYTES and was cut.
 * Pure. Thread: that of the arena.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/buf.h"

enum {
	LOG_FIELD_BYTES = 448,	/* of one value, escapes included */
	LOG_LINE_BYTES = 8192,	/* of a line; longer ones are not ours */
	LOG_FIELDS_MAX = 64,	/* in a line */
};

/** Adds " key=value", or without the blank at the start of the buffer. NULL adds nothing. key: ours, in the grammar. */
void log_field_put(struct buf *buf, const char *key, const char *value);

/** The same for a value that may be longer, at most max octets, escapes included: for texts that are no line of a log. */
void log_field_put_long(struct buf *buf, const char *key, const char *value, size_t max);

struct log_field { const char *key, *value; bool cut; };

struct log_record {
	const char *place;	/* what the logger wrote in front: time, host, program; or our level; NULL without */
	struct log_field fields[LOG_FIELDS_MAX];
	size_t count;
};

/**
 * Reads a line that begins with the field "id", as log_field_put() wrote it: plain, behind "LEVEL: " (standard error), or
 * behind "TIME HOST assayd[PID]: " (syslog, journalctl). Hostile input: other programs write into the same files. Nothing
 * is searched for: only what stands where assayd writes is ours.
 * @param length  without the line end
 * @return 0 with record_r, whose strings live in the arena; -E_ABSENT: not such a line; -E_SYNTAX: it is one by its
 *         beginning, but not in the grammar; -E_LIMIT: as long, or of as many fields, as assayd writes none.
 */
int log_record_parse(const char *line, size_t length, struct arena *arena, struct log_record *record_r);

/**
 * Reads fields alone, with nothing in front of them. Hostile input, too; its length is for the caller to cap.
 * @return 0, -E_SYNTAX or -E_LIMIT, as above.
 */
int log_fields_parse(const char *text, size_t length, struct arena *arena, struct log_record *record_r);

/** @return the field's value; NULL without it. */
const char *log_record_get(const struct log_record *record, const char *key);

#endif
