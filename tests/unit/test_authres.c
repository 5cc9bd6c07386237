/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication-Results: what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "action/field.h"
#include "action_fixture.h"

static int setup_address(void **state)
{
	return action_setup_with(state, "headers { smtp-mailfrom = address }");
}

static void check_lines(const char *value)
{
	for (const char *line = value; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		assert_true(strcspn(line, "\n") <= 78);
		assert_true(*line == ' ' || *line == '\t');
	}
	assert_null(strchr(value, '\r'));
}

static void test_authres_build_nothing(void **state)
{
	struct action_fixture *f = *state;

	assert_string_equal(authres_build(&f->input), " mx.example.net; none");
}

static void test_authres_build_all_methods(void **state)
{
	struct action_fixture *f = *state;
	const struct dkim_result dkim[] = {
		{ .result = RESULT_PASS, .domain = "example.org", .selector = "s1", .identity = "@example.org",
		    .algorithm = "rsa-sha256", .key_bits = 2048, .signature_b = "AbC/+123", .dnssec = DNS_SECURE },
		{ .result = RESULT_FAIL, .domain = "list.example", .selector = "x", .identity = "joe (x)@list.example",
		    .algorithm = "ed25519-sha256", .reason = "body \"changed\"", .dnssec = DNS_INSECURE },
	};
	struct authres a;

	f->results.spf = (struct spf_result){ .result = RESULT_SOFTFAIL, .domain = "example.org", .reason = "~all",
	    .dnssec = DNS_INSECURE };
	f->results.spf_helo = (struct spf_result){ .result = RESULT_PASS, .scope = SPF_SCOPE_HELO, .domain = "mail.example.org",
	    .dnssec = DNS_SECURE };
	f->results.dkim_checked = true;
	f->results.dkim = dkim;
	f->results.dkim_count = 2;
	f->results.dmarc = (struct dmarc_result){ .result = RESULT_FAIL, .domain = "example.org", .has_policy = true,
	    .policy = DMARC_POLICY_REJECT, .disposition = DMARC_POLICY_QUARANTINE, .testing = true };
	f->results.adsp = (struct adsp_result){ .result = RESULT_DISCARD, .domain = "example.org" };
	f->results.iprev = (struct iprev_result){ .result = RESULT_PASS, .name = "mail.example.org" };
	f->results.tls = (struct tls_result){ .checked = true, .grade = TLS_GRADE_STRONG, .version = "TLSv1.3",
	    .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256 };
	f->connection.auth = (struct facts_auth){ .mechanism = "PLAIN", .user = "joe user" };
	check_lines(authres_build(&f->input));
	a = authres_parsed(f, authres_build(&f->input));
	assert_string_equal(a.authserv_id, "mx.example.net");
	assert_int_equal(a.method_count, 7);
	assert_string_equal(a.methods[0].method, "auth");
	assert_string_equal(authres_property(&a.methods[0], "smtp.auth"), "joe user");
	assert_string_equal(authres_property(&a.methods[1], "policy.iprev"), "192.0.2.1");
	assert_string_equal(a.methods[2].method, "spf");
	assert_string_equal(a.methods[2].result, "softfail");
	assert_string_equal(a.methods[2].reason, "~all");
	assert_string_equal(authres_property(&a.methods[2], "smtp.mailfrom"), "example.org");
	assert_string_equal(authres_property(&a.methods[3], "header.i"), "@example.org");
	assert_string_equal(authres_property(&a.methods[3], "header.b"), "AbC/+123");
	assert_string_equal(authres_property(&a.methods[3], "header.a"), "rsa-sha256");
	assert_string_equal(authres_property(&a.methods[4], "header.i"), "joe (x)@list.example");
	assert_string_equal(a.methods[4].reason, "body 'changed'");
	assert_string_equal(a.methods[5].result, "fail");
	assert_string_equal(authres_property(&a.methods[5], "policy.dmarc"), "quarantine");
	assert_string_equal(a.methods[6].method, "dkim-adsp");
	assert_string_equal(a.methods[6].result, "discard");
	assert_non_null(strstr(authres_build(&f->input), "(2048-bit key, dnssec: secure)"));
	check_lines(authres_build_unregistered(&f->input));
	a = authres_parsed(f, authres_build_unregistered(&f->input));
	assert_string_equal(a.authserv_id, "mx.example.net");
	assert_int_equal(a.method_count, 1);
	assert_string_equal(a.methods[0].method, "x-tls");
	assert_string_equal(authres_property(&a.methods[0], "smtp.cipher"), "TLS_AES_256_GCM_SHA384");
	assert_string_equal(authres_property(&a.methods[0], "smtp.bits"), "256");
}

