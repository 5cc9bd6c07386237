/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads Received fields hop by hop. A field is split into words and comments; clauses (from, by, with, via, tls, id, for)
 * are recognised outside comments, the MTA's remarks on TLS and on the client's address inside comments. Hostile input:
 * everything is capped, and a field that is not understood is HOP_UNKNOWN.
 */
#include "check/path.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "check/check.h"
#include "check/path_place.h"
#include "check/path_tls.h"
#include "util/clean.h"

enum { MAX_TOKENS = 200, MAX_VALUE = 4000, NAME_SHOWN = 255 };

struct token {
	char *text;	/* in the arena, without the outer parentheses of a comment */
	bool comment;
};

struct tokens {
	struct token items[MAX_TOKENS];
	size_t count;
};

const struct word hop_transport_words[] = {
	{ "unknown", HOP_UNKNOWN }, { "local", HOP_LOCAL }, { "cleartext", HOP_CLEARTEXT }, { "tls", HOP_TLS }, { 0 }
};

const char *hop_transport_name(enum hop_transport transport)
{
	return words_of(hop_transport_words, (int)transport);
}

/* Length of the comment that starts at text[0] == '(', with its closing parenthesis if there is one. */
static size_t comment_length(const char *text)
{
	unsigned depth = 0;
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == '\\' && text[i + 1] != '\0')
			i++;
		else if (text[i] == '(')
			depth++;
		else if (text[i] == ')' && --depth == 0)
			return i + 1;
	}
	return i;
}

/* Splits a value; stops at the date: nothing behind the first ';' outside comments is of interest. */
static void tokenize(struct arena *arena, const char *text, struct tokens *tokens)
{
	tokens->count = 0;
	while (tokens->count < MAX_TOKENS) {
		struct token *token = &tokens->items[tokens->count];
		size_t length;

		text += strspn(text, " \t\n");
		if (*text == '\0' || *text == ';')
			return;
		token->comment = *text == '(';
		length = token->comment ? comment_length(text) : strcspn(text, " \t\n;(");
		token->text = arena_strndup(arena, text + token->comment, length - token->comment);
		if (token->comment && length > 1 && text[length - 1] == ')')
			token->text[length - 2] = '\0';
		tokens->count++;
		text += length;
	}
}

static bool is_local_protocol(const char *protocol)
{
	/* "local-esmtp", "local-smtp": Exim's, of a program that talks SMTP to it (-bs) */
	return strcmp(protocol, "LOCAL") == 0 || strncmp(protocol, "LOCAL-", 6) == 0 || strcmp(protocol, "MAPI") == 0 ||
	    strcmp(protocol, "STDIO") == 0;
}

static const char *upper(struct arena *arena, const char *text)
{
	char *copy = arena_strndup(arena, text, strnlen(text, 40));

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return copy;
}

/* Protocols of delivery inside one host most often; who writes them names the client's address when there is one. */
static bool is_pipe_protocol(const char *protocol)
{
	return strcmp(protocol, "LMTP") == 0 || strcmp(protocol, "LMTPA") == 0 || strcmp(protocol, "UTF8LMTP") == 0;
}

/* The words that stand before a clause word take no part in it: "with encrypted SMTP", "with Microsoft SMTP Server". */
static void read_with(struct arena *arena, const struct tokens *tokens, size_t at, struct path_hop *hop, bool *tls)
{
	const char *word = upper(arena, tokens->items[at].text);

	if (strcmp(word, "MICROSOFT") == 0 && at + 1 < tokens->count) {
		hop->protocol = "SMTP";
	} else if (at + 2 < tokens->count && strcasecmp(tokens->items[at + 1].text, "encrypted") == 0) {
		/* netqmail's TLS patch: "with DHE-RSA-AES256-SHA encrypted SMTP" */
		hop->cipher = clean_word(arena, tokens->items[at].text, NAME_SHOWN);
		hop->protocol = upper(arena, tokens->items[at + 2].text);
		*tls = true;
	} else {
		hop->protocol = word;
	}
}

static bool words_are(const char *text, const char *word)
{
	return strcasecmp(text, word) == 0;
}

struct hop_signs {
	bool tls;	/* something says TLS */
	bool qmail_local, qmail_network;
	bool postfix;	/* "(Postfix)", and not "(Postfix, from userid 1000)" */
	bool opensmtpd;	/* "(OpenSMTPD)" */
	bool in_from;	/* between `from` and `by`: what is said of the client */
	struct path_place place;
};

