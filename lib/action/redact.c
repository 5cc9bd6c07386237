/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Redaction (RFC 6590, RFC 9991 section 7). A list of fields that are kept, each read by its own grammar and written anew from what
 * was understood: what cannot be read is told as that, never copied. So a form of address that we do not know hides nothing of a
 * person in what is copied.
 * Trusts nothing of the header. Thread: that of the arena.
 */
#include "action/redact.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "check/signature/taglist.h"
#include "message/address.h"
#include "util/clean.h"
#include "util/out_of_memory.h"

enum {
	PSEUDONYM_CHARS = 12,		/* 72 bits: two mailboxes with the same one are nothing that happens */
	ADDRESSES_MAX = 10,		/* of one field */
	RECEIVED_MAX = 10, SIGNATURES_MAX = 5, OTHERS_MAX = 1,	/* fields of one name */
	TOKENS_MAX = 60,		/* of one Received field */
	WORDS_MAX = 12,			/* of a date, say */
	WORD_MAX = 255,			/* longest token that is copied */
	LINE_FOLD = 78,
};

static const char hidden[] = "[redacted]", unread[] = "[unreadable]";

/* ---- pseudonyms ---------------------------------------------------------------------------------- */

/* Without white space around, and of a quoted string what it says. */
static char *local_plain(struct arena *arena, const char *local, size_t length, size_t *length_r)
{
	char *plain = arena_alloc(arena, length + 1);
	bool quoted;
	size_t used = 0;

	while (length != 0 && strchr(" \t\r\n", local[0]) != NULL) {
		local++;
		length--;
	}
	while (length != 0 && strchr(" \t\r\n", local[length - 1]) != NULL)
		length--;
	quoted = length >= 2 && local[0] == '"' && local[length - 1] == '"';
	for (size_t i = quoted; i + quoted < length; i++) {
		if (quoted && local[i] == '\\' && i + 2 < length)
			i++;
		plain[used++] = local[i];
	}
	plain[used] = '\0';
	*length_r = used;
	return plain;
}

const char *redact_local(struct arena *arena, const struct redact_key *key, const char *local, size_t length)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned char text[4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1];
	unsigned digest_bytes = 0;
	size_t plain_length;
	const char *plain = local_plain(arena, local, length, &plain_length);

	if (HMAC(EVP_sha256(), key->bytes, REDACT_KEY_BYTES, (const unsigned char *)plain, plain_length, digest, &digest_bytes) == NULL)
		out_of_memory();
	EVP_EncodeBlock(text, digest, (int)digest_bytes);
	for (size_t i = 0; i < PSEUDONYM_CHARS; i++)
		if (text[i] == '+' || text[i] == '/')
			text[i] = text[i] == '+' ? '-' : '_';
	return arena_strndup(arena, (const char *)text, PSEUDONYM_CHARS);
}

static bool domain_shown(const char *domain, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!clean_is(domain[i], CLEAN_NAME) && strchr("[]:", domain[i]) == NULL)
			return false;
	return length != 0 && length <= WORD_MAX;
}

/* pseudonym@domain, the domain as it is when it is one that can be shown. */
static const char *address_hidden(struct arena *arena, const struct redact_key *key, const char *local, size_t local_length,
    const char *domain, size_t domain_length)
{
	const char *pseudonym = redact_local(arena, key, local, local_length);

	if (!domain_shown(domain, domain_length))
		return arena_printf(arena, "%s@%s", pseudonym, "invalid");
	return arena_printf(arena, "%s@%.*s", pseudonym, (int)domain_length, domain);
}

const char *redact_address(struct arena *arena, const struct redact_key *key, const char *address)
{
	const char *at = strrchr(address, '@');

	if (address[0] == '\0')
		return "<>";
	if (at == NULL)
		return arena_printf(arena, "<%s>", redact_local(arena, key, address, strlen(address)));
	return arena_printf(arena, "<%s>", address_hidden(arena, key, address, (size_t)(at - address), at + 1, strlen(at + 1)));
}

