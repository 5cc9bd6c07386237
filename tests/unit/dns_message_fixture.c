/* SPDX-License-Identifier: BSD-2-Clause */
/* See dns_message_fixture.h. */
#include "dns_message_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

void put_octets(struct message *message, const void *bytes, size_t length)
{
	assert_true(message->length + length <= sizeof(message->wire));
	memcpy(message->wire + message->length, bytes, length);
	message->length += length;
}

static void add16(struct message *message, unsigned value)
{
	const uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	put_octets(message, bytes, 2);
}

struct message *message_begin(uint16_t type)
{
	struct message *message = calloc(1, sizeof(*message));

	assert_non_null(message);
	put_octets(message, "\0\0\x84\0\0\1\0\0\0\0\0\0", 12);
	put_octets(message, "\1a\4test", 8);	/* with the NUL: the root label */
	add16(message, type);
	add16(message, 1);
	return message;
}

void put_record(struct message *message, unsigned section, const void *owner, size_t owner_length, uint16_t type,
    uint32_t ttl, const void *rdata, size_t rdata_length)
{
	put_octets(message, owner, owner_length);
	add16(message, type);
	add16(message, 1);
	add16(message, ttl >> 16);
	add16(message, ttl & 0xffff);
	add16(message, (unsigned)rdata_length);
	put_octets(message, rdata, rdata_length);
	if (++message->wire[5 + 2 * section] == 0)
		message->wire[4 + 2 * section]++;
}

void put_answer(struct message *message, uint16_t type, const void *rdata, size_t rdata_length)
{
	put_record(message, 1, "\xc0\x0c", 2, type, 300, rdata, rdata_length);
}