static void read_comment(struct arena *arena, const char *text, struct path_hop *hop, struct hop_signs *signs)
{
	if (path_tls_comment(arena, text, hop))
		signs->tls = true;
	else if (signs->in_from)
		path_place_comment(text, &signs->place);
	hop->ours |= strcmp(text, "Assay") == 0;
	signs->postfix |= strcmp(text, "Postfix") == 0;
	signs->opensmtpd |= strcmp(text, "OpenSMTPD") == 0;
	if (strncasecmp(text, "qmail ", 6) == 0 || strncasecmp(text, "nullmailer ", 11) == 0) {
		signs->qmail_network |= strcasestr(text, "invoked from network") != NULL;
		signs->qmail_local |= strcasestr(text, "invoked by uid") != NULL || strcasestr(text, "invoked by alias") != NULL;
	}
}

static bool is_word(const struct tokens *tokens, size_t at)
{
	return at < tokens->count && !tokens->items[at].comment;
}

/* RFC 8314 section 4.3: "tls TLS_AES_128_GCM_SHA256 group x25519"; `at`: the suite. @return the last token read. */
static size_t read_tls(struct arena *arena, const struct tokens *tokens, size_t at, struct path_hop *hop)
{
	hop->cipher = clean_word(arena, tokens->items[at].text, NAME_SHOWN);
	if (!is_word(tokens, at + 1) || !is_word(tokens, at + 2) || !words_are(tokens->items[at + 1].text, "group"))
		return at;
	hop->group = clean_word(arena, tokens->items[at + 2].text, NAME_SHOWN);
	return at + 2;
}

/* netqmail's newer patch: "with (SUITE encrypted) SMTP"; `at`: the comment. @return the last token read. */
static size_t read_encrypted(struct arena *arena, const struct tokens *tokens, size_t at, struct path_hop *hop, bool *tls)
{
	const char *text = tokens->items[at].text;
	size_t length = strcspn(text, " ");

	if (!is_word(tokens, at + 1) || strcasecmp(text + length, " encrypted") != 0)
		return at - 1;
	hop->cipher = clean_word(arena, text, length < NAME_SHOWN ? length : NAME_SHOWN);
	hop->protocol = upper(arena, tokens->items[at + 1].text);
	*tls = true;
	return at + 1;
}

/* The word at `at` begins a clause, or none. @return the last token read. */
static size_t read_clause(struct arena *arena, const struct tokens *tokens, size_t at, struct path_hop *hop,
    struct hop_signs *signs)
{
	const char *word = tokens->items[at].text, *value = tokens->items[at + 1].text;

	if (words_are(word, "from") && hop->from == NULL) {
		hop->from = clean_word(arena, value, NAME_SHOWN);
		signs->in_from = true;
		path_place_word(value, true, &signs->place);
	} else if (words_are(word, "by") && hop->by == NULL) {
		hop->by = clean_word(arena, value, NAME_SHOWN);
		signs->in_from = false;
	} else if (words_are(word, "with") && hop->protocol == NULL) {
		read_with(arena, tokens, at + 1, hop, &signs->tls);
	} else if (words_are(word, "id") && hop->id == NULL) {
		hop->id = clean_word(arena, value, NAME_SHOWN);
	} else if (words_are(word, "tls") && hop->protocol != NULL) {
		signs->tls = true;
		return read_tls(arena, tokens, at + 1, hop);
	} else {
		if (signs->in_from)	/* fetchmail's address has no parentheses */
			path_place_word(word, false, &signs->place);
		return at;
	}
	return at + 1;
}

static void read_clauses(struct arena *arena, const struct tokens *tokens, struct path_hop *hop, struct hop_signs *signs)
{
	for (size_t i = 0; i < tokens->count; i++) {
		const struct token *token = &tokens->items[i];

		if (token->comment) {
			read_comment(arena, token->text, hop, signs);
			continue;
		}
		if (is_word(tokens, i + 1))
			i = read_clause(arena, tokens, i, hop, signs);
		else if (words_are(token->text, "with") && hop->protocol == NULL && i + 1 < tokens->count)
			i = read_encrypted(arena, tokens, i + 1, hop, &signs->tls);
		else if (signs->in_from)
			path_place_word(token->text, false, &signs->place);
	}
}

/*
 * Who may have been told to leave out the client, and does: Postfix (smtpd_hide_client_session; a bounce looks the same),
 * OpenSMTPD (mask-src), this program. Of the last two the protocol stays.
 */
static bool is_client_kept_back(const struct path_hop *hop, const struct hop_signs *signs)
{
	return hop->from == NULL && ((hop->protocol == NULL && signs->postfix) || signs->opensmtpd || hop->ours);
}

/* What the signs come to. TLS that somebody took the trouble of is told even inside a host. */
static enum hop_transport transport_of(const struct path_hop *hop, const struct hop_signs *signs)
{
	int protocol_tls = hop->protocol != NULL ? path_tls_protocol(hop->protocol) : -1;

