/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random zones through the whole front with libspf2, the verdict and explanation compared with a second evaluator.
 * The input is lines; the first byte of a line says what it is:
 *   C text   client address          H text  HELO          F text  MAIL FROM
 *   D text   TXT at example.org      S name  TYPE fails    others: a record at one of a few names
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/spf_fake.h"
#include "check/spf/spf.h"
#include "spf_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES = 4096, LINES = 60 };

static const char *const names[] = {
	"example.org", "a.example.org", "b.example.org", "c.example.net", "*.example.org", "*.org", "mx.example.net",
	"1.2.0.192.in-addr.arpa", "exp.example.org", "*.arpa", "_spf.example.net",
};

enum { NAMES = sizeof(names) / sizeof(names[0]) };

struct zone {
	struct arena *arena;
	struct dns_scope *scope;
	struct spf_request request;
};

static void zone_record(struct zone *zone, uint8_t kind, uint8_t which, const char *text, size_t length)
{
	const char *name = names[which % NAMES], *value = arena_strndup(zone->arena, text, length);
	struct ip_addr addr;

	switch (kind % 8) {
	case 0:
	case 1:
		fake_add_text(zone->scope, name, text, length);
		return;
	case 2:
		if (addr_parse(value, &addr) == 0 && strchr(value, 'P') == NULL)
			fake_add(zone->scope, name, addr.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA, value);
		return;
	case 3:
		fake_add(zone->scope, name, DNS_TYPE_A, "192.0.2.1");
		return;
	case 4:
		if (strlen(value) == length && strchr(value, '\\') == NULL)
			fake_add(zone->scope, name, DNS_TYPE_MX, value);
		return;
	case 5:
		if (strlen(value) == length && strchr(value, '\\') == NULL)
			fake_add(zone->scope, name, DNS_TYPE_PTR, value);
		return;
	case 6:
		fake_fail(zone->scope, name, (uint16_t[]){ DNS_TYPE_A, DNS_TYPE_MX, DNS_TYPE_TXT, DNS_TYPE_PTR }[kind / 8 % 4],
		    kind & 0x80 ? DNS_BOGUS : DNS_INDETERMINATE);
		return;
	default:
		fake_add(zone->scope, name, DNS_TYPE_AAAA, "2001:db8::1");
		return;
	}
}

static void zone_line(struct zone *zone, const char *line, size_t length)
{
	const char *text = length > 1 ? arena_strndup(zone->arena, line + 1, length - 1) : "";
	struct ip_addr addr;

	switch (length > 0 ? line[0] : '\0') {
	case 'C':
		if (addr_parse(text, &addr) == 0)
			zone->request.client = addr;
		return;
	case 'H':
		zone->request.helo = text;
		return;
	case 'F':
		zone->request.mail_from = text;
		return;
	case 'D':
		fake_add_text(zone->scope, "example.org", line + 1, length - 1);
		return;
	default:
		if (length > 1)
			zone_record(zone, (uint8_t)line[0], (uint8_t)line[1], line + 2, length - 2);
		return;
	}
}

static void compare(const struct spf_result *result, const struct oracle_verdict *oracle)
{
	const char *explanation = result->explanation != NULL ? result->explanation : "";

	if (result->result == oracle->result && strcmp(explanation, oracle->explanation) == 0)
		return;
	fprintf(stderr, "result %d (%s) \"%s\", expected %d \"%s\"\n", result->result, result->reason, explanation, oracle->result,
	    oracle->explanation);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zone zone = { .arena = arena_new(), .scope = fake_new() };
	const char *text = (const char *)data, *end = text + (size < INPUT_BYTES ? size : INPUT_BYTES);
	struct arena *arena = arena_new();
	struct oracle_verdict oracle;
	struct spf_result result;

	zone.request = (struct spf_request){
		.client = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } }, .helo = "helo.example.net",
		.mail_from = "user.name@example.org", .receiver = "receiver.example", .time_secs = 1700000000,
	};
	for (unsigned lines = 0; text < end && lines < LINES; lines++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline != NULL ? newline : end) - text);

		zone_line(&zone, text, length);
		text += length + 1;
	}
	spf_prefetch(&zone.request, zone.scope, arena);
	if (fake_starts(zone.scope) > 41)
		abort();
	spf_evaluate(&zone.request, zone.scope, arena, &result);
	if (strncmp(result.reason, "the evaluator", strlen("the evaluator")) == 0)	/* the two halves of the front disagree */
		abort();
	if (strnlen(zone.request.mail_from, 1024) < 1024 && strnlen(zone.request.helo, 1024) < 1024) {
		oracle_evaluate(&zone.request, zone.scope, &oracle);
		compare(&result, &oracle);
	}
	arena_free(&arena);
	fake_free(&zone.scope);
	arena_free(&zone.arena);
	return 0;
}
