/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What choosing a policy costs: by how many policies and domains there are, beside one policy without lists. Each policy lists its
 * share of the domains; recipients are asked for in no order, one a message, each with an author that nobody lists.
 * usage: bench_policies [ENTRIES]. One line a case; ends with 1 when a choice among 1,000 policies takes longer than GOAL_NS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "policy/policy.h"
#include "util/arena.h"
#include "util/buf.h"

enum { QUESTIONS = 100000, GOAL_NS = 5000, LISTS = 1000 };

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void name_of(size_t i, char name_r[64])
{
	snprintf(name_r, 64, "customer%zu.example", i * 7919 % 1000003);
}

/* Files of so many entries each, one a policy. The directory goes with them. */
static const struct config *load(const char *directory, size_t policies, size_t entries, double *ms_r)
{
	struct arena *arena = arena_new();
	struct buf text = buf_make(arena);
	const struct config *config;
	double began;
	char name[64];

	for (size_t p = 0; p < policies; p++) {
		const char *path = arena_printf(arena, "%s/%zu", directory, p);
		FILE *out = fopen(path, "w");

		if (out == NULL)
			abort();
		for (size_t i = p * entries / policies; i < (p + 1) * entries / policies; i++) {
			name_of(i, name);
			fprintf(out, "%s\n", name);
		}
		if (fclose(out) != 0)
			abort();
		buf_printf(&text, "policy p%zu { recipient-domains = \"@%s\" actions { spf-fail = reject } }\n", p, path);
	}
	began = cpu_ns();
	config = config_load_buffer(text.data, text.length, "bench", stderr);
	*ms_r = (cpu_ns() - began) / 1e6;
	if (config == NULL)
		exit(1);
	for (size_t p = 0; p < policies; p++)
		(void)remove(arena_printf(arena, "%s/%zu", directory, p));
	arena_free(&arena);
	return config;
}

/* @return ns a message: evidence of one recipient put before all policies. */
static double measure(const struct config *config, size_t entries, bool one_by_one)
{
	struct policy_set set = policy_set_of(config);
	struct recipient_place place = { .where = RECIPIENT_AT_DOMAIN };
	const struct evidence_author author = { .domain = "nobody.example" };
	const struct evidence evidence = { .stage = FINDING_STAGE_MESSAGE, .recipients = &place, .recipient_count = 1, .authors = &author,
		.author_count = 1, .listener = "smtp", .client_name = "mx.nobody.example", .envelope_domain = "nobody.example" };
	struct arena *arena = arena_new();
	char (*names)[64] = arena_calloc(arena, QUESTIONS, sizeof(*names));
	unsigned char *marks = arena_alloc(arena, set.count);
	double began;

	if (one_by_one)
		set.index = NULL;
	for (size_t i = 0; i < QUESTIONS; i++)
		name_of((size_t)rand() % entries * (1 + i % 2), names[i]);	/* every other one perhaps in no list */
	began = cpu_ns();
	for (size_t i = 0; i < QUESTIONS; i++) {
		place.domain = names[i];
		policy_select(&set, &evidence, marks);
	}
	began = (cpu_ns() - began) / QUESTIONS;
	arena_free(&arena);
	return began;
}

int main(int argc, char **argv)
{
	static const size_t counts[] = { 0, 3, 30, 300, 999 };
	size_t entries = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	char directory[] = "/tmp/assay-bench-XXXXXX";
	double took = 0, ms;

	if (entries < LISTS || mkdtemp(directory) == NULL)
		abort();
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const struct config *config = load(directory, counts[i], entries, &ms);

		took = measure(config, entries, false);
		printf("%4zu policies with %6zu domains: loaded in %6.1f ms, a choice takes %6.0f ns; asking each %8.0f ns\n", counts[i],
		    counts[i] != 0 ? entries : 0, ms, took, measure(config, entries, true));
		config_unref(&config);
	}
	(void)remove(directory);
	printf("goal, %d ns: %s\n", GOAL_NS, took <= GOAL_NS ? "reached" : "NOT reached");
	return took <= GOAL_NS ? 0 : 1;
}
