/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store at size: writes N peers (each with one host) and N greylist entries the way the daemon does, then measures
 * look-ups of random ones, known and unknown, from a warm and, after a restart, from a cold start of the store; then N flows of a
 * month, written and read by kind.
 * usage: bench_store DIRECTORY [N [FLOWS]]. One line a figure. The databases stay in DIRECTORY/bench.db and DIRECTORY/flows.db.
 * In place of the directory "postgresql:CONNECTION": all goes into that database.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "record/greylist.h"
#include "record/store.h"
#include "util/error.h"

enum { LOOKUPS = 100000, FLUSH_EVERY = 10000, NOW = 1790000000, LOOKUP_MS = 1000 };

static double now_us(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static unsigned random_below(uint64_t *state, unsigned limit)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((*state >> 33) % limit);
}

/* Names of everyday length, in an order that has nothing to do with the number. */
static void peer_name(char *text, size_t bytes, unsigned number)
{
	snprintf(text, bytes, "%08x-sender.example", number * 2654435761u);
}

static const char *grey_key(struct arena *arena, unsigned number)
{
	char origin[64], sender[96], recipient[64];

	peer_name(origin, sizeof(origin), number);
	snprintf(sender, sizeof(sender), "newsletter@%s", origin);
	snprintf(recipient, sizeof(recipient), "user%u@rcpt.example", number % 5000);
	arena_reset(arena);
	return greylist_key(arena, origin, sender, recipient);
}

static void must(int code)
{
	if (code == 0)
		return;
	fprintf(stderr, "bench_store: the store failed (%d)\n", code);
	exit(1);
}

/* Waits until all is written; a flush gives up after five seconds, a large database takes longer. */
static void drain(struct store *store)
{
	struct store_statistics statistics;

	while (store_flush(store) != 0) {
		store_statistics(store, &statistics);
		if (statistics.lost != 0 || statistics.dropped != 0)
			must(-E_SYSTEM);
	}
}