static void test_authres_build_unregistered_nothing(void **state)
{
	struct action_fixture *f = *state;

	f->results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "example.org" };
	assert_null(authres_build_unregistered(&f->input));
}

static const char *unfolded(struct action_fixture *f, const char *value)
{
	char *text = arena_strdup(f->arena, value), *to = text;

	for (const char *c = text; *c != '\0'; c++) {
		bool blank = *c == ' ' || *c == '\t' || *c == '\n';

		if (!blank || (to != text && to[-1] != ' '))
			*to++ = blank ? ' ' : *c;
	}
	*to = '\0';
	return text;
}

/* One spf result, whatever was judged: that of MAIL FROM, with the other in its comment, or that of HELO alone. */
static void test_authres_build_one_spf_result(void **state)
{
	struct action_fixture *f = *state;
	struct authres a;

	f->results.spf = (struct spf_result){ .result = RESULT_FAIL, .domain = "example.org", .dnssec = DNS_INSECURE };
	f->results.spf_helo = (struct spf_result){ .result = RESULT_PASS, .scope = SPF_SCOPE_HELO, .domain = "mail.example.org",
	    .dnssec = DNS_SECURE };
	assert_string_equal(unfolded(f, authres_build(&f->input)), "mx.example.net; spf=fail (dnssec: insecure; HELO mail.example.org: pass, "
	    "dnssec: secure) smtp.mailfrom=example.org");
	f->results.spf_helo.domain = "a) spf=pass (b";
	assert_string_equal(unfolded(f, authres_build(&f->input)), "mx.example.net; spf=fail (dnssec: insecure; HELO: pass, dnssec: secure) "
	    "smtp.mailfrom=example.org");
	f->facts.mail_from = "";
	f->results.spf = f->results.spf_helo;
	f->results.spf.domain = "mail.example.org";
	f->results.spf_helo = (struct spf_result){ .result = RESULT_UNCHECKED };
	a = authres_parsed(f, authres_build(&f->input));
	assert_int_equal(a.method_count, 1);
	assert_string_equal(authres_property(&a.methods[0], "smtp.helo"), "mail.example.org");
	assert_null(authres_property(&a.methods[0], "smtp.mailfrom"));
}

/* A comment stands alone and needs no backslash: the readers that refuse others drop the whole field. */
static void test_authres_build_comments_for_strict_readers(void **state)
{
	struct action_fixture *f = *state;
	const char *value;

	f->results.iprev = (struct iprev_result){ .result = RESULT_FAIL, .name = "a\\(b).example", .reason = "say \"(no)\"",
		.dnssec = DNS_SECURE };
	f->results.dkim_checked = true;
	f->decision.action = ACTION_TAG;
	f->decision.finding = FINDING_DKIM_NONE;
	f->input.edits_left = 3;
	value = unfolded(f, authres_build(&f->input));
	assert_string_equal(value, "mx.example.net; iprev=fail (a/[b].example, dnssec: secure) reason=\"say '[no]'\" "
	    "policy.iprev=192.0.2.1; dkim=none (dry-run: would tag: dkim-none; 3 forged fields below were not removed)");
	f->results.tls.checked = true;
	assert_string_equal(unfolded(f, authres_build_unregistered(&f->input)),
	    "mx.example.net; x-tls=none (3 forged fields below were not removed)");
	/* the reference is part of the one comment, in the first field only; where nothing else is said it is the comment */
	f->input.reference = "k7m9-qxw2-rtbh";
	assert_non_null(strstr(unfolded(f, authres_build(&f->input)),
	    "dkim=none (dry-run: would tag: dkim-none; ref k7m9-qxw2-rtbh; 3 forged fields below were not removed)"));
	assert_null(strstr(authres_build_unregistered(&f->input), "ref"));
	f->results = (struct results){ .exempt = true, .exempt_reason = "authenticated" };
	f->input.edits_left = 0;
	assert_string_equal(unfolded(f, authres_build(&f->input)), "mx.example.net; none (not judged: authenticated; ref k7m9-qxw2-rtbh)");
}

