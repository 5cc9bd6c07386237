/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_TRACE_WRITE_H
#define ASSAY_PIPELINE_TRACE_WRITE_H
/*
 * Writes a trace in the grammar of trace_text.h. A line that finds no room in TRACE_TEXT_MAX is left out and counted; what matters
 * most comes first. Thread: the message's.
 */
#include "pipeline/internal.h"
#include "pipeline/trace_text.h"

struct trace_input {
	const struct message *message;
	enum trace_stage stage;
	struct decision decision;
	const struct evidence *evidence;	/* on which it stands; NULL: it was never judged */
};

/** @return the text, in the message's arena. */
const char *trace_write(const struct trace_input *input);

struct trace_writer {
	struct arena *arena;
	struct buf text, line;
	size_t left_out, lines;
};

/** Begins a line. */
void trace_begin(struct trace_writer *writer, const char *word);
/** A value; NULL: nothing. It is cut at TRACE_VALUE_MAX. */
void trace_put(struct trace_writer *writer, const char *key, const char *value);
/** "yes", or nothing. */
void trace_put_flag(struct trace_writer *writer, const char *key, bool flag);
void trace_put_count(struct trace_writer *writer, const char *key, uint64_t count);
/** Ends the line. @return whether it found room. */
bool trace_finish(struct trace_writer *writer);

/** The lines of its questions and their answers (trace_dns.c). */
void trace_questions(struct trace_writer *writer, struct dns_scope *scope);

/** The lines of the results (trace_results.c). */
void trace_results(struct trace_writer *writer, const struct results *results);

/** The names of overrides, "?" behind those of which it is not known whether they hold; NULL: there is none. */
const char *override_names(struct arena *arena, const struct dmarc_override *overrides, size_t count);

#endif
