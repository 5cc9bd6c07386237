/* SPDX-License-Identifier: BSD-2-Clause */
/* Terms and macros of the second evaluator of RFC 7208; see spf_oracle.h. */
#include "spf_oracle_text.h"

#include <arpa/inet.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXPAND "(%\\{[slodiphcrtv][0-9]*r?[.+,/_=-]*\\}|%%|%_|%-)"
#define LITERAL "[!-$&-~]"
#define STRING "(" EXPAND "|" LITERAL ")*"
#define TOPLABEL "([0-9a-z]*[a-z][0-9a-z]*|[0-9a-z]+-[0-9a-z-]*[0-9a-z])"
#define SPEC STRING "(\\." TOPLABEL "\\.?|" EXPAND ")"
#define CIDR4 "/(0|[1-9][0-9]?)"
#define CIDR6 "/(0|[1-9][0-9]?[0-9]?)"

/* Group 1: qualifier; the argument and the prefix lengths are cut off by hand, their place being certain. */
static const char *const patterns[KINDS] = {
	"^([+?~-]?)all$", "^([+?~-]?)include:" SPEC "$", "^([+?~-]?)a(:" SPEC ")?(" CIDR4 ")?(/" CIDR6 ")?$",
	"^([+?~-]?)mx(:" SPEC ")?(" CIDR4 ")?(/" CIDR6 ")?$", "^([+?~-]?)ptr(:" SPEC ")?$",
	"^([+?~-]?)ip4:[0-9.]+(" CIDR4 ")?$", "^([+?~-]?)ip6:[0-9a-f:.]+(" CIDR6 ")?$", "^([+?~-]?)exists:" SPEC "$",
	"^()redirect=" SPEC "$", "^()exp=" SPEC "$", "^()[a-z][a-z0-9_.-]*=" STRING "$",
};

static regex_t compiled[KINDS], explain_pattern, known_modifier;

