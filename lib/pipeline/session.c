/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session: one SMTP connection. Holds the connection facts, which the caller fills, and the engine (and with it the
 * config snapshot) that was current when the connection began. Cannot fail. Thread: the connection's.
 */
#include <stdlib.h>

#include "pipeline/internal.h"
#include "util/out_of_memory.h"

struct session *session_new(struct engine *engine)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		out_of_memory();
	session->arena = arena_new();
	session->engine = engine_ref(engine);
	return session;
}

void session_free(struct session **session)
{
	struct session *old = *session;

	*session = NULL;
	if (old == NULL)
		return;
	arena_free(&old->arena);
	engine_unref(&old->engine);
	free(old);
}

struct arena *session_arena(struct session *session)
{
	return session->arena;
}

struct facts_connection *session_connection(struct session *session)
{
	return &session->connection;
}

const struct config *session_config(const struct session *session)
{
	return session->engine->config;
}

bool session_acts_at_rcpt(const struct session *session)
{
	return session->engine->acts_at_rcpt;
}

bool session_may_want_body(const struct session *session)
{
	const struct config *config = session->engine->config;

	return config->dkim_enabled || config->arc_enabled || session->engine->wants_every_body;
}
