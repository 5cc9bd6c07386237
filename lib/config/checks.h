/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_CHECKS_H
#define ASSAY_CONFIG_CHECKS_H
/*
 * The table of checks: the one place that names them all, and says what they have in common. The enum, the run order
 * (check/check.c), the traits of the findings and the advice on actions that never happen are made from it. It stands in config/
 * because the findings table, which the config names, says of each finding who raises it.
 * Thread: any; constant.
 */
#include <stdbool.h>

struct config;

/*
 * What is true of a finding beside its name: what policy, reply and record ask instead of comparing names. A check gives its
 * traits to all of its findings, a row of the findings table adds its own.
 */
enum finding_trait {
	TRAIT_NONE = 0,
	TRAIT_DNS = 1 << 0,		/* the evidence is DNS data: DNSSEC has something to say about it */
	TRAIT_LACK_OF_TLS = 1 << 1,	/* what "TLS-Required: No" in a message excuses from (RFC 8689): not a partner's missing
					   certificate, and not tampering, for anybody can write the field */
	TRAIT_EXEMPT_TOO = 1 << 2,	/* weighed of exempt messages, too: how a client authenticated */
	TRAIT_AUTHENTICATION = 1 << 3,	/* a kind of authentication: several that fail together have a code of their own (RFC 7372) */
	TRAIT_COMBINED = 1 << 4,	/* … that stands on other kinds and has that code by itself */
	TRAIT_TLS_REPLY = 1 << 5,	/* deferred with 454: for reasons of TLS (RFC 3207 section 4) */
	TRAIT_EXPLAINED = 1 << 6,	/* the domain's own words may follow in the reply (exp= of RFC 7208 section 6.2) */
	TRAIT_WHOLE_BODY = 1 << 7,	/* only the whole body shows it */
	TRAIT_DETAILED = 1 << 9,	/* what it stands on may follow in the reply */
	TRAIT_TOLD = 1 << 8,		/* the check has a result of its own, which header field and log line tell */
};

/*
 * One row a check, in the order of judgement: memory reads the results of iprev and tls, dmarc those of spf, dkim and arc, adsp those
 * of dkim and dmarc, corroborate what all of them found. ID, identifier, traits, when it is off (a function of checks.c, or
 * NULL), and why then, for the admin.
 */
#define CHECKS_TABLE(X)                                                                                                 \
	X(IPREV, iprev, TRAIT_DNS | TRAIT_TOLD, iprev_is_off, "reverse DNS is not checked (enabled = no in section iprev)") \
	X(TLS, tls, TRAIT_TLS_REPLY | TRAIT_TOLD, NULL, NULL)                                                           \
	X(MEMORY, memory, TRAIT_TLS_REPLY, memory_is_off, "nothing is remembered (no path in section record)")          \
	X(AUTH, auth, TRAIT_EXEMPT_TOO | TRAIT_TOLD, NULL, NULL)                                                        \
	X(SPF, spf, TRAIT_DNS | TRAIT_AUTHENTICATION | TRAIT_TOLD, spf_is_off,                                          \
	    "SPF is not checked (enabled = no in section spf)")                                                         \
	X(AUTHOR, author, TRAIT_NONE, NULL, NULL)                                                                       \
	X(DKIM, dkim, TRAIT_DNS | TRAIT_AUTHENTICATION | TRAIT_TOLD, dkim_is_off,                                       \
	    "DKIM is not checked (enabled = no in section dkim)")                                                       \
	X(ARC, arc, TRAIT_DNS | TRAIT_AUTHENTICATION | TRAIT_TOLD, arc_is_off,                                          \
	    "ARC is not checked (enabled = no in section arc)")                                                         \
	X(DMARC, dmarc, TRAIT_DNS | TRAIT_AUTHENTICATION | TRAIT_COMBINED | TRAIT_TOLD, dmarc_is_off,                   \
	    "DMARC is not checked (enabled = no in section dmarc)")                                                     \
	X(ADSP, adsp, TRAIT_DNS | TRAIT_AUTHENTICATION | TRAIT_TOLD, adsp_is_off,                                       \
	    "ADSP is not checked (enabled = no in section adsp)")                                                       \
	X(CORROBORATE, corroborate, TRAIT_DNS | TRAIT_AUTHENTICATION | TRAIT_COMBINED, dmarc_is_off,                    \
	    "DMARC is not checked (enabled = no in section dmarc)")                                                     \
	X(PATH, path, TRAIT_NONE, NULL, NULL)

/* Who raises findings, too, but is no check: the stations of the pipeline. Columns as above. */
#define STATIONS_TABLE(X)                                                                                               \
	X(AUTHRES, authres, TRAIT_NONE, NULL, NULL)                                                                     \
	X(POLICY, policy, TRAIT_DNS, NULL, NULL)                                                                        \
	X(DNS, dns, TRAIT_DNS, dns_is_off, "answers are not validated here (dnssec in section dns)")

#define CHECK_ENUM_ROW(id, name, traits, is_off, why) CHECK_##id,
/* Those below CHECK_COUNT are checks; all are CHECK_RAISERS. */
enum check_id {
	CHECKS_TABLE(CHECK_ENUM_ROW) CHECK_COUNT,
	CHECK_BEFORE_STATIONS = CHECK_COUNT - 1,
	STATIONS_TABLE(CHECK_ENUM_ROW) CHECK_RAISERS
};
#undef CHECK_ENUM_ROW

#define CHECK_TRAITS_ROW(id, name, traits, is_off, why) CHECK_TRAITS_##id = (traits),
/* For the rows of the findings table. */
enum { CHECKS_TABLE(CHECK_TRAITS_ROW) STATIONS_TABLE(CHECK_TRAITS_ROW) };
#undef CHECK_TRAITS_ROW

struct check_row {
	const char *name;			/* "spf": for people; also the name of its section, where it has one */
	bool (*is_off)(const struct config *config);	/* NULL: it cannot be switched off */
	const char *why_off;
	unsigned traits;			/* enum finding_trait */
};

/** The tables, CHECK_RAISERS rows, indexed by enum check_id. */
extern const struct check_row check_rows[CHECK_RAISERS];

#endif
