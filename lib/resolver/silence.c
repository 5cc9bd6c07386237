/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zones that do not answer: see silence.h. Trusts nothing in the names. Cannot fail but for memory. Thread: I/O thread.
 */
#include "resolver/silence.h"

#include <libpsl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "util/out_of_memory.h"
#include "util/siphash.h"

enum {
	BUCKETS = 4096, ZONES_MAX = 16384,
	TIMEOUTS = 2,			/* one after the other */
	SILENT_FOR_MS = 30000,		/* after the last time-out */
	LOOK_EVERY_MS = 5000,		/* one question is let through, to see */
	AUTHORS_A_LOOK = 8,		/* and so many for author domains */
	ANSWERED_FOR_MS = 3600000,	/* how long an answer speaks for its label */
	REVERSE4_LABELS = 5, REVERSE6_LABELS = 14,	/* /24 and /48 */
};

struct zone {
	struct zone *chain, *newer, *older;
	uint64_t hash;
	unsigned timeouts;		/* one after the other */
	int64_t timed_out_ms;		/* the last of them */
	unsigned authors_left;		/* to be let through before the next look */
	unsigned under_way;		/* queries for names below, those that wait included */
	int64_t silent_until_ms, look_ms;
	int64_t answered_ms;		/* of a label below: when it answered last; 0: not that we knew */
	char name[];
};

struct silence {
	uint64_t key[2];
	size_t count;
	struct zone *buckets[BUCKETS];
	struct zone *newest, *oldest;
};

/*
 * A name's two zones: suffixes of its text. What stands at a registered name itself is a child too, as ".example.org", so that
 * no name below it speaks for it.
 */
struct zones {
	char dotted[1 + DNS_NAME_TEXT_BYTES];
	const char *registered, *child;
};

/* ---- names ---- */

/* The suffix of so many labels; the whole text when it has no more. */
static const char *suffix(const char *text, unsigned labels)
{
	for (const char *c = text + strlen(text); c > text; c--)
		if (c[-1] == '.' && (c - text < 2 || c[-2] != '\\') && --labels == 0)
			return c;
	return text;
}

