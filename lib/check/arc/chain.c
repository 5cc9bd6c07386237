/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sets of an ARC chain: found in the header wherever they stand, put in order by their instances, and looked at as a whole.
 * What is wrong with the structure needs no key, and no look-up: the chain fails. Pure.
 * Thread: the message's. Trusts nothing; at most ARC_SETS_MAX fields of a kind are read.
 */
#include "check/arc/chain.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "check/signature/canon.h"
#include "message/authres_parse.h"

enum kind { RESULTS, MESSAGE, SEAL, KINDS };

static enum kind kind_of(const struct header_field *field)
{
	static const char *const names[] = { "ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal" };
	size_t length = field->name_length;
	enum kind kind = RESULTS;

	while (length > 0 && (field->name[length - 1] == ' ' || field->name[length - 1] == '\t'))
		length--;
	while (kind < KINDS && (strlen(names[kind]) != length || strncasecmp(names[kind], field->name, length) != 0))
		kind++;
	return kind;
}

/* @return whether there are any. */
static bool count_fields(const struct facts *facts, size_t counts_r[KINDS])
{
	bool any = false;

	memset(counts_r, 0, KINDS * sizeof(counts_r[0]));
	for (size_t i = 0; i < facts->field_count; i++) {
		enum kind kind = kind_of(&facts->fields[i]);

		if (kind == KINDS)
			continue;
		counts_r[kind]++;
		any = true;
	}
	return any;
}

/* Puts a field into its set. @return NULL, or why there is no place for it. */
static const char *place(struct arc_chain *chain, const struct header_field **slot, unsigned instance,
    const struct header_field *field)
{
	if (*slot != NULL)
		return "two fields of one kind have the same instance";
	*slot = field;
	if (chain->count < instance)
		chain->count = instance;
	return NULL;
}

static const char *read_results(struct arc_chain *chain, const struct header_field *field)
{
	unsigned instance;
	const char *said;
	struct arc_link *link;

	if (authres_parse_instance(field->value, field->value_length, &instance, &said) != 0 || instance < 1 ||
	    instance > ARC_SETS_MAX)
		return "ARC-Authentication-Results without an instance";
	link = &chain->links[instance - 1];
	link->said = said;
	return place(chain, &link->results, instance, field);
}

static const char *read_signature(struct arc_chain *chain, struct arena *arena, const struct header_field *field, bool is_seal)
{
	struct dkim_signature signature;
	struct arc_link *link;

	dkim_signature_parse_as(arena, is_seal ? DKIM_DIALECT_ARC_SEAL : DKIM_DIALECT_ARC_MESSAGE, field->value,
	    field->value_length, &signature);
	if (signature.instance == 0)
		return signature.fault;
	link = &chain->links[signature.instance - 1];
	*(is_seal ? &link->seal_signature : &link->message_signature) = signature;
	return place(chain, is_seal ? &link->seal : &link->message, signature.instance, field);
}

static const char *read_field(struct arc_chain *chain, struct arena *arena, const struct header_field *field)
{
	enum kind kind = kind_of(field);

	if (kind == KINDS)
		return NULL;
	return kind == RESULTS ? read_results(chain, field) : read_signature(chain, arena, field, kind == SEAL);
}

/* Each set has all three, from the first to the last. */
static const char *find_gap(const struct arc_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct arc_link *link = &chain->links[i];

		if (link->results == NULL || link->message == NULL || link->seal == NULL)
			return "the chain has a gap";
	}
	return NULL;
}

/* Section 5.2, steps 2 and 3.3. */
static const char *find_bad_status(const struct arc_chain *chain)
{
	if (chain->links[chain->count - 1].seal_signature.chain == DKIM_CHAIN_FAIL)
		return "the newest seal says that the chain has failed";
	for (size_t i = 0; i < chain->count; i++)
		if (chain->links[i].seal_signature.chain != (i == 0 ? DKIM_CHAIN_NONE : DKIM_CHAIN_PASS))
			return "a seal has another cv= than its place in the chain asks for";
	return NULL;
}

static const char *signature_fault(const struct dkim_signature *signature)
{
	return signature->algorithm == DKIM_ALGORITHM_RSA_SHA1 && signature->fault == NULL ? "rsa-sha1 does not count" :
	    signature->fault;
}

/* All seals and the newest message signature have to verify: what cannot be one fails the chain without a key. */
static const char *find_unusable(const struct arc_chain *chain)
{
	const char *fault = signature_fault(&chain->links[chain->count - 1].message_signature);

	for (size_t i = chain->count; i-- > 0 && fault == NULL;)
		fault = signature_fault(&chain->links[i].seal_signature);
	return fault;
}

static const char *look_at(const struct arc_chain *chain)
{
	const char *fault = find_gap(chain);

	if (fault == NULL)
		fault = find_bad_status(chain);
	return fault != NULL ? fault : find_unusable(chain);
}

void arc_chain_collect(const struct facts *facts, struct arena *arena, struct arc_chain *chain_r)
{
	size_t counts[KINDS];

	*chain_r = (struct arc_chain){ 0 };
	if (!count_fields(facts, counts))
		return;
	chain_r->links = arena_calloc(arena, ARC_SETS_MAX, sizeof(*chain_r->links));
	for (size_t i = 0; i < ARC_SETS_MAX; i++)
		chain_r->links[i].body_slot = -1;
	for (size_t kind = 0; kind < KINDS; kind++)
		chain_r->too_many = chain_r->too_many || counts[kind] > ARC_SETS_MAX;
	if (chain_r->too_many)
		chain_r->fault = "there are more sets than a chain may have";
	/* which of them were signed nobody knows then */
	if (facts->fields_truncated) {
		chain_r->too_many = true;
		chain_r->fault = "header fields over the limits were not kept";
	}
	for (size_t i = 0; i < facts->field_count && chain_r->fault == NULL; i++)
		chain_r->fault = read_field(chain_r, arena, &facts->fields[i]);
	if (chain_r->fault == NULL)
		chain_r->fault = look_at(chain_r);
}

/* ---- what the seals sign ---- */

static bool hash_field(EVP_MD_CTX *hash, struct buf *buf, const struct header_field *field, bool last)
{
	buf->length = 0;
	dkim_canon_relaxed(buf, field, last);
	if (!last)
		buf_append(buf, "\r\n", 2);
	return EVP_DigestUpdate(hash, buf->data, buf->length) == 1;
}

bool arc_chain_seal_hashes(const struct arc_chain *chain, struct arena *arena, uint8_t (*hashes_r)[DKIM_HASH_BYTES])
{
	EVP_MD_CTX *all = EVP_MD_CTX_new(), *one = EVP_MD_CTX_new();
	struct buf buf = buf_make(arena);
	bool done = all != NULL && one != NULL && EVP_DigestInit_ex(all, EVP_sha256(), NULL) == 1;

	/* a seal's own field comes last, without its b=; for the next one it comes with it */
	for (size_t i = 0; i < chain->count && done; i++) {
		const struct arc_link *link = &chain->links[i];

		done = hash_field(all, &buf, link->results, false) && hash_field(all, &buf, link->message, false) &&
		    EVP_MD_CTX_copy_ex(one, all) == 1 && hash_field(one, &buf, link->seal, true) &&
		    EVP_DigestFinal_ex(one, hashes_r[i], NULL) == 1 && hash_field(all, &buf, link->seal, false);
	}
	EVP_MD_CTX_free(one);
	EVP_MD_CTX_free(all);
	return done;
}
