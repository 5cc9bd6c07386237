/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wire pre-scan of DNS messages, between transport and ldns. It trusts nothing; whatever it does not like makes the
 * whole message malformed (the next server is asked, and in the end the look-up is FAIL). The shape of the rdata comes
 * from ldns's own table of RR types, so that this walk and the parser's walk cannot differ. Thread: any; pure.
 *
 * Why each limit is there (measured with ldns 1.8.3): every character string of a TXT costs the parser the whole
 * rdlength in memory, so a message of empty strings takes 700 MB; rdata fields are not bounded by rdlength, so a wrong
 * rdlength makes the parser read records the sender never wrote; long pointer chains cost time; a second TSIG leaks.
 */
#include "dns/scan.h"

#include <ldns/ldns.h>
#include <stdbool.h>

#include "dns/dns.h"

/* of an NSEC3 hash (SHA-1: 20); with an empty or a very long one ldns ends the process when such records are compared */
enum { NSEC3_HASH_MIN_BYTES = 16, NSEC3_HASH_MAX_BYTES = 32 };
enum { TYPE_OPT = 41, TYPE_TKEY = 249, TYPE_TSIG = 250, TYPE_ANY = 255 };

struct span {
	const uint8_t *wire;
	size_t length;		/* of the message: where names may point into */
	size_t at, end;		/* what is left of the rdata */
};

