/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an answer was judged, link by link: for `assay dns`, which shows it to people. And all questions of a scope with their answers,
 * for whoever is told of a message later. Thread: the scope's, see scope.h.
 */
#include "resolver/scope.h"

#include "util/buf.h"

static void explain_links(struct scope_core *core, const struct question *question, struct arena *arena, struct buf *text)
{
	struct asker asker = { core->account, question->purpose, .early = false };

	for (unsigned i = 0; i < question->entry_count; i++) {
		struct validator_verdict verdict;

		resolver_explain(core->resolver, question->links[i], atomic_load(&core->deadline_ms), &asker, arena, &verdict);
		buf_puts(text, verdict.explanation != NULL ? verdict.explanation : verdict.why);
		if (text->length != 0 && text->data[text->length - 1] != '\n')
			buf_putc(text, '\n');
	}
}

const struct dns_answer *dns_explain(struct dns_scope *scope, const char *name, uint16_t type,
    const char **explanation_r)
{
	struct scope_core *core = scope->core;
	const struct dns_answer *answer = dns_wait(scope, name, type), *instead;
	struct question *question;
	struct arena *arena;
	struct buf text;

	*explanation_r = NULL;
	if (core->resolver->validator == NULL)
		return answer;
	pthread_mutex_lock(&core->lock);
	question = question_open(scope, name, type, &instead);
	pthread_mutex_unlock(&core->lock);
	if (question == NULL || question->answer == NULL)
		return answer;
	arena = arena_new();
	text = buf_make(arena);
	explain_links(core, question, arena, &text);
	pthread_mutex_lock(&core->lock);
	*explanation_r = arena_strdup(core->arena, text.data);
	pthread_mutex_unlock(&core->lock);
	arena_free(&arena);
	return answer;
}

/* Whether all of the chain has come, as far as it goes. */
static bool question_has_come(const struct question *question)
{
	struct cache_entry *last = question->links[question->entry_count - 1];

	return cache_is_complete(last) && (question->broken != NULL || last->answer->target == NULL);
}

static void tell(struct scope_core *core, const struct question *question, dns_told_each *each, void *arg)
{
	char name[DNS_NAME_TEXT_BYTES];
	struct dns_told told = { .name = name, .type = question->links[0]->type, .opened = question->opened,
		.awaited = question->awaited, .answer = question->answer, .used = question->answer != NULL };

	dns_name_text(question->links[0]->name->bytes, name);
	if (told.answer == NULL && question_has_come(question))
		told.answer = question_compose(core, question, true);	/* what is bogus is shown by nobody */
	each(arg, &told);
}

void dns_scope_tell(struct dns_scope *scope, dns_told_each *each, void *arg)
{
	struct scope_core *core = scope->core;
	const struct question **questions;
	size_t count = 0, at;

	pthread_mutex_lock(&core->lock);
	for (const struct question *question = core->last_made; question != NULL; question = question->made_before)
		count++;
	questions = arena_calloc(core->arena, count + 1, sizeof(const struct question *));	/* the list is the wrong way round */
	at = count;
	for (const struct question *question = core->last_made; question != NULL; question = question->made_before)
		questions[--at] = question;
	for (size_t i = 0; i < count; i++)
		tell(core, questions[i], each, arg);
	pthread_mutex_unlock(&core->lock);
}
