/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_DNS_MESSAGE_FIXTURE_H
#define ASSAY_TESTS_DNS_MESSAGE_FIXTURE_H
/* DNS messages, octet by octet. */
#include <stddef.h>
#include <stdint.h>

/* A message under construction; the question is "a.test" A unless said otherwise. */
struct message {
	uint8_t wire[70000];
	size_t length;
};

void put_octets(struct message *message, const void *bytes, size_t length);

struct message *message_begin(uint16_t type);

/** section: 1 answer, 2 authority, 3 additional; owner: uncompressed or pointer bytes. */
void put_record(struct message *message, unsigned section, const void *owner, size_t owner_length, uint16_t type,
    uint32_t ttl, const void *rdata, size_t rdata_length);

void put_answer(struct message *message, uint16_t type, const void *rdata, size_t rdata_length);

#endif
