/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_ADDR_H
#define ASSAY_UTIL_ADDR_H
/*
 * IP addresses and networks. IPv4-mapped IPv6 addresses (::ffff:a.b.c.d) are unmapped when they come in,
 * so that the rest of the program never meets one. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDR_TEXT_BYTES = 46 };

struct ip_addr {
	int family;		/* AF_INET, AF_INET6; AF_UNSPEC: unknown */
	uint8_t bytes[16];	/* network order; the first 4 for AF_INET */
};

struct ip_network {
	struct ip_addr addr;	/* host bits zero */
	unsigned prefix_bits;
};

/** "192.0.2.1", "2001:db8::1", "IPv6:2001:db8::1" (SMTP literal form). @return 0 or -E_SYNTAX. */
int addr_parse(const char *text, struct ip_addr *addr_r);

/**
 * As people write an address: as above, or that in brackets, which URLs, SMTP and Postfix put around one ("[2001:db8::1]",
 * "[192.0.2.1]"). @return 0 or -E_SYNTAX.
 */
int addr_parse_written(const char *text, struct ip_addr *addr_r);

/** From a socket address; anything but IPv4 and IPv6 gives AF_UNSPEC. */
struct ip_addr addr_from_sockaddr(const struct sockaddr *sockaddr);

/** Writes the canonical text into text_r (ADDR_TEXT_BYTES); AF_UNSPEC gives "unknown". @return text_r. */
const char *addr_format(const struct ip_addr *addr, char *text_r);

bool addr_equal(const struct ip_addr *a, const struct ip_addr *b);
bool addr_is_loopback(const struct ip_addr *addr);

/**
 * "192.0.2.0/24", "2001:db8::/32", "[2001:db8::]/32" (as in Postfix's mynetworks) or a bare address, in brackets or not; host
 * bits set is -E_SYNTAX. @return 0 or -E_SYNTAX.
 */
int network_parse(const char *text, struct ip_network *network_r);

bool network_contains(const struct ip_network *network, const struct ip_addr *addr);

/** Name for a look-up in in-addr.arpa / ip6.arpa, no trailing dot; name_r has 80 bytes. @return name_r. */
const char *addr_reverse_name(const struct ip_addr *addr, char *name_r);

#endif
