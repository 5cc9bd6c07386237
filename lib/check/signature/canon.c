/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header canonicalization for the rare signatures that libopendkim refuses or hashes otherwise than RFC 6376 says:
 * those with 8-bit bytes (RFC 8616), with white space behind the tag name b, with h= naming DKIM-Signature, and so on
 * (see signature.c), and those over fields with odd white space (see dkim/feed.c). Everything else goes through the
 * library.
 * Thread: any. Trusts nothing; the fields come with the caps of the facts.
 */
#include "check/signature/canon.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "util/error.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t trimmed_name(const struct header_field *field)
{
	size_t length = field->name_length;

	while (length != 0 && is_space(field->name[length - 1]))
		length--;
	return length;
}

static void canon_simple(struct buf *out, const struct header_field *field, const char *value, size_t length)
{
	buf_append(out, field->name, field->name_length);
	buf_putc(out, ':');
	for (size_t i = 0; i < length; i++) {
		if (value[i] == '\n' && (i == 0 || value[i - 1] != '\r'))
			buf_putc(out, '\r');
		buf_putc(out, value[i]);
	}
}

static void canon_relaxed(struct buf *out, const struct header_field *field, const char *value, size_t length)
{
	size_t name_length = trimmed_name(field);
	bool space = false, begun = false;

	for (size_t i = 0; i < name_length; i++) {
		char c = field->name[i];

		buf_putc(out, c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c);
	}
	buf_putc(out, ':');
	for (size_t i = 0; i < length; i++) {
		if (is_space(value[i]) && (value[i] != '\r' || (i + 1 < length && value[i + 1] == '\n'))) {
			space = true;
			continue;
		}
		if (space && begun)
			buf_putc(out, ' ');
		buf_putc(out, value[i]);
		space = false;
		begun = true;
	}
}

/* The value of the signature's field with that of b= taken out, white space around it included (section 3.7). */
static size_t blank_b(char *text, size_t length)
{
	size_t at = 0, out = 0;

	while (at < length) {
		const char *semicolon = memchr(text + at, ';', length - at);
		size_t stop = semicolon != NULL ? (size_t)(semicolon - text) : length, name = at, equals = at;

		while (name < stop && is_space(text[name]))
			name++;
		while (equals < stop && text[equals] != '=')
			equals++;
		if (name < stop && text[name] == 'b' && equals < stop &&
		    (name + 1 == equals || is_space(text[name + 1]))) {
			memmove(text + out, text + at, equals + 1 - at);
			out += equals + 1 - at;
		} else {
			memmove(text + out, text + at, stop - at);
			out += stop - at;
		}
		if (semicolon != NULL)
			text[out++] = ';';
		at = stop + (semicolon != NULL);
	}
	return out;
}

void dkim_canon_relaxed(struct buf *out, const struct header_field *field, bool without_b)
{
	struct arena *arena;
	char *value;

	if (!without_b) {
		canon_relaxed(out, field, field->value, field->value_length);
		return;
	}
	arena = arena_new();
	value = arena_strndup(arena, field->value, field->value_length);
	canon_relaxed(out, field, value, blank_b(value, field->value_length));
	arena_free(&arena);
}

/* The last field of that name not yet taken (section 5.4.2); never the signature's own (section 3.5). */
static const struct header_field *select_field(const struct facts *facts, const struct header_field *own,
    const struct dkim_name *name, bool *taken)
{
	for (size_t i = facts->field_count; i-- > 0;) {
		const struct header_field *field = &facts->fields[i];

		if (taken[i] || field == own || trimmed_name(field) != name->length ||
		    strncasecmp(field->name, name->text, name->length) != 0)
			continue;
		taken[i] = true;
		return field;
	}
	return NULL;
}

int dkim_canon_header_hash(const struct facts *facts, const struct header_field *own,
    const struct dkim_signature *signature, uint8_t hash_r[DKIM_HASH_BYTES])
{
	void (*canon)(struct buf *, const struct header_field *, const char *, size_t) =
	    signature->header_relaxed ? canon_relaxed : canon_simple;
	struct arena *arena = arena_new();
	struct buf out = buf_make(arena);
	bool *taken = arena_calloc(arena, facts->field_count + 1, sizeof *taken);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
	char *value;
	size_t length;

	for (size_t i = 0; i < signature->name_count && done; i++) {
		const struct header_field *field = select_field(facts, own, &signature->names[i], taken);

		if (field == NULL)
			continue;	/* the null string */
		out.length = 0;
		canon(&out, field, field->value, field->value_length);
		buf_append(&out, "\r\n", 2);
		done = EVP_DigestUpdate(context, out.data, out.length) == 1;
	}
	value = arena_strndup(arena, own->value, own->value_length);
	length = blank_b(value, own->value_length);
	out.length = 0;
	canon(&out, own, value, length);
	done = done && EVP_DigestUpdate(context, out.data, out.length) == 1 &&
	    EVP_DigestFinal_ex(context, hash_r, NULL) == 1;
	EVP_MD_CTX_free(context);
	arena_free(&arena);
	return done ? 0 : -E_SYSTEM;
}
