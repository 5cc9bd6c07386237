/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proofs of absence against a model. The input describes a small zone, which of its NSEC or NSEC3 records an answer holds,
 * and what the answer denies. Whatever subset of authentic records is shown: what the validator calls proven must be
 * true in the zone (soundness), and with all records shown every truth must be proven (completeness).
 * Signatures are taken as verified; they are the matter of fuzz_validate_answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnssec/internal.h"

enum { MAX_NODES = 12, MAX_ALL = 64, HASH_BYTES = 20, RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3, TYPE_TXT = DNS_TYPE_TXT };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name with types, or an empty non-terminal (types 0). */
struct node { const uint8_t *name; unsigned types; uint8_t hash[HASH_BYTES]; };
enum { HAS_A = 1, HAS_TXT = 2, HAS_CNAME = 4, IS_CUT = 8, HAS_DS = 16, HAS_DNAME = 32, IS_APEX = 64 };

struct model {
	struct arena *arena;
	struct node nodes[MAX_ALL];
	size_t count;
	const uint8_t *apex;
	bool nsec3, opt_out;
	unsigned iterations;
};

struct input { const uint8_t *data; size_t size; };

static unsigned take(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* A name below the apex, of up to three labels out of four. */
static const uint8_t *take_name(struct model *model, struct input *input)
{
	static const char *const labels[] = { "a", "b", "*", "c" };
	unsigned byte = take(input), depth = byte & 3;
	char text[64] = "";
	struct dns_name *name = arena_alloc(model->arena, sizeof(*name));

	for (unsigned i = 0; i < depth; i++) {
		strcat(text, labels[(byte >> (2 + 2 * i)) & 3]);
		strcat(text, ".");
	}
	strcat(text, "z");
	if (dns_name_parse(text, name) != 0)
		abort();
	return name->bytes;
}

static struct node *find(struct model *model, const uint8_t *name)
{
	for (size_t i = 0; i < model->count; i++)
		if (dns_wire_equal(model->nodes[i].name, name))
			return &model->nodes[i];
	return NULL;
}

/* The cut or DNAME above name. */
static struct node *occluder(struct model *model, const uint8_t *name)
{
	for (size_t i = 0; i < model->count; i++)
		if ((model->nodes[i].types & (IS_CUT | HAS_DNAME)) != 0 && dns_wire_is_below(name, model->nodes[i].name))
			return &model->nodes[i];
	return NULL;
}

static unsigned types_sane(const uint8_t *name, unsigned types)
{
	types &= 63;
	if ((types & IS_CUT) != 0)
		return IS_CUT | (types & HAS_DS);
	types &= ~(unsigned)HAS_DS;
	if ((types & HAS_CNAME) != 0)
		return HAS_CNAME;
	/* what a wildcard DNAME or delegation would mean is undefined (RFC 4592 section 4) */
	if (dns_wire_is_wildcard(name))
		types &= HAS_A | HAS_TXT;
	return types != 0 ? types : HAS_A;
}

static void add(struct model *model, const uint8_t *name, unsigned types)
{
	struct node *node = find(model, name);

	if (node == NULL) {
		node = &model->nodes[model->count++];
		*node = (struct node){ .name = name };
	}
	node->types |= types;
}

static int by_name(const void *a, const void *b)
{
	return dns_wire_compare(((const struct node *)a)->name, ((const struct node *)b)->name);
}

static int by_hash(const void *a, const void *b)
{
	return memcmp(((const struct node *)a)->hash, ((const struct node *)b)->hash, HASH_BYTES);
}

static void model_make(struct model *model, struct input *input)
{
	unsigned flags = take(input), count = take(input) % MAX_NODES;
	struct node wanted[MAX_NODES];
	size_t kept = 0;

	model->nsec3 = (flags & 1) != 0;
	model->opt_out = (flags & 2) != 0;
	model->iterations = flags >> 2 & 3;
	model->apex = (const uint8_t *)"\1z";
	add(model, model->apex, IS_APEX | HAS_A);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *name = take_name(model, input);

		wanted[i] = (struct node){ .name = name, .types = types_sane(name, take(input)) };
		if (dns_wire_is_wildcard(name) && (wanted[i].types & (IS_CUT | HAS_DNAME)) != 0)
			wanted[i].types = HAS_A;
		if (!dns_wire_equal(name, model->apex) && find(model, name) == NULL)
			add(model, name, wanted[i].types);
	}
	/* what lies below a cut or a DNAME is not of this zone */
	for (size_t i = 0; i < model->count; i++)
		if (occluder(model, model->nodes[i].name) == NULL)
			model->nodes[kept++] = model->nodes[i];
		else
			model->nodes[i].types &= ~(unsigned)(IS_CUT | HAS_DNAME);	/* occludes nothing itself, but its names */
	model->count = kept;
	for (size_t i = 0; i < kept; i++)
		for (const uint8_t *up = dns_wire_parent(model->nodes[i].name); dns_wire_is_below(up, model->apex);
		    up = dns_wire_parent(up))
			add(model, up, 0);
}

