/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The questions of a scope: each distinct one once, with the cache entries of its CNAME chain, charged to the purpose that
 * asked first. A question that was cut short by that purpose's share is made anew for another purpose, so that nobody's
 * excess is taken for an answer by somebody else. Thread: any, under the scope's lock.
 */
#include <string.h>

#include "resolver/scope.h"

enum { RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3 };

/* Types that are no records' (RFC 6895 section 3.1): OPT, and those of queries like ANY, whose answers prove nothing. */
bool is_meta_type(uint16_t type)
{
	return type == 0 || type == 41 || (type >= 249 && type <= 255);
}

/* ---- asking ---- */

/* What the validator will need is asked with the question. Entries that are there already need no holding. */
struct early_asker { struct scope_core *core; struct asker asker; };

static void early_start(void *context, const char *name, uint16_t type)
{
	struct early_asker *early = context;
	struct scope_core *core = early->core;
	struct cache_entry *entry;
	struct dns_name parsed;
	struct early *held;
	bool made;

	if (dns_name_parse(name, &parsed) != 0)
		return;
	entry = resolver_acquire(core->resolver, &parsed, type, ANSWER_CHAIN_LINKS, &early->asker, &made);
	if (entry == NULL)
		return;
	if (!made && cache_is_complete(entry)) {
		resolver_leave(core->resolver, &entry, core->account);
		return;
	}
	held = arena_alloc(core->arena, sizeof(*held));
	*held = (struct early){ .next = core->early, .entry = entry };
	core->early = held;
}

static void chain_start(struct scope_core *core, const struct dns_name *name, enum dns_purpose purpose)
{
	struct early_asker early = { core, { core->account, purpose, .early = true } };
	struct dns_fetcher fetcher = { .start = early_start, .context = &early };
	char text[DNS_NAME_TEXT_BYTES];

	dns_name_text(name->bytes, text);
	validator_prefetch(core->resolver->validator, &fetcher, text);
}

/* One link of a question. NULL: the share does not suffice. */
static struct cache_entry *link_acquire(struct scope_core *core, struct question *question, const struct dns_name *name,
    uint16_t type)
{
	struct asker asker = { core->account, question->purpose, .early = false };
	bool made, complete = false;
	struct cache_entry *entry = resolver_acquire(core->resolver, name, type, question->link_count, &asker, &made);

	if (entry == NULL)
		return NULL;
	if (!made)
		complete = cache_is_complete(entry);
	/* what somebody else has begun is joined as well: he may go before it is answered */
	if (!complete && core->resolver->validator != NULL)
		chain_start(core, name, question->purpose);
	question->from_cache = question->from_cache && complete;
	return entry;
}

static struct question **bucket_of(struct scope_core *core, const struct dns_name *name, uint16_t type)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325) ^ type, word;
	const uint8_t *at = name->bytes;
	size_t left = name->length;

	/* FNV-1a, eight octets at a time; few questions, capped: no need for a keyed hash */
	for (; left >= sizeof(word); at += sizeof(word), left -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x9fb21c651e98df25);
		sum ^= sum >> 32;
	}
	for (; left != 0; at++, left--)
		sum = (sum ^ *at) * UINT64_C(0x100000001b3);
	return &core->buckets[(sum ^ sum >> 32) % QUESTION_BUCKETS];
}

static bool is_question(const struct question *question, const struct dns_name *name, uint16_t type)
{
	return question->links[0]->type == type && dns_name_equal(question->links[0]->name, name);
}

static struct question *question_make(struct dns_scope *scope, const struct dns_name *name, uint16_t type)
{
	struct scope_core *core = scope->core;
	struct question *question;

	if (!account_take_lookup(account_share(core->account, scope->purpose)))
		return NULL;
	question = arena_calloc(core->arena, 1, sizeof(*question));
	question->purpose = scope->purpose;
	question->guessed = scope->purpose == DNS_FOR_GUESS;
	question->from_cache = true;
	question->links[0] = link_acquire(core, question, name, type);
	if (question->links[0] == NULL)
		return NULL;
	question->entry_count = 1;
	question->made_before = core->last_made;
	core->last_made = question;
	return question;
}

/*
 * Whether another purpose ran out of room over it; or it was but a guess and failed, perhaps long ago or under pressure: what is
 * really asked is not to suffer by that (the cache knows a failure that is fresh).
 */
static bool is_cut_short(const struct question *question)
{
	struct cache_entry *last = question->links[question->entry_count - 1];
	enum dns_failure failure = cache_is_complete(last) ? last->answer->head.failure : DNS_FAILURE_NONE;

	return question->limited || failure == DNS_FAILURE_LIMIT ||
	    (question->purpose == DNS_FOR_GUESS && failure != DNS_FAILURE_NONE);
}

/*
 * Opened for a purpose that did not begin it. One that was guessed becomes the purpose's own, for the price of a new one.
 * @return false when it may not have it.
 */
static bool question_adopt(struct dns_scope *scope, struct question *question)
{
	if (question->purpose != DNS_FOR_GUESS || scope->purpose == DNS_FOR_GUESS)
		return true;
	if (!account_take_lookup(account_share(scope->core->account, scope->purpose)))
		return false;
	question->purpose = scope->purpose;
	return true;
}

/* @return NULL when the scope has asked all it may for this purpose. */
static struct question *question_get(struct dns_scope *scope, const struct dns_name *name, uint16_t type)
{
	struct question **bucket = bucket_of(scope->core, name, type), **link = bucket, *question;

