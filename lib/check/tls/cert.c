/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of client certificates. The names were chosen by whoever had the certificate made: they are compared, never
 * parsed beyond the common name. Whether the chain was verified is the MTA's word (tls.c).
 */
#include "check/tls/cert.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "util/clean.h"
#include "util/domain.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')	/* xtext has upper case only */
		return c - 'A' + 10;
	return -1;
}

const char *cert_decode(struct arena *arena, const char *xtext)
{
	char *out = arena_strdup(arena, xtext), *to = out;

	for (const char *from = xtext; *from != '\0'; from++, to++) {
		int high = *from == '+' ? hex_value(from[1]) : -1;
		int low = high >= 0 ? hex_value(from[2]) : -1;

		*to = *from;
		if (low >= 0) {
			*to = (char)(high * 16 + low);
			from += 2;
		}
		if (clean_is(*to, CLEAN_CONTROL))
			*to = '?';
	}
	*to = '\0';
	return out;
}

size_t cert_read_fingerprint(const char *text, uint8_t digest_r[CERT_DIGEST_MAX])
{
	size_t length = 0;

	for (; *text != '\0'; text++) {
		int high, low;

		if (*text == ':' && length != 0)
			continue;
		high = hex_value((char)toupper((unsigned char)text[0]));
		low = high < 0 ? -1 : hex_value((char)toupper((unsigned char)text[1]));
		if (low < 0 || length == CERT_DIGEST_MAX)
			return 0;
		digest_r[length++] = (uint8_t)(high * 16 + low);
		text++;
	}
	return length == 32 || length == 64 ? length : 0;
}

static const char *lower_copy(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_strndup(arena, text, length);

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

const char *cert_common_name(struct arena *arena, const char *name)
{
	const char *found;
	size_t length;

	if (name == NULL || *name == '\0')
		return NULL;
	if (*name != '/')
		return lower_copy(arena, name, strlen(name));
	found = strcasestr(name, "/CN=");
	/* two common names, or a slash inside one: nobody knows which is meant */
	if (found == NULL || strcasestr(found + 1, "/CN=") != NULL)
		return NULL;
	found += strlen("/CN=");
	length = strcspn(found, "/");
	if (strcmp(found + length, "/") == 0)	/* older Sendmail ends the name with a slash */
		return length != 0 ? lower_copy(arena, found, length) : NULL;
	if (found[length] == '/' && strchr(found + length, '=') == NULL)
		return NULL;
	return length != 0 ? lower_copy(arena, found, length) : NULL;
}

bool cert_matches_host(const char *common_name, const char *host)
{
	const char *dot;

	if (common_name == NULL || host == NULL)
		return false;
	if (strncmp(common_name, "*.", 2) != 0)
		return strcasecmp(common_name, host) == 0;
	dot = strchr(host, '.');
	/* not "*.com": a wildcard needs two labels below it */
	return dot != NULL && dot != host && strchr(common_name + 2, '.') != NULL && strcasecmp(common_name + 1, dot) == 0;
}

bool cert_matches_domain(const char *common_name, const char *domain)
{
	if (common_name == NULL || domain == NULL)
		return false;
	return domain_is_within(common_name + (strncmp(common_name, "*.", 2) == 0 ? 2 : 0), domain);
}
