/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges the DKIM signatures of message files with keys from a zone file; one JSON line a message. For tests/flow/test_dkim.py.
 * usage: dkim_driver --zone FILE [--time EPOCH] [--max N] [--min-bits N] [--chunk BYTES] MESSAGE…
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dkim_message.h"

struct options { const char *zone; int64_t time_secs; unsigned max, min_bits; size_t chunk; int first; };

static struct options options_read(int count, char **arguments)
{
	struct options options = { .max = 20, .min_bits = 1024, .first = 1 };

	options.time_secs = (int64_t)time(NULL);
	for (; options.first + 1 < count && strncmp(arguments[options.first], "--", 2) == 0; options.first += 2) {
		const char *name = arguments[options.first], *value = arguments[options.first + 1];

		if (strcmp(name, "--zone") == 0)
			options.zone = value;
		else if (strcmp(name, "--time") == 0)
			options.time_secs = strtoll(value, NULL, 10);
		else if (strcmp(name, "--max") == 0)
			options.max = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--min-bits") == 0)
			options.min_bits = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--chunk") == 0)
			options.chunk = strtoul(value, NULL, 10);
	}
	return options;
}

static json_t *signature_json(const struct dkim_result *result)
{
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:i, s:s?, s:s?, s:b, s:b, s:s?, s:s}", "result",
	    result_name(result->result), "domain", result->domain, "selector", result->selector, "identity",
	    result->identity, "algorithm", result->algorithm, "key_bits", (int)result->key_bits, "b", result->signature_b,
	    "reason", result->reason, "test_mode", result->test_mode, "partial_body", result->partial_body,
	    "added_field", result->added_field, "dnssec", dns_security_name(result->dnssec));
}

static json_t *work_json(const struct dkim_work *work)
{
	return json_pack("{s:I, s:I, s:I, s:i}", "comparisons", (json_int_t)work->comparisons, "header_bytes",
	    (json_int_t)work->header_bytes, "body_bytes", (json_int_t)work->body_bytes, "body_passes", (int)work->body_passes);
}

static void print_case(const struct dkim_case *test, double milliseconds)
{
	json_t *signatures = json_array(), *findings = json_array(), *all;

	for (size_t i = 0; i < test->results.dkim_count; i++)
		json_array_append_new(signatures, signature_json(&test->results.dkim[i]));
	for (size_t i = 0; i < test->results.finding_count; i++)
		json_array_append_new(findings, json_string(findings_table[test->results.findings[i].id].name));
	all = json_pack("{s:o, s:o, s:b, s:o, s:f}", "dkim", signatures, "findings", findings, "body", test->wanted_body,
	    "work", work_json(&test->results.dkim_work), "cpu_ms", milliseconds);
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

int main(int count, char **arguments)
{
	struct options options = options_read(count, arguments);
	struct config config = { .dkim_enabled = true, .dkim_min_key_bits = options.min_bits,
		.dkim_max_signatures = options.max };
	struct dns_config dns = { .zone_file = options.zone, .dnssec = DNSSEC_OFF };
	char why[200] = "";
	struct dns_resolver *resolver = dns_resolver_new(&dns, why, sizeof why);
	struct dkim_case test = { .config = &config, .time_secs = options.time_secs, .chunk_bytes = options.chunk };

	if (resolver == NULL) {
		fprintf(stderr, "dkim_driver: %s\n", why);
		return 1;
	}
	test.engine = dkim_engine_new(&config, why, sizeof why);
	for (int i = options.first; i < count; i++) {
		size_t length;
		char *message = dkim_read_file(arguments[i], &length);
		clock_t begin = clock();

		test.dns = dns_scope_new(resolver, 0, 1000);
		dkim_case_run(&test, message, length);
		print_case(&test, 1000.0 * (double)(clock() - begin) / CLOCKS_PER_SEC);
		dkim_case_free(&test);
		dns_scope_free(&test.dns);
		free(message);
	}
	dkim_engine_free(&test.engine);
	dns_resolver_free(&resolver);
	return 0;
}
