/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SPF_SPF_H
#define ASSAY_CHECK_SPF_SPF_H
/*
 * SPF (RFC 7208) of one identity, and the start of its look-ups. The check itself (facts in, results and findings out)
 * is check_spf of check.h.
 */
#include "check/result.h"
#include "resolver/resolver.h"
#include "util/addr.h"
#include "util/arena.h"

/* Every string may hold hostile bytes; a local part is cut to fit into SPF_IDENTITY_BYTES, a longer domain is none. */
enum { SPF_IDENTITY_BYTES = 1024 };

struct spf_request {
	struct ip_addr client;		/* AF_INET or AF_INET6; mapped IPv4 addresses are unmapped here too */
	const char *helo;		/* as A-labels; NULL: none was given */
	const char *mail_from;		/* without <>, domain as A-labels; "" or NULL: the null sender, judged as postmaster@HELO */
	const char *receiver;		/* %{r}; NULL: "unknown" */
	int64_t time_secs;		/* %{t}, seconds since the epoch */
	const char *default_explanation;	/* for fail without a usable exp=; may have macros; NULL: none */
};

/**
 * Evaluates check_host() (RFC 7208 section 4) with libspf2 behind the strict front (front.c).
 * @param result_r  filled whatever happens; its strings live in the arena.
 * Thread: that of the arena. Blocks in dns_wait() up to the scope's deadline.
 */
void spf_evaluate(const struct spf_request *request, struct dns_scope *scope, struct arena *arena,
    struct spf_result *result_r);

/**
 * Begins the look-ups that spf_evaluate() will most likely need, each answer starting the next (prefetch.c).
 * request and its strings, and arena, must live as long as the scope. Returns at once.
 */
void spf_prefetch(const struct spf_request *request, struct dns_scope *scope, struct arena *arena);

#endif