/* ---- fields -------------------------------------------------------------------------------------- */

struct redactor {
	struct arena *arena;
	const struct redact_key *key;
	struct buf value;	/* of the field under way */
	size_t column, count;	/* of its line; of what was put into it */
};

/* Appends a token of printable ASCII, on a line of its own where it would not fit. */
static void put(struct redactor *redactor, const char *token)
{
	size_t length = strlen(token);

	if (redactor->value.length != 0 && redactor->column + 1 + length > LINE_FOLD) {
		buf_puts(&redactor->value, "\n\t");
		redactor->column = 8;
	} else {
		buf_putc(&redactor->value, ' ');
		redactor->column++;
	}
	buf_puts(&redactor->value, token);
	redactor->column += length;
}

static void see_address(void *arg, const struct address *address)
{
	struct redactor *redactor = arg;

	if (redactor->count++ >= ADDRESSES_MAX)
		return;
	if (redactor->count > 1)
		buf_putc(&redactor->value, ',');
	put(redactor, arena_printf(redactor->arena, "<%s>", address_hidden(redactor->arena, redactor->key, address->local,
	    address->local_length, address->domain, address->domain_length)));
}

/* Addresses alone: a display name is what a person is called, or what somebody wants a person to read. */
static void redact_addresses(struct redactor *redactor, const struct header_field *field)
{
	if (address_list_parse(field->value, field->value_length, see_address, redactor) != NULL && redactor->count == 0)
		put(redactor, unread);
	else if (redactor->count == 0)
		put(redactor, "undisclosed:;");
	if (redactor->count > ADDRESSES_MAX)
		put(redactor, arena_printf(redactor->arena, "(and %zu more)", redactor->count - ADDRESSES_MAX));
}

static void redact_all(struct redactor *redactor, const struct header_field *field)
{
	(void)field;
	put(redactor, hidden);
}

/* Words of a value that names no person: a date, a type, a word. */
static bool is_harmless(const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!clean_is(word[i], CLEAN_NAME) && strchr("/+:,;=[]().<>", word[i]) == NULL)
			return false;
	return length != 0 && length <= WORD_MAX;
}

/* hxxp for http, so that nobody follows a link of a forger by a slip (RFC 9991 section 7). */
static const char *defanged(struct arena *arena, const char *word, size_t length)
{
	char *copy = arena_strndup(arena, word, length);

	for (size_t i = 0; i + 4 <= length; i++)
		if (strncasecmp(&copy[i], "http", 4) == 0)
			copy[i + 1] = copy[i + 2] = 'x';
	return copy;
}

static size_t next_word(const char **at, const char *end)
{
	const char *word = *at, *p;

	while (word < end && strchr(" \t\r\n", *word) != NULL && *word != '\0')
		word++;
	for (p = word; p < end && (*p == '\0' || strchr(" \t\r\n", *p) == NULL); p++)
		;
	*at = word;
	return (size_t)(p - word);
}

/* Words that are harmless as they are, others hidden. */
static void redact_words(struct redactor *redactor, const struct header_field *field)
{
	const char *at = field->value, *end = at + field->value_length;
	size_t length, count = 0;

	for (; (length = next_word(&at, end)) != 0 && count < WORDS_MAX; at += length, count++)
		put(redactor, is_harmless(at, length) ? defanged(redactor->arena, at, length) : hidden);
	if (count == 0)
		put(redactor, unread);
}

/* Type and subtype: parameters name files. */
static void redact_type(struct redactor *redactor, const struct header_field *field)
{
	const char *at = field->value, *end = memchr(at, ';', field->value_length);
	size_t length = next_word(&at, end != NULL ? end : field->value + field->value_length);

	put(redactor, is_harmless(at, length) ? arena_strndup(redactor->arena, at, length) : unread);
}

