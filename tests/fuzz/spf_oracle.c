/* SPDX-License-Identifier: BSD-2-Clause */
/* A second, slow and simple evaluator of RFC 7208; see spf_oracle.h. */
#include "spf_oracle.h"

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

enum { KIND_ALL, KIND_INCLUDE, KIND_A, KIND_MX, KIND_PTR, KIND_IP4, KIND_IP6, KIND_EXISTS, KIND_REDIRECT, KIND_EXP, KIND_NAME, KINDS };

/* Group 1: qualifier; the argument and the prefix lengths are cut off by hand, their place being certain. */
static const char *const patterns[KINDS] = {
	"^([+?~-]?)all$", "^([+?~-]?)include:" SPEC "$", "^([+?~-]?)a(:" SPEC ")?(" CIDR4 ")?(/" CIDR6 ")?$",
	"^([+?~-]?)mx(:" SPEC ")?(" CIDR4 ")?(/" CIDR6 ")?$", "^([+?~-]?)ptr(:" SPEC ")?$",
	"^([+?~-]?)ip4:[0-9.]+(" CIDR4 ")?$", "^([+?~-]?)ip6:[0-9a-f:.]+(" CIDR6 ")?$", "^([+?~-]?)exists:" SPEC "$",
	"^()redirect=" SPEC "$", "^()exp=" SPEC "$", "^()[a-z][a-z0-9_.-]*=" STRING "$",
};

static regex_t compiled[KINDS], explain_pattern, known_modifier;

static void patterns_compile(void)
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

struct term { int kind; char qualifier, *domain; int prefix4, prefix6; struct ip_addr network; };

struct oracle {
	const struct spf_request *request;
	struct dns_scope *scope;
	struct arena *arena;
	struct ip_addr client;
	const char *local, *domain;
	bool local_8bit;
	int terms, voids;
	unsigned macro_voids;	/* void answers to what %{p} asked for, in the name expanded last */
};

/* Zero counts and, outside explanations, the letters c, r and t. */
static bool macros_allowed(const char *text, bool explaining)
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

static bool macros_name_sender(const char *text)
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

static bool term_parse(struct arena *arena, const char *text, struct term *term)
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
		return macros_allowed(rest, true);
	if (term->kind != KIND_REDIRECT && term->kind != KIND_EXP && term->kind != KIND_INCLUDE && term->kind != KIND_EXISTS
	    && term->kind != KIND_PTR && !prefixes_cut(rest, term))
		return false;
	mark = strpbrk(rest, ":=");
	term->domain = mark != NULL ? mark + 1 : NULL;
	if (term->kind == KIND_IP4 || term->kind == KIND_IP6) {
		term->network.family = term->kind == KIND_IP4 ? AF_INET : AF_INET6;
		return inet_pton(term->network.family, term->domain, term->network.bytes) == 1;
	}
	return term->domain == NULL || macros_allowed(term->domain, false);
}

/* ---- macros ---- */

static const char *oracle_validated(struct oracle *oracle, const char *domain);

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

static char *text_expand(struct oracle *oracle, const char *text, const char *domain)
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

static bool name_ok(const char *name)
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

