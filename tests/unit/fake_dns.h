/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_FAKE_DNS_H
#define ASSAY_TESTS_FAKE_DNS_H
/*
 * A DNS server for tests: a thread on a free loopback port, UDP and TCP, that answers from master-file text and, where
 * the test wants it, lies, dawdles or falls silent. Each question is logged.
 *
 *   struct fake_dns *server = fake_dns_start("example.com. TXT \"v=spf1 -all\"\n", NULL, NULL);
 *   struct dns_server address = fake_dns_address(server);    → dns_config.servers
 *   …
 *   fake_dns_stop(&server);
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resolver/resolver.h"

#define FAKE_DNS_HELD UINT_MAX

/* What becomes of one question; all zero: the answer of the zone. */
struct fake_dns_reply {
	unsigned delay_ms;	/* UDP and TCP; other questions are served meanwhile */
	/*
	 * The same, but until so many different questions have come, or FAKE_DNS_HELD: until fake_dns_release(). What asks one
	 * after the other where it might ask at once never gets there; see fake_dns_stalled().
	 */
	unsigned hold_until;
	bool drop;		/* no answer */
	bool truncate;		/* UDP: header and question with TC */
	bool ad;		/* AD bit set */
	bool rcode_set;
	uint8_t rcode;		/* with rcode_set: header and question with this code */
	bool no_question;	/* with rcode_set: the header only */
	/* lies, told before the true answer (UDP) … */
	bool wrong_id, wrong_question, wrong_port, garbage;
	bool only_lies;		/* … or instead of it */
	/* a message of the test's own, sent as it is but for the id; the callback's memory, used before it is called again */
	const uint8_t *raw;
	size_t raw_length;
};

/* Called on the server's thread for each question. name: presentation form, lower case. */
typedef void fake_dns_callback(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply);

struct fake_dns;

/** @param zone_text  master-file text (see resolver/zonefile.h); NULL: everything is NXDOMAIN. callback may be NULL. */
struct fake_dns *fake_dns_start(const char *zone_text, fake_dns_callback *callback, void *context);
void fake_dns_stop(struct fake_dns **server);

struct dns_server fake_dns_address(const struct fake_dns *server);

/** @return questions received so far for (name, type); name NULL: any name, type 0: any type. */
unsigned fake_dns_count(struct fake_dns *server, const char *name, uint16_t type);

/** The same, when so many have come at least, for which it waits up to 60 s: for what is asked while nobody waits for it. */
unsigned fake_dns_await(struct fake_dns *server, const char *name, uint16_t type, unsigned count);

/** Lets go what is and will be FAKE_DNS_HELD. */
void fake_dns_release(struct fake_dns *server);

/** @return answers that are held, or were for 20 s and then sent all the same. */
unsigned fake_dns_stalled(struct fake_dns *server);

struct fake_dns_question {
	char name[256];
	uint16_t type, id, port;	/* port: the client's */
	uint8_t flags[2];		/* of the header */
	uint16_t edns_bytes;		/* 0: no EDNS */
	bool dnssec_ok, tcp;
};

/** The index-th question received. @return false when there were not so many. */
bool fake_dns_question(struct fake_dns *server, size_t index, struct fake_dns_question *question_r);

#endif