static unsigned label_count(const char *text)
{
	unsigned labels = 1;

	for (const char *c = text; *c != '\0'; c++)
		labels += *c == '.' && (c == text || c[-1] != '\\');
	return labels;
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

static const char *registered_part(const char *text)
{
	const psl_ctx_t *list = psl_builtin();
	const char *registered;

	if (ends_in(text, ".in-addr.arpa"))
		return suffix(text, REVERSE4_LABELS);
	if (ends_in(text, ".ip6.arpa"))
		return suffix(text, REVERSE6_LABELS);
	registered = list != NULL ? psl_registrable_domain(list, text) : suffix(text, 2);
	return registered != NULL ? registered : text;
}

static void zones_of(const struct dns_name *name, struct zones *zones_r)
{
	char *text = zones_r->dotted + 1;

	zones_r->dotted[0] = '.';
	dns_name_text(name->bytes, text);
	zones_r->registered = registered_part(text);
	zones_r->child = zones_r->registered == text ? zones_r->dotted : suffix(text, label_count(zones_r->registered) + 1);
}

/* ---- the table ---- */

static uint64_t hash_of(const struct silence *silence, const char *name)
{
	return siphash(name, strlen(name), silence->key);
}

static struct zone *find(struct silence *silence, const char *name)
{
	uint64_t hash = hash_of(silence, name);
	struct zone *zone = silence->buckets[hash % BUCKETS];

	while (zone != NULL && (zone->hash != hash || strcmp(zone->name, name) != 0))
		zone = zone->chain;
	return zone;
}

static void list_unlink(struct silence *silence, struct zone *zone)
{
	*(zone->newer != NULL ? &zone->newer->older : &silence->newest) = zone->older;
	*(zone->older != NULL ? &zone->older->newer : &silence->oldest) = zone->newer;
}

static void list_push(struct silence *silence, struct zone *zone)
{
	zone->newer = NULL;
	zone->older = silence->newest;
	*(zone->older != NULL ? &zone->older->newer : &silence->oldest) = zone;
	silence->newest = zone;
}

static void drop(struct silence *silence, struct zone *zone)
{
	struct zone **link = &silence->buckets[zone->hash % BUCKETS];

	while (*link != zone)
		link = &(*link)->chain;
	*link = zone->chain;
	list_unlink(silence, zone);
	silence->count--;
	free(zone);
}

/* One that has queries is not forgotten: it goes among the new ones, so that each is looked at once in a round. */
static void make_room(struct silence *silence)
{
	struct zone *oldest = silence->oldest;

	if (silence->count < ZONES_MAX)
		return;
	if (oldest->under_way == 0) {
		drop(silence, oldest);
		return;
	}
	list_unlink(silence, oldest);
	list_push(silence, oldest);
}

static struct zone *get(struct silence *silence, const char *name)
{
	struct zone *zone = find(silence, name), **bucket;
	size_t length = strlen(name);

	if (zone != NULL) {
		list_unlink(silence, zone);
		list_push(silence, zone);
		return zone;
	}
	make_room(silence);
	zone = calloc(1, sizeof(*zone) + length + 1);
	if (zone == NULL)
		out_of_memory();
	memcpy(zone->name, name, length);
	zone->hash = hash_of(silence, name);
	bucket = &silence->buckets[zone->hash % BUCKETS];
	zone->chain = *bucket;
	*bucket = zone;
	list_push(silence, zone);
	silence->count++;
	return zone;
}

/* ---- what happened ---- */

struct silence *silence_new(void)
{
	struct silence *silence = calloc(1, sizeof(*silence));

	if (silence == NULL)
		out_of_memory();
	if (getrandom(silence->key, sizeof(silence->key), 0) != sizeof(silence->key))
		abort();	/* strangers could choose their buckets */
	return silence;
}

void silence_free(struct silence **silence)
{
	struct silence *old = *silence;

	*silence = NULL;
	while (old != NULL && old->oldest != NULL)
		drop(old, old->oldest);
	free(old);
}

static bool is_silent(const struct zone *zone, int64_t now_ms)
{
	return zone != NULL && zone->silent_until_ms > now_ms;
}

/* Whether this question is not one of those that are let through. */
static bool zone_holds(struct zone *zone, bool for_author, int64_t now_ms)
{
	if (!is_silent(zone, now_ms))
		return false;
	if (zone->look_ms <= now_ms) {
		zone->look_ms = now_ms + LOOK_EVERY_MS;
		zone->authors_left = AUTHORS_A_LOOK;
		return false;
	}
	if (!for_author || zone->authors_left == 0)
		return true;
	zone->authors_left--;
	return false;
}

/*
 * What a domain's policy and its signatures are judged by, and the domain itself: no name that somebody else may have below it
 * keeps these from being asked. They are few, so each may have time-outs of its own.
 */
static bool is_own_record(const struct zones *zones)
{
	static const char *const labels[] = { ".", "_dmarc.", "_domainkey." };

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (strncmp(zones->child, labels[i], strlen(labels[i])) == 0)
			return true;
	return false;
}

static bool has_answered(const struct zone *child, int64_t now_ms)
{
	return child != NULL && child->answered_ms != 0 && child->answered_ms + ANSWERED_FOR_MS > now_ms;
}

bool silence_holds(struct silence *silence, const struct dns_name *name, bool for_author, int64_t now_ms, const char **zone_r)
{
	struct zone *zone, *child;
	struct zones zones;

	if (silence->count == 0)
		return false;
	zones_of(name, &zones);
	child = find(silence, zones.child);
	zone = find(silence, zones.registered);
	if (zone_holds(child, for_author, now_ms)) {
		*zone_r = child->name[0] == '.' ? child->name + 1 : child->name;
		return true;
	}
	if (has_answered(child, now_ms) || is_own_record(&zones) || !zone_holds(zone, for_author, now_ms))
		return false;
	*zone_r = zone->name;
	return true;
}

bool silence_is_known(struct silence *silence, const struct dns_name *name, int64_t now_ms)
{
	struct zone *child;
	struct zones zones;

	if (silence->count == 0)
		return false;
	zones_of(name, &zones);
	child = find(silence, zones.child);
	return is_silent(child, now_ms) || (!has_answered(child, now_ms) && !is_own_record(&zones) &&
	    is_silent(find(silence, zones.registered), now_ms));
}

bool zone_enter(struct silence *silence, const struct dns_name *name, bool for_author, unsigned limit, struct zone **zone_r)
{
	struct zone *zone;
	struct zones zones;

	zones_of(name, &zones);
	zone = get(silence, zones.registered);
	if (zone->under_way >= limit && !for_author)
		return false;
	zone->under_way++;
	*zone_r = zone;
	return true;
}

void zone_leave(struct zone **zone)
{
	if (*zone != NULL)
		(*zone)->under_way--;
	*zone = NULL;
}

static void zone_answered(struct zone *zone)
{
	zone->timeouts = 0;
	zone->silent_until_ms = 0;
}

void silence_answered(struct silence *silence, const struct dns_name *name, int64_t now_ms)
{
	struct zone *zone;
	struct zones zones;

	zones_of(name, &zones);
	zone = get(silence, zones.child);
	zone_answered(zone);
	zone->answered_ms = now_ms;
	zone = find(silence, zones.registered);
	if (zone != NULL)
		zone_answered(zone);
}

static void zone_timed_out(struct zone *zone, int64_t sent_ms, int64_t now_ms)
{
	if (sent_ms < zone->timed_out_ms)	/* it was under way with the last one */
		return;
	zone->timed_out_ms = now_ms;
	if (++zone->timeouts < TIMEOUTS)
		return;
	if (!is_silent(zone, now_ms)) {
		zone->look_ms = now_ms + LOOK_EVERY_MS;
		zone->authors_left = AUTHORS_A_LOOK;
	}
	zone->silent_until_ms = now_ms + SILENT_FOR_MS;
}

void silence_timed_out(struct silence *silence, const struct dns_name *name, int64_t sent_ms, int64_t now_ms)
{
	struct zones zones;

	zones_of(name, &zones);
	zone_timed_out(get(silence, zones.child), sent_ms, now_ms);
	zone_timed_out(get(silence, zones.registered), sent_ms, now_ms);
}
