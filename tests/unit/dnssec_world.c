/* SPDX-License-Identifier: BSD-2-Clause */
/* A signed DNS in memory for the validator's tests; see the header. Aborts on anything unexpected. */
#include "dnssec_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/error.h"

enum { DAY_SECS = 86400, RSA_BITS = 2048, EC_BITS = 256 };

static void *must(void *pointer)
{
	if (pointer == NULL)
		abort();
	return pointer;
}

/* ---- fetcher ---- */

static void fetch_start(void *context, const char *name, uint16_t type)
{
	struct world *world = context;

	(void)name, (void)type;
	world->starts++;
}

const struct reply *world_find(const struct world *world, const char *name, uint16_t type)
{
	const struct reply *reply = world->replies;
	char dotted[1100];

	snprintf(dotted, sizeof(dotted), "%s%s", name, strcmp(name, ".") == 0 ? "" : ".");
	while (reply != NULL && (reply->wire == NULL || reply->type != type || strcasecmp(reply->name, dotted) != 0))
		reply = reply->next;
	return reply;
}

static int fetch_wait(void *context, const char *name, uint16_t type, const uint8_t **wire_r, size_t *length_r)
{
	struct world *world = context;
	const struct reply *reply;

	if (world->fetches++ == 0)
		world->starts_before_fetch = world->starts;
	reply = world_find(world, name, type);
	if (reply == NULL)
		return -E_DNS;
	*wire_r = reply->wire;
	*length_r = reply->length;
	return 0;
}

/* ---- zones ---- */

void zone_add_key(struct zone *zone, ldns_signing_algorithm algorithm)
{
	ldns_key *key = must(ldns_key_new_frm_algorithm(algorithm,
	    algorithm == LDNS_SIGN_RSASHA256 || algorithm == LDNS_SIGN_RSASHA512 ? RSA_BITS : EC_BITS));
	ldns_rr *rr;

	ldns_key_set_pubkey_owner(key, must(ldns_dname_new_frm_str(zone->name)));
	ldns_key_set_flags(key, 257);
	ldns_key_set_inception(key, WORLD_NOW - DAY_SECS);
	ldns_key_set_expiration(key, WORLD_NOW + DAY_SECS);
	rr = must(ldns_key2rr(key));
	ldns_rr_set_ttl(rr, 3600);
	ldns_key_set_keytag(key, ldns_calc_keytag(rr));
	ldns_key_list_push_key(zone->keys, key);
	ldns_rr_list_push_rr(zone->dnskeys, rr);
}

struct zone *zone_unserved(struct zone *parent, const char *name, ldns_signing_algorithm algorithm)
{
	struct zone *zone = must(calloc(1, sizeof(*zone)));

	zone->world = parent->world;
	zone->name = name;
	zone->parent = parent;
	zone->keys = must(ldns_key_list_new());
	zone->dnskeys = must(ldns_rr_list_new());
	zone_add_key(zone, algorithm);
	zone->next = zone->world->zones;
	zone->world->zones = zone;
	return zone;
}

/* RRSIGs of a set by every key whose use flag is on: here one, the last. */
ldns_rr_list *zone_sign(struct zone *zone, ldns_rr_list *set)
{
	size_t count = ldns_key_list_key_count(zone->keys);

	for (size_t i = 0; i < count; i++)
		ldns_key_set_use(ldns_key_list_key(zone->keys, i), i + 1 == count);
	return must(ldns_sign_public(set, zone->keys));
}

static void reply_add_list(struct reply *reply, int section, ldns_rr_list *set, struct zone *zone)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(set); i++)
		ldns_rr_list_push_rr(reply->sections[section], must(ldns_rr_clone(ldns_rr_list_rr(set, i))));
	if (zone != NULL) {
		ldns_rr_list *sigs = zone_sign(zone, set);

		ldns_rr_list_push_rr_list(reply->sections[section], sigs);
		ldns_rr_list_free(sigs);
	}
}

void zone_serve_dnskey(struct zone *zone)
{
	struct reply *reply = reply_new(zone->world, zone->name, LDNS_RR_TYPE_DNSKEY, LDNS_RCODE_NOERROR);

	reply_add_list(reply, SECTION_ANSWER, zone->dnskeys, zone);
	reply_serve(reply);
}

static ldns_rr *zone_ds(struct zone *zone)
{
	size_t last = ldns_rr_list_rr_count(zone->dnskeys) - 1;
	ldns_rr *ds = must(ldns_key_rr2ds(ldns_rr_list_rr(zone->dnskeys, last), LDNS_SHA256));

	ldns_rr_set_ttl(ds, 3600);
	return ds;
}

