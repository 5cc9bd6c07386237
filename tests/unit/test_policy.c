/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy as a function: selection, strength, replies, and its properties over random findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy_fixture.h"

/* Names of the marked policies, in the order of the file, with a blank behind each. */
static const char *marked(const struct policy_fixture *fixture, const struct evidence *evidence)
{
	const struct policy_set set = policy_set_of(fixture->config);
	unsigned char *marks = arena_alloc(fixture->arena, set.count);
	const char *names = "";

	policy_select(&set, evidence, marks);
	for (size_t i = 0; i < set.count; i++) {
		if (marks[i] != POLICY_OUT)
			names = arena_printf(fixture->arena, "%s%s ", names, set.policies[i].name);
	}
	return names;
}

#define NOBODY_KNOWS "?"	/* the client's address */

/* client NULL: in none of the networks. */
static const char *marked_for(const struct policy_fixture *fixture, const char *recipient, const char *author, const char *client)
{
	const struct recipient_place place = { .where = recipient != NULL ? RECIPIENT_AT_DOMAIN : RECIPIENT_UNKNOWN, .domain = recipient };
	const struct evidence_author one = { .domain = author };
	struct evidence evidence = { .stage = FINDING_STAGE_MESSAGE, .recipients = &place, .recipient_count = 1, .authors = &one,
		.author_count = author != NULL, .authors_unknown = author == NULL };

	if (client == NULL)
		client = "198.51.100.9";
	if (strcmp(client, NOBODY_KNOWS) != 0)
		assert_int_equal(network_parse(client, &evidence.client), 0);
	return marked(fixture, &evidence);
}

static const char *marked_at_rcpt(const struct policy_fixture *fixture, const char *recipient)
{
	const struct recipient_place place = { .where = recipient != NULL ? RECIPIENT_AT_DOMAIN : RECIPIENT_UNKNOWN, .domain = recipient };
	struct evidence evidence = { .stage = FINDING_STAGE_ENVELOPE, .recipients = &place, .recipient_count = 1 };

	assert_int_equal(network_parse("198.51.100.9", &evidence.client), 0);
	return marked(fixture, &evidence);
}

static void test_policy_mark_first_that_matches(void **state)
{
	struct policy_fixture f = policy_fixture_make("policy exact { recipient-domains = example.org }\npolicy below { recipient-domains = .example.net }\n"
	    "policy author { author-domains = { a.example, b.example } }\n"
	    "policy both { client-networks = 192.0.2.0/24 recipient-domains = x.example }\n");

	(void)state;
	assert_string_equal(marked_for(&f, "example.org", "c.example", NULL), "exact ");
	assert_string_equal(marked_for(&f, "sub.example.org", "c.example", NULL), "default ");
	assert_string_equal(marked_for(&f, "example.net", "c.example", NULL), "below ");
	assert_string_equal(marked_for(&f, "a.b.example.net", "c.example", NULL), "below ");
	assert_string_equal(marked_for(&f, "badexample.net", "c.example", NULL), "default ");
	assert_string_equal(marked_for(&f, "other.example", "a.example", NULL), "author ");
	assert_string_equal(marked_for(&f, "x.example", "c.example", "192.0.2.9"), "both ");
	assert_string_equal(marked_for(&f, "x.example", "c.example", "198.51.100.9"), "default ");
	assert_string_equal(marked_for(&f, "y.example", "c.example", "192.0.2.9"), "default ");
	/* at RCPT the author may be one of those whom a policy names */
	assert_string_equal(marked_at_rcpt(&f, "other.example"), "author default ");
	assert_string_equal(marked_at_rcpt(&f, "example.org"), "exact ");
	policy_fixture_drop(&f);
}

