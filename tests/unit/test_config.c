/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: defaults, every kind of value, printing that loads again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/names.h"
#include "config/schema.h"
#include "config/value.h"
#include "finding_sets.h"
#include "text_fixture.h"

static const struct config *load_good(const char *text)
{
	char *errors;
	const struct config *config = text_load(text, strlen(text), &errors);

	assert_string_equal(errors, "");
	assert_non_null(config);
	free(errors);
	return config;
}

static char *print(const struct config *config)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	config_print(config, out);
	fclose(out);
	return text;
}

static void test_config_load_defaults(void **state)
{
	const struct config *config = config_load(NULL, stderr);

	(void)state;
	assert_non_null(config);
	assert_string_equal(config->socket, "unix:/run/assay/assay.sock");
	assert_int_equal(config->mode, MODE_DRY_RUN);
	assert_int_equal(config->on_error, ON_ERROR_ACCEPT);
	assert_int_equal(config->umask_bits, 07);
	assert_int_equal(config->milter_timeout_secs, 7210);
	assert_null(config->authserv_id);
	assert_null(config->help_url);
	assert_true(config->spf_enabled && config->dkim_enabled && config->dmarc_enabled && config->iprev_enabled);
	assert_false(config->adsp_enabled);
	assert_true(config->adsp_when_used);
	assert_int_equal(config->dkim_min_key_bits, 1024);
	assert_int_equal(config->dkim_max_signatures, 20);
	assert_int_equal(config->dmarc_method, ORG_DOMAIN_TREE_WALK);
	assert_int_equal(config->dns.timeout_ms, 2000);
	assert_int_equal(config->dns.cache_bytes, 64 << 20);
	assert_int_equal(config->dns.cache_negative_ttl_secs, 900);
	assert_int_equal(config->dns.server_count, 0);
	assert_ptr_equal(config->dns.validator, &config->dns_validator);
	assert_int_equal(config->dns_validator.max_nsec3_work, 5000);
	assert_int_equal(config->max_header_bytes, 512 * 1024);
	assert_int_equal(config->dns_deadline_ms, 20000);
	assert_int_equal(config->trusted_networks.count, 2);
	assert_int_equal(config->policy_count, 1);
	assert_string_equal(config->policies[0].name, "default");
	assert_int_equal(config->policies[0].actions[FINDING_DMARC_REJECT], ACTION_QUARANTINE);
	config_unref(&config);
	assert_null(config);
}

static void test_config_load_values(void **state)
{
	const struct config *config = load_good(
	    "mode = enforce # comment\nsocket = inet:8899@127.0.0.1\nauthserv-id = \"mx.example.org\"\n"
	    "trusted-networks = { 10.0.0.0/8, \"2001:db8::/32\" }\n"
	    "dns {\n servers = {\"127.0.0.1@5353\", \"[::1]@53\", \"192.0.2.1\"}\n timeout = 500ms\n dnssec = validate\n"
	    " cache-size = 128k\n max-ds = 3\n}\nlimits { dns-deadline = 1m }\nadsp { enabled = yes }\n");
	const struct dns_server *servers = config->dns.servers;
	char text[ADDR_TEXT_BYTES];

	(void)state;
	assert_int_equal(config->mode, MODE_ENFORCE);
	assert_string_equal(config->authserv_id, "mx.example.org");
	assert_int_equal(config->trusted_networks.count, 2);
	assert_int_equal(config->trusted_networks.items[1].prefix_bits, 32);
	assert_int_equal(config->dns.server_count, 3);
	assert_int_equal(servers[0].port, 5353);
	assert_string_equal(addr_format(&servers[1].addr, text), "::1");
	assert_int_equal(servers[2].port, 53);
	assert_int_equal(config->dns.timeout_ms, 500);
	assert_int_equal(config->dns.cache_bytes, 131072);
	assert_int_equal(config->dns.dnssec, DNSSEC_VALIDATE);
	assert_int_equal(config->dns_validator.max_ds, 3);
	assert_int_equal(config->dns_deadline_ms, 60000);
	assert_true(config->adsp_enabled);
	assert_int_equal(config->policies[0].mode, MODE_ENFORCE);
	config_unref(&config);
}

