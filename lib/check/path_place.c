/* SPDX-License-Identifier: BSD-2-Clause */
/* Signs of the client's place in Received fields. Input is hostile and capped by the caller. See path_place.h. */
#include "check/path_place.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/addr.h"

enum { ADDRESS_BYTES = 64 };
static const char blanks[] = " \t\n";

enum sign { SIGN_NONE, SIGN_LOCAL, SIGN_REMOTE };

/* Length bytes of text as an address, without the zone that Exchange adds ("fe80::1%3"). */
static enum sign address_sign(const char *text, size_t length)
{
	char copy[ADDRESS_BYTES];
	struct ip_addr addr;

	if (length == 0 || length >= sizeof(copy))
		return SIGN_NONE;
	memcpy(copy, text, length);
	copy[length] = '\0';
	copy[strcspn(copy, "%")] = '\0';
	if (addr_parse(copy, &addr) != 0)
		return SIGN_NONE;
	return addr_is_loopback(&addr) ? SIGN_LOCAL : SIGN_REMOTE;
}

static void add(enum sign sign, struct path_place *place)
{
	place->local |= sign == SIGN_LOCAL;
	place->remote |= sign == SIGN_REMOTE;
}

/* The inside of brackets: OpenSMTPD's "local", Cyrus' "unix socket", or an address; Postfix' "unknown" may be anywhere. */
static enum sign bracket_sign(const char *text, size_t length)
{
	enum sign sign = address_sign(text, length);

	if (sign != SIGN_NONE)
		return sign;
	if ((length == 5 && strncasecmp(text, "local", length) == 0) ||
	    (length == 11 && strncasecmp(text, "unix socket", length) == 0))
		return SIGN_LOCAL;
	return SIGN_REMOTE;
}

static bool starts(const char *text, const char *word)
{
	return strncasecmp(text, word, strlen(word)) == 0;
}

/* "uid 1000": dma and Courier. */
static bool is_user(const char *text)
{
	return starts(text, "uid ") && text[4] != '\0' && text[4 + strspn(text + 4, "0123456789")] == '\0';
}

/*
 * What stands behind "HELO" (qmail, Haraka) or "helo=" (Exim) is the client's word. An address is a word of its own: in
 * "(envelope-from <a@[127.0.0.1]>)" there is none.
 */
void path_place_comment(const char *text, struct path_place *place)
{
	enum sign sign = SIGN_NONE;

	if (starts(text, "HELO ") || starts(text, "EHLO "))
		return;
	if (is_user(text)) {
		place->local = true;
		return;
	}
	for (;;) {
		size_t length;

		text += strspn(text, blanks);
		if (*text == '\0' || starts(text, "helo="))
			return;
		if (*text == '[') {
			length = strcspn(text + 1, "]");
			sign = bracket_sign(text + 1, length);
			text += 1 + length + (text[1 + length] == ']');
			length = strcspn(text, blanks);		/* ":1234", a port */
		} else {
			length = strcspn(text, blanks);
			sign = address_sign(text, length);
			place->said |= sign == SIGN_NONE;
		}
		add(sign, place);
		text += length;
	}
}

void path_place_word(const char *text, bool from, struct path_place *place)
{
	enum sign sign;

	if (from)
		place->localhost = strcasecmp(text, "localhost") == 0 || strcasecmp(text, "localhost.localdomain") == 0;
	if (*text != '[')
		return;
	sign = bracket_sign(text + 1, strcspn(text + 1, "]"));
	if (from && sign == SIGN_LOCAL)
		place->literal = true;
	else
		add(sign, place);
}

bool path_place_is_local(const struct path_place *place, bool pipe)
{
	if (place->remote)
		return false;
	return place->local || (!place->said && (place->literal || place->localhost || pipe));
}