/* What could not be looked for is deferred where it would be refused, and nowhere else. */
static void test_dns_outage_defers_what_might_be_refused(void **state)
{
	static const struct { const char *text; enum finding_id unknown; enum action action; bool pressed; } rows[] = {
		{ "", FINDING_DMARC_TEMPERROR, ACTION_DEFER, true },
		{ "dns-outage = accept", FINDING_DMARC_TEMPERROR, ACTION_NONE, true },
		{ "", FINDING_SPF_TEMPERROR, ACTION_NONE, true },
		{ "dns-outage = defer", FINDING_DMARC_TEMPERROR, ACTION_DEFER, false },	/* by default DMARC may quarantine */
		{ "dns-outage = accept", FINDING_DMARC_TEMPERROR, ACTION_NONE, false },
		{ "", FINDING_DMARC_TEMPERROR, ACTION_NONE, false },
		{ "dns-outage = defer", FINDING_SPF_TEMPERROR, ACTION_NONE, false },	/* spf-fail is a tag by default */
		{ "dns-outage = defer\nfindings { spf-fail = reject }", FINDING_SPF_TEMPERROR, ACTION_DEFER, false },
		{ "dns-outage = defer\nfindings { iprev-fail = reject }", FINDING_SPF_TEMPERROR, ACTION_NONE, false },
		{ "dns-outage = defer\nfindings { dmarc-temperror = reject }", FINDING_DMARC_TEMPERROR, ACTION_REJECT, false },
		{ "dns-outage = defer\npolicy x { dns-outage = accept }", FINDING_DMARC_TEMPERROR, ACTION_NONE, false },
		{ "policy x { dns-outage = defer }", FINDING_DMARC_TEMPERROR, ACTION_DEFER, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_fixture f = policy_fixture_make(rows[i].text);

		raise_finding(&f, rows[i].unknown, "example.org", DNS_INDETERMINATE);
		f.results.dns_failures = rows[i].pressed ? 1u << DNS_FAILURE_PRESSURE : 1u << DNS_FAILURE_OUTAGE;
		assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, rows[i].action);
		if (rows[i].action == ACTION_DEFER)
			assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).code, 451);
		policy_fixture_drop(&f);
	}
}

/* A name that nobody knows may be any: every policy up to the first that matches in any case. */
static void test_policy_mark_unknown_may_be_any(void **state)
{
	struct policy_fixture f = policy_fixture_make("policy exact { recipient-domains = example.org }\npolicy author { author-domains = a.example }\n"
	    "policy both { client-networks = 192.0.2.0/24 recipient-domains = x.example author-domains = y.example }\n"
	    "policy net { client-networks = 192.0.2.0/24 }\npolicy last { recipient-domains = z.example }\n");

	(void)state;
	assert_string_equal(marked_for(&f, NULL, "c.example", NULL), "exact last default ");
	assert_string_equal(marked_for(&f, "c.example", NULL, NULL), "author default ");
	assert_string_equal(marked_for(&f, "z.example", NULL, NULL), "author last ");
	assert_string_equal(marked_for(&f, "example.org", NULL, NULL), "exact ");
	assert_string_equal(marked_for(&f, NULL, NULL, NULL), "exact author last default ");
	assert_string_equal(marked_for(&f, NULL, NULL, "192.0.2.9"), "exact author both net ");
	assert_string_equal(marked_for(&f, "x.example", NULL, "192.0.2.9"), "author both net ");
	assert_string_equal(marked_for(&f, "q.example", NULL, "192.0.2.9"), "author net ");
	assert_string_equal(marked_for(&f, "q.example", "c.example", NOBODY_KNOWS), "net default ");
	assert_string_equal(marked_for(&f, "x.example", "y.example", NOBODY_KNOWS), "both net default ");
	assert_string_equal(marked_for(&f, "z.example", "c.example", NOBODY_KNOWS), "net last ");
	assert_string_equal(marked_for(&f, "example.org", "c.example", NOBODY_KNOWS), "exact ");
	assert_string_equal(marked_for(&f, NULL, NULL, NOBODY_KNOWS), "exact author both net last default ");
	assert_string_equal(marked_at_rcpt(&f, NULL), "exact author last default ");
	policy_fixture_drop(&f);
}

/* An author who is not told may be anybody's; those who are told fall under their policies surely, with each recipient. */
static void test_policy_mark_of_a_record_that_lacks_authors(void **state)
{
	struct policy_fixture f = policy_fixture_make("policy one { recipient-domains = one.example author-domains = a.example }\n"
	    "policy two { recipient-domains = two.example author-domains = a.example }\npolicy other { author-domains = b.example }\n");
	const struct policy_set set = policy_set_of(f.config);
	const struct recipient_place places[] = { { .where = RECIPIENT_AT_DOMAIN, .domain = "one.example" },
		{ .where = RECIPIENT_AT_DOMAIN, .domain = "two.example" } };
	const struct evidence_author author = { .domain = "a.example" };
	struct evidence evidence = { .stage = FINDING_STAGE_MESSAGE, .recipients = places, .recipient_count = 2, .authors = &author,
		.author_count = 1, .lacks = EVIDENCE_LACKS_AUTHORS };
	unsigned char marks[4];

	(void)state;
	assert_int_equal(network_parse("192.0.2.1", &evidence.client), 0);
	assert_int_equal(set.count, 4);
	policy_select(&set, &evidence, marks);
	assert_true(marks[0] == POLICY_IN && marks[1] == POLICY_IN && marks[2] == POLICY_MAYBE && marks[3] == POLICY_MAYBE);
	policy_fixture_drop(&f);
}