static void test_config_load_policies_inherit(void **state)
{
	const struct config *config = load_good(
	    "findings { spf-fail = reject dkim-none = tag }\n"
	    "policy \"partner\" {\n recipient-domains = { \".Example.org\" }\n mode = enforce\n actions { spf-fail = none }\n}\n"
	    "policy \"net\" { client-networks = 192.0.2.0/24 }\n");

	(void)state;
	assert_int_equal(config->policy_count, 3);
	assert_string_equal(config->policies[0].name, "partner");
	assert_string_equal(domain_set_entry(config->policies[0].recipient_domains.set, 0), ".example.org");
	assert_int_equal(config->policies[0].mode, MODE_ENFORCE);
	assert_int_equal(config->policies[0].actions[FINDING_SPF_FAIL], ACTION_NONE);
	assert_int_equal(config->policies[0].actions[FINDING_DKIM_NONE], ACTION_TAG);
	assert_int_equal(config->policies[1].actions[FINDING_SPF_FAIL], ACTION_REJECT);
	assert_int_equal(config->policies[1].mode, MODE_DRY_RUN);
	assert_string_equal(config->policies[2].name, "default");
	config_unref(&config);
}

static void test_config_load_adsp_auto_follows_policies(void **state)
{
	const struct config *config = load_good("policy p { recipient-domains = a.example actions { adsp-all = tag } }");

	(void)state;
	assert_true(config->adsp_enabled);
	config_unref(&config);
}

/* With adsp = auto it is asked for DMARC's sake only, and only while the list has something of it. */
static void test_config_load_corroborate(void **state)
{
	static const struct { const char *text; bool adsp; } rows[] = {
		{ "", true },
		{ "dmarc { corroborate = { adsp-discardable, iprev-fail, tls-downgrade } }", true },
		{ "dmarc { corroborate = { \"adsp-all\" } }", true },
		{ "dmarc { corroborate = iprev-fail }", false },
		{ "dmarc { corroborate = {} }", false },
		{ "dmarc { enabled = no }", false },
		{ "adsp { enabled = no }", false },
		{ "adsp { enabled = yes }", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct config *config = load_good(rows[i].text);

		if (config->adsp_corroborates != rows[i].adsp)
			fail_msg("row %zu", i);
		if (i < 2)
			assert_findings(config->dmarc_corroborate,
			    SET_OF(FINDING_IPREV_FAIL, FINDING_ADSP_DISCARDABLE, FINDING_TLS_DOWNGRADE));
		if (i == 4)
			assert_true(finding_set_is_empty(&config->dmarc_corroborate));
		config_unref(&config);
	}
	text_check_errors("dmarc { corroborate = { dkim-none } }\n", "test.conf:1: corroborate = 'dkim-none': valid: iprev-fail, "
	    "adsp-discardable, tls-downgrade, adsp-all, adsp-nxdomain, spf-fail\n");
}

static void test_config_load_trusted_sealers_need_arc(void **state)
{
	const struct config *config = config_load_buffer("dmarc { trusted-sealers = a.example }", 37, "test.conf", stderr);

	(void)state;
	assert_non_null(config);
	assert_true(config->arc_enabled && !config->trusted_sealers_secure);
	assert_true(domain_set_has(config->trusted_sealers.set, "a.example"));
	config_unref(&config);
	text_check_errors("arc { enabled = no }\ndmarc { trusted-sealers = a.example }\n",
	    "test.conf: dmarc { trusted-sealers } needs arc { enabled = yes }: no seal is verified without\n");
}

static void check_round_trip(const struct config *config)
{
	char *first = print(config), *second;
	const struct config *again = load_good(first);

	second = print(again);
	assert_string_equal(first, second);
	for (const struct section_row *row = schema_sections; row->name != NULL; row++)
		assert_true(config_section_equal(config, again, row->name));
	free(first);
	free(second);
	config_unref(&again);
	config_unref(&config);
}

static void test_config_print_loads_again(void **state)
{
	(void)state;
	check_round_trip(config_load(NULL, stderr));
	check_round_trip(load_good("help-url = \"https://x.example/?\\\"a\\\\b\\${HOME}=%s&d=%d\"\n"
	    "trusted-networks = {}\ndns { trust-anchor-files = {} servers = {\"[2001:db8::1]@5353\"} dnssec = off timeout = 1500ms }\n"
	    "policy one { author-domains = {\"a.example\", \".b.example\"} reject-only-secure = yes actions { tls-none = defer } }\n"
	    "policy default { mode = enforce }\n"));
}

static void test_config_section_equal_sees_changes(void **state)
{
	const struct config *a = load_good("mode = enforce\ndns { timeout = 2000ms }"), *b = load_good(""), *c = load_good("dns { timeout = 3s }");

	(void)state;
	assert_true(config_section_equal(a, b, "dns"));
	assert_false(config_section_equal(a, c, "dns"));
	assert_false(config_section_equal(a, b, ""));
	config_unref(&a);
	config_unref(&b);
	config_unref(&c);
}

/* Every number says what it is for, and the caps are listed in the syntax of the file. */
static void test_schema_knows_the_caps(void **state)
{
	const struct config *config = load_good("limits { max-recipients = 7 }"), *again;
	unsigned counts[NUMBER_TUNING + 1] = { 0 };
	size_t size, lines = 0;
	char *text;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];

		if (row->help == NULL || (unsigned)row->number > NUMBER_TUNING ||
		    (row->number > NUMBER_CONDITION) != option_is_number(row->type))
			fail_msg("option %s { %s } does not say whether its number is a cap", row->section, row->name);
		counts[row->number]++;
	}
	config_print_caps(config, out);
	fclose(out);
	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	assert_int_equal(lines, counts[NUMBER_CAP]);
	assert_true(counts[NUMBER_CAP] > 10 && counts[NUMBER_BOUND] != 0 && counts[NUMBER_TUNING] != 0);
	assert_non_null(strstr(text, "\nlimits { max-recipients = 7 }\n"));
	again = load_good(text);
	assert_int_equal(again->max_recipients, 7);
	assert_true(config_section_equal(config, again, "dns"));
	free(text);
	config_unref(&config);
	config_unref(&again);
}

