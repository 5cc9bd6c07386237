/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads Received fields hop by hop. A field is split into words and comments; clauses (from, by, with, via, tls, id, for)
 * are recognised outside comments, the MTA's TLS remarks inside comments. Hostile input: everything is capped, and a
 * field that is not understood is HOP_UNKNOWN.
 */
#include "check/path.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "check/check.h"
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
	return length != 0 && length <= 40 ? clean_word(arena, word, length) : NULL;
}

/* "TLSv1.3 with cipher X (…)": Postfix and Gmail's kin; "version=… cipher=…": Sendmail, Gmail, Exchange. */
static bool comment_tells_tls(struct arena *arena, const char *comment, struct path_hop *hop)
{
	const char *using = strcasestr(comment, "using TLS"), *cipher = strcasestr(comment, "with cipher ");

	if (using == NULL)
		using = strcasestr(comment, "using SSL");
	if (using != NULL) {
		hop->version = arena_strndup(arena, using + 6, strcspn(using + 6, " ,;)"));
		if (cipher != NULL)
			hop->cipher = arena_strndup(arena, cipher + 12, strcspn(cipher + 12, " ,;)"));
		hop->group = postfix_group(arena, comment);
		return true;
	}
	if (strcasestr(comment, "version=TLS") != NULL || strcasestr(comment, "version=SSL") != NULL) {
		hop->version = comment_value(arena, comment, "version=");
		hop->cipher = comment_value(arena, comment, "cipher=");
		return true;
	}
	/* Exim: "(TLS1.3)", "(TLS1.2:ECDHE-RSA-AES256-GCM-SHA384:256)" */
	if (strncasecmp(comment, "TLS1", 4) == 0 || strncasecmp(comment, "TLSv1", 5) == 0) {
		hop->version = arena_strndup(arena, comment, strcspn(comment, ": )"));
		return true;
	}
	return false;
}

/* Protocols of RFC 3848, RFC 6531 and practice: does the word say TLS? -1: not a mail transport that tells. */
static int protocol_says_tls(const char *protocol)
{
	static const struct { const char *name; int tls; } table[] = {
		{ "SMTP", 0 }, { "ESMTP", 0 }, { "ESMTPA", 0 }, { "ESMTPS", 1 }, { "ESMTPSA", 1 }, { "SMTPS", 1 },
		{ "LMTP", 0 }, { "LMTPA", 0 }, { "LMTPS", 1 }, { "LMTPSA", 1 }, { "UTF8SMTP", 0 }, { "UTF8SMTPA", 0 },
		{ "UTF8SMTPS", 1 }, { "UTF8SMTPSA", 1 }, { "UTF8LMTP", 0 }, { "UTF8LMTPS", 1 }, { "ASMTP", 0 },
		{ "HTTPS", 1 }, { "HTTP", 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, protocol) == 0)
			return table[i].tls;
	return -1;
}

static bool is_local_protocol(const char *protocol)
{
	return strcmp(protocol, "LOCAL") == 0 || strcmp(protocol, "MAPI") == 0 || strcmp(protocol, "STDIO") == 0;
}

static const char *upper(struct arena *arena, const char *text)
{
	char *copy = arena_strndup(arena, text, strnlen(text, 40));

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return copy;
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
};

static void read_comment(struct arena *arena, const char *text, struct path_hop *hop, struct hop_signs *signs)
{
	if (comment_tells_tls(arena, text, hop))
		signs->tls = true;
	signs->postfix |= strcmp(text, "Postfix") == 0;
	if (strncasecmp(text, "qmail ", 6) == 0) {
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

static void read_clauses(struct arena *arena, const struct tokens *tokens, struct path_hop *hop, struct hop_signs *signs)
{
	for (size_t i = 0; i < tokens->count; i++) {
		const struct token *token = &tokens->items[i];

		if (token->comment) {
			read_comment(arena, token->text, hop, signs);
			continue;
		}
		if (!is_word(tokens, i + 1))
			continue;
		if (words_are(token->text, "from") && hop->from == NULL)
			hop->from = clean_word(arena, tokens->items[++i].text, NAME_SHOWN);
		else if (words_are(token->text, "by") && hop->by == NULL)
			hop->by = clean_word(arena, tokens->items[++i].text, NAME_SHOWN);
		else if (words_are(token->text, "with") && hop->protocol == NULL)
			read_with(arena, tokens, ++i, hop, &signs->tls);
		else if (words_are(token->text, "tls") && hop->protocol != NULL) {
			i = read_tls(arena, tokens, i + 1, hop);
			signs->tls = true;
		}
	}
}

void path_parse_hop(struct arena *arena, const char *value, struct path_hop *hop_r)
{
	const char *text = arena_strndup(arena, value, strnlen(value, MAX_VALUE));
	struct tokens *tokens = arena_alloc(arena, sizeof(*tokens));
	struct hop_signs signs = { 0 };
	int protocol_tls;

	memset(hop_r, 0, sizeof(*hop_r));
	tokenize(arena, text, tokens);
	read_clauses(arena, tokens, hop_r, &signs);
	protocol_tls = hop_r->protocol != NULL ? protocol_says_tls(hop_r->protocol) : -1;
	if (signs.tls || protocol_tls == 1)
		hop_r->transport = HOP_TLS;
	else if (signs.qmail_local || (hop_r->protocol != NULL && is_local_protocol(hop_r->protocol)))
		hop_r->transport = HOP_LOCAL;
	else if (hop_r->from == NULL && hop_r->protocol == NULL && signs.postfix)
		hop_r->transport = HOP_UNKNOWN;	/* a client that is kept back, or a bounce: both look the same */
	else if (hop_r->from == NULL && hop_r->by != NULL)
		hop_r->transport = HOP_LOCAL;	/* nobody handed it over: submission, or a step inside one system */
	else if (protocol_tls == 0)
		hop_r->transport = HOP_CLEARTEXT;
	else
		hop_r->transport = HOP_UNKNOWN;
}

void path_read(const struct facts *facts, struct path_result *path_r)
{
	memset(path_r, 0, sizeof(*path_r));
	path_r->hops = arena_calloc(facts->arena, PATH_MAX_HOPS, sizeof(*path_r->hops));
	for (size_t i = 0; i < facts->field_count; i++) {
		struct path_hop *hop = &path_r->hops[path_r->hop_count];

		if (strcasecmp(facts->fields[i].name, "Received") != 0)
			continue;
		if (path_r->hop_count == PATH_MAX_HOPS) {
			path_r->truncated = true;
			return;
		}
		path_parse_hop(facts->arena, facts->fields[i].value, hop);
		path_r->hop_count++;
		path_r->tls += hop->transport == HOP_TLS;
		path_r->cleartext += hop->transport == HOP_CLEARTEXT;
		path_r->unknown += hop->transport == HOP_UNKNOWN;
	}
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
