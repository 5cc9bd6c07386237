/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proofs with NSEC3 (RFC 5155 section 8, RFC 6840 section 4, RFC 9276): SHA-1 only, one parameter set a response, few
 * records, bounded hashing (CVE-2023-50868). An opt-out record over the next closer name, or more iterations than
 * the cap, makes the answer insecure, never secure.
 * Part of the validator. Trusts nothing before denial_rely(). Fails by DENIAL_BOGUS. Thread: that of the judgement.
 */
#include "dnssec/internal.h"

#include <string.h>

#include "util/error.h"

enum { MAX_NSEC3 = 8, HASH_BYTES = 20, HASH_CHARS = 32, HASH_SHA1 = 1, FLAG_OPT_OUT = 1, LOOKUP_FACTOR = 4 };

struct nsec3 {
	struct vrrset *set;
	bool opt_out;
	uint16_t iterations;
	uint8_t salt_length;
	const uint8_t *salt;
	const uint8_t *next;		/* hash */
	const uint8_t *bitmap;
	size_t bitmap_length;
	uint8_t owner[HASH_BYTES];	/* hash */
};

/* The usable records of one response. */
struct chain {
	struct denial_query *query;
	struct nsec3 records[MAX_NSEC3];
	size_t count;
	bool limited;			/* the hashing cap was hit */
	struct denial refusal;		/* set when the records cannot be used at all */
};

/* One hash that was computed; the same names come up several times in one proof. */
struct nsec3_memo {
	const uint8_t *name, *salt;
	uint8_t salt_length;
	uint16_t iterations;
	uint8_t hash[HASH_BYTES];
	struct nsec3_memo *next;
};

static struct denial bogus(const char *why)
{
	return (struct denial){ .kind = DENIAL_BOGUS, .why = why };
}

/* Base32 with extended hex alphabet (RFC 4648 section 7), lower case; exactly one hash. */
static int hash_from_label(const uint8_t *label, uint8_t hash_r[HASH_BYTES])
{
	uint64_t bits = 0;
	unsigned have = 0, used = 0;

	if (*label != HASH_CHARS)
		return -E_SYNTAX;
	for (unsigned i = 1; i <= HASH_CHARS; i++) {
		uint8_t c = label[i];

		if (c >= '0' && c <= '9')
			c = (uint8_t)(c - '0');
		else if (c >= 'a' && c <= 'v')
			c = (uint8_t)(c - 'a' + 10);
		else
			return -E_SYNTAX;
		bits = bits << 5 | c;
		have += 5;
		if (have >= 8) {
			have -= 8;
			hash_r[used++] = (uint8_t)(bits >> have);
		}
	}
	return 0;
}

static int nsec3_parse(const struct denial_query *query, struct vrrset *set, struct nsec3 *record_r)
{
	const struct vrr *rr = set->rrs;
	const uint8_t *rdata = rr->rdata;
	size_t length = rr->length;

	memset(record_r, 0, sizeof(*record_r));
	if (set->count != 1 || !dns_wire_equal(dns_wire_parent(set->owner), query->zone->name) || dns_wire_is_root(set->owner))
		return -E_SYNTAX;
	if (hash_from_label(set->owner, record_r->owner) != 0)
		return -E_SYNTAX;
	/* algorithm, flags, iterations (2), salt length, salt, hash length, hash, bitmap */
	if (length < 5 || rdata[0] != HASH_SHA1 || (rdata[1] & ~FLAG_OPT_OUT) != 0)
		return -E_SYNTAX;
	record_r->set = set;
	record_r->opt_out = (rdata[1] & FLAG_OPT_OUT) != 0;
	record_r->iterations = (uint16_t)(rdata[2] << 8 | rdata[3]);
	record_r->salt_length = rdata[4];
	record_r->salt = rdata + 5;
	length -= 5;
	if (length < record_r->salt_length + 1u + HASH_BYTES || record_r->salt[record_r->salt_length] != HASH_BYTES)
		return -E_SYNTAX;
	record_r->next = record_r->salt + record_r->salt_length + 1;
	record_r->bitmap = record_r->next + HASH_BYTES;
	record_r->bitmap_length = length - record_r->salt_length - 1u - HASH_BYTES;
	return bitmap_valid(record_r->bitmap, record_r->bitmap_length) ? 0 : -E_SYNTAX;
}

