/* SPDX-License-Identifier: BSD-2-Clause */
/* Which sets of a chain count when some of its sealers are trusted, as a table; secure keys; what sealers write (more: tests/flow/test_arc_trust.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "check/dmarc/judgement.h"
#include "check_fixture.h"
#include "message/authres_parse.h"

/* A chain in letters, the oldest set first: T trusted, S a stranger; below it whether the set is intact (i) or not (-). */
struct chain { const char *sealers, *intact; };

static void seal(struct check_fixture *fixture, struct chain chain, enum result result, const struct authres *said)
{
	static const char *const trusted[] = { "trusted.example" };
	size_t count = strlen(chain.sealers);
	struct arc_set *sets = arena_calloc(fixture->facts.arena, count, sizeof(*sets));

	for (size_t i = 0; i < count; i++)
		sets[i] = (struct arc_set){ .sealer = chain.sealers[i] == 'T' ? "trusted.example" : "stranger.example", .said = said,
			.intact = chain.intact[i] == 'i', .unknown = chain.intact[i] == '?' };
	fixture->results.arc = (struct arc_result){ .result = result, .sets = sets, .set_count = count, .dnssec = DNS_INSECURE };
	fixture->config.trusted_sealers = (struct domain_list){ .count = 1, .set = domain_set_make(fixture->facts.arena, trusted, 1) };
}

