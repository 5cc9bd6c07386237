/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Greylisted tries that the database refuses: who is told to wait must be known when he comes again, or he waits for ever. So of a try
 * that was let go its key is kept here, and store_greylist_get() has no memory for it: it need not wait. A ring, so that a flood of them
 * costs no memory; keys are kept by a keyed hash, so that nobody can choose to be taken for another, who need not wait.
 * Thread: any, with the store's lock.
 */
#include "record/store_internal.h"

#include <string.h>

#include "util/siphash.h"

static uint64_t hash_of(const struct store *store, const char *key)
{
	return siphash(key, strlen(key), store->refused_secret);
}

void store_refused_keep(struct store *store, const struct note *note)
{
	if (note->kind == NOTE_GREYLIST && !store_refused_has(store, note->u.greylist.key))
		store->refused_keys[store->refused_count++ % STORE_REFUSED_KEYS] = hash_of(store, note->u.greylist.key);
}

bool store_refused_has(const struct store *store, const char *key)
{
	uint64_t hash = store->refused_count != 0 ? hash_of(store, key) : 0;

	for (unsigned i = 0; i < store->refused_count && i < STORE_REFUSED_KEYS; i++)
		if (store->refused_keys[i] == hash)
			return true;
	return false;
}
