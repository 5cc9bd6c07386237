/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads one DKIM-Signature field, or one of ARC's. It stands in front of libopendkim: what passes here can be fed to the library
 * without harm to it or to the other signatures of the message.
 *
 * library_unfit marks signatures that RFC 6376 allows and the library (2.11.0 beta 2) cannot hash:
 *   - 8-bit bytes (RFC 8616): it refuses the list
 *   - white space between b and "=", or a tag whose name ends in b: it blanks the wrong value
 *   - h= over 4,095 octets is cut; h= naming DKIM-Signature may take the signature's own field
 *   - names that differ in case only are one tag to it; i= with several @, d= and i= with a last dot it misreads
 *   - b= of a few octets, which cannot verify, is no signature at all to it
 *   - t= and x= out of the range in which its fixed clock works (see hash.h), l= over what it can count
 * Their header hash is made by canon.c.
 * Thread: any. Trusts nothing; a signature that cannot be used gets a `fault`, a static text.
 */
#include "check/signature/signature.h"

#include <string.h>
#include <strings.h>

#include "check/signature/hash.h"
#include "check/signature/reader.h"
#include "util/domain.h"

enum { NAMES_MAX_BYTES = 4000, B_MIN_BYTES = 8 };

static const struct dkim_tag *get(const struct dkim_reader *reader, const char *name)
{
	return dkim_taglist_get(&reader->list, name);
}

