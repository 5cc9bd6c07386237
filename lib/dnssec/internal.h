/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNSSEC_INTERNAL_H
#define ASSAY_DNSSEC_INTERNAL_H
/*
 * What the files of the validator share; nobody else includes it. One judgement walks like this:
 *
 *   validator.c  parses the answer and follows its CNAME/DNAME chain; each link is judged on its own:
 *   judgement.c  fetching, holding, telling
 *   answer.c     a positive link: whose signature? → walk → verify → if wildcard-expanded, its proof
 *   denial.c     a negative link: collects the proof records, dispatches to NSEC or NSEC3
 *   nsec.c       \ the proofs as pure logic over records that are verified when they are first relied on
 *   nsec3.c      /
 *   walk.c       from the deepest known cut down to the zone that signed, or down to the proof that there is none
 *   keys.c       DS set → DNSKEY set → a SECURE cut
 *   cuts.c       the cache of cuts, the one thing that threads share
 *   places.c     in which zone a name was: what the prefetch goes by
 *   rrset.c      candidate signatures, budgets, verification of one RRset
 *   memo.c       signatures that have verified before, by zone
 *   crypto.c     keys decoded, digests, the verification itself (OpenSSL)
 *   message.c    message → RRsets in canonical form (ldns)
 *   anchor.c     trust anchor files
 *   local_zones.c the zones that resolvers answer by themselves
 *
 * Memory: everything of one judgement lives in its scratch arena; cuts are reference-counted heap objects that never
 * change after they are made (but for lazily decoded keys and the memory of signatures, under their lock).
 */
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "dns/bitmap.h"
#include "dns/name.h"
#include "dnssec/places.h"
#include "dnssec/validator.h"
#include "util/buf.h"
#include "util/clock.h"

/* ---- messages ---- */

struct vrr { const uint8_t *rdata; uint16_t length; };	/* canonical form */

struct vsig {
	uint8_t algorithm, labels;
	uint16_t key_tag;
	uint32_t original_ttl, expiration, inception;
	const uint8_t *signer;
	const uint8_t *prefix;		/* rdata up to the signature, signer lower-cased: the head of what is signed */
	size_t prefix_length;
	const uint8_t *signature;
	size_t signature_length;
};

enum rrset_state { RRSET_NEW, RRSET_GOOD, RRSET_BAD };

struct vrrset {
	const uint8_t *owner;
	uint16_t type;
	uint32_t ttl_secs;		/* least of the records; after verification also of what the signature allows */
	struct vrr *rrs;		/* canonical order, no duplicates */
	size_t count;
	struct vsig *sigs;
	size_t sig_count;
	/* outcome of the verification, kept because a proof record may be needed twice */
	enum rrset_state state;
	const uint8_t *checked_zone;
	const struct vsig *sig;		/* the one that verified */
	const char *why;		/* why none did */
};

struct vmessage {
	unsigned rcode;
	struct vrrset *answer, *authority;
	size_t answer_count, authority_count;
};

/** @return 0; -E_SYNTAX on a malformed message, -E_LIMIT on more than 256 records in a section. */
int dnssec_message_parse(struct arena *arena, const uint8_t *wire, size_t length, struct vmessage *message_r);

/** @return the RRset or NULL. */
struct vrrset *dnssec_rrset_find(struct vrrset *sets, size_t count, const uint8_t *owner, uint16_t type);

/** Splits the rdata of an RRSIG. @return 0 or -E_SYNTAX. type_covered_r may be NULL. */
int dnssec_rrsig_parse(struct arena *arena, const uint8_t *rdata, size_t length, struct vsig *sig_r, uint16_t *covered_r);

/* ---- cryptography ---- */

struct dnssec_crypto { EVP_MD *sha1, *sha256, *sha384, *sha512; };

