/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mailboxes, see mailbox.h. An entry is kept as "example.org@ann", so that a set of domains holds it: all labels that may be an
 * ancestor stand in front. A local part has no "@", hence no name that is looked up ends like an entry but by its own.
 */
#include "util/mailbox.h"

#include <stdio.h>
#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Takes the quotes off. @return false: there are some that do not go around the whole. */
static bool unquote(char *text)
{
	size_t length = strlen(text);
	char *to = text;

	if (length < 2 || text[0] != '"')
		return strchr(text, '"') == NULL && strchr(text, '\\') == NULL;
	for (const char *from = text + 1; from < text + length - 1; from++) {
		if (*from == '"')
			return false;
		if (*from == '\\' && ++from == text + length - 1)
			return false;
		*to++ = *from;
	}
	*to = '\0';
	return text[length - 1] == '"';
}

const char *mailbox_read(struct arena *arena, const char *text, size_t length)
{
	char *local;

	if (length == 0 || length > MAILBOX_MAX_LENGTH || memchr(text, '\0', length) != NULL)
		return NULL;
	local = arena_strndup(arena, text, length);
	if (!unquote(local) || local[0] == '\0')
		return NULL;
	for (char *c = local; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '@')
			return NULL;
		*c = lower(*c);
	}
	return local;
}

const char *mailbox_entry(char *text, size_t length)
{
	char copy[MAILBOX_MAX_LENGTH + 1];
	const char *at = memchr(text, '@', length);
	size_t local = at != NULL ? (size_t)(at - text) : length, rest;
	bool below;

	if (at == NULL)
		return "not an address: write user@example.org, user@.example.org (there and at all domains below) or user@ (at any domain)";
	if (local == 0)
		return "no user in front of the @: for all users of a domain there is recipient-domains";
	if (local > MAILBOX_MAX_LENGTH)
		return "the user's name is too long";
	rest = length - local - 1;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '"' || text[i] == '\\' || text[i] == ' ' || (unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return "an address stands here without quotes, blanks and backslashes";
		text[i] = lower(text[i]);
	}
	below = rest != 0 && at[1] == '.';
	if (rest != 0 && domain_fault(at + 1 + below, rest - below) != NULL)
		return "what stands behind the @ is not a domain name";
	memcpy(copy, text, local);
	memmove(text, at + 1, rest);
	text[rest] = '@';
	memcpy(text + rest + 1, copy, local);
	return NULL;
}

const char *mailbox_entry_local(const char *entry)
{
	return strchr(entry, '@') + 1;
}

bool mailbox_set_has(const struct domain_set *set, const char *local, const char *domain)
{
	char name[DOMAIN_MAX_LENGTH + MAILBOX_MAX_LENGTH + 2];
	int length;

	if (set == NULL)
		return false;
	length = snprintf(name, sizeof(name), "%s@%s", domain != NULL ? domain : "", local);
	if (length < 0 || (size_t)length >= sizeof(name))
		return false;
	return domain_set_has(set, name) || (domain != NULL && domain_set_has(set, name + strlen(domain)));
}
