/* SPDX-License-Identifier: BSD-2-Clause */
/* See dkim_library_body.h. */
#include "dkim_library_body.h"

#include <dkim.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool body_has_bare(const char *body, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((body[i] == '\r' && (i + 1 == length || body[i + 1] != '\n')) ||
		    (body[i] == '\n' && (i == 0 || body[i - 1] != '\r')))
			return true;
	return false;
}

static DKIM_CBSTAT stop(DKIM *handle, DKIM_SIGINFO **signatures, int count)
{
	(void)handle;
	(void)signatures;
	(void)count;
	return DKIM_CBSTAT_REJECT;
}

static DKIM_LIB *library(void)
{
	static DKIM_LIB *handle;
	unsigned int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;

	if (handle != NULL)
		return handle;
	handle = dkim_init(NULL, NULL);
	if (handle == NULL || dkim_set_final(handle, stop) != DKIM_STAT_OK ||
	    dkim_options(handle, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags) != DKIM_STAT_OK)
		abort();
	return handle;
}

static bool feed(DKIM *handle, const char *text)
{
	return dkim_header(handle, (unsigned char *)(uintptr_t)text, strlen(text)) == DKIM_STAT_OK;
}

static bool feed_signature(DKIM *handle, const struct body_question *question)
{
	char text[300], limit[40] = "";

	if (question->has_length)
		snprintf(limit, sizeof limit, "; l=%" PRIu64, question->length);
	snprintf(text, sizeof text, "DKIM-Signature: v=1; a=rsa-sha256; c=simple/%s; d=example.org; s=x; h=from; bh=AAAA; b=AAAAAAAA%s",
	    question->relaxed ? "relaxed" : "simple", limit);
	return feed(handle, text);
}

static bool give_body(DKIM *handle, const char *body, size_t length)
{
	bool good = length == 0 || dkim_body(handle, (unsigned char *)(uintptr_t)body, length) == DKIM_STAT_OK;

	if (length != 0 && body[length - 1] != '\n')
		good = good && dkim_body(handle, (unsigned char *)(uintptr_t)"\r\n", 2) == DKIM_STAT_OK;
	return good && dkim_eom(handle, NULL) == DKIM_STAT_CBREJECT;
}

static bool take_hashes(DKIM *handle, size_t wanted, struct dkim_body_result *results_r)
{
	DKIM_SIGINFO **signatures = NULL;
	int count = 0;

	if (dkim_getsiglist(handle, &signatures, &count) != DKIM_STAT_OK || (size_t)count != wanted)
		return false;
	for (int i = 0; i < count; i++) {
		void *header = NULL, *hash = NULL;
		size_t header_bytes = 0, hash_bytes = 0;
		ssize_t hashed = 0;

		if (dkim_sig_gethashes(signatures[i], &header, &header_bytes, &hash, &hash_bytes) != DKIM_STAT_OK ||
		    dkim_sig_getcanonlen(handle, signatures[i], NULL, &hashed, NULL) != DKIM_STAT_OK ||
		    hash_bytes != DKIM_BODY_HASH_BYTES)
			return false;
		memcpy(results_r[i].hash, hash, hash_bytes);
		results_r[i].hashed_bytes = (uint64_t)hashed;
	}
	return true;
}

bool library_body_hashes(const char *body, size_t length, const struct body_question *questions, size_t count,
    struct dkim_body_result *results_r)
{
	DKIM_STAT status = DKIM_STAT_OK;
	DKIM *handle = dkim_verify(library(), (const unsigned char *)"x", NULL, &status);
	bool good = handle != NULL && feed(handle, "pad pad: x") && feed(handle, "From: a@example.org");

	for (size_t i = 0; i < count && good; i++)
		good = feed_signature(handle, &questions[i]);
	good = good && dkim_eoh(handle) == DKIM_STAT_OK && give_body(handle, body, length) &&
	    take_hashes(handle, count, results_r);
	if (handle != NULL)
		dkim_free(handle);
	return good;
}

const char *own_body_hashes(const char *body, size_t length, const struct body_question *questions, size_t count,
    struct dkim_body_result *results_r, size_t (*chunk)(void))
{
	static EVP_MD *sha256;
	struct arena *arena = arena_new();
	struct dkim_bodies *bodies;
	const char *fault = NULL;
	int slots[BODY_QUESTIONS_MAX];

	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (sha256 == NULL || count > BODY_QUESTIONS_MAX)
		abort();
	bodies = dkim_bodies_new(arena, sha256);
	for (size_t i = 0; i < count; i++)
		slots[i] = dkim_bodies_want(bodies, questions[i].relaxed, questions[i].has_length, questions[i].length);
	for (size_t at = 0; at < length;) {
		size_t step = chunk();
		char *copy;

		if (step > length - at)
			step = length - at;
		copy = malloc(step);	/* of its own, so that a sanitizer sees what is read behind it */
		if (copy == NULL)
			abort();
		memcpy(copy, body + at, step);
		dkim_bodies_update(bodies, copy, step);
		free(copy);
		at += step;
	}
	dkim_bodies_finish(bodies);
	for (size_t i = 0; i < count && fault == NULL; i++)
		fault = dkim_bodies_result(bodies, slots[i], &results_r[i]);
	dkim_bodies_free(&bodies);
	arena_free(&arena);
	return fault;
}

const char *body_hashes_compare(const char *body, size_t length, const struct body_question *questions, size_t count,
    size_t (*chunk)(void))
{
	struct dkim_body_result own[BODY_QUESTIONS_MAX], theirs[BODY_QUESTIONS_MAX];
	const char *fault = own_body_hashes(body, length, questions, count, own, chunk);

	if (body_has_bare(body, length))
		return fault != NULL ? NULL : "a body with a bare CR or LF got a hash";
	if (fault != NULL)
		return fault;
	if (!library_body_hashes(body, length, questions, count, theirs))
		return "libopendkim gives no hash";
	for (size_t i = 0; i < count; i++) {
		if (memcmp(own[i].hash, theirs[i].hash, DKIM_BODY_HASH_BYTES) != 0)
			return "another hash";
		if (own[i].hashed_bytes != theirs[i].hashed_bytes)
			return "another length";
		if (questions[i].has_length && own[i].hashed_bytes != own[i].canonical_bytes &&
		    own[i].hashed_bytes != questions[i].length)
			return "l= and the canonical length do not fit";
		for (size_t j = 0; j < count; j++)
			if (questions[j].relaxed == questions[i].relaxed && !questions[j].has_length &&
			    own[i].canonical_bytes != theirs[j].hashed_bytes)
				return "another canonical length";
	}
	return NULL;
}
