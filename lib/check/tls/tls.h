/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_TLS_TLS_H
#define ASSAY_CHECK_TLS_TLS_H
/* Grade of a TLS session, by one table after RFC 9325. Pure. Thread: any. */
#include "check/result.h"
#include "message/facts.h"

/* One row: a property of a session and the grade it can have at best. Ordered: the worse grade first, which is also the
 * order in which reasons are told. */
struct tls_grade_row {
	const char *property;	/* short name */
	enum tls_grade grade;
	const char *reason;	/* with its RFC section */
};

extern const struct tls_grade_row tls_grade_table[];
extern const size_t tls_grade_table_count;

/** Fills the result from what the MTA said. Strings are borrowed from the facts or static. */
void tls_grade_session(const struct facts_tls *tls, struct tls_result *result_r);

/**
 * The same for an earlier hop, from its Received field, which may lie: for a report. Strings are borrowed from the hop or static.
 * @return false: it is no TLS hop, or names no version (nor a suite that only one has).
 */
bool tls_grade_hop(const struct path_hop *hop, struct tls_result *result_r);

#endif
