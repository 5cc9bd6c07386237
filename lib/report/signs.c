/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signs of being wanted or forged. Who vouches is kept in hash tables (uthash), at most MAX_KNOWN names of a kind: those over it
 * are not known, which makes nothing look wanted. Trusts the evidence's enums; its names come from the network and are compared
 * only. Out of memory aborts. Thread: one.
 */
#include "report/signs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "util/domain.h"
#include "util/out_of_memory.h"

/* Without these nobody knows that nothing speaks for a message. */
enum { LACKS_SIGNS = EVIDENCE_LACKS_SPF | EVIDENCE_LACKS_SIGNATURES | EVIDENCE_LACKS_SENSE | EVIDENCE_LACKS_ALL };

enum { MAX_KNOWN = 200000, DAY_SECS = 86400, KNOWN_DAYS = 7, KNOWN_SPREAD_DAYS = 14 };

struct known {
	UT_hash_handle hh;
	int64_t first_day, last_day;
	int64_t some_days[KNOWN_DAYS];	/* distinct ones: more need not be told apart */
	unsigned days;			/* of them */
	uint64_t *day_bits;		/* of all days that are learnt one by one; NULL */
	char name[];
};

struct signs {
	const struct config *config;
	int64_t since_secs, first_day;
	size_t day_words;		/* of day_bits; 0: days are not kept apart */
	bool over;			/* names that are not known for there were too many */
	struct known *peers, *signers, *senders;	/* peers; domains that pass DKIM; that pass SPF */
};

static const struct { const char *name, *title; } sign_texts[SIGN_COUNT] = {
	[SIGN_AUTHENTICATED] = { "authenticated", "the client authenticated" },
	[SIGN_EXEMPT] = { "exempt", "exempt from judgement (trusted)" },
	[SIGN_DMARC] = { "dmarc-pass", "DMARC passes for the author" },
	[SIGN_AUTHOR_DKIM] = { "author-dkim", "signed by the author's domain" },
	[SIGN_AUTHOR_SPF] = { "author-spf", "SPF passes for the author's domain" },
	[SIGN_FORWARDER] = { "trusted-forwarder", "a trusted forwarder vouches" },
	[SIGN_OVERRIDE] = { "override", "an override held: a section's, or a trusted sealer's (ARC)" },
	[SIGN_KNOWN_DKIM] = { "known-dkim", "signed by a forwarder known for weeks" },
	[SIGN_KNOWN_SPF] = { "known-spf", "SPF passes for a forwarder known for weeks" },
	[SIGN_CERT] = { "certificate", "a client certificate that fits" },
	[SIGN_PEER] = { "known-peer", "a peer known before the period" },
	[SIGN_OTHER_DKIM] = { "other-dkim", "signed by another domain" },
	[SIGN_OTHER_SPF] = { "other-spf", "SPF passes for another domain" },
};

const char *sign_name(enum sign sign)
{
	return sign_texts[sign].name;
}

const char *sign_title(enum sign sign)
{
	return sign_texts[sign].title;
}

const char *look_name(enum look look)
{
	static const char *const names[LOOK_COUNT] = { "wanted", "unclear", "forged" };

	return names[look];
}

bool finding_accuses(enum finding_id id)
{
	static const enum finding_id accusing[] = { FINDING_SPF_FAIL, FINDING_SPF_HELO_FAIL, FINDING_FROM_INVALID, FINDING_FROM_TOO_MANY,
		FINDING_AUTHRES_FORGED, FINDING_AUTHRES_TOO_MANY, FINDING_DKIM_FIELD_ADDED, FINDING_DMARC_FAIL, FINDING_DMARC_QUARANTINE,
		FINDING_DMARC_REJECT, FINDING_DMARC_REJECT_CORROBORATED, FINDING_ADSP_ALL, FINDING_ADSP_DISCARDABLE, FINDING_ADSP_NXDOMAIN };

	for (size_t i = 0; i < sizeof(accusing) / sizeof(accusing[0]); i++)
		if (accusing[i] == id)
			return true;
	return false;
}

/* ---- what is known ----------------------------------------------------------------------------------------------- */

struct signs *signs_new(const struct config *config, int64_t since_secs)
{
	struct signs *signs = calloc(1, sizeof(*signs));

	if (signs == NULL)
		out_of_memory();
	signs->config = config;
	signs->since_secs = since_secs;
	return signs;
}

struct signs *signs_new_daily(const struct config *config, int64_t first_day, size_t day_count)
{
	struct signs *signs = signs_new(config, first_day * DAY_SECS);

	signs->first_day = first_day;
	signs->day_words = day_count / 64 + 1;
	return signs;
}

bool signs_are_over(const struct signs *signs)
{
	return signs->over;
}

