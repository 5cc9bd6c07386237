/* SPDX-License-Identifier: BSD-2-Clause */
/* See store_rows.h. */
#include "store_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

char told[8][768];
unsigned told_count;

void remember_told(enum store_news news, const char *text)
{
	if (told_count < 8)
		snprintf(told[told_count++], sizeof(told[0]), "%d %s", news, text);
}

void assert_totals(const struct place *place)
{
	assert_int_equal(place_number(place, "SELECT sum(peers) FROM total"), place_number(place, "SELECT count(*) FROM peer WHERE host=''"));
	assert_int_equal(place_number(place, "SELECT sum(hosts) FROM total"), place_number(place, "SELECT count(*) FROM peer WHERE host<>''"));
	assert_int_equal(place_number(place, "SELECT sum(waiting) FROM total"), place_number(place, "SELECT count(*) FROM greylist WHERE passed=0"));
	assert_int_equal(place_number(place, "SELECT sum(passed) FROM total"), place_number(place, "SELECT count(*) FROM greylist WHERE passed<>0"));
}

void note_peers(struct store *store, unsigned from, unsigned count)
{
	char name[32];
	struct peer_note note = { .peer = name, .host = "192.0.2.1", .grade = 3 };

	for (unsigned i = from; i < from + count; i++) {
		snprintf(name, sizeof(name), "p%u.example", i);
		note.time_secs = START + i;
		assert_int_equal(store_peer_note(store, &note), 0);
	}
}

void wait_for_rows(const struct place *place, const char *sql, int64_t rows)
{
	for (int i = 0; i < 30000 && place_number(place, sql) > rows; i++)
		usleep(1000);
	assert_int_equal(place_number(place, sql), rows);
}
