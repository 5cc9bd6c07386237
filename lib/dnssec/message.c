/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A DNS message taken apart into RRsets in canonical form (RFC 4034 section 6), answer and authority only.
 * Frames (owner, type, class, TTL, rdlength) are read here, bounded octet by octet, so that no record can change where
 * the next one begins. Rdata that may hold compressed or mixed-case names goes through ldns, which knows the forms and
 * the list of types to lower-case; all other rdata is opaque and already canonical (RFC 3597 section 7).
 * Trusts nothing. Fails with -E_SYNTAX or -E_LIMIT. Thread: any; objects are the caller's.
 */
#include "dnssec/internal.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/out_of_memory.h"

/* MAX_SIGS is well above the number of signatures looked at (max_rrsigs_per_rrset); it bounds memory. */
enum { MAX_SECTION_RRS = 256, MAX_SIGS = 32, HEADER_BYTES = 12, RRSIG_FIXED_BYTES = 18 };

struct frame {
	const uint8_t *owner;
	uint16_t type, class, length;
	uint32_t ttl_secs;
	const uint8_t *rdata;
	size_t start, end;	/* positions in the message */
	bool taken;
};

/* A message and how far it was read. */
struct reader {
	struct arena *arena;
	const uint8_t *wire;
	size_t length, position;
};

static uint16_t read_16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_32(const uint8_t *at)
{
	return (uint32_t)read_16(at) << 16 | read_16(at + 2);
}

/* Types whose rdata names are compressed on the wire or lower-cased for signing (RFC 4034 section 6.2, RFC 6840
 * section 5.1). RRSIG is read by dnssec_rrsig_parse(), NSEC keeps its case. */
static bool has_names(uint16_t type)
{
	switch (type) {
	case LDNS_RR_TYPE_NS: case LDNS_RR_TYPE_MD: case LDNS_RR_TYPE_MF: case LDNS_RR_TYPE_CNAME:
	case LDNS_RR_TYPE_SOA: case LDNS_RR_TYPE_MB: case LDNS_RR_TYPE_MG: case LDNS_RR_TYPE_MR:
	case LDNS_RR_TYPE_PTR: case LDNS_RR_TYPE_MINFO: case LDNS_RR_TYPE_MX: case LDNS_RR_TYPE_RP:
	case LDNS_RR_TYPE_AFSDB: case LDNS_RR_TYPE_RT: case LDNS_RR_TYPE_PX: case LDNS_RR_TYPE_NAPTR:
	case LDNS_RR_TYPE_KX: case LDNS_RR_TYPE_SRV: case LDNS_RR_TYPE_DNAME:
		return true;
	default:
		return false;
	}
}

