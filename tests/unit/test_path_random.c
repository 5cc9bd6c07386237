/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A million Received fields made of the words that MTAs write and of whatever bytes. What must hold of each: nothing crashes, TLS is
 * never concluded from nothing, names are clean, and one more address of another host makes no hop local that was not.
 * ASSAY_FIELDS: how many, ASSAY_SEED: which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/path.h"

enum { FIELDS = 1000000, WORDS_MAX = 24, TEXT_BYTES = 2048, BATCH = 500 };

static uint64_t seed;

/* xorshift64*; the same on every machine. */
static unsigned below(unsigned limit)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % limit;
}

static const char *const words[] = {
	"from", "by", "with", "id", "for", "tls", "group", "via", "from", "by", "with", "localhost", "mx.example.net", "unknown",
	"[127.0.0.1]", "[::1]", "[192.0.2.1]", "([127.0.0.1])", "([192.0.2.1]:25 helo=x)", "(helo=[127.0.0.1])", "(::1)",
	"(192.0.2.1)", "([unix socket])", "(a.example [local])", "([unknown])", "(HELO [::1])", "(uid 0)", "(uid x)", "(envelope-from <a>)",
	"ESMTP", "ESMTPS", "UTF8SMTPSA", "utf8esmtp", "LMTP", "local", "local-esmtp", "stdio", "IMAP4-SSL", "Microsoft", "SMTP", "encrypted",
	"(AES encrypted)", "(TLS1.3:A:256:B)", "(TLSv1.2:", "(TLS1", "TLSv1.3)", "(Cipher TLS1.3:A:1)", "(using TLSv1.3 with cipher X",
	"(256/256 bits)", "key-exchange X25519MLKEM768", "key-exchange (", "(version=TLS1_2, cipher=X)", "(TLS: TLSv1,1bits,X)",
	"(AUTH: a, TLS: SSLv3,,)", "(TLS)", "(Postfix)", "(OpenSMTPD)", "(Assay)", "(Postfix, from userid 1)", "(qmail 1 invoked by uid 1)",
	"(nullmailer pid 1 invoked by alias)", "(", ")", "((", "\\", "\\)", ";", "[", "]", "=", ",", ":", "\n\t", "\t",
};

static size_t make_field(char *text)
{
	size_t length = 0;

	for (unsigned i = below(WORDS_MAX); i > 0 && length + 64 < TEXT_BYTES; i--) {
		if (below(8) == 0) {
			for (unsigned octets = below(8); octets > 0; octets--)
				text[length++] = (char)(1 + below(255));
		} else {
			const char *word = words[below(sizeof(words) / sizeof(words[0]))];

			memcpy(text + length, word, strlen(word));
			length += strlen(word);
		}
		if (below(10) != 0)
			text[length++] = ' ';
	}
	text[length] = '\0';
	return length;
}

static void assert_clean(const char *name, const char *text)
{
	for (; name != NULL && *name != '\0'; name++)
		if (*name <= 0x20 || *name >= 0x7f)
			fail_msg("unclean: %s", text);
}

static void assert_hop(const struct path_hop *hop, const char *text)
{
	if (hop_transport_name(hop->transport) == NULL)
		fail_msg("no such transport: %s", text);
	if (hop->transport == HOP_TLS && hop->protocol == NULL && hop->version == NULL && hop->cipher == NULL)
		fail_msg("TLS from nothing: %s", text);
	if (hop->transport == HOP_CLEARTEXT && hop->protocol == NULL)
		fail_msg("cleartext from nothing: %s", text);
	assert_clean(hop->from, text);
	assert_clean(hop->by, text);
	assert_clean(hop->id, text);
	assert_clean(hop->group, text);
}

/* A whole field around random words: with an address of another host in it, it is local only where its protocol says so. */
static void assert_stranger_is_not_local(struct arena *arena, const char *text)
{
	struct path_hop hop;
	const char *value = arena_printf(arena, " from a.example ([192.0.2.9]) %s", text);

	path_parse_hop(arena, value, &hop);
	assert_hop(&hop, value);
	if (hop.transport == HOP_LOCAL && strstr(value, "invoked by") == NULL &&
	    (hop.protocol == NULL || (strncmp(hop.protocol, "LOCAL", 5) != 0 && strcmp(hop.protocol, "STDIO") != 0)))
		fail_msg("another host is local: %s", value);
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoul(text, NULL, 10) : otherwise;
}

static void test_path_parse_hop_of_random_fields(void **state)
{
	unsigned long count = from_environment("ASSAY_FIELDS", FIELDS), kinds[HOP_TLS + 1] = { 0 };
	struct arena *arena = NULL;
	char text[TEXT_BYTES];
	struct path_hop hop;

	(void)state;
	seed = from_environment("ASSAY_SEED", 20261129) | 1;
	for (unsigned long i = 0; i < count; i++) {
		if (i % BATCH == 0) {
			if (arena != NULL)
				arena_free(&arena);
			arena = arena_new();
		}
		make_field(text);
		path_parse_hop(arena, text, &hop);
		assert_hop(&hop, text);
		kinds[hop.transport]++;
		if (i % 4 == 0)
			assert_stranger_is_not_local(arena, text);
	}
	arena_free(&arena);
	for (size_t kind = 0; kind <= HOP_TLS; kind++)	/* the generator reaches all of them */
		assert_true(kinds[kind] > count / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_path_parse_hop_of_random_fields) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
