/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole resolver on a real recursive server, for tests that drive it from outside: reads questions from standard input,
 * one a line, each in a scope of its own, and prints what a check would get, one line each. validate_driver.c is the
 * validator alone; what a message means to the resolver and to the validator must be the same, which only this one shows.
 *
 *   usage: resolver_driver PORT ANCHOR-FILE TIMEOUT-MS
 *   NAME TYPE-NUMBER   → security TAB status TAB canonical name TAB rdata in hex, space between TAB why
 *   probe              → outcome (a word of OUTCOMES) TAB what TAB why of resolver/probe.h; noted at the resolver as assayd does it
 *   reset              → a new resolver, which knows nothing; prints nothing
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/probe.h"

enum { DEADLINE_MS = 20000, LOOKUPS = 10 };

/* words, not numbers: the order of the enum is nobody's contract */
static const char *const OUTCOMES[] = {
	[DNS_PROBE_SILENT] = "silent", [DNS_PROBE_PASSES] = "passes", [DNS_PROBE_UNANCHORED] = "unanchored",
	[DNS_PROBE_ROOT_BOGUS] = "root-bogus", [DNS_PROBE_NO_ROOT] = "no-root", [DNS_PROBE_NO_DELEGATION] = "no-delegation",
	[DNS_PROBE_NO_DENIAL] = "no-denial",
};

static struct dns_resolver *resolver_make(const struct dns_config *config)
{
	char why[512] = "";
	struct dns_resolver *resolver = dns_resolver_new(config, why, sizeof(why));

	if (resolver == NULL) {
		fprintf(stderr, "resolver_driver: %s\n", why);
		exit(78);
	}
	return resolver;
}

static void question(struct dns_resolver *resolver, const char *name, uint16_t type)
{
	struct dns_scope *scope = dns_scope_new(resolver, DEADLINE_MS, LOOKUPS);
	const struct dns_answer *answer = dns_wait(scope, name, type);

	printf("%s\t%s\t%s\t", dns_security_name(answer->security), dns_status_name(answer->status), answer->canonical_name);
	for (size_t i = 0; i < answer->rr_count; i++) {
		for (size_t octet = 0; octet < answer->rrs[i].rdata_length; octet++)
			printf("%02x", answer->rrs[i].rdata[octet]);
		putchar(' ');
	}
	printf("\t%s\n", answer->why);
	fflush(stdout);
	dns_scope_free(&scope);
}

static void probe(struct dns_resolver *resolver, const struct dns_config *config)
{
	struct dns_probe probe;

	dns_probe_server(config, &config->servers[0], &probe);
	if (probe.outcome == DNS_PROBE_PASSES)
		dns_resolver_note_reach(resolver, DNS_REACH_FULL);
	else if (dns_probe_passes_nothing(&probe))
		dns_resolver_note_reach(resolver, DNS_REACH_NONE);
	printf("%s\t%s\t%s\n", OUTCOMES[probe.outcome], probe.what, probe.why);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct dns_server server = { .port = argc > 1 ? (uint16_t)atoi(argv[1]) : 0 };
	const char *anchors[] = { argc > 2 ? argv[2] : NULL, NULL };
	struct dns_config config = { .servers = &server, .server_count = 1, .trust_anchor_files = anchors,
		.dnssec = DNSSEC_VALIDATE, .rounds = 1 };
	struct dns_resolver *resolver;
	char line[2048], name[1100];
	unsigned type;

	if (argc != 4 || addr_parse("127.0.0.1", &server.addr) != 0) {
		fprintf(stderr, "usage: resolver_driver PORT ANCHOR-FILE TIMEOUT-MS\n");
		return 64;
	}
	config.timeout_ms = (unsigned)atoi(argv[3]);
	resolver = resolver_make(&config);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strncmp(line, "reset", 5) == 0) {
			dns_resolver_free(&resolver);
			resolver = resolver_make(&config);
		} else if (strncmp(line, "probe", 5) == 0) {
			probe(resolver, &config);
		} else if (sscanf(line, "%1099s %u", name, &type) == 2) {
			question(resolver, name, (uint16_t)type);
		}
	}
	dns_resolver_free(&resolver);
	return 0;
}
