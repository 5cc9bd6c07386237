/* SPDX-License-Identifier: BSD-2-Clause */
/* NSEC3 records for the validator's tests; see the header. */
#include "denial_records.h"

#include <stdlib.h>
#include <string.h>

const char *hash_label(struct arena *arena, const char *name, unsigned iterations, int delta)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint8_t salt[] = { 0xaa };
	ldns_rdf *owner = ldns_dname_new_frm_str(name), *hashed = ldns_nsec3_hash_name(owner, 1, (uint16_t)iterations, 1, salt);
	char *text = ldns_rdf2str(hashed), *label = arena_strndup(arena, text, 32);

	for (int i = 31; delta != 0 && i >= 0; i--) {
		long digit = strchr(digits, label[i]) - digits + delta;

		label[i] = digits[(digit + 32) % 32];
		if (digit >= 0 && digit < 32)
			break;
	}
	free(text);
	ldns_rdf_deep_free(owner);
	ldns_rdf_deep_free(hashed);
	return label;
}

const char *nsec3_record(struct arena *arena, const char *zone, const char *owner, const char *next, unsigned flags,
    unsigned iterations, const char *types)
{
	return arena_printf(arena, "%s.%s 300 IN NSEC3 1 %u %u aa %s %s", owner, zone, flags, iterations, next, types);
}

const char *nsec3_match(struct arena *arena, const char *zone, const char *name, const char *types)
{
	return nsec3_record(arena, zone, hash_label(arena, name, 1, 0), hash_label(arena, name, 1, 1), 0, 1, types);
}

const char *nsec3_cover(struct arena *arena, const char *zone, const char *name, unsigned flags)
{
	return nsec3_record(arena, zone, hash_label(arena, name, 1, -1), hash_label(arena, name, 1, 1), flags, 1, "A RRSIG");
}