void zone_serve_ds(struct zone *zone)
{
	struct reply *reply = reply_new(zone->world, zone->name, LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);
	ldns_rr_list *set = must(ldns_rr_list_new());

	ldns_rr_list_push_rr(set, zone_ds(zone));
	reply_add_list(reply, SECTION_ANSWER, set, zone->parent);
	ldns_rr_list_deep_free(set);
	reply_serve(reply);
}

struct zone *zone_new(struct zone *parent, const char *name, ldns_signing_algorithm algorithm)
{
	struct zone *zone = zone_unserved(parent, name, algorithm);

	zone_serve_dnskey(zone);
	zone_serve_ds(zone);
	return zone;
}

/* ---- world ---- */

void world_trust(struct world *world, struct zone *const *zones)
{
	const char *files[] = { world->anchor_path, NULL };
	char why[256] = "";
	FILE *file = must(fopen(world->anchor_path, "w"));

	for (; *zones != NULL; zones++) {
		ldns_rr *ds = zone_ds(*zones);

		ldns_rr_print(file, ds);
		ldns_rr_free(ds);
	}
	fclose(file);
	validator_free(&world->validator);
	world->config.trust_anchor_files = files;
	world->validator = validator_new(&world->config, why, sizeof(why));
	if (world->validator == NULL) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
}

struct world *world_new(const struct validator_config *config)
{
	struct world *world = must(calloc(1, sizeof(*world)));
	struct zone holder = { .world = world }, *root;

	world->arena = arena_new();
	root = zone_unserved(&holder, ".", LDNS_SIGN_ECDSAP256SHA256);
	root->parent = NULL;
	zone_serve_dnskey(root);
	scratch_file(world->anchor_path);
	if (config != NULL)
		world->config = *config;
	world->clock.fixed_secs = WORLD_NOW;
	world->config.clock = &world->clock;
	world_trust(world, (struct zone *const[]){ root, NULL });
	return world;
}

struct zone *world_root(struct world *world)
{
	struct zone *zone = world->zones;

	while (zone->next != NULL)
		zone = zone->next;
	return zone;
}

void world_free(struct world **world)
{
	struct world *old = *world;

	validator_free(&old->validator);
	while (old->zones != NULL) {
		struct zone *next = old->zones->next;

		ldns_key_list_free(old->zones->keys);
		ldns_rr_list_deep_free(old->zones->dnskeys);
		free(old->zones);
		old->zones = next;
	}
	while (old->replies != NULL) {
		struct reply *next = old->replies->next;

		ldns_rr_list_deep_free(old->replies->sections[0]);
		ldns_rr_list_deep_free(old->replies->sections[1]);
		free(old->replies->wire);
		free(old->replies);
		old->replies = next;
	}
	unlink(old->anchor_path);
	arena_free(&old->arena);
	free(old);
	*world = NULL;
}

/* ---- replies ---- */

struct reply *reply_new(struct world *world, const char *name, uint16_t type, ldns_pkt_rcode rcode)
{
	struct reply *reply = must(calloc(1, sizeof(*reply)));

	snprintf(reply->name, sizeof(reply->name), "%s", name);
	reply->type = type;
	reply->rcode = (uint8_t)rcode;
	reply->sections[0] = must(ldns_rr_list_new());
	reply->sections[1] = must(ldns_rr_list_new());
	reply->next = world->replies;	/* the newest answers first: a test may replace what was served */
	world->replies = reply;
	return reply;
}

static ldns_rr *rr_from_text(const char *text)
{
	ldns_rr *rr = NULL;

	if (ldns_rr_new_frm_str(&rr, text, 300, NULL, NULL) != LDNS_STATUS_OK) {
		fprintf(stderr, "bad record: %s\n", text);
		abort();
	}
	return rr;
}

void reply_add_set(struct reply *reply, int section, const char *const *texts, struct zone *zone)
{
	ldns_rr_list *set = must(ldns_rr_list_new());

	for (; *texts != NULL; texts++)
		ldns_rr_list_push_rr(set, rr_from_text(*texts));
	reply_add_list(reply, section, set, zone);
	ldns_rr_list_deep_free(set);
}

void reply_add(struct reply *reply, int section, const char *text, struct zone *zone)
{
	reply_add_set(reply, section, (const char *const[]){ text, NULL }, zone);
}

void reply_add_as(struct reply *reply, int section, const char *text, struct zone *zone, const char *owner)
{
	size_t first = ldns_rr_list_rr_count(reply->sections[section]);

	reply_add(reply, section, text, zone);
	for (size_t i = first; i < ldns_rr_list_rr_count(reply->sections[section]); i++) {
		ldns_rr *rr = ldns_rr_list_rr(reply->sections[section], i);

		ldns_rdf_deep_free(ldns_rr_owner(rr));
		ldns_rr_set_owner(rr, must(ldns_dname_new_frm_str(owner)));
	}
}