void oracle_patterns_compile(void)
{
	static int done;

	if (done++)
		return;
	for (int i = 0; i < KINDS; i++)
		if (regcomp(&compiled[i], patterns[i], REG_EXTENDED | REG_ICASE) != 0)
			abort();
	if (regcomp(&explain_pattern, "^(" EXPAND "|" LITERAL "| )*$", REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0
	    || regcomp(&known_modifier, "^(redirect|exp)=", REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		abort();
}

bool oracle_is_explanation(const char *text)
{
	return regexec(&explain_pattern, text, 0, NULL, 0) == 0;
}

bool oracle_macros_allowed(const char *text, bool explaining)
{
	for (const char *p = text; (p = strchr(p, '%')) != NULL; p += 2) {
		if (p[1] != '{')
			continue;
		if (!explaining && strchr("crtCRT", p[2]) != NULL)
			return false;
		if (p[3] >= '0' && p[3] <= '9' && strspn(p + 3, "0") == strspn(p + 3, "0123456789"))
			return false;
	}
	return true;
}

bool oracle_macros_name_sender(const char *text)
{
	for (const char *p = text; (p = strchr(p, '%')) != NULL; p += 2)
		if (p[1] == '{' && strchr("slSL", p[2]) != NULL)
			return true;
	return false;
}

/* "x/24//64" → cuts the prefix lengths off. */
static bool prefixes_cut(char *text, struct term *term)
{
	char *slash = strrchr(text, '/');

	if (term->kind == KIND_IP6) {
		if (slash != NULL) {
			term->prefix6 = atoi(slash + 1);
			*slash = '\0';
		}
		return term->prefix6 <= 128;
	}
	if (slash == NULL || slash[1] == '\0' || strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return true;
	if (slash > text && slash[-1] == '/') {
		term->prefix6 = atoi(slash + 1);
		slash[-1] = '\0';
		return term->prefix6 <= 128 && prefixes_cut(text, term);
	}
	term->prefix4 = atoi(slash + 1);
	*slash = '\0';
	return term->prefix4 <= 32;
}

bool oracle_term_parse(struct arena *arena, const char *text, struct term *term)
{
	regmatch_t groups[2];
	char *rest, *mark;

	*term = (struct term){ .qualifier = '+', .prefix4 = 32, .prefix6 = 128, .kind = 0 };
	while (term->kind < KINDS && regexec(&compiled[term->kind], text, 2, groups, 0) != 0)
		term->kind++;
	if (term->kind == KINDS || (term->kind == KIND_NAME && regexec(&known_modifier, text, 0, NULL, 0) == 0))
		return false;
	if (groups[1].rm_eo > groups[1].rm_so)
		term->qualifier = text[groups[1].rm_so];
	rest = arena_strdup(arena, text + groups[1].rm_eo);
	if (term->kind == KIND_NAME)
		return oracle_macros_allowed(rest, true);
	if (term->kind != KIND_REDIRECT && term->kind != KIND_EXP && term->kind != KIND_INCLUDE && term->kind != KIND_EXISTS
	    && term->kind != KIND_PTR && !prefixes_cut(rest, term))
		return false;
	mark = strpbrk(rest, ":=");
	term->domain = mark != NULL ? mark + 1 : NULL;
	if (term->kind == KIND_IP4 || term->kind == KIND_IP6) {
		term->network.family = term->kind == KIND_IP4 ? AF_INET : AF_INET6;
		return inet_pton(term->network.family, term->domain, term->network.bytes) == 1;
	}
	return term->domain == NULL || oracle_macros_allowed(term->domain, false);
}

/* ---- macros ---- */

static const char *letter_value(struct oracle *oracle, char letter, const char *domain)
{
	char *text = arena_alloc(oracle->arena, 128);

	switch (letter) {
	case 's':
		return arena_printf(oracle->arena, "%s@%s", oracle->local, oracle->domain);
	case 'l':
		return oracle->local;
	case 'o':
		return oracle->domain;
	case 'd':
		return domain;
	case 'h':
		return oracle->request->helo != NULL ? oracle->request->helo : "";
	case 'r':
		return oracle->request->receiver != NULL ? oracle->request->receiver : "unknown";
	case 't':
		return arena_printf(oracle->arena, "%lld", (long long)oracle->request->time_secs);
	case 'v':
		return oracle->client.family == AF_INET ? "in-addr" : "ip6";
	case 'c':
		return inet_ntop(oracle->client.family, oracle->client.bytes, text, 128);
	case 'p':
		return oracle_validated(oracle, domain);
	default:
		if (oracle->client.family == AF_INET)
			return inet_ntop(AF_INET, oracle->client.bytes, text, 128);
		for (int i = 0; i < 32; i++)
			sprintf(text + 2 * i, "%X.", oracle->client.bytes[i / 2] >> (i % 2 ? 0 : 4) & 15);
		text[63] = '\0';
		return text;
	}
}

static void macro_expand(struct oracle *oracle, const char *macro, const char *domain, struct buf *out)
{
	bool escape = macro[0] >= 'A' && macro[0] <= 'Z', reverse;
	const char *value = letter_value(oracle, (char)(macro[0] | 0x20), domain), *p = macro + 1, *delimiters;
	size_t wanted = 0, count = 0, width = strspn(p, "0123456789"), delimiter_count, first;
	char **parts = arena_calloc(oracle->arena, strlen(value) + 2, sizeof(*parts)), *copy = arena_strdup(oracle->arena, value);

	for (size_t i = 0; i < width; i++)
		wanted = wanted > 100000 ? wanted : wanted * 10 + (size_t)(p[i] - '0');
	p += width;
	reverse = *p == 'r' || *p == 'R';
	p += reverse;
	delimiter_count = strcspn(p, "}");
	delimiters = delimiter_count != 0 ? arena_strndup(oracle->arena, p, delimiter_count) : ".";
	do {
		parts[count++] = strsep(&copy, delimiters);
	} while (copy != NULL);
	for (size_t i = 0; reverse && i < count / 2; i++) {
		char *swap = parts[i];

		parts[i] = parts[count - 1 - i];
		parts[count - 1 - i] = swap;
	}
	first = wanted != 0 && wanted < count ? count - wanted : 0;
	for (size_t i = first; i < count; i++) {
		if (i != first)
			buf_putc(out, '.');
		for (const char *c = parts[i]; *c != '\0'; c++) {
			if (escape && !((*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') || strchr("-._~", *c)))
				buf_printf(out, "%%%02X", (unsigned char)*c);
			else
				buf_putc(out, *c);
		}
	}
}

char *oracle_text_expand(struct oracle *oracle, const char *text, const char *domain)
{
	struct buf out = buf_make(oracle->arena);

	buf_puts(&out, "");
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '%') {
			buf_putc(&out, *p);
			continue;
		}
		p++;
		if (*p == '%')
			buf_putc(&out, '%');
		else if (*p == '_')
			buf_putc(&out, ' ');
		else if (*p == '-')
			buf_puts(&out, "%20");
		else {
			macro_expand(oracle, p + 1, domain, &out);
			p = strchr(p, '}');
		}
	}
	return out.length != 0 ? out.data : arena_strdup(oracle->arena, "");
}

bool oracle_name_ok(const char *name)
{
	if (strlen(name) > 253 || strlen(name) == 0)
		return false;
	for (;;) {
		size_t label = strcspn(name, ".");

		if (label == 0 || label > 63)
			return false;
		for (size_t i = 0; i < label; i++)
			if (name[i] < 32 || name[i] > 126)
				return false;
		if (name[label] == '\0')
			return true;
		name += label + 1;
	}
}

const char *oracle_target_name(struct oracle *oracle, const char *spec, const char *domain)
{
	char *name;

	if (spec == NULL)
		return domain;
	name = oracle_text_expand(oracle, spec, domain);
	if (name[0] != '\0' && name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = '\0';
	while (strlen(name) > 253) {
		name = strchr(name, '.');
		if (name == NULL)
			return NULL;
		name++;
	}
	return oracle_name_ok(name) ? name : NULL;
}
