/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scope: one message's view of the resolver. It remembers each distinct question, so that the same question gets the same
 * answer throughout the message, and keeps what was answered alive; when it goes, so do the queries that only it waits for.
 *
 * Thread: the session's thread starts and waits; continuations run on the I/O thread. The scope's mutex guards its
 * questions and its arena (see scope.h). dns_scope_free() waits for a continuation that is running at that moment;
 * those still to come find the scope closed.
 */
#include "resolver/scope.h"

#include <stdlib.h>
#include <string.h>

#include "util/out_of_memory.h"

struct continuation {
	struct subscriber subscriber;
	struct dns_scope *scope;
	struct question *question;
	dns_then *then;			/* NULL: only the chain is to be followed */
	void *arg;
};

/* ---- scopes ---- */

static int64_t deadline_from(unsigned deadline_ms)
{
	return deadline_ms != 0 ? clock_monotonic_ms() + deadline_ms : 0;
}

struct dns_scope *dns_scope_new_limited(struct dns_resolver *resolver, const struct dns_limits *limits)
{
	struct scope_core *core = calloc(1, sizeof(*core));

	if (core == NULL)
		out_of_memory();
	core->resolver = resolver;
	core->refs = 1;
	core->deadline_ms = deadline_from(limits->deadline_ms);
	core->account = account_new(limits);
	core->arena = arena_new();
	for (size_t i = 0; i < DNS_PURPOSE_COUNT; i++)
		core->views[i] = (struct dns_scope){ .core = core, .purpose = (enum dns_purpose)i };
	pthread_mutex_init(&core->lock, NULL);
	pthread_cond_init(&core->idle, NULL);
	return &core->views[0];
}

struct dns_scope *dns_scope_new(struct dns_resolver *resolver, unsigned deadline_ms, unsigned max_lookups)
{
	return dns_scope_new_limited(resolver, &(struct dns_limits){ .deadline_ms = deadline_ms, .max_lookups = max_lookups });
}

struct dns_scope *dns_scope_for(struct dns_scope *scope, enum dns_purpose purpose)
{
	return &scope->core->views[purpose];
}

void dns_scope_set_deadline(struct dns_scope *scope, unsigned deadline_ms)
{
	atomic_store(&scope->core->deadline_ms, deadline_from(deadline_ms));
}

unsigned dns_scope_exceeded(const struct dns_scope *scope)
{
	struct account *account = scope->core->account;
	unsigned exceeded = 0;

	for (unsigned i = 0; i < DNS_FOR_GUESS; i++)	/* guesses that found no room are nobody's excess */
		if (atomic_load(&account->shares[i].exceeded))
			exceeded |= 1u << i;
	return exceeded;
}

uint64_t dns_scope_waited_us(const struct dns_scope *scope)
{
	return atomic_load_explicit(&scope->core->waited_us, memory_order_relaxed);
}

unsigned dns_scope_failures(const struct dns_scope *scope)
{
	return atomic_load(&scope->core->failures);
}

