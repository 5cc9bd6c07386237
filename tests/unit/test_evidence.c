/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence as text: the form, its caps, and what another version or a damaged database would give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/evidence_text.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/error.h"

/* What every text lacks, or all that say nothing of the session. */
enum {
	NEVER_KEPT = EVIDENCE_LACKS_MAILBOXES,
	SESSION = NEVER_KEPT | EVIDENCE_LACKS_ENVELOPE | EVIDENCE_LACKS_CLIENT_NAME | EVIDENCE_LACKS_LISTENER,
};

struct fixture {
	struct arena *arena;
	struct evidence evidence;
};

static struct fixture make(void)
{
	return (struct fixture){ .arena = arena_new(), .evidence = { .stage = FINDING_STAGE_MESSAGE, .authors_unknown = true } };
}

static void drop(struct fixture *fixture)
{
	arena_free(&fixture->arena);
}

static void test_evidence_write_form(void **state)
{
	struct fixture f = make();
	struct evidence_finding findings[] = { { FINDING_SPF_FAIL, false, "x.example", false },
		{ FINDING_SPF_FAIL, true, NULL, false }, { FINDING_TLS_NONE, true, NULL, false }, { FINDING_DKIM_NONE, false, NULL, false } };
	struct recipient_place recipients[] = { { RECIPIENT_LOCAL, NULL, NULL }, { RECIPIENT_AT_DOMAIN, "r.example", NULL } };
	struct recipient_place refused[] = { { RECIPIENT_UNKNOWN, NULL, NULL }, { RECIPIENT_AT_DOMAIN, "q.example", NULL } };
	struct evidence_author authors[] = { { "b.example", RESULT_PASS, true }, { "a.example", RESULT_UNCHECKED, false } };
	struct evidence_pass passes[] = { { "d.example", true }, { "c.example", true }, { "d.example", false }, { "c.example", true } };

	(void)state;
	f.evidence = (struct evidence){ .stage = FINDING_STAGE_MESSAGE, .findings = findings, .finding_count = 4, .dns_pressed = true,
		.recipients = recipients, .recipient_count = 2, .refused = refused, .refused_count = 2, .authors = authors,
		.author_count = 2, .passes = passes, .pass_count = 4, .spf = RESULT_PASS, .spf_domain = "e.example", .spf_secure = true,
		.envelope_domain = "e.example", .listener = "smtp 25", .client_name = "mx7.out.example.net", .client_name_secure = true,
		.cert = { .status = CERT_VERIFIED, .subject = "mx, a:b", .issuer = "ca", .match = "helo", .tlsa_unknown = true } };
	assert_int_equal(network_parse("192.0.2.9", &f.evidence.client), 0);
	assert_string_equal(evidence_write(&f.evidence, f.arena), "1 s=m q=p f=spf-fail*,tls-none+,dkim-none r=?,~,q.example,r.example "
	    "a=a.example:-,b.example:pass+ m=e.example p=e.example:pass+ d=c.example+,d.example* c=verified:helo:mx%2C%20a%3Ab:ca:? "
	    "l=smtp%2025 h=out.example.net/+ n=192.0.2.0/24");
	drop(&f);
}

static void test_evidence_read_gives_every_field(void **state)
{
	struct fixture f = make();
	struct evidence *e = &f.evidence;

	(void)state;
	assert_int_equal(evidence_read("1 s=r q=acnopux f=spf-fail*,tls-none+ r=?,~,~l.example,r.example a=a.example:-,b.example:pass+ "
	    "m=e.example p=:softfail d=c.example+,d.example* c=tlsa:tlsa:::mx.own.example? l=smtp h=out.example.net/+ "
	    "n=2001:db8:1:2::/64", f.arena, e), 0);
	assert_int_equal(e->lacks, NEVER_KEPT | EVIDENCE_LACKS_CLIENT_NAME);	/* of the name the parent is there */
	assert_int_equal(e->stage, FINDING_STAGE_ENVELOPE);
	assert_true(e->authenticated && e->tls_not_required && e->recipients_over_cap && e->over_cap_but_for_refused && e->dns_pressed && e->authors_unknown && e->exempt);
	assert_int_equal(e->finding_count, 3);
	assert_true(e->findings[0].id == FINDING_SPF_FAIL && !e->findings[0].secure && e->findings[1].secure);
	assert_int_equal(e->recipient_count, 4);
	assert_true(e->recipients[1].where == RECIPIENT_LOCAL && e->recipients[1].domain == NULL);
	assert_string_equal(e->recipients[2].domain, "l.example");
	assert_true(e->authors[0].dmarc == RESULT_UNCHECKED && e->authors[1].dmarc == RESULT_PASS && e->authors[1].secure);
	assert_true(e->spf == RESULT_SOFTFAIL && e->spf_domain == NULL && !e->spf_secure);
	assert_int_equal(e->pass_count, 3);
	assert_true(e->cert.status == CERT_TLSA && e->cert.tlsa_unknown && e->cert.subject == NULL);
	assert_string_equal(e->cert.proven, "mx.own.example");
	assert_string_equal(e->client_name, "out.example.net");
	assert_true(e->client_name_secure && e->client_name_is_parent && e->client.prefix_bits == 64);
	drop(&f);
}