static void test_policy_decide_nothing_found(void **state)
{
	struct policy_fixture f = policy_fixture_make("mode = enforce");
	struct decision d = decide(&f, FINDING_STAGE_MESSAGE);

	(void)state;
	assert_int_equal(d.action, ACTION_NONE);
	assert_int_equal(d.finding, FINDING_COUNT);
	assert_int_equal(d.code, 250);
	assert_null(d.enhanced);
	assert_null(d.text);
	assert_string_equal(d.policy, "default");
	policy_fixture_drop(&f);
}

static void test_policy_decide_strongest_wins(void **state)
{
	struct policy_fixture f = policy_fixture_make("mode = enforce findings { spf-fail = tag dkim-none = reject dmarc-temperror = defer }");
	struct decision d;

	(void)state;
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_SECURE);
	raise_finding(&f, FINDING_DKIM_NONE, NULL, DNS_SECURE);
	raise_finding(&f, FINDING_DMARC_TEMPERROR, "b.example", DNS_SECURE);
	d = decide(&f, FINDING_STAGE_MESSAGE);
	assert_int_equal(d.action, ACTION_REJECT);
	assert_int_equal(d.finding, FINDING_DKIM_NONE);
	assert_true(d.enforced);
	assert_int_equal(d.code, 550);
	assert_string_equal(d.enhanced, "5.7.20");
	assert_string_equal(d.text, "no DKIM signature");
	d = decide(&f, FINDING_STAGE_ENVELOPE);
	assert_int_equal(d.action, ACTION_TAG);
	assert_int_equal(d.code, 250);
	policy_fixture_drop(&f);
}

static void test_policy_decide_codes_follow_action(void **state)
{
	struct policy_fixture f = policy_fixture_make("findings { spf-fail = defer spf-temperror = reject tls-none = greylist }");
	struct decision d;

	(void)state;
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_INSECURE);
	d = decide(&f, FINDING_STAGE_ENVELOPE);
	assert_int_equal(d.code, 451);
	assert_string_equal(d.enhanced, "4.7.23");
	raise_finding(&f, FINDING_SPF_TEMPERROR, "a.example", DNS_INSECURE);
	d = decide(&f, FINDING_STAGE_ENVELOPE);
	assert_int_equal(d.code, 550);
	assert_string_equal(d.enhanced, "5.7.24");
	f.results.finding_count = 0;
	raise_finding(&f, FINDING_TLS_NONE, NULL, DNS_INSECURE);
	d = decide(&f, FINDING_STAGE_MESSAGE);
	assert_int_equal(d.action, ACTION_GREYLIST);
	assert_int_equal(d.code, 451);
	assert_string_equal(d.enhanced, "4.7.1");
	policy_fixture_drop(&f);
}

/* Codes as assay.conf(5) lists them; 454 4.7.0 is RFC 3207's, section 4, for what may be over soon. */
static void test_policy_decide_codes_of_findings(void **state)
{
	static const struct { enum finding_id id; const char *options; unsigned code; const char *enhanced; } rows[] = {
		{ FINDING_TLS_NONE, "tls-none = reject", 530, "5.7.0" }, { FINDING_TLS_NONE, "tls-none = defer", 454, "4.7.0" },
		{ FINDING_TLS_WEAK, "tls-weak = reject", 554, "5.7.0" }, { FINDING_TLS_WEAK, "tls-weak = defer", 454, "4.7.0" },
		{ FINDING_AUTH_PLAINTEXT_MECHANISM, "auth-plaintext-mechanism = reject", 538, "5.7.11" },
		{ FINDING_DNSSEC_BOGUS, "dnssec-bogus = reject", 550, "5.7.0" }, { FINDING_DNSSEC_BOGUS, "dnssec-bogus = defer", 451, "4.7.0" },
		{ FINDING_DKIM_FAIL, "dkim-fail = reject", 550, "5.7.20" }, { FINDING_DKIM_FAIL, "dkim-fail = defer", 451, "4.7.20" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[100];
		struct policy_fixture f;
		struct decision d;

		snprintf(text, sizeof(text), "findings { %s }", rows[i].options);
		f = policy_fixture_make(text);
		raise_finding(&f, rows[i].id, "a.example", DNS_INSECURE);
		d = decide(&f, FINDING_STAGE_MESSAGE);
		if (d.code != rows[i].code || strcmp(d.enhanced, rows[i].enhanced) != 0)
			fail_msg("%s: %u %s", rows[i].options, d.code, d.enhanced);
		policy_fixture_drop(&f);
	}
}

static void test_policy_decide_permanent_before_temporary(void **state)
{
	struct policy_fixture f = policy_fixture_make("findings { spf-temperror = reject dmarc-permerror = reject }");

	(void)state;
	raise_finding(&f, FINDING_SPF_TEMPERROR, "a.example", DNS_INSECURE);
	raise_finding(&f, FINDING_DMARC_PERMERROR, "a.example", DNS_INSECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).finding, FINDING_DMARC_PERMERROR);
	policy_fixture_drop(&f);
}

