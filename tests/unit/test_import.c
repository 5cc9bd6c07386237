/* SPDX-License-Identifier: BSD-2-Clause */
/* Configurations of opendkim and opendmarc become ones of Assay: what each option means, and that the result always loads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/import_internal.h"
#include "util/error.h"

static const char *const names[IMPORT_PROGRAMS] = { "opendkim.conf", "opendmarc.conf" };

/* What the files of one test contain; NULL: not there. */
struct files {
	const char *text[IMPORT_PROGRAMS];
	const char *hosts;		/* of "/hosts" */
};

static char *read_file(void *closure, const char *path, size_t most, struct arena *arena, size_t *length_r)
{
	const struct files *files = closure;
	const char *text = strcmp(path, "/hosts") == 0 ? files->hosts : strcmp(path, names[0]) == 0 ? files->text[0] :
	    strcmp(path, names[1]) == 0 ? files->text[1] : NULL;

	errno = ENOENT;
	if (text == NULL)
		return NULL;
	*length_r = strlen(text) < most ? strlen(text) : most;
	return arena_strndup(arena, text, *length_r);
}

struct translated {
	int code;
	char *text, *errors;
	const struct config *config;	/* NULL when refused */
};

static struct translated translate(const struct files *files)
{
	const char *paths[IMPORT_PROGRAMS] = { files->text[0] != NULL ? names[0] : NULL, files->text[1] != NULL ? names[1] : NULL };
	struct translated translated = { 0 };
	size_t size, errors_size;
	FILE *out = open_memstream(&translated.text, &size), *errors = open_memstream(&translated.errors, &errors_size);

	translated.code = config_import(paths, read_file, (void *)(intptr_t)files, out, errors);
	fclose(out);
	fclose(errors);
	if (translated.code == 0)
		translated.config = config_load_buffer(translated.text, size, "translated", stderr);
	assert_true(translated.code != 0 || translated.config != NULL);
	return translated;
}

static void release(struct translated *translated)
{
	config_unref(&translated->config);
	free(translated->text);
	free(translated->errors);
}

static enum action opendkim_action(const char *text, enum finding_id id)
{
	struct translated translated = translate(&(struct files){ .text = { text } });
	enum action action = translated.config->finding_actions[id];

	release(&translated);
	return action;
}

static enum action opendmarc_action(const char *text, enum finding_id id)
{
	struct translated translated = translate(&(struct files){ .text = { NULL, text } });
	enum action action = translated.config->finding_actions[id];

	release(&translated);
	return action;
}

/* The translation of an opendkim.conf says this somewhere. */
static void check_says(const char *text, const char *said)
{
	struct translated translated = translate(&(struct files){ .text = { text } });

	if (strstr(translated.text, said) == NULL)
		fail_msg("'%s' is not said of '%s': %s", said, text, translated.text);
	release(&translated);
}

static void test_config_import_actions_of_opendkim(void **state)
{
	(void)state;
	assert_int_equal(opendkim_action("On-BadSignature reject\n", FINDING_DKIM_NO_PASS), ACTION_REJECT);
	assert_int_equal(opendkim_action("on-badsignature R # comment\n", FINDING_DKIM_NO_PASS), ACTION_REJECT);
	assert_int_equal(opendkim_action("On-BadSignature d\n", FINDING_DKIM_NO_PASS), ACTION_REJECT);
	assert_int_equal(opendkim_action("On-NoSignature q\n", FINDING_DKIM_NONE), ACTION_QUARANTINE);
	assert_int_equal(opendkim_action("On-KeyNotFound tempfail\n", FINDING_DKIM_PERMERROR), ACTION_DEFER);
	assert_int_equal(opendkim_action("On-DNSError accept\n", FINDING_DKIM_TEMPERROR), ACTION_NONE);
	assert_int_equal(opendkim_action("", FINDING_DKIM_TEMPERROR), ACTION_DEFER);	/* opendkim's default */
	assert_int_equal(opendkim_action("Mode s\n", FINDING_DKIM_TEMPERROR), ACTION_NONE);
	assert_int_equal(opendkim_action("Mode s\nOn-BadSignature reject\n", FINDING_DKIM_NO_PASS), ACTION_NONE);
	assert_int_equal(opendkim_action("On-Default reject\nOn-DNSError t\n", FINDING_DKIM_NO_PASS), ACTION_REJECT);
	assert_int_equal(opendkim_action("On-Default reject\nOn-DNSError t\n", FINDING_DKIM_TEMPERROR), ACTION_DEFER);
	assert_int_equal(opendkim_action("Quarantine yes\n", FINDING_DKIM_NO_PASS), ACTION_QUARANTINE);
	assert_int_equal(opendkim_action("RequiredHeaders yes\n", FINDING_FROM_MISSING), ACTION_REJECT);
	check_says("On-BadSignature discard\n", "Assay discards nothing in silence");
	check_says("On-BadSignature perhaps\n", "UNKNOWN: no action of opendkim");
}

