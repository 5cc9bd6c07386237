/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_CHECK_H
#define ASSAY_CHECK_CHECK_H
/*
 * A check: facts and DNS answers in, a result and findings out. One file a check; CHECKS_TABLE in config/checks.h names them
 * in run order (dmarc reads the results of spf, dkim and arc, adsp those of dkim and dmarc, corroborate the findings of all).
 *
 *   envelope()   at MAIL FROM: begin look-ups; never waits
 *   header()     when all header fields are there: begin look-ups, prepare; never waits.
 *                Returns whether the check wants the body.
 *   body()       each chunk as it comes
 *   settle()     at end of message, before any check is judged: waits for the DNS answers that tell what one author domain
 *                asks for, so that other checks cannot use up the time for them; judges nothing
 *   judge()      waits for its answers, fills its result, raises its findings. ENVELOPE checks are judged at RCPT when
 *                a policy may act there, else at end of message; MESSAGE checks at end of message. Once per message.
 *
 * Thread: all calls for one message from one thread (that of the connection).
 */
#include <string.h>

#include "check/result.h"
#include "config/config.h"
#include "message/author.h"
#include "message/facts.h"
#include "resolver/resolver.h"

struct dkim_bodies;	/* check/signature/bodies.h */
struct dkim_keycache;	/* check/signature/key.h */
struct dkim_engine;	/* check/dkim/dkim.h: long-lived DKIM state, shared by all messages */
struct memory_source;	/* check/memory.h: what is remembered of earlier sessions */
struct psl_context;	/* check/dmarc/dmarc.h: loaded public suffix list; NULL: not available */

/* What outlives messages; owned by the pipeline's engine. */
struct check_shared {
	struct dns_resolver *resolver;
	struct dkim_engine *dkim;
	struct dkim_keycache *keys;		/* decoded keys, of whatever signs in DKIM's form; the DKIM engine's */
	struct psl_context *psl;
	const struct memory_source *memory;	/* check/memory.h; NULL: nothing is remembered */
};

/* By which type DMARC and ADSP ask whether a domain exists: the one that mail servers ask for, too. */
enum { CHECK_EXISTENCE_TYPE = DNS_TYPE_MX };

/**
 * @return whether the answer says that the name asked for does not exist. One that is an alias does, wherever the alias leads:
 * NXDOMAIN is then said of its target (RFC 8020 section 2, RFC 9989 appendix A.4).
 */
static inline bool check_name_is_absent(const struct dns_answer *answer)
{
	return answer->status == DNS_STATUS_NXDOMAIN && strcmp(answer->name, answer->canonical_name) == 0;
}

/* One message under judgement. */
struct check_context {
	const struct config *config;
	const struct check_shared *shared;
	const struct facts *facts;
	const struct author *author;	/* filled before header() */
	struct dns_scope *dns;
	struct arena *arena;		/* == facts->arena */
	struct results *results;
	struct dkim_bodies *bodies;	/* after header(), when a check before hashes the body: to be wanted from, not to be fed; NULL */
	void *state[CHECK_COUNT];	/* each check's own, in the arena unless it has a release() */
};

struct check {
	enum check_id id;
	enum finding_stage stage;
	bool exempt_too;		/* judged of exempt messages as well: what the MTA handed over, without DNS */
	void (*envelope)(struct check_context *context);
	bool (*header)(struct check_context *context);
	void (*body)(struct check_context *context, const void *data, size_t length);
	void (*settle)(struct check_context *context, size_t author_index);
	void (*judge)(struct check_context *context);
	void (*release)(struct check_context *context);	/* at end or abort; frees what is not in the arena */
};

/** The checks in run order, CHECK_COUNT of them. Functions may be NULL. */
extern const struct check *const checks_table[CHECK_COUNT];

/* check_iprev, check_tls and so on: each in its own file. */
#define CHECK_DECLARATION(id, name, traits, is_off, why) extern const struct check check_##name;
CHECKS_TABLE(CHECK_DECLARATION)
#undef CHECK_DECLARATION

#endif