struct vkey {
	uint16_t flags, tag;
	uint8_t algorithm;
	bool entry;			/* matched by a DS or an anchor: may sign the DNSKEY set */
	bool decoded;			/* pkey was tried */
	uint16_t length;		/* of rdata */
	const uint8_t *rdata;
	EVP_PKEY *pkey;			/* NULL when the key cannot be used; see why */
	const char *why;		/* static text */
};

int dnssec_crypto_init(struct dnssec_crypto *crypto);
void dnssec_crypto_done(struct dnssec_crypto *crypto);

/** @return the algorithm's mnemonic, "algorithm" when unknown (then say the number). */
const char *dnssec_algorithm_name(uint8_t algorithm);
const char *dnssec_digest_name(uint8_t digest_type);
/** Allow-list: 8 10 13 14 15 16, and 5 7 if the policy says so. */
bool dnssec_algorithm_supported(uint8_t algorithm, bool allow_sha1);
bool dnssec_digest_supported(uint8_t digest_type);

/** @return whether the DS digest is that of the key (RFC 4034 section 5.1.4). */
bool dnssec_crypto_ds_matches(const struct dnssec_crypto *crypto, const uint8_t *owner, const struct vkey *key, uint8_t digest_type,
    const uint8_t *digest, size_t length);

/** Decodes the public key (RFC 3110, 6605, 8080). Sets pkey or why. */
void dnssec_crypto_key_decode(struct vkey *key);

bool dnssec_crypto_verify(const struct dnssec_crypto *crypto, const struct vkey *key, const uint8_t *data, size_t length,
    const uint8_t *signature, size_t signature_length);

/** SHA-1, salted and iterated (RFC 5155 section 5). @return 0 or -E_SYSTEM. */
int dnssec_crypto_nsec3_hash(const struct dnssec_crypto *crypto, const uint8_t *name, const uint8_t *salt, size_t salt_length,
    unsigned iterations, uint8_t hash_r[20]);

/* ---- cuts ---- */

enum cut_state { CUT_SECURE, CUT_INSECURE, CUT_NOT_A_CUT, CUT_BOGUS, CUT_UNKNOWN };

struct cut {
	atomic_uint references;
	enum cut_state state;
	bool unproven;			/* BOGUS only because a proof is missing: signed data below it may still be proven */
	uint8_t name[DNS_NAME_BYTES];
	struct cut *parent;		/* zone above, held; NULL at an anchor */
	atomic_bool delegates;		/* a zone has been found right below it, so that there may be more */
	struct vkey *keys;
	size_t key_count;
	pthread_mutex_t lock;		/* of what is added later: decoded keys and signatures */
	struct sig_memo *memo;		/* NULL until one was verified */
	uint8_t *blob;			/* where the keys' rdata is */
	char *why, *story;		/* one line; lines for `assay dns` */
	int64_t expires_ms;		/* monotonic */
	int64_t expires_wall;		/* so that an expired signature under a moved clock is not relied on */
	unsigned failures;		/* BOGUS: how often in a row */
	/* the cache's */
	struct cut *hash_next, *lru_newer, *lru_older;
	uint64_t hash;
};

struct cut_cache;
struct cut_cache *cuts_new(size_t max_cuts);
void cuts_free(struct cut_cache **cache);
/** @return the cut, held for the caller, or NULL when there is none or it has run out. */
struct cut *cuts_get(struct cut_cache *cache, const uint8_t *name, int64_t wall_secs);
/** Takes a reference of its own and replaces what was there. A BOGUS cut's time is lengthened by its history. */
void cuts_put(struct cut_cache *cache, struct cut *cut);
struct cut *cut_new(const uint8_t *name, enum cut_state state, struct cut *parent);
struct cut *cut_ref(struct cut *cut);
void cut_unref(struct cut *cut);

/*
 * Work on a zone, of which only one judgement at a time should do any: whoever comes meanwhile waits for its end, once, and mostly
 * finds it done. Nothing may be fetched during it, so that nobody waits by another's deadline or share: only for some verifications.
 */
