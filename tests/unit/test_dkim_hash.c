/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libopendkim behind signature/hash.c: what it is handed, with guards around every block that it allocates, and what it
 * hashes, compared with canon.c and with hashes known from elsewhere. What it does wrong: test_dkim_handed.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "check/signature/body.h"
#include "check/signature/canon.h"
#include "check/signature/hash.h"
#include "dkim_handed.h"

/* ---- an allocator that sees writes past the end ---- */
enum { GUARD_BYTES = 64, BLOCKS_MAX = 65536 };

static struct { size_t size; unsigned char *data; } blocks[BLOCKS_MAX];
static size_t block_count;

static void *guard_allocate(void *closure, size_t size_bytes)
{
	unsigned char *data = malloc(size_bytes + GUARD_BYTES);

	(void)closure;
	assert_true(data != NULL && block_count < BLOCKS_MAX);
	memset(data, 0x5a, size_bytes);
	memset(data + size_bytes, 0xa5, GUARD_BYTES);
	blocks[block_count].size = size_bytes;
	blocks[block_count++].data = data;
	return data;
}

/* Kept until guard_check(), so that late writes are seen too. */
static void guard_release(void *closure, void *block)
{
	(void)closure;
	(void)block;
}

/* @return blocks with a broken guard. */
static size_t guard_check(void)
{
	size_t broken = 0;

	for (size_t i = 0; i < block_count; i++) {
		for (size_t j = 0; j < GUARD_BYTES; j++) {
			if (blocks[i].data[blocks[i].size + j] != 0xa5) {
				broken++;
				break;
			}
		}
		free(blocks[i].data);
	}
	block_count = 0;
	return broken;
}

static struct header_field field(const char *name, const char *value)
{
	return (struct header_field){ .name = name, .value = value, .name_length = strlen(name),
		.value_length = strlen(value), .occurrence = 1 };
}

#define TAGS "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=x; bh=AAAA; b=AAAAAAAA; h="

/* The padding field comes first, and no block is written past its end. Every list leaves a field of the message over. */
static void test_dkim_hasher_feeds_padding_first(void **state)
{
	static const char *const lists[] = { "from:subject:from", "from:from:from", "subject:from:to:x-none:from" };

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct dkim_library *library = dkim_library_new(guard_allocate, guard_release);
		struct arena *arena = arena_new();
		struct dkim_hasher *hasher;
		struct header_field from = field("From", " a@example.org"), subject = field("Subject", " x"), signature;
		char *value = arena_printf(arena, " " TAGS "%s", lists[i]);
		uint8_t hash[DKIM_HASH_BYTES];

		dkim_handed_forget();
		hasher = dkim_hasher_new(library, arena, 4);
		assert_int_equal(dkim_handed_count(), 1);
		assert_string_equal(dkim_handed_field(0), "assay pad: x");	/* a space in its name: h= cannot say it */
		signature = field("DKIM-Signature", value);
		assert_int_equal(dkim_hasher_signature(hasher, &signature), 0);
		assert_true(dkim_hasher_field(hasher, &from));
		assert_true(dkim_hasher_field(hasher, &subject));
		assert_int_equal(dkim_hasher_header_done(hasher), 0);
		assert_null(dkim_hasher_header(hasher, 0, hash));
		dkim_hasher_free(&hasher);
		assert_int_equal(guard_check(), 0);
		dkim_library_free(&library);
		arena_free(&arena);
	}
}

struct body_case { const char *body; bool relaxed, has_length; uint64_t length, hashed, canonical; const char *sha256_hex; };

