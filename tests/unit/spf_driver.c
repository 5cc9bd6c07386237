/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evaluates SPF cases through the real resolver, for tests/flow. usage: spf_driver SERVER PORT TIMEOUT_MS
 * Standard input: one case a line, four fields separated by tabs: client, helo, mail from, receiver; octets as \xHH where
 * they are not printable. Standard output, one line a case: result, scope, explanation or "-", reason, dnssec.
 * A line "prefetch" turns prefetching on for the cases that follow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/result.h"
#include "check/spf/spf.h"

enum { FIELDS = 4, LOOKUPS = 300, DEADLINE_MS = 20000 };

static void unescape(char *text)
{
	char *out = text;
	unsigned octet;

	for (; *text != '\0'; text++) {
		if (text[0] == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &octet) == 1) {
			*out++ = (char)octet;
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

static void judge(struct dns_resolver *resolver, char *fields[FIELDS], int prefetch)
{
	struct arena *arena = arena_new();
	struct dns_scope *scope = dns_scope_new(resolver, DEADLINE_MS, LOOKUPS);
	struct spf_request request = { .helo = fields[1], .mail_from = fields[2], .receiver = fields[3], .time_secs = 1000000000 };
	struct spf_result result;

	if (addr_parse(fields[0], &request.client) != 0) {
		printf("bad client %s\n", fields[0]);
		exit(2);
	}
	if (prefetch)
		spf_prefetch(&request, scope, arena);
	spf_evaluate(&request, scope, arena, &result);
	printf("%s\t%s\t%s\t%s\t%s\n", result_name(result.result), result.scope == SPF_SCOPE_HELO ? "helo" : "mfrom",
	    result.explanation != NULL ? result.explanation : "-", result.reason, dns_security_name(result.dnssec));
	fflush(stdout);
	dns_scope_free(&scope);
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	struct dns_server server = { 0 };
	struct dns_config config = { .servers = &server, .server_count = 1, .dnssec = DNSSEC_OFF, .rounds = 1 };
	struct dns_resolver *resolver;
	static char line[1 << 20];
	char why[256];
	int prefetch = 0;

	if (argc != 4 || addr_parse(argv[1], &server.addr) != 0)
		return 2;
	server.port = (uint16_t)atoi(argv[2]);
	config.timeout_ms = (unsigned)atoi(argv[3]);
	resolver = dns_resolver_new(&config, why, sizeof(why));
	if (resolver == NULL) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *rest = line, *fields[FIELDS];

		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "prefetch") == 0) {
			prefetch = 1;
			continue;
		}
		for (int i = 0; i < FIELDS; i++) {
			fields[i] = strsep(&rest, "\t");
			if (fields[i] == NULL)
				return 2;
			unescape(fields[i]);
		}
		judge(resolver, fields, prefetch);
	}
	dns_resolver_free(&resolver);
	return 0;
}
