/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address of MAIL, and behind a NUL what the MTA made of it, if it said so. A domain that is found is the one behind the last @
 * of either, or the single address of a list; where the text cannot be read there is none.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/address.h"
#include "message/sender.h"
#include "util/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct arena *arena;
	const char *domain;
};

static const char *domain_of(struct arena *arena, const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? domain_normalize(arena, at + 1, strlen(at + 1)) : NULL;
}

static void see(void *arg, const struct address *address)
{
	struct seen *seen = arg;

	seen->domain = domain_normalize(seen->arena, address->domain, address->domain_length);
}

static bool is_of(struct arena *arena, const char *domain, const char *text)
{
	const char *other = text != NULL ? domain_of(arena, text) : NULL;

	return other != NULL && strcmp(domain, other) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct seen seen = { .arena = arena };
	const char *given = arena_strndup(arena, (const char *)data, size), *resolved = NULL, *bare = given, *found, *domain;
	size_t length = strlen(given);

	if (length < size)
		resolved = arena_strndup(arena, (const char *)data + length + 1, size - length - 1);
	if (length >= 2 && given[0] == '<' && given[length - 1] == '>')
		bare = arena_strndup(arena, given + 1, length - 2);
	found = sender_find_address(arena, given, resolved);
	domain = domain_of(arena, found);
	address_list_parse(given, length, see, &seen);
	if (found[0] == '<' && found[strlen(found) - 1] == '>' && found != bare && found != resolved && domain != NULL)
		abort();
	if (domain != NULL && !is_of(arena, domain, bare) && !is_of(arena, domain, resolved) &&
	    (seen.domain == NULL || strcmp(seen.domain, domain) != 0))
		abort();
	arena_free(&arena);
	return 0;
}
