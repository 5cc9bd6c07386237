/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The resolver (answer.c) and the validator each read the same message. Thousands of messages are put together by chance
 * from true records of one signed zone, some unsigned lies, and either rcode: whatever the validator calls secure, the
 * resolver must read as what the zone says. ASSAY_READINGS: how many messages; ASSAY_READINGS_SEED.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dns/answer.h"
#include "dnssec_world.h"

enum { NSEC_FIRST = 12, NSEC_COUNT = 9, POOL = NSEC_FIRST + NSEC_COUNT };

/* What may be in a message. As: the owner under which it appears, when it is not its own. */
static const struct { int section; const char *text, *as; bool is_signed; } pool[POOL] = {
	{ SECTION_ANSWER, "alias.zone.test. 300 IN CNAME target.zone.test.", NULL, true },
	{ SECTION_ANSWER, "d.zone.test. 300 IN DNAME e.zone.test.", NULL, true },
	{ SECTION_ANSWER, "www.e.zone.test. 300 IN TXT \"e\"", NULL, true },
	{ SECTION_ANSWER, "target.zone.test. 300 IN TXT \"target\"", NULL, true },
	{ SECTION_ANSWER, "*.w.zone.test. 300 IN TXT \"wild\"", "x.w.zone.test.", true },
	{ SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME www.e.zone.test.", NULL, false },
	{ SECTION_ANSWER, "www.d.zone.test. 300 IN CNAME target.zone.test.", NULL, false },
	{ SECTION_ANSWER, "out.zone.test. 300 IN CNAME www.plain.test.", NULL, true },
	{ SECTION_ANSWER, "f.zone.test. 300 IN DNAME plain.test.", NULL, true },
	{ SECTION_ANSWER, "www.f.zone.test. 300 IN CNAME www.plain.test.", NULL, false },
	{ SECTION_ANSWER, "www.plain.test. 300 IN TXT \"plain\"", NULL, false },
	{ SECTION_AUTHORITY, "zone.test. 300 IN SOA a. b. 1 2 3 4 300", NULL, false },
	{ SECTION_AUTHORITY, "zone.test. 300 IN NSEC alias.zone.test. NS SOA RRSIG NSEC DNSKEY", NULL, true },
	{ SECTION_AUTHORITY, "alias.zone.test. 300 IN NSEC d.zone.test. CNAME RRSIG NSEC", NULL, true },
	{ SECTION_AUTHORITY, "d.zone.test. 300 IN NSEC www.e.zone.test. DNAME RRSIG NSEC", NULL, true },
	{ SECTION_AUTHORITY, "www.e.zone.test. 300 IN NSEC f.zone.test. TXT RRSIG NSEC", NULL, true },
	{ SECTION_AUTHORITY, "f.zone.test. 300 IN NSEC out.zone.test. DNAME RRSIG NSEC", NULL, true },
	{ SECTION_AUTHORITY, "out.zone.test. 300 IN NSEC target.zone.test. CNAME RRSIG NSEC", NULL, true },
	{ SECTION_AUTHORITY, "target.zone.test. 300 IN NSEC *.w.zone.test. TXT RRSIG NSEC", NULL, true },
	{ SECTION_AUTHORITY, "*.w.zone.test. 300 IN NSEC zz.zone.test. TXT RRSIG NSEC", NULL, true },
	{ SECTION_AUTHORITY, "zz.zone.test. 300 IN NSEC zone.test. A RRSIG NSEC", NULL, true },
};

/* What the zone says to a question for TXT (RFC 1034 section 4.3.2, 4592, 6672); text: the record's, or NULL. */
static const struct { const char *name; enum dns_status status; const char *end, *text; bool ends_insecure; } truths[] = {
	{ "alias.zone.test", DNS_STATUS_DATA, "target.zone.test", "target", false },
	{ "www.d.zone.test", DNS_STATUS_DATA, "www.e.zone.test", "e", false },
	{ "target.zone.test", DNS_STATUS_DATA, "target.zone.test", "target", false },
	{ "www.e.zone.test", DNS_STATUS_DATA, "www.e.zone.test", "e", false },
	{ "x.w.zone.test", DNS_STATUS_DATA, "x.w.zone.test", "wild", false },
	{ "out.zone.test", DNS_STATUS_DATA, "www.plain.test", "plain", true },
	{ "www.f.zone.test", DNS_STATUS_DATA, "www.plain.test", "plain", true },
	{ "d.zone.test", DNS_STATUS_NODATA, "d.zone.test", NULL, false },
	{ "e.zone.test", DNS_STATUS_NODATA, "e.zone.test", NULL, false },
	{ "w.zone.test", DNS_STATUS_NODATA, "w.zone.test", NULL, false },
	{ "zz.zone.test", DNS_STATUS_NODATA, "zz.zone.test", NULL, false },
	{ "nope.zone.test", DNS_STATUS_NXDOMAIN, "nope.zone.test", NULL, false },
	{ "a.nope.zone.test", DNS_STATUS_NXDOMAIN, "a.nope.zone.test", NULL, false },
	{ "x.www.e.zone.test", DNS_STATUS_NXDOMAIN, "x.www.e.zone.test", NULL, false },
};

enum { TRUTHS = sizeof(truths) / sizeof(truths[0]) };

struct fixture {
	struct world *world;
	struct zone *zone;
	ldns_rr_list *records[POOL];	/* with their signatures */
	struct arena *arena;
};

/* The true absence of DS at name, with all proofs there are. */
static void deny_ds(struct fixture *f, const char *name, ldns_pkt_rcode rcode)
{
	char dotted[64];
	struct reply *reply;

	snprintf(dotted, sizeof(dotted), "%s.", name);
	reply = reply_new(f->world, dotted, LDNS_RR_TYPE_DS, rcode);
	for (unsigned i = NSEC_FIRST; i < POOL; i++)
		for (size_t r = 0; r < ldns_rr_list_rr_count(f->records[i]); r++)
			ldns_rr_list_push_rr(reply->sections[SECTION_AUTHORITY], ldns_rr_clone(ldns_rr_list_rr(f->records[i], r)));
	reply_serve(reply);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct reply *plain;
	struct zone *tld;

	f->world = world_new(NULL);
	f->arena = arena_new();
	tld = zone_new(world_root(f->world), "test.", LDNS_SIGN_ED25519);
	f->zone = zone_new(tld, "zone.test.", LDNS_SIGN_ED25519);
	plain = reply_new(f->world, "plain.test.", LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);
	reply_add(plain, SECTION_AUTHORITY, "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC", tld);
	reply_serve(plain);
	for (unsigned i = 0; i < POOL; i++) {
		struct reply *reply = reply_new(f->world, "pool.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
		struct zone *signer = pool[i].is_signed ? f->zone : NULL;

		if (pool[i].as != NULL)
			reply_add_as(reply, pool[i].section, pool[i].text, signer, pool[i].as);
		else
			reply_add(reply, pool[i].section, pool[i].text, signer);
		f->records[i] = reply->sections[pool[i].section];	/* the world's */
	}
	for (unsigned i = 0; i < TRUTHS; i++)
		deny_ds(f, truths[i].name, truths[i].status == DNS_STATUS_NXDOMAIN ? LDNS_RCODE_NXDOMAIN : LDNS_RCODE_NOERROR);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	world_free(&f->world);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static uint32_t chance(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* @return whether the resolver's reading is what the zone says, or no more than a beginning of it. */
static bool is_true(const struct answer *answer, unsigned truth, struct arena *arena)
{
	const struct dns_answer *head = &answer->head;
	char target[DNS_NAME_TEXT_BYTES];

	if (answer->target != NULL) {	/* to be asked for separately */
		dns_name_text(answer->target->bytes, target);
		return strcmp(target, truths[truth].end) == 0 && strcmp(target, truths[truth].name) != 0;
	}
	if (head->status != truths[truth].status || strcmp(head->canonical_name, truths[truth].end) != 0)
		return false;
	return truths[truth].text == NULL ? head->rr_count == 0 :
	    head->rr_count == 1 && strcmp(dns_rr_text(&head->rrs[0], arena, NULL), truths[truth].text) == 0;
}

/* The parts of a message; those that answer the question truly are likelier, or hardly any would be secure. */
static uint32_t parts_choose(uint64_t *seed)
{
	uint32_t parts = chance(seed), more = chance(seed);

	switch (chance(seed) % 3) {
	case 0:
		return parts & more;
	case 1:
		return parts | (more & 0x1ff000);
	default:
		return parts;
	}
}

static struct reply *message_make(struct fixture *f, unsigned truth, uint32_t parts, bool nxdomain, struct reply *reply)
{
	snprintf(reply->name, sizeof(reply->name), "%s.", truths[truth].name);
	reply->rcode = nxdomain ? LDNS_RCODE_NXDOMAIN : LDNS_RCODE_NOERROR;
	for (unsigned i = 0; i < 2; i++) {
		ldns_rr_list_free(reply->sections[i]);	/* the records are the pool's */
		reply->sections[i] = ldns_rr_list_new();
	}
	for (unsigned i = 0; i < POOL; i++)
		if ((parts >> i & 1) != 0)
			ldns_rr_list_push_rr_list(reply->sections[pool[i].section], f->records[i]);
	reply_serve(reply);
	return reply;
}

static void test_resolver_and_validator_read_alike(void **state)
{
	static const struct answer_limits limits = { .max_ttl_secs = 86400, .max_negative_ttl_secs = 900, .fail_ttl_secs = 5 };
	struct fixture *f = *state;
	struct reply *reply = reply_new(f->world, "message.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	const char *wanted = getenv("ASSAY_READINGS"), *seed_text = getenv("ASSAY_READINGS_SEED");
	unsigned count = wanted != NULL ? (unsigned)atoi(wanted) : 4000, secure[TRUTHS] = { 0 }, wrong = 0;
	uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;

	for (unsigned i = 0; i < count; i++) {
		unsigned truth = chance(&seed) % TRUTHS;
		bool nxdomain = chance(&seed) % 2 != 0;
		uint32_t parts = parts_choose(&seed);
		struct validator_verdict verdict;
		struct dns_name name;
		struct answer *answer;
		const char *why;

		message_make(f, truth, parts, nxdomain, reply);
		assert_int_equal(dns_name_parse(truths[truth].name, &name), 0);
		answer = answer_build(&name, LDNS_RR_TYPE_TXT, reply->wire, reply->length, &limits, &why);
		verdict = world_judge(f->world, reply);
		if (answer != NULL && verdict.nonexistent && answer->head.status == DNS_STATUS_NODATA)	/* as the resolver does */
			answer->head.status = DNS_STATUS_NXDOMAIN;
		if (answer != NULL && verdict.security == DNS_SECURE)
			secure[truth]++;
		if (answer != NULL && ((verdict.security == DNS_INSECURE && !truths[truth].ends_insecure) ||
		    (verdict.security == DNS_SECURE && truths[truth].ends_insecure && answer->target == NULL) || (verdict.security == DNS_SECURE && !is_true(answer, truth, f->arena)))) {
			print_message("# %s, parts %06x, %s: %s, %s: %s\n", truths[truth].name, parts & 0x1fffff,
			    nxdomain ? "NXDOMAIN" : "NOERROR", dns_security_name(verdict.security),
			    dns_status_name(answer->head.status), verdict.why);
			wrong++;
		}
		answer_free(&answer);
		arena_reset(f->arena);
		arena_reset(f->world->arena);
	}
	for (unsigned i = 0; i < 2; i++) {	/* world_free() must not free the pool's records twice */
		ldns_rr_list_free(reply->sections[i]);
		reply->sections[i] = ldns_rr_list_new();
	}
	for (unsigned i = 0; i < TRUTHS; i++) {
		print_message("# %s: %u secure\n", truths[i].name, secure[i]);
		assert_true(count < 4000 || secure[i] != 0);	/* else nothing was tried */
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_resolver_and_validator_read_alike, setup, teardown),
	};

	return cmocka_run_group_tests_name("validate_readings", tests, NULL, NULL);
}
