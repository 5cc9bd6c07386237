/* SPDX-License-Identifier: BSD-2-Clause */
/* Type bitmaps: see the header. */
#include "dns/bitmap.h"

#include "dns/dns.h"

/* Windows ascending, each of 1 to 32 octets (RFC 4034 section 4.1.2). A broken bitmap must not look like an empty one. */
bool bitmap_valid(const uint8_t *bitmap, size_t length)
{
	int last = -1;

	while (length != 0) {
		size_t octets;

		if (length < 2)
			return false;
		octets = bitmap[1];
		if (octets == 0 || octets > 32 || length - 2 < octets || bitmap[0] <= last)
			return false;
		last = bitmap[0];
		bitmap += 2 + octets;
		length -= 2 + octets;
	}
	return true;
}

/* How many bits are set. */
static size_t bitmap_count(const uint8_t *bitmap, size_t length)
{
	size_t count = 0;

	for (size_t position = 0; length - position >= 2; position += 2u + bitmap[position + 1])
		for (size_t i = 0; i < bitmap[position + 1]; i++)
			count += (size_t)__builtin_popcount(bitmap[position + 2 + i]);
	return count;
}

bool bitmap_has(const uint8_t *bitmap, size_t length, uint16_t type)
{
	size_t position = 0;

	while (length - position >= 2) {
		size_t octets = bitmap[position + 1];

		if (octets == 0 || octets > 32 || length - position - 2 < octets)
			return false;
		if (bitmap[position] == type >> 8) {
			size_t octet = (type & 255) / 8;

			return octet < octets && (bitmap[position + 2 + octet] & (0x80 >> type % 8)) != 0;
		}
		position += 2 + octets;
	}
	return false;
}

bool bitmap_is_nonexistence(const uint8_t *bitmap, size_t length)
{
	size_t others = (size_t)bitmap_has(bitmap, length, DNS_TYPE_RRSIG) + bitmap_has(bitmap, length, DNS_TYPE_NSEC);

	return bitmap_has(bitmap, length, DNS_TYPE_NXNAME) && bitmap_count(bitmap, length) == others + 1;
}
