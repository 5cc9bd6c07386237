/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies that inherit: what is taken over and what is not, in any order of the file, and what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/origin.h"
#include "config/schema.h"
#include "text_fixture.h"
#include "util/arena.h"
#include "util/buf.h"

static const struct policy_config *policy_of(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		if (strcmp(config->policies[i].name, name) == 0)
			return &config->policies[i];
	}
	fail_msg("no policy %s", name);
	return NULL;
}

/* Not inline: gcc 12 then takes what the stream was made with for the text, and warns. The caller frees it. */
static char *__attribute__((noinline)) print(const struct config *config)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	config_print(config, out);
	fclose(out);
	return text;
}

/* Heirs before and behind those from whom they inherit. */
static const char family[] =
	"mode = enforce\nfindings { spf-fail = tag }\n"
	"policy leaf { inherits = middle recipient-domains = a.example actions { dkim-none = defer } }\n"
	"policy root { template = yes mode = dry-run require-cert-names = root.example require-secure-domains = s.example\n"
	"	actions { spf-fail = reject dkim-none = reject tls-none = defer } }\n"
	"policy middle { inherits = root client-networks = 10.0.0.0/8 require-cert-names = {} dns-outage = defer actions { tls-none = none } }\n"
	"policy late { inherits = leaf listeners = mx mode = enforce }\n";

static void test_inherits_settings_and_no_condition(void **state)
{
	const struct config *config = text_config(family);
	const struct policy_config *leaf = policy_of(config, "leaf"), *middle = policy_of(config, "middle"), *late = policy_of(config, "late");

	(void)state;
	assert_int_equal(config->policy_count, 4);
	assert_int_equal(config->template_count, 1);
	assert_int_equal(leaf->mode, MODE_DRY_RUN);
	assert_int_equal(leaf->dns_outage, DNS_OUTAGE_DEFER);
	assert_int_equal(leaf->actions[FINDING_SPF_FAIL], ACTION_REJECT);
	assert_int_equal(leaf->actions[FINDING_DKIM_NONE], ACTION_DEFER);
	assert_int_equal(leaf->actions[FINDING_TLS_NONE], ACTION_NONE);
	assert_int_equal(leaf->require_secure_domains.count, 1);
	assert_int_equal(leaf->require_cert_names.count, 0);
	assert_true(leaf->client_networks.count == 0 && leaf->recipient_domains.count == 1 && !leaf->is_template);
	assert_true(middle->client_networks.count == 1 && middle->recipient_domains.count == 0);
	assert_int_equal(middle->actions[FINDING_DKIM_NONE], ACTION_REJECT);
	assert_true(late->mode == MODE_ENFORCE && late->actions[FINDING_DKIM_NONE] == ACTION_DEFER && late->recipient_domains.count == 0);
	assert_true(late->base == leaf && leaf->base == middle && middle->base == &config->templates[0] && config->templates[0].base == NULL);
	/* what none of them sets is as outside */
	assert_true(policy_of(config, "default")->mode == MODE_ENFORCE && policy_of(config, "default")->actions[FINDING_SPF_FAIL] == ACTION_TAG);
	config_unref(&config);
}

static void test_inherits_default(void **state)
{
	const struct config *config = text_config("policy p { inherits = default client-networks = 10.0.0.0/8 actions { tls-none = tag } }\n"
	    "policy default { actions { spf-fail = reject } }");
	const struct policy_config *p = policy_of(config, "p");

	(void)state;
	assert_true(p->actions[FINDING_SPF_FAIL] == ACTION_REJECT && p->actions[FINDING_TLS_NONE] == ACTION_TAG);
	config_unref(&config);
	/* one that is not in the file */
	config = text_config("findings { spf-fail = defer }\npolicy p { inherits = \"default\" client-networks = 10.0.0.0/8 }");
	assert_int_equal(policy_of(config, "p")->actions[FINDING_SPF_FAIL], ACTION_DEFER);
	config_unref(&config);
	/* a template at the end is not the one for all other mail, nor is it in the way of that */
	config = text_config("policy p { client-networks = 10.0.0.0/8 }\npolicy all { mode = enforce }\npolicy t { template = yes }");
	assert_true(config->policy_count == 2 && strcmp(config->policies[1].name, "all") == 0);
	config_unref(&config);
}

