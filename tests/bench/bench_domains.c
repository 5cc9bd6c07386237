/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A large list of domains from a file: how long it takes to load, what memory it keeps, and what a match costs, beside the list
 * that is gone through one by one, as before there were sets (a copy of that way is kept here only).
 * usage: bench_domains [ENTRIES]. One line a figure; ends with 1 when a match takes longer than a microsecond.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "util/arena.h"

enum { QUESTIONS = 1000000, LINEAR_QUESTIONS = 200, NAME_BYTES = 64 };

static const double goal_ns = 1000;

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The way of before. */
static bool linear_has(const char *const *patterns, size_t count, const char *domain)
{
	size_t length = strlen(domain);

	for (size_t i = 0; i < count; i++) {
		const char *pattern = patterns[i];
		size_t pattern_length = strlen(pattern);

		if (pattern[0] != '.') {
			if (strcmp(pattern, domain) == 0)
				return true;
		} else if (strcmp(pattern + 1, domain) == 0 ||
		    (length > pattern_length && strcmp(domain + length - pattern_length, pattern) == 0)) {
			return true;
		}
	}
	return false;
}

/* Entry number i: "NAMEi.TLD" of 10 to 30 characters, each fourth one with all below it. */
static void entry_name(size_t i, char name_r[NAME_BYTES])
{
	static const char *const ends[] = { "example.com", "example.net", "org.example", "example", "co.example" };
	unsigned long mixed = (unsigned long)i * 2654435761u % 4294967291u;

	snprintf(name_r, NAME_BYTES, "%s%.*s%lx.%s", i % 4 == 0 ? "." : "", (int)(mixed % 11), "company-and", mixed, ends[mixed % 5]);
}

static void write_list(const char *path, size_t entries)
{
	FILE *file = fopen(path, "w");
	char name[NAME_BYTES];

	if (file == NULL)
		abort();
	for (size_t i = 0; i < entries; i++) {
		entry_name(i, name);
		fprintf(file, "%s\n", name);
	}
	if (fclose(file) != 0)
		abort();
}

static const struct config *load(const char *path, size_t entries)
{
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, bytes = 0;
	double began = cpu_ns(), took;
	char text[200], name[NAME_BYTES];
	const struct config *config;

	snprintf(text, sizeof(text), "policy p { recipient-domains = \"@%s\" }", path);
	config = config_load_buffer(text, strlen(text), "bench", stderr);
	took = cpu_ns() - began;
	if (config == NULL)
		exit(1);
	for (size_t i = 0; i < entries; i++) {
		entry_name(i, name);
		bytes += strlen(name);
	}
	printf("%-44s %9.1f ms\n", "load from a file", took / 1e6);
	printf("%-44s %9.1f bytes an entry (its text %.1f)\n", "memory that is kept",
	    (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / (double)entries, (double)bytes / (double)entries);
	return config;
}

/* Names to ask for, in no order; kind 0: listed, 1: below a listed one, 2: neither. */
static const char **questions_make(struct arena *arena, size_t entries, unsigned kind)
{
	const char **questions = arena_calloc(arena, QUESTIONS, sizeof(*questions));
	char name[NAME_BYTES];

	for (size_t i = 0; i < QUESTIONS; i++) {
		size_t number = (size_t)rand() % entries;

		if (kind == 1)
			number -= number % 4;
		entry_name(kind == 2 ? entries + number : number, name);
		questions[i] = arena_printf(arena, "%s%s", kind == 1 ? "mail.host" : "", kind != 1 && name[0] == '.' ? name + 1 : name);
	}
	return questions;
}

static double measure_set(const struct domain_set *set, const char *const *questions, bool expected)
{
	double began = cpu_ns();

	for (size_t i = 0; i < QUESTIONS; i++) {
		if (domain_set_has(set, questions[i]) != expected)
			abort();
	}
	return (cpu_ns() - began) / QUESTIONS;
}

static double measure_linear(const char *const *entries, size_t count, const char *const *questions, bool expected)
{
	double began = cpu_ns();

	for (size_t i = 0; i < LINEAR_QUESTIONS; i++) {
		if (linear_has(entries, count, questions[i]) != expected)
			abort();
	}
	return (cpu_ns() - began) / LINEAR_QUESTIONS;
}

static bool compare(const struct domain_set *set, size_t entries)
{
	static const char *const kinds[] = { "listed", "below a listed one", "not listed" };
	struct arena *arena = arena_new();
	const char **list = arena_calloc(arena, entries, sizeof(*list));
	bool reached = true;

	for (size_t i = 0; i < entries; i++)
		list[i] = domain_set_entry(set, i);
	for (unsigned kind = 0; kind < 3; kind++) {
		const char **questions = questions_make(arena, entries, kind);
		double hashed = measure_set(set, questions, kind != 2), linear = measure_linear(list, entries, questions, kind != 2);

		printf("match, %-37s %9.0f ns, one by one %9.0f ns: %.0f times\n", kinds[kind], hashed, linear, linear / hashed);
		reached = reached && hashed <= goal_ns;
	}
	arena_free(&arena);
	return reached;
}

int main(int argc, char **argv)
{
	size_t entries = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	char path[] = "/tmp/assay-bench-XXXXXX";
	int fd = mkstemp(path);
	const struct config *config;
	bool reached;

	if (fd == -1 || entries < 4)
		abort();
	close(fd);
	write_list(path, entries);
	printf("%zu entries\n", entries);
	config = load(path, entries);
	unlink(path);
	if (config->policies[0].recipient_domains.count != entries)
		abort();
	reached = compare(config->policies[0].recipient_domains.set, entries);
	printf("goal, %.0f ns a match: %s\n", goal_ns, reached ? "reached" : "NOT reached");
	config_unref(&config);
	return reached ? 0 : 1;
}