static void core_release(struct scope_core *core)
{
	if (atomic_fetch_sub_explicit(&core->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_cond_destroy(&core->idle);
	pthread_mutex_destroy(&core->lock);
	account_unref(&core->account);
	free(core);
}

void dns_scope_free(struct dns_scope **scope)
{
	struct dns_scope *old = *scope;
	struct scope_core *core;

	*scope = NULL;
	if (old == NULL)
		return;
	core = old->core;
	pthread_mutex_lock(&core->lock);
	core->closed = true;
	while (core->running != 0)
		pthread_cond_wait(&core->idle, &core->lock);
	questions_leave(core);
	arena_free(&core->arena);
	pthread_mutex_unlock(&core->lock);
	core_release(core);
}

/* ---- starting ---- */

/* Subscribes to what the chain waits for. @return whether it did; else the chain is at its end. The scope's lock is held. */
static bool continuation_park(struct continuation *continuation)
{
	struct cache_entry *pending;

	while ((pending = question_advance(continuation->scope->core, continuation->question)) != NULL)
		if (cache_subscribe(pending, &continuation->subscriber))
			return true;
	return false;
}

/* The chain is at its end: runs what was to follow. The scope's lock is held, but not while that runs. */
static void continuation_run(struct continuation *continuation)
{
	struct scope_core *core = continuation->scope->core;
	const struct dns_answer *answer;

	if (continuation->then == NULL)
		return;
	answer = question_compose(core, continuation->question, false);
	core->running++;
	pthread_mutex_unlock(&core->lock);
	continuation->then(continuation->scope, answer, continuation->arg);
	pthread_mutex_lock(&core->lock);
	if (--core->running == 0)
		pthread_cond_broadcast(&core->idle);
}

/* An entry is complete: on the I/O thread. */
static void continuation_notify(struct subscriber *subscriber)
{
	struct continuation *continuation = (struct continuation *)(void *)subscriber;
	struct scope_core *core = continuation->scope->core;

	pthread_mutex_lock(&core->lock);
	if (!core->closed) {
		if (continuation_park(continuation)) {	/* again, on the next link */
			pthread_mutex_unlock(&core->lock);
			return;
		}
		continuation_run(continuation);
	}
	pthread_mutex_unlock(&core->lock);
	core_release(core);
	free(continuation);
}

/* Has the chain followed as its links come. @return whether the continuation is parked. The scope's lock is held. */
static bool question_follow(struct dns_scope *scope, struct question *question, dns_then *then, void *arg)
{
	struct continuation *continuation = calloc(1, sizeof(*continuation));

	if (continuation == NULL)
		out_of_memory();
	*continuation = (struct continuation){ .subscriber = { .notify = continuation_notify }, .scope = scope,
		.question = question, .then = then, .arg = arg };
	atomic_fetch_add_explicit(&scope->core->refs, 1, memory_order_relaxed);
	if (continuation_park(continuation)) {
		question->followed = true;
		return true;
	}
	atomic_fetch_sub_explicit(&scope->core->refs, 1, memory_order_relaxed);
	free(continuation);
	return false;
}

struct question *question_start(struct dns_scope *scope, const struct dns_name *name, uint16_t type)
{
	struct question *question = scope->core->closed ? NULL : question_open_name(scope, name, type);

	if (question != NULL && !question->followed && question_advance(scope->core, question) != NULL)
		question_follow(scope, question, NULL, NULL);
	return question;
}

void dns_start(struct dns_scope *scope, const char *name, uint16_t type)
{
	struct scope_core *core = scope->core;
	struct dns_name parsed;

	if (is_meta_type(type) || dns_name_parse(name, &parsed) != 0)
		return;
	pthread_mutex_lock(&core->lock);
	question_start(scope, &parsed, type);
	pthread_mutex_unlock(&core->lock);
}

void dns_start_then(struct dns_scope *scope, const char *name, uint16_t type, dns_then *then, void *arg)
{
	struct scope_core *core = scope->core;
	const struct dns_answer *answer = NULL;
	struct question *question;

	pthread_mutex_lock(&core->lock);
	if (core->closed) {
		pthread_mutex_unlock(&core->lock);
		return;
	}
	question = question_open(scope, name, type, &answer);
	if (question != NULL && !question_follow(scope, question, then, arg))
		answer = question_compose(core, question, false);
	pthread_mutex_unlock(&core->lock);
	if (answer != NULL)
		then(scope, answer, arg);
}

/* ---- waiting ---- */

/* Waits until the chain is at its end. @return false when the deadline passed first. */
static bool question_wait(struct scope_core *core, struct question *question)
{
	struct cache_entry *pending;

	for (;;) {
		bool complete;

		pthread_mutex_lock(&core->lock);
		pending = question_advance(core, question);
		if (pending != NULL)
			cache_retain(pending);
		pthread_mutex_unlock(&core->lock);
		if (pending == NULL)
			return true;
		complete = cache_wait_complete(pending, atomic_load(&core->deadline_ms));
		cache_release(&pending);
		if (!complete)
			return false;
	}
}

/* Sees to the verdict of each link; the chain is at its end, so nobody changes it any more. */
static enum judging question_judge(struct scope_core *core, const struct question *question)
{
	struct asker asker = { core->account, question->purpose, .early = false };
	enum judging judging = JUDGING_DONE;

	for (unsigned i = 0; core->resolver->validator != NULL && i < question->entry_count && judging == JUDGING_DONE; i++)
		judging = resolver_judge(core->resolver, question->links[i], atomic_load(&core->deadline_ms), &asker);
	return judging;
}

/* No answer, by our own doing. Not kept when it was late or pressed: the next time may be better. */
static const struct dns_answer *question_give_up(struct dns_scope *scope, struct question *question, const char *name,
    uint16_t type, enum judging judging)
{
	struct scope_core *core = scope->core;
	const struct dns_answer *answer;
	enum dns_failure failure = resolver_is_out(core->resolver) ? DNS_FAILURE_OUTAGE : DNS_FAILURE_DEADLINE;

	pthread_mutex_lock(&core->lock);
	if (judging == JUDGING_LIMITED) {
		question->limited = true;
		answer = question->answer = answer_without_message(core, name, type, DNS_FAILURE_LIMIT,
		    "limit: too many look-ups for its validation");
	} else if (judging == JUDGING_PRESSED) {
		answer = answer_without_message(core, name, type, DNS_FAILURE_PRESSURE,
		    "too many look-ups under way for this network, of those for its validation");
	} else {
		answer = answer_without_message(core, name, type, failure, "deadline: no answer in the message's time");
	}
	pthread_mutex_unlock(&core->lock);
	return answer;
}

static const struct dns_answer *question_finish(struct dns_scope *scope, struct question *question, const char *name,
    uint16_t type)
{
	struct scope_core *core = scope->core;
	int64_t begun_us = clock_monotonic_us();
	enum judging judging = question_wait(core, question) ? question_judge(core, question) : JUDGING_LATE;
	const struct dns_answer *answer;

	atomic_fetch_add_explicit(&core->waited_us, (uint64_t)(clock_monotonic_us() - begun_us), memory_order_relaxed);
	if (judging != JUDGING_DONE)
		return question_give_up(scope, question, name, type, judging);
	pthread_mutex_lock(&core->lock);
	if (question->answer == NULL)
		question->answer = question_compose(core, question, true);
	answer = question->answer;
	pthread_mutex_unlock(&core->lock);
	return answer;
}

static const struct dns_answer *answer_of(struct dns_scope *scope, const char *name, uint16_t type, bool unnoted)
{
	struct scope_core *core = scope->core;
	const struct dns_answer *answer;
	struct question *question;

	pthread_mutex_lock(&core->lock);
	question = question_open(scope, name, type, &answer);
	if (question != NULL) {
		answer = question->answer;
		question->awaited |= unnoted ? 0 : 1u << scope->purpose;
	}
	pthread_mutex_unlock(&core->lock);
	if (answer == NULL)
		answer = question_finish(scope, question, name, type);
	return answer;
}

static const struct dns_answer *wait_for(struct dns_scope *scope, const char *name, uint16_t type, bool unnoted)
{
	const struct dns_answer *answer = answer_of(scope, name, type, unnoted);

	/* if another purpose began it, and its share did not suffice: once more, with one's own */
	if (answer->failure == DNS_FAILURE_LIMIT)
		answer = answer_of(scope, name, type, unnoted);
	if (answer->failure != DNS_FAILURE_NONE)
		atomic_fetch_or(&scope->core->failures, 1u << answer->failure);
	return answer;
}

const struct dns_answer *dns_wait(struct dns_scope *scope, const char *name, uint16_t type)
{
	return wait_for(scope, name, type, false);
}

const struct dns_answer *dns_wait_unnoted(struct dns_scope *scope, const char *name, uint16_t type)
{
	return wait_for(scope, name, type, true);
}

/* Whether every link has its verdict. */
static bool question_is_judged(struct scope_core *core, const struct question *question)
{
	struct cache_view view;

	for (unsigned i = 0; core->resolver->validator != NULL && i < question->entry_count; i++) {
		cache_view(question->links[i], core->arena, &view);
		if (view.state != ENTRY_JUDGED)
			return false;
	}
	return true;
}

bool dns_ready(struct dns_scope *scope, const char *name, uint16_t type)
{
	struct scope_core *core = scope->core;
	int64_t deadline_ms = atomic_load(&core->deadline_ms);
	struct question *question;
	struct dns_name parsed;
	bool ready = true;

	if (is_meta_type(type) || dns_name_parse(name, &parsed) != 0 || (deadline_ms != 0 && deadline_ms <= clock_monotonic_ms()))
		return true;
	pthread_mutex_lock(&core->lock);
	question = question_open_name(scope, &parsed, type);
	if (question != NULL && question->answer == NULL)
		ready = question_advance(core, question) == NULL && question_is_judged(core, question);
	pthread_mutex_unlock(&core->lock);
	return ready;
}
