/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_DNSSEC_WORLD_H
#define ASSAY_TESTS_DNSSEC_WORLD_H
/*
 * A signed DNS in memory, for the validator's unit tests: zones with keys, replies put together record by record (signed
 * or not, renamed, replayed), and a fetcher that serves them. The signing is ldns's, independent of the code under test.
 */
#include <ldns/ldns.h>

#include "dnssec/validator.h"
#include "scratch.h"
#include "util/clock.h"

enum { WORLD_NOW = 1600000000, SECTION_ANSWER = 0, SECTION_AUTHORITY = 1 };

struct zone {
	struct world *world;
	const char *name;		/* with trailing dot */
	struct zone *parent;
	ldns_key_list *keys;		/* of the DNSKEY set, in order */
	ldns_rr_list *dnskeys;
	struct zone *next;
};

struct reply {
	char name[1024];
	uint16_t type;
	uint8_t rcode;
	ldns_rr_list *sections[2];
	uint8_t *wire;
	size_t length;
	struct reply *next;
};

struct world {
	struct validator_config config;
	struct clock clock;
	struct validator *validator;
	struct zone *zones;
	struct reply *replies;
	struct arena *arena;
	char anchor_path[SCRATCH_BYTES];
	_Atomic unsigned fetches, starts, starts_before_fetch;	/* the last: before the first fetch was waited for */
};

/** A world with an empty signed root whose DS is the trust anchor. config: caps to set, or NULL. */
struct world *world_new(const struct validator_config *config);
void world_free(struct world **world);
struct zone *world_root(struct world *world);
/** A new validator, which trusts the keys of these zones (NULL-terminated) instead of the root's alone. */
void world_trust(struct world *world, struct zone *const *zones);

/* What most tests begin with: root, test. and a zone below it. A program's own fixture has the world first as well. */
struct world_fixture { struct world *world; struct zone *root, *tld, *zone; };

/** Makes a struct world_fixture. zone with trailing dot, below test. */
int world_setup(void **state, const char *zone, ldns_signing_algorithm algorithm);
/** Ends any fixture that was allocated in one piece and has the world first. */
int world_teardown(void **state);

/** A signed zone below parent, with its DNSKEY and DS answers served. */
struct zone *zone_new(struct zone *parent, const char *name, ldns_signing_algorithm algorithm);
/** As zone_new(), but nothing of it is served yet. */
struct zone *zone_unserved(struct zone *parent, const char *name, ldns_signing_algorithm algorithm);
void zone_serve_dnskey(struct zone *zone);
void zone_serve_ds(struct zone *zone);
/** Adds another key to the zone's DNSKEY set. */
void zone_add_key(struct zone *zone, ldns_signing_algorithm algorithm);

/** An empty reply, kept by the world. name with trailing dot. */
struct reply *reply_new(struct world *world, const char *name, uint16_t type, ldns_pkt_rcode rcode);
/** An empty reply that says that all is well. */
struct reply *reply_noerror(struct world *world, const char *name, uint16_t type);
/** One TXT record at name that lets everybody send, signed by signer (NULL: not at all). */
struct reply *reply_spf(struct world *world, const char *name, struct zone *signer);
/** Adds one record in zone-file form; zone signs it with its last key (NULL: no signature). */
void reply_add(struct reply *reply, int section, const char *text, struct zone *zone);
/** Adds an RRset of several records, NULL-terminated. */
void reply_add_set(struct reply *reply, int section, const char *const *texts, struct zone *zone);
/** Signs under the owner in text, then serves record and signature under another owner (wildcards, replays). */
void reply_add_as(struct reply *reply, int section, const char *text, struct zone *zone, const char *owner);
/** Signs with other dates. */
void reply_add_dated(struct reply *reply, const char *text, struct zone *zone, uint32_t inception, uint32_t expiration);
/** Makes the fetcher answer its question with it. */
void reply_serve(struct reply *reply);
/** @return what is served for the question, or NULL. name without trailing dot. Thread: any, while nobody changes replies. */
const struct reply *world_find(const struct world *world, const char *name, uint16_t type);

/** Signs a list with the zone's key; the caller frees the RRSIGs. */
ldns_rr_list *zone_sign(struct zone *zone, ldns_rr_list *set);

/** Judges the reply as answer to its own question. */
struct validator_verdict world_judge(struct world *world, struct reply *reply);
/** The same as answer to another question. */
struct validator_verdict world_judge_as(struct world *world, struct reply *reply, const char *name, uint16_t type);
/** Judges a served reply; unlike the others it may be called by several threads at once. */
enum dns_security world_judge_in_thread(struct world *world, const struct reply *reply, struct arena *arena);
/** "secure" etc., and in a failing assertion the reason: "secure" equals, else "bogus: why". */
const char *world_security(struct world *world, struct reply *reply);

#endif
