/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_DESCRIPTORS_H
#define ASSAY_MILTER_DESCRIPTORS_H
/*
 * How the process's file descriptors are shared out. Each use has a share of its own, which no other can take: sessions that
 * leave none for DNS would have their messages judged by errors. Where the limit does not allow what the configuration asks for,
 * fewer sessions and queries are allowed, and the rest waits or is put off.
 * Pure but for descriptors_raise(). Thread: main.
 */
#include <stdbool.h>
#include <stddef.h>

struct descriptor_wants {
	unsigned sessions, queries;	/* max-sessions, dns { max-inflight } */
	unsigned others;		/* what else takes some, beside what is always there: the server of metrics */
};

struct descriptor_plan {
	unsigned limit;		/* of the process */
	unsigned needed;	/* limit that would do for what is wanted */
	unsigned sessions;	/* of the MTA at once */
	unsigned refusals;	/* and so many more that are told a temporary failure */
	unsigned queries;	/* DNS queries at once; others wait */
	unsigned readers;	/* of the database at once; others wait */
};

/** Raises the soft limit to the hard one. @return the limit in force. */
unsigned descriptors_raise(void);

/** @return whether the limit is enough for any work at all. */
bool descriptors_share(unsigned limit, const struct descriptor_wants *wants, struct descriptor_plan *plan_r);

/** @return whether all that is wanted can be had. */
bool descriptors_suffice(const struct descriptor_plan *plan, const struct descriptor_wants *wants);

/** One sentence with the figures, and what to set where they do not suffice. */
void descriptors_text(const struct descriptor_plan *plan, const struct descriptor_wants *wants, char *text_r, size_t text_bytes);

#endif
