/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the sender's address (sender.h). user@domain is taken as it stands, a form of RFC 5322 as its grammar says. Only where
 * neither helps the MTA is believed, whose {mail_addr} is an address that it has routed: Postfix takes user%other@ours for
 * user@other there, while the message goes on with the former. Pure; thread: any.
 */
#include "message/sender.h"

#include <stdbool.h>
#include <string.h>

#include "message/address.h"
#include "util/domain.h"

#define HIDES_ADDRESS "<>(),;:"	/* among these another @ may be the one that counts */
#define NOT_PLAIN HIDES_ADDRESS " \t\r\n"
#define ROUTED_LOCAL "%!"	/* percent hack and bang paths */

struct found {
	struct arena *arena;
	const char *address;
	unsigned count;
};

static void collect(void *arg, const struct address *address)
{
	struct found *found = arg;

	found->count++;
	found->address = arena_printf(found->arena, "%.*s@%.*s", (int)address->local_length, address->local,
	    (int)address->domain_length, address->domain);
}

/* Nothing in it but quoted strings stands for anything but itself. */
static bool is_plain(const char *text)
{
	bool quoted = false;

	for (; *text != '\0'; text++) {
		if (*text == '\\' && text[1] != '\0')
			text++;
		else if (*text == '"')
			quoted = !quoted;
		else if (!quoted && strchr(NOT_PLAIN, *text) != NULL)
			return false;
	}
	return !quoted;
}

static const char *without_angles(struct arena *arena, const char *text)
{
	size_t length = strlen(text);

	if (length >= 2 && text[0] == '<' && text[length - 1] == '>')
		return arena_strndup(arena, text + 1, length - 2);
	return text;
}

static const char *domain_of(struct arena *arena, const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL && at[1] != '\0' ? domain_normalize(arena, at + 1, strlen(at + 1)) : NULL;
}

/* user%domain, domain!user: the MTA found the domain in what the client wrote, and put none of its own there. */
static bool wrote_domain(struct arena *arena, const char *given, const char *resolved)
{
	const char *domain = resolved != NULL ? domain_of(arena, resolved) : NULL;

	return domain != NULL && strpbrk(given, ROUTED_LOCAL) != NULL && strcasestr(given, domain) != NULL;
}

const char *sender_find_address(struct arena *arena, const char *given, const char *resolved)
{
	struct found found = { .arena = arena };
	const char *bare = without_angles(arena, given), *domain, *other;

	if (is_plain(bare))
		return strchr(bare, '@') == NULL && wrote_domain(arena, bare, resolved) ? resolved : bare;
	if (address_list_parse(given, strlen(given), collect, &found) == NULL && found.count == 1) {
		domain = domain_of(arena, found.address);
		other = resolved != NULL ? domain_of(arena, resolved) : NULL;
		/* the same address, without space and comments in its local part */
		return domain != NULL && other != NULL && strcmp(domain, other) == 0 ? resolved : found.address;
	}
	/* where it stands in what the client wrote, the MTA has taken no route apart */
	if (resolved != NULL && (strpbrk(given, ROUTED_LOCAL) == NULL || strcasestr(given, resolved) != NULL))
		return resolved;
	if (strpbrk(bare, HIDES_ADDRESS) == NULL)	/* broken quotes, say: still nobody looks anywhere but behind the last @ */
		return bare;
	return arena_printf(arena, "<%s>", bare);
}