/* What is more, or longer, than is kept is said to be missing. */
static void test_evidence_write_says_what_it_leaves_out(void **state)
{
	struct fixture f = make();
	struct recipient_place recipients[EVIDENCE_RECIPIENTS_MAX + 1];
	struct evidence_author authors[AUTHOR_MAX_DOMAINS];
	char longest[EVIDENCE_NAME_MAX + 2];
	struct evidence read;
	const char *text;

	(void)state;
	for (int i = 0; i <= EVIDENCE_RECIPIENTS_MAX; i++)
		recipients[i] = (struct recipient_place){ RECIPIENT_AT_DOMAIN, arena_printf(f.arena, "r%d.example", i), NULL };
	f.evidence.recipients = recipients;
	f.evidence.recipient_count = EVIDENCE_RECIPIENTS_MAX;
	assert_int_equal(evidence_read(evidence_write(&f.evidence, f.arena), f.arena, &read), 0);
	assert_true(read.lacks == NEVER_KEPT && read.recipient_count == EVIDENCE_RECIPIENTS_MAX);
	f.evidence.recipient_count++;
	assert_int_equal(evidence_read(evidence_write(&f.evidence, f.arena), f.arena, &read), 0);
	assert_true(read.lacks == (NEVER_KEPT | EVIDENCE_LACKS_RECIPIENTS) && read.recipient_count == EVIDENCE_RECIPIENTS_MAX);
	f.evidence.recipient_count = 1;

	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	f.evidence.spf = RESULT_PASS;
	f.evidence.spf_domain = longest;
	f.evidence.cert = (struct evidence_cert){ .status = CERT_VERIFIED, .subject = "mx", .issuer = longest, .match = "helo" };
	assert_int_equal(evidence_read(evidence_write(&f.evidence, f.arena), f.arena, &read), 0);
	assert_int_equal(read.lacks, NEVER_KEPT | EVIDENCE_LACKS_SPF | EVIDENCE_LACKS_CERT);
	assert_string_equal(read.cert.match, "helo");

	longest[sizeof(longest) - 2] = '\0';	/* one of them is kept, ten are more than all names may have */
	for (int i = 0; i < AUTHOR_MAX_DOMAINS; i++)
		authors[i] = (struct evidence_author){ .domain = longest };
	f.evidence.authors = authors;
	f.evidence.author_count = AUTHOR_MAX_DOMAINS;
	text = evidence_write(&f.evidence, f.arena);
	assert_true(strlen(text) <= EVIDENCE_TEXT_MAX);
	assert_int_equal(evidence_read(text, f.arena, &read), 0);
	assert_true((read.lacks & EVIDENCE_LACKS_AUTHORS) != 0 && read.author_count == EVIDENCE_NAMES_MAX / EVIDENCE_NAME_MAX);
	drop(&f);
}

static void test_evidence_read_of_another_version(void **state)
{
	static const struct { const char *text; unsigned lacks; } rows[] = {
		{ "1 s=m r=a.example a=b.example:fail", 0 },
		{ "1 s=m r=a.example a=b.example:fail f=of-the-future", EVIDENCE_LACKS_FINDINGS },
		{ "2 s=m r=a.example a=b.example:fail", EVIDENCE_LACKS_SENSE },
		{ "1 s=x r=a.example a=b.example:fail", EVIDENCE_LACKS_SENSE },
		{ "1 s=m r=a.example a=b.example:fail z=new", EVIDENCE_LACKS_SENSE },
		{ "1 s=m q=z r=a.example a=b.example:fail", EVIDENCE_LACKS_SENSE },
		{ "1 s=m r=a.example a=b.example:better", EVIDENCE_LACKS_SENSE },
		{ "1 s=m r=a.example a=b.example:fail c=blessed:helo:::", EVIDENCE_LACKS_SENSE },
		{ "1 s=m a=b.example:fail", EVIDENCE_LACKS_RECIPIENTS },
		{ "1 s=m r=a.example", EVIDENCE_LACKS_AUTHORS },
		{ "1 s=m q=u r=a.example", 0 },
		{ "1 s=r r=a.example", 0 },
		{ "1 s=m q=u r=1,2,3,4,5,6,7,8,9", EVIDENCE_LACKS_RECIPIENTS },
	};
	struct fixture f = make();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(evidence_read(rows[i].text, f.arena, &f.evidence), 0);
		if ((rows[i].lacks & EVIDENCE_LACKS_SENSE) != 0)
			assert_true((f.evidence.lacks & EVIDENCE_LACKS_SENSE) != 0);
		else
			assert_int_equal(f.evidence.lacks, rows[i].lacks | SESSION);
	}
	drop(&f);
}

