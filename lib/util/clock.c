/* SPDX-License-Identifier: BSD-2-Clause */
/* Wall time (settable for tests) and monotonic time. */
#include "util/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_wall_secs(const struct clock *clock)
{
	if (clock != NULL && clock->fixed_secs != 0)
		return clock->fixed_secs;
	return (int64_t)time(NULL) + (clock != NULL ? clock->shift_secs : 0);
}

int64_t clock_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t write_time(char *room, size_t bytes, enum clock_form form, const struct tm *tm)
{
	switch (form) {
	case CLOCK_DAY: return strftime(room, bytes, "%Y-%m-%d", tm);
	case CLOCK_MINUTE: return strftime(room, bytes, "%Y-%m-%d %H:%M", tm);
	case CLOCK_SECOND: return strftime(room, bytes, "%Y-%m-%d %H:%M:%S", tm);
	case CLOCK_SECOND_UTC: return strftime(room, bytes, "%Y-%m-%d %H:%M:%S UTC", tm);
	case CLOCK_ISO_HOUR: return strftime(room, bytes, "%Y-%m-%dT%H", tm);
	case CLOCK_ISO_MINUTE: return strftime(room, bytes, "%Y-%m-%dT%H:%MZ", tm);
	case CLOCK_ISO_SECOND: return strftime(room, bytes, "%Y-%m-%dT%H:%M:%SZ", tm);
	}
	return 0;
}

const char *clock_text(char *room, size_t bytes, enum clock_form form, int64_t secs)
{
	time_t value = (time_t)secs;
	struct tm tm;

	if (gmtime_r(&value, &tm) == NULL || write_time(room, bytes, form, &tm) == 0)
		(void)snprintf(room, bytes, "?");
	return room;
}
