/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_EPOCHS_H
#define ASSAY_REPORT_EPOCHS_H
/*
 * Times between which no flag day is and no brake comes on or is lifted: within one of them policies make the same of the same evidence,
 * so that each kind has to be asked about once an epoch, and not once an hour. Out of memory aborts. Thread: one.
 */
#include "policy/policy.h"
#include "record/store.h"

struct arena;

struct epochs {
	const int64_t *cuts;		/* sorted, each once */
	size_t count;
	const struct brakes *brakes;	/* NULL: none */
};

/** @param sets  of policies. @param brakes  NULL: none; borrowed. @return in the arena. */
struct epochs epochs_make(const struct policy_set *const *sets, size_t set_count, const struct brakes *brakes, struct arena *arena);

/* Some spans of a kind about which policies say the same: those of an epoch, or a single one in which one ends. */
struct epoch_part {
	struct flow_row row;		/* the kind with the sums of these spans; its words are borrowed */
	const struct flow_span *spans;
	size_t count;
	bool first;			/* of the kind's parts */
	char name[48];			/* of the epoch, or of the time; "" where there is one epoch only */
};
typedef void epoch_part_f(void *arg, const struct epoch_part *part);

/** Visits the parts of a kind, in the order of time. */
void epochs_each(const struct epochs *epochs, const struct flow_row *kind, const struct flow_span *spans, size_t count,
    epoch_part_f *each, void *arg);

/** Sets time and brakes of evidence that was read from the part's row. */
void epochs_date(const struct epochs *epochs, const struct epoch_part *part, struct evidence *evidence);

#endif
