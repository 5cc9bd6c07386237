/* SPDX-License-Identifier: BSD-2-Clause */
/* Ramps and brakes of a policy's actions: dates and shares as written, flag days to the second, shares of domains, brakes by time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "policy/reason.h"
#include "util/arena.h"

enum { DOMAINS = 20000 };
static const int64_t NEW_YEAR_SECS = 1798761600;	/* date -u -d 2027-01-01 +%s */

static const struct config *load(const char *text)
{
	const struct config *config = config_load_buffer(text, strlen(text), "test.conf", stderr);

	assert_non_null(config);
	return config;
}

/* A message of one author and envelope domain with one finding. */
struct mail {
	struct evidence evidence;
	struct evidence_finding finding;
	struct evidence_author author;
	struct recipient_place place;
};

static struct evidence *mail_make(struct mail *mail, enum finding_id id, const char *domain)
{
	*mail = (struct mail){ .finding = { .id = id, .secure = true }, .author = { .domain = domain },
		.place = { .where = RECIPIENT_AT_DOMAIN, .domain = "here.example" } };
	mail->evidence = (struct evidence){ .stage = FINDING_STAGE_MESSAGE, .time_secs = NEW_YEAR_SECS, .findings = &mail->finding,
		.finding_count = 1, .authors = &mail->author, .author_count = domain != NULL, .envelope_domain = domain,
		.authors_unknown = domain == NULL, .recipients = &mail->place, .recipient_count = 1 };
	return &mail->evidence;
}

static struct decision decide(const struct config *config, const struct evidence *evidence)
{
	struct decision decision;

	policy_decide(&config->policies[0], evidence, &decision);
	return decision;
}

static void test_ramp_parse_from_takes_dates_and_hours(void **state)
{
	static const struct { const char *text; int64_t secs; } good[] = {
		{ "2027-01-01", 1798761600 }, { "2027-01-01T00", 1798761600 }, { "2027-01-01T23", 1798761600 + 23 * 3600 },
		{ "2028-02-29", 1835395200 }, { "2026-12-31T06", 1798761600 - 18 * 3600 },
	};
	static const char *const bad[] = { "", "2027", "2027-1-1", "2027-02-29", "2027-13-01", "2027-00-10", "2027-04-31", "2027-01-01T24",
		"2027-01-01T6", "2027-01-01T06:30", "2027-01-01 ", " 2027-01-01", "1999-01-01", "20270-01-01", "2027-01-01Z", "-027-01-01",
		"2027-01-00", "2027/01/01" };
	const char *why;
	int64_t secs;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(ramp_parse_from(good[i].text, &secs, &why), 0);
		assert_int_equal(secs, good[i].secs);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ramp_parse_from(bad[i], &secs, &why) == 0)
			fail_msg("'%s' is taken for a date", bad[i]);
}

static void test_ramp_parse_share_takes_percents(void **state)
{
	static const struct { const char *text; unsigned parts; } good[] = { { "0%", 0 }, { "100%", 10000 }, { "10%", 1000 }, { "0.25%", 25 },
		{ "99.9%", 9990 }, { "5.05%", 505 }, { "100.00%", 10000 } };
	static const char *const bad[] = { "", "%", "10", "101%", "100.01%", "-1%", "1.%", ".5%", "1.234%", "1,5%", "10 %", "10%%", "1000%" };
	const char *why;
	unsigned parts;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(ramp_parse_share(good[i].text, &parts, &why), 0);
		assert_int_equal(parts, good[i].parts);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ramp_parse_share(bad[i], &parts, &why) == 0)
			fail_msg("'%s' is taken for a share", bad[i]);
}