static void fill(struct store *store, unsigned count)
{
	struct arena *arena = arena_new();
	double began = now_us(CLOCK_MONOTONIC), cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	char name[64], host[32];
	struct peer_note note = { .peer = name, .host = host, .grade = 3 };

	for (unsigned i = 0; i < count; i++) {
		peer_name(name, sizeof(name), i);
		snprintf(host, sizeof(host), "198.%u.%u.%u", 18 + i / 65536 % 2, i / 256 % 256, i % 256);
		note.time_secs = NOW + i % 86400;
		must(store_peer_note(store, &note));
		must(store_greylist_note(store, grey_key(arena, i), note.time_secs, false));
		if (i % FLUSH_EVERY == FLUSH_EVERY - 1)
			drain(store);
	}
	drain(store);
	printf("write           %10.1f us a note (%.1f us CPU), %u peers with hosts and %u greylist entries\n",
	    (now_us(CLOCK_MONOTONIC) - began) / count / 2, (now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / count / 2, count, count);
	arena_free(&arena);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_costs(const char *what, double *costs)
{
	qsort(costs, LOOKUPS, sizeof(*costs), by_value);
	printf("%-28s p50 %7.1f us  p99 %7.1f us  p99.9 %7.1f us\n", what, costs[LOOKUPS / 2], costs[LOOKUPS / 100 * 99],
	    costs[LOOKUPS / 1000 * 999]);
}

/* expected: 0 for known ones (numbers below count), -E_ABSENT for unknown ones (numbers from count on). */
static void measure(struct store *store, const char *title, unsigned count, int expected)
{
	double *costs = calloc(LOOKUPS, sizeof(*costs));
	struct arena *arena = arena_new();
	struct greylist_entry entry;
	struct peer_memory memory;
	uint64_t state = 42;
	char name[64], what[64];

	if (costs == NULL)
		abort();
	for (unsigned i = 0; i < LOOKUPS; i++) {
		double began;

		peer_name(name, sizeof(name), random_below(&state, count) + (expected != 0 ? count : 0));
		began = now_us(CLOCK_MONOTONIC);
		if (store_peer_get(store, name, &memory) != expected)
			must(-E_SYSTEM);
		costs[i] = now_us(CLOCK_MONOTONIC) - began;
	}
	snprintf(what, sizeof(what), "peer, %s", title);
	print_costs(what, costs);
	for (unsigned i = 0; i < LOOKUPS; i++) {
		const char *key = grey_key(arena, random_below(&state, count) + (expected != 0 ? count : 0));
		double began = now_us(CLOCK_MONOTONIC);

		if (store_greylist_get(store, key, &entry) != expected)
			must(-E_SYSTEM);
		costs[i] = now_us(CLOCK_MONOTONIC) - began;
	}
	snprintf(what, sizeof(what), "greylist, %s", title);
	print_costs(what, costs);
	arena_free(&arena);
	free(costs);
}

static struct store *reopen(const char *path, struct clock *clock)
{
	struct store_config config = { .location = path, .clock = clock, .busy_ms = LOOKUP_MS };
	char why[256];
	struct store *store = store_open(&config, why, sizeof(why));

	if (store == NULL) {
		fprintf(stderr, "bench_store: %s\n", why);
		exit(1);
	}
	drain(store);
	while (!store_is_up(store))
		usleep(1000);
	return store;
}

/* ---- flows ------------------------------------------------------------------------------------------------------- */

enum { DOMAINS = 220, HELPERS = 9, MONTH_DAYS = 30 };

/* A message of a month: of 220 domains, two thirds of it directly, the rest by nine forwarders, lists and spoofers, to four domains. */
static void note_message(struct store *store, unsigned number, unsigned count, uint64_t *state)
{
	unsigned domain = random_below(state, DOMAINS), helper = random_below(state, HELPERS * 3), places = 1 + random_below(state, 10);
	bool direct = helper >= HELPERS, fails = !direct && helper % 3 != 0;
	char author[32], network[32], evidence[512], recipients[96] = "";
	struct flow_note note = { .author_domain = author, .envelope_domain = author, .client_network = network, .evidence = evidence,
		.findings = fails ? "dkim-none,spf-fail,dmarc-reject" : "", .results = fails ? "spf=fail dkim=none dmarc=fail adsp=- iprev=pass" :
		"spf=pass dkim=pass dmarc=pass adsp=- iprev=pass", .tls_grade = "strong", .tls_version = "TLSv1.3",
		.tls_cipher = "TLS_AES_256_GCM_SHA384", .policy = "default", .action = fails ? "reject" : "none",
		.bytes = 2000 + random_below(state, 30000), .sessions = 1 };

	note.time_secs = NOW - MONTH_DAYS * 86400 + (int64_t)((double)number * MONTH_DAYS * 86400 / count);
	snprintf(author, sizeof(author), "d%u.example", domain);
	snprintf(network, sizeof(network), direct ? "198.18.%u.0/24" : "203.0.%u.0/24", direct ? domain % 256 : helper);
	for (unsigned place = 0; place < 4; place++)
		if ((places >> place & 1) != 0)
			snprintf(recipients + strlen(recipients), sizeof(recipients) - strlen(recipients), "%sr%u.example", recipients[0] ? "," : "", place);
	snprintf(evidence, sizeof(evidence), "1 s=m%s%s r=%s a=%s:%s m=%s p=%s:%s%s%s h=%s%u.example/ n=%s", fails ? " f=" : "",
	    note.findings, recipients, author, fails ? "fail" : "pass", author, author, fails ? "fail" : "pass", fails ? "" : " d=",
	    fails ? "" : author, direct ? "d" : "helper", direct ? domain : helper, network);
	must(store_flow_note(store, &note));
}

struct read { uint64_t kinds, spans, messages; };

static void see_kind(void *arg, const struct flow_row *kind, const struct flow_span *spans, size_t count)
{
	struct read *read = arg;

	(void)spans;
	read->kinds++;
	read->spans += count;
	read->messages += kind->messages;
}

static void flows(const char *path, unsigned count, struct clock *clock)
{
	struct store *store = reopen(path, clock);
	double began = now_us(CLOCK_MONOTONIC), cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	struct read read = { 0 };
	struct stat status;
	uint64_t state = 7;

	for (unsigned i = 0; i < count; i++) {
		note_message(store, i, count, &state);
		if (i % FLUSH_EVERY == FLUSH_EVERY - 1)
			drain(store);
	}
	drain(store);
	printf("flows, write    %10.1f us a note (%.1f us CPU), %u messages\n", (now_us(CLOCK_MONOTONIC) - began) / count,
	    (now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / count, count);
	store_close(&store);
	if (stat(path, &status) == 0)
		printf("flows, file     %10.1f MiB\n", (double)status.st_size / 1048576);
	store = reopen(path, clock);
	began = now_us(CLOCK_MONOTONIC);
	cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
	must(store_kinds_each(store, 0, 86400, see_kind, &read));
	printf("flows, read     %10.2f s (%.2f s CPU), %" PRIu64 " kinds, %" PRIu64 " spans, %" PRIu64 " messages\n",
	    (now_us(CLOCK_MONOTONIC) - began) / 1e6, (now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e6, read.kinds, read.spans, read.messages);
	store_close(&store);
}

int main(int argc, char **argv)
{
	unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000000;
	unsigned messages = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : count;
	struct clock clock = { .fixed_secs = NOW + 86400 };
	bool server = argc > 1 && strncmp(argv[1], "postgresql:", 11) == 0;
	struct store *store;
	struct stat status;
	char path[4096];

	if (argc < 2 || count == 0) {
		fprintf(stderr, "usage: bench_store DIRECTORY [N [FLOWS]]\n");
		return 64;
	}
	snprintf(path, sizeof(path), "%s%s", argv[1], server ? "" : "/bench.db");
	store = reopen(path, &clock);
	fill(store, count);
	measure(store, "known", count, 0);
	measure(store, "unknown", count, -E_ABSENT);
	store_close(&store);
	if (stat(path, &status) == 0)
		printf("file            %10.1f MiB\n", (double)status.st_size / 1048576);
	store = reopen(path, &clock);
	measure(store, "known, after restart", count, 0);
	store_close(&store);
	snprintf(path, sizeof(path), "%s%s", argv[1], server ? "" : "/flows.db");
	flows(path, messages, &clock);
	return 0;
}
