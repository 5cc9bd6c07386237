/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trust anchor files: DS and DNSKEY records in zone-file form, any owner, several files and several records an owner.
 * Read once at start; everything that would leave the validator without a usable anchor is an error with file and line.
 * Trusts the admin's file to be meant well, not to be right. Thread: the one that starts the program.
 */
#include "dnssec/internal.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

enum {
	MAX_LINES = 10000, MAX_ANCHOR_RECORDS = 256, DIGEST_SHA1 = 1,
	FLAG_ZONE = 0x100, FLAG_REVOKE = 0x80,
	ROOT_KSK_2010 = 19036,		/* revoked by its owner in 2019: a file with nothing else is out of date */
};

struct loader {
	struct arena *arena;
	bool allow_sha1;
	const char *path;
	int line;
	struct anchor *anchors;
	size_t records, usable, retired;
	char *why_r;
	size_t why_bytes;
};

static int refuse(const struct loader *loader, bool with_line, const char *what)
{
	if (with_line)
		snprintf(loader->why_r, loader->why_bytes, "trust anchor file %s:%d: %s", loader->path, loader->line, what);
	else
		snprintf(loader->why_r, loader->why_bytes, "trust anchor file %s: %s", loader->path, what);
	return -E_CONFIG;
}

static struct anchor *anchor_for(struct loader *loader, const uint8_t *name)
{
	struct anchor *anchor;

	for (anchor = loader->anchors; anchor != NULL; anchor = anchor->next)
		if (dns_wire_equal(anchor->name, name))
			return anchor;
	anchor = arena_calloc(loader->arena, 1, sizeof(*anchor));
	anchor->name = arena_memdup(loader->arena, name, dns_wire_length(name));
	anchor->ds = arena_calloc(loader->arena, MAX_ANCHOR_RECORDS, sizeof(*anchor->ds));
	anchor->source = arena_printf(loader->arena, "%s:%d", loader->path, loader->line);
	anchor->next = loader->anchors;
	loader->anchors = anchor;
	return anchor;
}

/* One DS or DNSKEY in wire form. */
static int record_add(struct loader *loader, const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t length)
{
	struct anchor *anchor = anchor_for(loader, owner);
	struct vds ds = { 0 };

	if (length <= 4)
		return refuse(loader, true, "the record is too short");
	if (anchor->ds_count == MAX_ANCHOR_RECORDS)
		return refuse(loader, true, "too many records for one name");
	rdata = arena_memdup(loader->arena, rdata, length);
	if (type == DNS_TYPE_DNSKEY) {
		if ((rdata[0] << 8 & FLAG_ZONE) == 0 || (rdata[1] & FLAG_REVOKE) != 0)
			return refuse(loader, true, (rdata[1] & FLAG_REVOKE) != 0 ? "this key is revoked" : "this is no zone key");
		ds = (struct vds){ .tag = ldns_calc_keytag_raw(rdata, length), .algorithm = rdata[3], .dnskey = rdata,
			.dnskey_length = length };
	} else {
		ds = (struct vds){ .tag = (uint16_t)(rdata[0] << 8 | rdata[1]), .algorithm = rdata[2],
			.digest_type = rdata[3], .digest = rdata + 4, .digest_length = length - 4 };
	}
	anchor->ds[anchor->ds_count++] = ds;
	loader->records++;
	if (dns_wire_is_root(owner) && ds.tag == ROOT_KSK_2010)
		loader->retired++;
	else if (dnssec_algorithm_supported(ds.algorithm, loader->allow_sha1) &&
	    (ds.dnskey != NULL || dnssec_digest_supported(ds.digest_type)))
		loader->usable++;
	return 0;
}

/* From ldns's form to wire form. */
static int rr_add(struct loader *loader, ldns_rr *rr)
{
	ldns_buffer *buffer = ldns_buffer_new(512);
	uint16_t type = ldns_rr_get_type(rr);
	uint8_t owner[DNS_NAME_BYTES];
	size_t position = 0;
	int status;

	if (type != DNS_TYPE_DS && type != DNS_TYPE_DNSKEY)
		status = refuse(loader, true, "only DS and DNSKEY records can be trust anchors");
	else if (buffer == NULL || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN ||
	    ldns_rdf_get_type(ldns_rr_owner(rr)) != LDNS_RDF_TYPE_DNAME ||
	    dns_wire_from_message(ldns_rdf_data(ldns_rr_owner(rr)), ldns_rdf_size(ldns_rr_owner(rr)), &position, owner) != 0 ||
	    ldns_rr_rdata2buffer_wire(buffer, rr) != LDNS_STATUS_OK)
		status = refuse(loader, true, "not a usable record");
	else
		status = record_add(loader, owner, type, ldns_buffer_begin(buffer), ldns_buffer_position(buffer));
	ldns_buffer_free(buffer);
	return status;
}

static int file_read(struct loader *loader, FILE *file)
{
	ldns_rdf *origin = NULL, *previous = NULL;
	uint32_t ttl = 0;
	int status = 0;

	loader->line = 0;
	while (status == 0 && !feof(file)) {
		ldns_rr *rr = NULL;
		int line_before = loader->line;
		ldns_status parsed = ldns_rr_new_frm_fp_l(&rr, file, &ttl, &origin, &previous, &loader->line);

		if (parsed == LDNS_STATUS_OK)
			status = rr_add(loader, rr);
		else if (parsed != LDNS_STATUS_SYNTAX_EMPTY && parsed != LDNS_STATUS_SYNTAX_TTL &&
		    parsed != LDNS_STATUS_SYNTAX_ORIGIN)
			status = refuse(loader, true, ldns_get_errorstr_by_id(parsed));
		ldns_rr_free(rr);
		if (loader->line == line_before && parsed != LDNS_STATUS_OK)
			break;
		if (loader->line > MAX_LINES)
			status = refuse(loader, true, "too long for a trust anchor file");
	}
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(previous);
	return status;
}

static int file_load(struct loader *loader)
{
	FILE *file = fopen(loader->path, "re");
	int status;

	loader->records = loader->usable = loader->retired = 0;
	if (file == NULL)
		return refuse(loader, false, strerror(errno));
	status = file_read(loader, file);
	if (status == 0 && ferror(file) != 0)
		status = refuse(loader, false, strerror(errno));
	fclose(file);
	if (status != 0)
		return status;
	if (loader->records == 0)
		return refuse(loader, false, "it has no DS or DNSKEY record");
	if (loader->usable == 0 && loader->retired != 0)
		return refuse(loader, false, "its root key 19036 was retired in 2019; install a current root.key");
	if (loader->usable == 0)
		return refuse(loader, false, "none of its records has a supported algorithm and digest");
	return 0;
}

int dnssec_anchors_load(struct arena *arena, const char *const *files, bool allow_sha1, struct anchor **anchors_r,
    char *why_r, size_t why_bytes)
{
	struct loader loader = { .arena = arena, .allow_sha1 = allow_sha1, .why_r = why_r, .why_bytes = why_bytes };

	if (files == NULL || files[0] == NULL) {
		snprintf(why_r, why_bytes, "no trust anchor file is configured");
		return -E_CONFIG;
	}
	for (; *files != NULL; files++) {
		loader.path = arena_strdup(arena, *files);
		if (file_load(&loader) != 0)
			return -E_CONFIG;
	}
	*anchors_r = loader.anchors;
	return 0;
}
