/* SPDX-License-Identifier: BSD-2-Clause */
/* How an answer was judged, link by link: for `assay dns`, which shows it to people. Thread: the scope's, see scope.h. */
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
