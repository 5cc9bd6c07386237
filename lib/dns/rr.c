/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers of records for the checks, and the names of types, statuses and securities. The rdata passed the scan when it
 * came from the resolver; records made by hand (tests) are checked here all the same. Thread: any; pure.
 */
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/dns.h"
#include "dns/name.h"
#include "dns/scan.h"

const char *dns_rr_text(const struct dns_rr *rr, struct arena *arena, size_t *length_r)
{
	char *text = arena_alloc(arena, (size_t)rr->rdata_length + 1);
	size_t used = 0;

	for (size_t at = 0; at < rr->rdata_length;) {
		size_t length = rr->rdata[at++];

		if (length > rr->rdata_length - at)
			length = rr->rdata_length - at;
		memcpy(text + used, rr->rdata + at, length);
		used += length;
		at += length;
	}
	text[used] = '\0';
	if (length_r != NULL)
		*length_r = used;
	return text;
}

const char *dns_rr_name(const struct dns_rr *rr, struct arena *arena)
{
	size_t skip = rr->type == DNS_TYPE_MX ? 2 : 0;
	char text[DNS_NAME_TEXT_BYTES];
	struct dns_name name;

	if (rr->type != DNS_TYPE_PTR && rr->type != DNS_TYPE_CNAME && rr->type != DNS_TYPE_NS &&
	    rr->type != DNS_TYPE_MX && rr->type != DNS_TYPE_DNAME)
		return NULL;
	if (rr->rdata_length < skip || dns_name_from_wire(rr->rdata + skip, rr->rdata_length - skip, &name) != 0)
		return NULL;
	return arena_strndup(arena, text, dns_name_text(name.bytes, text));
}

uint16_t dns_rr_preference(const struct dns_rr *rr)
{
	return rr->type == DNS_TYPE_MX && rr->rdata_length >= 2 ? (uint16_t)(rr->rdata[0] << 8 | rr->rdata[1]) : 0;
}

struct ip_addr dns_rr_addr(const struct dns_rr *rr)
{
	struct ip_addr addr = { .family = AF_UNSPEC };

	if (rr->type == DNS_TYPE_A && rr->rdata_length == 4) {
		addr.family = AF_INET;
		memcpy(addr.bytes, rr->rdata, 4);
	} else if (rr->type == DNS_TYPE_AAAA && rr->rdata_length == 16) {
		addr.family = AF_INET6;
		memcpy(addr.bytes, rr->rdata, 16);
	}
	return addr;
}

/* Types whose text form ldns builds from rdata that it never took apart: printed as RFC 3597 has it. */
static bool is_printed_generic(uint16_t type)
{
	static const uint16_t types[] = { 11, 22, 29, 34, 42, 45, 55, 64, 65, 260 };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

static char *rr_text_generic(const struct dns_rr *rr, struct arena *arena)
{
	char type[16], *hex = arena_alloc(arena, 2u * rr->rdata_length + 1);

	hex[0] = '\0';
	for (size_t i = 0; i < rr->rdata_length; i++)
		snprintf(hex + 2 * i, 3, "%02x", rr->rdata[i]);
	return arena_printf(arena, "%s%s\t%u\tIN\t%s\t\\# %u%s%s", rr->owner, strcmp(rr->owner, ".") == 0 ? "" : ".",
	    rr->ttl_secs, dns_type_name(rr->type, type), rr->rdata_length, hex[0] != '\0' ? " " : "", hex);
}

/* The record as ldns has it, by way of the wire. @return NULL when it does not parse. */
static ldns_rr *rr_to_ldns(const struct dns_rr *rr, struct arena *arena)
{
	uint8_t *wire;
	struct dns_name owner;
	ldns_rr *parsed = NULL;
	size_t at = 0, used;

	if (dns_name_parse(rr->owner, &owner) != 0)
		return NULL;
	used = owner.length;
	wire = arena_alloc(arena, (size_t)owner.length + 10 + rr->rdata_length);
	memcpy(wire, owner.bytes, owner.length);
	wire[used++] = (uint8_t)(rr->type >> 8);
	wire[used++] = (uint8_t)rr->type;
	wire[used++] = 0;
	wire[used++] = LDNS_RR_CLASS_IN;
	for (int shift = 24; shift >= 0; shift -= 8)
		wire[used++] = (uint8_t)(rr->ttl_secs >> shift);
	wire[used++] = (uint8_t)(rr->rdata_length >> 8);
	wire[used++] = (uint8_t)rr->rdata_length;
	memcpy(wire + used, rr->rdata, rr->rdata_length);
	if (scan_rdata(rr->type, wire, used + rr->rdata_length, used, rr->rdata_length) != NULL ||
	    ldns_wire2rr(&parsed, wire, used + rr->rdata_length, &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
		return NULL;
	return parsed;
}

char *dns_rr_to_text(const struct dns_rr *rr, struct arena *arena)
{
	ldns_rr *parsed = is_printed_generic(rr->type) ? NULL : rr_to_ldns(rr, arena);
	char *text = parsed != NULL ? ldns_rr2str(parsed) : NULL, *copy;

	if (text != NULL) {
		text[strcspn(text, "\n")] = '\0';
		copy = arena_strdup(arena, text);
	} else {
		copy = rr_text_generic(rr, arena);
	}
	free(text);
	ldns_rr_free(parsed);
	return copy;
}

uint16_t dns_type_from_name(const char *name)
{
	unsigned long number;
	char *end;

	if (strncasecmp(name, "TYPE", 4) == 0 && name[4] >= '0' && name[4] <= '9') {
		number = strtoul(name + 4, &end, 10);
		return *end == '\0' && number <= UINT16_MAX ? (uint16_t)number : 0;
	}
	return name[0] != '\0' ? (uint16_t)ldns_get_rr_type_by_name(name) : 0;
}

const char *dns_type_name(uint16_t type, char text_r[16])
{
	const char *name = ldns_rr_descript(type)->_name;

	if (type != 0 && name != NULL && strlen(name) < 16)
		snprintf(text_r, 16, "%s", name);
	else
		snprintf(text_r, 16, "TYPE%u", type);
	return text_r;
}

const char *dns_status_name(enum dns_status status)
{
	static const char *const names[] = { "NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL" };

	return names[status];
}

const struct word dns_security_words[] = {
	{ "secure", DNS_SECURE }, { "insecure", DNS_INSECURE }, { "indeterminate", DNS_INDETERMINATE }, { "bogus", DNS_BOGUS }, { 0 }
};

const char *dns_security_name(enum dns_security security)
{
	return words_of(dns_security_words, (int)security);
}
