/* SPDX-License-Identifier: BSD-2-Clause */
/* Wall time (settable for tests) and monotonic time. */
#include "util/clock.h"

#include <stddef.h>
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