/* The sample loads to the defaults, and so it does with every option line uncommented. */
static void test_config_print_sample_is_the_defaults(void **state)
{
	const struct config *defaults = config_load(NULL, stderr), *sample;
	char *text, *first = print(defaults), *second, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	config_print_sample(out);
	fclose(out);
	for (size_t i = 0; i < schema_count; i++) {
		assert_true(snprintf(NULL, 0, "%s", schema_table[i].help) <= 120);
		assert_non_null(strstr(text, schema_table[i].help));
	}
	line = strstr(text, "\n#override");	/* examples, to the end */
	assert_non_null(line);
	line[1] = '\0';
	for (line = text; (line = strchr(line, '#')) != NULL; line++) {
		if (line[1] >= 'a' && line[1] <= 'z')
			*line = ' ';
	}
	sample = load_good(text);
	second = print(sample);
	assert_string_equal(first, second);
	free(text);
	free(first);
	free(second);
	config_unref(&sample);
	config_unref(&defaults);
}

static void test_config_ref_keeps_snapshot(void **state)
{
	const struct config *config = load_good("authserv-id = a.example"), *other = config_ref(config);

	(void)state;
	config_unref(&config);
	assert_null(config);
	assert_string_equal(other->authserv_id, "a.example");
	config_unref(&other);
}

static void test_findings_table_is_well_formed(void **state)
{
	(void)state;
	for (int id = 0; id < FINDING_COUNT; id++) {
		const struct finding_row *row = &findings_table[id];
		enum finding_id found;

		assert_int_equal(finding_from_name(row->name, &found), 0);
		assert_int_equal(found, id);	/* names are distinct */
		assert_true((row->code >= 400 && row->code < 500 && row->enhanced[0] == '4') ||
		    (row->code >= 500 && row->code < 600 && row->enhanced[0] == '5'));
		assert_true(row->help[0] != '\0' && row->text[0] != '\0');
		for (const char *percent = strchr(row->text, '%'); percent != NULL; percent = strchr(percent + 1, '%'))
			assert_int_equal(percent[1], 's');
	}
}