static bool same_parameters(const struct nsec3 *a, const struct nsec3 *b)
{
	return a->iterations == b->iterations && a->salt_length == b->salt_length &&
	    memcmp(a->salt, b->salt, a->salt_length) == 0;
}

bool nsec3_present(const struct denial_query *query)
{
	struct nsec3 record;

	for (size_t i = 0; i < query->message->authority_count; i++)
		if (query->message->authority[i].type == DNS_TYPE_NSEC3 &&
		    nsec3_parse(query, &query->message->authority[i], &record) == 0)
			return true;
	return false;
}

/* RFC 9276 section 3.2: insecure, but only on the word of a record that is authentic. */
static struct denial too_many_iterations(struct chain *chain)
{
	struct denial_query *query = chain->query;
	const struct nsec3 *first = &chain->records[0];

	if (!denial_rely(query, first->set))
		return bogus(j_printf(query->j, "NSEC3: %s", first->set->why));
	return (struct denial){ .kind = DENIAL_INSECURE, .why = j_printf(query->j,
	    "NSEC3 with %u iterations, over the cap of %u", first->iterations,
	    query->j->validator->config.max_nsec3_iterations) };
}

/* Gathers the records. @return whether they can be used; else chain->refusal is the result. */
static bool chain_load(struct chain *chain, struct denial_query *query)
{
	struct vmessage *message = query->message;

	memset(chain, 0, sizeof(*chain));
	chain->query = query;
	for (size_t i = 0; i < message->authority_count; i++) {
		struct nsec3 record;

		if (message->authority[i].type != DNS_TYPE_NSEC3 || nsec3_parse(query, &message->authority[i], &record) != 0)
			continue;
		if (chain->count == MAX_NSEC3) {
			chain->refusal = bogus(j_printf(query->j, "limit: more than %d NSEC3 records", MAX_NSEC3));
			return false;
		}
		if (chain->count != 0 && !same_parameters(&record, &chain->records[0])) {
			chain->refusal = bogus("NSEC3 records of different parameters");	/* RFC 5155 section 8.2 */
			return false;
		}
		chain->records[chain->count++] = record;
	}
	if (chain->count != 0 && chain->records[0].iterations > query->j->validator->config.max_nsec3_iterations) {
		chain->refusal = too_many_iterations(chain);
		return false;
	}
	chain->refusal = bogus("there is no usable NSEC3 record");
	return chain->count != 0;
}

/* The hash that was computed for name before. Only one set of parameters is remembered, that of the records at hand: with a
 * salt of its own in each answer the memory would cost more than the hashes. */
static const uint8_t *memo_find(struct judgement *j, const struct nsec3 *first, const uint8_t *name)
{
	const struct nsec3_memo *memo = j->nsec3_memo;

	if (memo != NULL && (memo->iterations != first->iterations || memo->salt_length != first->salt_length ||
	    memcmp(memo->salt, first->salt, first->salt_length) != 0))
		memo = j->nsec3_memo = NULL;
	while (memo != NULL && !dns_wire_equal(memo->name, name))
		memo = memo->next;
	return memo != NULL ? memo->hash : NULL;
}

/* The hash of name with the chain's parameters; NULL when a cap was hit. */
static const uint8_t *chain_hash(struct chain *chain, const uint8_t *name)
{
	const struct nsec3 *first = &chain->records[0];
	struct judgement *j = chain->query->j;
	unsigned cost = first->iterations + 1u, cap = j->validator->config.max_nsec3_work;
	const uint8_t *known = memo_find(j, first, name);
	struct nsec3_memo *memo;

	if (known != NULL)
		return known;
	if (j->nsec3_used_total + cost > LOOKUP_FACTOR * cap)
		j->limited = true;
	if (j->limited || j->nsec3_used + cost > cap) {
		chain->limited = true;
		return NULL;
	}
	j->nsec3_used += cost;
	j->nsec3_used_total += cost;
	memo = arena_alloc(j->arena, sizeof(*memo));
	*memo = (struct nsec3_memo){ .name = name, .salt = first->salt, .salt_length = first->salt_length,
		.iterations = first->iterations, .next = j->nsec3_memo };
	if (dnssec_crypto_nsec3_hash(&j->validator->crypto, name, first->salt, first->salt_length, first->iterations,
	    memo->hash) != 0)
		return NULL;
	j->nsec3_memo = memo;
	return memo->hash;
}

