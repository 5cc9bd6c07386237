/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNSSEC_PLACES_H
#define ASSAY_DNSSEC_PLACES_H
/* In which zone names were when they were judged last: see places.c. Part of the validator. */
#include <stdatomic.h>
#include <stdint.h>

enum { PLACES = 1 << 16 };

struct places {
	uint64_t secret[2];
	_Atomic uint32_t table[PLACES];
};

void places_init(struct places *places);

/** An answer at name has been judged by the keys of zone, which is name or above it. Service labels of name do not count. */
void places_note(struct places *places, const uint8_t *name, const uint8_t *zone);

/** @return the zone that name was in, as part of name; name when that is not known. A guess. */
const uint8_t *places_zone(struct places *places, const uint8_t *name);

/** The name without what begins with a service label (_dmarc, _domainkey, _25._tcp), of which it is all but sure that it is no zone cut. */
const uint8_t *places_host(const uint8_t *name);

#endif
