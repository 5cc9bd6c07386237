/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: what one configuration needs and many messages share (resolver, DKIM state, suffix list).
 * A reload makes a new engine beside the old one; sessions keep the one they began with, the last one frees it.
 * Trusts the config (checked by its loader). Fails only at start: no resolver, no DKIM state.
 * Thread: any; immutable after engine_new() but for the reference count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check/dkim/dkim.h"
#include "check/dmarc/dmarc.h"
#include "pipeline/internal.h"
#include "pipeline/shared.h"
#include "util/error.h"
#include "util/out_of_memory.h"

/* Without the list the tree walk has no guard, and peers go by their parents' names; only org-domain = psl cannot do without. */
static bool open_suffixes(struct engine *engine, char *why_r, size_t why_bytes)
{
	const struct config *config = engine->config;

	if (config->psl_file != NULL)
		engine->shared.psl = psl_context_new(config->psl_file, why_r, why_bytes);
	if (engine->shared.psl == NULL && config->dmarc_method == ORG_DOMAIN_PSL)
		return false;
	why_r[0] = '\0';
	return true;
}

struct engine *engine_new_sharing(const struct config *config, const struct engine_share *share, struct engine *previous,
    char *why_r, size_t why_bytes)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	const struct policy_set set = policy_set_of(config);

	if (engine == NULL)
		out_of_memory();
	atomic_init(&engine->references, 1);
	engine->config = config_ref(config);
	engine->share = *share;
	engine->resolver = shared_resolver_get(config, share, previous != NULL ? previous->resolver : NULL, why_r,
	    why_bytes);
	if (engine->resolver == NULL)
		goto fail;
	engine->shared.resolver = engine->resolver->resolver;
	engine->shapes = shared_shapes_get(previous != NULL ? previous->shapes : NULL);
	engine->shared.dkim = dkim_engine_new(config, why_r, why_bytes);
	if (engine->shared.dkim == NULL)
		goto fail;
	engine->shared.keys = engine->shared.dkim->keys;
	if (!open_suffixes(engine, why_r, why_bytes))
		goto fail;
	engine->acts_at_rcpt = policy_acts_at_rcpt(&set);
	engine->wants_every_body = policy_uses(config, TRAIT_WHOLE_BODY);
	if (gethostname(engine->hostname, sizeof(engine->hostname)) != 0 || engine->hostname[0] == '\0')
		snprintf(engine->hostname, sizeof(engine->hostname), "localhost");
	engine->hostname[sizeof(engine->hostname) - 1] = '\0';
	return engine;
fail:
	engine_unref(&engine);
	return NULL;
}

struct engine *engine_new(const struct config *config, struct engine *previous, char *why_r, size_t why_bytes)
{
	return engine_new_sharing(config, &(const struct engine_share){ 0 }, previous, why_r, why_bytes);
}

int engine_open_store(struct engine *engine, struct engine *previous, engine_store_changed *changed, char *why_r,
    size_t why_bytes)
{
	const struct store_wish wish = { .config = engine->config, .readers_max = engine->share.store_readers, .changed = changed,
		.watch = engine->share.watch, .shapes = engine->shapes };
	int code = shared_store_get(&wish, previous != NULL ? previous->store : NULL, &engine->store, why_r, why_bytes);

	if (code != 0)
		return code == -E_ABSENT ? 0 : code;
	engine->shared.memory = &engine->store->source;
	return 0;
}

struct store *engine_store(struct engine *engine)
{
	return engine->store != NULL ? engine->store->store : NULL;
}

void engine_set_brakes(struct engine *engine, const struct brake_row *rows, size_t count)
{
	brake_memory_set(engine->store->brakes, rows, count);
}

bool engine_knows_brakes(struct engine *engine)
{
	return engine->store == NULL || brake_memory_is_known(engine->store->brakes);
}

struct engine *engine_ref(struct engine *engine)
{
	atomic_fetch_add(&engine->references, 1);
	return engine;
}

void engine_unref(struct engine **engine)
{
	struct engine *old = *engine;

	*engine = NULL;
	if (old == NULL || atomic_fetch_sub(&old->references, 1) > 1)
		return;
	dkim_engine_free(&old->shared.dkim);
	psl_context_free(&old->shared.psl);
	shared_store_unref(&old->store);
	if (old->shapes != NULL)
		shared_shapes_unref(&old->shapes);
	shared_resolver_unref(&old->resolver);
	config_unref(&old->config);
	free(old);
}

const struct config *engine_config(const struct engine *engine)
{
	return engine->config;
}

struct dns_resolver *engine_resolver(struct engine *engine)
{
	return engine->shared.resolver;
}
