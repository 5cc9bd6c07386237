/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What validation costs, in CPU time of one run: answers whose zone is known and answers that need the whole chain, each
 * against the bare OpenSSL verifications they contain (keys decoded beforehand); and the dearest hostile answers against
 * ordinary ones (KeyTrap, NSEC3 hashing). Each figure is the best of several rounds, which are measured in turns. What it
 * costs to make a validator that knows no zone is not part of the cold figure. Last, what a cached answer costs.
 *
 *   usage: bench_validate [MILLISECONDS-PER-FIGURE]
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/dnssec_world.h"
#include "../unit/fake_dns.h"
#include "util/error.h"

enum { ROUNDS = 10, MESSAGE_BYTES = 128, DENIALS = 512 };

static double round_ms = 60;

static const struct algorithm {
	const char *name;
	ldns_signing_algorithm ldns;
	const char *evp, *group, *md;
	unsigned bits;
} algorithms[] = {
	{ "RSASHA256-2048", LDNS_SIGN_RSASHA256, "RSA", NULL, "SHA256", 2048 },
	{ "ECDSAP256SHA256", LDNS_SIGN_ECDSAP256SHA256, "EC", "P-256", "SHA256", 0 },
	{ "ECDSAP384SHA384", LDNS_SIGN_ECDSAP384SHA384, "EC", "P-384", "SHA384", 0 },
	{ "ED25519", LDNS_SIGN_ED25519, "ED25519", NULL, NULL, 0 },
	{ "ED448", LDNS_SIGN_ED448, "ED448", NULL, NULL, 0 },
};
enum { ALGORITHMS = sizeof(algorithms) / sizeof(*algorithms) };

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Something to be called again and again. us: CPU microseconds a call, the best round. */
struct figure { void (*call)(void *argument); void *argument; double us; };

static void measure_round(struct figure *figure)
{
	double start = cpu_us(), spent;
	unsigned calls = 0;

	do {
		figure->call(figure->argument);
		calls++;
		spent = cpu_us() - start;
	} while (spent < round_ms * 1000);
	if (figure->us == 0 || spent / calls < figure->us)
		figure->us = spent / calls;
}

/* In turns, so that a machine that is faster or slower for a while is so for all that will be compared. */
static void measure(struct figure *figures, unsigned count)
{
	for (int round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < count; i++)
			measure_round(&figures[i]);
}

/* ---- bare verification ---- */

struct bare { EVP_PKEY *pkey; const char *md; uint8_t message[MESSAGE_BYTES], signature[1024]; size_t length; };

static void bare_make(struct bare *bare, const struct algorithm *algorithm)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	memset(bare->message, 'm', sizeof(bare->message));
	bare->md = algorithm->md;
	bare->pkey = algorithm->bits != 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)algorithm->bits) :
	    algorithm->group != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", algorithm->group) :
	    EVP_PKEY_Q_keygen(NULL, NULL, algorithm->evp);
	bare->length = sizeof(bare->signature);
	if (EVP_DigestSignInit_ex(context, NULL, bare->md, NULL, NULL, bare->pkey, NULL) != 1 ||
	    EVP_DigestSign(context, bare->signature, &bare->length, bare->message, sizeof(bare->message)) != 1)
		abort();
	EVP_MD_CTX_free(context);
}

static void bare_verify(void *argument)
{
	struct bare *bare = argument;
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (EVP_DigestVerifyInit_ex(context, NULL, bare->md, NULL, NULL, bare->pkey, NULL) != 1 ||
	    EVP_DigestVerify(context, bare->signature, bare->length, bare->message, sizeof(bare->message)) != 1)
		abort();
	EVP_MD_CTX_free(context);
}

/* ---- validation ---- */

/* The replies are judged in turn. */
struct job { struct world *world; struct reply *const *replies; unsigned count, turn; char name[1024]; enum dns_security expected; struct arena *arena; };

static int fetch_wait(void *context, const char *name, uint16_t type, const uint8_t **wire_r, size_t *length_r)
{
	struct world *world = context;
	char dotted[1100];

	snprintf(dotted, sizeof(dotted), "%s%s", name, strcmp(name, ".") == 0 ? "" : ".");
	for (struct reply *reply = world->replies; reply != NULL; reply = reply->next)
		if (reply->wire != NULL && reply->type == type && strcasecmp(reply->name, dotted) == 0) {
			*wire_r = reply->wire;
			*length_r = reply->length;
			return 0;
		}
	return -E_DNS;
}

