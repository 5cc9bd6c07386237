/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_TRACE_H
#define ASSAY_PIPELINE_TRACE_H
/*
 * Traces: all that was seen of one message, kept for `assay explain` under the reference that log, header and reply name it by. Where
 * traces are off, or there is no store, a message has no reference, and nothing here does anything. Never text of the message: of its
 * header the few fields of trace_write.c. The text is made when the message ends, and written and packed by the store's thread.
 * Cannot fail: what the store does not take is dropped and counted there. Thread: the message's.
 */
#include "pipeline/internal.h"

/* A recipient that was refused at RCPT. */
struct trace_refusal {
	struct trace_refusal *next;
	const char *recipient;		/* without <> */
	struct decision decision;	/* with its reply */
};

/** A new reference for a message that begins; NULL: traces are off. In its arena. */
const char *trace_reference(const struct message *message);

/** Keeps a refusal at RCPT, as many as a trace shows. Does nothing without a reference. */
void trace_refused(struct message *message, const char *recipient, const struct decision *decision);

/** The message ended, as whatever: notes its trace, if it is one of those that are kept. */
void trace_end(struct message *message);

#endif
