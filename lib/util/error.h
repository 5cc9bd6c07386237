/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_ERROR_H
#define ASSAY_UTIL_ERROR_H
/*
 * Failure of functions: 0 is success, these (negated) are failures. Protocol outcomes (pass, temperror …)
 * are data and have their own enums; they are never returned through these.
 */
enum {
	E_SYNTAX = 1,	/* the input does not follow its grammar */
	E_LIMIT,	/* a cap was exceeded */
	E_DNS,		/* an answer that was needed did not come, or was bogus */
	E_ABSENT,	/* there is no such thing (plain or proven absence) */
	E_SYSTEM,	/* the operating system refused; errno says why */
	E_CONFIG,	/* the configuration does not allow it */
	E_REFUSED,	/* this of all things is refused, and would be again; others are taken */
};

#endif