static void known_free(struct known **table)
{
	struct known *known, *next;

	HASH_ITER(hh, *table, known, next) {
		HASH_DEL(*table, known);
		free(known->day_bits);
		free(known);
	}
}

void signs_free(struct signs **signs)
{
	struct signs *old = *signs;

	*signs = NULL;
	if (old == NULL)
		return;
	known_free(&old->peers);
	known_free(&old->signers);
	known_free(&old->senders);
	free(old);
}

static void known_see_day(const struct signs *signs, struct known *known, int64_t day)
{
	int64_t place = day - signs->first_day;

	if (signs->day_words == 0 || place < 0 || place >= (int64_t)signs->day_words * 64)
		return;
	if (known->day_bits == NULL && (known->day_bits = calloc(signs->day_words, sizeof(*known->day_bits))) == NULL)
		out_of_memory();
	known->day_bits[place / 64] |= (uint64_t)1 << (place % 64);
}

static void known_see(struct signs *signs, struct known **table, const char *name, int64_t day)
{
	struct known *known;
	unsigned place = 0;

	HASH_FIND_STR(*table, name, known);
	if (known == NULL && HASH_COUNT(*table) >= MAX_KNOWN) {
		signs->over = true;
		return;
	}
	if (known == NULL) {
		known = calloc(1, sizeof(*known) + strlen(name) + 1);
		if (known == NULL)
			out_of_memory();
		strcpy(known->name, name);
		known->first_day = known->last_day = day;
		HASH_ADD_STR(*table, name, known);
	}
	known->first_day = day < known->first_day ? day : known->first_day;
	known->last_day = day > known->last_day ? day : known->last_day;
	while (place < known->days && known->some_days[place] != day)
		place++;
	if (place == known->days && place < KNOWN_DAYS)
		known->some_days[known->days++] = day;
	known_see_day(signs, known, day);
}

/* By the days before that one. */
static bool known_on(const struct signs *signs, const struct known *known, int64_t day)
{
	int64_t at = day - signs->first_day, place = at > SIGNS_BACK_DAYS ? at - SIGNS_BACK_DAYS : 0, first = -1, last = -1;
	unsigned days = 0;

	for (; known->day_bits != NULL && place < at && place < (int64_t)signs->day_words * 64; place++) {
		if ((known->day_bits[place / 64] >> (place % 64) & 1) == 0)
			continue;
		first = first < 0 ? place : first;
		last = place;
		days++;
	}
	return days >= KNOWN_DAYS && last - first >= KNOWN_SPREAD_DAYS;
}

enum { EVER = 0 };	/* as a day: by all that was learnt */

static bool known_has(const struct signs *signs, const struct known *table, const char *name, int64_t day)
{
	const struct known *known;

	HASH_FIND_STR(table, name, known);
	if (known != NULL && day != EVER)
		return known_on(signs, known, day);
	return known != NULL && known->days >= KNOWN_DAYS && known->last_day - known->first_day >= KNOWN_SPREAD_DAYS;
}

void signs_learn_peer(void *arg, const char *peer, const struct peer_memory *memory)
{
	struct signs *signs = arg;
	struct known *known;

	if (memory->first_secs >= signs->since_secs || memory->days < signs->config->habit_min_days)
		return;
	known_see(signs, &signs->peers, peer, 0);
	HASH_FIND_STR(signs->peers, peer, known);
	if (known == NULL)
		return;
	known->days = KNOWN_DAYS;
	known->last_day = KNOWN_SPREAD_DAYS;
}

/* ---- signs ------------------------------------------------------------------------------------------------------- */

/* A verdict of DMARC stands: what it did not find aligned is not taken for it here. */
static bool is_open(const struct evidence_author *author)
{
	return author->dmarc != RESULT_PASS && author->dmarc != RESULT_FAIL;
}

static bool dkim_vouches(const struct evidence *evidence, const struct evidence_author *author)
{
	for (size_t i = 0; i < evidence->pass_count; i++)
		if (domain_is_within(author->domain, evidence->passes[i].domain))
			return true;
	return false;
}

static bool spf_vouches(const struct evidence *evidence, const struct evidence_author *author)
{
	return evidence->spf == RESULT_PASS && evidence->spf_domain != NULL && domain_is_within(author->domain, evidence->spf_domain);
}

/* Every author, else one of them could be anybody. */
static unsigned author_signs(const struct evidence *evidence)
{
	bool dmarc = true, dkim = true, spf = true;

	if (evidence->author_count == 0 || evidence->authors_unknown || (evidence->lacks & EVIDENCE_LACKS_AUTHORS) != 0)
		return 0;
	for (size_t i = 0; i < evidence->author_count; i++) {
		const struct evidence_author *author = &evidence->authors[i];

		dmarc = dmarc && author->dmarc == RESULT_PASS;
		dkim = dkim && is_open(author) && dkim_vouches(evidence, author);
		spf = spf && is_open(author) && spf_vouches(evidence, author);
	}
	return (unsigned)dmarc << SIGN_DMARC | (unsigned)dkim << SIGN_AUTHOR_DKIM | (unsigned)spf << SIGN_AUTHOR_SPF;
}

