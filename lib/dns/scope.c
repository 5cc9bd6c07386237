/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scope: one message's view of the resolver. It remembers each distinct question with the cache entries of its CNAME
 * chain, so that the same question gets the same answer throughout the message, and keeps those entries alive.
 *
 * Thread: the session's thread starts and waits; continuations run on the I/O thread. The scope's mutex guards its
 * questions and its arena, and is never held while waiting, validating or calling a continuation. Order of locks:
 * scope, then cache shard, then transport. dns_scope_free() waits for a continuation that is running at that moment;
 * those still to come find the scope closed.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dns/resolver.h"
#include "util/buf.h"
#include "util/out_of_memory.h"

enum { QUESTION_BUCKETS = 32, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3 };

struct question {
	struct question *next;
	struct cache_entry *links[ANSWER_CHAIN_LINKS + 1];	/* the chain, one entry a message */
	unsigned entry_count, link_count;
	bool from_cache;
	const char *broken;		/* the chain cannot be followed: why */
	const struct dns_answer *answer;	/* final, judged */
};

struct dns_scope {
	struct dns_resolver *resolver;
	_Atomic unsigned refs;		/* the owner's, and one per continuation that is to come */
	_Atomic int64_t deadline_ms;	/* monotonic; 0: none */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned running;		/* continuations being run */
	bool closed;
	struct arena *arena;
	unsigned max_lookups, lookups;
	struct question *buckets[QUESTION_BUCKETS];
};

struct continuation {
	struct subscriber subscriber;
	struct dns_scope *scope;
	struct question *question;
	dns_then *then;
	void *arg;
};

/* ---- scopes ---- */

static int64_t deadline_from(unsigned deadline_ms)
{
	return deadline_ms != 0 ? clock_monotonic_ms() + deadline_ms : 0;
}

struct dns_scope *dns_scope_new(struct dns_resolver *resolver, unsigned deadline_ms, unsigned max_lookups)
{
	struct dns_scope *scope = calloc(1, sizeof(*scope));

	if (scope == NULL)
		out_of_memory();
	scope->resolver = resolver;
	scope->refs = 1;
	scope->deadline_ms = deadline_from(deadline_ms);
	scope->max_lookups = max_lookups;
	scope->arena = arena_new();
	pthread_mutex_init(&scope->lock, NULL);
	pthread_cond_init(&scope->idle, NULL);
	return scope;
}

void dns_scope_set_deadline(struct dns_scope *scope, unsigned deadline_ms)
{
	atomic_store(&scope->deadline_ms, deadline_from(deadline_ms));
}

