/* SPDX-License-Identifier: BSD-2-Clause */
/* See out_of_memory.h. */
#include "util/out_of_memory.h"

#include <stdatomic.h>
#include <stdlib.h>

static void (*_Atomic said)(void);

void out_of_memory_set_last_words(void (*last_words)(void))
{
	atomic_store(&said, last_words);
}

void out_of_memory(void)
{
	void (*last_words)(void) = atomic_exchange(&said, NULL);	/* of several threads that fail one speaks */

	if (last_words != NULL)
		last_words();
	abort();
}