static struct nsec3 *chain_match(struct chain *chain, const uint8_t *name)
{
	const uint8_t *hash = chain_hash(chain, name);

	for (size_t i = 0; hash != NULL && i < chain->count; i++)
		if (memcmp(chain->records[i].owner, hash, HASH_BYTES) == 0)
			return &chain->records[i];
	return NULL;
}

static struct nsec3 *chain_cover(struct chain *chain, const uint8_t *name)
{
	const uint8_t *hash = chain_hash(chain, name);

	for (size_t i = 0; hash != NULL && i < chain->count; i++) {
		const struct nsec3 *record = &chain->records[i];
		bool after = memcmp(record->owner, hash, HASH_BYTES) < 0, before = memcmp(hash, record->next, HASH_BYTES) < 0;
		bool wraps = memcmp(record->owner, record->next, HASH_BYTES) >= 0;

		if (memcmp(record->owner, hash, HASH_BYTES) != 0 && (wraps ? after || before : after && before))
			return &chain->records[i];
	}
	return NULL;
}

/* Why a record was not found: it may not have been looked for, where the hashing cap was hit. */
static const char *not_found(const struct chain *chain, const char *why)
{
	return chain->limited ? "limit: too much NSEC3 hashing" : why;
}

/* Closest encloser proof (RFC 5155 section 8.3). */
struct encloser {
	const uint8_t *name;
	struct nsec3 *match, *cover;	/* cover: of the next closer name */
};

/* @return NULL, or why there is no proof. */
static const char *encloser_find(struct chain *chain, struct encloser *encloser_r)
{
	const struct denial_query *query = chain->query;
	unsigned labels = dns_wire_labels(query->name), apex = dns_wire_labels(query->zone->name);

	for (; labels > apex; labels--) {
		const uint8_t *name = dns_wire_suffix(query->name, labels - 1);

		encloser_r->match = chain_match(chain, name);
		if (encloser_r->match == NULL)
			continue;
		if (denial_is_ancestor_delegation(encloser_r->match->bitmap, encloser_r->match->bitmap_length))
			return "the closest encloser is a delegation or a DNAME";
		encloser_r->name = name;
		encloser_r->cover = chain_cover(chain, dns_wire_suffix(query->name, labels));
		return encloser_r->cover != NULL ? NULL : not_found(chain, "no NSEC3 covers the next closer name");
	}
	return not_found(chain, "no NSEC3 matches an encloser");
}

/* Verifies up to three records. @return NULL when all may be relied on. */
static const char *rely_on(struct chain *chain, struct nsec3 *a, struct nsec3 *b, struct nsec3 *c)
{
	struct nsec3 *records[] = { a, b, c };

	for (size_t i = 0; i < 3; i++)
		if (records[i] != NULL && !denial_rely(chain->query, records[i]->set))
			return j_printf(chain->query->j, "NSEC3 %s: %s",
			    dns_wire_text(chain->query->j->arena, records[i]->set->owner), records[i]->set->why);
	return NULL;
}

/* RFC 5155 section 9.2: an opt-out record over the next closer name leaves room for an unsigned delegation. */
static struct denial by_encloser(struct chain *chain, const struct encloser *encloser, const char *what)
{
	struct judgement *j = chain->query->j;
	const char *name = dns_wire_text(j->arena, encloser->name);

	if (encloser->cover->opt_out)
		return (struct denial){ .kind = DENIAL_INSECURE, .why = j_printf(j,
		    "NSEC3 opt-out below %s leaves it open", name) };
	return (struct denial){ .kind = DENIAL_SECURE, .why = j_printf(j, "%s, by NSEC3, closest encloser %s", what, name) };
}

/* NSEC3 that matches the name itself. */
static struct denial matched_nodata(struct chain *chain, struct nsec3 *match)
{
	struct denial_query *query = chain->query;
	const char *why = denial_refuse_match(query, match->bitmap, match->bitmap_length, false);