/*
 * A message's or list's identifier is its domain owner's key to his own logs. Its left part is made by a program; where it looks like an
 * address of somebody it can still be no more than what that program knew.
 */
static void redact_id(struct redactor *redactor, const struct header_field *field)
{
	const char *at = field->value, *open = memchr(at, '<', field->value_length), *end = at + field->value_length, *close;

	close = open != NULL ? memchr(open, '>', (size_t)(end - open)) : NULL;
	if (close == NULL || close - open > WORD_MAX) {
		put(redactor, unread);
		return;
	}
	for (const char *p = open; p <= close; p++) {
		if (!clean_is(*p, CLEAN_GRAPH) || *p == '"' || *p == '(') {
			put(redactor, unread);
			return;
		}
	}
	put(redactor, defanged(redactor->arena, open, (size_t)(close - open) + 1));
}

/* An address literal, which is all that is kept of a comment: "Authenticated sender: …" is one too. @return its length, or 0. */
static size_t literal_length(const char *text, const char *end)
{
	const char *p = text + 1;

	if (text >= end || *text != '[')
		return 0;
	while (p < end && *p != '\0' && strchr("0123456789abcdefABCDEF:.IPv", *p) != NULL)
		p++;
	return p < end && *p == ']' ? (size_t)(p + 1 - text) : 0;
}

/* Skips the comment that begins here and what is nested in it; address literals in it are appended. @return where it ends. */
static const char *skip_comment(struct buf *buf, const char *at, const char *end)
{
	unsigned depth = 0;

	for (; at < end; at++) {
		size_t length = literal_length(at, end);

		if (length != 0)
			buf_printf(buf, " (%.*s) ", (int)length, at);
		if (*at == '\\')
			at++;
		else if (*at == '(')
			depth++;
		else if (*at == ')' && --depth == 0)
			return at + 1;
	}
	return end;
}

static bool begins_for(const char *word, size_t length)
{
	return length >= 3 && strncasecmp(word, "for", 3) == 0 && (length == 3 || !clean_is(word[3], CLEAN_NAME));
}

/* Hosts, protocol and time; "for" names whom it was for, and no word with "@" or quotes is copied. */
static void redact_received(struct redactor *redactor, const struct header_field *field)
{
	struct buf plain = buf_make(redactor->arena);
	const char *at = field->value, *end = at + field->value_length;
	bool in_for = false;
	size_t length, count = 0;

	while (at < end) {
		if (*at == '(')
			at = skip_comment(&plain, at, end);
		else
			buf_putc(&plain, *at++);
	}
	at = plain.data;
	end = at + plain.length;
	for (; (length = next_word(&at, end)) != 0 && count < TOKENS_MAX; at += length, count++) {
		bool begins = begins_for(at, length), ends = memchr(at, ';', length) != NULL;

		if (begins || (in_for && ends))
			put(redactor, begins && ends ? "for [redacted];" : begins ? "for [redacted]" : ";");
		else if (!in_for)
			put(redactor, is_harmless(at, length) ? defanged(redactor->arena, at, length) : hidden);
		in_for = (in_for || begins) && !ends;
	}
	if (count == 0)
		put(redactor, unread);
}