static void test_action_from_name_knows_all(void **state)
{
	enum action action;

	(void)state;
	for (int i = 0; i < ACTION_COUNT; i++) {
		assert_int_equal(action_from_name(action_name((enum action)i), &action), 0);
		assert_int_equal(action, i);
	}
	assert_int_not_equal(action_from_name("drop", &action), 0);
}

/* What the command line says counts, and is the snapshot's own; what it does not say stays as it was. */
static void test_config_load_with_overrides(void **state)
{
	char zone[] = "relative/zone", anchor[] = "anchor.key";
	const struct clock clock = { .fixed_secs = 1234 };
	enum dnssec_mode off = DNSSEC_OFF;
	struct dns_server server = { .port = 5353 };
	struct config_overrides overrides = { .zone_file = zone, .trust_anchor_file = anchor, .dnssec = &off, .clock = &clock,
		.cache_bytes_max = 3 << 20, .cached_cuts_max = 200000000, .every_check = true };
	const struct config *config, *defaults = config_load(NULL, stderr);

	(void)state;
	config = config_load_with(NULL, &overrides, stderr);
	assert_non_null(config);
	zone[0] = anchor[0] = 'X';
	assert_string_equal(config->dns.zone_file, "relative/zone");
	assert_string_equal(config->dns.trust_anchor_files[0], "anchor.key");
	assert_null(config->dns.trust_anchor_files[1]);
	assert_int_equal(config->dns.dnssec, DNSSEC_OFF);
	assert_ptr_equal(config->dns.clock, &clock);
	assert_int_equal(config->dns.cache_bytes, 3 << 20);
	assert_int_equal(config->dns_validator.max_cached_cuts, defaults->dns_validator.max_cached_cuts);	/* never raised */
	assert_true(config->adsp_enabled && !defaults->adsp_enabled);
	assert_int_equal(config->dns.server_count, 0);
	config_unref(&config);

	assert_int_equal(addr_parse("192.0.2.53", &server.addr), 0);
	overrides = (struct config_overrides){ .resolver = &server, .cache_bytes_max = SIZE_MAX };
	config = config_load_with(NULL, &overrides, stderr);
	server.port = 1;
	assert_int_equal(config->dns.server_count, 1);
	assert_int_equal(config->dns.servers[0].port, 5353);
	assert_null(config->dns.zone_file);
	assert_int_equal(config->dns.dnssec, defaults->dns.dnssec);
	assert_int_equal(config->dns.cache_bytes, defaults->dns.cache_bytes);
	assert_int_equal(config->adsp_enabled, defaults->adsp_enabled);
	config_unref(&config);
	config_unref(&defaults);
}

/* What a file with this value of the option makes: its configuration as text, or what is wrong. The caller frees it. */
static char *outcome_of(const struct option_row *row, const char *value)
{
	char text[400], titled[64], *errors, *printed;
	const struct config *config;

	snprintf(titled, sizeof(titled), "%s p", row->section);

	if (row->section[0] == '\0')
		snprintf(text, sizeof(text), "%s = %s\n", row->name, value);
	else
		snprintf(text, sizeof(text), "%s {\n%s = %s\n%s}\n", schema_is_titled(row->section) ? titled : row->section, row->name, value,
		    strcmp(row->section, "override") != 0 ? "" : strcmp(row->name, "dkim-domains") == 0 ?
		    "kind = forwarder client-networks = 192.0.2.1\n" : "kind = forwarder dkim-domains = a.example\n");
	config = text_load(text, strlen(text), &errors);
	if (config == NULL)
		return errors;
	free(errors);
	printed = print(config);
	config_unref(&config);
	return printed;
}

