/* SPDX-License-Identifier: BSD-2-Clause */
/* IP addresses and networks: parsing, printing, matching. Trusts nothing of the text it is given. */
#include "util/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/decimal.h"
#include "util/error.h"

static unsigned addr_bits(const struct ip_addr *addr)
{
	return addr->family == AF_INET ? 32 : 128;
}

static void addr_unmap(struct ip_addr *addr)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (addr->family != AF_INET6 || memcmp(addr->bytes, mapped, sizeof(mapped)) != 0)
		return;
	addr->family = AF_INET;
	memmove(addr->bytes, addr->bytes + 12, 4);
	memset(addr->bytes + 4, 0, 12);
}

int addr_parse(const char *text, struct ip_addr *addr_r)
{
	memset(addr_r, 0, sizeof(*addr_r));
	if (strncasecmp(text, "IPv6:", 5) == 0)
		text += 5;
	if (inet_pton(AF_INET, text, addr_r->bytes) == 1)
		addr_r->family = AF_INET;
	else if (inet_pton(AF_INET6, text, addr_r->bytes) == 1)
		addr_r->family = AF_INET6;
	else
		return -E_SYNTAX;
	addr_unmap(addr_r);
	return 0;
}

int addr_parse_written(const char *text, struct ip_addr *addr_r)
{
	size_t length = strlen(text);
	char inner[ADDR_TEXT_BYTES + 8];

	if (text[0] != '[')
		return addr_parse(text, addr_r);
	memset(addr_r, 0, sizeof(*addr_r));
	if (text[length - 1] != ']' || length - 2 >= sizeof(inner))
		return -E_SYNTAX;
	memcpy(inner, text + 1, length - 2);
	inner[length - 2] = '\0';
	return addr_parse(inner, addr_r);
}

struct ip_addr addr_from_sockaddr(const struct sockaddr *sockaddr)
{
	struct ip_addr addr = { .family = AF_UNSPEC };

	if (sockaddr == NULL)
		return addr;
	if (sockaddr->sa_family == AF_INET) {
		addr.family = AF_INET;
		memcpy(addr.bytes, &((const struct sockaddr_in *)(const void *)sockaddr)->sin_addr, 4);
	} else if (sockaddr->sa_family == AF_INET6) {
		addr.family = AF_INET6;
		memcpy(addr.bytes, &((const struct sockaddr_in6 *)(const void *)sockaddr)->sin6_addr, 16);
		addr_unmap(&addr);
	}
	return addr;
}

/* inet_ntop() prints an IPv4 address by sprintf(), which takes ten times as long. */
static void format_ipv4(const unsigned char octets[4], char *text_r)
{
	char *at = text_r;

	for (int i = 0; i < 4; i++) {
		if (octets[i] >= 100)
			*at++ = (char)('0' + octets[i] / 100);
		if (octets[i] >= 10)
			*at++ = (char)('0' + octets[i] / 10 % 10);
		*at++ = (char)('0' + octets[i] % 10);
		*at++ = i < 3 ? '.' : '\0';
	}
}

const char *addr_format(const struct ip_addr *addr, char *text_r)
{
	if (addr->family == AF_INET) {
		format_ipv4(addr->bytes, text_r);
		return text_r;
	}
	if (addr->family == AF_UNSPEC || inet_ntop(addr->family, addr->bytes, text_r, ADDR_TEXT_BYTES) == NULL)
		strcpy(text_r, "unknown");
	return text_r;
}

bool addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, addr_bits(a) / 8) == 0;
}

bool addr_is_loopback(const struct ip_addr *addr)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (addr->family == AF_INET)
		return addr->bytes[0] == 127;
	return addr->family == AF_INET6 && memcmp(addr->bytes, loopback6, 16) == 0;
}

/* Whether the first count bits agree. */
static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned count)
{
	unsigned rest = count % 8;

	if (memcmp(a, b, count / 8) != 0)
		return false;
	return rest == 0 || ((a[count / 8] ^ b[count / 8]) >> (8 - rest)) == 0;
}

int network_parse(const char *text, struct ip_network *network_r)
{
	const char *slash = strchr(text, '/');
	char host[ADDR_TEXT_BYTES + 8], *end;
	uint8_t zero[16] = { 0 };
	struct ip_addr masked;
	unsigned long prefix;
	size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);

	if (length >= sizeof(host))
		return -E_SYNTAX;
	memcpy(host, text, length);
	host[length] = '\0';
	if (addr_parse_written(host, &network_r->addr) != 0)
		return -E_SYNTAX;
	network_r->prefix_bits = addr_bits(&network_r->addr);
	if (slash == NULL)
		return 0;
	if (slash[1] < '0' || slash[1] > '9')
		return -E_SYNTAX;
	prefix = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || prefix > network_r->prefix_bits)
		return -E_SYNTAX;
	network_r->prefix_bits = (unsigned)prefix;
	masked = network_r->addr;
	for (unsigned bit = 0; bit < prefix; bit++)
		masked.bytes[bit / 8] &= (uint8_t)~(0x80u >> (bit % 8));
	return memcmp(masked.bytes, zero, sizeof(zero)) == 0 ? 0 : -E_SYNTAX;
}

bool network_contains(const struct ip_network *network, const struct ip_addr *addr)
{
	return network->addr.family == addr->family && addr->family != AF_UNSPEC &&
	    bits_equal(network->addr.bytes, addr->bytes, network->prefix_bits);
}

const char *addr_reverse_name(const struct ip_addr *addr, char *name_r)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *b = addr->bytes;
	char *out = name_r, digits[DECIMAL_BYTES];

	if (addr->family == AF_INET) {
		for (int i = 3; i >= 0; i--)
			out = stpcpy(stpcpy(out, decimal(b[i], digits)), ".");
		strcpy(out, "in-addr.arpa");
		return name_r;
	}
	for (int i = 15; i >= 0; i--) {
		*out++ = hex[b[i] & 15];
		*out++ = '.';
		*out++ = hex[b[i] >> 4];
		*out++ = '.';
	}
	strcpy(out, "ip6.arpa");
	return name_r;
}
