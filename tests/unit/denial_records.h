/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_DENIAL_RECORDS_H
#define ASSAY_TESTS_DENIAL_RECORDS_H
/*
 * NSEC3 records in zone-file form for the validator's unit tests: one that matches a name, one that covers it. The hashes are
 * ldns's. Texts live in the arena; zone and name with trailing dot. Salt aa.
 */
#include "dnssec_world.h"

enum { FLAG_OPT_OUT = 1 };

/** The hash of a name as a label, moved by delta (-1, 0, +1): neighbours make a cover. */
const char *hash_label(struct arena *arena, const char *name, unsigned iterations, int delta);
const char *nsec3_record(struct arena *arena, const char *zone, const char *owner, const char *next, unsigned flags,
    unsigned iterations, const char *types);
/** One iteration, no flags. */
const char *nsec3_match(struct arena *arena, const char *zone, const char *name, const char *types);
/** One iteration. */
const char *nsec3_cover(struct arena *arena, const char *zone, const char *name, unsigned flags);

#endif