/* On the flag day and not a second before; where the action is less than what is done before, nothing changes. */
static void test_flag_day_is_met_to_the_second(void **state)
{
	const struct config *config = load("mode = enforce findings { dmarc-reject = reject spf-fail = quarantine dkim-fail = none }\n"
	    "ramp \"dmarc-reject\" { from = 2027-01-01 }\n"
	    "ramp \"spf-fail\" { from = 2027-01-01 before = reject }\n"
	    "ramp \"dkim-fail\" { from = 2027-01-01 before = tag }\n");
	struct mail mail;
	struct evidence *evidence = mail_make(&mail, FINDING_DMARC_REJECT, "a.example");
	enum asked_why why;

	(void)state;
	evidence->time_secs = NEW_YEAR_SECS - 1;
	assert_int_equal(decide(config, evidence).action, ACTION_TAG);
	assert_int_equal(decide(config, evidence).may, ACTION_TAG);
	(void)policy_asked_for(&config->policies[0], evidence, FINDING_DMARC_REJECT, &why);
	assert_int_equal(why, ASKED_BEFORE_FLAG_DAY);
	evidence->time_secs = NEW_YEAR_SECS;
	assert_int_equal(decide(config, evidence).action, ACTION_REJECT);
	/* of a span nobody knows when in it a message came */
	evidence->time_secs = NEW_YEAR_SECS - 3600;
	evidence->span_secs = 3600;
	assert_int_equal(decide(config, evidence).may, ACTION_TAG);
	evidence->span_secs = 3601;
	assert_int_equal(decide(config, evidence).action, ACTION_TAG);
	assert_int_equal(decide(config, evidence).may, ACTION_REJECT);
	evidence->time_secs = 0;	/* not known at all */
	evidence->span_secs = 0;
	assert_int_equal(decide(config, evidence).action, ACTION_TAG);
	assert_int_equal(decide(config, evidence).may, ACTION_REJECT);
	for (int i = 0; i < 2; i++) {
		evidence->time_secs = NEW_YEAR_SECS - i;
		mail.finding.id = FINDING_SPF_FAIL;
		assert_int_equal(decide(config, evidence).action, ACTION_QUARANTINE);
		mail.finding.id = FINDING_DKIM_FAIL;
		assert_int_equal(decide(config, evidence).action, ACTION_NONE);
	}
	config_unref(&config);
}

static const char *domain_number(unsigned number, char text[32])
{
	snprintf(text, 32, "d%u.example", number);
	return text;
}

/* As many as the share says, and each that is in stays in when the share grows. */
static void test_shares_are_true_and_only_grow(void **state)
{
	static const char *const shares[] = { "0%", "0.5%", "1%", "10%", "33.33%", "50%", "90%", "99.99%", "100%" };
	unsigned char in[DOMAINS] = { 0 };

	(void)state;
	for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
		struct arena *arena = arena_new();
		const struct config *config = load(arena_printf(arena, "mode = enforce findings { dmarc-reject = reject spf-fail = reject }\n"
		    "ramp \"dmarc-reject\" { share = %s }\nramp \"spf-fail\" { share = %s }\n", shares[s], shares[s]));
		unsigned parts, count = 0, expected;
		const char *why;
		char name[32];

		assert_int_equal(ramp_parse_share(shares[s], &parts, &why), 0);
		for (unsigned i = 0; i < DOMAINS; i++) {
			struct mail mail;
			struct evidence *evidence = mail_make(&mail, FINDING_DMARC_REJECT, domain_number(i, name));
			struct decision decision = decide(config, evidence);
			bool is_in = decision.action == ACTION_REJECT;

			assert_int_equal(decision.may, decision.action);
			assert_int_equal(decision.action, is_in ? ACTION_REJECT : ACTION_TAG);
			mail.finding.id = FINDING_SPF_FAIL;	/* by the envelope's domain, which is the same */
			assert_int_equal(decide(config, evidence).action, decision.action);
			assert_true(is_in || !in[i]);
			in[i] = is_in;
			count += is_in;
		}
		expected = (unsigned)((uint64_t)DOMAINS * parts / RAMP_SHARE_ALL);
		/* five standard deviations of a fair draw are below 360 of 20000 */
		assert_true(count + 360 > expected && count < expected + 360 && (parts % RAMP_SHARE_ALL != 0 || count == expected));
		config_unref(&config);
		arena_free(&arena);
	}
}