static void test_config_import_values_of_opendkim(void **state)
{
	struct translated translated = translate(&(struct files){ .text = {
	    "AuthservID mx.example.org\nMinimumKeyBits 2048\nMaximumSignaturesToVerify 5\nMaximumHeaders 131072\n"
	    "Nameservers 127.0.0.1, ::1\nTrustAnchorFile /etc/root.key\nSyslogFacility local3\nOn-InternalError a\n"
	    "AuthservID second.example.org\nNo-Such-Option 1\n" } });
	const struct config *config = translated.config;

	(void)state;
	assert_string_equal(config->authserv_id, "second.example.org");	/* the last one counts there */
	assert_int_equal(config->dkim_min_key_bits, 2048);
	assert_int_equal(config->dkim_max_signatures, 5);
	assert_int_equal(config->max_header_bytes, 131072);
	assert_int_equal(config->dns.server_count, 2);
	assert_string_equal(config->dns.trust_anchor_files[0], "/etc/root.key");
	assert_int_equal(config->on_error, ON_ERROR_ACCEPT);
	assert_int_equal(config->mode, MODE_DRY_RUN);
	assert_string_equal(translated.errors, "opendkim.conf:10: 'No-Such-Option' is no option of opendkim\n");
	assert_non_null(strstr(translated.text, "UNKNOWN: no option of opendkim"));
	release(&translated);
	translated = translate(&(struct files){ .text = { "MinimumKeyBits 512\nMaximumHeaders 0\n" } });
	assert_int_equal(translated.config->dkim_min_key_bits, 1024);
	assert_int_equal(translated.config->max_header_bytes, 64 << 20);	/* 0: no limit */
	release(&translated);
}

static void test_config_import_signing_stays_with_opendkim(void **state)
{
	(void)state;
	check_says("Mode sv\nKeyTable /k\n", "BY HAND: write Mode s");
	check_says("KeyTable /k\n", "stays with opendkim: Assay does not sign");
	check_says("", "let it go on with Mode s");
	check_says("Mode v\n", "opendkim is not needed any more");
}

static bool trusts(const struct config *config, const char *network)
{
	struct ip_network wanted;

	assert_int_equal(network_parse(network, &wanted), 0);
	for (size_t i = 0; i < config->trusted_networks.count; i++) {
		const struct ip_network *item = &config->trusted_networks.items[i];

		if (addr_equal(&item->addr, &wanted.addr) && item->prefix_bits == wanted.prefix_bits)
			return true;
	}
	return false;
}