static void fetch_start(void *context, const char *name, uint16_t type)
{
	(void)context, (void)name, (void)type;
}

/* A validator that knows no zone yet. */
static void renew(void *argument)
{
	struct job *job = argument;
	const char *files[] = { job->world->anchor_path, NULL };
	char why[256];

	validator_free(&job->world->validator);
	job->world->config.trust_anchor_files = files;
	job->world->validator = validator_new(&job->world->config, why, sizeof(why));
}

static void validate(void *argument)
{
	struct job *job = argument;
	struct reply *reply = job->replies[job->turn++ % job->count];
	struct dns_fetcher fetcher = { fetch_start, fetch_wait, job->world };
	struct validator_verdict verdict;

	validator_judge(job->world->validator, &fetcher, job->name, reply->type, reply->wire, reply->length, false, job->arena,
	    &verdict);
	if (verdict.security != job->expected) {
		fprintf(stderr, "bench_validate: %s: %s\n", job->name, verdict.why);
		exit(1);
	}
	arena_reset(job->arena);
}

static void validate_cold(void *argument)
{
	renew(argument);
	validate(argument);
}

static struct job job_make(struct world *world, struct reply *const *replies, unsigned count, enum dns_security expected)
{
	struct job job = { .world = world, .replies = replies, .count = count, .expected = expected, .arena = arena_new() };

	for (unsigned i = 0; i < count; i++)
		reply_serve(replies[i]);
	snprintf(job.name, sizeof(job.name), "%s", replies[0]->name);
	job.name[strlen(job.name) - 1] = '\0';
	return job;
}

static double cost(struct world *world, struct reply *reply, enum dns_security expected)
{
	struct job job = job_make(world, &reply, 1, expected);
	struct figure figure = { .call = validate, .argument = &job };

	measure(&figure, 1);
	arena_free(&job.arena);
	return figure.us;
}

static struct reply *txt_reply(struct world *world, struct zone *zone)
{
	struct reply *reply = reply_new(world, "zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);

	reply_add_set(reply, SECTION_ANSWER, (const char *const[]){ "zone.test. 300 IN TXT \"v=spf1 mx -all\"",
	    "zone.test. 300 IN TXT \"something-verification=0123456789abcdef\"", NULL }, zone);
	return reply;
}

/* One question's denial; another number, other proof records. */
static struct reply *nxdomain_reply(struct world *world, struct zone *zone, unsigned number)
{
	struct reply *reply = reply_new(world, "n.zone.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	char apex[128], cover[128];

	reply_add(reply, SECTION_AUTHORITY, "zone.test. 300 IN SOA a. b. 1 2 3 4 5", zone);
	snprintf(cover, sizeof(cover), "m%u.zone.test. 300 IN NSEC w.zone.test. A RRSIG NSEC", number);
	snprintf(apex, sizeof(apex), "zone.test. 300 IN NSEC m%u.zone.test. NS SOA RRSIG NSEC DNSKEY", number);
	reply_add(reply, SECTION_AUTHORITY, cover, zone);
	reply_add(reply, SECTION_AUTHORITY, apex, zone);
	return reply;
}

struct figures { double answer, cold; };

/* Ordinary answers of a zone of that algorithm. The root's two signatures (DNSKEY set and DS of test) are P-256. */
static struct figures ordinary(const struct algorithm *algorithm)
{
	enum { BARE, BARE_ROOT, ANSWER, DENIAL, AGAIN, RENEW, COLD, COUNT };
	struct world *world = world_new(NULL);
	struct zone *zone = zone_new(zone_new(world_root(world), "test.", algorithm->ldns), "zone.test.", algorithm->ldns);
	struct reply *answer = txt_reply(world, zone), *denials[DENIALS];
	struct bare bare, root;
	struct job jobs[COUNT];
	struct figure f[COUNT];
	double cold;