/* ---- the truth ---- */

static bool node_denies(const struct node *node, uint16_t type)
{
	if ((node->types & IS_CUT) != 0)
		return type == DNS_TYPE_DS && (node->types & HAS_DS) == 0;
	if (type == DNS_TYPE_DS)
		return (node->types & (IS_APEX | HAS_CNAME)) == 0;
	return (node->types & HAS_CNAME) == 0 && (node->types & (type == TYPE_TXT ? HAS_TXT : HAS_A)) == 0;
}

/* @return whether the zone says so. */
static bool truth(struct model *model, const uint8_t *name, uint16_t type, bool nxdomain)
{
	struct node *node = find(model, name), *wildcard;
	const uint8_t *encloser = name;

	if (occluder(model, name) != NULL)
		return false;
	if (node != NULL)
		return !nxdomain && node_denies(node, type);
	while (find(model, encloser) == NULL)
		encloser = dns_wire_parent(encloser);
	wildcard = find(model, dns_wire_wildcard(model->arena, encloser));
	if (wildcard == NULL)
		return nxdomain;
	return !nxdomain && node_denies(wildcard, type);
}

/* ---- the records ---- */

static size_t put_bitmap(uint8_t *out, const struct node *node)
{
	uint8_t bits[6] = { 0 };
	static const struct { unsigned flag; uint16_t type; } types[] = { { HAS_A, 1 }, { HAS_TXT, 16 }, { HAS_CNAME, 5 },
		{ IS_CUT, 2 }, { HAS_DS, 43 }, { HAS_DNAME, 39 }, { IS_APEX, 2 }, { IS_APEX, 6 } };

	if (node->types == 0)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if ((node->types & types[i].flag) != 0)
			bits[types[i].type / 8] |= (uint8_t)(0x80 >> types[i].type % 8);
	bits[46 / 8] |= 0x80 >> 46 % 8;
	out[0] = 0;
	out[1] = 6;
	memcpy(out + 2, bits, 6);
	return 8;
}

/* An RRset that counts as verified by the zone. */
static void put_set(struct model *model, struct vrrset *set, const uint8_t *owner, uint16_t type, const uint8_t *rdata,
    size_t length)
{
	static const struct vsig sig;
	struct vrr *rr = arena_alloc(model->arena, sizeof(*rr));

	*rr = (struct vrr){ arena_memdup(model->arena, rdata, length), (uint16_t)length };
	*set = (struct vrrset){ .owner = owner, .type = type, .ttl_secs = 60, .rrs = rr, .count = 1, .state = RRSET_GOOD,
		.checked_zone = model->apex, .sig = &sig };
}

static void put_nsec(struct model *model, struct vrrset *set, const struct node *node, const struct node *next)
{
	uint8_t rdata[DNS_NAME_BYTES + 8];
	size_t used = dns_wire_length(next->name);

	memcpy(rdata, next->name, used);
	put_set(model, set, node->name, DNS_TYPE_NSEC, rdata, used + put_bitmap(rdata + used, node));
}

static void put_nsec3(struct model *model, struct vrrset *set, const struct node *node, const struct node *next)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint8_t rdata[64] = { 1, model->opt_out, 0, (uint8_t)model->iterations, 1, 0xaa, HASH_BYTES };
	uint8_t *owner = arena_alloc(model->arena, 36);
	uint64_t bits = 0;
	unsigned have = 0, used = 1;

	memcpy(rdata + 7, next->hash, HASH_BYTES);
	owner[0] = 32;
	for (unsigned i = 0; i < HASH_BYTES; i++)
		for (bits = bits << 8 | node->hash[i], have += 8; have >= 5; have -= 5)
			owner[used++] = (uint8_t)digits[bits >> (have - 5) & 31];
	memcpy(owner + used, model->apex, 3);
	put_set(model, set, owner, DNS_TYPE_NSEC3, rdata, 27 + put_bitmap(rdata + 27, node));
}