static void hex(const uint8_t *bytes, char text_r[65])
{
	for (size_t i = 0; i < 32; i++) {
		text_r[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		text_r[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	text_r[64] = '\0';
}

/* SHA-256 of "", of CRLF (RFC 6376 section 3.4.3 and 3.4.4) and of "a b\r\n", made with sha256sum. */
static void test_dkim_hasher_bodies(void **state)
{
	static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const char crlf[] = "7eb70257593da06f682a3ddda54a9d260d4fc514f645237f5ca74b08f8da61a6";
	static const char a_b[] = "4ae1198f28938d4a755c7a46a662f0f5729aca3cb714cae4e37d60b84c4ee9cc";
	const struct body_case cases[] = {
		{ "", true, false, 0, 0, 0, empty }, { "", false, false, 0, 2, 2, crlf },
		{ "\r\n\r\n", true, false, 0, 0, 0, empty }, { "\r\n\r\n", false, false, 0, 2, 2, crlf },
		{ " \r\n\t\r\n", true, false, 0, 0, 0, empty }, { "a \t b \r\n\r\n", true, false, 0, 5, 5, a_b },
		{ "a b\r\n\r\n\r\n", false, false, 0, 5, 5, a_b }, { "a b", true, false, 0, 5, 5, a_b },
		{ "a b", false, false, 0, 5, 5, a_b }, { "a b\r\nmore\r\n", false, true, 5, 5, 11, a_b },
		{ "a b\r\n", false, true, 99, 5, 5, a_b }, { "", false, true, 0, 0, 2, empty },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dkim_library *library = dkim_library_new(NULL, NULL);
		struct arena *arena = arena_new();
		struct dkim_hasher *hasher = dkim_hasher_new(library, arena, 1);
		struct dkim_body_result result;
		char text[65];

		assert_int_equal(dkim_hasher_want_body(hasher, !cases[i].relaxed, true, 7), 0);
		assert_int_equal(dkim_hasher_want_body(hasher, cases[i].relaxed, cases[i].has_length, cases[i].length), 1);
		assert_int_equal(dkim_hasher_want_body(hasher, cases[i].relaxed, cases[i].has_length, cases[i].length), 1);
		assert_int_equal(dkim_hasher_header_done(hasher), 0);
		dkim_hasher_body(hasher, cases[i].body, strlen(cases[i].body));
		assert_non_null(dkim_hasher_body_result(hasher, 1, &result));	/* not before its end */
		dkim_hasher_finish(hasher);
		assert_non_null(dkim_hasher_body_result(hasher, 2, &result));
		assert_non_null(dkim_hasher_body_result(hasher, -1, &result));
		assert_null(dkim_hasher_body_result(hasher, 1, &result));
		hex(result.hash, text);
		assert_string_equal(text, cases[i].sha256_hex);
		assert_int_equal(result.hashed_bytes, cases[i].hashed);
		assert_int_equal(result.canonical_bytes, cases[i].canonical);
		dkim_hasher_free(&hasher);
		arena_free(&arena);
		dkim_library_free(&library);
	}
}

static const char *body_fault(const char *const *chunks, bool relaxed)
{
	struct dkim_library *library = dkim_library_new(NULL, NULL);
	struct arena *arena = arena_new();
	struct dkim_hasher *hasher = dkim_hasher_new(library, arena, 1);
	struct dkim_body_result result;
	const char *fault;

	dkim_hasher_want_body(hasher, relaxed, false, 0);
	assert_int_equal(dkim_hasher_header_done(hasher), 0);
	for (; *chunks != NULL; chunks++)
		dkim_hasher_body(hasher, *chunks, strlen(*chunks));
	dkim_hasher_finish(hasher);
	fault = dkim_hasher_body_result(hasher, 0, &result);
	dkim_hasher_free(&hasher);
	arena_free(&arena);
	dkim_library_free(&library);
	return fault;
}

static void test_dkim_hasher_bare_cr_and_lf(void **state)
{
	static const char *const bad[][5] = { { "a\rb\r\n" }, { "a\r", "b\r\n" }, { "a\nb\r\n" }, { "a", "\n" }, { "\n" },
		{ "a\r\r\n" }, { "a\r\n", "\r", "\r\n" }, { "a\r\n\n" }, { "a\r\n", "\n" }, { "a\r" }, { "a", "\r" } };
	static const char *const good[][5] = { { "a\r", "\nb\r", "\n" }, { "a\r\n", "\r\n", "b\r\n" }, { "a", "b", "\r\n" },
		{ "\r", "\n" } };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(body_fault(bad[i], i % 2 == 0));
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_null(body_fault(good[i], i % 2 == 0));
}

static void test_dkim_hasher_line_without_end(void **state)
{
	struct dkim_library *library = dkim_library_new(NULL, NULL);
	struct arena *arena = arena_new();
	struct dkim_hasher *hasher = dkim_hasher_new(library, arena, 1);
	struct dkim_body_result result;
	char block[65536];

	(void)state;
	memset(block, 'x', sizeof block);
	dkim_hasher_want_body(hasher, true, false, 0);
	assert_int_equal(dkim_hasher_header_done(hasher), 0);
	for (size_t i = 0; i <= DKIM_BODY_LINE_MAX_BYTES / sizeof block; i++)
		dkim_hasher_body(hasher, block, sizeof block);
	dkim_hasher_finish(hasher);
	assert_non_null(dkim_hasher_body_result(hasher, 0, &result));
	assert_true(dkim_hasher_body_bytes(hasher) <= DKIM_BODY_LINE_MAX_BYTES);
	assert_true(arena_used_bytes(arena) < 64 * 1024);
	dkim_hasher_free(&hasher);
	arena_free(&arena);
	dkim_library_free(&library);
}

/* Our own header canonicalization gives what the library gives, where the library is right. */
static void test_dkim_canon_header_hash_same_as_library(void **state)
{
	static const char *const tails[] = {
		"h=from:subject:to:subject:x-none", "h=From : To;\n\ty=1", "h=from;b=AAAAAAAA;z=a b\n c", "h=to:from:X-A:x-a:x-a",
	};
	const struct header_field fields[] = {
		field("Received", " by x"), field("DKIM-Signature", ""), field("SUBJECT", "  A  \n\tb\n  c  "), field("From", "a@b"),
		field("To ", "\t<x@y> \n "), field("subject", ""), field("X-A", " one"), field("x-a", " \xc3\xa4 \xff"),
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof tails / sizeof tails[0]; i++) {
		struct dkim_library *library = dkim_library_new(NULL, NULL);
		struct arena *arena = arena_new();
		struct dkim_hasher *hasher = dkim_hasher_new(library, arena, 1);
		struct header_field mine[sizeof fields / sizeof fields[0]];
		struct facts facts = { .arena = arena, .fields = mine, .field_count = sizeof fields / sizeof fields[0] };
		struct dkim_signature signature;
		uint8_t own[DKIM_HASH_BYTES], theirs[DKIM_HASH_BYTES];
		char *value = arena_printf(arena, " v=1;a=rsa-sha256; c=%s/simple;  d=example.org;\n\ts=x; "
		    "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b= AA\n AA ; %s",
		    i % 2 != 0 ? "relaxed" : "simple", tails[i / 2]);

		memcpy(mine, fields, sizeof fields);
		if (i / 2 == 2)	/* b= last and first in line */
			value = arena_printf(arena, "b=AAAA\n A A; v=1; a=rsa-sha256; c=%s; d=x; s=y; h=from; "
			    "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", i % 2 != 0 ? "relaxed" : "simple");
		mine[1] = field("DKIM-Signature", value);
		dkim_signature_parse(arena, value, strlen(value), &signature);
		assert_null(signature.fault);
		for (size_t j = 0; j < facts.field_count; j++)
			if (j == 1)
				assert_int_equal(dkim_hasher_signature(hasher, &mine[j]), 0);
			else
				assert_true(dkim_hasher_field(hasher, &mine[j]));
		assert_int_equal(dkim_hasher_header_done(hasher), 0);
		assert_null(dkim_hasher_header(hasher, 0, theirs));
		assert_int_equal(dkim_canon_header_hash(&facts, &mine[1], &signature, own), 0);
		assert_memory_equal(own, theirs, DKIM_HASH_BYTES);
		dkim_hasher_free(&hasher);
		arena_free(&arena);
		dkim_library_free(&library);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dkim_hasher_feeds_padding_first),
		cmocka_unit_test(test_dkim_hasher_bodies),
		cmocka_unit_test(test_dkim_hasher_bare_cr_and_lf),
		cmocka_unit_test(test_dkim_hasher_line_without_end),
		cmocka_unit_test(test_dkim_canon_header_hash_same_as_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
