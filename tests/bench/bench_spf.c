/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPU per SPF check with a warm cache: a chain of five includes, the fifth matching; with and without prefetching.
 * usage: bench_spf [CHECKS]. One line a figure: what, microseconds a check.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "check/spf/spf.h"

static const char zone[] =
	"example.org. TXT \"v=spf1 ip4:198.51.100.0/24 include:i1.example.org -all\"\n"
	"i1.example.org. TXT \"v=spf1 ip4:198.51.100.0/24 include:i2.example.org -all\"\n"
	"i2.example.org. TXT \"v=spf1 ip4:198.51.100.0/24 include:i3.example.org -all\"\n"
	"i3.example.org. TXT \"v=spf1 ip4:198.51.100.0/24 include:i4.example.org -all\"\n"
	"i4.example.org. TXT \"v=spf1 ip4:198.51.100.0/24 include:i5.example.org -all\"\n"
	"i5.example.org. TXT \"v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all\"\n"
	"ip4.example.org. TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n";

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void measure(struct dns_resolver *resolver, const char *what, const char *mail_from, bool prefetch, unsigned checks)
{
	struct spf_request request = { .client = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } }, .helo = "h.example.net",
		.mail_from = mail_from };
	struct arena *arena = arena_new();
	struct spf_result result = { 0 };
	double began = cpu_us();

	for (unsigned i = 0; i < checks; i++) {
		struct dns_scope *scope = dns_scope_new(resolver, 20000, 300);

		if (prefetch)
			spf_prefetch(&request, scope, arena);
		spf_evaluate(&request, scope, arena, &result);
		if (result.result != RESULT_PASS)
			abort();
		dns_scope_free(&scope);
		arena_reset(arena);
	}
	printf("%-36s %8.2f us a check\n", what, (cpu_us() - began) / checks);
	arena_free(&arena);
}

static struct dns_resolver *resolver_open(void)
{
	char path[] = "/tmp/assay-bench-XXXXXX", why[200];
	struct dns_config config = { .zone_file = path, .dnssec = DNSSEC_OFF };
	struct dns_resolver *resolver;
	int fd = mkstemp(path);

	if (fd == -1 || write(fd, zone, sizeof(zone) - 1) != (ssize_t)sizeof(zone) - 1)
		abort();
	close(fd);
	resolver = dns_resolver_new(&config, why, sizeof(why));
	unlink(path);
	if (resolver == NULL) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	return resolver;
}

int main(int argc, char **argv)
{
	unsigned checks = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20000;
	struct dns_resolver *resolver = resolver_open();

	measure(resolver, "warming up", "user@example.org", true, 1000);
	measure(resolver, "one record, ip4", "user@ip4.example.org", false, checks);
	measure(resolver, "five includes", "user@example.org", false, checks);
	measure(resolver, "five includes, with prefetching", "user@example.org", true, checks);
	dns_resolver_free(&resolver);
	return 0;
}