static void test_config_import_hosts_become_trusted_networks(void **state)
{
	struct translated translated = translate(&(struct files){
	    .text = { "InternalHosts 192.168.0.0/16, 10.1.2.3/8, [2001:db8::1]\nPeerList file:/hosts\n", "IgnoreHosts /hosts\n" },
	    .hosts = "# ours\n198.51.100.7 # relay\n.example.net\n!203.0.113.1\n::ffff:192.0.2.0/120\n" });

	(void)state;
	assert_true(trusts(translated.config, "127.0.0.0/8") && trusts(translated.config, "::1"));
	assert_true(trusts(translated.config, "192.168.0.0/16") && trusts(translated.config, "10.0.0.0/8"));
	assert_true(trusts(translated.config, "2001:db8::1") && trusts(translated.config, "198.51.100.7"));
	assert_true(trusts(translated.config, "192.0.2.0/24"));
	assert_int_equal(translated.config->trusted_networks.count, 7);
	assert_non_null(strstr(translated.text, "2 of its hosts are no addresses (the first is '.example.net')"));
	release(&translated);
	check_says("PeerList /absent\n", "BY HAND: the file cannot be read");
	check_says("PeerList refile:/hosts\n", "BY HAND: a data set of this kind is not read");
}

static void test_config_import_policy_of_opendmarc(void **state)
{
	static const char *const rejects = "RejectFailures true\n", *const holds = "HoldQuarantinedMessages yes\n";

	(void)state;
	assert_int_equal(opendmarc_action(rejects, FINDING_DMARC_REJECT), ACTION_REJECT);
	assert_int_equal(opendmarc_action(rejects, FINDING_DMARC_REJECT_CORROBORATED), ACTION_REJECT);
	assert_int_equal(opendmarc_action(rejects, FINDING_DMARC_TEMPERROR), ACTION_DEFER);
	assert_int_equal(opendmarc_action(rejects, FINDING_DMARC_QUARANTINE), ACTION_TAG);
	assert_int_equal(opendmarc_action(holds, FINDING_DMARC_QUARANTINE), ACTION_QUARANTINE);
	assert_int_equal(opendmarc_action(holds, FINDING_DMARC_REJECT), ACTION_TAG);
	/* its defaults: nothing is held back */
	assert_int_equal(opendmarc_action("", FINDING_DMARC_REJECT), ACTION_TAG);
	assert_int_equal(opendmarc_action("", FINDING_DMARC_REJECT_CORROBORATED), ACTION_TAG);
	assert_int_equal(opendmarc_action("", FINDING_DMARC_QUARANTINE), ACTION_TAG);
	assert_int_equal(opendmarc_action("", FINDING_DMARC_TEMPERROR), ACTION_NONE);
	assert_int_equal(opendmarc_action("RequiredHeaders 1\n", FINDING_FROM_MISSING), ACTION_REJECT);
	assert_int_equal(opendmarc_action("RequiredHeaders 1\n", FINDING_FROM_INVALID), ACTION_REJECT);
	assert_int_equal(opendmarc_action("RejectMultiValueFrom t\n", FINDING_FROM_MULTIPLE), ACTION_REJECT);
	assert_int_equal(opendmarc_action("RejectMultiValueFrom f\n", FINDING_FROM_MULTIPLE), ACTION_NONE);
}

static void test_config_import_lists_of_opendmarc(void **state)
{
	struct translated translated = translate(&(struct files){ .text = { NULL,
	    "IgnoreAuthenticatedClients no\nIgnoreMailFrom a.example, B.example\nTrustedAuthservIDs HOSTNAME,mx2.example.org\n"
	    "DomainWhitelist lists.example\n" } });
	const struct config *config = translated.config;

	(void)state;
	assert_false(config->exempt_authenticated);
	assert_string_equal(config->policies[0].name, "ignored-authors");
	assert_int_equal(config->policies[0].author_domains.count, 2);
	assert_int_equal(config->policies[0].mode, MODE_DRY_RUN);
	assert_int_equal(config->trusted_authserv_ids.count, 1);
	assert_string_equal(config->trusted_authserv_ids.items[0], "mx2.example.org");
	assert_int_equal(config->trusted_sealers.count, 1);
	release(&translated);
}