static void test_policy_decide_explanation_and_help(void **state)
{
	struct policy_fixture f = policy_fixture_make("help-url = \"https://h.example/?f=%s&d=%d\" findings { spf-fail = reject }");

	(void)state;
	f.results.spf.explanation = "see http://a.example/\nwhy\xff";
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_INSECURE);
	assert_string_equal(decide(&f, FINDING_STAGE_ENVELOPE).text, "SPF validation failed for a.example: see http://a.example/?why?"
	    "; see https://h.example/?f=spf-fail&d=a.example");
	policy_fixture_drop(&f);
}

static void test_policy_decide_default_explanation(void **state)
{
	struct policy_fixture f = policy_fixture_make("spf { default-explanation = \"ask postmaster\" } findings { spf-fail = reject }");

	(void)state;
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_INSECURE);
	assert_string_equal(decide(&f, FINDING_STAGE_ENVELOPE).text, "SPF validation failed for a.example: ask postmaster");
	policy_fixture_drop(&f);
}

/* RFC 7372 section 3.6 */
static void test_policy_decide_multiple_checks(void **state)
{
	struct policy_fixture f = policy_fixture_make("findings { spf-fail = reject dkim-none = reject adsp-all = tag dkim-no-pass = reject }");
	struct decision d;

	(void)state;
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_INSECURE);
	raise_finding(&f, FINDING_DKIM_NONE, NULL, DNS_INSECURE);
	raise_finding(&f, FINDING_ADSP_ALL, "a.example", DNS_INSECURE);
	d = decide(&f, FINDING_STAGE_MESSAGE);
	assert_int_equal(d.finding, FINDING_SPF_FAIL);
	assert_string_equal(d.enhanced, "5.7.26");
	assert_string_equal(d.text, "multiple authentication checks failed for a.example: spf-fail, dkim-none");
	/* two findings of one check are one check */
	f.results.finding_count = 0;
	raise_finding(&f, FINDING_DKIM_NONE, NULL, DNS_INSECURE);
	raise_finding(&f, FINDING_DKIM_NO_PASS, NULL, DNS_INSECURE);
	assert_string_equal(decide(&f, FINDING_STAGE_MESSAGE).enhanced, "5.7.20");
	policy_fixture_drop(&f);
}

static void test_policy_decide_reply_is_bounded_ascii(void **state)
{
	struct policy_fixture f = policy_fixture_make("help-url = \"https://h.example/%s\" findings { spf-fail = reject }");
	char domain[3000], explanation[3000];
	struct decision d;

	(void)state;
	memset(domain, '\x80', sizeof(domain));
	memset(explanation, '\r', sizeof(explanation));
	domain[sizeof(domain) - 1] = explanation[sizeof(explanation) - 1] = '\0';
	f.results.spf.explanation = explanation;
	raise_finding(&f, FINDING_SPF_FAIL, domain, DNS_INSECURE);
	d = decide(&f, FINDING_STAGE_ENVELOPE);
	assert_true(strlen(d.text) <= 400);
	for (const char *c = d.text; *c != '\0'; c++)
		assert_true(*c >= 0x20 && *c < 0x7f);
	assert_non_null(strstr(d.text, "; see https://h.example/spf-fail"));
	policy_fixture_drop(&f);
}

