/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DKIM check (RFC 6376): finds the signatures of a message, chooses which are judged, starts their key look-ups, lets
 * libopendkim hash the header, has the body hashed as it passes, and hands over to judge.c at its end.
 *
 *   header()  signature/signature.c reads each field → the keys' look-ups start → feed.c feeds the header
 *   body()    signature/hash.c → signature/bodies.c
 *   judge()   judge.c per signature: key record (signature/key.c), kept key (signature/keycache.c), signature/verify.c
 *
 * Each judged signature gets its own result, in header order. Of more signatures than the cap those of the author
 * domain are judged first. Thread: the message's. Trusts nothing of the message or of the DNS.
 */
#include <string.h>

#include "check/dkim/job.h"

enum {
	READ_MAX = 200,		/* signature fields that are read in search of the author domain's */
	B_MIN_CHARS = 8,	/* RFC 6008 section 4 */
};

/* Equal, or one is above the other. */
static bool related(const char *a, const char *b)
{
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length < b_length)
		return related(b, a);
	return strcmp(a + a_length - b_length, b) == 0 && (a_length == b_length || a[a_length - b_length - 1] == '.');
}

static bool is_authors(const struct check_context *context, const struct dkim_signature *signature)
{
	for (size_t i = 0; i < context->author->domain_count && signature->domain != NULL; i++)
		if (related(signature->domain, context->author->domains[i]))
			return true;
	return false;
}

/* All signature fields, read; at most READ_MAX. @return how many. */
static size_t read_signatures(struct check_context *context, struct dkim_state *state)
{
	const struct facts *facts = context->facts;
	size_t count = 0, room;

	for (size_t i = 0; i < facts->field_count; i++)
		count += dkim_is_signature(&facts->fields[i]);
	room = count < READ_MAX ? count : READ_MAX;
	state->too_many = count - room;
	state->jobs = arena_calloc(context->arena, room + 1, sizeof *state->jobs);
	for (size_t i = 0; i < facts->field_count && state->job_count < room; i++) {
		const struct header_field *field = &facts->fields[i];
		struct dkim_job *job = &state->jobs[state->job_count];

		if (!dkim_is_signature(field))
			continue;
		job->field = field;
		job->slot = job->body_slot = -1;
		dkim_signature_parse(context->arena, field->value, field->value_length, &job->signature);
		state->job_count++;
	}
	return state->job_count;
}

/* Keeps the cap's number of signatures: the author domain's first, then the others, all in header order. */
static void choose(struct check_context *context, struct dkim_state *state)
{
	size_t cap = context->config->dkim_max_signatures, authors = 0, others, kept = 0;

	if (state->job_count <= cap)
		return;
	for (size_t i = 0; i < state->job_count; i++)
		authors += is_authors(context, &state->jobs[i].signature);
	if (authors > cap)
		authors = cap;
	others = cap - authors;
	for (size_t i = 0; i < state->job_count; i++) {
		size_t *left = is_authors(context, &state->jobs[i].signature) ? &authors : &others;

		if (*left == 0)
			continue;
		(*left)--;
		if (kept != i)
			state->jobs[kept] = state->jobs[i];
		kept++;
	}
	state->too_many += state->job_count - kept;
	state->job_count = kept;
}

static void start_look_ups(struct check_context *context, struct dkim_state *state)
{
	for (size_t i = 0; i < state->job_count; i++) {
		struct dkim_job *job = &state->jobs[i];

		if (job->signature.fault != NULL || job->signature.algorithm == DKIM_ALGORITHM_RSA_SHA1)
			continue;
		job->own_header_hash = job->signature.library_unfit;
		if (context->facts->fields_truncated)
			job->limit = "header fields over the limits were not kept";
		job->query = arena_concat(context->arena, job->signature.selector, "._domainkey.",
		    job->signature.domain);
		dns_start(dns_scope_for(context->dns, DNS_FOR_DKIM), job->query, DNS_TYPE_TXT);
	}
}

static bool dkim_check_header(struct check_context *context)
{
	struct dkim_state *state;

	if (!context->config->dkim_enabled)
		return false;
	state = arena_calloc(context->arena, 1, sizeof *state);
	context->state[CHECK_DKIM] = state;
	if (read_signatures(context, state) == 0)
		return false;
	choose(context, state);
	dkim_added_count(context->facts, state->once);
	start_look_ups(context, state);
	if (!dkim_feed_header(context, state))
		return false;
	context->bodies = dkim_hasher_bodies(state->hasher);
	return true;
}

static void dkim_check_body(struct check_context *context, const void *data, size_t length)
{
	struct dkim_state *state = context->state[CHECK_DKIM];

	if (state != NULL && state->hasher != NULL)
		dkim_hasher_body(state->hasher, data, length);
}

/* The first characters of b=, enough that no other signature of the message begins so (RFC 6008 section 4). */
static const char *short_b(struct check_context *context, const struct dkim_state *state, size_t index)
{
	const char *b = state->jobs[index].signature.b_text;
	size_t length = B_MIN_CHARS;

	if (b == NULL)
		return NULL;
	for (size_t i = 0; i < state->job_count; i++) {
		const char *other = state->jobs[i].signature.b_text;
		size_t same = 0;

		if (i == index || other == NULL)
			continue;
		while (b[same] != '\0' && b[same] == other[same])
			same++;
		if (same >= length)
			length = same + 1;
	}
	return arena_strndup(context->arena, b, strnlen(b, length));
}

static void raise_summary(struct check_context *context, const struct dkim_state *state, bool passed)
{
	const char *author = context->author->domain_count != 0 ? context->author->domains[0] : NULL;

	if (state->job_count == 0 && state->too_many == 0)
		results_raise(context->results, FINDING_DKIM_NONE, author, NULL, DNS_INDETERMINATE);
	else if (!passed)
		results_raise(context->results, FINDING_DKIM_NO_PASS, author, NULL, DNS_INDETERMINATE);
	if (state->too_many != 0)
		results_raise(context->results, FINDING_DKIM_TOO_MANY, author,
		    arena_printf(context->arena, "%zu not judged", state->too_many), DNS_INDETERMINATE);
}

static void dkim_check_judge(struct check_context *context)
{
	struct dkim_state *state = context->state[CHECK_DKIM];
	struct dkim_result *results;
	bool passed = false;

	if (state == NULL)
		return;
	if (state->hasher != NULL) {
		dkim_hasher_finish(state->hasher);
		context->results->dkim_work.body_bytes = dkim_hasher_body_bytes(state->hasher);
	}
	results = arena_calloc(context->arena, state->job_count + 1, sizeof *results);
	for (size_t i = 0; i < state->job_count; i++) {
		dkim_judge_job(context, state, &state->jobs[i], &results[i]);
		results[i].signature_b = short_b(context, state, i);
		passed = passed || results[i].result == RESULT_PASS;
	}
	context->results->dkim = results;
	context->results->dkim_count = state->job_count;
	context->results->dkim_checked = true;
	raise_summary(context, state, passed);
}

static void dkim_check_release(struct check_context *context)
{
	struct dkim_state *state = context->state[CHECK_DKIM];

	if (state != NULL)
		dkim_hasher_free(&state->hasher);
	context->state[CHECK_DKIM] = NULL;
}

const struct check check_dkim = {
	.id = CHECK_DKIM,
	.stage = FINDING_STAGE_MESSAGE,
	.header = dkim_check_header,
	.body = dkim_check_body,
	.judge = dkim_check_judge,
	.release = dkim_check_release,
};