	if (signs->tls || protocol_tls == 1)
		return HOP_TLS;
	if (signs->qmail_local || (hop->protocol != NULL && is_local_protocol(hop->protocol)))
		return HOP_LOCAL;
	if (is_client_kept_back(hop, signs))
		return HOP_UNKNOWN;
	if (hop->from == NULL && hop->by != NULL)
		return HOP_LOCAL;	/* nobody handed it over: submission, or a step inside one system */
	if (hop->from != NULL && hop->by != NULL &&
	    path_place_is_local(&signs->place, hop->protocol != NULL && is_pipe_protocol(hop->protocol)))
		return HOP_LOCAL;
	return protocol_tls == 0 ? HOP_CLEARTEXT : HOP_UNKNOWN;
}

void path_parse_hop(struct arena *arena, const char *value, struct path_hop *hop_r)
{
	const char *text = arena_strndup(arena, value, strnlen(value, MAX_VALUE));
	struct tokens tokens;
	struct hop_signs signs = { 0 };

	memset(hop_r, 0, sizeof(*hop_r));
	tokenize(arena, text, &tokens);
	read_clauses(arena, &tokens, hop_r, &signs);
	hop_r->transport = transport_of(hop_r, &signs);
}

/*
 * Our own field and the MTA's of the same hop: neighbours, by one queue id. The MTA's word counts; what it does not say, or keeps
 * back, ours adds. A forged field below the MTA's does not know its queue id.
 */
static bool is_same_hop(const struct path_hop *newer, const struct path_hop *older)
{
	return newer->ours != older->ours && newer->id != NULL && older->id != NULL && strcmp(newer->id, older->id) == 0;
}

static const char *either(const char *first, const char *second)
{
	return first != NULL ? first : second;
}

static void add_to_hop(struct path_hop *hop, const struct path_hop *other)
{
	const struct path_hop *ours = hop->ours ? hop : other, *mta = hop->ours ? other : hop;
	struct path_hop joined = *mta;

	if (mta->transport == HOP_UNKNOWN || (mta->transport == HOP_TLS && ours->transport == HOP_TLS)) {
		joined.transport = ours->transport;
		joined.version = either(mta->version, ours->version);
		joined.cipher = either(mta->cipher, ours->cipher);
		joined.group = either(mta->group, ours->group);
		joined.protocol = either(mta->protocol, ours->protocol);
		joined.from = either(mta->from, ours->from);
	}
	*hop = joined;
}

static void count_hops(struct path_result *path)
{
	for (size_t i = 0; i < path->hop_count; i++) {
		path->tls += path->hops[i].transport == HOP_TLS;
		path->cleartext += path->hops[i].transport == HOP_CLEARTEXT;
		path->unknown += path->hops[i].transport == HOP_UNKNOWN;
	}
}

void path_read(const struct facts *facts, struct path_result *path_r)
{
	size_t fields = 0, room = 0;

	memset(path_r, 0, sizeof(*path_r));
	for (size_t i = 0; i < facts->field_count; i++) {
		struct path_hop *last = path_r->hop_count != 0 ? &path_r->hops[path_r->hop_count - 1] : NULL, hop;

		if (strcasecmp(facts->fields[i].name, "Received") != 0)
			continue;
		if (++fields > PATH_MAX_FIELDS) {
			path_r->truncated = true;
			break;
		}
		path_parse_hop(facts->arena, facts->fields[i].value, &hop);
		if (last != NULL && is_same_hop(last, &hop)) {
			add_to_hop(last, &hop);
			continue;
		}
		if (path_r->hop_count == PATH_MAX_HOPS) {
			path_r->truncated = true;
			break;
		}
		path_r->hops = arena_grow(facts->arena, path_r->hops, path_r->hop_count, &room, sizeof(*path_r->hops));
		path_r->hops[path_r->hop_count++] = hop;
	}
	count_hops(path_r);
}

static bool path_header(struct check_context *context)
{
	path_read(context->facts, &context->results->path);
	return false;
}

static void path_judge(struct check_context *context)
{
	const struct path_result *path = &context->results->path;
	const struct path_hop *hop = NULL;

	for (size_t i = 0; i < path->hop_count && hop == NULL; i++)
		if (path->hops[i].transport == HOP_CLEARTEXT)
			hop = &path->hops[i];
	if (hop != NULL)
		results_raise(context->results, FINDING_TLS_PATH_CLEARTEXT, hop->by,
		    arena_printf(context->arena, "from %s with %s", hop->from != NULL ? hop->from : "unknown", hop->protocol),
		    DNS_SECURE);
	if (!path->truncated)
		return;
	/* those that were not read may be what the others hide */
	if (hop == NULL)
		results_raise(context->results, FINDING_TLS_PATH_CLEARTEXT, NULL, "more hops than are read", DNS_SECURE);
	results_raise(context->results, FINDING_LIMIT_EXCEEDED, NULL, "more Received fields than are read", DNS_SECURE);
}

const struct check check_path = {
	.id = CHECK_PATH, .stage = FINDING_STAGE_MESSAGE, .header = path_header, .judge = path_judge,
};
