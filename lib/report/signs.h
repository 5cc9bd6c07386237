/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_SIGNS_H
#define ASSAY_REPORT_SIGNS_H
/*
 * Whether a recorded message looks wanted or forged, by what its evidence shows. A forecast needs that, judgement does not: nothing
 * here ever lets a message in. What a sender can write himself (a From field above all) is never a sign of being wanted.
 * Thread: one.
 */
#include "config/config.h"
#include "policy/evidence.h"
#include "record/store.h"

/* Why a message looks wanted. The first ones are good enough alone; those from SIGN_WEAK on a forger can have, too. */
enum sign {
	SIGN_AUTHENTICATED,	/* the client authenticated to the MTA */
	SIGN_EXEMPT,		/* exempt from judgement: a trusted network, or a submission */
	SIGN_DMARC,		/* DMARC passes for every author domain */
	SIGN_AUTHOR_DKIM,	/* without a DMARC verdict: a DKIM pass of every author domain, or of a domain above it */
	SIGN_AUTHOR_SPF,	/* the same by SPF */
	SIGN_FORWARDER,		/* a domain of dmarc { trusted-forwarders } vouches by DKIM or SPF */
	SIGN_OVERRIDE,		/* an override held for its only author domain: dmarc-overridden */
	SIGN_KNOWN, SIGN_KNOWN_DKIM = SIGN_KNOWN,	/* a DKIM pass of a domain that has carried proven mail of others for weeks */
	SIGN_KNOWN_SPF,		/* the same by SPF */
	SIGN_WEAK, SIGN_CERT = SIGN_WEAK,	/* a client certificate that fits client, HELO name or author, or a TLSA record */
	SIGN_PEER,		/* the client's peer was known before the period began */
	SIGN_OTHER_DKIM,	/* a DKIM pass of some other domain */
	SIGN_OTHER_SPF,		/* an SPF pass of some other domain */
	SIGN_COUNT
};

/** For machines: "dmarc-pass" …; for people: "DMARC passes" … Static. */
const char *sign_name(enum sign sign);
const char *sign_title(enum sign sign);

/*
 * WANTED: some sign that is good enough alone. FORGED: a finding that speaks of forgery, and no sign at all. UNCLEAR: the rest;
 * forwarded and forged mail look alike there, nothing speaks either way, or it was not recorded who vouches.
 */
enum look { LOOK_WANTED, LOOK_UNCLEAR, LOOK_FORGED, LOOK_COUNT };
const char *look_name(enum look look);

struct looks {
	enum look look;
	unsigned signs;		/* a bit for each enum sign */
	bool accused;		/* some finding speaks of forgery */
	bool proven;		/* by a sign before SIGN_KNOWN: more than that a known forwarder had it */
};

/* What is known of those who vouch, gathered from the record first. */
struct signs;

/** @param config  says who is trusted and how long a peer must have been known; borrowed. @param since_secs  the period's beginning. */
struct signs *signs_new(const struct config *config, int64_t since_secs);
/** The same for questions about single days (signs_look_on()) from first_day on: days since the epoch, of which so many are learnt. */
struct signs *signs_new_daily(const struct config *config, int64_t first_day, size_t day_count);
void signs_free(struct signs **signs);

/** Takes a peer in; fits store_peers_each() with the signs as its argument. */
void signs_learn_peer(void *signs, const char *peer, const struct peer_memory *memory);
/** Takes in who vouched for messages of that time, in any order. Only mail whose author is proven
 * makes those known who vouch for it besides: so nobody becomes known by mail of his own, nor by forged mail. */
void signs_learn(struct signs *signs, int64_t time_secs, const struct evidence *evidence);

struct looks signs_look(const struct signs *signs, const struct evidence *evidence);

enum { SIGNS_BACK_DAYS = 30 };
/**
 * How a message of that day looked then: who vouches is known by the SIGNS_BACK_DAYS days before it, and by nothing later.
 * @param signs  of signs_new_daily().
 */
struct looks signs_look_on(const struct signs *signs, const struct evidence *evidence, int64_t day);

/** @return whether there were more names than are kept: some who vouch may not be known. */
bool signs_are_over(const struct signs *signs);

/** @return whether a finding speaks of forgery. */
bool finding_accuses(enum finding_id id);

#endif