/* A text of the version before says of what is not there nothing; one of now says that it was not there. */
static void test_evidence_read_tells_absent_from_lacking(void **state)
{
	static const struct { const char *text; unsigned lacks; bool null_sender, name_unknown; } rows[] = {
		{ "1 s=m q=u r=a.example", SESSION, false, false },
		{ "1 s=m q=u r=a.example e=ncl", NEVER_KEPT, true, false },
		{ "1 s=m q=u r=a.example e=dul", NEVER_KEPT, false, true },
		{ "1 s=m q=u r=a.example e=d", NEVER_KEPT | EVIDENCE_LACKS_CLIENT_NAME | EVIDENCE_LACKS_LISTENER, false, false },
		{ "1 s=m q=u r=a.example m=m.example l=mx h=b.example", NEVER_KEPT, false, false },
		{ "1 s=m q=u r=a.example m=m.example l=mx h=b.example/", NEVER_KEPT | EVIDENCE_LACKS_CLIENT_NAME, false, false },
	};
	struct fixture f = make();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(evidence_read(rows[i].text, f.arena, &f.evidence), 0);
		assert_int_equal(f.evidence.lacks, rows[i].lacks);
		assert_true(f.evidence.null_sender == rows[i].null_sender && f.evidence.client_name_unknown == rows[i].name_unknown);
	}
	assert_int_equal(evidence_read("1 s=m q=u r=a.example e=z", f.arena, &f.evidence), 0);
	assert_true((f.evidence.lacks & EVIDENCE_LACKS_SENSE) != 0);
	drop(&f);
}

/* What older records do not say of an override is a lack; so is what this one cannot keep or read. */
static void test_evidence_of_overrides(void **state)
{
	static const struct { const char *text; unsigned lacks; size_t count; } rows[] = {
		{ "1 s=m q=u o=dmarc-reject+:a+/b?,dmarc-reject-corroborated:a+/b? r=a.example", 0, 2 },
		{ "1 s=m q=u f=dmarc-overridden r=a.example", EVIDENCE_LACKS_OVERRIDES, 0 },
		{ "1 s=m q=u o=dmarc-reject:a,& r=a.example", EVIDENCE_LACKS_OVERRIDES, 1 },
		{ "1 s=m q=u o=of-the-future:a r=a.example", EVIDENCE_LACKS_OVERRIDES, 0 },
	};
	static const char *const broken[] = { "o=", "o=dmarc-reject", "o=dmarc-reject:", "o=dmarc-reject:a/", "o=dmarc-reject:?", "o=dmarc-reject:a,,",
		"o=dmarc-reject:a o=dmarc-reject:a", "o=dmarc-reject:%0" };
	struct fixture f = make();
	struct evidence *e = &f.evidence;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(evidence_read(rows[i].text, f.arena, e), 0);
		assert_int_equal(e->lacks, rows[i].lacks | SESSION);
		assert_int_equal(e->waivable_count, rows[i].count);
		if (rows[i].lacks == 0)
			assert_string_equal(evidence_write(e, f.arena), rows[i].text);
	}
	assert_int_equal(evidence_read(rows[0].text, f.arena, e), 0);
	assert_true(e->waivable[0].as_is.id == FINDING_DMARC_REJECT && e->waivable[0].as_is.secure && !e->waivable[1].as_is.secure);
	assert_true(!e->waivable[0].overrides[0].unknown && e->waivable[0].overrides[0].secure && e->waivable[0].overrides[1].unknown);
	assert_true(evidence_is_overridden(e));
	assert_int_equal(evidence_read("1 s=m q=u o=dmarc-reject:b? r=a.example", f.arena, e), 0);
	assert_false(evidence_is_overridden(e));
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_not_equal(evidence_read(arena_printf(f.arena, "1 s=m q=u %s r=a.example", broken[i]), f.arena, e), 0);
	drop(&f);
}

