/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a message to an answer. Sits between transport (or master file) and cache. Trusts only that the question was
 * compared; the message itself may be hostile: scan.c goes first, ldns parses, and every count is capped by the scan.
 * A message that is no use gives NULL and a reason, never an empty answer. Thread: any; no shared state.
 */
#include "dns/answer.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "dns/bitmap.h"
#include "dns/ede.h"
#include "dns/scan.h"
#include "util/out_of_memory.h"

/* The work on one message. */
struct builder {
	const struct answer_limits *limits;
	ldns_rr_list *records;			/* answer section, borrowed from the packet */
	struct dns_name names[ANSWER_CHAIN_LINKS + 1];	/* the chain; names[link_count] is where it stands */
	unsigned link_count;
	uint16_t type;
	uint32_t ttl_secs;
	bool unfinished;
	struct ede ede;
	ldns_rr *found[SCAN_SECTION_RRS];	/* records of the type at the end of the chain */
	size_t found_count;
};

static bool is_owned_by(const ldns_rr *rr, const struct dns_name *name)
{
	const ldns_rdf *owner = ldns_rr_owner(rr);

	return ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
	    dns_name_equals_wire(name, ldns_rdf_data(owner), ldns_rdf_size(owner));
}

/* RFC 2181 section 8: the sign bit set means zero. */
static uint32_t ttl_of(const ldns_rr *rr)
{
	return ldns_rr_ttl(rr) > INT32_MAX ? 0 : ldns_rr_ttl(rr);
}

static void ttl_lower(struct builder *b, uint32_t ttl_secs)
{
	if (ttl_secs < b->ttl_secs)
		b->ttl_secs = ttl_secs;
}

/* The one CNAME at the present end of the chain. @return NULL, with *why_r set when there are several. */
static ldns_rr *cname_find(const struct builder *b, const char **why_r)
{
	const struct dns_name *here = &b->names[b->link_count];
	ldns_rr *found = NULL;

	for (size_t i = 0; i < ldns_rr_list_rr_count(b->records); i++) {
		ldns_rr *rr = ldns_rr_list_rr(b->records, i);

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_CNAME || !is_owned_by(rr, here))
			continue;
		if (found != NULL && ldns_rdf_compare(ldns_rr_rdf(found, 0), ldns_rr_rdf(rr, 0)) != 0) {
			*why_r = "several CNAME records at one name";	/* RFC 2181 section 10.1 */
			return NULL;
		}
		found = rr;
	}
	return found;
}

static void records_collect(struct builder *b)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(b->records); i++) {
		ldns_rr *rr = ldns_rr_list_rr(b->records, i);

		if (ldns_rr_get_type(rr) != b->type || !is_owned_by(rr, &b->names[b->link_count]))
			continue;
		b->found[b->found_count++] = rr;
		ttl_lower(b, ttl_of(rr));
	}
}

/* Follows the CNAMEs of the message. @return NULL or why it is useless. */
static const char *chain_follow(struct builder *b)
{
	const char *why = NULL;

	for (;;) {
		struct dns_name *next;
		ldns_rdf *target;
		ldns_rr *cname;

		records_collect(b);
		if (b->found_count != 0 || b->type == LDNS_RR_TYPE_CNAME)
			return NULL;
		cname = cname_find(b, &why);
		if (cname == NULL)
			return why;
		if (b->link_count == ANSWER_CHAIN_LINKS)
			return "more than 10 CNAME links";
		ttl_lower(b, ttl_of(cname));
		target = ldns_rr_rdf(cname, 0);
		next = &b->names[b->link_count + 1];
		if (dns_name_from_wire(ldns_rdf_data(target), ldns_rdf_size(target), next) != 0)
			return "CNAME target is not a name";
		for (unsigned i = 0; i <= b->link_count; i++)
			if (dns_name_equal(&b->names[i], next))
				return "CNAME loop";
		b->link_count++;
	}
}

