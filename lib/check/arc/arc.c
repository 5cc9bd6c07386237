/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ARC check (RFC 8617): is the chain of seals in a message whole, and how far back does it speak for what is in it now?
 * Nothing is ever sealed here.
 *
 *   header()  chain.c collects the sets → the keys' look-ups start, unless the chain fails by its structure alone
 *   body()    signature/bodies.c; the hashes that DKIM needs, too, are made once
 *   judge()   judge.c: the newest message signature, older ones, every seal
 *
 * What a chain is worth is not said here: that hangs on who sealed it (dmarc/override.c). The keys are asked for on a
 * share of their own, for a chain can be made longer by anybody on the way, who must not take DKIM's keys from the author.
 * Thread: the message's. Trusts nothing of the message or of the DNS.
 */
#include <openssl/evp.h>

#include "check/arc/chain.h"

/* NULL where the signature cannot count whatever its key is. */
static const char *start_look_up(struct check_context *context, const struct dkim_signature *signature)
{
	const char *query;

	if (signature->fault != NULL || signature->algorithm == DKIM_ALGORITHM_RSA_SHA1)
		return NULL;
	query = arena_concat(context->arena, signature->selector, "._domainkey.", signature->domain);
	dns_start(dns_scope_for(context->dns, DNS_FOR_ARC), query, DNS_TYPE_TXT);
	return query;
}

/* The newest first, so that those of which only the oldest pass hangs are the ones that a used up share leaves out. */
static void start_look_ups(struct check_context *context, struct arc_chain *chain)
{
	struct arc_link *links = chain->links;
	size_t newest = chain->count - 1;

	links[newest].message_query = start_look_up(context, &links[newest].message_signature);
	for (size_t i = chain->count; i-- > 0;)
		links[i].seal_query = start_look_up(context, &links[i].seal_signature);
	for (size_t i = newest; i-- > 0;)
		links[i].message_query = start_look_up(context, &links[i].message_signature);
}

/* A body is hashed in full only, in two forms at most: what l= leaves unsigned anybody could have written (judge.c). */
static void want_bodies(struct check_context *context, struct arc_state *state)
{
	state->bodies = context->bodies;
	if (state->bodies == NULL) {
		state->bodies = dkim_bodies_new(context->arena, EVP_sha256());
		state->owns_bodies = true;
	}
	for (size_t i = 0; i < state->chain.count; i++) {
		struct arc_link *link = &state->chain.links[i];

		if (link->message_query != NULL)
			link->body_slot = dkim_bodies_want(state->bodies, link->message_signature.body_relaxed, false, 0);
	}
}

static bool arc_check_header(struct check_context *context)
{
	struct arc_state *state;

	if (!context->config->arc_enabled)
		return false;
	state = arena_calloc(context->arena, 1, sizeof(*state));
	context->state[CHECK_ARC] = state;
	arc_chain_collect(context->facts, context->arena, &state->chain);
	if (state->chain.count == 0 || state->chain.fault != NULL)
		return false;
	start_look_ups(context, &state->chain);
	want_bodies(context, state);
	return state->owns_bodies;
}

/* Called only where this check said that it feeds the hashes. */
static void arc_check_body(struct check_context *context, const void *data, size_t length)
{
	struct arc_state *state = context->state[CHECK_ARC];

	if (state != NULL && state->owns_bodies)
		dkim_bodies_update(state->bodies, data, length);
}

static void arc_check_judge(struct check_context *context)
{
	struct arc_state *state = context->state[CHECK_ARC];

	if (state == NULL)
		return;
	if (state->owns_bodies)
		dkim_bodies_finish(state->bodies);
	arc_judge_chain(context, state);
}

static void arc_check_release(struct check_context *context)
{
	struct arc_state *state = context->state[CHECK_ARC];

	if (state != NULL && state->owns_bodies)
		dkim_bodies_free(&state->bodies);
	context->state[CHECK_ARC] = NULL;
}

const struct check check_arc = {
	.id = CHECK_ARC,
	.stage = FINDING_STAGE_MESSAGE,
	.header = arc_check_header,
	.body = arc_check_body,
	.judge = arc_check_judge,
	.release = arc_check_release,
};