static void test_seal_counts(void **state)
{
	static const struct { struct chain chain; const char *counts; } rows[] = {
		{ { "T", "i" }, "y" }, { { "T", "-" }, "n" }, { { "S", "i" }, "n" },
		/* a stranger on top: only what he left intact */
		{ { "TS", "ii" }, "yn" }, { { "TS", "-i" }, "nn" },
		/* one trusted on top answers for what he changed */
		{ { "TT", "-i" }, "yy" }, { { "ST", "-i" }, "ny" }, { { "ST", "ii" }, "ny" },
		/* a stranger between breaks that */
		{ { "TST", "--i" }, "nny" }, { { "TST", "-ii" }, "nny" }, { { "TST", "iii" }, "yny" },
		{ { "TTS", "-ii" }, "yyn" }, { { "TTS", "--i" }, "nnn" }, { { "TTTSS", "--iii" }, "yyynn" },
		{ { "TTT", "---" }, "nnn" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(NULL);
		const struct arc_result *arc = &fixture->results.arc;

		seal(fixture, rows[i].chain, RESULT_PASS, NULL);
		for (size_t j = 0; j < arc->set_count; j++) {
			if (dmarc_seal_counts(arc, fixture->config.trusted_sealers.set, j) != (rows[i].counts[j] == 'y'))
				fail_msg("row %zu, set %zu", i, j + 1);
			assert_false(dmarc_seal_counts(arc, NULL, j));
		}
		for (enum result result = RESULT_UNCHECKED; result < RESULT_COUNT; result++) {
			fixture->results.arc.result = result;
			if (result != RESULT_PASS)
				assert_false(dmarc_seal_counts(arc, fixture->config.trusted_sealers.set, 0));
		}
		fixture_free(&fixture);
	}
}

static const struct dmarc_result *judge_said(struct check_fixture *fixture, struct chain chain, enum result result, const char *field)
{
	struct authres *said = arena_calloc(fixture->facts.arena, 1, sizeof(*said));

	assert_int_equal(authres_parse_loose(field, strlen(field), fixture->facts.arena, said), 0);
	fixture_from(fixture, "author.example");
	fixture_spf(fixture, RESULT_FAIL, "author.example", DNS_SECURE);
	seal(fixture, chain, result, said);
	return &fixture->results.dmarc;
}

static const struct dmarc_result *judge(struct check_fixture *fixture, struct chain chain, enum result result)
{
	return judge_said(fixture, chain, result, "x.example; dmarc=pass header.from=author.example");
}

static struct check_fixture *fixture_of_author(void)
{
	return fixture_new("_dmarc.author.example. TXT \"v=DMARC1; p=reject\"\nauthor.example. A 192.0.2.1\n");
}

static void test_override_wants_secure_keys_if_asked(void **state)
{
	static const struct { bool only_secure; enum dns_security dnssec; bool overridden; } rows[] = {
		{ false, DNS_INSECURE, true }, { false, DNS_INDETERMINATE, true }, { true, DNS_INSECURE, false },
		{ true, DNS_INDETERMINATE, false }, { true, DNS_SECURE, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_of_author();
		const struct dmarc_result *dmarc = judge(fixture, (struct chain){ "T", "i" }, RESULT_PASS);

		fixture->config.trusted_sealers_secure = rows[i].only_secure;
		fixture->results.arc.dnssec = rows[i].dnssec;
		fixture_run(fixture, &check_dmarc);
		assert_int_equal(dmarc->result, RESULT_FAIL);
		assert_int_equal(dmarc->overridden != NULL, rows[i].overridden);
		assert_int_equal(fixture_raised(fixture, FINDING_DMARC_OVERRIDDEN), rows[i].overridden);
		assert_int_equal(fixture_raised(fixture, FINDING_DMARC_REJECT), !rows[i].overridden);
		fixture_free(&fixture);
	}
}

/* "dmarc=pass" of that very author domain, or, where nothing is said of DMARC for it, an aligned pass; a failure stays one. */
static void test_override_by_what_a_sealer_says(void **state)
{
#define PASS "; dmarc=pass header.from=author.example"
#define FAIL "; dmarc=fail header.from=author.example"
	static const struct { const char *said; bool overridden; } rows[] = {
		{ PASS, true }, { FAIL PASS, false }, { PASS FAIL, false }, { "; spf=pass smtp.mailfrom=author.example", true },
		{ "; spf=pass smtp.mailfrom=author.example" FAIL, false }, { "; spf=pass smtp.mailfrom=author.example; dmarc=fail", false },
		{ "; spf=pass smtp.mailfrom=other.example", false }, { "; dmarc=pass", false }, { "; dmarc=pass header.from=other.example", false },
		{ "; dkim=pass header.d=author.example; dmarc=fail header.from=other.example", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_of_author();
		const struct dmarc_result *dmarc = judge_said(fixture, (struct chain){ "T", "i" }, RESULT_PASS,
		    arena_printf(fixture->facts.arena, "x.example%s", rows[i].said));

		fixture_run(fixture, &check_dmarc);
		if ((dmarc->overridden != NULL) != rows[i].overridden)
			fail_msg("%s", rows[i].said);
		fixture_free(&fixture);
	}
}

/* Of several From fields nobody knows which one is shown. */
static void test_override_of_one_from_field_only(void **state)
{
	struct check_fixture *fixture = fixture_of_author();
	const struct dmarc_result *dmarc = judge(fixture, (struct chain){ "T", "i" }, RESULT_PASS);

	(void)state;
	fixture_from(fixture, "author.example");
	fixture_run(fixture, &check_dmarc);
	assert_null(dmarc->overridden);
	assert_int_equal(dmarc->override_count, 0);
	fixture_free(&fixture);
}

/* Whether an override hangs on keys that did not come: only when they are trusted sealers' own. */
static void test_override_unknown(void **state)
{
	static const struct { struct chain chain; bool unknown; } rows[] = {
		{ { "T", "?" }, true }, { { "S", "?" }, false }, { { "ST", "?i" }, false }, { { "ST", "i?" }, true },
		{ { "TS", "?i" }, false }, { { "TT", "?-" }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_of_author();
		const struct dmarc_result *dmarc = judge(fixture, rows[i].chain, RESULT_TEMPERROR);

		fixture_run(fixture, &check_dmarc);
		assert_null(dmarc->overridden);
		if (dmarc->override_unknown != rows[i].unknown)
			fail_msg("row %zu", i);
		assert_true(fixture_raised(fixture, FINDING_DMARC_REJECT));
		fixture_free(&fixture);
	}
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

static struct domain_list listed(struct check_fixture *fixture, const char *name)
{
	const char **names = arena_calloc(fixture->facts.arena, 1, sizeof(*names));

	names[0] = name;
	return (struct domain_list){ .count = 1, .set = domain_set_make(fixture->facts.arena, names, 1) };
}

/* One signature, and whether the section holds: 'y', 'n', or '?': not known. */
static void test_section_of_a_signature(void **state)
{
	static const struct { enum result result; const char *domain; enum dns_security dnssec; bool secure; const char *added; char holds; } rows[] = {
		{ RESULT_PASS, "lists.example", DNS_INSECURE, false, NULL, 'y' }, { RESULT_PASS, "lists.example", DNS_SECURE, true, NULL, 'y' },
		{ RESULT_PASS, "lists.example", DNS_INSECURE, true, NULL, 'n' }, { RESULT_PASS, "x.lists.example", DNS_SECURE, false, NULL, 'n' },
		{ RESULT_PASS, "lists.example", DNS_SECURE, false, "From", 'n' }, { RESULT_POLICY, "lists.example", DNS_SECURE, false, NULL, 'n' },
		{ RESULT_FAIL, "lists.example", DNS_SECURE, false, NULL, 'n' }, { RESULT_PERMERROR, "lists.example", DNS_SECURE, false, NULL, 'n' },
		{ RESULT_NEUTRAL, "lists.example", DNS_SECURE, false, NULL, 'n' }, { RESULT_PASS, NULL, DNS_SECURE, false, NULL, 'n' },
		{ RESULT_TEMPERROR, "lists.example", DNS_INDETERMINATE, false, NULL, '?' },
		{ RESULT_TEMPERROR, "lists.example", DNS_BOGUS, true, NULL, '?' },
		{ RESULT_TEMPERROR, "lists.example", DNS_INDETERMINATE, false, "Subject", 'n' },
		{ RESULT_TEMPERROR, "stranger.example", DNS_INDETERMINATE, false, NULL, 'n' },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct check_fixture *fixture = fixture_new(NULL);
		struct override_config section = { .name = "there", .kind = OVERRIDE_FORWARDER, .secure = rows[i].secure,
			.dkim_domains = listed(fixture, "lists.example") };
		struct dmarc_override override = { 0 };
		bool found;

		fixture_dkim(fixture, rows[i].result, rows[i].domain, rows[i].dnssec);
		fixture->dkim[0].added_field = rows[i].added;
		found = dmarc_section_override(&fixture->context, &section, "author.example", &override);
		if (found != (rows[i].holds != 'n') || override.unknown != (rows[i].holds == '?'))
			fail_msg("row %zu", i);
		if (rows[i].holds == 'y')
			assert_string_equal(override.why, "forwarder there: DKIM lists.example");
		fixture_free(&fixture);
	}
}

/* Three are told in words, of more how many; all of them are weighed. */
static void test_overrides_in_words(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };

	(void)state;
	for (size_t count = 1; count <= sizeof(names) / sizeof(names[0]); count++) {
		struct check_fixture *fixture = fixture_of_author();
		struct override_config *sections = arena_calloc(fixture->facts.arena, count, sizeof(*sections));

		for (size_t i = 0; i < count; i++)
			sections[i] = (struct override_config){ .name = names[i], .kind = OVERRIDE_MAILING_LIST,
				.dkim_domains = listed(fixture, "lists.example") };
		fixture->config.overrides = sections;
		fixture->config.override_count = count;
		fixture_from(fixture, "author.example");
		fixture_spf(fixture, RESULT_FAIL, "author.example", DNS_SECURE);
		fixture_dkim(fixture, RESULT_PASS, "lists.example", DNS_SECURE);
		fixture_run(fixture, &check_dmarc);
		assert_int_equal(fixture->results.dmarc.override_count, count);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(strstr(fixture->results.dmarc.overridden, arena_printf(fixture->facts.arena, " %s: DKIM lists.example",
			    names[i])) != NULL, i < 3);
		assert_int_equal(strstr(fixture->results.dmarc.overridden, " more") != NULL, count > 3);
		if (count > 3)
			assert_non_null(strstr(fixture->results.dmarc.overridden, count == 4 ? "; and 1 more" : "; and 2 more"));
		fixture_free(&fixture);
	}
}

/* Of several proofs the best counts; all conditions have to hold, and the weakest says how secure that is. */
static void test_section_of_several_conditions(void **state)
{
	struct check_fixture *fixture = fixture_new(NULL);
	struct ip_network network;
	struct override_config section = { .name = "there", .kind = OVERRIDE_FORWARDER, .secure = true };
	struct dmarc_override override;

	(void)state;
	section.authenticated_domains = listed(fixture, "lists.example");
	fixture_spf(fixture, RESULT_PASS, "lists.example", DNS_INSECURE);
	assert_false(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	fixture_dkim(fixture, RESULT_PASS, "lists.example", DNS_SECURE);
	assert_true(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	assert_true(override.dnssec == DNS_SECURE && !override.unknown);
	section.client_names = listed(fixture, "mx.lists.example");
	assert_false(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	fixture->results.iprev = (struct iprev_result){ .result = RESULT_TEMPERROR, .dnssec = DNS_INDETERMINATE };
	assert_true(dmarc_section_override(&fixture->context, &section, "author.example", &override) && override.unknown);
	fixture->results.iprev = (struct iprev_result){ .result = RESULT_PASS, .name = "mx.lists.example", .dnssec = DNS_INSECURE };
	assert_false(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	section.secure = false;
	assert_true(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	assert_int_equal(override.dnssec, DNS_INSECURE);
	/* a network: known at once, and a client whose address nobody knows is in none */
	assert_int_equal(network_parse("192.0.2.0/24", &network), 0);
	section.client_networks = (struct network_list){ &network, 1 };
	fixture->connection.client.family = AF_UNSPEC;
	assert_false(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	assert_int_equal(addr_parse("192.0.2.1", &fixture->connection.client), 0);
	assert_true(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	section.author_domains = listed(fixture, "author.example");
	assert_true(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	assert_false(dmarc_section_override(&fixture->context, &section, "x.author.example", &override));
	fixture_free(&fixture);
}

/* Whatever the loader let through: what is no evidence never holds by itself. */
static void test_section_without_evidence(void **state)
{
	struct check_fixture *fixture = fixture_new(NULL);
	struct override_config section = { .name = "there", .kind = OVERRIDE_MAILING_LIST, .list_id = true };
	struct dmarc_override override;

	(void)state;
	section.author_domains = listed(fixture, "author.example");
	fixture_field(fixture, "List-Id", "<l.author.example>");
	assert_false(dmarc_section_override(&fixture->context, &section, "author.example", &override));
	fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal_counts),
		cmocka_unit_test(test_override_wants_secure_keys_if_asked),
		cmocka_unit_test(test_override_by_what_a_sealer_says),
		cmocka_unit_test(test_override_of_one_from_field_only),
		cmocka_unit_test(test_override_unknown),
		cmocka_unit_test(test_section_of_a_signature),
		cmocka_unit_test(test_overrides_in_words),
		cmocka_unit_test(test_section_of_several_conditions),
		cmocka_unit_test(test_section_without_evidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
