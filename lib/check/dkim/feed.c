/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is fed to libopendkim, and what it may cost. Only header fields that some signature names are fed. Choosing
 * the fields costs names × fields comparisons a signature, hashing them costs their bytes, and each distinct pair of body
 * canonicalization and l= costs a hash of the body: all three have budgets a message; a signature that would exceed
 * one is not hashed and says so (`limit`). Signatures are taken in the order in which they stand in the header. Those of the
 * author domain get no precedence here; they had it when dkim.c chose which signatures are judged at all.
 * Thread: the message's.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check/dkim/job.h"

enum {
	COMPARISONS_MAX = 500 * 1000,		/* about 10 ms */
	HEADER_BYTES_MAX = 4 * 1024 * 1024,	/* hashed, all signatures together */
	BODIES_MAX = 4,
};

struct body_kind { bool relaxed, has_length; uint64_t length; };

struct plan {
	struct check_context *context;
	struct dkim_state *state;
	struct dkim_name *names;	/* of all signatures the library hashes, sorted */
	size_t name_count;
	size_t field_count, field_bytes;	/* of the fields to be fed */
	struct dkim_work *work;		/* spent */
	struct body_kind bodies[BODIES_MAX];
	size_t body_count;
};

static int name_compare(const void *left, const void *right)
{
	const struct dkim_name *a = left, *b = right;

	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return strncasecmp(a->text, b->text, a->length);
}

static struct dkim_name field_name(const struct header_field *field)
{
	struct dkim_name name = { .text = field->name, .length = field->name_length };

	while (name.length != 0 && (name.text[name.length - 1] == ' ' || name.text[name.length - 1] == '\t'))
		name.length--;
	return name;
}

bool dkim_is_signature(const struct header_field *field)
{
	struct dkim_name name = field_name(field);

	return name.length == 14 && strncasecmp(name.text, "dkim-signature", 14) == 0;
}

static bool hashable(const struct dkim_job *job)
{
	return job->limit == NULL && job->query != NULL;
}

/* All names in the h= of signatures that the library hashes. */
static void plan_names(struct plan *plan)
{
	struct dkim_state *state = plan->state;
	size_t room = 0;

	for (size_t i = 0; i < state->job_count; i++)
		room += state->jobs[i].signature.name_count;
	plan->names = arena_calloc(plan->context->arena, room + 1, sizeof *plan->names);
	for (size_t i = 0; i < state->job_count; i++) {
		const struct dkim_job *job = &state->jobs[i];

		if (!hashable(job) || job->own_header_hash)
			continue;
		memcpy(plan->names + plan->name_count, job->signature.names,
		    job->signature.name_count * sizeof *plan->names);
		plan->name_count += job->signature.name_count;
	}
	qsort(plan->names, plan->name_count, sizeof *plan->names, name_compare);
}

static bool is_named(const struct plan *plan, const struct header_field *field)
{
	struct dkim_name name = field_name(field);

	return bsearch(&name, plan->names, plan->name_count, sizeof *plan->names, name_compare) != NULL;
}

static bool has_odd_space(const struct header_field *field)
{
	const char *at = field->value, *end = at + field->value_length;

	if (memchr(at, '\v', field->value_length) != NULL || memchr(at, '\f', field->value_length) != NULL)
		return true;
	while ((at = memchr(at, '\r', (size_t)(end - at))) != NULL)
		if (++at == end || *at != '\n')
			return true;
	return false;
}

/*
 * To the library's relaxed canonicalization VT, FF and a bare CR are white space; RFC 6376 section 3.4.2 knows space and tab.
 * With such a byte in a signed field all header hashes are our own.
 */
static void plan_odd_space(struct plan *plan)
{
	const struct facts *facts = plan->context->facts;
	size_t i = 0;

	while (i < facts->field_count && !(has_odd_space(&facts->fields[i]) && is_named(plan, &facts->fields[i])))
		i++;
	if (i == facts->field_count)
		return;
	for (i = 0; i < plan->state->job_count; i++)
		plan->state->jobs[i].own_header_hash = true;
	plan->name_count = 0;
}

static void plan_fields(struct plan *plan, bool *fed)
{
	const struct facts *facts = plan->context->facts;

	for (size_t i = 0; i < facts->field_count; i++) {
		fed[i] = !dkim_is_signature(&facts->fields[i]) && is_named(plan, &facts->fields[i]);
		if (!fed[i])
			continue;
		plan->field_count++;
		plan->field_bytes += facts->fields[i].name_length + facts->fields[i].value_length;
	}
}