static char *lower(char *text)
{
	for (char *at = text; *at != '\0'; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at += 'a' - 'A';
	return text;
}

static char *value_copy(const struct dkim_tag *tag, struct arena *arena, size_t *length_r)
{
	*length_r = tag->value_length;
	return arena_strndup(arena, tag->value, tag->value_length);
}

static const char *read_names(struct dkim_reader *reader)
{
	const struct dkim_tag *domain = get(reader, "d"), *selector = get(reader, "s");
	struct dkim_signature *signature = reader->signature;
	size_t length;
	char *text;

	/* white space inside a value belongs to it (section 3.2), and to no name */
	if (domain != NULL) {
		text = value_copy(domain, reader->arena, &length);
		signature->domain = domain_normalize(reader->arena, text, length);
		if (length != 0 && text[length - 1] == '.')
			signature->library_unfit = true;
	}
	if (selector != NULL) {
		text = value_copy(selector, reader->arena, &length);
		signature->selector = domain_normalize(reader->arena, text, length);
	}
	if (domain == NULL)
		return "d= is missing";
	if (signature->domain == NULL)
		return "d= is not a domain name";
	if (selector == NULL)
		return "s= is missing";
	return signature->selector == NULL ? "s= is not a selector" : NULL;
}

static const char *read_algorithm(struct dkim_reader *reader)
{
	static const struct { const char *name; enum dkim_algorithm algorithm; } table[] = {
		{ "rsa-sha256", DKIM_ALGORITHM_RSA_SHA256 },
		{ "ed25519-sha256", DKIM_ALGORITHM_ED25519_SHA256 },
		{ "rsa-sha1", DKIM_ALGORITHM_RSA_SHA1 },
	};
	const struct dkim_tag *tag = get(reader, "a");
	struct dkim_signature *signature = reader->signature;
	size_t length;
	char *text;

	if (tag == NULL)
		return "a= is missing";
	text = lower(value_copy(tag, reader->arena, &length));
	if (length == 0 || length > 40 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
		return "a= is not an algorithm";
	signature->algorithm_text = text;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(text, table[i].name) == 0)
			signature->algorithm = table[i].algorithm;
	return signature->algorithm == DKIM_ALGORITHM_UNKNOWN ? "a= names an unknown algorithm" : NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* dkim-quoted-printable (RFC 6376 section 2.11), in place. @return the new length, or 0 when malformed. */
static size_t quoted_printable(char *text, size_t length)
{
	size_t out = 0;

	for (size_t i = 0; i < length; i++) {
		int value = (unsigned char)text[i];

		if (text[i] == '=') {
			if (i + 2 >= length || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
				return 0;
			value = hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]);
			i += 2;
		}
		/* nothing that could break a log line or a header field comes out of an i= */
		if (value < 0x20 || value == 0x7f)
			return 0;
		text[out++] = (char)value;
	}
	text[out] = '\0';
	return out;
}

/* i= must be the domain of d= or below it (RFC 6376 section 6.1.1). */
static const char *read_identity(struct dkim_reader *reader)
{
	struct dkim_signature *signature = reader->signature;
	const struct dkim_tag *tag = get(reader, "i");
	size_t length, domain_length = strlen(signature->domain), host_length;
	const char *at, *host;
	char *text;

	if (tag == NULL) {
		signature->identity = arena_concat(reader->arena, "@", signature->domain, "");
		return NULL;
	}
	text = dkim_tag_compact(tag, reader->arena, &length);
	if (length > DKIM_IDENTITY_MAX_BYTES)
		return "i= is too long";
	length = quoted_printable(text, length);
	at = length != 0 ? memrchr(text, '@', length) : NULL;
	if (at == NULL)
		return "i= is not an identity";
	signature->identity = text;
	if (memchr(text, '@', length) != at || text[length - 1] == '.')
		signature->library_unfit = true;
	host = domain_normalize(reader->arena, at + 1, length - (size_t)(at + 1 - text));
	if (host == NULL)
		return "i= has no domain name";
	host_length = strlen(host);
	if (host_length == domain_length && strcmp(host, signature->domain) == 0)
		return NULL;
	if (host_length <= domain_length + 1 || host[host_length - domain_length - 1] != '.' ||
	    strcmp(host + host_length - domain_length, signature->domain) != 0)
		return "i= is not within d=";
	signature->identity_below_domain = true;
	return NULL;
}

static bool canonicalization(const char *text, size_t length, bool *relaxed_r)
{
	*relaxed_r = length == 7 && strncasecmp(text, "relaxed", 7) == 0;
	return *relaxed_r || (length == 6 && strncasecmp(text, "simple", 6) == 0);
}

static const char *read_canonicalization(struct dkim_reader *reader)
{
	const struct dkim_tag *tag = get(reader, "c");
	struct dkim_signature *signature = reader->signature;
	size_t length;
	const char *text, *slash;

	if (tag == NULL)
		return NULL;	/* simple/simple */
	text = value_copy(tag, reader->arena, &length);
	slash = memchr(text, '/', length);
	if (!canonicalization(text, slash != NULL ? (size_t)(slash - text) : length, &signature->header_relaxed) ||
	    (slash != NULL && !canonicalization(slash + 1, strlen(slash + 1), &signature->body_relaxed)))
		return "c= names an unknown canonicalization";
	return NULL;
}

/* q= must offer dns/txt; other methods are skipped (RFC 6376 section 3.5). */
static const char *read_query(struct dkim_reader *reader)
{
	const struct dkim_tag *tag = get(reader, "q");
	struct dkim_tag rest;
	const char *item;
	size_t length;

	if (tag == NULL)
		return NULL;
	rest = *tag;
	while (dkim_tag_next_item(&rest, &item, &length))
		if (length == 7 && strncasecmp(item, "dns/txt", 7) == 0)
			return NULL;
	return "q= does not offer dns/txt";
}

static const char *read_numbers(struct dkim_reader *reader)
{
	struct dkim_signature *signature = reader->signature;
	const struct dkim_tag *time = get(reader, "t"), *expiry = get(reader, "x"), *length = get(reader, "l");

	if (time != NULL && dkim_tag_number(time, &signature->time_secs) != 0)
		return "t= is not a number";
	if (expiry != NULL && dkim_tag_number(expiry, &signature->expiry_secs) != 0)
		return "x= is not a number";
	if (length != NULL && dkim_tag_number(length, &signature->length) != 0)
		return "l= is not a number";
	signature->has_time = time != NULL;
	signature->has_expiry = expiry != NULL;
	signature->has_length = length != NULL;
	if (signature->has_time && signature->has_expiry && signature->expiry_secs <= signature->time_secs)
		return "x= is not after t=";
	return NULL;
}

static bool field_name_valid(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return true;
}

static const char *read_header_list(struct dkim_reader *reader)
{
	const struct dkim_tag *tag = get(reader, "h");
	struct dkim_signature *signature = reader->signature;
	struct dkim_tag rest;
	struct dkim_name *names, name;
	size_t total = 0, room = 1;
	bool from = false;

	if (tag == NULL)
		return "h= is missing";
	for (size_t i = 0; i < tag->value_length; i++)
		room += tag->value[i] == ':';
	if (room > DKIM_SIGNATURE_MAX_NAMES)
		return "h= names too many header fields";
	names = arena_calloc(reader->arena, room, sizeof *names);
	signature->names = names;	/* those that were read, whatever comes behind them */
	rest = *tag;
	while (dkim_tag_next_item(&rest, &name.text, &name.length)) {
		if (name.length == 0)
			continue;	/* "a::b" and a last ":" are seen in real mail */
		if (!field_name_valid(name.text, name.length))
			return "h= names something that is no header field";
		from = from || (name.length == 4 && strncasecmp(name.text, "from", 4) == 0);
		signature->names_dkim_signature = signature->names_dkim_signature ||
		    (name.length == 14 && strncasecmp(name.text, "dkim-signature", 14) == 0);
		names[signature->name_count++] = name;
		total += name.length + 1;
	}
	if (total > NAMES_MAX_BYTES || signature->names_dkim_signature)
		signature->library_unfit = true;
	return from ? NULL : "the From field is not signed";
}

static const char *read_b(struct dkim_reader *reader)
{
	const struct dkim_tag *b = get(reader, "b");
	struct dkim_signature *signature = reader->signature;

	if (b == NULL || b->value_length == 0)
		return "b= is missing";
	signature->b_text = dkim_tag_compact(b, reader->arena, NULL);
	signature->b = dkim_tag_base64(b, reader->arena, &signature->b_length);
	if (signature->b == NULL)
		return "b= is not base64";
	if (signature->b_length < B_MIN_BYTES)
		signature->library_unfit = true;
	return NULL;
}

static const char *read_body_hash(struct dkim_reader *reader)
{
	const struct dkim_tag *body = get(reader, "bh");
	struct dkim_signature *signature = reader->signature;
	const uint8_t *hash;
	size_t length;

	if (body == NULL || body->value_length == 0)
		return "bh= is missing";
	hash = dkim_tag_base64(body, reader->arena, &length);
	if (hash == NULL)
		return "bh= is not base64";
	if (signature->algorithm == DKIM_ALGORITHM_RSA_SHA1)
		return NULL;
	if (length != DKIM_HASH_BYTES)
		return "bh= is not a SHA-256 hash";
	memcpy(signature->body_hash, hash, DKIM_HASH_BYTES);
	return NULL;
}

static const char *read_version(struct dkim_reader *reader)
{
	const struct dkim_tag *tag = get(reader, "v");

	if (tag == NULL)
		return "v= is missing";
	return dkim_tag_is(tag, "1") ? NULL : "v= is not 1";
}

/* See the head of this file. */
static bool library_unfit(const struct dkim_reader *reader, const char *value, size_t length)
{
	const struct dkim_signature *signature = reader->signature;

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)value[i] >= 0x80)
			return true;
	for (size_t i = 0; i < reader->list.count; i++) {
		const struct dkim_tag *tag = &reader->list.tags[i];
		bool is_b = tag->name_length == 1 && tag->name[0] == 'b';

		if (is_b ? tag->spaced : tag->name[tag->name_length - 1] == 'b')
			return true;
		for (size_t j = 0; j < tag->name_length; j++)
			if (tag->name[j] >= 'A' && tag->name[j] <= 'Z')
				return true;
	}
	return (signature->has_length && signature->length >= DKIM_NUMBER_CEILING) ||
	    (signature->has_time && (signature->time_secs < DKIM_LIBRARY_TIME_MIN ||
		signature->time_secs > DKIM_LIBRARY_TIME_MAX)) ||
	    (signature->has_expiry && (signature->expiry_secs < DKIM_LIBRARY_EXPIRY_MIN ||
		signature->expiry_secs > DKIM_LIBRARY_TIME_MAX));
}

