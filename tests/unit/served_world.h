/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_SERVED_WORLD_H
#define ASSAY_TESTS_SERVED_WORLD_H
/* A small signed world behind a server on loopback that lies, and the resolver in front of it. */
#include "dnssec_world.h"
#include "resolver_fixture.h"

#define CASE(name) cmocka_unit_test_setup_teardown(name, served_setup, served_teardown)

/* The world that the server answers from, made before it; the atomic members may be changed while it answers. */
struct served {
	struct world *world;
	struct zone *root, *tld, *zone;
	_Atomic(const char *) dropped;	/* no answer to questions of this name … */
	_Atomic uint16_t dropped_type;	/* … and type */
	_Atomic uint8_t rcode;		/* instead of answers to TXT */
	_Atomic bool unsigned_keys;	/* DNSKEY answers lack their signatures */
	_Atomic bool truncate;		/* TC in answers to TXT, by UDP and TCP */
	uint8_t wire[65536];
};
extern struct served served;

int served_setup(void **state);

int served_teardown(void **state);

void serve_world(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply);

struct resolver_fixture *served_start_mode(void **state, enum dnssec_mode mode);

struct resolver_fixture *served_start(void **state);

struct reply *reply_to(const char *name, ldns_pkt_rcode rcode);

/** A TXT record with its signature, served. */
void serve_txt(const char *name, unsigned ttl, struct zone *signer);

/** The proof that name, which has a TXT record, is no delegation. */
void deny_ds(const char *name);

const struct dns_answer *ask(struct resolver_fixture *dns, const char *name);

void assert_answer(struct resolver_fixture *dns, const char *name, enum dns_status status, enum dns_security security);

#endif