	if (why == NULL)
		why = rely_on(chain, match, NULL, NULL);
	if (why != NULL)
		return bogus(why);
	return (struct denial){ .kind = DENIAL_SECURE, .why = "no such type, by the NSEC3 of the name",
		.nonexistent = bitmap_is_nonexistence(match->bitmap, match->bitmap_length),
		.delegation = bitmap_has(match->bitmap, match->bitmap_length, DNS_TYPE_NS) &&
		    !bitmap_has(match->bitmap, match->bitmap_length, DNS_TYPE_SOA) };
}

struct denial nsec3_prove_nodata(struct denial_query *query)
{
	struct encloser encloser = { 0 };
	struct nsec3 *match, *wildcard_match;
	const uint8_t *wildcard;
	struct chain chain;
	const char *why;

	if (!chain_load(&chain, query))
		return chain.refusal;
	match = chain_match(&chain, query->name);
	if (match != NULL)
		return matched_nodata(&chain, match);
	why = encloser_find(&chain, &encloser);
	if (why != NULL)
		return bogus(why);
	if (encloser.cover->opt_out) {
		/* RFC 5155 section 8.6: an unsigned delegation may be there, whatever the wildcard says; for other types an
		 * empty non-terminal that only leads to unsigned delegations looks the same */
		why = rely_on(&chain, encloser.match, encloser.cover, NULL);
		return why != NULL ? bogus(why) : by_encloser(&chain, &encloser, "");
	}
	wildcard = dns_wire_wildcard(query->j->arena, encloser.name);
	wildcard_match = wildcard != NULL ? chain_match(&chain, wildcard) : NULL;
	if (wildcard_match == NULL)
		return bogus(not_found(&chain, "no NSEC3 matches the name or its wildcard"));
	why = denial_refuse_match(query, wildcard_match->bitmap, wildcard_match->bitmap_length, true);	/* section 8.7 */
	if (why == NULL)
		why = rely_on(&chain, encloser.match, encloser.cover, wildcard_match);
	return why != NULL ? bogus(why) : by_encloser(&chain, &encloser, "no such type at the wildcard");
}

/* NXDOMAIN in spite of an NSEC3 of the name: by its own word only (RFC 9824 section 4). */
static struct denial matched_nxdomain(struct chain *chain, struct nsec3 *match)
{
	const char *why = "an NSEC3 says that the name exists";

	if (bitmap_is_nonexistence(match->bitmap, match->bitmap_length))
		why = rely_on(chain, match, NULL, NULL);
	if (why != NULL)
		return bogus(why);
	return (struct denial){ .kind = DENIAL_SECURE, .why = "no such name (NXNAME), by its NSEC3", .nonexistent = true };
}

struct denial nsec3_prove_nxdomain(struct denial_query *query)
{
	struct encloser encloser = { 0 };
	struct nsec3 *cover = NULL, *match;
	const uint8_t *wildcard;
	struct chain chain;
	const char *why;

	if (!chain_load(&chain, query))
		return chain.refusal;
	match = chain_match(&chain, query->name);
	if (match != NULL)
		return matched_nxdomain(&chain, match);
	why = encloser_find(&chain, &encloser);
	if (why != NULL)
		return bogus(why);
	wildcard = dns_wire_wildcard(query->j->arena, encloser.name);
	if (wildcard != NULL) {		/* a wildcard too long to be a name cannot exist */
		cover = chain_cover(&chain, wildcard);
		if (cover == NULL)
			return bogus(not_found(&chain, "no NSEC3 denies the wildcard"));
	}
	why = rely_on(&chain, encloser.match, encloser.cover, cover);
	return why != NULL ? bogus(why) : by_encloser(&chain, &encloser, "no such name and no wildcard");
}

struct denial nsec3_prove_next_closer(struct denial_query *query, const uint8_t *next_closer)
{
	struct encloser encloser = { .name = dns_wire_parent(next_closer) };
	struct chain chain;
	const char *why;

	if (!chain_load(&chain, query))
		return chain.refusal;
	encloser.cover = chain_cover(&chain, next_closer);
	if (encloser.cover == NULL)
		return bogus(not_found(&chain, "no NSEC3 covers it"));
	why = rely_on(&chain, encloser.cover, NULL, NULL);
	return why != NULL ? bogus(why) : by_encloser(&chain, &encloser, "nothing closer than the wildcard");
}