/* Who had reports finds where they are; none is switched on by the translation. */
static void test_config_import_reports_of_opendmarc(void **state)
{
	struct translated translated = translate(&(struct files){ .text = { NULL,
	    "FailureReports true\nFailureReportsSentBy dmarc@example.org\nHistoryFile /var/h\n" } });

	(void)state;
	assert_string_equal(translated.config->dmarc_email, "dmarc@example.org");
	assert_false(translated.config->failure_reports || translated.config->dmarc_aggregate);
	assert_non_null(strstr(translated.text, "BY HAND: dmarc-reports { failure = yes }"));
	assert_non_null(strstr(translated.text, "dmarc-reports { aggregate = yes }"));
	assert_null(strstr(translated.text, "Assay sends no"));
	release(&translated);
	translated = translate(&(struct files){ .text = { NULL, "FailureReports false\n" } });
	assert_non_null(strstr(translated.text, "kept: none are sent"));
	release(&translated);
}

static void test_config_import_says_where_the_files_differ(void **state)
{
	struct translated translated = translate(&(struct files){ .text = { "AuthservID a.example\n", "AuthservID b.example\n" } });

	(void)state;
	assert_string_equal(translated.config->authserv_id, "a.example");
	assert_non_null(strstr(translated.text, "BY HAND: authserv-id cannot become 'b.example': AuthservID has set it to a.example"));
	release(&translated);
}

/* Each option of both tables, with values that fit and values that do not: something is said of it, and the result loads. */
static void test_config_import_knows_every_option(void **state)
{
	static const char *const values[] = { "", "yes", "no", "7", "99999999999", "/hosts", "a b", "\xff", "${HOME}\"{}=," };
	const struct import_table *const tables[] = { &import_opendkim, &import_opendmarc };
	char text[256];

	(void)state;
	for (int program = 0; program < IMPORT_PROGRAMS; program++) {
		for (const struct import_option *option = tables[program]->options; option->name != NULL; option++) {
			for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
				struct files files = { .hosts = "192.0.2.1\n" };
				struct translated translated;

				snprintf(text, sizeof(text), "%s %s\n", option->name, values[i]);
				files.text[program] = text;
				translated = translate(&files);
				assert_string_equal(translated.errors, "");
				snprintf(text, sizeof(text), "\n# %s ", option->name);
				assert_non_null(strstr(translated.text, text));
				release(&translated);
			}
		}
	}
}

static void test_config_import_refuses_other_files(void **state)
{
	char *text = calloc(1, IMPORT_FILE_MAX + 2);
	struct translated translated = translate(&(struct files){ .text = { "Mode v\nUserID \x1b[2J\n" } });

	(void)state;
	assert_int_equal(translated.code, -E_SYNTAX);
	assert_string_equal(translated.errors, "opendkim.conf:2: a control byte: this is not a text file\n");
	assert_string_equal(translated.text, "");
	release(&translated);
	assert_non_null(text);
	memset(text, '\n', IMPORT_FILE_MAX + 1);
	translated = translate(&(struct files){ .text = { text } });
	assert_int_equal(translated.code, -E_SYNTAX);
	release(&translated);
	memset(text, '#', IMPORT_LINE_MAX + 1);
	translated = translate(&(struct files){ .text = { text } });
	assert_int_equal(translated.code, -E_SYNTAX);
	release(&translated);
	text[0] = '\0';
	for (int i = 0; i <= IMPORT_OPTIONS_MAX; i++)
		strcat(text, "Mode v\n");
	translated = translate(&(struct files){ .text = { text } });
	assert_int_equal(translated.code, -E_SYNTAX);
	assert_string_equal(translated.errors, "opendkim.conf:301: more options than such a file has\n");
	release(&translated);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_import_actions_of_opendkim),
		cmocka_unit_test(test_config_import_values_of_opendkim),
		cmocka_unit_test(test_config_import_signing_stays_with_opendkim),
		cmocka_unit_test(test_config_import_hosts_become_trusted_networks),
		cmocka_unit_test(test_config_import_policy_of_opendmarc),
		cmocka_unit_test(test_config_import_lists_of_opendmarc),
		cmocka_unit_test(test_config_import_reports_of_opendmarc),
		cmocka_unit_test(test_config_import_says_where_the_files_differ),
		cmocka_unit_test(test_config_import_knows_every_option),
		cmocka_unit_test(test_config_import_refuses_other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
