/* SPDX-License-Identifier: BSD-2-Clause */
/* A second, slow and simple evaluator of RFC 7208; see spf_oracle.h. */
#include "spf_oracle_text.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
	const char *reverse = oracle_text_expand(oracle, "%{ir}.%{v}.arpa", "");
	const struct dns_answer *answer = ask(oracle, reverse, DNS_TYPE_PTR);
	size_t count = 0;

	*voids += answer->status != DNS_STATUS_FAIL && answer->rr_count == 0;
	for (size_t i = 0; i < answer->rr_count && count < 10; i++) {
		const char *name = dns_rr_name(&answer->rrs[i], oracle->arena);

		if (strchr(name, '\\') == NULL && oracle_name_ok(name))
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
const char *oracle_validated(struct oracle *oracle, const char *domain)
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
	if (oracle->local_8bit && term->domain != NULL && oracle_macros_name_sender(term->domain))
		return NO_MATCH;
	if (++oracle->terms > 10)
		return PERMERROR;
	oracle->macro_voids = 0;
	name = oracle_target_name(oracle, term->domain, domain);
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
		if (!oracle_term_parse(oracle->arena, word, term))
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
	name = oracle_target_name(oracle, redirect.domain, domain);
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

	if (exp->domain == NULL || (oracle->local_8bit && oracle_macros_name_sender(exp->domain)))
		return;
	name = oracle_target_name(oracle, exp->domain, domain);
	answer = name != NULL ? ask(oracle, name, DNS_TYPE_TXT) : NULL;
	if (answer == NULL || answer->rr_count != 1)
		return;
	text = dns_rr_text(&answer->rrs[0], oracle->arena, &length);
	if (strlen(text) != length || length > 3000 || !oracle_is_explanation(text)
	    || !oracle_macros_allowed(text, true))
		return;
	snprintf(verdict->explanation, 451, "%s", oracle_text_expand(oracle, text, domain));
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

	oracle_patterns_compile();
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
	if (oracle_name_ok(domain) && fqdn(domain))
		verdict_r->result = check_host(&oracle, domain, &exp, &exp_domain);
	if (verdict_r->result == RESULT_FAIL)
		explain(&oracle, &exp, exp_domain, verdict_r);
	arena_free(&oracle.arena);
}