/* What is left of the policy for this message: its options and alignment are behind it (RFC 9989 section 9.2). */
static void test_authres_build_policy_dmarc(void **state)
{
	static const struct { struct dmarc_result dmarc; const char *shown; } rows[] = {
		{ { .result = RESULT_PASS, .has_policy = true, .policy = DMARC_POLICY_REJECT }, "none" },
		{ { .result = RESULT_FAIL, .has_policy = true, .policy = DMARC_POLICY_REJECT, .disposition = DMARC_POLICY_REJECT }, "reject" },
		{ { .result = RESULT_FAIL, .has_policy = true, .policy = DMARC_POLICY_REJECT, .testing = true,
		    .disposition = DMARC_POLICY_QUARANTINE }, "quarantine" },
		{ { .result = RESULT_FAIL, .has_policy = true }, "none" },
		{ { .result = RESULT_TEMPERROR, .has_policy = true, .policy = DMARC_POLICY_REJECT }, "none" },
		{ { .result = RESULT_TEMPERROR }, "none" },
		{ { .result = RESULT_NONE }, NULL },
		{ { .result = RESULT_PERMERROR }, NULL },
		{ { .result = RESULT_PERMERROR, .has_policy = true, .policy = DMARC_POLICY_REJECT }, "none" },
	};
	struct action_fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct authres a;
		const char *shown;

		f->results.dmarc = rows[i].dmarc;
		f->results.dmarc.domain = "example.org";
		a = authres_parsed(f, authres_build(&f->input));
		shown = authres_property(&a.methods[0], "policy.dmarc");
		if (rows[i].shown == NULL ? shown != NULL : shown == NULL || strcmp(shown, rows[i].shown) != 0)
			fail_msg("row %zu: policy.dmarc=%s", i, shown);
	}
}

/* RFC 8617 section 6, and its three words only. */
static void test_authres_build_arc(void **state)
{
	static const struct { enum result result; unsigned oldest; const char *told, *oldest_told, *reason; } rows[] = {
		{ RESULT_PASS, 0, "pass", "0", NULL }, { RESULT_PASS, 3, "pass", "3", NULL }, { RESULT_FAIL, 0, "fail", NULL, "why" },
		{ RESULT_TEMPERROR, 0, "fail", NULL, "temporary error: why" }, { RESULT_NONE, 0, NULL, NULL, NULL },
	};
	struct action_fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good = rows[i].reason == NULL;
		struct authres a;

		f->results.arc = (struct arc_result){ .result = rows[i].result, .oldest_pass = rows[i].oldest, .sealer = "lists.example",
			.reason = good ? NULL : "why", .dnssec = DNS_INSECURE };
		a = authres_parsed(f, authres_build(&f->input));
		check_lines(authres_build(&f->input));
		assert_int_equal(a.method_count, rows[i].told != NULL);
		if (rows[i].told == NULL)
			continue;
		assert_string_equal(a.methods[0].method, "arc");
		assert_string_equal(a.methods[0].result, rows[i].told);
		assert_string_equal(authres_property(&a.methods[0], "smtp.remote-ip"), "192.0.2.1");
		assert_int_equal(authres_property(&a.methods[0], "header.oldest-pass") != NULL, good);
		if (good)
			assert_string_equal(authres_property(&a.methods[0], "header.oldest-pass"), rows[i].oldest_told);
		else
			assert_string_equal(a.methods[0].reason, rows[i].reason);
	}
	f->results.arc = (struct arc_result){ 0 };
	f->results.dmarc = (struct dmarc_result){ .result = RESULT_FAIL, .domain = "example.org", .has_policy = true,
		.policy = DMARC_POLICY_REJECT, .overridden = "ARC seal 1 of lists.example found dmarc=pass",
		.overridden_by = "1:lists.example" };
	assert_string_equal(authres_parsed(f, authres_build(&f->input)).methods[0].result, "fail");
	assert_non_null(strstr(authres_build(&f->input), "overridden: ARC"));
	assert_string_equal(log_line_field(f, "dmarc_overridden"), "1:lists.example");
}

