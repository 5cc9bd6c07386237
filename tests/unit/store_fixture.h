/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_STORE_FIXTURE_H
#define ASSAY_TESTS_STORE_FIXTURE_H
/* A directory for one test's database, and the store in it; all of it goes with the test, passed or not. */
#include "record/backend.h"
#include "record/store.h"

struct place {
	char directory[64], path[96], why[256];
	struct store_config config;
	struct clock clock;		/* retention goes by it */
	struct store *store;		/* of place_store(); NULL */
	struct backend_handle *handle;	/* for tests that ask the backend itself; NULL */
};

/** @param now_secs  what the place's clock says. */
int place_make(void **state, int64_t now_secs);
int place_teardown(void **state);
/** Opens the store by place->config. */
struct store *place_store(struct place *place);

#endif
