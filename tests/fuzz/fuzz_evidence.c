/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evidence out of a database. What is read, written again, has to be read alike and to be one line of printable ASCII; and some
 * policies are asked about it, which has to end, and to tell nothing of what has no sense.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/evidence_text.h"
#include "policy/recorded.h"

static const char settings[] = "mode = enforce\nlocal-domains = { a.example, b.example }\nfindings { spf-fail = reject tls-none = tag }\n"
    "policy r { recipient-domains = .a.example actions { tls-none = defer } }\n"
    "policy c { client-networks = { 192.0.2.7/32, 2001:db8::/65 } require-cert = yes require-cert-names = .a.example }\n"
    "policy m { recipients = { ann@b.example, x@.c.example } listeners = smtp authenticated = no mode = dry-run }\n"
    "policy n { client-names = { .out.example.net, mx.a.example } envelope-domains = { \"<>\", .e.example } actions { spf-fail = defer } }\n"
    "policy a { author-domains = c.example require-secure-domains = c.example actions { insecure-pass = reject } }\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static const struct config *loaded(void)
{
	static const struct config *config;

	if (config == NULL)
		config = config_load_buffer(settings, strlen(settings), "fuzz.conf", stderr);
	require(config != NULL);
	return config;
}

static void check_written(const struct evidence *evidence, struct arena *arena)
{
	const char *text = evidence_write(evidence, arena);
	struct evidence again;

	require(strlen(text) <= EVIDENCE_TEXT_MAX);
	for (const char *c = text; *c != '\0'; c++)
		require(*c >= 0x20 && *c < 0x7f);
	require(evidence_read(text, arena, &again) == 0);
	require(strcmp(evidence_write(&again, arena), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct policy_set set = policy_set_of(loaded());
	struct recorded_decision recorded;
	struct evidence evidence;
	int code = evidence_read(arena_strndup(arena, (const char *)data, size), arena, &evidence);

	require(code == 0 || (evidence.lacks & EVIDENCE_LACKS_SENSE) != 0);
	require(evidence.finding_count <= 2 * FINDING_COUNT && evidence.recipient_count <= EVIDENCE_RECIPIENTS_MAX &&
	    evidence.author_count <= EVIDENCE_AUTHORS_MAX && evidence.pass_count <= 2 * EVIDENCE_PASSES_MAX);
	if ((evidence.lacks & EVIDENCE_LACKS_SENSE) == 0)
		check_written(&evidence, arena);
	for (int lenient = 0; lenient < 2; lenient++) {
		set.several = lenient ? SEVERAL_LENIENT : SEVERAL_STRICTEST;
		policy_replay(&set, &evidence, arena, &recorded);
		require((evidence.lacks & EVIDENCE_LACKS_SENSE) == 0 || recorded.why == UNTOLD_UNREADABLE);
	}
	arena_free(&arena);
	return 0;
}
