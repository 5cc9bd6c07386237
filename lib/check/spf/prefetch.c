/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Look-ups ahead of the evaluation: an SPF record that arrives starts the names it mentions, so that a message costs the
 * depth of the chain in round trips, not the sum of its terms. Only starts; nothing is decided here, and the answers are
 * not validated yet. What the evaluation will not reach is left alone: what stands behind a term that matches this client
 * for certain, PTR names unless a record asks for them.
 *
 * Hostile records: at most PREFETCH_NAMES names and PREFETCH_DEPTH records deep, each once expanded into bounded memory.
 * Thread: continuations run on the I/O thread or on the caller's, several at once: the only thing they share and change
 * is one atomic counter; each has an arena of its own.
 */
#include <stdatomic.h>
#include <string.h>

#include "check/spf/identity.h"
#include "check/spf/macro.h"
#include "check/spf/record.h"
#include "check/spf/spf.h"

enum { PREFETCH_NAMES = 40, PREFETCH_DEPTH = 10, PREFETCH_HOSTS = 10 };

struct prefetch;

/* One question under way; handed to its continuation. */
struct prefetch_node {
	struct prefetch *prefetch;
	unsigned depth;
	bool explains;		/* its exp= may be used: the sender's record or one it redirects to */
	char domain[SPF_NAME_BYTES];	/* of the record, raw */
};

struct prefetch {
	struct spf_macro_values values;
	uint16_t addr_type;
	atomic_uint claimed;		/* of nodes and names together */
	atomic_bool names_started;
	struct prefetch_node nodes[PREFETCH_NAMES];
};

static struct prefetch_node *node_claim(struct prefetch *prefetch)
{
	unsigned index = atomic_fetch_add(&prefetch->claimed, 1);

	if (index >= PREFETCH_NAMES) {
		atomic_store(&prefetch->claimed, PREFETCH_NAMES);	/* never wraps */
		return NULL;
	}
	prefetch->nodes[index].prefetch = prefetch;
	prefetch->nodes[index].domain[0] = '\0';
	return &prefetch->nodes[index];
}

/* The hosts of an MX or PTR answer: their addresses. */
static void hosts_arrived(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	struct prefetch_node *node = arg;
	struct arena *arena = arena_new();

	for (size_t i = 0; i < answer->rr_count && i < PREFETCH_HOSTS; i++) {
		const char *host = dns_rr_name(&answer->rrs[i], arena);

		if (host == NULL || host[0] == '\0' || node_claim(node->prefetch) == NULL)
			break;
		dns_start(scope, host, node->prefetch->addr_type);
	}
	arena_free(&arena);
}

static void record_arrived(struct dns_scope *scope, const struct dns_answer *answer, void *arg);

static void names_start(struct dns_scope *scope, struct prefetch *prefetch)
{
	struct prefetch_node *node;
	char reverse[80];

	if (atomic_exchange(&prefetch->names_started, true))
		return;
	node = node_claim(prefetch);
	if (node != NULL)
		dns_start_then(scope, addr_reverse_name(&prefetch->values.client, reverse), DNS_TYPE_PTR, hosts_arrived, node);
}

static void record_start(struct dns_scope *scope, struct prefetch_node *node, unsigned depth, bool explains)
{
	char presented[SPF_PRESENTATION_BYTES];

	node->depth = depth;
	node->explains = explains;
	dns_start_then(scope, spf_name_present(node->domain, presented), DNS_TYPE_TXT, record_arrived, node);
}

static void name_start(struct dns_scope *scope, struct prefetch_node *parent, const struct spf_term *term,
    const char *name)
{
	struct prefetch_node *node = node_claim(parent->prefetch);
	char presented[SPF_PRESENTATION_BYTES];

	if (node == NULL)
		return;
	spf_name_present(name, presented);
	switch (term->kind) {
	case SPF_TERM_A:
		dns_start(scope, presented, parent->prefetch->addr_type);
		return;
	case SPF_TERM_EXISTS:
		dns_start(scope, presented, DNS_TYPE_A);
		return;
	case SPF_TERM_MX:
		dns_start_then(scope, presented, DNS_TYPE_MX, hosts_arrived, node);
		return;
	case SPF_TERM_EXP:
		dns_start(scope, presented, DNS_TYPE_TXT);
		return;
	default:	/* include, redirect */
		if (parent->depth >= PREFETCH_DEPTH)
			return;
		strcpy(node->domain, name);
		record_start(scope, node, parent->depth + 1, parent->explains && term->kind == SPF_TERM_REDIRECT);
		return;
	}
}

static void term_start(struct dns_scope *scope, struct prefetch_node *node, const struct spf_term *term)
{
	struct spf_macro_values values = node->prefetch->values;
	char name[SPF_NAME_BYTES];

	if (term->kind == SPF_TERM_PTR || term->uses_p) {
		names_start(scope, node->prefetch);
		return;
	}
	values.domain = node->domain;
	if (term->domain == NULL)
		strcpy(name, node->domain);
	else if (spf_macro_expand_domain(&values, term->domain, term->domain_length, name) != 0)
		return;
	name_start(scope, node, term, name);
}

static bool term_matches(const struct spf_term *term, const struct ip_addr *client)
{
	switch (term->kind) {
	case SPF_TERM_ALL:
		return true;
	case SPF_TERM_IP4:
		return spf_addr_match(client, &term->addr, term->prefix4);
	case SPF_TERM_IP6:
		return spf_addr_match(client, &term->addr, term->prefix6);
	default:
		return false;
	}
}

static void terms_start(struct dns_scope *scope, struct prefetch_node *node, const struct spf_record *record)
{
	bool decided = false, fails = false;

	for (size_t i = 0; i < record->term_count && !decided; i++) {
		const struct spf_term *term = &record->terms[i];

		decided = term_matches(term, &node->prefetch->values.client);
		fails |= decided && term->qualifier == '-';
		if (spf_term_queries(term) && term->kind != SPF_TERM_REDIRECT) {
			fails |= term->qualifier == '-';
			term_start(scope, node, term);
		}
	}
	if (!decided && record->redirect != NULL)
		term_start(scope, node, record->redirect);
	if (fails && node->explains && record->exp != NULL)
		term_start(scope, node, record->exp);
}

static void record_arrived(struct dns_scope *scope, const struct dns_answer *answer, void *arg)
{
	struct prefetch_node *node = arg;
	struct arena *arena = arena_new();
	struct spf_record record;
	const char *text, *why;
	size_t length;

	if (spf_record_select(answer, arena, &text, &length) == 0
	    && spf_record_parse(arena, text, length, &record, &why) == 0)
		terms_start(scope, node, &record);
	arena_free(&arena);
}

void spf_prefetch(const struct spf_request *request, struct dns_scope *scope, struct arena *arena)
{
	struct prefetch *prefetch = arena_alloc(arena, sizeof(*prefetch));	/* large: a node is set when it is claimed */
	struct prefetch_node *node;
	struct spf_identity identity;

	if (spf_identity_make(request, arena, &identity) != 0)
		return;
	prefetch->values = identity.values;
	prefetch->addr_type = identity.values.client.family == AF_INET6 ? DNS_TYPE_AAAA : DNS_TYPE_A;
	atomic_init(&prefetch->claimed, 0);
	atomic_init(&prefetch->names_started, false);
	node = node_claim(prefetch);
	if (node == NULL)
		return;
	strcpy(node->domain, identity.values.sender_domain);
	record_start(scope, node, 0, true);
}