struct cut_turn {
	const uint8_t *name;		/* the caller's, until the end; NULL: one that keeps nobody else waiting */
	uint64_t number;
	struct cut_turn *next;
};

/** @return the cut of that name, held, if there is one by now: then there is no turn. NULL: the caller's turn, to be ended. */
struct cut *cuts_turn_begin(struct cut_cache *cache, struct cut_turn *turn, const uint8_t *name, int64_t wall_secs);
void cuts_turn_end(struct cut_cache *cache, struct cut_turn *turn);
/** @return the cut as the cache last knew it, held, run out or not; NULL. To be compared with, never to be relied on. */
struct cut *cuts_get_old(struct cut_cache *cache, const uint8_t *name);

/* ---- signatures verified before ---- */

/* SHA-256 of key, signature and signed data. */
struct sig_mark { uint8_t octets[32]; };

/** @return false when no digest could be made; then nothing is remembered. */
bool sig_mark(const struct dnssec_crypto *crypto, const struct cut *zone, const struct vkey *key, const struct vsig *sig,
    const uint8_t *data, size_t length, struct sig_mark *mark_r);
bool sig_is_known(struct cut *zone, const struct sig_mark *mark);
void sig_remember(struct cut *zone, const struct sig_mark *mark);
/**
 * What an older cut of the zone had decoded and verified, if its keys are the same, and that it delegates; nothing of its trust.
 * @param cut  with keys, still the caller's alone.
 */
void cut_inherit(struct cut *cut, struct cut *old);

/* ---- anchors ---- */

/* A DS record, or an anchor in DNSKEY form (then dnskey is set and the digest is not). */
struct vds {
	uint16_t tag;
	uint8_t algorithm, digest_type;
	const uint8_t *digest;
	size_t digest_length;
	const uint8_t *dnskey;
	size_t dnskey_length;
};

struct anchor {
	const uint8_t *name;
	struct vds *ds;
	size_t ds_count;
	const char *source;		/* file:line of its first record */
	struct anchor *next;
};

/** @return 0 with the list in the arena; -E_CONFIG with why_r set. */
int dnssec_anchors_load(struct arena *arena, const char *const *files, bool allow_sha1, struct anchor **anchors_r,
    char *why_r, size_t why_bytes);

/* ---- the validator and one judgement ---- */

struct name_list { const uint8_t *name; struct name_list *next; };

/* A zone that is not validated: by the admin's word, or because resolvers serve it themselves. */
struct negative_anchor {
	const uint8_t *name;
	unsigned rfc;			/* that says so; 0: the admin */
	struct negative_anchor *next;
};

struct local_zone { const char *name; unsigned rfc; };
extern const struct local_zone local_zones[];
extern const size_t local_zones_count;

struct validator {
	struct validator_config config;	/* numbers only; defaults filled in */
	struct arena *arena;		/* anchors, negative anchors */
	struct clock clock;
	struct anchor *anchors;
	struct negative_anchor *negative_anchors;
	struct dnssec_crypto crypto;
	struct cut_cache *cuts;
	struct places places;
	atomic_bool anchored;		/* a zone below the root, or a trust anchor's there, has been found secure: DNSSEC reaches us */
};

struct dnssec_outcome {
	enum dns_security security;
	bool nonexistent;		/* proven of the name itself, by NXNAME */
	uint32_t ttl_secs;
	const char *why;		/* in the scratch arena */
};

struct fetched { const uint8_t *name; uint16_t type; int status; struct vmessage message; struct fetched *next; };
struct held_cut { struct cut *cut; struct held_cut *next; };
struct nsec3_memo;