/* Whether a DNAME above the end of the chain was sent without the CNAME made from it (RFC 6672 section 3.1). */
static bool has_unused_dname(const struct builder *b)
{
	const struct dns_name *here = &b->names[b->link_count];

	for (size_t i = 0; i < ldns_rr_list_rr_count(b->records); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(b->records, i);
		struct dns_name owner;

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_DNAME &&
		    dns_name_from_wire(ldns_rdf_data(ldns_rr_owner(rr)), ldns_rdf_size(ldns_rr_owner(rr)), &owner) == 0 &&
		    owner.length < here->length && dns_name_is_within(here, &owner))
			return true;
	}
	return false;
}

/* The SOA that speaks for the end of the chain. @return how long the absence may be kept (RFC 2308 section 5), or -1. */
static int64_t negative_ttl(const struct builder *b, const ldns_rr_list *authority)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(authority, i);
		struct dns_name owner;
		uint32_t minimum, ttl = ttl_of(rr);

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN ||
		    dns_name_from_wire(ldns_rdf_data(ldns_rr_owner(rr)), ldns_rdf_size(ldns_rr_owner(rr)), &owner) != 0 ||
		    !dns_name_is_within(&b->names[b->link_count], &owner))
			continue;
		minimum = ldns_rdf2native_int32(ldns_rr_rdf(rr, 6));
		return minimum < ttl ? minimum : ttl;
	}
	return -1;
}

static bool has_type(const ldns_rr_list *records, ldns_rr_type type)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(records, i)) == type)
			return true;
	return false;
}

/* Whether the NSEC of the end of the chain has no types but its own and NXNAME: rdata 1 is the bitmap. */
static bool has_nxname(const struct builder *b, const ldns_rr_list *authority)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(authority, i);
		const ldns_rdf *bitmap = ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC ? ldns_rr_rdf(rr, 1) : NULL;

		if (bitmap != NULL && is_owned_by(rr, &b->names[b->link_count]))
			return bitmap_is_nonexistence(ldns_rdf_data(bitmap), ldns_rdf_size(bitmap));
	}
	return false;
}

/* Status and TTL of an answer without records. @return NULL or why it is useless. */
static const char *absence_judge(struct builder *b, const ldns_pkt *pkt, enum dns_status *status_r)
{
	int64_t ttl = negative_ttl(b, ldns_pkt_authority(pkt));
	bool nxdomain = ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NXDOMAIN;

	*status_r = nxdomain ? DNS_STATUS_NXDOMAIN : DNS_STATUS_NODATA;
	/* before the SOA is asked: a name that is redirected has what is at its target. The validator follows the DNAME, so an
	 * SOA of anybody's would turn a true redirection into an authentic absence */
	if (has_unused_dname(b))
		return "DNAME without its CNAME";
	if (ttl >= 0) {
		ttl_lower(b, (uint32_t)ttl);
		ttl_lower(b, b->limits->max_negative_ttl_secs);
		return NULL;
	}
	if (!nxdomain && b->link_count != 0) {
		b->unfinished = true;
		return NULL;
	}
	if (!nxdomain && !ldns_pkt_aa(pkt) && has_type(ldns_pkt_authority(pkt), LDNS_RR_TYPE_NS))
		return "a referral instead of an answer (is it a recursive resolver?)";
	ttl_lower(b, b->limits->fail_ttl_secs);	/* no SOA: RFC 2308 section 5 says not to be cached */
	return NULL;
}

/* ---- packing: one block for everything ---- */

struct block {
	uint8_t *at;
};

static void *block_take(struct block *block, size_t bytes)
{
	void *result = block->at;

	block->at += (bytes + 7) / 8 * 8;
	return result;
}

static size_t block_room(size_t bytes)
{
	return (bytes + 7) / 8 * 8;
}

static const char *block_string(struct block *block, const char *text)
{
	size_t bytes = strlen(text) + 1;

	return memcpy(block_take(block, bytes), text, bytes);
}