static size_t get16(const uint8_t *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

const char *scan_name(const uint8_t *wire, size_t length, size_t offset, size_t *end_r)
{
	size_t at = offset, segment = offset, name_bytes = 0, target;
	unsigned hops = 0;

	for (;;) {
		if (at >= length)
			return "name runs past the end";
		if (wire[at] >= 0xc0) {
			if (at + 2 > length)
				return "name runs past the end";
			target = get16(wire + at) & 0x3fff;
			if (hops == 0)
				*end_r = at + 2;
			/* strictly backwards, each further than the last: no loop is possible */
			if (target >= segment || target < SCAN_HEADER_BYTES)
				return "compression pointer that does not point back";
			if (++hops > SCAN_POINTER_HOPS)
				return "too many compression pointers in a name";
			at = segment = target;
			continue;
		}
		if (wire[at] > 63)
			return "unknown kind of label";
		name_bytes += 1u + wire[at];
		if (name_bytes > 255)
			return "name of more than 255 octets";
		if (wire[at] == 0)
			break;
		at += 1u + wire[at];
	}
	if (hops == 0)
		*end_r = at + 1;
	return NULL;
}

/* Type bitmap of NSEC and NSEC3 (RFC 4034 section 4.1.2): ascending windows of 1 to 32 octets. */
static const char *scan_bitmap(const struct span *span)
{
	int last = -1;
	size_t at = span->at;

	while (at < span->end) {
		if (span->end - at < 3 || span->wire[at] <= last || span->wire[at + 1] < 1 || span->wire[at + 1] > 32 ||
		    span->wire[at + 1] > span->end - at - 2)
			return "malformed type bitmap";
		last = span->wire[at];
		at += 2u + span->wire[at + 1];
	}
	return NULL;
}

/* Length of one rdata field other than a name, in step with ldns_wire2rdf(); may exceed what is left. */
static size_t field_bytes(ldns_rdf_type field, const struct span *span)
{
	switch (field) {
	case LDNS_RDF_TYPE_CLASS: case LDNS_RDF_TYPE_TYPE: case LDNS_RDF_TYPE_INT16: case LDNS_RDF_TYPE_CERT_ALG:
		return 2;
	case LDNS_RDF_TYPE_ALG: case LDNS_RDF_TYPE_INT8: case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR: case LDNS_RDF_TYPE_MATCHING_TYPE:
		return 1;
	case LDNS_RDF_TYPE_TIME: case LDNS_RDF_TYPE_INT32: case LDNS_RDF_TYPE_A: case LDNS_RDF_TYPE_PERIOD:
		return 4;
	case LDNS_RDF_TYPE_TSIGTIME: case LDNS_RDF_TYPE_EUI48:
		return 6;
	case LDNS_RDF_TYPE_ILNP64: case LDNS_RDF_TYPE_EUI64:
		return 8;
	case LDNS_RDF_TYPE_AAAA:
		return 16;
	case LDNS_RDF_TYPE_STR: case LDNS_RDF_TYPE_NSEC3_SALT: case LDNS_RDF_TYPE_TAG:
	case LDNS_RDF_TYPE_B32_EXT: case LDNS_RDF_TYPE_NSEC3_NEXT_OWNER:
		return 1u + span->wire[span->at];
	case LDNS_RDF_TYPE_INT16_DATA:
		return span->end - span->at < 2 ? 2 : 2 + get16(span->wire + span->at);
	case LDNS_RDF_TYPE_HIP:	/* RFC 8005 section 5: lengths of HIT and key; the rendezvous names come behind */
		return span->end - span->at < 4 ? 4 : 4u + span->wire[span->at] + get16(span->wire + span->at + 2);
	default:
		return span->end - span->at;
	}
}

/* Checks one field and moves behind it. */
static const char *scan_field(ldns_rdf_type field, struct span *span)
{
	size_t bytes;
	const char *why;

	if (field == LDNS_RDF_TYPE_DNAME) {
		why = scan_name(span->wire, span->length, span->at, &span->at);
		return why == NULL && span->at > span->end ? "name runs past its rdata" : why;
	}
	if (field == LDNS_RDF_TYPE_NSEC && (why = scan_bitmap(span)) != NULL)
		return why;
	bytes = field_bytes(field, span);
	if (bytes > span->end - span->at)
		return "rdata shorter than its type needs";
	if (field == LDNS_RDF_TYPE_NSEC3_NEXT_OWNER && 
	    (bytes < 1 + NSEC3_HASH_MIN_BYTES || bytes > 1 + NSEC3_HASH_MAX_BYTES))
		return "NSEC3 hash of a wrong length";
	span->at += bytes;
	return NULL;
}

size_t scan_fields_minimum(uint16_t type)
{
	if (type == DNS_TYPE_NSEC)
		return 2;
	return type == TYPE_OPT ? 0 : ldns_rr_descriptor_minimum(ldns_rr_descript(type));
}

const char *scan_rdata(uint16_t type, const uint8_t *wire, size_t length, size_t offset, size_t rdata_length)
{
	const ldns_rr_descriptor *shape = ldns_rr_descript(type);
	struct span span = { wire, length, offset, offset + rdata_length };
	size_t maximum = ldns_rr_descriptor_maximum(shape), count = 0;
	const char *why;

	if (type == TYPE_OPT)	/* options: code, length, data (RFC 6891 section 6.1.2) */
		while (span.at < span.end) {
			if (span.end - span.at < 4 || get16(wire + span.at + 2) > span.end - span.at - 4)
				return "malformed EDNS option";
			span.at += 4 + get16(wire + span.at + 2);
		}
	while (span.at < span.end && count < maximum) {
		why = scan_field(ldns_rr_descriptor_field_type(shape, count), &span);
		if (why != NULL)
			return why;
		if (++count > SCAN_TXT_STRINGS)
			return "too many character strings in a record";
	}
	if (span.at != span.end)
		return "rdata longer than its type allows";
	return count < scan_fields_minimum(type) ? "rdata shorter than its type needs" : NULL;
}

/* One RR; moves *at behind it and counts OPT records. */
static const char *scan_rr(const uint8_t *wire, size_t length, bool additional, size_t *at, unsigned *opts)
{
	const char *why = scan_name(wire, length, *at, at);
	size_t type, rdata_length;

	if (why != NULL)
		return why;
	if (length - *at < 10)
		return "record runs past the end";
	type = get16(wire + *at);
	rdata_length = get16(wire + *at + 8);
	*at += 10;
	if (rdata_length > length - *at)
		return "rdata runs past the end";
	if (type == TYPE_OPT && (!additional || ++*opts > 1))
		return "OPT record out of place";
	if (type == 0 || (type >= TYPE_TKEY && type <= TYPE_ANY))
		return type == TYPE_TSIG ? "TSIG record" : "record of a meta type";
	why = scan_rdata((uint16_t)type, wire, length, *at, rdata_length);
	*at += rdata_length;
	return why;
}

const char *scan_message(const uint8_t *wire, size_t length)
{
	const char *why;
	size_t at = SCAN_HEADER_BYTES;
	unsigned opts = 0;

	if (length < SCAN_HEADER_BYTES)
		return "shorter than a header";
	if (length > SCAN_MESSAGE_BYTES)
		return "longer than 16 KB";
	if (get16(wire + 4) != 1)
		return "not exactly one question";
	why = scan_name(wire, length, at, &at);
	if (why != NULL)
		return why;
	if (length - at < 4)
		return "question runs past the end";
	at += 4;
	for (unsigned section = 1; section <= 3; section++) {
		size_t count = get16(wire + 4 + 2 * (size_t)section);

		if (count > SCAN_SECTION_RRS)
			return "too many records in a section";
		for (; count > 0; count--)
			if ((why = scan_rr(wire, length, section == 3, &at, &opts)) != NULL)
				return why;
	}
	return at == length ? NULL : "bytes behind the last record";
}