/* Which override held, whether the policy that decided honours it, and what speaks against the message. */
static void test_authres_build_overrides(void **state)
{
	static const struct dmarc_override held[] = { { .name = "lists", .kind = OVERRIDE_MAILING_LIST, .why = "mailing-list lists: DKIM a.example" },
		{ .name = "uni", .why = "forwarder uni: client 192.0.2.1" } };
	static const struct dmarc_override open[] = { { .name = "uni", .why = "forwarder uni: DKIM b.example", .unknown = true } };
	static const char *const honoured[] = { "uni" };
	const struct policy_config policies[] = { { .name = "strict" }, { .name = "soft", .honours = { honoured, 1 } } };
	struct action_fixture *f = *state;
	struct config config = *f->config;

	config.policies = policies;
	config.policy_count = 2;
	f->input.config = &config;
	f->results.dmarc = (struct dmarc_result){ .result = RESULT_FAIL, .domain = "example.org", .has_policy = true, .policy = DMARC_POLICY_REJECT,
		.overridden = "both", .overridden_by = "lists:a.example", .overrides = held, .override_count = 2 };
	results_waive(&f->results, &(struct waivable){ .overrides = held, .override_count = 2, .finding = {
		.id = FINDING_DMARC_REJECT_CORROBORATED, .domain = "example.org", .detail = "iprev-fail of 192.0.2.1" } });
	f->decision.policy = "soft";
	assert_non_null(strstr(authres_build(&f->input), "overridden: both"));
	assert_null(strstr(authres_build(&f->input), "corroborated"));
	assert_string_equal(log_line_field(f, "overrides"), "lists,uni");
	assert_null(log_line_field(f, "corroborated"));
	f->decision.policy = "strict";
	assert_null(strstr(authres_build(&f->input), "overridden:"));
	assert_non_null(strstr(authres_build(&f->input), "corroborated:"));
	assert_string_equal(log_line_field(f, "overrides_ignored"), "lists,uni");
	assert_string_equal(log_line_field(f, "corroborated"), "iprev-fail of 192.0.2.1");
	f->results.dmarc.overrides = open;
	f->results.dmarc.override_count = 1;
	f->results.dmarc.overridden = f->results.dmarc.overridden_by = NULL;
	f->results.dmarc.override_unknown = true;
	assert_non_null(strstr(authres_build(&f->input), "an override may"));
	assert_null(log_line_field(f, "overrides"));
}

static void test_authres_build_hostile_values(void **state)
{
	struct action_fixture *f = *state;
	struct authres a;

	f->facts.mail_from = "x\";\r\n dkim=pass (\\@example.org";
	f->results.spf = (struct spf_result){ .result = RESULT_FAIL, .domain = "example.org",
	    .explanation = "a) b\x01\n; dmarc=pass \"" };
	f->results.iprev = (struct iprev_result){ .result = RESULT_PASS, .name = "x); dmarc=pass (y" };
	a = authres_parsed(f, authres_build(&f->input));
	assert_int_equal(a.method_count, 2);
	assert_string_equal(a.methods[1].reason, "a] b??; dmarc=pass '");
	assert_string_equal(authres_property(&a.methods[1], "smtp.mailfrom"), "example.org");
	f->results.spf.domain = NULL;
	a = authres_parsed(f, authres_build(&f->input));
	assert_string_equal(authres_property(&a.methods[1], "smtp.mailfrom"), "example.org");
}