/* Whether the rdata rendered last, behind ends[count - 1], has been there before. */
static bool is_duplicate(const ldns_buffer *rdata, const size_t *ends, size_t count)
{
	const uint8_t *bytes = ldns_buffer_begin(rdata);
	size_t start = count != 0 ? ends[count - 1] : 0, length = ldns_buffer_position(rdata) - start;

	for (size_t i = 0, from = 0; i < count; from = ends[i++])
		if (ends[i] - from == length && memcmp(bytes + from, bytes + start, length) == 0)
			return true;
	return false;
}

/* Rdata of all found records, one behind the other; ends_r[i] is where the i-th ends. Duplicates are dropped (RFC 2181
 * section 5.5), here where comparing is cheap: a message may hold 256 records. */
static ldns_buffer *rdata_render(struct builder *b, size_t *ends_r)
{
	ldns_buffer *buffer = ldns_buffer_new(SCAN_MESSAGE_BYTES);
	size_t count = 0;

	if (buffer == NULL)
		out_of_memory();
	for (size_t i = 0; i < b->found_count; i++) {
		size_t start = ldns_buffer_position(buffer);

		if (ldns_rr_rdata2buffer_wire(buffer, b->found[i]) != LDNS_STATUS_OK)
			out_of_memory();	/* only memory can be wrong here */
		if (is_duplicate(buffer, ends_r, count)) {
			ldns_buffer_set_position(buffer, start);
			continue;
		}
		b->found[count] = b->found[i];
		ends_r[count++] = ldns_buffer_position(buffer);
	}
	b->found_count = count;
	return buffer;
}

static void records_pack(struct answer *answer, struct block *block, const struct builder *b, ldns_buffer *rdata,
    const size_t *ends)
{
	struct dns_rr *rrs = block_take(block, b->found_count * sizeof(*rrs));
	uint8_t *bytes = block_take(block, ldns_buffer_position(rdata));

	memcpy(bytes, ldns_buffer_begin(rdata), ldns_buffer_position(rdata));
	for (size_t i = 0, start = 0; i < b->found_count; start = ends[i++]) {
		rrs[i] = (struct dns_rr){ .type = b->type, .rdata_length = (uint16_t)(ends[i] - start),
			.ttl_secs = ttl_of(b->found[i]), .rdata = bytes + start, .owner = answer->head.canonical_name };
	}
	answer->head.rrs = rrs;
	answer->head.rr_count = b->found_count;
}

static struct answer *answer_pack(struct builder *b, const struct dns_answer *head, const uint8_t *wire, size_t length)
{
	char name[DNS_NAME_TEXT_BYTES], canonical[DNS_NAME_TEXT_BYTES];
	size_t ends[SCAN_SECTION_RRS], bytes;
	ldns_buffer *rdata = rdata_render(b, ends);
	struct answer *answer;
	struct block block;

	bytes = block_room(sizeof(*answer)) + block_room(dns_name_text(b->names[0].bytes, name) + 1) +
	    block_room(dns_name_text(b->names[b->link_count].bytes, canonical) + 1) +
	    block_room(b->found_count * sizeof(struct dns_rr)) + block_room(ldns_buffer_position(rdata)) +
	    (b->unfinished ? block_room(sizeof(struct dns_name)) : 0) + block_room(length) +
	    (b->ede.present ? block_room(strlen(b->ede.words) + 1) : 0);
	block.at = malloc(bytes);
	if (block.at == NULL)
		out_of_memory();
	answer = block_take(&block, sizeof(*answer));
	*answer = (struct answer){ .head = *head, .link_count = b->link_count, .wire_length = length, .bytes = bytes };
	answer->head.name = answer->head.canonical_name = block_string(&block, name);
	if (b->link_count != 0)
		answer->head.canonical_name = block_string(&block, canonical);
	if (b->ede.present)
		answer->head.remark = block_string(&block, b->ede.words);
	if (b->found_count != 0)
		records_pack(answer, &block, b, rdata, ends);
	if (b->unfinished)
		answer->target = memcpy(block_take(&block, sizeof(struct dns_name)), &b->names[b->link_count],
		    sizeof(struct dns_name));
	if (length != 0)
		answer->wire = memcpy(block_take(&block, length), wire, length);
	ldns_buffer_free(rdata);
	return answer;
}

