/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy as a function: selection, strength, replies, and its properties over random findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/policy.h"
#include "policy/reply.h"

struct fixture {
	struct arena *arena;
	const struct config *config;
	struct results results;
};

static struct fixture make(const char *text)
{
	struct fixture fixture = { .arena = arena_new() };

	fixture.config = config_load_buffer(text, strlen(text), "test.conf", stderr);
	assert_non_null(fixture.config);
	return fixture;
}

static void drop(struct fixture *fixture)
{
	config_unref(&fixture->config);
	arena_free(&fixture->arena);
}

/* results_raise() without its rules: here duplicates are wanted too. */
static void raise_finding(struct fixture *fixture, enum finding_id id, const char *domain, enum dns_security dnssec)
{
	struct results *results = &fixture->results;

	results->findings[results->finding_count++] = (struct finding){ .id = id, .domain = domain, .dnssec = dnssec };
	finding_set_add(&results->set, id);
}

/* What the results are to a policy; the author domains are those that DMARC judged. */
static struct evidence evidence_of(struct fixture *fixture, enum finding_stage stage)
{
	struct facts_connection *connection = arena_calloc(fixture->arena, 1, sizeof(*connection));
	struct facts *facts = arena_calloc(fixture->arena, 1, sizeof(*facts));
	struct author *author = arena_calloc(fixture->arena, 1, sizeof(*author));
	const struct evidence_input input = { .stage = stage, .facts = facts, .author = author, .results = &fixture->results };
	struct evidence evidence;

	facts->connection = connection;
	author->domain_count = fixture->results.dmarc_author_count;
	for (size_t i = 0; i < author->domain_count; i++)
		author->domains[i] = fixture->results.dmarc_authors[i].domain;
	evidence_make(&input, fixture->arena, &evidence);
	return evidence;
}

/* The decision with its reply. */
static struct decision decide_by(struct fixture *fixture, const struct policy_config *policy, enum finding_stage stage)
{
	const struct evidence evidence = evidence_of(fixture, stage);
	const char *explanation = fixture->results.spf.explanation;
	const struct reply_input input = { .help_url = fixture->config->help_url,
		.explanation = explanation != NULL ? explanation : fixture->config->spf_default_explanation };
	struct decision decision;

	policy_decide(policy, &evidence, &decision);
	assert_int_equal(decision.may, decision.action);
	reply_make(&input, fixture->arena, &decision);
	return decision;
}

static struct decision decide(struct fixture *fixture, enum finding_stage stage)
{
	return decide_by(fixture, &fixture->config->policies[0], stage);
}

/* Names of the marked policies, in the order of the file, with a blank behind each. */
static const char *marked(const struct fixture *fixture, const struct evidence *evidence)
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
static const char *marked_for(const struct fixture *fixture, const char *recipient, const char *author, const char *client)
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

static const char *marked_at_rcpt(const struct fixture *fixture, const char *recipient)
{
	const struct recipient_place place = { .where = recipient != NULL ? RECIPIENT_AT_DOMAIN : RECIPIENT_UNKNOWN, .domain = recipient };
	struct evidence evidence = { .stage = FINDING_STAGE_ENVELOPE, .recipients = &place, .recipient_count = 1 };

	assert_int_equal(network_parse("198.51.100.9", &evidence.client), 0);
	return marked(fixture, &evidence);
}

static void test_policy_mark_first_that_matches(void **state)
{
	struct fixture f = make("policy exact { recipient-domains = example.org }\npolicy below { recipient-domains = .example.net }\n"
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
	drop(&f);
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
		struct fixture f = make(rows[i].text);

		raise_finding(&f, rows[i].unknown, "example.org", DNS_INDETERMINATE);
		f.results.dns_failures = rows[i].pressed ? 1u << DNS_FAILURE_PRESSURE : 1u << DNS_FAILURE_OUTAGE;
		assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, rows[i].action);
		if (rows[i].action == ACTION_DEFER)
			assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).code, 451);
		drop(&f);
	}
}