/* @return the kind's place, or BODIES_MAX when there is no room for another one. */
static size_t plan_body(struct plan *plan, bool relaxed, bool has_length, uint64_t length)
{
	size_t i;

	for (i = 0; i < plan->body_count; i++)
		if (plan->bodies[i].relaxed == relaxed && plan->bodies[i].has_length == has_length &&
		    plan->bodies[i].length == length)
			return i;
	if (i < BODIES_MAX)
		plan->bodies[plan->body_count++] = (struct body_kind){ relaxed, has_length, length };
	return i;
}

static const char *spend(struct plan *plan, const struct dkim_job *job)
{
	const struct facts *facts = plan->context->facts;
	const struct dkim_signature *signature = &job->signature;
	size_t fields = job->own_header_hash ? facts->field_count : plan->field_count;
	size_t bytes = (job->own_header_hash ? facts->header_bytes : plan->field_bytes) + job->field->value_length;

	if (plan->work->comparisons + signature->name_count * fields > COMPARISONS_MAX)
		return "h= is too long for a header of this size";
	if (plan->work->header_bytes + bytes > HEADER_BYTES_MAX)
		return "too many signatures for a header of this size";
	if (plan_body(plan, signature->body_relaxed, signature->has_length, signature->length) == BODIES_MAX)
		return "too many different body hashes";
	plan->work->comparisons += signature->name_count * fields;
	plan->work->header_bytes += bytes;
	return NULL;
}

static void plan_jobs(struct plan *plan)
{
	for (size_t i = 0; i < plan->state->job_count; i++) {
		struct dkim_job *job = &plan->state->jobs[i];

		if (hashable(job))
			job->limit = spend(plan, job);
	}
}

static void want_bodies(struct plan *plan)
{
	for (size_t i = 0; i < plan->state->job_count; i++) {
		struct dkim_job *job = &plan->state->jobs[i];
		const struct dkim_signature *signature = &job->signature;

		if (hashable(job))
			job->body_slot = dkim_hasher_want_body(plan->state->hasher, signature->body_relaxed,
			    signature->has_length, signature->length);
	}
}

/* The library refused a field that is signed: signatures that name it cannot be hashed. */
static void field_refused(struct plan *plan, const struct header_field *field)
{
	struct dkim_name name = field_name(field);

	for (size_t i = 0; i < plan->state->job_count; i++) {
		struct dkim_job *job = &plan->state->jobs[i];

		for (size_t j = 0; j < job->signature.name_count; j++)
			if (!job->own_header_hash && name_compare(&job->signature.names[j], &name) == 0)
				job->limit = "a signed header field has a malformed name";
	}
}

static void feed_fields(struct plan *plan, const bool *fed)
{
	const struct facts *facts = plan->context->facts;
	struct dkim_hasher *hasher = plan->state->hasher;
	struct dkim_job *job = plan->state->jobs, *jobs_end = job + plan->state->job_count;

	for (size_t i = 0; i < facts->field_count; i++) {
		const struct header_field *field = &facts->fields[i];

		if (fed[i] && !dkim_hasher_field(hasher, field))
			field_refused(plan, field);
		if (job == jobs_end || job->field != field)
			continue;
		if (hashable(job) && !job->own_header_hash) {
			job->slot = dkim_hasher_signature(hasher, field);
			if (job->slot < 0)
				job->limit = "libopendkim refuses the signature field";
		}
		job++;
	}
}

static bool anything_to_hash(const struct dkim_state *state)
{
	for (size_t i = 0; i < state->job_count; i++)
		if (hashable(&state->jobs[i]))
			return true;
	return false;
}

bool dkim_feed_header(struct check_context *context, struct dkim_state *state)
{
	struct plan plan = { .context = context, .state = state, .work = &context->results->dkim_work };
	bool *fed = arena_calloc(context->arena, context->facts->field_count + 1, sizeof *fed);

	plan_names(&plan);
	plan_odd_space(&plan);
	plan_fields(&plan, fed);
	plan_jobs(&plan);
	if (!anything_to_hash(state))
		return false;
	plan.work->body_passes = (unsigned)plan.body_count;
	state->hasher = dkim_hasher_new(context->shared->dkim->library, context->arena, state->job_count);
	if (state->hasher == NULL)
		return false;
	feed_fields(&plan, fed);
	want_bodies(&plan);	/* of those that the library took */
	return anything_to_hash(state) && dkim_hasher_header_done(state->hasher) == 0;
}