/* The parsed packet → status, records. @return NULL and *why_r set when useless. */
static struct answer *packet_answer(struct builder *b, const ldns_pkt *pkt, const uint8_t *wire, size_t length,
    const char **why_r)
{
	struct dns_answer head = { .status = DNS_STATUS_DATA, .security = DNS_INDETERMINATE, .why = "",
		.type = b->type, .rcode = (uint8_t)ldns_pkt_get_rcode(pkt) };
	struct answer *answer;

	b->records = ldns_pkt_answer(pkt);
	*why_r = chain_follow(b);
	if (*why_r == NULL && b->found_count == 0)
		*why_r = absence_judge(b, pkt, &head.status);
	else if (*why_r == NULL && head.rcode == LDNS_RCODE_NXDOMAIN)
		*why_r = "NXDOMAIN with the records asked for";
	if (*why_r != NULL)
		return NULL;
	head.ttl_secs = b->ttl_secs;
	answer = answer_pack(b, &head, wire, b->limits->keep_wire ? length : 0);
	answer->authenticated = ldns_pkt_ad(pkt);
	answer->nxname = head.status == DNS_STATUS_NODATA && has_nxname(b, ldns_pkt_authority(pkt));
	return answer;
}

struct answer *answer_build(const struct dns_name *name, uint16_t type, const uint8_t *wire, size_t length,
    const struct answer_limits *limits, const char **why_r)
{
	struct builder b = { .limits = limits, .type = type, .ttl_secs = limits->max_ttl_secs };
	struct answer *answer = NULL;
	ldns_pkt *pkt = NULL;

	*why_r = scan_message(wire, length);
	if (*why_r != NULL)
		return NULL;
	if (ldns_wire2pkt(&pkt, wire, length) != LDNS_STATUS_OK) {
		*why_r = "does not parse";
		return NULL;
	}
	memcpy(&b.names[0], name, 1u + name->length);	/* only these bytes need to exist */
	ede_read(wire, length, &b.ede);
	if (ldns_pkt_edns_extended_rcode(pkt) != 0)	/* its low bits alone may look like NOERROR: RFC 6891 section 6.1.3 */
		*why_r = "an extended error code";
	else if (ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NOERROR || ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NXDOMAIN)
		answer = packet_answer(&b, pkt, wire, length, why_r);
	else
		*why_r = "an error code";
	ldns_pkt_free(pkt);
	return answer;
}

struct answer *answer_fail(const struct dns_name *name, uint16_t type, uint8_t rcode, enum dns_failure failure,
    const char *why, unsigned fail_ttl_secs)
{
	char text[DNS_NAME_TEXT_BYTES];
	size_t bytes = block_room(sizeof(struct answer)) + block_room(dns_name_text(name->bytes, text) + 1) +
	    block_room(strlen(why) + 1);
	struct block block = { malloc(bytes) };
	struct answer *answer;

	if (block.at == NULL)
		out_of_memory();
	answer = block_take(&block, sizeof(*answer));
	*answer = (struct answer){ .bytes = bytes, .head = { .status = DNS_STATUS_FAIL, .security = DNS_INDETERMINATE,
		.rcode = rcode, .failure = failure, .type = type, .ttl_secs = fail_ttl_secs } };
	answer->head.name = answer->head.canonical_name = block_string(&block, text);
	answer->head.why = block_string(&block, why);
	return answer;
}

void answer_free(struct answer **answer)
{
	free(*answer);
	*answer = NULL;
}