/* A name that nobody knows may be any: every policy up to the first that matches in any case. */
static void test_policy_mark_unknown_may_be_any(void **state)
{
	struct fixture f = make("policy exact { recipient-domains = example.org }\npolicy author { author-domains = a.example }\n"
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
	drop(&f);
}

static void test_policy_decide_nothing_found(void **state)
{
	struct fixture f = make("mode = enforce");
	struct decision d = decide(&f, FINDING_STAGE_MESSAGE);

	(void)state;
	assert_int_equal(d.action, ACTION_NONE);
	assert_int_equal(d.finding, FINDING_COUNT);
	assert_int_equal(d.code, 250);
	assert_null(d.enhanced);
	assert_null(d.text);
	assert_string_equal(d.policy, "default");
	drop(&f);
}

static void test_policy_decide_strongest_wins(void **state)
{
	struct fixture f = make("mode = enforce findings { spf-fail = tag dkim-none = reject dmarc-temperror = defer }");
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
	drop(&f);
}

static void test_policy_decide_codes_follow_action(void **state)
{
	struct fixture f = make("findings { spf-fail = defer spf-temperror = reject tls-none = greylist }");
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
	drop(&f);
}

static void test_policy_decide_permanent_before_temporary(void **state)
{
	struct fixture f = make("findings { spf-temperror = reject dmarc-permerror = reject }");

	(void)state;
	raise_finding(&f, FINDING_SPF_TEMPERROR, "a.example", DNS_INSECURE);
	raise_finding(&f, FINDING_DMARC_PERMERROR, "a.example", DNS_INSECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).finding, FINDING_DMARC_PERMERROR);
	drop(&f);
}

static void test_policy_decide_explanation_and_help(void **state)
{
	struct fixture f = make("help-url = \"https://h.example/?f=%s&d=%d\" findings { spf-fail = reject }");

	(void)state;
	f.results.spf.explanation = "see http://a.example/\nwhy\xff";
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_INSECURE);
	assert_string_equal(decide(&f, FINDING_STAGE_ENVELOPE).text, "SPF validation failed for a.example: see http://a.example/?why?"
	    "; see https://h.example/?f=spf-fail&d=a.example");
	drop(&f);
}

static void test_policy_decide_default_explanation(void **state)
{
	struct fixture f = make("spf { default-explanation = \"ask postmaster\" } findings { spf-fail = reject }");

	(void)state;
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_INSECURE);
	assert_string_equal(decide(&f, FINDING_STAGE_ENVELOPE).text, "SPF validation failed for a.example: ask postmaster");
	drop(&f);
}

/* RFC 7372 section 3.6 */
static void test_policy_decide_multiple_checks(void **state)
{
	struct fixture f = make("findings { spf-fail = reject dkim-none = reject adsp-all = tag dkim-no-pass = reject }");
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
	drop(&f);
}

static void test_policy_decide_reply_is_bounded_ascii(void **state)
{
	struct fixture f = make("help-url = \"https://h.example/%s\" findings { spf-fail = reject }");
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
	drop(&f);
}

/* However little room the help leaves: a number that is cut would be another one. */
static void test_policy_decide_greylist_says_when_to_come_back(void **state)
{
	char url[] = "https://h.example/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx?%d";
	struct reply_input input = { .help_url = url };
	struct fixture f = make("findings { dmarc-reject-corroborated = greylist }");
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
	drop(&f);
}

/* Whatever the sender makes the reply of, the reference stands whole behind it, and the help behind that. */
static void test_reply_make_never_cuts_the_reference(void **state)
{
	char url[240], domain[200], explanation[600];
	struct reply_input input = { .help_url = url, .explanation = explanation, .reference = "k7m9-qxw2-rtbh" };
	struct fixture f = make("findings { spf-fail = reject }");
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
	drop(&f);
}

static void test_policy_decide_reject_only_secure(void **state)
{
	struct fixture f = make("findings { dmarc-reject = reject tls-none = reject } policy default { reject-only-secure = yes }");

	(void)state;
	raise_finding(&f, FINDING_DMARC_REJECT, "a.example", DNS_INSECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	f.results.findings[0].dnssec = DNS_INDETERMINATE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	f.results.findings[0].dnssec = DNS_SECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_REJECT);
	/* what does not stand on DNS is not weakened */
	f.results.finding_count = 0;
	raise_finding(&f, FINDING_TLS_NONE, NULL, DNS_INSECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_REJECT);
	drop(&f);
}