/* Worked out with an implementation of SipHash-2-4 in Python that gives its authors' test value: the same on every host and release. */
static void test_buckets_never_change(void **state)
{
	(void)state;
	assert_int_equal(ramp_bucket("example.com"), 7169);
	assert_int_equal(ramp_bucket("a.example"), 256);
	assert_int_equal(ramp_bucket("xn--bcher-kva.example"), 9675);
}

static unsigned find_domain(bool in, unsigned parts, char name[32])
{
	for (unsigned i = 0; i < DOMAINS; i++)
		if ((ramp_bucket(domain_number(i, name)) < parts) == in)
			return i;
	fail_msg("no such domain");
	return 0;
}

/* Nobody is nobody: neither who has no domain, nor what was not recorded. */
static void test_share_of_nobody_holds_for_nobody(void **state)
{
	static const enum finding_id ids[] = { FINDING_DMARC_REJECT, FINDING_SPF_FAIL };
	const struct config *config = load("mode = enforce findings { dmarc-reject = reject spf-fail = reject }\n"
	    "ramp \"dmarc-reject\" { share = 0% } ramp \"spf-fail\" { share = 0% }");
	struct evidence *evidence;
	struct mail mail;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		evidence = mail_make(&mail, ids[i], NULL);
		assert_int_equal(decide(config, evidence).may, ACTION_TAG);
		evidence = mail_make(&mail, ids[i], "a.example");
		evidence->lacks = EVIDENCE_LACKS_AUTHORS | EVIDENCE_LACKS_ENVELOPE;
		assert_int_equal(decide(config, evidence).may, ACTION_TAG);
	}
	config_unref(&config);
}

/* A second author in the share, one that nobody can read, and a sender without a domain are in; what was not recorded may be. */
static void test_share_of_what_cannot_be_told_is_the_strictest(void **state)
{
	const struct config *config = load("mode = enforce findings { dmarc-reject = reject spf-fail = reject }\n"
	    "ramp \"dmarc-reject\" { share = 20% } ramp \"spf-fail\" { share = 20% }");
	char in[32], out[32];
	struct evidence_author authors[2];
	struct evidence *evidence;
	struct mail mail;

	(void)state;
	find_domain(true, 2000, in);
	find_domain(false, 2000, out);
	evidence = mail_make(&mail, FINDING_DMARC_REJECT, out);
	assert_int_equal(decide(config, evidence).action, ACTION_TAG);
	evidence->lacks = EVIDENCE_LACKS_AUTHORS;
	assert_int_equal(decide(config, evidence).action, ACTION_TAG);
	assert_int_equal(decide(config, evidence).may, ACTION_REJECT);
	evidence->lacks = 0;
	evidence->authors_unknown = true;
	assert_int_equal(decide(config, evidence).action, ACTION_REJECT);
	evidence->authors_unknown = false;
	authors[0] = (struct evidence_author){ .domain = out };
	authors[1] = (struct evidence_author){ .domain = in };
	evidence->authors = authors;
	evidence->author_count = 2;
	assert_int_equal(decide(config, evidence).action, ACTION_REJECT);
	assert_int_equal(decide(config, mail_make(&mail, FINDING_DMARC_REJECT, NULL)).action, ACTION_REJECT);
	/* what is known at RCPT goes by the envelope: at the end, too, whoever the author is */
	evidence = mail_make(&mail, FINDING_SPF_FAIL, in);
	mail.author.domain = out;
	assert_int_equal(decide(config, evidence).action, ACTION_REJECT);
	evidence->envelope_domain = out;
	mail.author.domain = in;
	assert_int_equal(decide(config, evidence).action, ACTION_TAG);
	evidence->stage = FINDING_STAGE_ENVELOPE;
	assert_int_equal(decide(config, evidence).action, ACTION_TAG);
	evidence->envelope_domain = NULL;
	assert_int_equal(decide(config, evidence).action, ACTION_REJECT);
	evidence->lacks = EVIDENCE_LACKS_ENVELOPE;
	assert_int_equal(decide(config, evidence).action, ACTION_TAG);
	assert_int_equal(decide(config, evidence).may, ACTION_REJECT);
	config_unref(&config);
}

