/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places: in which zone a name was when an answer at it was last judged, by number of labels, kept beyond every TTL. Told by this the
 * prefetch asks for the keys of that zone and of those above, and not for a delegation at every label below, where none was.
 * A guess and nothing else: the judgement walks as if there were none, and what it misses is asked then. A table of fixed size
 * without names: another name may take a place over, or be taken for one that has it, which costs a few queries.
 * Thread: any; each place is one atomic number.
 */
#include "dnssec/places.h"

#include <sys/random.h>

#include "dns/name.h"
#include "util/clock.h"
#include "util/siphash.h"

enum { LABELS_BITS = 8 };

const uint8_t *places_host(const uint8_t *name)
{
	for (unsigned labels = 1; labels <= dns_wire_labels(name); labels++) {
		const uint8_t *suffix = dns_wire_suffix(name, labels);

		if (suffix[0] != 0 && suffix[1] == '_')
			return dns_wire_suffix(name, labels - 1);
	}
	return name;
}

void places_init(struct places *places)
{
	if (getrandom(places->secret, sizeof(places->secret), 0) != (ssize_t)sizeof(places->secret))
		places->secret[0] = (uint64_t)clock_monotonic_ms();
}

/* The place of a name, and what is in it beside the labels. */
static _Atomic uint32_t *place_of(struct places *places, const uint8_t *name, uint32_t *tag_r)
{
	uint64_t hash = siphash(name, dns_wire_length(name), places->secret);

	*tag_r = (uint32_t)(hash >> 32) & ~((1u << LABELS_BITS) - 1);
	return &places->table[hash % PLACES];
}

void places_note(struct places *places, const uint8_t *name, const uint8_t *zone)
{
	const uint8_t *host = places_host(name);
	uint32_t tag;
	_Atomic uint32_t *place;

	if (!dns_wire_is_within(host, zone))
		return;
	place = place_of(places, host, &tag);
	/* plus one: 0 is an empty place */
	atomic_store_explicit(place, tag | (dns_wire_labels(zone) + 1), memory_order_relaxed);
}

const uint8_t *places_zone(struct places *places, const uint8_t *name)
{
	uint32_t tag;
	_Atomic uint32_t *place = place_of(places, name, &tag);
	uint32_t kept = atomic_load_explicit(place, memory_order_relaxed);
	unsigned labels = kept & ((1u << LABELS_BITS) - 1);

	if (labels == 0 || (kept ^ labels) != tag)
		return name;
	return dns_wire_suffix(name, labels - 1);
}
