/* SPDX-License-Identifier: BSD-2-Clause */
/* Edit distance of short names, for "did you mean". */
#include "util/distance.h"

#include <stddef.h>
#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

unsigned text_distance(const char *a, const char *b)
{
	unsigned d[DISTANCE_NAME_MAX + 1][DISTANCE_NAME_MAX + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > DISTANCE_NAME_MAX || n > DISTANCE_NAME_MAX)
		return DISTANCE_NAME_MAX;
	for (size_t i = 0; i <= m; i++) {
		for (size_t j = 0; j <= n; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = (unsigned)(i + j);
				continue;
			}
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[m][n];
}

unsigned text_worth_suggesting(const char *name)
{
	size_t third = (strlen(name) + 2) / 3;

	return third < 3 ? (unsigned)third : 3;
}