/* A missing answer is deferred only where what it hides would be refused now. */
static void test_dns_outage_defers_only_what_is_in_force(void **state)
{
	const struct config *config = load("mode = enforce dns-outage = defer findings { dmarc-reject = reject dmarc-quarantine = tag\n"
	    "dmarc-reject-corroborated = none dmarc-fail = none dmarc-temperror = none } ramp \"dmarc-reject\" { from = 2027-01-01 }");
	struct mail mail;
	struct evidence *evidence = mail_make(&mail, FINDING_DMARC_TEMPERROR, "a.example");

	(void)state;
	assert_int_equal(decide(config, evidence).action, ACTION_DEFER);
	evidence->time_secs--;
	assert_int_equal(decide(config, evidence).action, ACTION_NONE);
	config_unref(&config);
}

static enum action braked(const struct config *config, struct evidence *evidence, int64_t secs, enum action *may_r)
{
	struct decision decision;

	evidence->time_secs = secs;
	decision = decide(config, evidence);
	*may_r = decision.may;
	return decision.action;
}

static void test_brake_holds_from_then_until_it_is_lifted(void **state)
{
	const struct config *config = load("mode = enforce record { path = \"/nonexistent/db\" } brake-wanted = 3\n"
	    "findings { dmarc-reject = reject spf-fail = quarantine }");
	struct brake items[] = {
		{ .policy = "default", .finding = FINDING_DMARC_REJECT, .since_secs = 7200, .until_secs = 10800 },
		{ .policy = "other", .finding = FINDING_SPF_FAIL, .since_secs = 1 },
	};
	struct brakes brakes = { .items = items, .count = 2 };
	struct mail mail;
	struct evidence *evidence = mail_make(&mail, FINDING_DMARC_REJECT, "a.example");
	enum action may;

	(void)state;
	evidence->brakes = &brakes;
	assert_int_equal(braked(config, evidence, 7199, &may), ACTION_REJECT);
	assert_int_equal(may, ACTION_REJECT);
	assert_int_equal(braked(config, evidence, 7200, &may), ACTION_TAG);
	assert_int_equal(may, ACTION_TAG);
	assert_int_equal(braked(config, evidence, 10799, &may), ACTION_TAG);
	assert_int_equal(braked(config, evidence, 10800, &may), ACTION_REJECT);
	evidence->span_secs = 3600;
	assert_int_equal(braked(config, evidence, 7200, &may), ACTION_TAG);
	assert_int_equal(may, ACTION_TAG);
	evidence->span_secs = 3601;
	assert_int_equal(braked(config, evidence, 7200, &may), ACTION_TAG);
	assert_int_equal(may, ACTION_REJECT);
	evidence->span_secs = 0;
	items[0].unsure = true;
	assert_int_equal(braked(config, evidence, 7200, &may), ACTION_TAG);
	assert_int_equal(may, ACTION_REJECT);
	mail.finding.id = FINDING_SPF_FAIL;	/* the brake of another policy */
	assert_int_equal(braked(config, evidence, 7200, &may), ACTION_QUARANTINE);
	config_unref(&config);
}

/* Until they could be read each brake that a policy asks for counts as on; one that no policy asks for any more does not. */
static void test_brakes_that_nobody_could_read_count_as_on(void **state)
{
	const struct config *config = load("mode = enforce record { path = \"/nonexistent/db\" } brake-wanted = 3\n"
	    "findings { dmarc-reject = reject } policy \"free\" { recipient-domains = { \"x.example\" } brake-wanted = 0 }");
	struct brake on = { .policy = "free", .finding = FINDING_DMARC_REJECT, .since_secs = 1 };
	struct brakes unknown = { .unknown = true }, known = { .items = &on, .count = 1 };
	struct decision decision;
	struct mail mail;
	struct evidence *evidence = mail_make(&mail, FINDING_DMARC_REJECT, "a.example");

	(void)state;
	assert_string_equal(config->policies[1].name, "default");
	evidence->brakes = &unknown;
	policy_decide(&config->policies[1], evidence, &decision);
	assert_int_equal(decision.action, ACTION_TAG);
	policy_decide(&config->policies[0], evidence, &decision);
	assert_int_equal(decision.action, ACTION_REJECT);
	evidence->brakes = &known;
	policy_decide(&config->policies[0], evidence, &decision);
	assert_int_equal(decision.action, ACTION_REJECT);
	config_unref(&config);
}

