/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_LOCAL_SAMPLES_H
#define ASSAY_CONFIG_LOCAL_SAMPLES_H
/* Which of the local domains have to be asked about, when a mailbox is the same in all of them. Thread: that of the arena. */
#include "config/config.h"
#include "util/arena.h"

/**
 * Fills local_samples: local domains that no policy's recipient-domains tell apart fall under the same policies whatever the
 * author and the client, so one of each such group is enough. Costs a look-up for each local domain and policy, once.
 */
void local_samples_find(struct config *config, struct arena *arena);

#endif