static void test_authres_build_hostile_address(void **state)
{
	struct action_fixture *f = *state;
	struct authres a;

	f->facts.mail_from = "x\";\r\n dkim=pass (\\@example.org";
	f->results.spf = (struct spf_result){ .result = RESULT_FAIL, .domain = "example.org" };
	a = authres_parsed(f, authres_build(&f->input));
	assert_int_equal(a.method_count, 1);
	assert_string_equal(authres_property(&a.methods[0], "smtp.mailfrom"), "x\";?? dkim=pass (\\@example.org");
	f->results.spf.domain = NULL;
	a = authres_parsed(f, authres_build(&f->input));
	assert_string_equal(authres_property(&a.methods[0], "smtp.mailfrom"), "x\";?? dkim=pass (\\@example.org");
}

static void test_authres_build_internationalized(void **state)
{
	struct action_fixture *f = *state;
	struct authres a;

	f->facts.mail_from = "j\xc3\xb6rg@b\xc3\xbc" "cher.example";
	f->results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "xn--bcher-kva.example" };
	a = authres_parsed(f, authres_build(&f->input));
	assert_string_equal(authres_property(&a.methods[0], "smtp.mailfrom"), "xn--bcher-kva.example");
	f->facts.mail_from = "j\xc3\xb6rg@example.org";
	f->results.spf.domain = "example.org";
	a = authres_parsed(f, authres_build(&f->input));
	assert_string_equal(authres_property(&a.methods[0], "smtp.mailfrom"), "j\xc3\xb6rg@example.org");
	f->facts.mail_from = "j\xf6rg@example.org";
	a = authres_parsed(f, authres_build(&f->input));
	assert_string_equal(authres_property(&a.methods[0], "smtp.mailfrom"), "j?rg@example.org");
}

static void test_authres_build_decision_comment(void **state)
{
	struct action_fixture *f = *state;

	f->decision.action = ACTION_REJECT;
	f->decision.finding = FINDING_DMARC_REJECT;
	assert_non_null(strstr(authres_build(&f->input), "(dry-run: would reject: dmarc-reject)"));
	f->decision.enforced = true;
	f->decision.action = ACTION_TAG;
	assert_non_null(strstr(authres_build(&f->input), "(tag: dmarc-reject)"));
	authres_parsed(f, authres_build(&f->input));
	f->results.exempt = true;
	f->results.exempt_reason = "authenticated";
	assert_non_null(strstr(authres_build(&f->input), "(not judged: authenticated)"));
}

