/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_ADVICE_INTERNAL_H
#define ASSAY_CONFIG_ADVICE_INTERNAL_H
/* What the parts of the advice share: what the options mean together (advice.c), ramps (advice_ramp.c), lists (advice_lists.c), and places (advice_place.c). */
#include "config/advice.h"

struct advisor {
	const struct config *config;
	config_tell *tell;
	void *closure;
	size_t count;
};

void advise(struct advisor *advisor, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Ramps and brakes. */
void advise_ramps(struct advisor *advisor);

/** Domains in the lists of two policies. */
void advise_lists(struct advisor *advisor);

/** User, group, files and directories. */
void advise_places(struct advisor *advisor);

#endif