static void test_policy_decide_require_secure(void **state)
{
	struct fixture f = make("policy default { require-secure-domains = .bank.example actions { insecure-pass = quarantine } }");
	struct dkim_result dkim = { .result = RESULT_PASS, .domain = "mail.bank.example", .dnssec = DNS_INSECURE };
	struct dmarc_result dmarc = { .result = RESULT_PASS, .domain = "bank.example", .dnssec = DNS_INSECURE };
	struct decision d;

	(void)state;
	f.results.dmarc_authors = &dmarc;
	f.results.dmarc_author_count = 1;
	d = decide(&f, FINDING_STAGE_MESSAGE);
	assert_int_equal(d.action, ACTION_QUARANTINE);
	assert_int_equal(d.finding, FINDING_INSECURE_PASS);
	assert_string_equal(d.domain, "bank.example");
	assert_int_equal(decide(&f, FINDING_STAGE_ENVELOPE).action, ACTION_NONE);
	dmarc.dnssec = DNS_SECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	dmarc.domain = "other.example";
	dmarc.dnssec = DNS_INSECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	/* without a DMARC pass the single results count */
	dmarc.result = RESULT_NONE;
	f.results.dkim = &dkim;
	f.results.dkim_count = 1;
	assert_string_equal(decide(&f, FINDING_STAGE_MESSAGE).domain, "mail.bank.example");
	f.results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "mail.bank.example", .dnssec = DNS_SECURE };
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	dkim.dnssec = DNS_SECURE;
	f.results.spf.dnssec = DNS_INSECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	/* a secure signature that covers less than the reader sees is none */
	dkim.added_field = "Subject";
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	f.results.spf.dnssec = DNS_SECURE;
	dkim.result = RESULT_FAIL;
	f.results.spf.dnssec = DNS_INDETERMINATE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	drop(&f);
}

/* The strictest result of several authors may be of a domain that nobody listed; the listed one is looked at all the same. */
static void test_policy_decide_require_secure_of_each_author(void **state)
{
	struct fixture f = make("policy default { require-secure-domains = .bank.example actions { insecure-pass = quarantine } }");
	struct dmarc_result authors[2] = {
		{ .result = RESULT_FAIL, .domain = "other.example", .dnssec = DNS_INSECURE },
		{ .result = RESULT_PASS, .domain = "bank.example", .dnssec = DNS_INSECURE },
	};

	(void)state;
	f.results.dmarc = authors[0];
	f.results.dmarc_authors = authors;
	f.results.dmarc_author_count = 2;
	assert_string_equal(decide(&f, FINDING_STAGE_MESSAGE).domain, "bank.example");
	authors[1].dnssec = DNS_SECURE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	/* a secure pass of one author says nothing for the others' SPF */
	f.results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "mail.bank.example", .dnssec = DNS_INSECURE };
	assert_string_equal(decide(&f, FINDING_STAGE_MESSAGE).domain, "mail.bank.example");
	authors[0] = authors[1];
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	authors[0].dnssec = DNS_INDETERMINATE;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_QUARANTINE);
	drop(&f);
}