static unsigned vouching_signs(const struct signs *signs, const struct evidence *evidence, int64_t day)
{
	const struct domain_set *trusted = signs->config->trusted_forwarders.set;
	unsigned bits = 0;

	for (size_t i = 0; i < evidence->pass_count; i++) {
		const char *domain = evidence->passes[i].domain;

		bits |= 1u << (domain_set_has(trusted, domain) ? SIGN_FORWARDER : known_has(signs, signs->signers, domain, day) ? SIGN_KNOWN_DKIM :
		    SIGN_OTHER_DKIM);
	}
	if (evidence->spf == RESULT_PASS && evidence->spf_domain != NULL)
		bits |= 1u << (domain_set_has(trusted, evidence->spf_domain) ? SIGN_FORWARDER :
		    known_has(signs, signs->senders, evidence->spf_domain, day) ? SIGN_KNOWN_SPF : SIGN_OTHER_SPF);
	return bits;
}

/* A client that has a name is known by that or one above it, another by its network. */
static bool is_known_peer(const struct signs *signs, const struct evidence *evidence)
{
	const char *name = evidence->client_name, *dot;
	char network[ADDR_TEXT_BYTES + 8], address[ADDR_TEXT_BYTES];

	for (; name != NULL && (dot = strchr(name, '.')) != NULL; name = dot + 1)
		if (known_has(signs, signs->peers, name, EVER))
			return true;
	if (evidence->client_name != NULL || evidence->client.addr.family == AF_UNSPEC)
		return false;
	snprintf(network, sizeof(network), "%s/%u", addr_format(&evidence->client.addr, address), evidence->client.prefix_bits);
	return known_has(signs, signs->peers, network, EVER);
}

static bool is_accused(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->finding_count; i++)
		if (finding_accuses(evidence->findings[i].id))
			return true;
	for (size_t i = 0; i < evidence->waivable_count; i++)
		if (!evidence_is_overridden(evidence) && finding_accuses(evidence->waivable[i].as_is.id))
			return true;
	return false;
}

/* Of several authors one only may be the one for whom it held. */
static bool is_overridden(const struct evidence *evidence)
{
	return evidence_is_overridden(evidence) && evidence->author_count == 1 && !evidence->authors_unknown && (evidence->lacks & EVIDENCE_LACKS_AUTHORS) == 0;
}

static bool is_of_author(const struct evidence *evidence, const char *domain)
{
	for (size_t i = 0; i < evidence->author_count; i++)
		if (domain_is_within(evidence->authors[i].domain, domain) || domain_is_within(domain, evidence->authors[i].domain))
			return true;
	return false;
}

void signs_learn(struct signs *signs, int64_t time_secs, const struct evidence *evidence)
{
	int64_t day = time_secs / DAY_SECS;

	if (author_signs(evidence) == 0)
		return;
	for (size_t i = 0; i < evidence->pass_count; i++)
		if (!is_of_author(evidence, evidence->passes[i].domain))
			known_see(signs, &signs->signers, evidence->passes[i].domain, day);
	if (evidence->spf == RESULT_PASS && evidence->spf_domain != NULL && !is_of_author(evidence, evidence->spf_domain))
		known_see(signs, &signs->senders, evidence->spf_domain, day);
}

struct looks signs_look(const struct signs *signs, const struct evidence *evidence)
{
	return signs_look_on(signs, evidence, EVER);
}

struct looks signs_look_on(const struct signs *signs, const struct evidence *evidence, int64_t day)
{
	struct looks looks = { .signs = author_signs(evidence), .accused = is_accused(evidence) };

	if (looks.signs == 0)	/* else who vouches is the author */
		looks.signs = vouching_signs(signs, evidence, day);
	looks.signs |= (unsigned)evidence->authenticated << SIGN_AUTHENTICATED | (unsigned)evidence->exempt << SIGN_EXEMPT |
	    (unsigned)is_overridden(evidence) << SIGN_OVERRIDE | (unsigned)(evidence->cert.match != NULL) << SIGN_CERT |
	    (unsigned)is_known_peer(signs, evidence) << SIGN_PEER;
	looks.proven = (looks.signs & ((1u << SIGN_KNOWN) - 1)) != 0;
	if ((looks.signs & ((1u << SIGN_WEAK) - 1)) != 0)
		looks.look = LOOK_WANTED;
	else if (looks.accused && looks.signs == 0 && (evidence->lacks & LACKS_SIGNS) == 0)
		looks.look = LOOK_FORGED;
	else
		looks.look = LOOK_UNCLEAR;
	return looks;
}