/* Replaces the frame's rdata by its canonical form. */
static int canonicalise(const struct reader *reader, struct frame *frame)
{
	ldns_buffer *buffer = ldns_buffer_new(512);
	size_t position = frame->start;
	ldns_rr *rr = NULL;
	int status = -E_SYNTAX;

	if (buffer == NULL)
		out_of_memory();
	if (ldns_wire2rr(&rr, reader->wire, reader->length, &position, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
		goto out;
	/* ldns reads names past the end of a record, and accepts records that lack fields: neither is a record */
	if (position != frame->end || ldns_rr_rd_count(rr) < ldns_rr_descriptor_minimum(ldns_rr_descript(frame->type)))
		goto out;
	ldns_rr2canonical(rr);
	if (ldns_rr_rdata2buffer_wire(buffer, rr) != LDNS_STATUS_OK || ldns_buffer_position(buffer) > UINT16_MAX)
		goto out;
	frame->length = (uint16_t)ldns_buffer_position(buffer);
	frame->rdata = arena_memdup(reader->arena, ldns_buffer_begin(buffer), frame->length);
	status = 0;
out:
	ldns_rr_free(rr);
	ldns_buffer_free(buffer);
	return status;
}

static int frame_parse(struct reader *reader, struct frame *frame)
{
	uint8_t owner[DNS_NAME_BYTES];
	const uint8_t *at;

	memset(frame, 0, sizeof(*frame));
	frame->start = reader->position;
	if (dns_wire_from_message(reader->wire, reader->length, &reader->position, owner) != 0 ||
	    reader->length - reader->position < 10)
		return -E_SYNTAX;
	at = reader->wire + reader->position;
	frame->type = read_16(at);
	frame->class = read_16(at + 2);
	frame->ttl_secs = read_32(at + 4);
	frame->length = read_16(at + 8);
	frame->rdata = at + 10;
	reader->position += 10;
	if (reader->length - reader->position < frame->length)
		return -E_SYNTAX;
	reader->position += frame->length;
	frame->end = reader->position;
	if (frame->ttl_secs > INT32_MAX)	/* RFC 2181 section 8 */
		frame->ttl_secs = 0;
	frame->owner = arena_memdup(reader->arena, owner, dns_wire_length(owner));
	return 0;
}

int dnssec_rrsig_parse(struct arena *arena, const uint8_t *rdata, size_t length, struct vsig *sig_r, uint16_t *covered_r)
{
	uint8_t signer[DNS_NAME_BYTES], *prefix;
	size_t position = 0, signer_length;

	memset(sig_r, 0, sizeof(*sig_r));
	if (length <= RRSIG_FIXED_BYTES)
		return -E_SYNTAX;
	/* of the signer's own octets, so a compression pointer (not allowed, RFC 4034 section 3.1.7) finds no target */
	if (dns_wire_from_message(rdata + RRSIG_FIXED_BYTES, length - RRSIG_FIXED_BYTES, &position, signer) != 0)
		return -E_SYNTAX;
	signer_length = dns_wire_length(signer);
	if (position != signer_length || position + RRSIG_FIXED_BYTES >= length)
		return -E_SYNTAX;
	*covered_r = read_16(rdata);
	sig_r->algorithm = rdata[2];
	sig_r->labels = rdata[3];
	sig_r->original_ttl = read_32(rdata + 4);
	sig_r->expiration = read_32(rdata + 8);
	sig_r->inception = read_32(rdata + 12);
	sig_r->key_tag = read_16(rdata + 16);
	prefix = arena_alloc(arena, RRSIG_FIXED_BYTES + signer_length);
	memcpy(prefix, rdata, RRSIG_FIXED_BYTES);
	memcpy(prefix + RRSIG_FIXED_BYTES, signer, signer_length);
	sig_r->prefix = prefix;
	sig_r->prefix_length = RRSIG_FIXED_BYTES + signer_length;
	sig_r->signer = prefix + RRSIG_FIXED_BYTES;
	sig_r->signature = rdata + sig_r->prefix_length;
	sig_r->signature_length = length - sig_r->prefix_length;
	return 0;
}

static int rr_compare(const void *a, const void *b)
{
	const struct vrr *x = a, *y = b;
	int order = memcmp(x->rdata, y->rdata, x->length < y->length ? x->length : y->length);

	return order != 0 ? order : (int)x->length - (int)y->length;
}

/* Canonical order without duplicates (RFC 4034 section 6.3). */
static void rrset_sort(struct vrrset *set)
{
	size_t kept = 0;

	if (set->count > 1)
		qsort(set->rrs, set->count, sizeof(*set->rrs), rr_compare);
	for (size_t i = 0; i < set->count; i++)
		if (kept == 0 || rr_compare(&set->rrs[kept - 1], &set->rrs[i]) != 0)
			set->rrs[kept++] = set->rrs[i];
	set->count = kept;
}

/* Gathers the records that belong to frames[first]. They go to the front of room, which holds all of the section. */
static void rrset_gather(struct frame *frames, size_t count, size_t first, struct vrr *room, struct vrrset *set)
{
	const struct frame *head = &frames[first];

	memset(set, 0, sizeof(*set));
	set->owner = head->owner;
	set->type = head->type;
	set->ttl_secs = head->ttl_secs;
	set->rrs = room;
	for (size_t i = first; i < count; i++) {
		struct frame *frame = &frames[i];

		if (frame->taken || frame->type != head->type || !dns_wire_equal(frame->owner, head->owner))
			continue;
		frame->taken = true;
		if (frame->ttl_secs < set->ttl_secs)
			set->ttl_secs = frame->ttl_secs;
		set->rrs[set->count++] = (struct vrr){ frame->rdata, frame->length };
	}
}

/* An RRSIG and the RRset it covers; NULL when it covers nothing or is broken: then it is of no use to anybody. */
struct loose_sig { struct vrrset *set; struct vsig sig; };

static void sig_parse(struct arena *arena, const struct frame *frame, struct vrrset *sets, size_t set_count,
    struct loose_sig *sig_r)
{
	uint16_t covered;

	sig_r->set = NULL;
	if (frame->type != DNS_TYPE_RRSIG || frame->class != LDNS_RR_CLASS_IN)
		return;
	if (dnssec_rrsig_parse(arena, frame->rdata, frame->length, &sig_r->sig, &covered) != 0)
		return;
	sig_r->set = dnssec_rrset_find(sets, set_count, frame->owner, covered);
	if (sig_r->set != NULL && sig_r->set->sig_count == MAX_SIGS)
		sig_r->set = NULL;
	if (sig_r->set != NULL)
		sig_r->set->sig_count++;
}

/* Hands each RRSIG to its RRset: counted first, so that the memory is that of the signatures there are. */
static void sigs_attach(struct arena *arena, const struct frame *frames, size_t count, struct vrrset *sets,
    size_t set_count)
{
	struct loose_sig *sigs = arena_alloc(arena, (count + 1) * sizeof(*sigs));

	for (size_t i = 0; i < count; i++)
		sig_parse(arena, &frames[i], sets, set_count, &sigs[i]);
	for (size_t i = 0; i < set_count; i++) {
		sets[i].sigs = sets[i].sig_count != 0 ? arena_alloc(arena, sets[i].sig_count * sizeof(*sets[i].sigs)) : NULL;
		sets[i].sig_count = 0;
	}
	for (size_t i = 0; i < count; i++)
		if (sigs[i].set != NULL)
			sigs[i].set->sigs[sigs[i].set->sig_count++] = sigs[i].sig;
}

static int section_parse(struct reader *reader, size_t count, struct vrrset **sets_r, size_t *set_count_r)
{
	struct frame *frames;
	struct vrrset *sets;
	struct vrr *room;
	size_t set_count = 0;

	if (count > MAX_SECTION_RRS)
		return -E_LIMIT;
	frames = arena_calloc(reader->arena, count + 1, sizeof(*frames));
	for (size_t i = 0; i < count; i++) {
		struct frame *frame = &frames[i];

		if (frame_parse(reader, frame) != 0)
			return -E_SYNTAX;
		frame->taken = frame->class != LDNS_RR_CLASS_IN || frame->type == DNS_TYPE_RRSIG;
		if (!frame->taken && has_names(frame->type) && canonicalise(reader, frame) != 0)
			return -E_SYNTAX;
	}
	sets = arena_calloc(reader->arena, count + 1, sizeof(*sets));
	room = arena_alloc(reader->arena, (count + 1) * sizeof(*room));
	for (size_t i = 0; i < count; i++)
		if (!frames[i].taken) {
			rrset_gather(frames, count, i, room, &sets[set_count]);
			room += sets[set_count].count;
			rrset_sort(&sets[set_count++]);
		}
	sigs_attach(reader->arena, frames, count, sets, set_count);
	*sets_r = sets;
	*set_count_r = set_count;
	return 0;
}

int dnssec_message_parse(struct arena *arena, const uint8_t *wire, size_t length, struct vmessage *message_r)
{
	struct reader reader = { arena, wire, length, HEADER_BYTES };
	uint8_t name[DNS_NAME_BYTES];
	size_t questions;
	int status;

	memset(message_r, 0, sizeof(*message_r));
	if (length < HEADER_BYTES)
		return -E_SYNTAX;
	message_r->rcode = wire[3] & 15;
	questions = read_16(wire + 4);
	if (questions > 1)
		return -E_SYNTAX;
	if (questions == 1) {
		if (dns_wire_from_message(wire, length, &reader.position, name) != 0 || length - reader.position < 4)
			return -E_SYNTAX;
		reader.position += 4;
	}
	status = section_parse(&reader, read_16(wire + 6), &message_r->answer, &message_r->answer_count);
	if (status != 0)
		return status;
	return section_parse(&reader, read_16(wire + 8), &message_r->authority, &message_r->authority_count);
}

struct vrrset *dnssec_rrset_find(struct vrrset *sets, size_t count, const uint8_t *owner, uint16_t type)
{
	for (size_t i = 0; i < count; i++)
		if (sets[i].type == type && dns_wire_equal(sets[i].owner, owner))
			return &sets[i];
	return NULL;
}