/* One more author may be insecure; if he is the only one he may also be secure, and then SPF and DKIM do not count. */
static void test_policy_decide_require_secure_where_authors_are_lacking(void **state)
{
	struct fixture f = make("policy default { require-secure-domains = bank.example actions { insecure-pass = quarantine } }");
	const struct evidence_author secure = { .domain = "bank.example", .dmarc = RESULT_PASS, .secure = true };
	const struct evidence_author insecure = { .domain = "bank.example", .dmarc = RESULT_PASS };
	const struct evidence_author other = { .domain = "other.example", .dmarc = RESULT_FAIL };
	const struct { const struct evidence_author *author; unsigned lacks; enum action action, may; } rows[] = {
		{ &secure, 0, ACTION_NONE, ACTION_NONE },
		{ &secure, EVIDENCE_LACKS_AUTHORS, ACTION_NONE, ACTION_QUARANTINE },
		{ &insecure, EVIDENCE_LACKS_AUTHORS, ACTION_QUARANTINE, ACTION_QUARANTINE },
		{ &other, EVIDENCE_LACKS_AUTHORS, ACTION_QUARANTINE, ACTION_QUARANTINE },
		{ NULL, EVIDENCE_LACKS_AUTHORS, ACTION_NONE, ACTION_QUARANTINE },
		{ NULL, 0, ACTION_QUARANTINE, ACTION_QUARANTINE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct evidence evidence = { .stage = FINDING_STAGE_MESSAGE, .lacks = rows[i].lacks, .authors = rows[i].author,
			.author_count = rows[i].author != NULL, .spf = RESULT_PASS, .spf_domain = "bank.example" };
		struct decision decision;

		policy_decide(&f.config->policies[0], &evidence, &decision);
		assert_int_equal(decision.action, rows[i].action);
		assert_int_equal(decision.may, rows[i].may);
	}
	drop(&f);
}

/* RFC 8689 */
static void test_policy_decide_tls_not_required(void **state)
{
	struct fixture f = make("findings { tls-none = reject tls-cert-required = reject spf-fail = tag }");

	(void)state;
	f.results.tls.not_required = true;
	raise_finding(&f, FINDING_TLS_NONE, NULL, DNS_SECURE);
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_SECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_TAG);
	raise_finding(&f, FINDING_TLS_CERT_REQUIRED, "a.example", DNS_SECURE);
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_REJECT);
	drop(&f);
}

static enum action cert_action(const char *options, const struct tls_result *tls)
{
	char text[300];
	struct fixture f;
	enum action action;

	snprintf(text, sizeof(text), "mode = enforce policy p { require-cert = yes %s }", options);
	f = make(text);
	f.results.tls = *tls;
	action = decide(&f, FINDING_STAGE_MESSAGE).action;
	drop(&f);
	return action;
}

