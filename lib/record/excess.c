/* SPDX-License-Identifier: BSD-2-Clause */
/* See excess.h. Trusts that the totals are true. */
#include "record/excess.h"

unsigned excess_of(int64_t count, unsigned max, unsigned limit)
{
	if (max == 0 || count <= (int64_t)max)
		return 0;
	return count - (int64_t)max < (int64_t)limit ? (unsigned)(count - (int64_t)max) : limit;
}

struct excess excess_find(const struct excess_totals *totals, const struct backend_expiry *expiry, unsigned limit)
{
	unsigned greylist = excess_of(totals->waiting + totals->passed, expiry->greylist_max, limit);
	/* those that wait go first, but only as far as they have more than half of the room */
	unsigned waiting = excess_of(totals->waiting, expiry->greylist_max - expiry->greylist_max / 2, greylist);

	return (struct excess){
		.peers = excess_of(totals->peers, expiry->peers_max, limit),
		.hosts = excess_of(totals->hosts, expiry->hosts_max, limit),
		.waiting = waiting, .passed = greylist - waiting,
	};
}
