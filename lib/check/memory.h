/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_MEMORY_H
#define ASSAY_CHECK_MEMORY_H
/*
 * How a check asks what earlier sessions of a peer were like. A peer is whoever sends mail to us, under one name (see
 * memory_peer_name()). The pipeline fills struct memory_source with functions that read the store; so the checks need not know
 * the store. Without a store they judge as if the peer had never come before. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/result.h"
#include "message/facts.h"
#include "util/arena.h"

struct psl_context;

/* What is remembered of a peer, and what that means for the session at hand, whose TLS grade was given. */
struct memory_view {
	bool habit;			/* it usually comes with TLS (record/peer.h says when that is so), or an admin pinned it */
	bool pinned;
	bool settled;			/* it has come weaker than it used to for so long that this is its habit now, and this session is no weaker */
	bool downgrade;			/* a session of the given grade is markedly weaker than the habit: worth a warning */
	unsigned usual_grade;		/* enum tls_grade */
	uint64_t sessions;
	unsigned days;
	int64_t last_tls_secs;		/* 0: never */
	uint64_t changed_sessions;	/* weaker sessions since the last one that was as usual */
};

struct memory_source {
	void *context;
	/* @param host  one client address of the peer, as text; "" for all of them together.
	 * @return 0; -E_ABSENT: never seen; -E_SYSTEM: the store cannot be read now */
	int (*view)(void *context, const char *peer, const char *host, enum tls_grade grade, struct memory_view *view_r);
};

/**
 * The name under which a client is remembered. When DNS confirms the client's name, it is that name's organizational domain
 * (so all mail servers of example.com are one peer); otherwise it is the network of the address ("192.0.2.0/24",
 * "2001:db8:1:2::/64").
 * @param psl  public suffix list; NULL: the name without its first label is taken for the organizational domain.
 * @param confirmed_name  NULL: there is none.
 * @return in the arena; NULL when the client has no address.
 */
const char *memory_peer_name(struct arena *arena, const struct psl_context *psl, const char *confirmed_name,
    const struct ip_addr *client);

/** The client's network alone, as above. */
const char *memory_network_name(struct arena *arena, const struct ip_addr *client);

#endif