/* NULL: not a name. */
static const char *target_name(struct oracle *oracle, const char *spec, const char *domain)
{
	char *name;

	if (spec == NULL)
		return domain;
	name = text_expand(oracle, spec, domain);
	if (name[0] != '\0' && name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = '\0';
	while (strlen(name) > 253) {
		name = strchr(name, '.');
		if (name == NULL)
			return NULL;
		name++;
	}
	return name_ok(name) ? name : NULL;
}

/* ---- look-ups ---- */

static const struct dns_answer *ask(struct oracle *oracle, const char *name, uint16_t type)
{
	struct buf presented = buf_make(oracle->arena);

	for (const char *p = name; *p != '\0'; p++)
		buf_printf(&presented, *p == '.' ? "%c" : "\\%03u", (unsigned char)*p);
	return dns_wait(oracle->scope, presented.data, type);
}

static bool prefix_equal(const struct ip_addr *a, const struct ip_addr *b, int bits)
{
	if (a->family != b->family)
		return false;
	for (int i = 0; i < bits; i++)
		if ((a->bytes[i / 8] ^ b->bytes[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static bool has_address(const struct dns_answer *answer, const struct ip_addr *client, int bits)
{
	for (size_t i = 0; i < answer->rr_count; i++) {
		struct ip_addr addr = dns_rr_addr(&answer->rrs[i]);

		if (prefix_equal(&addr, client, bits))
			return true;
	}
	return false;
}

static bool ends_in(const char *name, const char *domain)
{
	size_t skip = strlen(name) - strlen(domain);

	return strlen(name) >= strlen(domain) && strcasecmp(name + skip, domain) == 0 && (skip == 0 || name[skip - 1] == '.');
}

/* The client's names, ten at most. *voids_r grows when it has none. */
static size_t ptr_names(struct oracle *oracle, const char *names[10], unsigned *voids)
{
	const char *reverse = text_expand(oracle, "%{ir}.%{v}.arpa", "");
	const struct dns_answer *answer = ask(oracle, reverse, DNS_TYPE_PTR);
	size_t count = 0;

	*voids += answer->status != DNS_STATUS_FAIL && answer->rr_count == 0;
	for (size_t i = 0; i < answer->rr_count && count < 10; i++) {
		const char *name = dns_rr_name(&answer->rrs[i], oracle->arena);

		if (strchr(name, '\\') == NULL && name_ok(name))
			names[count++] = name;
	}
	return count;
}

static bool validates(struct oracle *oracle, const char *name, unsigned *voids)
{
	bool ip4 = oracle->client.family == AF_INET;
	const struct dns_answer *answer = dns_wait(oracle->scope, name, ip4 ? DNS_TYPE_A : DNS_TYPE_AAAA);

	*voids += answer->status != DNS_STATUS_FAIL && answer->rr_count == 0;
	return has_address(answer, &oracle->client, ip4 ? 32 : 128);
}

/* The value of %{p}: names are tried in the order of section 7.3, no more of them than it takes. */
static const char *oracle_validated(struct oracle *oracle, const char *domain)
{
	const char *names[10];
	size_t count = ptr_names(oracle, names, &oracle->macro_voids);

	for (size_t i = 0; i < count; i++)
		if (strcasecmp(names[i], domain) == 0 && validates(oracle, names[i], &oracle->macro_voids))
			return names[i];
	for (size_t i = 0; i < count; i++)
		if (ends_in(names[i], domain) && validates(oracle, names[i], &oracle->macro_voids))
			return names[i];
	for (size_t i = 0; i < count; i++)
		if (validates(oracle, names[i], &oracle->macro_voids))
			return names[i];
	return "unknown";
}

/* ---- check_host() ---- */

static enum result check_host(struct oracle *oracle, const char *domain, struct term *exp_r, const char **exp_domain_r);

enum { NO_MATCH, MATCH, TEMPERROR, PERMERROR };

static int void_one(struct oracle *oracle, const struct dns_answer *answer, bool *counted)
{
	if (answer->rr_count != 0 || *counted)
		return NO_MATCH;
	*counted = true;
	return ++oracle->voids > 2 ? PERMERROR : NO_MATCH;
}

static int address_match(struct oracle *oracle, const struct dns_answer *answer, const struct term *term, bool *counted)
{
	if (answer->status == DNS_STATUS_FAIL)
		return TEMPERROR;
	if (void_one(oracle, answer, counted) == PERMERROR)
		return PERMERROR;
	return has_address(answer, &oracle->client, oracle->client.family == AF_INET ? term->prefix4 : term->prefix6);
}

static int mx_match(struct oracle *oracle, const char *name, const struct term *term, bool *counted)
{
	uint16_t type = oracle->client.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA;
	const struct dns_answer *answer = ask(oracle, name, DNS_TYPE_MX);
	int matched = NO_MATCH;

	if (answer->status == DNS_STATUS_FAIL)
		return TEMPERROR;
	if (void_one(oracle, answer, counted) == PERMERROR || answer->rr_count > 10)
		return PERMERROR;
	for (size_t i = 0; i < answer->rr_count && matched == NO_MATCH; i++) {
		const char *host = dns_rr_name(&answer->rrs[i], oracle->arena);

		if (host[0] != '\0' && strcmp(host, ".") != 0)
			matched = address_match(oracle, dns_wait(oracle->scope, host, type), term, counted);
	}
	return matched;
}

static int include_match(struct oracle *oracle, const char *name)
{
	switch (name != NULL ? check_host(oracle, name, NULL, NULL) : RESULT_NONE) {
	case RESULT_PASS:
		return MATCH;
	case RESULT_TEMPERROR:
		return TEMPERROR;
	case RESULT_PERMERROR:
	case RESULT_NONE:
		return PERMERROR;
	default:
		return NO_MATCH;
	}
}

static int ptr_match(struct oracle *oracle, const char *name, bool *counted)
{
	const char *names[10];
	unsigned voids = 0;
	size_t count = ptr_names(oracle, names, &voids);
	bool matched = false;

	for (size_t i = 0; i < count && !matched; i++)
		matched = ends_in(names[i], name) && validates(oracle, names[i], &voids);
	if (voids != 0 && !*counted && ++oracle->voids > 2)
		return PERMERROR;
	return matched ? MATCH : NO_MATCH;
}

static int term_match(struct oracle *oracle, const struct term *term, const char *domain)
{
	const char *name;
	bool counted = false;
	const struct dns_answer *answer;

	if (term->kind == KIND_ALL)
		return MATCH;
	if (term->kind == KIND_IP4 || term->kind == KIND_IP6)
		return prefix_equal(&term->network, &oracle->client, term->kind == KIND_IP4 ? term->prefix4 : term->prefix6);
	if (oracle->local_8bit && term->domain != NULL && macros_name_sender(term->domain))
		return NO_MATCH;
	if (++oracle->terms > 10)
		return PERMERROR;
	oracle->macro_voids = 0;
	name = target_name(oracle, term->domain, domain);
	counted = oracle->macro_voids != 0;
	if (counted && ++oracle->voids > 2)
		return PERMERROR;
	if (term->kind == KIND_INCLUDE)
		return include_match(oracle, name);
	if (name == NULL)
		return NO_MATCH;
	switch (term->kind) {
	case KIND_A:
		return address_match(oracle, ask(oracle, name, oracle->client.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA), term,
		    &counted);
	case KIND_MX:
		return mx_match(oracle, name, term, &counted);
	case KIND_PTR:
		return ptr_match(oracle, name, &counted);
	default:
		answer = ask(oracle, name, DNS_TYPE_A);
		if (answer->status == DNS_STATUS_FAIL)
			return TEMPERROR;
		if (void_one(oracle, answer, &counted) == PERMERROR)
			return PERMERROR;
		return answer->rr_count != 0;
	}
}

/* RESULT_PASS with the record's text, else the result. */
static enum result record_fetch(struct oracle *oracle, const char *domain, const char **text_r)
{
	const struct dns_answer *answer = ask(oracle, domain, DNS_TYPE_TXT);
	size_t length, found = 0, total = 0;

	if (answer->status == DNS_STATUS_FAIL)
		return RESULT_TEMPERROR;
	for (size_t i = 0; i < answer->rr_count; i++) {
		const char *text = dns_rr_text(&answer->rrs[i], oracle->arena, &length);

		if (strncasecmp(text, "v=spf1", 6) == 0 && (length == 6 || text[6] == ' ')) {
			found++;
			*text_r = text + 6;
			total = length;
		}
	}
	if (found == 0)
		return RESULT_NONE;
	return found > 1 || total > 3000 || strlen(*text_r) + 6 != total ? RESULT_PERMERROR : RESULT_PASS;
}

static enum result check_host(struct oracle *oracle, const char *domain, struct term *exp_r, const char **exp_domain_r)
{
	const char *text, *name, *qualifiers = "+-~?";
	static const enum result results[] = { RESULT_PASS, RESULT_FAIL, RESULT_SOFTFAIL, RESULT_NEUTRAL };
	enum result result = record_fetch(oracle, domain, &text);
	struct term *terms, redirect = { .domain = NULL }, exp = { .domain = NULL };
	size_t count = 0;
	char *copy, *word;

	if (result != RESULT_PASS)
		return result;
	terms = arena_calloc(oracle->arena, strlen(text) + 1, sizeof(*terms));
	copy = arena_strdup(oracle->arena, text);
	while ((word = strsep(&copy, " ")) != NULL) {
		struct term *term = &terms[count];

		if (word[0] == '\0')
			continue;
		if (!term_parse(oracle->arena, word, term))
			return RESULT_PERMERROR;
		if ((term->kind == KIND_REDIRECT && redirect.domain != NULL) || (term->kind == KIND_EXP && exp.domain != NULL))
			return RESULT_PERMERROR;
		if (term->kind == KIND_REDIRECT)
			redirect = *term;
		else if (term->kind == KIND_EXP)
			exp = *term;
		else if (term->kind != KIND_NAME)
			count++;
	}
	for (size_t i = 0; i < count; i++) {
		int matched = term_match(oracle, &terms[i], domain);

		if (matched == TEMPERROR || matched == PERMERROR)
			return matched == TEMPERROR ? RESULT_TEMPERROR : RESULT_PERMERROR;
		if (matched == MATCH) {
			if (exp_r != NULL) {
				*exp_r = exp;
				*exp_domain_r = domain;
			}
			return results[strchr(qualifiers, terms[i].qualifier) - qualifiers];
		}
	}
	if (redirect.domain == NULL)
		return RESULT_NEUTRAL;
	if (++oracle->terms > 10)
		return RESULT_PERMERROR;
	oracle->macro_voids = 0;
	name = target_name(oracle, redirect.domain, domain);
	if (oracle->macro_voids != 0 && ++oracle->voids > 2)
		return RESULT_PERMERROR;
	result = name != NULL ? check_host(oracle, name, exp_r, exp_domain_r) : RESULT_NONE;
	return result == RESULT_NONE ? RESULT_PERMERROR : result;
}

static void explain(struct oracle *oracle, const struct term *exp, const char *domain, struct oracle_verdict *verdict)
{
	const char *name, *text;
	const struct dns_answer *answer;
	size_t length;

	if (exp->domain == NULL || (oracle->local_8bit && macros_name_sender(exp->domain)))
		return;
	name = target_name(oracle, exp->domain, domain);
	answer = name != NULL ? ask(oracle, name, DNS_TYPE_TXT) : NULL;
	if (answer == NULL || answer->rr_count != 1)
		return;
	text = dns_rr_text(&answer->rrs[0], oracle->arena, &length);
	if (strlen(text) != length || length > 3000 || regexec(&explain_pattern, text, 0, NULL, 0) != 0
	    || !macros_allowed(text, true))
		return;
	snprintf(verdict->explanation, 451, "%s", text_expand(oracle, text, domain));
	for (char *p = verdict->explanation; *p != '\0'; p++)
		if (*p < 32 || *p > 126)
			*p = '?';
}

static bool fqdn(const char *name)
{
	static regex_t pattern;
	static int done;

	if (!done++ && regcomp(&pattern, "^([a-z0-9_-]{1,63}\\.)+[a-z0-9_-]*[a-z_-][a-z0-9_-]*\\.?$", REG_EXTENDED | REG_ICASE) != 0)
		abort();
	return regexec(&pattern, name, 0, NULL, 0) == 0 && strcspn(strrchr(name, '.') + 1, ".") <= 63;
}

void oracle_evaluate(const struct spf_request *request, struct dns_scope *scope, struct oracle_verdict *verdict_r)
{
	struct oracle oracle = { .request = request, .scope = scope, .arena = arena_new(), .client = request->client };
	const char *helo = request->helo != NULL ? request->helo : "", *sender = request->mail_from, *at;
	struct term exp = { .domain = NULL };
	const char *exp_domain = NULL;
	char *domain;

	patterns_compile();
	*verdict_r = (struct oracle_verdict){ .result = RESULT_NONE };
	if (sender == NULL || sender[0] == '\0') {
		sender = arena_printf(oracle.arena, "postmaster@%s", helo);
		at = strchr(sender, '@');
	} else {
		at = strrchr(sender, '@');
	}
	domain = arena_strdup(oracle.arena, at != NULL ? at + 1 : "");
	oracle.local = at == sender ? "postmaster" : arena_strndup(oracle.arena, sender, at != NULL ? (size_t)(at - sender) : 0);
	for (const char *p = oracle.local; *p != '\0'; p++)
		oracle.local_8bit |= *p & 0x80;
	if (domain[0] != '\0' && domain[strlen(domain) - 1] == '.')
		domain[strlen(domain) - 1] = '\0';
	oracle.domain = domain;
	if (name_ok(domain) && fqdn(domain))
		verdict_r->result = check_host(&oracle, domain, &exp, &exp_domain);
	if (verdict_r->result == RESULT_FAIL)
		explain(&oracle, &exp, exp_domain, verdict_r);
	arena_free(&oracle.arena);
}
