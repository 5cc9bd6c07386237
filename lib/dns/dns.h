/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_DNS_H
#define ASSAY_DNS_DNS_H
/*
 * DNS data as everybody sees it: records, answers, and what DNSSEC says of them. Names are given and compared
 * case-insensitively, without trailing dot, as A-labels, in presentation form (RFC 1035 section 5.1 escapes: \. \\ \DDD).
 * Who asks for them: resolver/resolver.h. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/arena.h"
#include "util/words.h"

/* RR types the checks ask for (RFC 1035, 3596, 4034); any other number is allowed too. */
enum {
	DNS_TYPE_A = 1, DNS_TYPE_NS = 2, DNS_TYPE_CNAME = 5, DNS_TYPE_SOA = 6, DNS_TYPE_PTR = 12, DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16, DNS_TYPE_AAAA = 28, DNS_TYPE_DNAME = 39, DNS_TYPE_DS = 43, DNS_TYPE_RRSIG = 46,
	DNS_TYPE_NSEC = 47, DNS_TYPE_DNSKEY = 48, DNS_TYPE_NSEC3 = 50, DNS_TYPE_TLSA = 52,
	DNS_TYPE_NXNAME = 128,		/* in bitmaps of NSEC and NSEC3 only (RFC 9824) */
};

/* What became of a look-up. FAIL is never "no data": it is a temperror to every check. */
enum dns_status {
	DNS_STATUS_DATA,	/* NOERROR with records of the type */
	DNS_STATUS_NODATA,	/* NOERROR, the name exists, no such records (RFC 2308) */
	DNS_STATUS_NXDOMAIN,	/* the name (after CNAMEs) does not exist */
	DNS_STATUS_FAIL,	/* SERVFAIL, REFUSED, time-out, malformed, bogus, over a cap: see why */
};

/* RFC 4033 section 5, ordered: the greater is the weaker, so that combining is max(). What nobody has set says indeterminate. */
enum dns_security { DNS_SECURE = -2, DNS_INSECURE, DNS_INDETERMINATE, DNS_BOGUS };
enum { DNS_SECURITY_COUNT = DNS_BOGUS - DNS_SECURE + 1 };
_Static_assert(DNS_INDETERMINATE == 0, "a result of zeros must not vouch for anything");

/* Why there is no answer, when the status is FAIL. */
enum dns_failure {
	DNS_FAILURE_NONE,
	DNS_FAILURE_SERVER,	/* answered with an error, or with something that cannot be used; bogus */
	DNS_FAILURE_SILENT,	/* no answer: the servers of that zone, as far as can be told */
	DNS_FAILURE_DEADLINE,	/* not in the message's time */
	DNS_FAILURE_LIMIT,	/* more than this message may ask */
	DNS_FAILURE_PRESSURE,	/* more is under way than can be: nobody asked */
	DNS_FAILURE_OUTAGE,	/* no recursive server answers anything */
	DNS_FAILURE_COUNT
};

struct dns_rr {
	uint16_t type;
	uint16_t rdata_length;
	uint32_t ttl_secs;
	const uint8_t *rdata;	/* wire form, names in it uncompressed */
	const char *owner;	/* presentation form, lower case; the root is "." */
};

/* Immutable. Borrowed: lives as long as the scope that gave it out. */
struct dns_answer {
	enum dns_status status;
	enum dns_security security;	/* of all links (CNAME chain and final answer); FAIL: INDETERMINATE or BOGUS */
	uint8_t rcode;			/* as received; 2 (SERVFAIL) when nothing usable was; 3 when a proof says so (RFC 9824) */
	enum dns_failure failure;	/* NONE unless FAIL */
	uint16_t type;
	bool from_cache;
	uint32_t ttl_secs;		/* how long it may be kept from now; 0 for FAIL */
	const char *name;		/* as asked, lower case */
	const char *canonical_name;	/* end of the CNAME/DNAME chain; == name without one */
	const struct dns_rr *rrs;	/* records of the type at canonical_name; NULL unless DATA */
	size_t rr_count;
	const char *why;		/* one line: why it failed, or what the security stands on; never NULL */
	const char *remark;		/* what the recursive server added to a usable answer (RFC 8914), for people; NULL: nothing */
};

/** All character strings of a TXT record joined without spaces; length_r may be NULL. May contain NUL bytes. */
const char *dns_rr_text(const struct dns_rr *rr, struct arena *arena, size_t *length_r);

/** Domain name in the rdata of PTR, CNAME, DNAME, NS, or MX (behind the preference); presentation form, lower case;
 * "." for the root (a null MX, RFC 7505).
 * @return NULL when the rdata is not of that form. */
const char *dns_rr_name(const struct dns_rr *rr, struct arena *arena);

/** @return preference of an MX record. */
uint16_t dns_rr_preference(const struct dns_rr *rr);

/** The record in zone-file form, one line without newline; for people, through ldns or RFC 3597. */
char *dns_rr_to_text(const struct dns_rr *rr, struct arena *arena);

/** Address of an A or AAAA record; AF_UNSPEC when the rdata has another length. */
struct ip_addr dns_rr_addr(const struct dns_rr *rr);

/** "TXT" → 16, "TYPE65" → 65. @return 0 when unknown. */
uint16_t dns_type_from_name(const char *name);
const char *dns_type_name(uint16_t type, char text_r[16]);
const char *dns_status_name(enum dns_status status);	/* "NOERROR" "NODATA" "NXDOMAIN" "SERVFAIL" */
extern const struct word dns_security_words[];
const char *dns_security_name(enum dns_security security);	/* "secure" "insecure" "indeterminate" "bogus" */

static inline enum dns_security dns_weakest(enum dns_security a, enum dns_security b)
{
	return a > b ? a : b;
}

/** @return whether the text can be asked as a name: 1–255 octets in wire form, labels 1–63. */
bool dns_name_valid(const char *name);

#endif
