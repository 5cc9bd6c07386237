/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: names of client certificates, which whoever had the certificate made has chosen. Input: name, newline, a
 * host or domain. Checked: xtext never grows and leaves no control byte; a common name has none of the separators that
 * would make it ambiguous; a wildcard stands for exactly one label.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check/tls/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_matches(const char *name, const char *host)
{
	if (cert_matches_host(name, host) && strcasecmp(name, host) != 0) {
		const char *rest = strchr(host, '.');

		require(strncmp(name, "*.", 2) == 0 && rest != NULL && rest != host && strcasecmp(name + 1, rest) == 0);
		require(strchr(rest + 1, '.') != NULL);
	}
	if (cert_matches_domain(name, host)) {
		size_t name_length = strlen(name), length = strlen(host);

		require(length != 0 && name_length >= length && strcasecmp(name + name_length - length, host) == 0);
		require(name_length == length || name[name_length - length - 1] == '.');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *text = arena_strndup(arena, (const char *)data, size), *newline;
	const char *decoded, *name;

	newline = strchr(text, '\n');
	if (newline != NULL)
		*newline = '\0';
	decoded = cert_decode(arena, text);
	require(strlen(decoded) <= strlen(text));
	for (const char *c = decoded; *c != '\0'; c++)
		require((unsigned char)*c >= 0x20 && *c != 0x7f);
	name = cert_common_name(arena, decoded);
	if (name != NULL) {
		require(name[0] != '\0' && strlen(name) <= strlen(decoded));
		require(decoded[0] != '/' || strchr(name, '/') == NULL);
	}
	if (name != NULL && newline != NULL)
		check_matches(name, newline + 1);
	arena_free(&arena);
	return 0;
}
