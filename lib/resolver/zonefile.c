/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers from a master file. The records are parsed by ldns once, kept in wire form under a sorted table of names
 * (owners and all names above them, so that empty non-terminals exist), and a response is those bytes put together
 * behind a header. It goes through the same scan and answer building as a message from the network. Trusts the file's
 * author, who is the admin or a test. Thread: immutable after loading.
 */
#include "resolver/zonefile.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns.h"
#include "dns/scan.h"
#include "util/error.h"
#include "util/out_of_memory.h"

enum { DEFAULT_TTL_SECS = 3600, CHAIN_LINKS = 12, RCODE_NXDOMAIN = 3, FLAGS_REPLY = 0x85, FLAG_RA = 0x80 };

struct record {
	uint16_t type, rdata_length;
	uint32_t ttl_secs;
	const uint8_t *rdata;
};

struct node {
	struct dns_name name;
	struct record *records;
	size_t record_count, room;
};

struct zonefile {
	struct arena *arena;
	struct node **nodes;	/* sorted by node_compare() */
	size_t node_count, room;
};

/* ---- the table of names ---- */

static int name_compare(const struct dns_name *a, const struct dns_name *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->length);
}

/* Where the name is, or would be. */
static size_t node_index(const struct zonefile *zonefile, const struct dns_name *name)
{
	size_t low = 0, high = zonefile->node_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(&zonefile->nodes[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct node *node_find(const struct zonefile *zonefile, const struct dns_name *name)
{
	size_t index = node_index(zonefile, name);

	if (index < zonefile->node_count && dns_name_equal(&zonefile->nodes[index]->name, name))
		return zonefile->nodes[index];
	return NULL;
}

static void *grown(void *items, size_t count, size_t *room, size_t item_bytes)
{
	if (count < *room)
		return items;
	*room = *room != 0 ? *room * 2 : 4;
	items = realloc(items, *room * item_bytes);
	if (items == NULL)
		out_of_memory();
	return items;
}

/* The node of a name, made with all its ancestors when it is new. */
static struct node *node_make(struct zonefile *zonefile, const struct dns_name *name)
{
	struct node *node = node_find(zonefile, name);
	size_t index;

	if (node != NULL)
		return node;
	if (name->length > 1) {
		struct dns_name parent = *name;

		dns_name_chop(&parent);
		node_make(zonefile, &parent);
	}
	index = node_index(zonefile, name);
	zonefile->nodes = grown(zonefile->nodes, zonefile->node_count, &zonefile->room, sizeof(*zonefile->nodes));
	memmove(zonefile->nodes + index + 1, zonefile->nodes + index,
	    (zonefile->node_count - index) * sizeof(*zonefile->nodes));
	zonefile->node_count++;
	node = arena_calloc(zonefile->arena, 1, sizeof(*node));
	node->name = *name;
	zonefile->nodes[index] = node;
	return node;
}

static const struct record *record_find(const struct node *node, uint16_t type)
{
	for (size_t i = 0; node != NULL && i < node->record_count; i++)
		if (node->records[i].type == type)
			return &node->records[i];
	return NULL;
}

/* ---- loading ---- */

/* @return 0 or -E_SYNTAX: the record cannot be put into a message. */
static int record_add(struct zonefile *zonefile, const ldns_rr *rr)
{
	const ldns_rdf *owner = ldns_rr_owner(rr);
	ldns_buffer *wire = ldns_buffer_new(LDNS_MAX_PACKETLEN);
	struct record *record;
	struct dns_name name;
	struct node *node;

	if (wire == NULL)
		out_of_memory();
	if (dns_name_from_wire(ldns_rdf_data(owner), ldns_rdf_size(owner), &name) != 0 ||
	    ldns_rr_rdata2buffer_wire(wire, rr) != LDNS_STATUS_OK || ldns_buffer_position(wire) > UINT16_MAX) {
		ldns_buffer_free(wire);
		return -E_SYNTAX;
	}
	node = node_make(zonefile, &name);
	node->records = grown(node->records, node->record_count, &node->room, sizeof(*node->records));
	record = &node->records[node->record_count++];
	record->type = (uint16_t)ldns_rr_get_type(rr);
	record->ttl_secs = ldns_rr_ttl(rr);
	record->rdata_length = (uint16_t)ldns_buffer_position(wire);
	record->rdata = arena_memdup(zonefile->arena, ldns_buffer_begin(wire), record->rdata_length);
	ldns_buffer_free(wire);
	return 0;
}

/* Reads the records of an open file. @return 0 or -E_SYNTAX with the line and reason. */
static int records_read(struct zonefile *zonefile, FILE *file, int *line_r, const char **reason_r)
{
	ldns_rdf *origin = ldns_dname_new_frm_str("."), *previous = NULL;
	uint32_t ttl = DEFAULT_TTL_SECS;
	int result = 0;

	*line_r = 0;
	while (result == 0 && !feof(file)) {
		ldns_rr *rr = NULL;
		ldns_status status = ldns_rr_new_frm_fp_l(&rr, file, &ttl, &origin, &previous, line_r);

		if (status == LDNS_STATUS_OK && rr != NULL) {
			*reason_r = "not a record that fits into a message";
			result = record_add(zonefile, rr);
		} else if (status != LDNS_STATUS_SYNTAX_TTL && status != LDNS_STATUS_SYNTAX_ORIGIN &&
		    status != LDNS_STATUS_SYNTAX_EMPTY) {
			*reason_r = ldns_get_errorstr_by_id(status);
			result = -E_SYNTAX;
		}
		ldns_rr_free(rr);
	}
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(previous);
	return result;
}

struct zonefile *zonefile_load(const char *path, char *why_r, size_t why_bytes)
{
	struct zonefile *zonefile;
	const char *reason = "";
	struct dns_name root = { .length = 1 };
	FILE *file = fopen(path, "re");
	int line, result;

	if (file == NULL) {
		snprintf(why_r, why_bytes, "%s: %s", path, strerror(errno));
		return NULL;
	}
	zonefile = calloc(1, sizeof(*zonefile));
	if (zonefile == NULL)
		out_of_memory();
	zonefile->arena = arena_new();
	node_make(zonefile, &root);
	result = records_read(zonefile, file, &line, &reason);
	if (result == 0 && ferror(file)) {
		reason = "cannot be read";
		result = -E_SYSTEM;
	}
	fclose(file);
	if (result != 0) {
		snprintf(why_r, why_bytes, "%s:%d: %s", path, line, reason);
		zonefile_free(&zonefile);
	}
	return zonefile;
}

void zonefile_free(struct zonefile **zonefile)
{
	struct zonefile *old = *zonefile;

	*zonefile = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->node_count; i++)
		free(old->nodes[i]->records);
	free(old->nodes);
	arena_free(&old->arena);
	free(old);
}

/* ---- responding ---- */

struct response {
	uint8_t *wire;
	size_t length;
	bool overflow;
};

static void put(struct response *response, const void *bytes, size_t length)
{
	if (length > SCAN_MESSAGE_BYTES - response->length) {
		response->overflow = true;
		return;
	}
	memcpy(response->wire + response->length, bytes, length);
	response->length += length;
}

static void put_number(struct response *response, uint32_t value, size_t bytes)
{
	uint8_t octets[4];

	for (size_t i = 0; i < bytes; i++)
		octets[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
	put(response, octets, bytes);
}

/* count: 6 for the answer section, 8 for authority (offsets in the header). */
static void put_record(struct response *response, size_t count, const struct dns_name *owner, const struct record *record)
{
	put(response, owner->bytes, owner->length);
	put_number(response, record->type, 2);
	put_number(response, LDNS_RR_CLASS_IN, 2);
	put_number(response, record->ttl_secs, 4);
	put_number(response, record->rdata_length, 2);
	put(response, record->rdata, record->rdata_length);
	if (++response->wire[count + 1] == 0)
		response->wire[count]++;
}

/* The SOA of the nearest zone above; one is made up when the file has none. */
static void put_soa(const struct zonefile *zonefile, struct response *response, struct dns_name name)
{
	static const uint8_t rdata[22] = { 0, 0, [5] = 1, [21] = 60 };	/* ". . 1 0 0 0 60" */
	const struct record made_up = { DNS_TYPE_SOA, sizeof(rdata), 60, rdata };

	for (;; dns_name_chop(&name)) {
		const struct record *soa = record_find(node_find(zonefile, &name), DNS_TYPE_SOA);

		if (soa != NULL || name.length == 1) {
			put_record(response, 8, &name, soa != NULL ? soa : &made_up);
			return;
		}
	}
}

/* The node that answers for a name: its own, or the wildcard at the closest encloser (RFC 4592 section 3.3.1). */
static const struct node *node_for(const struct zonefile *zonefile, const struct dns_name *name)
{
	const struct node *node = node_find(zonefile, name);
	struct dns_name encloser = *name, wildcard = { .length = 2, .bytes = { 1, '*' } };

	if (node != NULL)
		return node;
	do
		dns_name_chop(&encloser);
	while (node_find(zonefile, &encloser) == NULL);
	if (encloser.length + 2 > DNS_NAME_BYTES)
		return NULL;
	memcpy(wildcard.bytes + 2, encloser.bytes, encloser.length);
	wildcard.length = (uint8_t)(2 + encloser.length);
	return node_find(zonefile, &wildcard);
}

/* A DNAME above the name: puts it and the CNAME made from it, and sets name to the target (RFC 6672 section 2.2).
 * @return whether there is one; *overflow_r: the new name would be too long. */
static bool dname_follow(const struct zonefile *zonefile, struct response *response, struct dns_name *name, bool *overflow_r)
{
	struct dns_name above = *name, target;
	const struct record *dname = NULL;
	struct record cname;
	size_t prefix;

	while (above.length > 1 && dname == NULL) {
		dns_name_chop(&above);
		dname = record_find(node_find(zonefile, &above), DNS_TYPE_DNAME);
	}
	if (dname == NULL)
		return false;
	prefix = (size_t)(name->length - above.length);
	*overflow_r = prefix + dname->rdata_length > DNS_NAME_BYTES;
	if (*overflow_r)
		return true;
	memcpy(target.bytes, name->bytes, prefix);
	memcpy(target.bytes + prefix, dname->rdata, dname->rdata_length);
	target.length = (uint8_t)(prefix + dname->rdata_length);
	cname = (struct record){ DNS_TYPE_CNAME, target.length, dname->ttl_secs, target.bytes };
	put_record(response, 6, &above, dname);
	put_record(response, 6, name, &cname);
	dns_name_from_wire(cname.rdata, cname.rdata_length, name);
	return true;
}

/* Puts the records of the type; @return how many. */
static size_t put_records(struct response *response, const struct dns_name *name, const struct node *node, uint16_t type)
{
	size_t count = 0;

	for (size_t i = 0; i < node->record_count; i++)
		if (node->records[i].type == type) {
			put_record(response, 6, name, &node->records[i]);
			count++;
		}
	return count;
}

/* Fills answer and authority. @return 0 or -E_DNS. */
static int response_fill(const struct zonefile *zonefile, struct response *response, struct dns_name name, uint16_t type)
{
	for (unsigned links = 0; links < CHAIN_LINKS; links++) {
		const struct record *cname;
		const struct node *node;
		bool overflow = false;

		if (dname_follow(zonefile, response, &name, &overflow)) {
			if (overflow)
				return -E_DNS;	/* YXDOMAIN (RFC 6672 section 2.2) */
			continue;
		}
		node = node_for(zonefile, &name);
		if (node == NULL) {
			response->wire[3] |= RCODE_NXDOMAIN;
			break;
		}
		if (record_find(node, ZONEFILE_FAIL_TYPE) != NULL)
			return -E_DNS;
		if (put_records(response, &name, node, type) != 0)
			return 0;
		cname = record_find(node, DNS_TYPE_CNAME);
		if (cname == NULL)
			break;
		put_record(response, 6, &name, cname);
		dns_name_from_wire(cname->rdata, cname->rdata_length, &name);
	}
	put_soa(zonefile, response, name);
	return 0;
}

int zonefile_respond(const struct zonefile *zonefile, const struct dns_name *name, uint16_t type, struct arena *arena,
    const uint8_t **wire_r, size_t *length_r)
{
	static const uint8_t header[SCAN_HEADER_BYTES] = { 0, 0, FLAGS_REPLY, FLAG_RA, 0, 1 };
	struct response response = { .wire = arena_alloc(arena, SCAN_MESSAGE_BYTES) };
	struct dns_name start;
	int result;

	memcpy(&start, name, 1u + name->length);
	put(&response, header, sizeof(header));
	put(&response, name->bytes, name->length);
	put_number(&response, type, 2);
	put_number(&response, LDNS_RR_CLASS_IN, 2);
	result = response_fill(zonefile, &response, start, type);
	if (result == 0 && response.overflow)
		result = -E_LIMIT;
	*wire_r = response.wire;
	*length_r = response.length;
	return result;
}
