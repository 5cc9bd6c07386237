/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store_fixture.h"

int place_make(void **state, int64_t now_secs)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	snprintf(place->directory, sizeof(place->directory), "/tmp/assay-store-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->path, sizeof(place->path), "%s/assay.db", place->directory);
	place->clock.fixed_secs = now_secs;
	place->config = (struct store_config){ .location = place->path, .commit_interval_ms = 10, .retry_secs = 1,
		.clock = &place->clock };
	*state = place;
	return 0;
}

int place_teardown(void **state)
{
	struct place *place = *state;
	char command[128];

	store_close(&place->store);
	backend_sqlite.close(&place->handle);
	snprintf(command, sizeof(command), "rm -rf %s", place->directory);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

struct store *place_store(struct place *place)
{
	place->store = store_open(&place->config, place->why, sizeof(place->why));
	assert_non_null(place->store);
	return place->store;
}
