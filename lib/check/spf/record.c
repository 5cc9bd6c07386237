/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF records by the letter of RFC 7208: selection (section 4.5) and grammar (section 12). libspf2's own parser is never
 * given a record from the network: it takes much that is wrong and crashes on some (see front.c). Any error anywhere
 * in the record makes the whole record wrong (section 4.6). Trusts nothing: texts come with their length and may hold
 * any octet. Thread: any.
 */
#include "check/spf/record.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "check/spf/macro.h"
#include "util/buf.h"
#include "util/clean.h"
#include "util/error.h"

static const char version[] = "v=spf1";

bool spf_record_is(const char *text, size_t length)
{
	const size_t version_length = sizeof(version) - 1;

	return length >= version_length && strncasecmp(text, version, version_length) == 0
	    && (length == version_length || text[version_length] == ' ');
}

const char *spf_record_terms(const char *text)
{
	return text + sizeof(version) - 1;
}

int spf_record_select(const struct dns_answer *answer, struct arena *arena, const char **text_r, size_t *length_r)
{
	*text_r = NULL;
	for (size_t i = 0; answer->status == DNS_STATUS_DATA && i < answer->rr_count; i++) {
		size_t length;
		const char *text = dns_rr_text(&answer->rrs[i], arena, &length);

		if (text == NULL || !spf_record_is(text, length))
			continue;
		if (*text_r != NULL)
			return -E_SYNTAX;
		*text_r = text;
		*length_r = length;
	}
	if (*text_r == NULL)
		return -E_ABSENT;
	return *length_r > SPF_RECORD_BYTES ? -E_LIMIT : 0;
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Takes "/" length, or "//" length for slashes 2, off the end of the text. Digits without a leading zero, at most
 * prefix_max. @return 1 when there was one, 0 when the text does not end so, -E_SYNTAX.
 */
static int cidr_take(const char *text, size_t *length, unsigned slashes, unsigned prefix_max, uint8_t *prefix_r)
{
	size_t digits = 0, at = *length;
	unsigned value = 0;

	while (at > 0 && is_digit(text[at - 1]))
		at--, digits++;
	if (digits == 0 || at < slashes || text[at - 1] != '/' || (slashes == 2 && text[at - 2] != '/'))
		return 0;
	if (digits > 3 || (digits > 1 && text[at] == '0'))
		return -E_SYNTAX;
	for (size_t i = at; i < at + digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	if (value > prefix_max)
		return -E_SYNTAX;
	*prefix_r = (uint8_t)value;
	*length = at - slashes;
	return 1;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ] at the end of a domain-spec, which cannot end so. */
static int dual_cidr_take(const char *text, size_t *length, struct spf_term *term)
{
	if (cidr_take(text, length, 2, 128, &term->prefix6) < 0)
		return -E_SYNTAX;
	return cidr_take(text, length, 1, 32, &term->prefix4) < 0 ? -E_SYNTAX : 0;
}

static int domain_spec_read(const char *text, size_t length, struct spf_term *term)
{
	struct spf_macro_use use;

	if (spf_domain_spec_check(text, length, &use) != 0)
		return -E_SYNTAX;
	term->domain = text;
	term->domain_length = length;
	term->uses_p = use.p;
	term->uses_sender = use.sender;
	return 0;
}

/* ip4-network: four qnums, no leading zeros; inet_pton takes exactly these. ip6-network as in RFC 4291 section 2.2. */
static int network_read(const char *text, size_t length, struct spf_term *term)
{
	const bool ip4 = term->kind == SPF_TERM_IP4;
	char address[INET6_ADDRSTRLEN];

	if (cidr_take(text, &length, 1, ip4 ? 32 : 128, ip4 ? &term->prefix4 : &term->prefix6) < 0
	    || length >= sizeof(address))
		return -E_SYNTAX;
	memcpy(address, text, length);
	address[length] = '\0';
	term->addr.family = ip4 ? AF_INET : AF_INET6;
	if (strlen(address) != length || inet_pton(term->addr.family, address, term->addr.bytes) != 1)
		return -E_SYNTAX;
	return 0;
}

static const struct {
	const char *name;
	enum spf_term_kind kind;
	enum { DOMAIN_NEVER, DOMAIN_MAY, DOMAIN_MUST, NETWORK_MUST } argument;
	bool dual_cidr;
} mechanisms[] = {
	{ "all", SPF_TERM_ALL, DOMAIN_NEVER, false },
	{ "include", SPF_TERM_INCLUDE, DOMAIN_MUST, false },
	{ "a", SPF_TERM_A, DOMAIN_MAY, true },
	{ "mx", SPF_TERM_MX, DOMAIN_MAY, true },
	{ "ptr", SPF_TERM_PTR, DOMAIN_MAY, false },
	{ "ip4", SPF_TERM_IP4, NETWORK_MUST, false },
	{ "ip6", SPF_TERM_IP6, NETWORK_MUST, false },
	{ "exists", SPF_TERM_EXISTS, DOMAIN_MUST, false },
};

enum { MECHANISM_COUNT = sizeof(mechanisms) / sizeof(mechanisms[0]) };

/* rest: what stands behind the name, beginning with ":" or "/" or empty. */
static int mechanism_read_argument(size_t row, const char *rest, size_t length, struct spf_term *term)
{
	if (mechanisms[row].dual_cidr && dual_cidr_take(rest, &length, term) != 0)
		return -E_SYNTAX;
	if (length == 0)
		return mechanisms[row].argument == DOMAIN_NEVER || mechanisms[row].argument == DOMAIN_MAY ? 0 : -E_SYNTAX;
	if (rest[0] != ':' || mechanisms[row].argument == DOMAIN_NEVER)
		return -E_SYNTAX;
	if (mechanisms[row].argument == NETWORK_MUST)
		return network_read(rest + 1, length - 1, term);
	return domain_spec_read(rest + 1, length - 1, term);
}

static int mechanism_read(const char *text, size_t name_length, size_t length, struct spf_term *term)
{
	for (size_t row = 0; row < MECHANISM_COUNT; row++) {
		if (strlen(mechanisms[row].name) != name_length || strncasecmp(text, mechanisms[row].name, name_length) != 0)
			continue;
		term->kind = mechanisms[row].kind;
		return mechanism_read_argument(row, text + name_length, length - name_length, term);
	}
	return -E_SYNTAX;
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ); known names with a wrong value are errors, not unknown modifiers. */
static int modifier_read(const char *text, size_t name_length, size_t length, struct spf_term *term)
{
	const char *value = text + name_length + 1;
	const size_t value_length = length - name_length - 1;
	struct spf_macro_use use;

	if (name_length == 0 || !is_alpha(text[0]))
		return -E_SYNTAX;
	for (size_t i = 1; i < name_length; i++)
		if (!is_alpha(text[i]) && !is_digit(text[i]) && (text[i] == '\0' || strchr("-_.", text[i]) == NULL))
			return -E_SYNTAX;
	if (name_length == strlen("redirect") && strncasecmp(text, "redirect", name_length) == 0)
		term->kind = SPF_TERM_REDIRECT;
	else if (name_length == strlen("exp") && strncasecmp(text, "exp", name_length) == 0)
		term->kind = SPF_TERM_EXP;
	else
		term->kind = SPF_TERM_OTHER;
	if (term->kind == SPF_TERM_OTHER)
		return spf_macro_check(value, value_length, false, &use);
	return domain_spec_read(value, value_length, term);
}

static int term_read(struct spf_term *term)
{
	const char *text = term->text;
	size_t length = term->text_length, name_length = 0;
	bool qualified = memchr("+-~?", text[0], 4) != NULL;

	if (qualified) {
		term->qualifier = *text++;
		length--;
	}
	while (name_length < length && memchr(":/=", text[name_length], 3) == NULL)
		name_length++;
	if (name_length < length && text[name_length] == '=')
		return qualified ? -E_SYNTAX : modifier_read(text, name_length, length, term);
	return mechanism_read(text, name_length, length, term);
}

int spf_term_next(const char **at, const char *end, struct spf_term *term_r)
{
	const char *start = *at;

	while (start != end && *start == ' ')
		start++;
	if (start == end)
		return 0;
	*term_r = (struct spf_term){ .qualifier = '+', .prefix4 = 32, .prefix6 = 128, .text = start };
	*at = memchr(start, ' ', (size_t)(end - start));
	if (*at == NULL)
		*at = end;
	term_r->text_length = (size_t)(*at - start);
	return term_read(term_r) == 0 ? 1 : -E_SYNTAX;
}

static size_t terms_count_at_most(const char *at, const char *end)
{
	size_t count = 1;	/* one to read the end into */

	for (; at != end; at++)
		count += *at != ' ' && at[-1] == ' ';
	return count;
}

static int modifier_once(struct arena *arena, const struct spf_term **slot, const struct spf_term *term,
    const char **why_r)
{
	if (*slot != NULL) {
		*why_r = arena_printf(arena, "%s= stands twice", term->kind == SPF_TERM_EXP ? "exp" : "redirect");
		return -E_SYNTAX;
	}
	*slot = term;
	return 0;
}

int spf_record_parse(struct arena *arena, const char *text, size_t length, struct spf_record *record_r,
    const char **why_r)
{
	const char *at = spf_record_terms(text), *end = text + length;
	struct spf_term *terms = arena_calloc(arena, terms_count_at_most(at, end), sizeof(*terms)), *term = terms;
	int status;

	*record_r = (struct spf_record){ .terms = terms };
	for (; (status = spf_term_next(&at, end, term)) == 1; term++) {
		record_r->term_count++;
		if (term->kind == SPF_TERM_REDIRECT)
			status = modifier_once(arena, &record_r->redirect, term, why_r);
		else if (term->kind == SPF_TERM_EXP)
			status = modifier_once(arena, &record_r->exp, term, why_r);
		if (status < 0)
			return status;
	}
	if (status < 0)
		*why_r = arena_printf(arena, "syntax error in \"%s\"", spf_term_describe(arena, term));
	return status;
}

bool spf_term_queries(const struct spf_term *term)
{
	switch (term->kind) {
	case SPF_TERM_INCLUDE:
	case SPF_TERM_A:
	case SPF_TERM_MX:
	case SPF_TERM_PTR:
	case SPF_TERM_EXISTS:
	case SPF_TERM_REDIRECT:
		return true;
	default:
		return false;
	}
}

bool spf_addr_match(const struct ip_addr *a, const struct ip_addr *b, unsigned prefix_bits)
{
	const size_t octets = prefix_bits / 8;
	const unsigned bits = prefix_bits % 8;

	if (a->family != b->family || memcmp(a->bytes, b->bytes, octets) != 0)
		return false;
	return bits == 0 || (a->bytes[octets] ^ b->bytes[octets]) >> (8 - bits) == 0;
}

const char *spf_term_describe(struct arena *arena, const struct spf_term *term)
{
	const size_t shown = term->text_length > 80 ? 77 : term->text_length;
	struct buf text = buf_make(arena);

	for (size_t i = 0; i < shown; i++)
		buf_putc(&text, clean_is(term->text[i], CLEAN_GRAPH) ? term->text[i] : '?');
	if (shown != term->text_length)
		buf_puts(&text, "...");
	return text.data;
}
