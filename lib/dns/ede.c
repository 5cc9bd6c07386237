/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended DNS errors: see the header. Trusts nothing: the message is scanned first, the text is cut and cleaned.
 * Thread: any; pure.
 */
#include "dns/ede.h"

#include <stdio.h>
#include <string.h>

#include "dns/scan.h"

enum {
	TYPE_OPT = 41, OPTION_EDE = 15, FIXED_BYTES = 10, TEXT_MAX = 80,
	FIRST_BOGUS = 6, LAST_BOGUS = 12,
};

/* IANA's registry, by code. */
static const char *const names[] = {
	"Other Error", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer", "Forged Answer",
	"DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing",
	"RRSIGs Missing", "No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored",
	"Filtered", "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported", "No Reachable Authority",
	"Network Error", "Invalid Data", "Signature Expired before Valid", "Too Early", "Unsupported NSEC3 Iterations Value",
	"Unable to conform to policy", "Synthesized", "Invalid Query Type",
};

static size_t get16(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

static bool code_is_bogus(uint16_t code)
{
	return code >= FIRST_BOGUS && code <= LAST_BOGUS;
}

bool ede_is_bogus(const struct ede *ede)
{
	return ede->present && code_is_bogus(ede->code);
}

static void words_write(struct ede *ede, const uint8_t *text, size_t length)
{
	const char *name = ede->code < sizeof(names) / sizeof(names[0]) ? names[ede->code] : "extended error";
	int used = snprintf(ede->words, sizeof(ede->words), "%s (%u)", name, ede->code);
	char *at = ede->words + used;

	if (length == 0)
		return;
	*at++ = ':';
	*at++ = ' ';
	for (size_t i = 0; i < length && i < TEXT_MAX; i++)	/* it is UTF-8, and may end with a NUL (RFC 8914 section 2) */
		if (text[i] != '\0')
			*at++ = text[i] >= ' ' && text[i] < 0x7f ? (char)text[i] : '?';
	*at = '\0';
}

/* The options of one OPT record, which the scan has found to be well formed. */
static void options_read(const uint8_t *options, size_t length, struct ede *ede)
{
	for (size_t at = 0; length - at >= 4;) {
		size_t bytes = get16(options + at + 2);
		const uint8_t *data = options + at + 4;

		if (get16(options + at) == OPTION_EDE && bytes >= 2 &&
		    (!ede->present || (code_is_bogus((uint16_t)get16(data)) && !code_is_bogus(ede->code)))) {
			ede->present = true;
			ede->code = (uint16_t)get16(data);
			words_write(ede, data + 2, bytes - 2);
		}
		at += 4 + bytes;
	}
}

void ede_read(const uint8_t *wire, size_t length, struct ede *ede_r)
{
	size_t at = SCAN_HEADER_BYTES, records;

	*ede_r = (struct ede){ .present = false };
	if (scan_message(wire, length) != NULL || scan_name(wire, length, at, &at) != NULL)
		return;
	at += 4;
	records = get16(wire + 6) + get16(wire + 8) + get16(wire + 10);
	for (; records > 0 && scan_name(wire, length, at, &at) == NULL; records--) {
		size_t type = get16(wire + at), bytes = get16(wire + at + 8);

		at += FIXED_BYTES;
		if (type == TYPE_OPT)
			options_read(wire + at, bytes, ede_r);
		at += bytes;
	}
}
