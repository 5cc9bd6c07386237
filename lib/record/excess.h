/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_EXCESS_H
#define ASSAY_RECORD_EXCESS_H
/* How many rows are too many (struct backend_expiry in record/backend.h), for every backend alike. Pure. Thread: any. */
#include "record/backend.h"

/** @return how many of a count are above max, at most limit. 0 for max is any number. */
unsigned excess_of(int64_t count, unsigned max, unsigned limit);

/* What there is of TLS memory and greylist. */
struct excess_totals { int64_t peers, hosts, waiting, passed; };

/* What is too many of it, at most a limit of each, and of the greylist's two kinds together. */
struct excess { unsigned peers, hosts, waiting, passed; };

struct excess excess_find(const struct excess_totals *totals, const struct backend_expiry *expiry, unsigned limit);

#endif