void reply_add_dated(struct reply *reply, const char *text, struct zone *zone, uint32_t inception, uint32_t expiration)
{
	ldns_key *key = ldns_key_list_key(zone->keys, ldns_key_list_key_count(zone->keys) - 1);

	ldns_key_set_inception(key, inception);
	ldns_key_set_expiration(key, expiration);
	reply_add(reply, SECTION_ANSWER, text, zone);
	ldns_key_set_inception(key, WORLD_NOW - DAY_SECS);
	ldns_key_set_expiration(key, WORLD_NOW + DAY_SECS);
}

static void make_wire(struct reply *reply)
{
	ldns_pkt *pkt = must(ldns_pkt_query_new(must(ldns_dname_new_frm_str(reply->name)), (ldns_rr_type)reply->type,
	    LDNS_RR_CLASS_IN, LDNS_RD));

	ldns_pkt_set_qr(pkt, true);
	ldns_pkt_set_rcode(pkt, reply->rcode);
	for (size_t i = 0; i < ldns_rr_list_rr_count(reply->sections[0]); i++)
		ldns_pkt_push_rr(pkt, LDNS_SECTION_ANSWER, must(ldns_rr_clone(ldns_rr_list_rr(reply->sections[0], i))));
	for (size_t i = 0; i < ldns_rr_list_rr_count(reply->sections[1]); i++)
		ldns_pkt_push_rr(pkt, LDNS_SECTION_AUTHORITY, must(ldns_rr_clone(ldns_rr_list_rr(reply->sections[1], i))));
	free(reply->wire);
	if (ldns_pkt2wire(&reply->wire, pkt, &reply->length) != LDNS_STATUS_OK)
		abort();
	ldns_pkt_free(pkt);
}

void reply_serve(struct reply *reply)
{
	make_wire(reply);
}

struct validator_verdict world_judge_as(struct world *world, struct reply *reply, const char *name, uint16_t type)
{
	struct dns_fetcher fetcher = { fetch_start, fetch_wait, world };
	struct validator_verdict verdict;
	char text[1024];

	snprintf(text, sizeof(text), "%s", name);
	if (strlen(text) > 1)
		text[strlen(text) - 1] = '\0';
	make_wire(reply);
	validator_judge(world->validator, &fetcher, text, type, reply->wire, reply->length, true, world->arena, &verdict);
	return verdict;
}

struct validator_verdict world_judge(struct world *world, struct reply *reply)
{
	return world_judge_as(world, reply, reply->name, reply->type);
}

enum dns_security world_judge_in_thread(struct world *world, const struct reply *reply, struct arena *arena)
{
	struct dns_fetcher fetcher = { fetch_start, fetch_wait, world };
	struct validator_verdict verdict;
	char text[1024];

	snprintf(text, sizeof(text), "%s", reply->name);
	text[strlen(text) - 1] = '\0';
	validator_judge(world->validator, &fetcher, text, reply->type, reply->wire, reply->length, false, arena, &verdict);
	return verdict.security;
}

const char *world_security(struct world *world, struct reply *reply)
{
	struct validator_verdict verdict = world_judge(world, reply);

	/* the reason goes to the log of a failing test */
	printf("# %s TYPE%u: %s: %s\n", reply->name, reply->type, dns_security_name(verdict.security), verdict.why);
	return dns_security_name(verdict.security);
}

/* ---- what tests begin with ---- */

int world_setup(void **state, const char *zone, ldns_signing_algorithm algorithm)
{
	struct world_fixture *fixture = must(calloc(1, sizeof(*fixture)));

	fixture->world = world_new(NULL);
	fixture->root = world_root(fixture->world);
	fixture->tld = zone_new(fixture->root, "test.", algorithm);
	fixture->zone = zone_new(fixture->tld, zone, algorithm);
	*state = fixture;
	return 0;
}

int world_teardown(void **state)
{
	struct world **first = *state;

	world_free(first);
	free(first);
	return 0;
}

struct reply *reply_noerror(struct world *world, const char *name, uint16_t type)
{
	return reply_new(world, name, type, LDNS_RCODE_NOERROR);
}

struct reply *reply_spf(struct world *world, const char *name, struct zone *signer)
{
	struct reply *reply = reply_noerror(world, name, LDNS_RR_TYPE_TXT);

	reply_add(reply, SECTION_ANSWER, arena_printf(world->arena, "%s 300 IN TXT \"v=spf1 +all\"", name), signer);
	return reply;
}
