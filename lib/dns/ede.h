/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_EDE_H
#define ASSAY_DNS_EDE_H
/*
 * Extended DNS errors (RFC 8914): what a recursive server adds to its answer of its own accord, in words and as a number. Nobody
 * signs it: it explains a failure, and never makes one a success. Thread: any; pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EDE_WORDS_BYTES = 160 };

struct ede {
	bool present;
	uint16_t code;
	char words[EDE_WORDS_BYTES];	/* "Signature Expired (7): text of the server", printable ASCII; "" unless present */
};

/**
 * Reads the extended error of a message that may be anything; one that DNSSEC is the reason of goes before others.
 * @param ede_r  not present when there is none, or the message is not fit to be read (see scan.h).
 */
void ede_read(const uint8_t *wire, size_t length, struct ede *ede_r);

/** @return whether it says that validation failed: codes 6 to 12. */
bool ede_is_bogus(const struct ede *ede);

#endif
