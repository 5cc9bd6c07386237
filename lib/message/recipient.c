/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the domain of a recipient (recipient.h). Trusts what the MTA resolved. Of the client's text only the plain form
 * user@domain is read, since every MTA reads that alike. In all other cases the domain is unknown, and then every recipient
 * policy that could apply does (policy/policy.h). Pure; thread: any.
 */
#include "message/recipient.h"

#include <stdbool.h>
#include <string.h>

#include "util/domain.h"
#include "util/mailbox.h"

/* By these an MTA may find another address inside: domains, routes (RFC 5321 appendix C), percent hack and bang paths. */
#define FURTHER_ADDRESS "@%!:"

static bool is_said(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* Names of the MTA itself which nobody outside can mean. */
static bool is_localhost(const char *domain)
{
	return strcmp(domain, "localhost") == 0 || strcmp(domain, "localhost.localdomain") == 0;
}

/* @param at  of the address, in front of the domain. */
static struct recipient_place at_domain(struct arena *arena, const char *address, const char *at)
{
	struct recipient_place place = { .domain = domain_normalize(arena, at + 1, strlen(at + 1)),
		.mailbox = mailbox_read(arena, address, (size_t)(at - address)) };

	if (place.domain == NULL)
		return (struct recipient_place){ .where = RECIPIENT_UNKNOWN };
	place.where = is_localhost(place.domain) ? RECIPIENT_LOCAL : RECIPIENT_AT_DOMAIN;
	return place;
}

/* What the client's text says by itself. */
static struct recipient_place read_given(struct arena *arena, const char *given)
{
	const char *at = strrchr(given, '@');
	size_t local_length = at != NULL ? (size_t)(at - given) : strlen(given);
	struct recipient_place place = { .where = RECIPIENT_UNKNOWN };

	if (local_length == 0 || strcspn(given, FURTHER_ADDRESS) != local_length)
		return place;
	if (at != NULL)
		return at_domain(arena, given, at);
	place.where = RECIPIENT_LOCAL;
	place.mailbox = mailbox_read(arena, given, local_length);
	return place;
}

struct recipient_place recipient_find_place(struct arena *arena, const char *given, const struct recipient_route *route)
{
	struct recipient_place place = read_given(arena, given), resolved;
	const char *at;

	if (route == NULL || !is_said(route->address))
		return place;
	at = strrchr(route->address, '@');
	if (at != NULL) {
		resolved = at_domain(arena, route->address, at);
		/* a domain that the client did not write: the MTA has put its own there, one of perhaps several */
		if (place.where != RECIPIENT_AT_DOMAIN && resolved.where == RECIPIENT_AT_DOMAIN &&
		    strcasestr(given, resolved.domain) == NULL)
			resolved.where = RECIPIENT_LOCAL;
		return resolved;
	}
	/* a plain address whose domain the MTA took for one of its own: so it is that domain */
	if (place.where == RECIPIENT_UNKNOWN && strpbrk(route->address, FURTHER_ADDRESS) == NULL && !is_said(route->host)) {
		place.where = RECIPIENT_LOCAL;
		place.mailbox = mailbox_read(arena, route->address, strlen(route->address));
	}
	return place;
}