/* More overrides than there is room for: all items that are there are whole, and the rest is said to be missing. */
static void test_evidence_write_of_many_overrides(void **state)
{
	struct fixture f = make();
	struct evidence_override *overrides = arena_calloc(f.arena, 101, sizeof(*overrides));
	struct evidence_waivable waivable[2] = { { .as_is = { .id = FINDING_DMARC_REJECT } },
		{ .as_is = { .id = FINDING_DMARC_REJECT_CORROBORATED } } };
	const char *text;

	(void)state;
	for (size_t i = 0; i < 101; i++)
		overrides[i].name = arena_printf(f.arena, "%0*zu", i == 0 ? 1 : 64, i);
	evidence_set_waivable(&waivable[0], overrides, 1);
	evidence_set_waivable(&waivable[1], arena_memdup(f.arena, overrides, 101 * sizeof(*overrides)), 101);
	f.evidence.waivable = waivable;
	f.evidence.waivable_count = 2;
	text = evidence_write(&f.evidence, f.arena);
	assert_non_null(strstr(text, " o=dmarc-reject:0,& "));
	assert_true(strlen(text) <= EVIDENCE_TEXT_MAX);
	assert_int_equal(evidence_read(text, f.arena, &f.evidence), 0);
	assert_true((f.evidence.lacks & EVIDENCE_LACKS_OVERRIDES) != 0 && f.evidence.waivable_count == 1);
	drop(&f);
}

/* Who the recipients are is in no record, and two at one domain are one place there. */
static void test_evidence_write_keeps_no_mailbox(void **state)
{
	struct fixture f = make();
	struct recipient_place recipients[] = { { RECIPIENT_AT_DOMAIN, "a.example", "ann" }, { RECIPIENT_AT_DOMAIN, "a.example", "bob" },
		{ RECIPIENT_LOCAL, NULL, "ann" }, { RECIPIENT_LOCAL, NULL, "eve" } };

	(void)state;
	f.evidence.recipients = recipients;
	f.evidence.recipient_count = 4;
	assert_string_equal(evidence_write(&f.evidence, f.arena), "1 s=m q=u r=~,a.example e=dcl");
	drop(&f);
}

static void test_evidence_read_refuses_what_is_none(void **state)
{
	static const char *const texts[] = {
		"", "1", "nonsense", "1 r=a.example", "1 s=m s=m", "1 s=m  r=a", "x s=m", "1 s=m r=", "1 s=m r=?a", "1 s=m r=%", "1 s=m r=%0",
		"1 s=m r=%00", "1 s=m r=%zz", "1 s=m r=a\tb", "1 s=m r=\xc3\xa4", "1 s=m a=b.example", "1 s=m a=:pass", "1 s=m a=b.example:",
		"1 s=m p=", "1 s=m p=a", "1 s=m d=,", "1 s=m f=,", "1 s=m f=+", "1 s=m c=verified", "1 s=m c=verified:HELO:::",
		"1 s=m c=verified:helo:a:b", "1 s=m c=verified:helo:a:b:c:d", "1 s=m n=nonsense", "1 s=m n=192.0.2.1/24", "1 s=m =", "1 s=m sm",
	};
	struct fixture f = make();
	char *longest = arena_alloc(f.arena, EVIDENCE_TEXT_MAX + 2);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (evidence_read(texts[i], f.arena, &f.evidence) != -E_SYNTAX)
			fail_msg("taken for evidence: %s", texts[i]);
		assert_true((f.evidence.lacks & EVIDENCE_LACKS_SENSE) != 0);
	}
	memset(longest, ' ', EVIDENCE_TEXT_MAX + 1);
	longest[EVIDENCE_TEXT_MAX + 1] = '\0';
	memcpy(longest, "1 s=m q=u r=a", 13);
	assert_int_equal(evidence_read(longest, f.arena, &f.evidence), -E_SYNTAX);
	drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_evidence_write_form),
		cmocka_unit_test(test_evidence_read_gives_every_field),
		cmocka_unit_test(test_evidence_write_says_what_it_leaves_out),
		cmocka_unit_test(test_evidence_read_of_another_version),
		cmocka_unit_test(test_evidence_read_tells_absent_from_lacking),
		cmocka_unit_test(test_evidence_of_overrides),
		cmocka_unit_test(test_evidence_write_of_many_overrides),
		cmocka_unit_test(test_evidence_write_keeps_no_mailbox),
		cmocka_unit_test(test_evidence_read_refuses_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
