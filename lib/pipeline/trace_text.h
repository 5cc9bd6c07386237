/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_TRACE_TEXT_H
#define ASSAY_PIPELINE_TRACE_TEXT_H
/*
 * A trace as text: lines of printable ASCII. The first says the version, the last that it is whole; those between have a word and
 * fields in the grammar of util/log_field.h. What a word or a key means never changes within a version; new ones may come.
 *
 *   assay-trace 1
 *   message      ref time queue stage traces exempt: what it is about; stage is one of trace_stage_words
 *   client       what the MTA said of the connection
 *   tls          what it said of TLS; absent in cleartext
 *   envelope     from domain rcpts refused bytes …
 *   author       status address domains reason
 *   decision     action finding about policy mode reply …
 *   evidence     text: policy/evidence_text.h; results, findings: as the record has them
 *   policy       name mode applies match action finding rule: one that was weighed
 *   result       check result …: one check, or one signature
 *   finding      name about detail dnssec asks: asks is what the policy that decided has it ask for
 *   recipient    to state policy reply …: accepted, or refused at RCPT
 *   header       name value: a field, of those few that are kept
 *   dns          name type for used status security ttl …: a question and what came; "rr" lines with its records follow
 *   end          left_out: so many lines found no room
 *
 * Thread: any; all is in an arena.
 */
#include "util/arena.h"
#include "util/log_field.h"
#include "util/words.h"

enum {
	TRACE_TEXT_MAX = 32768,
	TRACE_LINES_MAX = 2000,
	TRACE_VALUE_MAX = 2048		/* octets of a value that may be long, escapes included */
};

enum trace_stage {
	TRACE_JUDGED,
	TRACE_REFUSED_AT_RCPT,	/* all of its recipients were */
	TRACE_GIVEN_UP,		/* the client, the MTA or another milter ended it before it was whole */
};
extern const struct word trace_stage_words[];

struct trace_line {
	const char *word;
	const struct log_field *fields;
	size_t count;
};

struct trace {
	struct trace_line *lines;	/* without the first and the last */
	size_t count;
	const char *left_out;		/* lines, a number; NULL: none */
};

/**
 * Reads a trace; trusts nothing of it.
 * @return 0; -E_ABSENT: it is one of a version that this program does not know; -E_SYNTAX: it is none, or not whole; -E_LIMIT: it is
 *         larger than any that is written.
 */
int trace_read(const char *text, struct arena *arena, struct trace *trace_r);

/** The value of a line's field; NULL without it. */
const char *trace_get(const struct trace_line *line, const char *key);

/** The first line of that word; NULL: there is none. */
const struct trace_line *trace_find(const struct trace *trace, const char *word);

#endif
