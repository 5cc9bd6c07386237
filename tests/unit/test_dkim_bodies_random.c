/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bodies, cut at random, in both canonical forms and with l= of every length: our hashes against libopendkim's, and
 * against the canonical form written down once more after the RFC.
 * ASSAY_BODIES: how many, ASSAY_SEED: which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dkim_library_body.h"

enum { BODIES = 50000, BODY_BYTES = 70000 };

static uint64_t seed;
static char body[BODY_BYTES], canonical[BODY_BYTES + 2];

/* xorshift64*; the same on every machine. */
static unsigned below(unsigned limit)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % limit;
}

static unsigned chunk_bytes;

static size_t random_chunk(void)
{
	return chunk_bytes == 0 ? BODY_BYTES : 1 + below(chunk_bytes);
}

/* Pieces by weight; bare: line ends that are none, too. */
static size_t put_piece(char *at, bool bare, unsigned text_bytes)
{
	static const char *const rare[] = { "\0", "\v", "\f", "\xa0", "\x80", "\x1f", "\x7f", "=", "." };
	unsigned kind = below(bare ? 34 : 32), length;

	if (kind < 8) {
		memcpy(at, "\r\n", 2);
		return 2;
	}
	if (kind >= 32) {
		*at = kind == 32 ? '\r' : '\n';
		return 1;
	}
	if (kind < 12) {
		*at = *rare[below(sizeof(rare) / sizeof(rare[0]))];
		return 1;
	}
	length = 1 + below(kind < 14 ? 70 : 3);
	if (kind >= 26)
		length = 1 + below(text_bytes);
	for (unsigned i = 0; i < length; i++)
		at[i] = kind < 20 ? ' ' : (kind < 26 ? "\t \t"[below(3)] : (char)('a' + below(26)));
	return length;
}

static size_t make_body(void)
{
	static const unsigned sizes[] = { 0, 4, 12, 60, 200, 1000, 9000, 60000 };
	unsigned size = sizes[below(below(40) == 0 ? 8 : (below(4) == 0 ? 7 : 6))], text_bytes = below(3) == 0 ? 200 : 6;
	bool bare = below(16) == 0, dense = below(4) == 0;
	size_t length = 0;

	size = size == 0 ? 0 : below(size);
	while (length < size) {
		/* long stretches in which nothing changes, so that whole blocks pass */
		for (unsigned words = dense ? 0 : below(60); words > 0 && length + 400 < BODY_BYTES; words--) {
			for (unsigned i = 1 + below(9); i > 0; i--)
				body[length++] = (char)('!' + below(90));
			if (below(10) != 0)
				body[length++] = ' ';
		}
		length += put_piece(body + length, bare, text_bytes);
	}
	if (length != 0 && below(4) != 0) {
		for (unsigned i = 1 + below(3); i > 0; i--) {
			memcpy(body + length, "\r\n", 2);
			length += 2;
		}
	}
	return length;
}

/* RFC 6376 sections 3.4.3 and 3.4.4, a line at a time. @return octets in canonical. */
static size_t canonicalize(const char *text, size_t length, bool relaxed)
{
	size_t out = 0, kept = 0;

	for (size_t at = 0; at < length;) {
		size_t stop = at, line = out;

		while (stop < length && text[stop] != '\r')
			stop++;
		for (; at < stop; at++) {
			bool space = text[at] == ' ' || text[at] == '\t';

			if (relaxed && space && out != line && canonical[out - 1] == ' ')
				continue;
			canonical[out++] = relaxed && space ? ' ' : text[at];
		}
		while (relaxed && out != line && canonical[out - 1] == ' ')
			out--;
		memcpy(canonical + out, "\r\n", 2);
		out += 2;
		if (out - line > 2)
			kept = out;
		at = stop + 2;
	}
	if (kept == 0 && !relaxed) {
		memcpy(canonical, "\r\n", 2);
		kept = 2;
	}
	return kept;
}

static void assert_as_written(size_t length, const struct body_question *question)
{
	struct dkim_body_result own;
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned hash_bytes = 0;
	size_t canonical_bytes = canonicalize(body, length, question->relaxed), hashed = canonical_bytes;

	if (question->has_length && question->length < hashed)
		hashed = (size_t)question->length;
	assert_null(own_body_hashes(body, length, question, 1, &own, random_chunk));
	assert_int_equal(EVP_Digest(canonical, hashed, hash, &hash_bytes, EVP_sha256(), NULL), 1);
	assert_int_equal(hash_bytes, DKIM_BODY_HASH_BYTES);
	assert_memory_equal(hash, own.hash, DKIM_BODY_HASH_BYTES);
	assert_int_equal(own.hashed_bytes, hashed);
	assert_int_equal(own.canonical_bytes, canonical_bytes);
}

static size_t make_questions(size_t length, struct body_question *questions)
{
	size_t count = 2 + below(3);

	questions[0] = (struct body_question){ .relaxed = false };
	questions[1] = (struct body_question){ .relaxed = true };
	for (size_t i = 2; i < count; i++)
		questions[i] = (struct body_question){ .relaxed = below(2), .has_length = true,
			.length = below((unsigned)length + 3) };
	return count;
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoul(text, NULL, 10) : otherwise;
}

static void test_dkim_bodies_same_as_library(void **state)
{
	static const unsigned chunks[] = { 0, 1, 3, 70, 300, 9000 };
	unsigned long count = from_environment("ASSAY_BODIES", BODIES), bare = 0;
	struct body_question questions[BODY_QUESTIONS_MAX];

	(void)state;
	seed = from_environment("ASSAY_SEED", 20261129) | 1;
	for (unsigned long i = 0; i < count; i++) {
		size_t length = make_body(), question_count = make_questions(length, questions);
		const char *fault;

		chunk_bytes = chunks[below(sizeof(chunks) / sizeof(chunks[0]))];
		fault = body_hashes_compare(body, length, questions, question_count, random_chunk);
		if (fault != NULL)
			fail_msg("body %lu of %zu octets: %s", i, length, fault);
		if (body_has_bare(body, length))
			bare++;
		else
			assert_as_written(length, &questions[below((unsigned)question_count)]);
	}
	assert_true(bare > count / 200 && bare < count / 8);	/* the generator makes both */
}

/* One body, each l= and each cut: what stands at the border of a chunk, of a block or of l= is not a case of its own. */
static void test_dkim_bodies_every_length_and_cut(void **state)
{
	static const char text[] = "A  line \t\r\n \r\n\r\nthe next,\tof 64 octets and more than that: 0123456789 0123456789 "
	    "0123456789 0123456789 01234567  \r\n\tx \r\n\r\n \t\r\n";
	const size_t length = sizeof(text) - 1;

	(void)state;
	seed = 1;
	memcpy(body, text, length);
	for (unsigned limit = 0; limit <= length + 1; limit++) {
		struct body_question questions[] = { { false, true, limit }, { true, true, limit } };

		for (chunk_bytes = 0; chunk_bytes < 5; chunk_bytes++) {
			assert_null(body_hashes_compare(body, length, questions, 2, random_chunk));
			assert_as_written(length, &questions[0]);
			assert_as_written(length, &questions[1]);
		}
	}
	for (size_t end = 0; end <= length; end++) {
		struct body_question questions[] = { { false, false, 0 }, { true, false, 0 } };

		assert_null(body_hashes_compare(text, end, questions, 2, random_chunk));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dkim_bodies_same_as_library),
		cmocka_unit_test(test_dkim_bodies_every_length_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