/* "" is for a list what it is for any other option: not set. {} has always said that. */
static void test_empty_text_is_the_empty_list(void **state)
{
	size_t lists = 0;

	(void)state;
	for (size_t i = 0; i < schema_count; i++) {
		const char *const written[] = { "\"\"", "''", "{ \"\" }" };
		char *empty, *other;

		if (!option_is_list(schema_table[i].type))
			continue;
		lists++;
		empty = outcome_of(&schema_table[i], "{}");
		for (size_t j = 0; j < sizeof(written) / sizeof(written[0]); j++) {
			other = outcome_of(&schema_table[i], written[j]);
			assert_string_equal(other, empty);
			free(other);
		}
		free(empty);
		other = outcome_of(&schema_table[i], "{ \"\", \"\" }");	/* somebody forgot something */
		assert_non_null(strstr(other, " = '': "));
		free(other);
	}
	assert_true(lists >= 10);
	text_check_errors("policy p { recipient-domains = \"\" }\npolicy q { }\n",
	    "test.conf:1: policy 'p' has no conditions and matches everything: the policies after it can never match; one that only serves to be inherited says template = yes\n");
}

static void test_brackets_around_addresses(void **state)
{
	const struct config *config = load_good("trusted-networks = { \"[2001:db8::1]\", \"[2001:db8:1::]/48\" }\n"
	    "dns { servers = { \"[::1]\", \"[127.0.0.1]@5353\", \"[IPv6:2001:db8::1]@53\" } }\n");

	(void)state;
	assert_int_equal(config->trusted_networks.count, 2);
	assert_int_equal(config->trusted_networks.items[1].prefix_bits, 48);
	assert_int_equal(config->dns.server_count, 3);
	assert_int_equal(config->dns.servers[1].port, 5353);
	assert_int_equal(config->dns.servers[2].addr.family, AF_INET6);
	config_unref(&config);
	text_check_errors("trusted-networks = \"[fe80::1%eth0]\"\ndns { servers = \"[fe80::1%eth0]\" }",
	    "test.conf:1: trusted-networks = '[fe80::1%eth0]': a network has no zone (%): write the address alone\n"
	    "test.conf:2: servers = '[fe80::1%eth0]': an address with a zone (%) is not taken; name the server by one that needs none\n");
}

static void test_names_suggest_nearest(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(names_suggest("dns", "tiemout", arena), "; did you mean 'timeout'?");
	assert_string_equal(names_suggest("", "polcy", arena), "; did you mean 'policy'?");
	assert_string_equal(names_suggest("spf", "psl-file", arena), "; 'psl-file' belongs into the section 'dmarc'");
	assert_string_equal(names_suggest("spf", "qqqqqq", arena), "");
	assert_string_equal(names_suggest("policy", "spf-fail", arena), "; 'spf-fail' belongs into the section 'actions' of the policy");
	assert_string_equal(names_suggest("policy", "from", arena), "; 'from' belongs into a section 'ramp \"FINDING\"' of the policy");
	assert_string_equal(names_suggest("policy", "findings", arena), "; in a policy it is called 'actions'");
	assert_string_equal(names_suggest("findings", "ramp", arena), "; 'ramp' stands beside 'findings', not in it");
	assert_string_equal(names_suggest("actions", "ramp", arena), "; 'ramp' stands beside 'actions', not in it");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_load_defaults),
		cmocka_unit_test(test_config_load_values),
		cmocka_unit_test(test_config_load_policies_inherit),
		cmocka_unit_test(test_config_load_adsp_auto_follows_policies),
		cmocka_unit_test(test_config_load_corroborate),
		cmocka_unit_test(test_config_load_trusted_sealers_need_arc),
		cmocka_unit_test(test_config_print_loads_again),
		cmocka_unit_test(test_config_section_equal_sees_changes),
		cmocka_unit_test(test_schema_knows_the_caps),
		cmocka_unit_test(test_config_print_sample_is_the_defaults),
		cmocka_unit_test(test_config_ref_keeps_snapshot),
		cmocka_unit_test(test_findings_table_is_well_formed),
		cmocka_unit_test(test_action_from_name_knows_all),
		cmocka_unit_test(test_config_load_with_overrides),
		cmocka_unit_test(test_empty_text_is_the_empty_list),
		cmocka_unit_test(test_brackets_around_addresses),
		cmocka_unit_test(test_names_suggest_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
