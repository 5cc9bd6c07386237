/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_MEMORY_H
#define ASSAY_CHECK_MEMORY_H
/*
 * What the checks may ask of the past: a small struct of functions that the pipeline fills from the store. The checks know
 * neither the store nor its rules, and judge as if nothing were remembered when there is none.
 * Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/result.h"
#include "message/facts.h"
#include "util/arena.h"

struct psl_context;

/* A peer as the habit rules see it, for a session of the grade asked about. */
struct memory_view {
	bool habit;			/* settled habit of TLS, or pinned */
	bool pinned;
	bool settled;			/* its change was long enough ago to be its habit now, and it came no better since */
	bool downgrade;			/* a session of that grade is markedly weaker than the habit */
	unsigned usual_grade;		/* enum tls_grade */
	uint64_t sessions;
	unsigned days;
	int64_t last_tls_secs;		/* 0: never */
	uint64_t changed_sessions;	/* weaker sessions since the last one that was as usual */
};

struct memory_source {
	void *context;
	/* @param host  "" for the peer as a whole. @return 0; -E_ABSENT; -E_SYSTEM: no memory now */
	int (*view)(void *context, const char *peer, const char *host, enum tls_grade grade, struct memory_view *view_r);
};

/**
 * Under what name a client is remembered: the organizational domain of its forward-confirmed name, else its network
 * ("192.0.2.0/24", "2001:db8:1:2::/64").
 * @param psl  NULL: the name without its first label stands in for the organizational domain.
 * @param confirmed_name  NULL: there is none.
 * @return in the arena; NULL when the client has no address.
 */
const char *memory_peer_name(struct arena *arena, const struct psl_context *psl, const char *confirmed_name,
    const struct ip_addr *client);

/** The client's network alone, as above. */
const char *memory_network_name(struct arena *arena, const struct ip_addr *client);

#endif
