/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guesses: look-ups of a scope that nobody has asked for yet, and the telling of what a scope has asked, which is what the next
 * message's guesses are made of (shape.h). Trusts no name. Thread: the scope's, under the scope's lock.
 */
#include "resolver/scope.h"

void dns_guess(struct dns_scope *scope, const char *name, uint16_t type)
{
	struct scope_core *core = scope->core;
	struct dns_scope *view = &core->views[DNS_FOR_GUESS];
	struct transport *transport = core->resolver->transport;
	struct question *question;
	struct dns_name parsed;

	if (is_meta_type(type) || dns_name_parse(name, &parsed) != 0 || (transport != NULL && transport_has_waiting(transport)))
		return;
	pthread_mutex_lock(&core->lock);
	question = question_start(view, &parsed, type);
	if (question != NULL)
		question->known = true;
	pthread_mutex_unlock(&core->lock);
}

void dns_scope_each(struct dns_scope *scope, dns_asked_each *each, void *arg)
{
	struct scope_core *core = scope->core;

	pthread_mutex_lock(&core->lock);
	for (const struct question *question = core->last_made; question != NULL; question = question->made_before) {
		char name[DNS_NAME_TEXT_BYTES];
		const struct dns_asked asked = { .name = name, .type = question->links[0]->type, .known = question->known,
			.opened = question->opened, .awaited = question->awaited };

		dns_name_text(question->links[0]->name->bytes, name);
		each(arg, &asked);
	}
	pthread_mutex_unlock(&core->lock);
}