	bare_make(&bare, algorithm);
	bare_make(&root, &algorithms[1]);
	for (unsigned i = 0; i < DENIALS; i++)
		denials[i] = nxdomain_reply(world, zone, i);
	jobs[ANSWER] = jobs[COLD] = jobs[RENEW] = job_make(world, &answer, 1, DNS_SECURE);
	/* the same name denied by proofs that are new each time, so many that none is remembered; and by the same ones */
	jobs[DENIAL] = job_make(world, denials, DENIALS, DNS_SECURE);
	jobs[AGAIN] = job_make(world, denials, 1, DNS_SECURE);
	f[BARE] = (struct figure){ .call = bare_verify, .argument = &bare };
	f[BARE_ROOT] = (struct figure){ .call = bare_verify, .argument = &root };
	for (unsigned i = ANSWER; i < COUNT; i++)
		f[i] = (struct figure){ .call = i == RENEW ? renew : i == COLD ? validate_cold : validate, .argument = &jobs[i] };
	measure(f, COUNT);
	cold = f[COLD].us - f[RENEW].us;
	printf("%-16s %8.1f   %8.1f %5.2f   %8.1f %5.2f %8.1f   %8.1f %5.2f\n", algorithm->name, f[BARE].us, f[ANSWER].us,
	    f[ANSWER].us / f[BARE].us, f[DENIAL].us, f[DENIAL].us / (2 * f[BARE].us), f[AGAIN].us, cold,
	    cold / (4 * f[BARE].us + 2 * f[BARE_ROOT].us));
	arena_free(&jobs[ANSWER].arena);
	arena_free(&jobs[DENIAL].arena);
	arena_free(&jobs[AGAIN].arena);
	EVP_PKEY_free(bare.pkey);
	EVP_PKEY_free(root.pkey);
	world_free(&world);
	return (struct figures){ f[ANSWER].us, cold };
}

/* ---- hostile answers ---- */

/* Adds signatures over other data: each must be tried and fails. */
static void add_bad_signatures(struct reply *reply, struct zone *zone, const char *owner, const char *type_and_data, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s 300 IN %s%u", owner, type_and_data, i);
		if (strncmp(type_and_data, "CNAME", 5) == 0)
			strcat(text, ".");
		reply_add(reply, SECTION_ANSWER, text, zone);
		ldns_rr *signature = ldns_rr_list_pop_rr(reply->sections[0]);
		ldns_rr_free(ldns_rr_list_pop_rr(reply->sections[0]));
		ldns_rr_list_push_rr(reply->sections[0], signature);
	}
}

/* One record with 30 signatures that do not verify. */
static double many_signatures(const struct algorithm *algorithm)
{
	struct world *world = world_new(NULL);
	struct zone *zone = zone_new(world_root(world), "test.", algorithm->ldns);
	struct reply *reply = reply_new(world, "a.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	double us;

	reply_add(reply, SECTION_ANSWER, "a.test. 300 IN TXT x", NULL);
	add_bad_signatures(reply, zone, "a.test.", "TXT y", 30);
	us = cost(world, reply, DNS_BOGUS);
	world_free(&world);
	return us;
}

/* Ten aliases, each found good at its second signature, until the look-up's caps end it. */
static double many_links(const struct algorithm *algorithm)
{
	struct world *world = world_new(NULL);
	struct zone *zone = zone_new(world_root(world), "test.", algorithm->ldns);
	struct reply *reply = reply_new(world, "c0.test.", LDNS_RR_TYPE_TXT, LDNS_RCODE_NOERROR);
	char owner[32], text[128];
	double us;

	for (unsigned link = 0; link < 10; link++) {
		snprintf(owner, sizeof(owner), "c%u.test.", link);
		add_bad_signatures(reply, zone, owner, "CNAME bad", link < 3 ? 2 : 1);
		snprintf(text, sizeof(text), "%s 300 IN CNAME c%u.test.", owner, link + 1);
		reply_add(reply, SECTION_ANSWER, text, zone);
	}
	reply_add(reply, SECTION_ANSWER, "c10.test. 300 IN TXT x", NULL);
	add_bad_signatures(reply, zone, "c10.test.", "TXT y", 30);
	us = cost(world, reply, DNS_BOGUS);
	world_free(&world);
	return us;
}

/* A name of many labels denied with NSEC3 records of as many iterations as are allowed. */
static double many_hashes(unsigned labels, unsigned iterations)
{
	struct world *world = world_new(NULL);
	struct zone *zone = zone_new(world_root(world), "test.", LDNS_SIGN_ECDSAP256SHA256);
	struct reply *reply;
	char name[512] = "", text[256];
	double us;

	for (unsigned i = 0; i < labels; i++)
		strcat(name, "a.");
	strcat(name, "test.");
	reply = reply_new(world, name, LDNS_RR_TYPE_TXT, LDNS_RCODE_NXDOMAIN);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "0p9mhaveqvm6t7vbl5lop2u3t2rp3to%u.test. 300 IN NSEC3 1 0 %u aabbccdd "
		    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tov A RRSIG", i, iterations);
		reply_add(reply, SECTION_AUTHORITY, text, zone);
	}
	us = cost(world, reply, DNS_BOGUS);
	world_free(&world);
	return us;
}

/* ---- cached answers ---- */

static void world_answer(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply_r)
{
	const struct reply *reply = world_find(context, name, type);

	(void)tcp;
	reply_r->rcode_set = reply == NULL;
	reply_r->rcode = LDNS_RCODE_REFUSED;
	if (reply != NULL) {
		reply_r->raw = reply->wire;
		reply_r->raw_length = reply->length;
	}
}

enum { ASKED = 1000 };

struct asker { struct dns_resolver *resolver; bool failed; };

/* Each message has a scope of its own; in it each question is asked by several checks. */
static void ask(void *argument)
{
	struct asker *asker = argument;
	struct dns_scope *scope = dns_scope_new(asker->resolver, 10000, ASKED);

	for (unsigned i = 0; i < ASKED; i++)
		if (dns_wait(scope, "zone.test", DNS_TYPE_TXT)->security != DNS_SECURE)
			asker->failed = true;
	dns_scope_free(&scope);
}

static void ask_in_new_scopes(void *argument)
{
	struct asker *asker = argument;

	for (unsigned i = 0; i < ASKED; i++) {
		struct dns_scope *scope = dns_scope_new(asker->resolver, 10000, 1);

		if (dns_wait(scope, "zone.test", DNS_TYPE_TXT)->security != DNS_SECURE)
			asker->failed = true;
		dns_scope_free(&scope);
	}
}

/* A validated answer that the resolver has: CPU of the whole look-up. */
static void cached(void)
{
	struct world *world = world_new(NULL);
	struct zone *zone = zone_new(zone_new(world_root(world), "test.", LDNS_SIGN_ECDSAP256SHA256), "zone.test.",
	    LDNS_SIGN_ECDSAP256SHA256);
	const char *anchors[] = { world->anchor_path, NULL };
	struct dns_config config = { .dnssec = DNSSEC_VALIDATE, .trust_anchor_files = anchors, .clock = &world->clock };
	struct fake_dns *server = fake_dns_start(NULL, world_answer, world);
	struct dns_server address;
	struct asker asker = { 0 };
	struct figure figures[] = { { .call = ask, .argument = &asker }, { .call = ask_in_new_scopes, .argument = &asker } };
	char why[256] = "";

	reply_serve(txt_reply(world, zone));
	address = fake_dns_address(server);
	config.servers = &address;
	config.server_count = 1;
	asker.resolver = dns_resolver_new(&config, why, sizeof(why));
	if (asker.resolver != NULL)
		measure(figures, 2);
	if (asker.resolver == NULL || asker.failed) {
		fprintf(stderr, "bench_validate: cached answers: %s\n", asker.failed ? "not secure" : why);
		exit(1);
	}
	printf("\ncached, validated answer: %.2f us in the scope of one message, %.2f us with a scope of its own\n",
	    figures[0].us / ASKED, figures[1].us / ASKED);
	dns_resolver_free(&asker.resolver);
	fake_dns_stop(&server);
	world_free(&world);
}

int main(int argc, char **argv)
{
	struct figures figures[ALGORITHMS];

	if (argc > 1)
		round_ms = atof(argv[1]);
	printf("CPU microseconds; ratio = validation / bare verifications of the same signatures\n");
	printf("%-16s %8s   %8s ratio   %8s ratio %8s   %8s ratio\n", "algorithm", "bare", "TXT", "NXDOMAIN",
	    "again", "cold TXT");
	for (unsigned i = 0; i < ALGORITHMS; i++)
		figures[i] = ordinary(&algorithms[i]);
	printf("\nhostile answers, in ordinary validations (one TXT answer of a known zone; of an unknown one) of the algorithm\n");
	for (unsigned i = 0; i < ALGORITHMS; i++) {
		double signatures = many_signatures(&algorithms[i]), links = many_links(&algorithms[i]);

		printf("%-16s 30 bad signatures %9.1f us = %5.1f / %5.1f   alias chain %9.1f us = %5.1f / %5.1f\n",
		    algorithms[i].name, signatures, signatures / figures[i].answer, signatures / figures[i].cold,
		    links, links / figures[i].answer, links / figures[i].cold);
	}
	for (unsigned iterations = 0; iterations <= 150; iterations += 75) {
		double hashes = many_hashes(120, iterations);

		printf("NSEC3, 120 labels, %3u iterations %9.1f us = %5.1f / %5.1f of ECDSAP256SHA256\n", iterations, hashes,
		    hashes / figures[1].answer, hashes / figures[1].cold);
	}
	cached();
	return 0;
}