static void test_ramps_are_inherited_and_printed(void **state)
{
	static const char text[] = "record { path = \"/nonexistent/db\" } ramp \"dmarc-reject\" { from = 2027-01-01 share = 10% }\n"
	    "policy \"a\" { recipient-domains = { \"a.example\" } ramp \"dmarc-reject\" { share = 20% } }\n"
	    "policy \"b\" { recipient-domains = { \"b.example\" } ramp \"dmarc-reject\" { from = \"\" share = \"\" } brake-wanted = 4 }\n";
	const struct config *config = load(text), *again;
	const struct ramp_config *ramps[3];
	char *printed, *twice;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	config_print(config, out);
	fclose(out);
	again = load(printed);
	for (int i = 0; i < 3; i++)
		ramps[i] = &again->policies[i].ramps[FINDING_DMARC_REJECT];
	assert_true(ramps[0]->from_secs == NEW_YEAR_SECS && ramps[0]->share_parts == 2000 && ramps[0]->before == ACTION_TAG);
	assert_false(ramp_is_set(ramps[1]));
	assert_true(ramps[2]->from_secs == NEW_YEAR_SECS && ramps[2]->share_parts == 1000);
	assert_true(again->policies[1].brake.wanted == 4 && again->policies[2].brake.wanted == 0);
	out = open_memstream(&twice, &size);
	config_print(again, out);
	fclose(out);
	assert_string_equal(printed, twice);
	free(printed);
	free(twice);
	config_unref(&config);
	config_unref(&again);
}

/* What is held to be a reject may be a defer, which is weaker than the quarantine before the flag day: either may have been. */
static void test_flag_day_within_the_span_of_a_reject_that_is_deferred(void **state)
{
	const struct config *config = load("mode = enforce findings { dmarc-reject = reject tls-cert-required = reject }\n"
	    "ramp \"dmarc-reject\" { from = 2027-01-01 before = quarantine }\n"
	    "ramp \"tls-cert-required\" { from = 2027-01-01 before = quarantine }\n");
	static const enum finding_id ids[] = { FINDING_DMARC_REJECT, FINDING_TLS_CERT_REQUIRED };
	struct mail mail;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct evidence *evidence = mail_make(&mail, ids[i], "a.example");

		evidence->cert.tlsa_unknown = true;
		mail.finding.override_unknown = true;
		evidence->time_secs = NEW_YEAR_SECS - 1;
		assert_int_equal(decide(config, evidence).action, ACTION_QUARANTINE);
		assert_int_equal(decide(config, evidence).may, ACTION_QUARANTINE);
		evidence->span_secs = 3600;
		assert_int_equal(decide(config, evidence).action, ACTION_DEFER);
		assert_int_equal(decide(config, evidence).may, ACTION_QUARANTINE);
		evidence->time_secs = NEW_YEAR_SECS;
		assert_int_equal(decide(config, evidence).action, ACTION_DEFER);
		assert_int_equal(decide(config, evidence).may, ACTION_DEFER);
	}
	config_unref(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ramp_parse_from_takes_dates_and_hours),
		cmocka_unit_test(test_ramp_parse_share_takes_percents),
		cmocka_unit_test(test_flag_day_is_met_to_the_second),
		cmocka_unit_test(test_shares_are_true_and_only_grow),
		cmocka_unit_test(test_buckets_never_change),
		cmocka_unit_test(test_share_of_nobody_holds_for_nobody),
		cmocka_unit_test(test_share_of_what_cannot_be_told_is_the_strictest),
		cmocka_unit_test(test_dns_outage_defers_only_what_is_in_force),
		cmocka_unit_test(test_brake_holds_from_then_until_it_is_lifted),
		cmocka_unit_test(test_brakes_that_nobody_could_read_count_as_on),
		cmocka_unit_test(test_ramps_are_inherited_and_printed),
		cmocka_unit_test(test_flag_day_within_the_span_of_a_reject_that_is_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
