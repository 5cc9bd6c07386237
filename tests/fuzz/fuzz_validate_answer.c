/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole answers through the validator, on a signed world in memory. The input picks a true answer and mutates its octets,
 * or the octets of the DS and DNSKEY answers of the chain; or it is an answer by itself. No crash, and what comes out
 * as secure must be what the true answer said: same rcode, same records at the name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/dnssec_world.h"
#include "dnssec/internal.h"
#include "util/error.h"

enum { MAX_WIRE = 4096, RAW = 0xff, MAX_REPLIES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct world *world;
	struct reply *cases[MAX_REPLIES];
	size_t count;
} fixture;

static void add_case(struct reply *reply)
{
	reply_serve(reply);
	fixture.cases[fixture.count++] = reply;
}

static struct reply *new_case(const char *name, uint16_t type, ldns_pkt_rcode rcode)
{
	return reply_new(fixture.world, name, type, rcode);
}

static const char *hash(const char *name)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name), *hashed = ldns_nsec3_hash_name(owner, 1, 0, 0, NULL);
	char *text = ldns_rdf2str(hashed);
	const char *label = arena_strndup(fixture.world->arena, text, 32);

	free(text);
	ldns_rdf_deep_free(owner);
	ldns_rdf_deep_free(hashed);
	return label;
}