/* Whoever has a zone of his own can publish any certificate there: only the name of the record is proven. */
static void test_policy_decide_certificate_proven_by_tlsa(void **state)
{
	struct tls_result tls = { .cert_status = CERT_TLSA, .cert_match = "tlsa", .tlsa = TLSA_MATCH, .tlsa_name = "mx.own.example",
		.cert_subject = "/CN=mta.partner.example", .cert_issuer = "/CN=Good CA" };

	(void)state;
	assert_int_equal(cert_action("", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-names = { \".partner.example\" }", &tls), ACTION_REJECT);
	assert_int_equal(cert_action("require-cert-names = { \".own.example\" }", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-issuers = { \"Good CA\" }", &tls), ACTION_REJECT);
	assert_int_equal(cert_action("require-cert-issuers = { \"Good CA\" } require-cert-names = { \".own.example\" }", &tls),
	    ACTION_REJECT);
	tls.cert_status = CERT_VERIFIED;	/* an authority stands behind the names too */
	assert_int_equal(cert_action("require-cert-names = { \".partner.example\" }", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-names = { \".own.example\" }", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-names = { \".else.example\" }", &tls), ACTION_REJECT);
	assert_int_equal(cert_action("require-cert-issuers = { \"Good CA\" }", &tls), ACTION_NONE);
	assert_int_equal(cert_action("require-cert-issuers = { \"Other CA\" }", &tls), ACTION_REJECT);
	tls.tlsa = TLSA_MISMATCH;		/* and then the record's name is no proof */
	assert_int_equal(cert_action("require-cert-names = { \".own.example\" }", &tls), ACTION_REJECT);
}

static void test_policy_decide_certificate_of_unknown_tlsa_is_deferred(void **state)
{
	struct tls_result tls = { .cert_status = CERT_FAILED, .tlsa_name = "mx.own.example" };

	(void)state;
	for (int status = TLSA_UNCHECKED; status <= TLSA_BOGUS; status++) {
		bool unknown = status == TLSA_TEMPERROR || status == TLSA_BOGUS;

		tls.tlsa = (enum tlsa_status)status;
		assert_int_equal(cert_action("", &tls), unknown ? ACTION_DEFER : ACTION_REJECT);
		assert_int_equal(cert_action("require-cert-issuers = { \"Good CA\" }", &tls), ACTION_REJECT);
		assert_int_equal(cert_action("actions { tls-cert-required = tag }", &tls), ACTION_TAG);
	}
}

static void test_policy_decide_exempt(void **state)
{
	struct fixture f = make("mode = enforce findings { spf-fail = reject }");

	(void)state;
	raise_finding(&f, FINDING_SPF_FAIL, "a.example", DNS_SECURE);
	f.results.exempt = true;
	assert_int_equal(decide(&f, FINDING_STAGE_MESSAGE).action, ACTION_NONE);
	drop(&f);
}

static void random_actions(struct policy_config *policy)
{
	for (int id = 0; id < FINDING_COUNT; id++)
		policy->actions[id] = (enum action)(rand() % ACTION_COUNT);
	policy->reject_only_secure = rand() % 2 != 0;
}

static void random_findings(struct fixture *fixture)
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
	struct fixture f = make("");
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
	drop(&f);
}

static bool acts_at_rcpt(const struct fixture *fixture)
{
	const struct policy_set set = policy_set_of(fixture->config);

	return policy_acts_at_rcpt(&set);
}

static void test_policy_acts_at_rcpt(void **state)
{
	struct fixture f = make("findings { spf-fail = reject }");
	struct fixture g = make("mode = enforce findings { dmarc-reject = reject spf-fail = quarantine }");
	struct fixture h = make("policy p { recipient-domains = a.b mode = enforce actions { iprev-fail = defer } }");
	/* a message may excuse the lack of TLS: that waits for its end unless the config says otherwise */
	struct fixture i = make("mode = enforce findings { tls-none = reject }");
	struct fixture j = make("mode = enforce tls { honor-tls-required-no = no } findings { tls-none = reject }");
	struct fixture k = make("policy p { recipient-domains = a.b actions { message-malformed = tag } }");

	(void)state;
	assert_false(acts_at_rcpt(&f));
	assert_false(acts_at_rcpt(&g));
	assert_true(acts_at_rcpt(&h));
	assert_false(acts_at_rcpt(&i));
	assert_true(acts_at_rcpt(&j));
	assert_true(policy_uses(h.config, TRAIT_DNS));
	assert_false(policy_uses(h.config, TRAIT_WHOLE_BODY));
	assert_true(policy_uses(k.config, TRAIT_WHOLE_BODY));
	drop(&f);
	drop(&g);
	drop(&h);
	drop(&i);
	drop(&j);
	drop(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_mark_first_that_matches),
		cmocka_unit_test(test_dns_outage_defers_what_might_be_refused),
		cmocka_unit_test(test_policy_mark_unknown_may_be_any),
		cmocka_unit_test(test_policy_decide_nothing_found),
		cmocka_unit_test(test_policy_decide_strongest_wins),
		cmocka_unit_test(test_policy_decide_codes_follow_action),
		cmocka_unit_test(test_policy_decide_permanent_before_temporary),
		cmocka_unit_test(test_policy_decide_explanation_and_help),
		cmocka_unit_test(test_policy_decide_default_explanation),
		cmocka_unit_test(test_policy_decide_multiple_checks),
		cmocka_unit_test(test_policy_decide_reply_is_bounded_ascii),
		cmocka_unit_test(test_policy_decide_greylist_says_when_to_come_back),
		cmocka_unit_test(test_reply_make_never_cuts_the_reference),
		cmocka_unit_test(test_policy_decide_reject_only_secure),
		cmocka_unit_test(test_policy_decide_require_secure),
		cmocka_unit_test(test_policy_decide_require_secure_of_each_author),
		cmocka_unit_test(test_policy_decide_require_secure_where_authors_are_lacking),
		cmocka_unit_test(test_policy_decide_tls_not_required),
		cmocka_unit_test(test_policy_decide_certificate_proven_by_tlsa),
		cmocka_unit_test(test_policy_decide_certificate_of_unknown_tlsa_is_deferred),
		cmocka_unit_test(test_policy_decide_exempt),
		cmocka_unit_test(test_policy_decide_properties),
		cmocka_unit_test(test_policy_acts_at_rcpt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