typedef const char *step(struct dkim_reader *reader);

/* The order in which faults are told; d=, s= and a= first, so that a result can name the signer. */
static step *const dkim_steps[] = {
	read_names, read_algorithm, read_version, read_identity, read_canonicalization, read_query, read_numbers,
	read_header_list, read_b, read_body_hash, NULL
};
static step *const message_steps[] = {
	dkim_read_arc_instance, read_names, read_algorithm, read_canonicalization, read_query, read_numbers, read_header_list,
	dkim_read_arc_message, read_b, read_body_hash, NULL
};
static step *const seal_steps[] = {
	dkim_read_arc_instance, read_names, read_algorithm, read_numbers, dkim_read_arc_seal, read_b, NULL
};
static step *const *const steps[] = {
	[DKIM_DIALECT_DKIM] = dkim_steps, [DKIM_DIALECT_ARC_MESSAGE] = message_steps, [DKIM_DIALECT_ARC_SEAL] = seal_steps,
};

void dkim_signature_parse_as(struct arena *arena, enum dkim_dialect dialect, const char *value, size_t length,
    struct dkim_signature *signature_r)
{
	struct dkim_reader reader = { .arena = arena, .signature = signature_r };

	memset(signature_r, 0, sizeof *signature_r);
	signature_r->dialect = dialect;
	if (length > DKIM_SIGNATURE_MAX_BYTES) {
		signature_r->fault = "the signature field is too long";
		return;
	}
	if (dkim_taglist_parse(value, length, &reader.list, &signature_r->fault) != 0)
		return;
	for (step *const *at = steps[dialect]; *at != NULL; at++) {
		const char *fault;

		if (*at == read_identity && signature_r->domain == NULL)
			continue;
		fault = (*at)(&reader);
		if (signature_r->fault == NULL)
			signature_r->fault = fault;
	}
	if (library_unfit(&reader, value, length))
		signature_r->library_unfit = true;
}

void dkim_signature_parse(struct arena *arena, const char *value, size_t length, struct dkim_signature *signature_r)
{
	dkim_signature_parse_as(arena, DKIM_DIALECT_DKIM, value, length, signature_r);
}