static void test_field_value_quoting(void **state)
{
	struct action_fixture *f = *state;

	assert_string_equal(field_value(f->arena, "example.org"), "example.org");
	assert_string_equal(field_value(f->arena, "a@example.org"), "a@example.org");
	assert_string_equal(field_value(f->arena, "@example.org"), "@example.org");
	assert_string_equal(field_value(f->arena, "a=b@example.org"), "a=b@example.org");
	assert_string_equal(field_value(f->arena, "a=b"), "\"a=b\"");
	assert_string_equal(field_value(f->arena, "."), "\".\"");
	assert_string_equal(field_value(f->arena, "a..b"), "\"a..b\"");
	assert_string_equal(field_value(f->arena, "@."), "\"@.\"");
	assert_string_equal(field_value(f->arena, "a@b..c"), "\"a@b..c\"");
	assert_string_equal(field_value(f->arena, "1.2.3.4"), "1.2.3.4");
	assert_string_equal(field_value(f->arena, ""), "\"\"");
	assert_string_equal(field_value(f->arena, "a\"b\\c"), "\"a\\\"b\\\\c\"");
	assert_string_equal(field_value(f->arena, "2001:db8::1"), "\"2001:db8::1\"");
	/* RFC 6376 section 3.5: a domain-name has no underscore, and two labels */
	assert_string_equal(field_value(f->arena, "under_score.example"), "\"under_score.example\"");
	assert_string_equal(field_value(f->arena, "a@under_score.example"), "\"a@under_score.example\"");
	assert_string_equal(field_value(f->arena, "@under_score.example"), "\"@under_score.example\"");
	assert_string_equal(field_value(f->arena, "a_b@example.org"), "a_b@example.org");
	assert_string_equal(field_value(f->arena, "a@localhost"), "\"a@localhost\"");
	assert_string_equal(field_value(f->arena, "-a.example"), "\"-a.example\"");
	assert_string_equal(field_value(f->arena, "a-.example"), "\"a-.example\"");
	assert_string_equal(field_value(f->arena, "a.example-"), "\"a.example-\"");
	assert_string_equal(field_value(f->arena, "a--b.example"), "a--b.example");
	assert_string_equal(field_value(f->arena, "a.example."), "\"a.example.\"");
	assert_string_equal(field_value(f->arena, "TLS_AES_256_GCM_SHA384"), "TLS_AES_256_GCM_SHA384");
	assert_string_equal(field_value(f->arena, "j\xc3\xb6rg@example.org"), "\"j\xc3\xb6rg@example.org\"");
	assert_string_equal(field_id(f->arena, "mx_1.example"), "mx_1.example");
	assert_string_equal(field_id(f->arena, "a@mx.example"), "\"a@mx.example\"");
	assert_string_equal(field_value(f->arena, "a\x7f\x80\xc3\xa4"), "\"a??\xc3\xa4\"");
}

static void test_field_comment_escapes_and_folds(void **state)
{
	static const struct { const char *text, *expected; } rows[] = {
		{ "a (b) c\\d \"e\"", " (a \\(b\\) c\\\\d \"e\")" }, { "word", " (word)" }, { "  two\x01  words ", " (two? words)" }, { ")", " (\\))" },
		{ "", "" }, { " ", "" },
	};
	struct action_fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct field field = field_make(f->arena, 8);

		field_comment(&field, rows[i].text);
		assert_string_equal(field.buf.data, rows[i].expected);
		if (field.buf.length != 0)
			check_lines(field.buf.data);
	}
	/* the name and its colon take 8, " (aa" 4, a blank and a closing parenthesis one each, an escaped one two */
	for (int length = 55; length < 70; length++) {
		for (int escaped = 0; escaped < 2; escaped++) {
			const char *word = arena_printf(f->arena, "%s%0*d", escaped ? "(" : "", length, 0);
			bool fits = 8 + 4 + 1 + 2 * escaped + length + 1 <= 78;
			struct field field = field_make(f->arena, 8);

			field_comment(&field, arena_concat(f->arena, "aa ", word, ""));
			assert_string_equal(field.buf.data, arena_join(f->arena, " (aa", fits ? " " : "\n\t", escaped ? "\\" : "", word, ")", NULL));
		}
	}
	assert_string_equal(field_plain(f->arena, "a(b)c\\d\"e'[]/"), "a[b]c/d'e'[]/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_authres_build_nothing),
		TEST(test_authres_build_all_methods),
		TEST(test_authres_build_policy_dmarc),
		TEST(test_authres_build_arc),
		TEST(test_authres_build_unregistered_nothing),
		TEST(test_authres_build_one_spf_result),
		TEST(test_authres_build_comments_for_strict_readers),
		TEST(test_authres_build_overrides),
		TEST(test_authres_build_hostile_values),
		cmocka_unit_test_setup_teardown(test_authres_build_hostile_address, setup_address, action_teardown),
		cmocka_unit_test_setup_teardown(test_authres_build_internationalized, setup_address, action_teardown),
		TEST(test_authres_build_decision_comment),
		TEST(test_field_value_quoting),
		TEST(test_field_comment_escapes_and_folds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
