/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DKIM check alone on message files, keys from a zone file, warm caches. Compare with bare_dkim on the same files.
 * usage: bench_dkim [-n ROUNDS] ZONE-FILE MESSAGE…
 * Prints one line: messages, passed, CPU seconds per 1,000 messages. Reading the header into facts and author_parse() count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/dkim_message.h"

struct mail { char *data; size_t length; };

static struct mail *mails_read(char **paths, size_t count)
{
	struct mail *mails = calloc(count, sizeof *mails);

	if (mails == NULL)
		exit(1);
	for (size_t i = 0; i < count; i++)
		mails[i].data = dkim_read_file(paths[i], &mails[i].length);
	return mails;
}

static size_t judge(struct dkim_case *test, struct dns_resolver *resolver, const struct mail *mail)
{
	size_t passed = 0;

	test->dns = dns_scope_new(resolver, 0, 100);
	dkim_case_run(test, mail->data, mail->length);
	for (size_t i = 0; i < test->results.dkim_count; i++)
		passed += test->results.dkim[i].result == RESULT_PASS;
	dkim_case_free(test);
	dns_scope_free(&test->dns);
	return passed;
}

int main(int count, char **arguments)
{
	static const struct config config = { .dkim_enabled = true, .dkim_min_key_bits = 1024, .dkim_max_signatures = 20 };
	struct dkim_case test = { .config = &config, .time_secs = (int64_t)time(NULL), .chunk_bytes = 65535 };
	int first = 1;
	long rounds = 10;
	size_t passed = 0, mail_count;
	char why[200] = "usage: bench_dkim [-n ROUNDS] ZONE-FILE MESSAGE…";
	struct dns_config dns = { .dnssec = DNSSEC_OFF };
	struct dns_resolver *resolver = NULL;
	struct mail *mails;
	clock_t begin;

	if (count > 2 && strcmp(arguments[1], "-n") == 0) {
		rounds = atol(arguments[2]);
		first = 3;
	}
	if (count >= first + 2) {
		dns.zone_file = arguments[first];
		resolver = dns_resolver_new(&dns, why, sizeof why);
	}
	if (resolver == NULL || (test.engine = dkim_engine_new(&config, why, sizeof why)) == NULL) {
		fprintf(stderr, "bench_dkim: %s\n", why);
		return 1;
	}
	mail_count = (size_t)(count - first - 1);
	mails = mails_read(arguments + first + 1, mail_count);
	for (size_t i = 0; i < mail_count; i++)
		judge(&test, resolver, &mails[i]);
	begin = clock();
	for (long round = 0; round < rounds; round++)
		for (size_t i = 0; i < mail_count; i++)
			passed += judge(&test, resolver, &mails[i]) != 0;
	printf("messages=%zu passed=%zu cpu_secs_per_1000=%.4f\n", mail_count * (size_t)rounds, passed,
	    1000.0 * (double)(clock() - begin) / CLOCKS_PER_SEC / (double)(mail_count * (size_t)rounds));
	for (size_t i = 0; i < mail_count; i++)
		free(mails[i].data);
	free(mails);
	dkim_engine_free(&test.engine);
	dns_resolver_free(&resolver);
	return 0;
}