static void scope_release(struct dns_scope *scope)
{
	if (atomic_fetch_sub_explicit(&scope->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_cond_destroy(&scope->idle);
	pthread_mutex_destroy(&scope->lock);
	free(scope);
}

static void questions_free(struct dns_scope *scope)
{
	for (size_t i = 0; i < QUESTION_BUCKETS; i++)
		for (struct question *question = scope->buckets[i]; question != NULL; question = question->next)
			for (unsigned j = 0; j < question->entry_count; j++)
				cache_release(&question->links[j]);
}

void dns_scope_free(struct dns_scope **scope)
{
	struct dns_scope *old = *scope;

	*scope = NULL;
	if (old == NULL)
		return;
	pthread_mutex_lock(&old->lock);
	old->closed = true;
	while (old->running != 0)
		pthread_cond_wait(&old->idle, &old->lock);
	questions_free(old);
	arena_free(&old->arena);
	pthread_mutex_unlock(&old->lock);
	scope_release(old);
}

/* ---- questions; the scope's lock is held ---- */

static struct question **bucket_of(struct dns_scope *scope, const struct dns_name *name, uint16_t type)
{
	uint32_t sum = 2166136261u ^ type;

	for (size_t i = 0; i < name->length; i++)
		sum = (sum ^ name->bytes[i]) * 16777619u;	/* few questions, capped: no need for a keyed hash */
	return &scope->buckets[(sum ^ sum >> 16) % QUESTION_BUCKETS];
}

/* @return NULL when the scope has asked all it may. */
static struct question *question_get(struct dns_scope *scope, const struct dns_name *name, uint16_t type)
{
	struct question **bucket = bucket_of(scope, name, type), *question;

	for (question = *bucket; question != NULL; question = question->next)
		if (question->links[0]->type == type && dns_name_equal(question->links[0]->name, name))
			return question;
	if (scope->lookups == scope->max_lookups)
		return NULL;
	scope->lookups++;
	question = arena_calloc(scope->arena, 1, sizeof(*question));
	question->links[0] = resolver_acquire(scope->resolver, name, type, 0, &question->from_cache);
	question->entry_count = 1;
	question->next = *bucket;
	*bucket = question;
	return question;
}

/* Goes along the chain as far as it is known. @return the entry to wait for, NULL when the chain is at its end. */
static struct cache_entry *question_advance(struct dns_scope *scope, struct question *question)
{
	while (question->broken == NULL) {
		struct cache_entry *last = question->links[question->entry_count - 1];
		const struct answer *answer;
		bool hit;

		if (!cache_is_complete(last))
			return last;
		answer = last->answer;
		if (answer->target == NULL)
			break;
		question->link_count += answer->link_count;
		for (unsigned i = 0; i < question->entry_count; i++)
			if (dns_name_equal(answer->target, question->links[i]->name))
				question->broken = "CNAME loop";
		if (question->broken == NULL && question->link_count > ANSWER_CHAIN_LINKS)
			question->broken = "more than 10 CNAME links";
		if (question->broken != NULL)
			break;
		question->links[question->entry_count++] = resolver_acquire(scope->resolver, answer->target, last->type,
		    question->link_count, &hit);
		question->from_cache = question->from_cache && hit;
	}
	return NULL;
}

/* ---- answers; the scope's lock is held ---- */

static void answer_make_fail(struct dns_answer *answer, enum dns_security security, const char *why)
{
	answer->status = DNS_STATUS_FAIL;
	answer->security = dns_weakest(security, DNS_INDETERMINATE);
	answer->rcode = RCODE_SERVFAIL;
	answer->rrs = NULL;
	answer->rr_count = 0;
	answer->ttl_secs = 0;
	answer->why = why;
}

/* The answer of a chain that is at its end: data from the last link, the worst of the others. */
static struct dns_answer *question_compose(struct dns_scope *scope, const struct question *question, bool judged)
{
	struct dns_answer *answer = arena_alloc(scope->arena, sizeof(*answer));
	struct cache_view view;
	bool withheld = false;

	*answer = question->links[question->entry_count - 1]->answer->head;
	answer->name = question->links[0]->answer->head.name;
	answer->from_cache = question->from_cache;
	for (unsigned i = 0; i < question->entry_count; i++) {
		cache_view(question->links[i], scope->arena, &view);
		withheld = withheld || view.withheld;
		if (i == 0 || view.security > answer->security) {
			answer->security = view.security;
			answer->why = view.why;
		}
		if (i == 0 || view.ttl_secs < answer->ttl_secs)
			answer->ttl_secs = view.ttl_secs;
	}
	if (question->broken != NULL)
		answer_make_fail(answer, answer->security, question->broken);
	else if (judged && (answer->security == DNS_BOGUS || withheld))
		answer_make_fail(answer, answer->security, answer->why);
	else if (answer->status == DNS_STATUS_FAIL) {
		uint8_t rcode = answer->rcode;

		answer_make_fail(answer, answer->security,
		    question->links[question->entry_count - 1]->answer->head.why);
		answer->rcode = rcode;
	}
	return answer;
}

/* An answer that no message stands behind. */
static const struct dns_answer *answer_without_message(struct dns_scope *scope, const char *name, uint16_t type,
    enum dns_status status, const char *why)
{
	struct dns_answer *answer = arena_calloc(scope->arena, 1, sizeof(*answer));
	char *lower = arena_strdup(scope->arena, name);

	for (char *c = lower; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	answer->status = status;
	answer->security = status == DNS_STATUS_NXDOMAIN ? DNS_INSECURE : DNS_INDETERMINATE;
	answer->rcode = status == DNS_STATUS_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_SERVFAIL;
	answer->type = type;
	answer->name = answer->canonical_name = lower;
	answer->why = why;
	return answer;
}

/* Types that are no records' (RFC 6895 section 3.1): OPT, and those of queries like ANY, whose answers prove nothing. */
static bool is_meta_type(uint16_t type)
{
	return type == 0 || type == 41 || (type >= 249 && type <= 255);
}

/* The question, or the answer that stands in its place: not a name, no type of records, or over the limit. */
static struct question *question_open(struct dns_scope *scope, const char *name, uint16_t type,
    const struct dns_answer **instead_r)
{
	struct dns_name parsed;
	struct question *question;

	*instead_r = NULL;
	if (dns_name_parse(name, &parsed) != 0) {
		*instead_r = answer_without_message(scope, name, type, DNS_STATUS_NXDOMAIN, "not a domain name");
		return NULL;
	}
	if (is_meta_type(type)) {
		*instead_r = answer_without_message(scope, name, type, DNS_STATUS_FAIL, "not a type that can be asked for");
		return NULL;
	}
	question = question_get(scope, &parsed, type);
	if (question == NULL)
		*instead_r = answer_without_message(scope, name, type, DNS_STATUS_FAIL, "limit: too many look-ups");
	return question;
}

/* ---- starting ---- */

void dns_start(struct dns_scope *scope, const char *name, uint16_t type)
{
	struct dns_name parsed;

	if (dns_name_parse(name, &parsed) != 0 || is_meta_type(type))
		return;
	pthread_mutex_lock(&scope->lock);
	if (!scope->closed)
		question_get(scope, &parsed, type);
	pthread_mutex_unlock(&scope->lock);
}

/* Subscribes to what the chain waits for. @return NULL when subscribed, else the answer. The scope's lock is held. */
static const struct dns_answer *continuation_park(struct continuation *continuation)
{
	struct dns_scope *scope = continuation->scope;
	struct cache_entry *pending;

	while ((pending = question_advance(scope, continuation->question)) != NULL)
		if (cache_subscribe(pending, &continuation->subscriber))
			return NULL;
	return question_compose(scope, continuation->question, false);
}

/* An entry is complete: on the I/O thread. */
static void continuation_notify(struct subscriber *subscriber)
{
	struct continuation *continuation = (struct continuation *)(void *)subscriber;
	struct dns_scope *scope = continuation->scope;
	const struct dns_answer *answer = NULL;

	pthread_mutex_lock(&scope->lock);
	if (!scope->closed) {
		answer = continuation_park(continuation);
		if (answer == NULL) {	/* parked again, on the next link */
			pthread_mutex_unlock(&scope->lock);
			return;
		}
		scope->running++;
		pthread_mutex_unlock(&scope->lock);
		continuation->then(scope, answer, continuation->arg);
		pthread_mutex_lock(&scope->lock);
		if (--scope->running == 0)
			pthread_cond_broadcast(&scope->idle);
	}
	pthread_mutex_unlock(&scope->lock);
	scope_release(scope);
	free(continuation);
}

void dns_start_then(struct dns_scope *scope, const char *name, uint16_t type, dns_then *then, void *arg)
{
	struct continuation *continuation = calloc(1, sizeof(*continuation));
	const struct dns_answer *answer;

	if (continuation == NULL)
		out_of_memory();
	continuation->subscriber.notify = continuation_notify;
	continuation->scope = scope;
	continuation->then = then;
	continuation->arg = arg;
	pthread_mutex_lock(&scope->lock);
	if (scope->closed) {
		pthread_mutex_unlock(&scope->lock);
		free(continuation);
		return;
	}
	continuation->question = question_open(scope, name, type, &answer);
	if (continuation->question != NULL) {
		atomic_fetch_add_explicit(&scope->refs, 1, memory_order_relaxed);
		answer = continuation_park(continuation);
		if (answer != NULL)
			atomic_fetch_sub_explicit(&scope->refs, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&scope->lock);
	if (answer == NULL)
		return;
	free(continuation);
	then(scope, answer, arg);
}

/* ---- waiting ---- */

/* Waits until the chain is at its end. @return false when the deadline passed first. */
static bool question_wait(struct dns_scope *scope, struct question *question)
{
	struct cache_entry *pending;

	for (;;) {
		bool complete;

		pthread_mutex_lock(&scope->lock);
		pending = question_advance(scope, question);
		if (pending != NULL)
			cache_retain(pending);
		pthread_mutex_unlock(&scope->lock);
		if (pending == NULL)
			return true;
		complete = cache_wait_complete(pending, atomic_load(&scope->deadline_ms));
		cache_release(&pending);
		if (!complete)
			return false;
	}
}

/* Sees to the verdict of each link; the chain is at its end, so nobody changes it any more. */
static bool question_judge(struct dns_scope *scope, const struct question *question)
{
	if (scope->resolver->validator == NULL)
		return true;
	for (unsigned i = 0; i < question->entry_count; i++)
		if (!resolver_judge(scope->resolver, question->links[i], atomic_load(&scope->deadline_ms)))
			return false;
	return true;
}

const struct dns_answer *dns_wait(struct dns_scope *scope, const char *name, uint16_t type)
{
	const struct dns_answer *answer;
	struct question *question;

	pthread_mutex_lock(&scope->lock);
	question = question_open(scope, name, type, &answer);
	if (question != NULL)
		answer = question->answer;
	pthread_mutex_unlock(&scope->lock);
	if (answer != NULL)
		return answer;
	if (!question_wait(scope, question) || !question_judge(scope, question)) {
		pthread_mutex_lock(&scope->lock);
		/* not kept: the deadline may be set anew */
		answer = answer_without_message(scope, name, type, DNS_STATUS_FAIL, "deadline: no answer in the message's time");
		pthread_mutex_unlock(&scope->lock);
		return answer;
	}
	pthread_mutex_lock(&scope->lock);
	if (question->answer == NULL)
		question->answer = question_compose(scope, question, true);
	answer = question->answer;
	pthread_mutex_unlock(&scope->lock);
	return answer;
}

/* Whether every link has its verdict. */
static bool question_is_judged(struct dns_scope *scope, const struct question *question)
{
	struct cache_view view;

	for (unsigned i = 0; scope->resolver->validator != NULL && i < question->entry_count; i++) {
		cache_view(question->links[i], scope->arena, &view);
		if (view.state != ENTRY_JUDGED)
			return false;
	}
	return true;
}

bool dns_ready(struct dns_scope *scope, const char *name, uint16_t type)
{
	int64_t deadline_ms = atomic_load(&scope->deadline_ms);
	struct question *question;
	struct dns_name parsed;
	bool ready = true;

	if (dns_name_parse(name, &parsed) != 0 || is_meta_type(type) || (deadline_ms != 0 && deadline_ms <= clock_monotonic_ms()))
		return true;
	pthread_mutex_lock(&scope->lock);
	question = question_get(scope, &parsed, type);
	if (question != NULL && question->answer == NULL)
		ready = question_advance(scope, question) == NULL && question_is_judged(scope, question);
	pthread_mutex_unlock(&scope->lock);
	return ready;
}

/* ---- explaining ---- */

const struct dns_answer *dns_explain(struct dns_scope *scope, const char *name, uint16_t type,
    const char **explanation_r)
{
	const struct dns_answer *answer = dns_wait(scope, name, type);
	struct question *question;
	const struct dns_answer *instead;
	struct arena *arena;
	struct buf text;

	*explanation_r = NULL;
	if (scope->resolver->validator == NULL)
		return answer;
	pthread_mutex_lock(&scope->lock);
	question = question_open(scope, name, type, &instead);
	pthread_mutex_unlock(&scope->lock);
	if (question == NULL || question->answer == NULL)
		return answer;
	arena = arena_new();
	text = buf_make(arena);
	for (unsigned i = 0; i < question->entry_count; i++) {
		struct validator_verdict verdict;

		resolver_explain(scope->resolver, question->links[i], atomic_load(&scope->deadline_ms), arena, &verdict);
		buf_puts(&text, verdict.explanation != NULL ? verdict.explanation : verdict.why);
		if (text.length != 0 && text.data[text.length - 1] != '\n')
			buf_putc(&text, '\n');
	}
	pthread_mutex_lock(&scope->lock);
	*explanation_r = arena_strdup(scope->arena, text.data);
	pthread_mutex_unlock(&scope->lock);
	arena_free(&arena);
	return answer;
}
