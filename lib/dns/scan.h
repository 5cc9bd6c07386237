/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_SCAN_H
#define ASSAY_DNS_SCAN_H
/*
 * The gate in front of ldns: a DNS message from the network is walked once, byte by byte, before ldns_wire2pkt() may
 * see it. What passes here has a bounded size, bounded counts, names that end, and rdata that fills its length exactly,
 * so that the parser can neither be led astray nor run into one of its assertions. Thread: any; pure.
 */
#include <stddef.h>
#include <stdint.h>

enum {
	SCAN_MESSAGE_BYTES = 16 * 1024,
	SCAN_SECTION_RRS = 256,
	SCAN_TXT_STRINGS = 64,
	SCAN_POINTER_HOPS = 10,
	SCAN_HEADER_BYTES = 12,
};

/** Walks a whole message with one question. @return NULL when it is fit for ldns, else what is wrong (static text). */
const char *scan_message(const uint8_t *wire, size_t length);

/**
 * Walks one name, compressed or not, that starts at offset.
 * @param end_r  set to the offset behind it.
 * @return NULL or what is wrong.
 */
const char *scan_name(const uint8_t *wire, size_t length, size_t offset, size_t *end_r);

/** Checks the rdata of one RR at offset in a message of length bytes. @return NULL or what is wrong. */
const char *scan_rdata(uint16_t type, const uint8_t *wire, size_t length, size_t offset, size_t rdata_length);

/** How many rdata fields a record of that type must have: as many as ldns wants, but for NSEC, whose bitmap is never empty
 * (RFC 4034 section 4.1.2), and OPT, which mostly is (RFC 6891 section 6.1.2). */
size_t scan_fields_minimum(uint16_t type);

#endif