/* However little room the help leaves: a number that is cut would be another one. */
static void test_policy_decide_greylist_says_when_to_come_back(void **state)
{
	char url[] = "https://h.example/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx?%d";
	struct reply_input input = { .help_url = url };
	struct policy_fixture f = policy_fixture_make("findings { dmarc-reject-corroborated = greylist }");
	char domain[] = "dddddddddddddddddddddddddddddddddddddddddddddddddd.dddddddddddddddddddddddddddddddddddddddddddddddd.example";
	struct decision d;

	(void)state;
	raise_finding(&f, FINDING_DMARC_REJECT_CORROBORATED, domain, DNS_INSECURE);
	d = decide(&f, FINDING_STAGE_MESSAGE);
	for (input.wait_secs = 1; input.wait_secs < 1000000; input.wait_secs *= 10) {
		char *waiting = arena_printf(f.arena, "; greylisted, try again in %u %s; see ", input.wait_secs,
		    input.wait_secs == 1 ? "second" : "seconds");

		reply_make(&input, f.arena, &d);
		assert_true(strlen(d.text) <= 400);
		assert_non_null(strstr(d.text, waiting));
	}
	policy_fixture_drop(&f);
}

/* Whatever the sender makes the reply of, the reference stands whole behind it, and the help behind that. */
static void test_reply_make_never_cuts_the_reference(void **state)
{
	char url[240], domain[200], explanation[600];
	struct reply_input input = { .help_url = url, .explanation = explanation, .reference = "k7m9-qxw2-rtbh" };
	struct policy_fixture f = policy_fixture_make("findings { spf-fail = reject }");
	struct decision d;

	(void)state;
	memset(url, 'u', sizeof(url));
	memset(domain, 'd', sizeof(domain));
	memset(explanation, 'e', sizeof(explanation));
	memcpy(explanation + 10, "; ref aaaa-bbbb-cccc", 20);
	url[sizeof(url) - 1] = domain[sizeof(domain) - 1] = explanation[sizeof(explanation) - 1] = '\0';
	raise_finding(&f, FINDING_SPF_FAIL, domain, DNS_INSECURE);
	d = decide(&f, FINDING_STAGE_MESSAGE);
	for (size_t length = 0; length < sizeof(url); length += 7) {
		url[sizeof(url) - 1 - length] = '\0';
		reply_make(&input, f.arena, &d);
		assert_true(strlen(d.text) <= REPLY_TEXT_MAX);
		assert_non_null(strstr(d.text, url[0] != '\0' ? "; ref k7m9-qxw2-rtbh; see u" : "; ref k7m9-qxw2-rtbh"));
		assert_true(strstr(d.text, "aaaa-bbbb") == NULL || strstr(d.text, "aaaa-bbbb") < strstr(d.text, "k7m9"));
	}
	input.reference = NULL;
	reply_make(&input, f.arena, &d);
	assert_null(strstr(d.text, "k7m9"));
	policy_fixture_drop(&f);
}

static void test_policy_decide_exempt(void **state)
{
	struct policy_fixture f = policy_fixture_make("mode = enforce findings { spf-fail = reject }");

	(void)state;
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_SECURE);
	f.results.exempt = true;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	policy_fixture_drop(&f);
}

static void random_actions(struct policy_config *policy)
{
	for (int id = 0; id < FINDING_COUNT; id++)
		policy->actions[id] = (enum action)(rand() % ACTION_COUNT);
	policy->reject_only_secure = rand() % 2 != 0;
}

static void random_findings(struct policy_fixture *fixture)
{
	static const char *const domains[] = { "a.example", "b.example", NULL };

	fixture->results.finding_count = 0;
	for (int i = rand() % 8; i > 0; i--)
		raise_finding(fixture, (enum finding_id)(rand() % FINDING_COUNT), domains[rand() % 3], (enum dns_security)(rand() % 4));
}

static void assert_same(const struct decision *a, const struct decision *b)
{
	assert_int_equal(a->action, b->action);
	assert_int_equal(a->finding, b->finding);
	assert_int_equal(a->code, b->code);
	if (a->text == NULL || b->text == NULL) {
		assert_ptr_equal(a->text, b->text);
		return;
	}
	assert_string_equal(a->text, b->text);
	assert_string_equal(a->enhanced, b->enhanced);
}

