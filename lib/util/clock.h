/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_CLOCK_H
#define ASSAY_UTIL_CLOCK_H
/*
 * Time comes from here, so that tests and `assay check --time` can set it.
 * Wall time judges (signatures, x=, records); monotonic time measures deadlines and is never set.
 * Thread: any; a struct clock is immutable once shared.
 */
#include <stddef.h>
#include <stdint.h>

#define CLOCK_LAST_SECS INT64_C(253402300799)	/* the end of the year 9999: what is later is no time, but milliseconds or a slip */

struct clock {
	int64_t fixed_secs;	/* wall time that never moves; 0: the system's time */
	int64_t shift_secs;	/* added to the system's time */
};

/** @return seconds since the epoch. clock may be NULL: the system's time. */
int64_t clock_wall_secs(const struct clock *clock);

/** @return milliseconds since an arbitrary point; only differences mean something. */
int64_t clock_monotonic_ms(void);

/** The same in microseconds, for what is measured. */
int64_t clock_monotonic_us(void);

enum clock_form {
	CLOCK_DAY,		/* 2026-11-29 */
	CLOCK_MINUTE,		/* 2026-11-29 21:05 */
	CLOCK_SECOND,		/* 2026-11-29 21:05:00 */
	CLOCK_SECOND_UTC,	/* 2026-11-29 21:05:00 UTC */
	CLOCK_ISO_HOUR,		/* 2026-11-29T21 */
	CLOCK_ISO_MINUTE,	/* 2026-11-29T21:05Z */
	CLOCK_ISO_SECOND,	/* 2026-11-29T21:05:00Z */
};

/**
 * A time in UTC, as text. Times come from records and options too, and may be none that a calendar has.
 * @return room, which then holds "?"; so also when the text has no room.
 */
const char *clock_text(char *room, size_t bytes, enum clock_form form, int64_t secs);

#endif