/* The chain of the zone's records; skip: unsigned cuts under opt-out have none. */
static size_t records_make(struct model *model, const struct dnssec_crypto *crypto, struct vrrset *sets)
{
	struct node chain[MAX_ALL];
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++) {
		struct node *node = &model->nodes[i];

		if (model->nsec3 ? model->opt_out && (node->types & (IS_CUT | HAS_DS)) == IS_CUT : node->types == 0)
			continue;
		if (model->nsec3 && dnssec_crypto_nsec3_hash(crypto, node->name, (const uint8_t *)"\xaa", 1, model->iterations,
		    node->hash) != 0)
			abort();
		chain[count++] = *node;
	}
	qsort(chain, count, sizeof(*chain), model->nsec3 ? by_hash : by_name);
	for (size_t i = 0; i < count; i++)
		(model->nsec3 ? put_nsec3 : put_nsec)(model, &sets[i], &chain[i], &chain[(i + 1) % count]);
	return count;
}

static void fail(const struct model *model, const uint8_t *name, uint16_t type, bool nxdomain, const char *what,
    const struct denial *denial)
{
	fprintf(stderr, "%s: %s type %u %s (%s): %s\n", what, dns_wire_text(model->arena, name), type,
	    nxdomain ? "NXDOMAIN" : "NODATA", model->nsec3 ? "NSEC3" : "NSEC", denial->why);
	for (size_t i = 0; i < model->count; i++)
		fprintf(stderr, "  %s %u\n", dns_wire_text(model->arena, model->nodes[i].name), model->nodes[i].types);
	abort();
}

static void question_check(struct model *model, struct judgement *j, struct cut *zone, struct vrrset *sets, size_t count,
    struct input *input)
{
	static const uint16_t types[] = { DNS_TYPE_A, TYPE_TXT, DNS_TYPE_DS };
	const uint8_t *name = take_name(model, input);
	unsigned byte = take(input), mask = take(input) | take(input) << 8;
	uint16_t type = types[byte % 3];
	bool nxdomain = (byte & 4) != 0, all = (byte & 8) != 0, is_true;
	struct vmessage message = { .rcode = nxdomain ? RCODE_NXDOMAIN : RCODE_NOERROR };
	struct denial denial;

	message.authority = arena_calloc(model->arena, MAX_ALL, sizeof(*sets));
	for (size_t i = 0; i < count; i++)
		if (all || (mask >> i % 16 & 1) != 0)
			message.authority[message.authority_count++] = sets[i];
	is_true = truth(model, name, type, nxdomain);
	denial = denial_judge(j, &message, zone, name, type);
	/* of NOERROR it may prove more than was said: that there is no such name */
	if (denial.kind == DENIAL_SECURE && !truth(model, name, type, nxdomain || denial.nonexistent))
		fail(model, name, type, nxdomain, "proved what is not true", &denial);
	/* more than 8 NSEC3 in one answer are over the cap */
	if (all && is_true && denial.kind == DENIAL_BOGUS && (!model->nsec3 || count <= 8))
		fail(model, name, type, nxdomain, "did not prove what is true", &denial);
	if (all && is_true && denial.kind == DENIAL_INSECURE && !model->opt_out)
		fail(model, name, type, nxdomain, "insecure without opt-out", &denial);
	/* a wildcard's answer: nothing closer may exist */
	if (find(model, name) != NULL && dns_wire_is_below(name, model->apex)) {
		denial = denial_judge_wildcard(j, &message, zone, name, dns_wire_labels(name) - 1);
		if (denial.kind == DENIAL_SECURE)
			fail(model, name, type, nxdomain, "denied a name that exists, for a wildcard", &denial);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct validator validator;
	struct model model = { .arena = arena_new() };
	struct judgement j = { .validator = &validator, .arena = model.arena };
	struct input input = { data, size };
	struct vrrset *sets = arena_calloc(model.arena, MAX_ALL, sizeof(*sets));
	struct cut *zone;
	size_t count;

	if (validator.crypto.sha1 == NULL) {
		validator.config = (struct validator_config){ .max_nsec3_iterations = 150, .max_nsec3_work = 5000 };
		if (dnssec_crypto_init(&validator.crypto) != 0)
			abort();
	}
	model_make(&model, &input);
	zone = cut_new(model.apex, CUT_SECURE, NULL);
	count = records_make(&model, &validator.crypto, sets);
	for (unsigned i = 0; i < 8; i++)
		question_check(&model, &j, zone, sets, count, &input);
	cut_unref(zone);
	arena_free(&model.arena);
	return 0;
}