/* Every option of a policy, be it one that does not exist today: whatever the root sets is the heir's. */
static void test_inherits_every_option(void **state)
{
	struct arena *arena = arena_new();
	const struct config *plain = text_config("");

	(void)state;
	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];
		const char *value = row->type == OPTION_BOOL ? "yes" : row->type == OPTION_WORD ? row->words[1].word :
		    row->type == OPTION_SECONDS ? "2h" : option_is_number(row->type) ? "7" :
		    strcmp(row->name, "overrides") == 0 ? "none" : "x.example";	/* those have to be in the file */
		const struct config *config;
		char *text, *found;

		if (strcmp(row->section, "policy") != 0 || option_is_condition(row) || strcmp(row->name, "inherits") == 0 ||
		    strcmp(row->name, "template") == 0)
			continue;
		config = text_config(arena_printf(arena, "record { path = /tmp/x.db }\n"
		    "policy heir { inherits = root listeners = mx }\npolicy root { template = yes %s = %s }", row->name, value));
		text = print(config);
		found = strstr(strstr(text, "policy \"heir\""), arena_printf(arena, "\t%s = ", row->name));
		assert_non_null(found);
		if (strncmp(strchr(found, '=') + 2, value, strlen(value)) != 0 && strncmp(strchr(found, '=') + 5, value, strlen(value)) != 0)
			fail_msg("%s is not inherited", row->name);
		free(text);
		config_unref(&config);
	}
	config_unref(&plain);
	arena_free(&arena);
}

static void test_inherits_is_printed_and_loads_again(void **state)
{
	const struct config *config = text_config(family), *again;
	char *first = print(config), *second;

	(void)state;
	again = text_config(first);
	second = print(again);
	assert_string_equal(first, second);
	assert_true(config_section_equal(config, again, "policy"));
	free(first);
	free(second);
	config_unref(&again);
	config_unref(&config);
}

static void test_config_origin(void **state)
{
	const struct config *config = text_config(family);
	const struct policy_config *leaf = policy_of(config, "leaf");
	struct origin origin = config_origin(config, leaf, "actions", "dkim-none");

	(void)state;
	assert_true(origin.kind == ORIGIN_OWN && origin.line == 3);
	origin = config_origin(config, leaf, "actions", "spf-fail");
	assert_true(origin.kind == ORIGIN_INHERITED && strcmp(origin.policy, "root") == 0 && origin.line == 5);
	origin = config_origin(config, leaf, "policy", "dns-outage");
	assert_true(origin.kind == ORIGIN_INHERITED && strcmp(origin.policy, "middle") == 0 && origin.line == 6);
	origin = config_origin(config, policy_of(config, "default"), "actions", "spf-fail");
	assert_true(origin.kind == ORIGIN_OUTSIDE && origin.line == 2);
	origin = config_origin(config, policy_of(config, "default"), "policy", "mode");
	assert_true(origin.kind == ORIGIN_OUTSIDE && origin.line == 1);
	origin = config_origin(config, leaf, "actions", "from-missing");
	assert_true(origin.kind == ORIGIN_DEFAULT && origin.line == 0);
	config_unref(&config);
}

static void check_errors(const char *text, const char *wanted)
{
	char *said = NULL;
	size_t length;
	FILE *out = open_memstream(&said, &length);

	assert_null(config_load_buffer(text, strlen(text), "c", out));
	fclose(out);
	assert_string_equal(said, wanted);
	free(said);
}

static void test_inherits_wrongly(void **state)
{
	struct arena *arena = arena_new();
	struct buf text = buf_make(arena);
	const struct config *config;

	(void)state;
	check_errors("policy a { listeners = x\n inherits = gold }\npolicy Gold { template = yes }",
	    "c:2: policy 'a' inherits from 'gold', and there is no such policy; did you mean 'Gold'?\n");
	check_errors("policy a { listeners = x inherits = zzzzzz }", "c:1: policy 'a' inherits from 'zzzzzz', and there is no such policy\n");
	check_errors("policy a { listeners = x inherits = a }", "c:1: policy 'a' inherits from itself: a -> a\n");
	check_errors("policy d { listeners = x inherits = c }\npolicy a { listeners = x inherits = b }\npolicy b { listeners = x inherits = c }\n"
	    "policy c { listeners = x\n inherits = a }", "c:5: policy 'c' inherits from itself: c -> a -> b -> c\n");
	check_errors("policy t { template = yes listeners = x }", "c:1: policy 't' is a template, which matches no mail: its conditions say nothing\n");
	check_errors("policy default { template = yes }", "c:1: policy 'default' is the one for all other mail and cannot be a template\n");
	check_errors("iprev { enabled = no }\npolicy p { client-names = a.example }",
	    "c:2: policy 'p' has client-names, and iprev { enabled = no }: nobody looks for the client's name\n");
	/* a chain as long as there can be, each before the one from which it inherits */
	for (int i = 0; i < 999; i++)
		buf_printf(&text, "policy p%d { inherits = p%d listeners = x }\n", i, i + 1);
	buf_puts(&text, "policy p999 { template = yes mode = enforce }");
	config = text_config(text.data);
	assert_int_equal(policy_of(config, "p0")->mode, MODE_ENFORCE);
	config_unref(&config);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inherits_settings_and_no_condition),
		cmocka_unit_test(test_inherits_default),
		cmocka_unit_test(test_inherits_every_option),
		cmocka_unit_test(test_inherits_is_printed_and_loads_again),
		cmocka_unit_test(test_config_origin),
		cmocka_unit_test(test_inherits_wrongly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
