/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many values as one parameter: lists in the form in which PostgreSQL reads arrays, so that one statement takes the values of many
 * rows; and what rows are found by whose texts may be long. Pure. Thread: any.
 */
#include "record/pg_internal.h"

#include <string.h>

#include <openssl/sha.h>

static const char digits[] = "0123456789abcdef";

struct buf pg_list_begin(struct arena *arena)
{
	struct buf list = buf_make(arena);

	buf_putc(&list, '{');
	return list;
}

static void separate(struct buf *list)
{
	if (list->length > 1)
		buf_putc(list, ',');
}

void pg_list_number(struct buf *list, int64_t number)
{
	separate(list);
	buf_printf(list, "%lld", (long long)number);
}

void pg_list_word(struct buf *list, const char *word)
{
	separate(list);
	buf_puts(list, word);
}

void pg_list_text(struct buf *list, const char *text)
{
	separate(list);
	buf_putc(list, '"');
	for (size_t plain; *text != '\0'; text += plain) {
		if (*text == '"' || *text == '\\') {
			buf_putc(list, '\\');
			buf_putc(list, *text++);
		}
		plain = strcspn(text, "\"\\");
		buf_append(list, text, plain);
	}
	buf_putc(list, '"');
}

void pg_list_octets(struct buf *list, const void *data, size_t bytes)
{
	const unsigned char *octets = data;

	separate(list);
	buf_puts(list, "\"\\\\x");
	for (size_t i = 0; i < bytes; i++) {
		buf_putc(list, digits[octets[i] >> 4]);
		buf_putc(list, digits[octets[i] & 15]);
	}
	buf_putc(list, '"');
}

void pg_list(struct pg_call *call, struct buf *list)
{
	buf_putc(list, '}');
	pg_text(call, list->data);
}

void pg_hash(struct arena *arena, const char *const *texts, size_t count, char hash_r[PG_HASH_BYTES])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct buf all = buf_make(arena);

	for (size_t i = 0; i < count; i++) {
		if (i != 0)
			buf_putc(&all, '\n');
		buf_puts(&all, pg_text_encode(arena, texts[i]));
	}
	SHA256((const unsigned char *)(all.length != 0 ? all.data : ""), all.length, digest);
	for (size_t i = 0; i < PG_HASH_BYTES / 2; i++) {
		hash_r[2 * i] = digits[digest[i] >> 4];
		hash_r[2 * i + 1] = digits[digest[i] & 15];
	}
	hash_r[PG_HASH_BYTES - 1] = '\0';
}