struct judgement {
	struct validator *validator;
	const struct dns_fetcher *fetcher;
	struct arena *arena;		/* scratch */
	int64_t now;			/* wall, seconds */
	bool fetch_failed;		/* a key or proof could not be had */
	bool uncovered;			/* no trust anchor is above a name of the answer: nothing to wait for */
	unsigned crypto_used, crypto_failed, fetches;
	const struct vmessage *nsec3_message;	/* the response that nsec3_used counts for */
	unsigned nsec3_used, nsec3_used_total;	/* iterations hashed for it, and for the whole look-up */
	bool limited;			/* a cap of the whole look-up was hit: what failed since is no fault of a zone, and is not cached as bogus */
	bool explain;
	struct buf story;
	struct fetched *fetched;
	struct held_cut *held;
	struct name_list *told;		/* zones whose story is in the explanation */
	struct nsec3_memo *nsec3_memo;
};

/** Adds a line to the explanation, if one is wanted. */
void judgement_tell(struct judgement *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Keeps a reference until the judgement ends. @return cut. */
struct cut *judgement_hold(struct judgement *j, struct cut *cut);
/** Adds the stories of the chain from the anchor down to cut, each zone once. */
void judgement_tell_chain(struct judgement *j, struct cut *cut);
/** Begins fetching. */
void judgement_start(struct judgement *j, const uint8_t *name, uint16_t type);
/** @return 0; -E_DNS when there is no usable answer (SERVFAIL, time-out, malformed); -E_LIMIT. */
int judgement_fetch(struct judgement *j, const uint8_t *name, uint16_t type, struct vmessage **message_r);
const char *judgement_type_text(struct judgement *j, uint16_t type);
#define j_printf(j, ...) arena_printf((j)->arena, __VA_ARGS__)

/* ---- rrset ---- */

enum { VERIFY_ANY = 0, VERIFY_ENTRY_KEYS = 1, VERIFY_UNEXPANDED = 2 };

/** Whether the signature could be by a zone for this RRset, not looking at keys. @return NULL or why not. */
const char *dnssec_sig_refuse(struct judgement *j, const struct vrrset *set, const struct vsig *sig);
/**
 * Verifies with the keys of a SECURE zone; the first signature that verifies is enough (RFC 6840 section 5.11).
 * @return the signature, or NULL with set->why.
 */
const struct vsig *dnssec_rrset_verify(struct judgement *j, struct vrrset *set, struct cut *zone, unsigned flags);
/** @return whether the verified set came out of a wildcard (RFC 4035 section 5.3.4). */
bool dnssec_rrset_is_expanded(const struct vrrset *set);

/* ---- walk and keys ---- */

/** State of the zone with that name: SECURE, INSECURE, NOT_A_CUT, BOGUS, UNKNOWN. Never NULL; held. */
struct cut *dnssec_walk_to_zone(struct judgement *j, const uint8_t *zone);
/** State of the zone in which an unsigned name lies. SECURE: the name should have been signed, by that zone; INSECURE: no. */
struct cut *dnssec_walk_to_name(struct judgement *j, const uint8_t *name);
/* What a zone's keys are to be trusted by: a verified DS set of the zone above, or an anchor. */
struct ds_set {
	const struct vds *ds;
	size_t count;
	uint32_t ttl_secs;
	struct cut *parent;		/* NULL for an anchor */
	const char *source;		/* for the explanation: who vouches for it */
};

/** DS set → cut for zone. */
struct cut *dnssec_keys_establish(struct judgement *j, const uint8_t *zone, const struct ds_set *set);
/** cuts_turn_begin() for what a DS set leads to. @return the zone, held, when somebody else has judged it by now; else NULL. */
struct cut *dnssec_turn_begin(struct judgement *j, struct cut_turn *turn, const uint8_t *zone);
/** Reads the records of a DS RRset. @return number stored. */
size_t dnssec_ds_parse(const struct vrrset *set, struct vds *ds_r, size_t room);
/** Caches the cut, unless its state is UNKNOWN or a cap of the look-up was hit. */
void cut_cache(struct judgement *j, struct cut *cut);
/** Makes a cut, holds it, and caches it unless it is BOGUS: that is the caller's decision. */
struct cut *cut_make(struct judgement *j, const uint8_t *name, enum cut_state state, struct cut *parent,
    uint32_t ttl_secs, const char *why);
/** Sets times and texts. */
void cut_finish(struct judgement *j, struct cut *cut, uint32_t ttl_secs, const char *why, const char *story);
/** The negative trust anchor that covers name, or NULL. A trust anchor below it wins, and one at a zone served locally, too. */
const struct negative_anchor *dnssec_negative_anchor_for(const struct validator *validator, const uint8_t *name);
/**
 * The trust anchor below zone that name belongs to, or NULL. The closest anchor decides (RFC 6840 section 5.10, appendix
 * C.1): when there is one, what zone signs, redirects or leaves unsigned says nothing about name.
 */
const uint8_t *dnssec_anchor_between(const struct validator *validator, const uint8_t *zone, const uint8_t *name);

/* ---- answers and denials ---- */

enum denial_kind {
	DENIAL_BOGUS,		/* not proven */
	DENIAL_SECURE,		/* proven */
	DENIAL_INSECURE,	/* opt-out or too many iterations: proven that nothing can be proven */
};

struct denial {
	enum denial_kind kind;
	bool delegation;	/* the name is there, with NS and without SOA */
	bool nonexistent;	/* there is no such name, whatever the rcode says: by the name's own record (RFC 9824) or a full proof */
	uint32_t ttl_secs;
	const char *why;
};

/* What is to be denied, and by which records. */
struct denial_query {
	struct judgement *j;
	struct vmessage *message;
	struct cut *zone;
	const uint8_t *name;
	uint16_t type;
	uint32_t ttl_secs;	/* least of the records relied on */
};

/** How long the cut may still be relied on. */
uint32_t cut_left_secs(const struct judgement *j, const struct cut *cut);
/** What a cut that is not SECURE means for the data in it; tells its chain. */
struct dnssec_outcome dnssec_outcome_of_cut(struct judgement *j, struct cut *cut);
struct dnssec_outcome judgement_positive(struct judgement *j, struct vmessage *message, struct vrrset *set);
struct dnssec_outcome judgement_negative(struct judgement *j, struct vmessage *message, const uint8_t *name, uint16_t type);

/** Proof out of one response, by records of one zone: NXDOMAIN when the rcode says so, else NODATA, or that it is even NXDOMAIN. */
struct denial denial_judge(struct judgement *j, struct vmessage *message, struct cut *zone, const uint8_t *name,
    uint16_t type);
/** Proof that a wildcard's answer was due: the name next closer to the one with `labels` labels does not exist. */
struct denial denial_judge_wildcard(struct judgement *j, struct vmessage *message, struct cut *zone,
    const uint8_t *name, unsigned labels);

struct denial nsec_prove_nodata(struct denial_query *query);
struct denial nsec_prove_nxdomain(struct denial_query *query);
struct denial nsec_prove_next_closer(struct denial_query *query, const uint8_t *next_closer);
bool nsec3_present(const struct denial_query *query);
struct denial nsec3_prove_nodata(struct denial_query *query);
struct denial nsec3_prove_nxdomain(struct denial_query *query);
struct denial nsec3_prove_next_closer(struct denial_query *query, const uint8_t *next_closer);

/** Verifies a proof record on its first use and counts its TTL. @return whether it may be relied on. */
bool denial_rely(struct denial_query *query, struct vrrset *set);
/** Rules for a record that matches the name itself, for NSEC and NSEC3 alike. @return NULL or why it proves nothing. */
const char *denial_refuse_match(const struct denial_query *query, const uint8_t *bitmap, size_t length, bool wildcard);
/** Whether the bitmap is that of a name whose descendants it cannot speak of (RFC 6840 section 4.1). */
bool denial_is_ancestor_delegation(const uint8_t *bitmap, size_t length);

#endif
