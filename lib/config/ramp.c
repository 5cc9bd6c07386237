/* SPDX-License-Identifier: BSD-2-Clause */
/* Dates and shares of ramps. Trusts nothing of the texts. Pure. Thread: any. */
#include "config/ramp.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/error.h"

enum { YEAR_MIN = 2000, YEAR_MAX = 2999 };

struct ramp_config ramp_none(void)
{
	return (struct ramp_config){ .before = ACTION_TAG, .share_parts = RAMP_SHARE_ALL };
}

/* So many digits, and nothing else of a number. @return -1: they are none. */
static int take_digits(const char **text, size_t count)
{
	int number = 0;

	if (strspn(*text, "0123456789") != count)
		return -1;
	for (; count != 0; count--)
		number = number * 10 + *(*text)++ - '0';
	return number;
}

static int take_behind(char mark, const char **text, size_t digits)
{
	return *(*text)++ == mark ? take_digits(text, digits) : -1;
}

int ramp_parse_from(const char *text, int64_t *secs_r, const char **why_r)
{
	struct tm tm = { 0 }, back;
	time_t secs;

	*why_r = "not a date; write 2027-01-01, or 2027-01-01T06 for an hour of it (UTC)";
	tm.tm_year = take_digits(&text, 4) - 1900;
	if (tm.tm_year < YEAR_MIN - 1900 || tm.tm_year > YEAR_MAX - 1900)
		return -E_SYNTAX;
	tm.tm_mon = take_behind('-', &text, 2) - 1;
	if (tm.tm_mon < 0)
		return -E_SYNTAX;
	tm.tm_mday = take_behind('-', &text, 2);
	if (tm.tm_mday < 0)
		return -E_SYNTAX;
	if (*text != '\0')
		tm.tm_hour = take_behind('T', &text, 2);
	if (tm.tm_hour < 0 || *text != '\0')
		return -E_SYNTAX;
	back = tm;
	secs = timegm(&back);
	/* the 31st of a month that has fewer would become another day */
	if (back.tm_year != tm.tm_year || back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour)
		return -E_SYNTAX;
	*secs_r = secs;
	return 0;
}

int ramp_parse_share(const char *text, unsigned *parts_r, const char **why_r)
{
	size_t digits = strspn(text, "0123456789"), decimals = 0;
	unsigned long parts;

	*why_r = "not a share; write 10%, or 0.25% (from 0% to 100%, two decimals at most)";
	if (digits == 0 || digits > 3)
		return -E_SYNTAX;
	parts = strtoul(text, NULL, 10) * 100;
	text += digits;
	if (*text == '.') {
		decimals = strspn(++text, "0123456789");
		if (decimals == 0 || decimals > 2)
			return -E_SYNTAX;
		parts += strtoul(text, NULL, 10) * (decimals == 1 ? 10 : 1);
		text += decimals;
	}
	if (strcmp(text, "%") != 0 || parts > RAMP_SHARE_ALL)
		return -E_SYNTAX;
	*parts_r = (unsigned)parts;
	return 0;
}
