/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS in Received fields: remarks in comments, protocol words. Hostile input, capped by the caller. See path_tls.h. */
#include "check/path_tls.h"

#include <string.h>
#include <strings.h>

#include "util/clean.h"

enum { SUITE_BYTES = 100, GROUP_BYTES = 40 };

/* Value behind "key=" in a comment, up to a separator. */
static const char *comment_value(struct arena *arena, const char *comment, const char *key)
{
	const char *found = strcasestr(comment, key);

	if (found == NULL)
		return NULL;
	found += strlen(key);
	return arena_strndup(arena, found, strcspn(found, " ,;)\t\n"));
}

/* "key-exchange X25519MLKEM768"; with an older OpenSSL behind its kind, "ECDHE (prime256v1)"; "DHE (2048 bits)" names none. */
static const char *postfix_group(struct arena *arena, const char *comment)
{
	const char *word = strcasestr(comment, "key-exchange "), *inner;
	size_t length;

	if (word == NULL)
		return NULL;
	word += strlen("key-exchange ");
	length = strcspn(word, " ,;()\t\n");
	inner = word + length + strspn(word + length, " \t\n");
	if (*inner == '(') {
		word = inner + 1;
		length = strcspn(word, " ,;()\t\n");
		if (word[length] != ')')
			return NULL;
	}
	return length != 0 && length <= GROUP_BYTES ? clean_word(arena, word, length) : NULL;
}

static bool is_letter(char c, char lower)
{
	return c == lower || c == lower - 'a' + 'A';
}

static bool is_number(const char *text, size_t length)
{
	return length != 0 && length <= 4 && strspn(text, "0123456789") == length;
}

/*
 * "TLS1.3", "TLS1.2:SUITE:256", since 4.99 "TLS1.3:SUITE:256:GROUP": Exim; "TLSv1.3:SUITE:256:NO": OpenSMTPD, the last being
 * what became of a client certificate; "TLSv1.3, 256 bits, …": our own, with the suite in its clause.
 */
static void read_colons(struct arena *arena, const char *text, struct path_hop *hop)
{
	size_t length = strcspn(text, ":, )\t\n");

	hop->version = clean_word(arena, text, length);
	if (text[length] != ':')
		return;
	text += length + 1;
	length = strcspn(text, ":, )\t\n");
	if (length == 0 || length > SUITE_BYTES)
		return;
	hop->cipher = clean_word(arena, text, length);
	if (text[length] != ':')
		return;
	text += length + 1;
	length = strcspn(text, ":, )\t\n");
	if (!is_number(text, length) || text[length] != ':')
		return;
	text += length + 1;
	length = strcspn(text, ":, )\t\n");
	if (length < 4 || length > GROUP_BYTES || strncasecmp(text, "FAIL", length) == 0)	/* NO, YES, FAIL */
		return;
	hop->group = clean_word(arena, text, length);
}

/* "TLS: TLSv1.3,256bits,SUITE", alone or behind "AUTH: PLAIN user, ". */
static bool courier_tells_tls(struct arena *arena, const char *comment, struct path_hop *hop)
{
	const char *text = comment, *comma;

	if (strncmp(text, "AUTH: ", 6) == 0)
		text = strstr(text, ", TLS: ");
	if (text != NULL && text != comment)
		text += 2;
	if (text == NULL || strncmp(text, "TLS: ", 5) != 0)
		return false;
	text += 5;
	if (strncmp(text, "TLS", 3) != 0 && strncmp(text, "SSL", 3) != 0)
		return false;
	hop->version = clean_word(arena, text, strcspn(text, ", )\t\n"));
	comma = strchr(text, ',');
	comma = comma != NULL ? strchr(comma + 1, ',') : NULL;
	if (comma != NULL && comma[1] != '\0' && strcspn(comma + 1, ", )\t\n") <= SUITE_BYTES)
		hop->cipher = clean_word(arena, comma + 1, strcspn(comma + 1, ", )\t\n"));
	return true;
}

/*
 * Whether "TLS" or "SSL" is in it, in whatever case. Most comments tell an address or a program's name: they need no search for each
 * of the forms below.
 */
static bool names_tls(const char *comment)
{
	for (const char *at = comment; (at = strpbrk(at, "lL")) != NULL; at++)
		if (at != comment && ((is_letter(at[-1], 't') && is_letter(at[1], 's')) ||
		    (at - comment > 1 && is_letter(at[-1], 's') && is_letter(at[-2], 's'))))
			return true;
	return false;
}

/* "TLSv1.3 with cipher X (…)": Postfix and Gmail's kin; "version=… cipher=…": Sendmail, Gmail, Exchange; "TLS": older Exchange. */
bool path_tls_comment(struct arena *arena, const char *comment, struct path_hop *hop)
{
	const char *using, *cipher;

	if (!names_tls(comment))
		return false;
	using = strcasestr(comment, "using TLS");
	if (using == NULL)
		using = strcasestr(comment, "using SSL");
	if (using != NULL) {
		cipher = strcasestr(comment, "with cipher ");
		hop->version = arena_strndup(arena, using + 6, strcspn(using + 6, " ,;)"));
		if (cipher != NULL)
			hop->cipher = arena_strndup(arena, cipher + 12, strcspn(cipher + 12, " ,;)"));
		hop->group = postfix_group(arena, comment);
		return true;
	}
	if (strcmp(comment, "TLS") == 0 && hop->protocol != NULL)
		return true;
	if (strcasestr(comment, "version=TLS") != NULL || strcasestr(comment, "version=SSL") != NULL) {
		hop->version = comment_value(arena, comment, "version=");
		hop->cipher = comment_value(arena, comment, "cipher=");
		return true;
	}
	if (strncasecmp(comment, "Cipher ", 7) == 0)	/* Exim with GnuTLS, by its newer names */
		comment += 7;
	if (strncasecmp(comment, "TLS1", 4) == 0 || strncasecmp(comment, "TLSv1", 5) == 0) {
		read_colons(arena, comment, hop);
		return true;
	}
	return courier_tells_tls(arena, comment, hop);
}

/* Protocols of RFC 3848, RFC 6531 and practice: does the word say TLS? -1: not a mail transport that tells. */
int path_tls_protocol(const char *protocol)
{
	static const struct { const char *name; int tls; } table[] = {
		{ "SMTP", 0 }, { "ESMTP", 0 }, { "ESMTPA", 0 }, { "ESMTPS", 1 }, { "ESMTPSA", 1 }, { "SMTPS", 1 },
		{ "LMTP", 0 }, { "LMTPA", 0 }, { "LMTPS", 1 }, { "LMTPSA", 1 }, { "ASMTP", 0 },
		{ "UTF8SMTP", 0 }, { "UTF8SMTPA", 0 }, { "UTF8SMTPS", 1 }, { "UTF8SMTPSA", 1 },
		{ "UTF8LMTP", 0 }, { "UTF8LMTPA", 0 }, { "UTF8LMTPS", 1 }, { "UTF8LMTPSA", 1 },
		/* Exim */
		{ "UTF8ESMTP", 0 }, { "UTF8ESMTPA", 0 }, { "UTF8ESMTPS", 1 }, { "UTF8ESMTPSA", 1 },
		/* getmail; fetchmail's IMAP and POP3 may be over TLS */
		{ "IMAP4-SSL", 1 }, { "POP3-SSL", 1 },
		{ "HTTPS", 1 }, { "HTTP", 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, protocol) == 0)
			return table[i].tls;
	return -1;
}
