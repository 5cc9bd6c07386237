/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The zones that a resolver answers by itself, as the RFCs tell it to: no server of the zones above ever sees the question, so
 * what it says contradicts what they have signed. Part of the validator. Thread: any; constant.
 */
#include "dnssec/internal.h"

const struct local_zone local_zones[] = {
	/* private, loopback, link-local and documentation addresses (RFC 6303; IANA's registry of locally served zones) */
	{ "0.in-addr.arpa", 6303 }, { "10.in-addr.arpa", 6303 }, { "16.172.in-addr.arpa", 6303 },
	{ "17.172.in-addr.arpa", 6303 }, { "18.172.in-addr.arpa", 6303 }, { "19.172.in-addr.arpa", 6303 },
	{ "20.172.in-addr.arpa", 6303 }, { "21.172.in-addr.arpa", 6303 }, { "22.172.in-addr.arpa", 6303 },
	{ "23.172.in-addr.arpa", 6303 }, { "24.172.in-addr.arpa", 6303 }, { "25.172.in-addr.arpa", 6303 },
	{ "26.172.in-addr.arpa", 6303 }, { "27.172.in-addr.arpa", 6303 }, { "28.172.in-addr.arpa", 6303 },
	{ "29.172.in-addr.arpa", 6303 }, { "30.172.in-addr.arpa", 6303 }, { "31.172.in-addr.arpa", 6303 },
	{ "168.192.in-addr.arpa", 6303 }, { "127.in-addr.arpa", 6303 }, { "254.169.in-addr.arpa", 6303 },
	{ "2.0.192.in-addr.arpa", 6303 }, { "100.51.198.in-addr.arpa", 6303 }, { "113.0.203.in-addr.arpa", 6303 },
	{ "255.255.255.255.in-addr.arpa", 6303 },
	{ "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", 6303 },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", 6303 },
	{ "d.f.ip6.arpa", 6303 }, { "8.e.f.ip6.arpa", 6303 }, { "9.e.f.ip6.arpa", 6303 }, { "a.e.f.ip6.arpa", 6303 },
	{ "b.e.f.ip6.arpa", 6303 }, { "8.b.d.0.1.0.0.2.ip6.arpa", 6303 },
	/* addresses shared behind carriers' NAT */
	{ "64.100.in-addr.arpa", 7793 }, { "65.100.in-addr.arpa", 7793 }, { "66.100.in-addr.arpa", 7793 },
	{ "67.100.in-addr.arpa", 7793 }, { "68.100.in-addr.arpa", 7793 }, { "69.100.in-addr.arpa", 7793 },
	{ "70.100.in-addr.arpa", 7793 }, { "71.100.in-addr.arpa", 7793 }, { "72.100.in-addr.arpa", 7793 },
	{ "73.100.in-addr.arpa", 7793 }, { "74.100.in-addr.arpa", 7793 }, { "75.100.in-addr.arpa", 7793 },
	{ "76.100.in-addr.arpa", 7793 }, { "77.100.in-addr.arpa", 7793 }, { "78.100.in-addr.arpa", 7793 },
	{ "79.100.in-addr.arpa", 7793 }, { "80.100.in-addr.arpa", 7793 }, { "81.100.in-addr.arpa", 7793 },
	{ "82.100.in-addr.arpa", 7793 }, { "83.100.in-addr.arpa", 7793 }, { "84.100.in-addr.arpa", 7793 },
	{ "85.100.in-addr.arpa", 7793 }, { "86.100.in-addr.arpa", 7793 }, { "87.100.in-addr.arpa", 7793 },
	{ "88.100.in-addr.arpa", 7793 }, { "89.100.in-addr.arpa", 7793 }, { "90.100.in-addr.arpa", 7793 },
	{ "91.100.in-addr.arpa", 7793 }, { "92.100.in-addr.arpa", 7793 }, { "93.100.in-addr.arpa", 7793 },
	{ "94.100.in-addr.arpa", 7793 }, { "95.100.in-addr.arpa", 7793 }, { "96.100.in-addr.arpa", 7793 },
	{ "97.100.in-addr.arpa", 7793 }, { "98.100.in-addr.arpa", 7793 }, { "99.100.in-addr.arpa", 7793 },
	{ "100.100.in-addr.arpa", 7793 }, { "101.100.in-addr.arpa", 7793 }, { "102.100.in-addr.arpa", 7793 },
	{ "103.100.in-addr.arpa", 7793 }, { "104.100.in-addr.arpa", 7793 }, { "105.100.in-addr.arpa", 7793 },
	{ "106.100.in-addr.arpa", 7793 }, { "107.100.in-addr.arpa", 7793 }, { "108.100.in-addr.arpa", 7793 },
	{ "109.100.in-addr.arpa", 7793 }, { "110.100.in-addr.arpa", 7793 }, { "111.100.in-addr.arpa", 7793 },
	{ "112.100.in-addr.arpa", 7793 }, { "113.100.in-addr.arpa", 7793 }, { "114.100.in-addr.arpa", 7793 },
	{ "115.100.in-addr.arpa", 7793 }, { "116.100.in-addr.arpa", 7793 }, { "117.100.in-addr.arpa", 7793 },
	{ "118.100.in-addr.arpa", 7793 }, { "119.100.in-addr.arpa", 7793 }, { "120.100.in-addr.arpa", 7793 },
	{ "121.100.in-addr.arpa", 7793 }, { "122.100.in-addr.arpa", 7793 }, { "123.100.in-addr.arpa", 7793 },
	{ "124.100.in-addr.arpa", 7793 }, { "125.100.in-addr.arpa", 7793 }, { "126.100.in-addr.arpa", 7793 },
	{ "127.100.in-addr.arpa", 7793 },
	/* names for special uses */
	{ "localhost", 6761 }, { "invalid", 6761 }, { "test", 6761 }, { "local", 6762 }, { "onion", 7686 },
	{ "home.arpa", 8375 }, { "resolver.arpa", 9462 }, { "alt", 9476 }, { "service.arpa", 9665 },
};
const size_t local_zones_count = sizeof(local_zones) / sizeof(local_zones[0]);