	while (*link != NULL && !is_question(*link, name, type))
		link = &(*link)->next;
	question = *link;
	if (question != NULL && scope->purpose == DNS_FOR_GUESS)
		return question;
	/* what ran out over a guess was not the purpose's share, whoever has taken it over */
	if (question != NULL && ((question->purpose == scope->purpose && !question->guessed) || !is_cut_short(question)))
		return question_adopt(scope, question) ? question : NULL;
	if (question != NULL) {
		*link = question->next;	/* what was given out of it stays */
		question->opened |= 1u << scope->purpose;	/* if it was guessed, then rightly */
	}
	question = question_make(scope, name, type);
	if (question == NULL)
		return NULL;
	question->next = *bucket;
	*bucket = question;
	return question;
}

struct question *question_open_name(struct dns_scope *scope, const struct dns_name *name, uint16_t type)
{
	struct question *question = question_get(scope, name, type);

	if (question != NULL)
		question->opened |= 1u << scope->purpose;
	return question;
}

struct question *question_open(struct dns_scope *scope, const char *name, uint16_t type, const struct dns_answer **instead_r)
{
	struct dns_name parsed;
	struct question *question;

	*instead_r = NULL;
	if (dns_name_parse(name, &parsed) != 0) {
		*instead_r = answer_without_message(scope->core, name, type, DNS_FAILURE_NONE, "not a domain name");
		return NULL;
	}
	if (is_meta_type(type)) {
		*instead_r = answer_without_message(scope->core, name, type, DNS_FAILURE_SERVER, "not a type that can be asked for");
		return NULL;
	}
	question = question_open_name(scope, &parsed, type);
	if (question == NULL)
		*instead_r = answer_without_message(scope->core, name, type, DNS_FAILURE_LIMIT, "limit: too many look-ups");
	return question;
}

struct cache_entry *question_advance(struct scope_core *core, struct question *question)
{
	while (question->broken == NULL) {
		struct cache_entry *last = question->links[question->entry_count - 1], *next;
		const struct answer *answer;

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
		next = link_acquire(core, question, answer->target, last->type);
		if (next == NULL) {
			question->broken = "limit: too many look-ups";
			question->limited = true;
			break;
		}
		question->links[question->entry_count++] = next;
	}
	return NULL;
}

void questions_leave(struct scope_core *core)
{
	for (struct question *question = core->last_made; question != NULL; question = question->made_before)
		for (unsigned i = 0; i < question->entry_count; i++)
			resolver_leave(core->resolver, &question->links[i], core->account);
	for (struct early *early = core->early; early != NULL; early = early->next)
		resolver_leave(core->resolver, &early->entry, core->account);
}

/* ---- answers ---- */

static void answer_make_fail(struct dns_answer *answer, enum dns_security security, enum dns_failure failure, const char *why)
{
	answer->status = DNS_STATUS_FAIL;
	answer->security = dns_weakest(security, DNS_INDETERMINATE);
	answer->rcode = RCODE_SERVFAIL;
	answer->failure = failure;
	answer->rrs = NULL;
	answer->rr_count = 0;
	answer->ttl_secs = 0;
	answer->why = why;
}

struct dns_answer *question_compose(struct scope_core *core, const struct question *question, bool judged)
{
	const struct dns_answer *head = &question->links[question->entry_count - 1]->answer->head;
	struct dns_answer *answer = arena_alloc(core->arena, sizeof(*answer));
	struct cache_view view;
	bool withheld = false;

	*answer = *head;
	answer->name = question->links[0]->answer->head.name;
	answer->from_cache = question->from_cache;
	for (unsigned i = 0; i < question->entry_count; i++) {
		cache_view(question->links[i], core->arena, &view);
		withheld = withheld || view.withheld;
		if (i == 0 || view.security > answer->security) {
			answer->security = view.security;
			answer->why = view.why;
		}
		if (i == 0 || view.ttl_secs < answer->ttl_secs)
			answer->ttl_secs = view.ttl_secs;
	}
	if (answer->status == DNS_STATUS_NODATA && view.nonexistent) {	/* of the last link */
		answer->status = DNS_STATUS_NXDOMAIN;
		answer->rcode = RCODE_NXDOMAIN;
	}
	if (question->broken != NULL) {
		answer_make_fail(answer, answer->security, question->limited ? DNS_FAILURE_LIMIT : DNS_FAILURE_SERVER, question->broken);
	} else if (judged && (answer->security == DNS_BOGUS || withheld)) {
		answer_make_fail(answer, answer->security, DNS_FAILURE_SERVER, answer->why);
	} else if (answer->status == DNS_STATUS_FAIL) {
		answer_make_fail(answer, answer->security, head->failure, head->why);
		answer->rcode = head->rcode;
	}
	return answer;
}

const struct dns_answer *answer_without_message(struct scope_core *core, const char *name, uint16_t type,
    enum dns_failure failure, const char *why)
{
	struct dns_answer *answer = arena_calloc(core->arena, 1, sizeof(*answer));
	char *lower = arena_strdup(core->arena, name);
	bool failed = failure != DNS_FAILURE_NONE;

	for (char *c = lower; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	answer->status = failed ? DNS_STATUS_FAIL : DNS_STATUS_NXDOMAIN;
	answer->security = failed ? DNS_INDETERMINATE : DNS_INSECURE;
	answer->rcode = failed ? RCODE_SERVFAIL : RCODE_NXDOMAIN;
	answer->failure = failure;
	answer->type = type;
	answer->name = answer->canonical_name = lower;
	answer->why = why;
	return answer;
}