/* i= as a pseudonym; z= is a copy of header fields, and what is not known may be anything: both go. */
static void redact_tag(struct redactor *redactor, const struct dkim_tag *tag, bool last)
{
	static const char *const kept[] = { "v", "a", "b", "bh", "c", "d", "h", "l", "q", "s", "t", "x" };
	char *value = dkim_tag_compact(tag, redactor->arena, NULL), *at = strchr(value, '@');
	bool keep = false;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		keep = keep || (tag->name_length == strlen(kept[i]) && memcmp(tag->name, kept[i], tag->name_length) == 0);
	if (tag->name_length == 1 && tag->name[0] == 'i' && at != NULL && domain_shown(at + 1, strlen(at + 1)))
		value = at == value ? value : arena_printf(redactor->arena, "%s", address_hidden(redactor->arena, redactor->key, value,
		    (size_t)(at - value), at + 1, strlen(at + 1)));
	else if (!keep || clean_span(value, CLEAN_GRAPH) != strlen(value) || strchr(value, '@') != NULL)
		value = NULL;
	if (value == NULL || !clean_is(tag->name[0], CLEAN_NAME) || tag->name_length > 8)
		return;
	for (size_t done = 0, length = strlen(value); done < length || done == 0; done += LINE_FOLD - 18) {
		put(redactor, arena_printf(redactor->arena, "%.*s%s%.*s%s", done == 0 ? (int)tag->name_length : 0, tag->name, done == 0 ? "=" :
		    "", LINE_FOLD - 18, value + done, done + LINE_FOLD - 18 >= length && !last ? ";" : ""));
	}
}

static void redact_signature(struct redactor *redactor, const struct header_field *field)
{
	struct dkim_taglist list;
	const char *why;

	if (field->value_length > REDACT_HEADER_MAX || dkim_taglist_parse(field->value, field->value_length, &list, &why) != 0) {
		put(redactor, unread);
		return;
	}
	for (size_t i = 0; i < list.count; i++)
		redact_tag(redactor, &list.tags[i], i + 1 == list.count);
	if (redactor->value.length == 0)
		put(redactor, unread);
}

/* ---- the header ---------------------------------------------------------------------------------- */

/* All that is kept. */
static const struct { const char *name; void (*redact)(struct redactor *, const struct header_field *); unsigned max; } fields[] = {
	{ "Received", redact_received, RECEIVED_MAX }, { "DKIM-Signature", redact_signature, SIGNATURES_MAX },
	{ "From", redact_addresses, SIGNATURES_MAX }, { "Sender", redact_addresses, OTHERS_MAX },
	{ "Reply-To", redact_addresses, OTHERS_MAX }, { "To", redact_addresses, OTHERS_MAX }, { "Cc", redact_addresses, OTHERS_MAX },
	{ "Date", redact_words, OTHERS_MAX }, { "Message-ID", redact_id, OTHERS_MAX }, { "List-Id", redact_id, OTHERS_MAX },
	{ "Subject", redact_all, OTHERS_MAX }, { "MIME-Version", redact_words, OTHERS_MAX }, { "Precedence", redact_words, OTHERS_MAX },
	{ "Content-Type", redact_type, OTHERS_MAX },
};

enum { KEPT_FIELDS = sizeof(fields) / sizeof(fields[0]) };

static size_t find_field(const struct header_field *field)
{
	size_t i = 0;

	while (i < KEPT_FIELDS && (field->name_length != strlen(fields[i].name) ||
	    strncasecmp(field->name, fields[i].name, field->name_length) != 0))
		i++;
	return i;
}

const char *redact_header(struct arena *arena, const struct redact_key *key, const struct facts *facts)
{
	struct buf header = buf_make(arena);
	unsigned seen[KEPT_FIELDS] = { 0 }, count = 0;

	for (size_t i = 0; i < facts->field_count && count < REDACT_FIELDS_MAX; i++) {
		const struct header_field *field = &facts->fields[i];
		struct redactor redactor = { .arena = arena, .key = key, .value = buf_make(arena), .column = field->name_length + 1 };
		size_t row = find_field(field);

		/* what is longer than all that is told is no field to be read for that */
		if (row == KEPT_FIELDS || seen[row]++ >= fields[row].max || field->value_length > 4 * REDACT_HEADER_MAX)
			continue;
		fields[row].redact(&redactor, field);
		if (header.length + redactor.value.length + strlen(fields[row].name) + 2 > REDACT_HEADER_MAX)
			continue;
		buf_printf(&header, "%s:%s\n", fields[row].name, redactor.value.data);
		count++;
	}
	return header.length != 0 ? header.data : "";
}
