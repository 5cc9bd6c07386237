/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS memory (RFC 3207 section 6): compares the session with what is remembered of its peer and warns when TLS is gone or
 * much weaker. Runs after iprev (which confirms the name) and tls (which grades).
 * What the store says can only raise a warning. It never makes anything pass, and without a store nothing is raised.
 * Thread: that of the message; the store's wait is bounded by itself.
 */
#include "check/memory.h"

#include <string.h>

#include "check/check.h"
#include "check/dmarc/dmarc.h"
#include "util/error.h"

enum { NETWORK4_BITS = 24, NETWORK6_BITS = 64 };

const char *memory_network_name(struct arena *arena, const struct ip_addr *client)
{
	struct ip_addr network = *client;
	unsigned bits = client->family == AF_INET ? NETWORK4_BITS : NETWORK6_BITS;
	char text[ADDR_TEXT_BYTES];

	if (client->family == AF_UNSPEC)
		return NULL;
	memset(network.bytes + bits / 8, 0, sizeof(network.bytes) - bits / 8);
	return arena_concat(arena, addr_format(&network, text), "/", arena_uint(arena, bits));
}

/* Without a suffix list: hosts of one domain differ in their first label. A name of two labels stands for itself. */
static const char *parent_name(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL && strchr(dot + 1, '.') != NULL ? dot + 1 : name;
}

const char *memory_peer_name(struct arena *arena, const struct psl_context *psl, const char *confirmed_name,
    const struct ip_addr *client)
{
	if (confirmed_name == NULL)
		return memory_network_name(arena, client);
	return psl != NULL ? psl_org_domain(psl, arena, confirmed_name) : arena_strdup(arena, parent_name(confirmed_name));
}

/*
 * Says whether one host changed or the whole domain. It is one host when the peer has others (sessions that are not this
 * host's), and every weaker session since somebody of the peer last came as usual was this host's. A host that has come
 * so for the settling time is believed, although the rest of its peer keeps the habit.
 */
static void compare_host(struct check_context *context, const char *host, const struct memory_view *peer)
{
	const struct memory_source *memory = context->shared->memory;
	struct peer_result *result = &context->results->peer;
	struct memory_view view = { .sessions = 0 };

	if (memory->view(memory->context, result->peer, host, context->results->tls.grade, &view) == -E_SYSTEM)
		return;
	result->settled_host = view.settled && !peer->pinned;
	result->host_only = peer->sessions > view.sessions && peer->changed_sessions <= view.changed_sessions;
}

static const char *describe(struct check_context *context, const struct memory_view *view)
{
	const struct peer_result *result = &context->results->peer;
	const char *usual = tls_grade_name((enum tls_grade)view->usual_grade);
	const char *now = tls_grade_name(context->results->tls.grade);

	if (view->pinned)
		return arena_printf(context->arena, "TLS is required of %s by hand, grade now %s", result->peer, now);
	return arena_printf(context->arena, "grade %s, usually %s in %llu sessions on %u days; %s", now, usual,
	    (unsigned long long)view->sessions, view->days,
	    result->host_only ? "only this host came so, others of the peer did not" :
	    "the whole peer comes so, or it is its only host");
}

static void memory_judge(struct check_context *context)
{
	const struct memory_source *memory = context->shared->memory;
	const struct ip_addr *client = &context->facts->connection->client;
	struct peer_result *result = &context->results->peer;
	struct memory_view view;
	char host[ADDR_TEXT_BYTES];
	int code;

	/* a client that authenticated is a user somewhere, and says nothing of the network's mail servers */
	if (context->facts->connection->auth.mechanism != NULL)
		return;
	result->peer = memory_peer_name(context->arena, context->shared->psl,
	    context->results->iprev.result == RESULT_PASS ? context->results->iprev.name : NULL, client);
	if (memory == NULL || result->peer == NULL)
		return;
	code = memory->view(memory->context, result->peer, "", context->results->tls.grade, &view);
	result->no_memory = code == -E_SYSTEM;
	if (code != 0)
		return;
	result->known = true;
	result->habit = view.habit;
	result->pinned = view.pinned;
	result->usual_grade = (enum tls_grade)view.usual_grade;
	result->downgrade = view.downgrade;
	if (!view.downgrade)
		return;
	compare_host(context, addr_format(client, host), &view);
	if (result->settled_host) {
		result->downgrade = false;
		return;
	}
	result->reason = describe(context, &view);
	results_raise(context->results, FINDING_TLS_DOWNGRADE, result->peer, result->reason, DNS_SECURE);
}

const struct check check_memory = {
	.id = CHECK_MEMORY, .stage = FINDING_STAGE_ENVELOPE, .judge = memory_judge,
};
