/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_DMARC_H
#define ASSAY_RECORD_DMARC_H
/*
 * Aggregate reports of DMARC, from the side that makes and sends them: which days and policies there are, their rows, and what has
 * become of each report. What the daemon notes is in store.h (store_dmarc_note()).
 *
 * A report is made of one policy: a domain's record as it was published, on one day (UTC). When it gets its names it is frozen, so that
 * it is the same however often it is sent. Each address is a delivery of its own: claimed before it is tried, so that two who send at
 * once do not both send, and settled afterwards. Who dies in between leaves a claim that ends by itself; the report then goes out again
 * under the same names, by which its reader knows it (RFC 9990 section 3.5.1).
 *
 * A book is an open database. Functions return 0, -E_ABSENT, or -E_SYSTEM with the reason in dmarc_book_why().
 * Thread: one at a time; other processes may have the same database.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dmarc_book;

struct dmarc_rules {
	unsigned rows_max;		/* of a day, policies among them */
	unsigned report_rows_max;	/* of a policy */
};

enum {
	DMARC_NAME_BYTES = 640,		/* a file's name has two domains in it */
	DMARC_POLICIES_MAX = 24		/* of a domain on one day: one whose record is another at each look would get a mail for each message */
};

struct dmarc_names {
	char report_id[DMARC_NAME_BYTES];	/* "": none yet */
	char file[DMARC_NAME_BYTES];
	uint64_t lost;				/* messages for which there was no row when it was frozen: set by dmarc_book_freeze() */
};

struct dmarc_policy_row {
	int64_t id, day;		/* day: days since 1970 */
	const char *domain, *policy, *rua;	/* borrowed during the call */
	uint64_t rows;
	uint64_t lost;			/* messages for which there was no row */
	struct dmarc_names names;
};
typedef void dmarc_policy_each_f(void *arg, const struct dmarc_policy_row *policy);
typedef void dmarc_row_each_f(void *arg, const char *row, uint64_t messages);

enum dmarc_delivery_state { DMARC_DELIVERY_WAITING, DMARC_DELIVERY_SENT, DMARC_DELIVERY_GIVEN_UP };

struct dmarc_delivery {
	enum dmarc_delivery_state state;
	unsigned tries;
	int64_t next_secs;		/* not before */
	int64_t claimed_secs;		/* somebody is at it until then; 0: nobody */
};

/** @param write  may change it. @return NULL with why_r set. */
struct dmarc_book *dmarc_book_open(const char *location, bool write, char *why_r, size_t why_bytes);
/** Sets *book to NULL; NULL is allowed. */
void dmarc_book_close(struct dmarc_book **book);
const char *dmarc_book_why(struct dmarc_book *book);

/** Policies of days before before_day of which something is left to do, in order of days. @param day  -1: any. */
int dmarc_book_each(struct dmarc_book *book, int64_t day, int64_t before_day, dmarc_policy_each_f *each, void *arg);

/** Rows of a policy, the most frequent first, at most limit. */
int dmarc_book_rows_each(struct dmarc_book *book, int64_t policy, size_t limit, dmarc_row_each_f *each, void *arg);

/** Messages of a day for which there was no room at all. */
int dmarc_book_lost(struct dmarc_book *book, int64_t day, uint64_t *lost_r);

/** Gives the report these names unless it has some; names is set to those it has. @return -E_ABSENT: it is closed. */
int dmarc_book_freeze(struct dmarc_book *book, int64_t policy, struct dmarc_names *names);

/**
 * Claims a delivery until until_secs, when it waits, is due and nobody has claimed it.
 * @param delivery_r  as it is then.
 * @return -E_ABSENT when it is not to be tried now.
 */
int dmarc_book_claim(struct dmarc_book *book, int64_t policy, const char *address, int64_t now_secs, int64_t until_secs,
    struct dmarc_delivery *delivery_r);

/** Says what became of it; ends the claim. */
int dmarc_book_settle(struct dmarc_book *book, int64_t policy, const char *address, const struct dmarc_delivery *delivery);

/** Nothing is left to do about the report: its rows go. */
int dmarc_book_finish(struct dmarc_book *book, int64_t policy);

#endif