static void add_nsec3_case(struct zone *zone)
{
	struct reply *reply = new_case("www.three.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);

	reply_add(reply, SECTION_AUTHORITY, "three.test. 300 IN SOA a. b. 1 2 3 4 5", zone);
	reply_add(reply, SECTION_AUTHORITY, arena_printf(fixture.world->arena, "%s.three.test. 300 IN NSEC3 1 0 0 - %s A RRSIG",
	    hash("www.three.test."), hash("three.test.")), zone);
	add_case(reply);
}

static void add_alias_cases(struct zone *zone)
{
	struct reply *reply = new_case("a.zone.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR);

	reply_add(reply, SECTION_ANSWER, "a.zone.test. 300 IN CNAME www.zone.test.", zone);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", zone);
	add_case(reply);
	reply = new_case("www.d.zone.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR);
	reply_add(reply, SECTION_ANSWER, "d.zone.test. 300 IN DNAME zone.test.", zone);
	reply_add(reply, SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME www.zone.test.", NULL);
	reply_add(reply, SECTION_ANSWER, "www.zone.test. 300 IN A 192.0.2.1", zone);
	add_case(reply);
}

static void add_positive_cases(struct zone *zone)
{
	struct reply *reply = new_case("www.zone.test.", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR);

	reply_add_set(reply, SECTION_ANSWER, (const char *const[]){ "www.zone.test. 300 IN A 192.0.2.1",
	    "www.zone.test. 300 IN A 192.0.2.2", NULL }, zone);
	add_case(reply);
	reply = new_case("zone.test.", LDNS_RR_TYPE_MX, LDNS_RCODE_NOERROR);
	reply_add_set(reply, SECTION_ANSWER, (const char *const[]){ "zone.test. 300 IN MX 1 Mail.zone.test.",
	    "zone.test. 300 IN MX 2 b.zone.test.", NULL }, zone);
	add_case(reply);
	reply = new_case("x.w.zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	reply_add_as(reply, SECTION_ANSWER, "*.w.zone.test. 300 IN TXT \"x\"", zone, "x.w.zone.test.");
	reply_add(reply, SECTION_AUTHORITY, "*.w.zone.test. 300 IN NSEC z.zone.test. TXT RRSIG NSEC", zone);
	add_case(reply);
}

static void add_negative_cases(struct zone *zone, struct zone *tld)
{
	struct reply *reply = new_case("www.zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);

	reply_add(reply, SECTION_AUTHORITY, "www.zone.test. 300 IN NSEC x.zone.test. A RRSIG NSEC", zone);
	add_case(reply);
	reply = new_case("n.zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	reply_add(reply, SECTION_AUTHORITY, "m.zone.test. 300 IN NSEC w.zone.test. A RRSIG NSEC", zone);
	reply_add(reply, SECTION_AUTHORITY, "zone.test. 300 IN NSEC m.zone.test. NS SOA RRSIG NSEC DNSKEY", zone);
	add_case(reply);
	reply = new_case("plain.test.", LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);
	reply_add(reply, SECTION_AUTHORITY, "plain.test. 300 IN NSEC three.test. NS RRSIG NSEC", tld);
	add_case(reply);
}

static void fixture_drop(void)
{
	world_free(&fixture.world);
}

static void fixture_make(void)
{
	struct zone *root, *tld, *zone, *three;

	fixture.world = world_new(NULL);
	root = world_root(fixture.world);
	tld = zone_new(root, "test.", LDNS_SIGN_ED25519);
	zone = zone_new(tld, "zone.test.", LDNS_SIGN_ED25519);
	three = zone_new(tld, "three.test.", LDNS_SIGN_ECDSAP256SHA256);
	add_positive_cases(zone);
	add_negative_cases(zone, tld);
	add_alias_cases(zone);
	add_nsec3_case(three);
	atexit(fixture_drop);
}

/* ---- one run ---- */

struct run {
	const uint8_t *script;		/* mutation of chain answers */
	size_t script_length;
	uint8_t wire[8][MAX_WIRE];	/* mutated chain answers, borrowed by the judgement */
	size_t used;
	bool mutate_chain;
};

/* Applies (position, position, operation, value) steps to a copy. @return its length. */
static size_t mutate(const uint8_t *script, size_t script_length, const uint8_t *from, size_t length, uint8_t *to)
{
	if (length > MAX_WIRE)
		length = MAX_WIRE;
	memcpy(to, from, length);
	for (; script_length >= 4 && length != 0; script += 4, script_length -= 4) {
		size_t at = ((size_t)script[0] << 8 | script[1]) % length, many = script[3] % (length - at) + 1;

		switch (script[2] % 5) {
		case 0:
			to[at] = script[3];
			break;
		case 1:
			to[at] ^= (uint8_t)(1 << script[3] % 8);
			break;
		case 2:		/* cut out */
			memmove(to + at, to + at + many, length - at - many);
			length -= many;
			break;
		case 3:		/* end here */
			length = at;
			break;
		case 4:		/* double a stretch */
			if (length + many <= MAX_WIRE) {
				memmove(to + at + many, to + at, length - at);
				length += many;
			}
			break;
		}
	}
	return length;
}

static struct run *running;

static void fetch_start(void *context, const char *name, uint16_t type)
{
	(void)context, (void)name, (void)type;
}

static int fetch_wait(void *context, const char *name, uint16_t type, const uint8_t **wire_r, size_t *length_r)
{
	struct world *world = context;
	char dotted[1100];

	snprintf(dotted, sizeof(dotted), "%s%s", name, strcmp(name, ".") == 0 ? "" : ".");
	for (struct reply *reply = world->replies; reply != NULL; reply = reply->next) {
		if (reply->wire == NULL || reply->type != type || strcasecmp(reply->name, dotted) != 0)
			continue;
		*wire_r = reply->wire;
		*length_r = reply->length;
		if (running->mutate_chain && running->used < 8) {
			uint8_t *copy = running->wire[running->used++];

			*length_r = mutate(running->script, running->script_length, reply->wire, reply->length, copy);
			*wire_r = copy;
		}
		return 0;
	}
	return -E_DNS;
}

/* Whether both say the same of the name: a message of the zone, and one that was judged. Nobody signs the rcode:
 * the proof that there is no such name counts as well, as it does for the resolver. */
static bool same_word(struct arena *arena, const struct reply *reply, const uint8_t *wire, size_t length,
    const struct validator_verdict *verdict)
{
	struct vmessage a, b;
	bool nonexistent;

	if (dnssec_message_parse(arena, reply->wire, reply->length, &a) != 0 || dnssec_message_parse(arena, wire, length, &b) != 0)
		return false;
	nonexistent = b.rcode == LDNS_RCODE_NXDOMAIN || verdict->nonexistent;
	if (nonexistent != (a.rcode == LDNS_RCODE_NXDOMAIN))
		return false;
	for (size_t i = 0; i < a.answer_count; i++) {
		struct vrrset *set = &a.answer[i], *other = dnssec_rrset_find(b.answer, b.answer_count, set->owner, set->type);

		/* an alias whose end was cut off is judged as far as it goes; a CNAME made from a DNAME may be left out */
		if (other == NULL && (set->type == DNS_TYPE_CNAME || a.answer_count > 1))
			continue;
		if (other == NULL || other->count != set->count)
			return false;
		for (size_t k = 0; k < set->count; k++)
			if (set->rrs[k].length != other->rrs[k].length ||
			    memcmp(set->rrs[k].rdata, other->rrs[k].rdata, set->rrs[k].length) != 0)
				return false;
	}
	return true;
}

static void validator_renew(void)
{
	const char *files[] = { fixture.world->anchor_path, NULL };
	char why[256];

	/* a new cut cache: what was found bogus in one run must not blind the next */
	validator_free(&fixture.world->validator);
	fixture.world->config.trust_anchor_files = files;
	fixture.world->validator = validator_new(&fixture.world->config, why, sizeof(why));
	if (fixture.world->validator == NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;
	struct dns_fetcher fetcher = { fetch_start, fetch_wait, NULL };
	struct validator_verdict verdict;
	struct arena *arena;
	static uint8_t wire[MAX_WIRE];
	const struct reply *reply;
	char name[1024];
	size_t length;

	if (fixture.world == NULL)
		fixture_make();
	if (size < 2)
		return 0;
	fetcher.context = fixture.world;
	reply = fixture.cases[data[0] % fixture.count];
	run = (struct run){ .script = data + 2, .script_length = size - 2, .mutate_chain = (data[1] & 1) != 0 };
	running = &run;
	if (data[0] == RAW) {
		length = size - 2 < MAX_WIRE ? size - 2 : MAX_WIRE;
		memcpy(wire, data + 2, length);
		run.mutate_chain = false;
	} else {
		length = mutate(data + 2, run.mutate_chain ? 0 : size - 2, reply->wire, reply->length, wire);
	}
	snprintf(name, sizeof(name), "%s", reply->name);
	name[strlen(name) - 1] = '\0';
	if (run.mutate_chain)
		validator_renew();
	arena = arena_new();
	validator_judge(fixture.world->validator, &fetcher, name, reply->type, wire, length, (data[1] & 2) != 0, arena, &verdict);
	if (verdict.security == DNS_SECURE && !same_word(arena, reply, wire, length, &verdict)) {
		fprintf(stderr, "secure, but not what the zone says: %s TYPE%u: %s\n", name, reply->type, verdict.why);
		abort();
	}
	if (run.mutate_chain)
		validator_renew();
	arena_free(&arena);
	return 0;
}