/* Adding a finding never weakens, the order of findings never matters, and dry-run changes one flag only. */
static void test_policy_decide_properties(void **state)
{
	struct policy_fixture f = policy_fixture_make("");
	struct policy_config policy = f.config->policies[0];

	(void)state;
	srand(7208);
	for (int round = 0; round < 20000; round++) {
		struct results *results = &f.results;
		struct decision first, second;
		struct finding swap;
		size_t i, j;

		random_actions(&policy);
		random_findings(&f);
		policy.mode = MODE_ENFORCE;
		first = decide_by(&f, &policy, FINDING_STAGE_MESSAGE);
		policy.mode = MODE_DRY_RUN;
		second = decide_by(&f, &policy, FINDING_STAGE_MESSAGE);
		assert_true(first.enforced && !second.enforced);
		assert_same(&first, &second);
		if (results->finding_count > 1) {
			i = (size_t)rand() % results->finding_count;
			j = (size_t)rand() % results->finding_count;
			swap = results->findings[i];
			results->findings[i] = results->findings[j];
			results->findings[j] = swap;
			second = decide_by(&f, &policy, FINDING_STAGE_MESSAGE);
			assert_same(&first, &second);
		}
		raise_finding(&f, (enum finding_id)(rand() % FINDING_COUNT), "c.example", (enum dns_security)(rand() % 4));
		second = decide_by(&f, &policy, FINDING_STAGE_MESSAGE);
		assert_true(second.action >= first.action);
		arena_reset(f.arena);
	}
	policy_fixture_drop(&f);
}

static bool acts_at_rcpt(const struct policy_fixture *fixture)
{
	const struct policy_set set = policy_set_of(fixture->config);

	return policy_acts_at_rcpt(&set);
}

static void test_policy_acts_at_rcpt(void **state)
{
	struct policy_fixture f = policy_fixture_make("findings { spf-fail = reject }");
	struct policy_fixture g = policy_fixture_make("mode = enforce findings { dmarc-reject = reject spf-fail = quarantine }");
	struct policy_fixture h = policy_fixture_make("policy p { recipient-domains = a.b mode = enforce actions { iprev-fail = defer } }");
	/* a message may excuse the lack of TLS: that waits for its end unless the config says otherwise */
	struct policy_fixture i = policy_fixture_make("mode = enforce findings { tls-none = reject }");
	struct policy_fixture j = policy_fixture_make("mode = enforce tls { honor-tls-required-no = no } findings { tls-none = reject }");
	struct policy_fixture k = policy_fixture_make("policy p { recipient-domains = a.b actions { message-malformed = tag } }");

	(void)state;
	assert_false(acts_at_rcpt(&f));
	assert_false(acts_at_rcpt(&g));
	assert_true(acts_at_rcpt(&h));
	assert_false(acts_at_rcpt(&i));
	assert_true(acts_at_rcpt(&j));
	assert_true(policy_uses(h.config, TRAIT_DNS));
	assert_false(policy_uses(h.config, TRAIT_WHOLE_BODY));
	assert_true(policy_uses(k.config, TRAIT_WHOLE_BODY));
	policy_fixture_drop(&f);
	policy_fixture_drop(&g);
	policy_fixture_drop(&h);
	policy_fixture_drop(&i);
	policy_fixture_drop(&j);
	policy_fixture_drop(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_mark_first_that_matches),
		cmocka_unit_test(test_dns_outage_defers_what_might_be_refused),
		cmocka_unit_test(test_policy_mark_unknown_may_be_any),
		cmocka_unit_test(test_policy_mark_of_a_record_that_lacks_authors),
		cmocka_unit_test(test_policy_decide_nothing_found),
		cmocka_unit_test(test_policy_decide_strongest_wins),
		cmocka_unit_test(test_policy_decide_codes_follow_action),
		cmocka_unit_test(test_policy_decide_codes_of_findings),
		cmocka_unit_test(test_policy_decide_permanent_before_temporary),
		cmocka_unit_test(test_policy_decide_explanation_and_help),
		cmocka_unit_test(test_policy_decide_default_explanation),
		cmocka_unit_test(test_policy_decide_multiple_checks),
		cmocka_unit_test(test_policy_decide_reply_is_bounded_ascii),
		cmocka_unit_test(test_policy_decide_greylist_says_when_to_come_back),
		cmocka_unit_test(test_reply_make_never_cuts_the_reference),
		cmocka_unit_test(test_policy_decide_exempt),
		cmocka_unit_test(test_policy_decide_properties),
		cmocka_unit_test(test_policy_acts_at_rcpt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
