/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication-Results: what is written, what is read, what counts as forged, and the list of edits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>

#include "action/action.h"
#include "message/authres_parse.h"
#include "action/field.h"
#include "util/error.h"
#include "util/log_field.h"
#include "text_fixture.h"

enum { FIELDS_MAX = 10 };

struct fixture {
	struct arena *arena;
	const struct config *config;
	struct facts_connection connection;
	struct header_field fields[FIELDS_MAX];
	struct facts facts;
	struct author author;
	struct results results;
	struct decision decision;
	struct action_input input;
};

static int setup_with(void **state, const char *text)
{
	struct fixture *f;
	struct arena *arena = arena_new();

	f = arena_calloc(arena, 1, sizeof(*f));
	f->arena = arena;
	f->config = text_config(text);
	addr_parse("192.0.2.1", &f->connection.client);
	f->connection.helo = "mail.example.org";
	f->facts = (struct facts){ .arena = arena, .connection = &f->connection, .mail_from = "a@example.org",
	    .mail_from_domain = "example.org", .fields = f->fields };
	f->decision = (struct decision){ .finding = FINDING_COUNT, .code = 250, .policy = "default" };
	f->input = (struct action_input){ f->config, &f->facts, &f->author, &f->results, &f->decision, "mx.example.net",
	    NULL, 0, NULL, NULL };
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, "");
}

static int setup_address(void **state)
{
	return setup_with(state, "headers { smtp-mailfrom = address }");
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = f->arena;

	config_unref(&f->config);
	arena_free(&arena);
	return 0;
}

static void add_field(struct fixture *f, const char *name, const char *value)
{
	unsigned occurrence = 1;

	for (size_t i = 0; i < f->facts.field_count; i++)
		occurrence += strcasecmp(f->fields[i].name, name) == 0;
	f->fields[f->facts.field_count] = (struct header_field){ name, value, strlen(name), strlen(value), occurrence,
	    (unsigned)f->facts.field_count + 1 };
	f->facts.field_count++;
}

static struct authres parse(struct fixture *f, const char *text)
{
	struct authres authres;

	assert_int_equal(authres_parse(text, strlen(text), f->arena, &authres), 0);
	return authres;
}

static const char *property(const struct authres_method *method, const char *name)
{
	char joined[64];

	for (size_t i = 0; i < method->property_count; i++) {
		snprintf(joined, sizeof(joined), "%s.%s", method->properties[i].ptype, method->properties[i].property);
		if (strcmp(joined, name) == 0)
			return method->properties[i].value;
	}
	return NULL;
}

/* What a field of the line is read back as. */
static const char *logged(struct fixture *f, const char *key)
{
	struct log_record *record = arena_alloc(f->arena, sizeof(*record));
	const char *line = log_line_build(&f->input);

	assert_int_equal(log_record_parse(line, strlen(line), f->arena, record), 0);
	return log_record_get(record, key);
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
	struct fixture *f = *state;

	assert_string_equal(authres_build(&f->input), " mx.example.net; none");
}

static void test_authres_build_all_methods(void **state)
{
	struct fixture *f = *state;
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
	a = parse(f, authres_build(&f->input));
	assert_string_equal(a.authserv_id, "mx.example.net");
	assert_int_equal(a.method_count, 7);
	assert_string_equal(a.methods[0].method, "auth");
	assert_string_equal(property(&a.methods[0], "smtp.auth"), "joe user");
	assert_string_equal(property(&a.methods[1], "policy.iprev"), "192.0.2.1");
	assert_string_equal(a.methods[2].method, "spf");
	assert_string_equal(a.methods[2].result, "softfail");
	assert_string_equal(a.methods[2].reason, "~all");
	assert_string_equal(property(&a.methods[2], "smtp.mailfrom"), "example.org");
	assert_string_equal(property(&a.methods[3], "header.i"), "@example.org");
	assert_string_equal(property(&a.methods[3], "header.b"), "AbC/+123");
	assert_string_equal(property(&a.methods[3], "header.a"), "rsa-sha256");
	assert_string_equal(property(&a.methods[4], "header.i"), "joe (x)@list.example");
	assert_string_equal(a.methods[4].reason, "body 'changed'");
	assert_string_equal(a.methods[5].result, "fail");
	assert_string_equal(property(&a.methods[5], "policy.dmarc"), "quarantine");
	assert_string_equal(a.methods[6].method, "dkim-adsp");
	assert_string_equal(a.methods[6].result, "discard");
	assert_non_null(strstr(authres_build(&f->input), "(2048-bit key, dnssec: secure)"));
	check_lines(authres_build_unregistered(&f->input));
	a = parse(f, authres_build_unregistered(&f->input));
	assert_string_equal(a.authserv_id, "mx.example.net");
	assert_int_equal(a.method_count, 1);
	assert_string_equal(a.methods[0].method, "x-tls");
	assert_string_equal(property(&a.methods[0], "smtp.cipher"), "TLS_AES_256_GCM_SHA384");
	assert_string_equal(property(&a.methods[0], "smtp.bits"), "256");
}

static void test_authres_build_unregistered_nothing(void **state)
{
	struct fixture *f = *state;

	f->results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "example.org" };
	assert_null(authres_build_unregistered(&f->input));
}

static const char *unfolded(struct fixture *f, const char *value)
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
	struct fixture *f = *state;
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
	a = parse(f, authres_build(&f->input));
	assert_int_equal(a.method_count, 1);
	assert_string_equal(property(&a.methods[0], "smtp.helo"), "mail.example.org");
	assert_null(property(&a.methods[0], "smtp.mailfrom"));
}

/* A comment stands alone and needs no backslash: the readers that refuse others drop the whole field. */
static void test_authres_build_comments_for_strict_readers(void **state)
{
	struct fixture *f = *state;
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
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct authres a;
		const char *shown;

		f->results.dmarc = rows[i].dmarc;
		f->results.dmarc.domain = "example.org";
		a = parse(f, authres_build(&f->input));
		shown = property(&a.methods[0], "policy.dmarc");
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
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good = rows[i].reason == NULL;
		struct authres a;

		f->results.arc = (struct arc_result){ .result = rows[i].result, .oldest_pass = rows[i].oldest, .sealer = "lists.example",
			.reason = good ? NULL : "why", .dnssec = DNS_INSECURE };
		a = parse(f, authres_build(&f->input));
		check_lines(authres_build(&f->input));
		assert_int_equal(a.method_count, rows[i].told != NULL);
		if (rows[i].told == NULL)
			continue;
		assert_string_equal(a.methods[0].method, "arc");
		assert_string_equal(a.methods[0].result, rows[i].told);
		assert_string_equal(property(&a.methods[0], "smtp.remote-ip"), "192.0.2.1");
		assert_int_equal(property(&a.methods[0], "header.oldest-pass") != NULL, good);
		if (good)
			assert_string_equal(property(&a.methods[0], "header.oldest-pass"), rows[i].oldest_told);
		else
			assert_string_equal(a.methods[0].reason, rows[i].reason);
	}
	f->results.arc = (struct arc_result){ 0 };
	f->results.dmarc = (struct dmarc_result){ .result = RESULT_FAIL, .domain = "example.org", .has_policy = true,
		.policy = DMARC_POLICY_REJECT, .overridden = "ARC seal 1 of lists.example found dmarc=pass",
		.overridden_by = "1:lists.example" };
	assert_string_equal(parse(f, authres_build(&f->input)).methods[0].result, "fail");
	assert_non_null(strstr(authres_build(&f->input), "overridden: ARC"));
	assert_string_equal(logged(f, "dmarc_overridden"), "1:lists.example");
}

/* Which override held, whether the policy that decided honours it, and what speaks against the message. */
static void test_authres_build_overrides(void **state)
{
	static const struct dmarc_override held[] = { { .name = "lists", .kind = OVERRIDE_MAILING_LIST, .why = "mailing-list lists: DKIM a.example" },
		{ .name = "uni", .why = "forwarder uni: client 192.0.2.1" } };
	static const struct dmarc_override open[] = { { .name = "uni", .why = "forwarder uni: DKIM b.example", .unknown = true } };
	static const char *const honoured[] = { "uni" };
	const struct policy_config policies[] = { { .name = "strict" }, { .name = "soft", .honours = { honoured, 1 } } };
	struct fixture *f = *state;
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
	assert_string_equal(logged(f, "overrides"), "lists,uni");
	assert_null(logged(f, "corroborated"));
	f->decision.policy = "strict";
	assert_null(strstr(authres_build(&f->input), "overridden:"));
	assert_non_null(strstr(authres_build(&f->input), "corroborated:"));
	assert_string_equal(logged(f, "overrides_ignored"), "lists,uni");
	assert_string_equal(logged(f, "corroborated"), "iprev-fail of 192.0.2.1");
	f->results.dmarc.overrides = open;
	f->results.dmarc.override_count = 1;
	f->results.dmarc.overridden = f->results.dmarc.overridden_by = NULL;
	f->results.dmarc.override_unknown = true;
	assert_non_null(strstr(authres_build(&f->input), "an override may"));
	assert_null(logged(f, "overrides"));
}

static void test_authres_build_hostile_values(void **state)
{
	struct fixture *f = *state;
	struct authres a;

	f->facts.mail_from = "x\";\r\n dkim=pass (\\@example.org";
	f->results.spf = (struct spf_result){ .result = RESULT_FAIL, .domain = "example.org",
	    .explanation = "a) b\x01\n; dmarc=pass \"" };
	f->results.iprev = (struct iprev_result){ .result = RESULT_PASS, .name = "x); dmarc=pass (y" };
	a = parse(f, authres_build(&f->input));
	assert_int_equal(a.method_count, 2);
	assert_string_equal(a.methods[1].reason, "a] b??; dmarc=pass '");
	assert_string_equal(property(&a.methods[1], "smtp.mailfrom"), "example.org");
	f->results.spf.domain = NULL;
	a = parse(f, authres_build(&f->input));
	assert_string_equal(property(&a.methods[1], "smtp.mailfrom"), "example.org");
}

static void test_authres_build_hostile_address(void **state)
{
	struct fixture *f = *state;
	struct authres a;

	f->facts.mail_from = "x\";\r\n dkim=pass (\\@example.org";
	f->results.spf = (struct spf_result){ .result = RESULT_FAIL, .domain = "example.org" };
	a = parse(f, authres_build(&f->input));
	assert_int_equal(a.method_count, 1);
	assert_string_equal(property(&a.methods[0], "smtp.mailfrom"), "x\";?? dkim=pass (\\@example.org");
	f->results.spf.domain = NULL;
	a = parse(f, authres_build(&f->input));
	assert_string_equal(property(&a.methods[0], "smtp.mailfrom"), "x\";?? dkim=pass (\\@example.org");
}

static void test_authres_build_internationalized(void **state)
{
	struct fixture *f = *state;
	struct authres a;

	f->facts.mail_from = "j\xc3\xb6rg@b\xc3\xbc" "cher.example";
	f->results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "xn--bcher-kva.example" };
	a = parse(f, authres_build(&f->input));
	assert_string_equal(property(&a.methods[0], "smtp.mailfrom"), "xn--bcher-kva.example");
	f->facts.mail_from = "j\xc3\xb6rg@example.org";
	f->results.spf.domain = "example.org";
	a = parse(f, authres_build(&f->input));
	assert_string_equal(property(&a.methods[0], "smtp.mailfrom"), "j\xc3\xb6rg@example.org");
	f->facts.mail_from = "j\xf6rg@example.org";
	a = parse(f, authres_build(&f->input));
	assert_string_equal(property(&a.methods[0], "smtp.mailfrom"), "j?rg@example.org");
}

static void test_authres_build_decision_comment(void **state)
{
	struct fixture *f = *state;

	f->decision.action = ACTION_REJECT;
	f->decision.finding = FINDING_DMARC_REJECT;
	assert_non_null(strstr(authres_build(&f->input), "(dry-run: would reject: dmarc-reject)"));
	f->decision.enforced = true;
	f->decision.action = ACTION_TAG;
	assert_non_null(strstr(authres_build(&f->input), "(tag: dmarc-reject)"));
	parse(f, authres_build(&f->input));
	f->results.exempt = true;
	f->results.exempt_reason = "authenticated";
	assert_non_null(strstr(authres_build(&f->input), "(not judged: authenticated)"));
}

static void test_authres_parse_rfc8601_examples(void **state)
{
	struct fixture *f = *state;
	struct authres a = parse(f, " example.org 1; none");

	assert_string_equal(a.version, "1");
	assert_int_equal(a.method_count, 0);
	/* appendix B.7: comments everywhere */
	a = parse(f, " foo.example.net (foobar) 1 (baz);\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\n"
	    "      policy (A dot can go here) . (like that) expired\n      (this surprised me) = (as I wasn't expecting it) 1362471462");
	assert_string_equal(a.authserv_id, "foo.example.net");
	assert_string_equal(a.methods[0].method, "dkim");
	assert_string_equal(a.methods[0].result, "fail");
	assert_string_equal(property(&a.methods[0], "policy.expired"), "1362471462");
	/* appendix B.5 */
	a = parse(f, " example.com;\n  auth=pass (cram-md5) smtp.auth=sender@example.net;\n  spf=hardfail smtp.mailfrom=example.net");
	assert_int_equal(a.method_count, 2);
	assert_string_equal(property(&a.methods[0], "smtp.auth"), "sender@example.net");
}

static void test_authres_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"", " ;none", " a", " a; ", " a; spf", " a; spf=", " a b; none", " a; none; spf=pass", " a; spf=pass x", " a (; none",
		" a; spf=pass x.y=\"z", " a; spf=pass reason=\"x", " a; spf=pass x.y=z reason=q", " a; spf=pass x.y=a@b@c", " \"a; none",
	};
	struct fixture *f = *state;
	struct authres a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(authres_parse(bad[i], strlen(bad[i]), f->arena, &a), -E_SYNTAX);
		assert_int_equal(authres_parse_loose(bad[i], strlen(bad[i]), f->arena, &a), -E_SYNTAX);
	}
}

/* Words that are no properties are let in by the loose reader alone, and are none. */
static void test_authres_parse_loose(void **state)
{
	static const char text[] = " mx.a.example 1; dmarc=pass action=none header.from=b.example (x); arc=none (0)";
	struct fixture *f = *state;
	struct authres a;

	assert_int_equal(authres_parse(text, strlen(text), f->arena, &a), -E_SYNTAX);
	assert_int_equal(authres_parse_loose(text, strlen(text), f->arena, &a), 0);
	assert_int_equal(a.method_count, 2);
	assert_string_equal(property(&a.methods[0], "header.from"), "b.example");
	assert_string_equal(property(&a.methods[0], ".action"), "none");
	assert_null(property(&a.methods[0], "header.action"));
}

static void test_authres_parse_instance(void **state)
{
	static const struct { const char *text; int instance; const char *rest; } rows[] = {
		{ "i=1; a; none", 1, " a; none" }, { " (x) i (y) = (z(z)) 50 ( ) ;a", 50, "a" }, { "i=00;", 0, "" }, { "i=99;x", 99, "x" },
		{ "i=100; a", -1, NULL }, { "i=; a", -1, NULL }, { "I=1; a", -1, NULL }, { "i=1 a; none", -1, NULL }, { "i=-1; a", -1, NULL },
		{ "i=1", -1, NULL }, { "a; i=1; none", -1, NULL }, { "ii=1;", -1, NULL }, { "i=1(;", -1, NULL }, { "", -1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned instance;
		const char *rest;
		int code = authres_parse_instance(rows[i].text, strlen(rows[i].text), &instance, &rest);

		assert_int_equal(code, rows[i].instance < 0 ? -E_SYNTAX : 0);
		if (code != 0)
			continue;
		assert_int_equal(instance, rows[i].instance);
		assert_string_equal(rest, rows[i].rest);
	}
}

static size_t forged(struct fixture *f, const char *value)
{
	unsigned occurrences[1];

	f->facts.field_count = 0;
	add_field(f, "authentication-results", value);
	return authres_find_forged(&f->facts, "mx.example.net", occurrences, 1);
}

static void test_authres_find_forged_disguises(void **state)
{
	static const char *const ours[] = {
		" mx.example.net; spf=pass", "MX.Example.NET; none", " (x) mx.example.net 1; none", "\n\tmx.example.net\n\t(a (nested) b) ; none",
		" \"mx.example.net\"; none", " \"mx.ex\\ample.net\"; none", " mx.example.net.; none", " mx.example.net", " mx.example.net spf=pass",
		" \"mx.example.net; none", " mx.(x)example.net; none", " (mx.example.net; none", " ; mx.example.net", " mx.exam\n ple.net; none",
		/* no-break space, zero-width space, a stray 8-bit byte: shown or stripped as nothing by others */
		" mx.example.net\xc2\xa0; none", " \xc2\xa0mx.example.net; none", " mx.exam\xe2\x80\x8bple.net; none", " mx.example.net\xff; none",
		" mx\x01.example.net; none", " mx.example\xa0.net spf=pass",
		/* dots, blanks and quotes too many */
		" mx.example.net..; none", " .mx.example.net; none", " mx..example.net; none", " \" mx.example.net \"; none", " \"mx.example. net\"; none",
		" 'mx.example.net'; none", " `mx.example.net`; none", " \"'mx.example.net'\"; none", " <mx.example.net>; none", " {mx.example.net}; none",
		/* double width and other compatibility forms */
		" mx\xe3\x80\x82" "example\xef\xbc\x8enet; none", " mx\xef\xbd\xa1" "example.net; none", " \xef\xbd\x8d\xef\xbd\x98.example.net; none",
		" \xef\xbd\x8d\xef\xbd\x98\xef\xbc\x8e" "example\xef\xbc\x8enet; none", " mx\xe2\x80\xa4" "example.net; none",
		" \xef\xbc\xad\xef\xbc\xb8.example.net; none", " \xf0\x9d\x90\xa6x.example.net; none", " mx.example.net\xef\xbc\x9b none",
		/* encoded words */
		" =?utf-8?q?mx.example.net?=; none", " =?UTF-8?Q?mx=2Eexample=2enet?=; none", " =?us-ascii?b?bXguZXhhbXBsZS5uZXQ=?=; none",
		" =?iso-8859-1?B?bXguZXhhbXBsZS5uZXQ?=; none", " =?utf-8*en?q?mx.example.net?=; none", " mx.=?utf-8?q?example.net?=; none",
		" =?utf-8?q?mx.exa?=\n =?utf-8?q?mple.net?=; none", " \"=?utf-8?q?mx.example.net?=\"; none", " =?utf-8?q?mx.example.net=3B_dkim=3Dpass?=",
		" =?utf-8?q?=22mx.example.net=22?=; none", " (=?utf-8?q?=29?= mx.example.net; none", " (=?utf-8?q?=29_mx.example.net=3B?=) a.example; none",
		" =?utf-8?q?mx_.example.net?=; none", " =?windows-1252?q?=A0mx.example.net?=; none", " =?utf-8?b?b?=; =?utf-8?q?mx.example.net?=",
		" =?utf-8?q?\xef\xbd\x8dx.example.net?=; none", " =?utf-8?q?=EF=BD=8Dx.example.net?=; none", " =?utf-8?q?mx.example.net; none?=",
		" =?utf-8?q?m x.example.net?=; none", " =?utf-8?q?=3D=3Futf-8=3Fq=3Fmx=2Eexample=2Enet=3F=3D?=; none", " a=?utf-8?q?" "?=; mx.example.net",
		/* in a charset that hides ASCII: nobody honest names himself so */
		" =?utf-7?q?+AG0-x.example.net?=; none", " =?utf-16?b?bQB4AC4AZQB4AGEAbQBwAGwAZQAuAG4AZQB0AA==?=; none", " =?cp037?q?=94=A7?=; none",
		" =?x?q?a?=; none", " (=?hz?b?AAAA?=) a.example; none",
	};
	static const char *const foreign[] = {
		" mx.example.com; spf=pass", " other.mx.example.net; none", " a.example; spf=pass (mx.example.net)", " a.example; spf=pass smtp.helo=mx.example.net",
		" mx.example.net.evil.example; none", " mx.\xc3\xbc.example.net; none", " =?utf-8?q?a.example?=; none", " =?utf-8?b?YS5leGFtcGxl?=; none",
		" a.example; none (=?utf-8?q?mx.example.net?=)", " a.example; spf=pass reason=\"=?utf-16?b?bQB4?=\"", " a.example (=?utf-8?q?x?=); none",
		" 'a.example'; none", " a..example; none", " m.x.example.net; none", " mx-example.net; none", " \xef\xbd\x8dy.example.net; none",
		" a.example\x01; none", " a.example; none (=?", " a.example; none (=?utf-8?q?",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (forged(f, ours[i]) != 1)
			fail_msg("not found: %s", ours[i]);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (forged(f, foreign[i]) != 0)
			fail_msg("found: %s", foreign[i]);
}

static void test_authres_find_forged_u_label(void **state)
{
	struct fixture *f = *state;
	unsigned occurrences[2];

	add_field(f, "Authentication-Results", " mx.b\xc3\xbc" "cher.example; spf=pass");
	assert_int_equal(authres_find_forged(&f->facts, "mx.xn--bcher-kva.example", occurrences, 2), 1);
	assert_int_equal(occurrences[0], 1);
	add_field(f, "Authentication-Results", " =?utf-8?q?mx.b=C3=BCcher.example?=; spf=pass");
	add_field(f, "Authentication-Results", " 'mx..B\xc3\x9c" "cher.example.'; spf=pass");
	assert_int_equal(authres_find_forged(&f->facts, "mx.xn--bcher-kva.example", occurrences, 2), 3);
	/* our name as U-label is the same */
	add_field(f, "Authentication-Results", " mx.xn--bcher-kva.example; spf=pass");
	assert_int_equal(authres_find_forged(&f->facts, "mx.b\xc3\xbc" "cher.example", occurrences, 2), 4);
	assert_int_equal(authres_find_forged(&f->facts, "mx.example.net", occurrences, 2), 0);
}

/* An authserv-id need not be a domain name. */
static void test_authres_find_forged_ids_that_are_no_names(void **state)
{
	struct fixture *f = *state;
	unsigned occurrences[1];

	add_field(f, "Authentication-Results", " \"our place\"; none");
	assert_int_equal(authres_find_forged(&f->facts, "our place", occurrences, 1), 1);
	assert_int_equal(authres_find_forged(&f->facts, "OUR PLACE", occurrences, 1), 1);
	assert_int_equal(authres_find_forged(&f->facts, "other place", occurrences, 1), 0);
	add_field(f, "Authentication-Results", " +++; none");
	assert_int_equal(authres_find_forged(&f->facts, "+++", occurrences, 1), 1);
	assert_int_equal(authres_find_forged(&f->facts, "***", occurrences, 1), 0);
	assert_int_equal(authres_find_forged(&f->facts, "", occurrences, 1), 0);
}

/* Deleting the first of two fields renumbers the second: the list goes from the highest down (CVE-2022-48521). */
static void test_action_edits_deletes_from_below(void **state)
{
	struct fixture *f = *state;
	struct edits edits;

	add_field(f, "Authentication-Results", " mx.example.net; spf=pass");
	add_field(f, "Authentication-Results", " other.example; spf=pass");
	add_field(f, "Subject", " mx.example.net; spf=pass");
	add_field(f, "AUTHENTICATION-results", " mx.example.net; dkim=pass");
	action_deletes(&f->input, &edits);
	action_inserts(&f->input, &edits);
	assert_int_equal(edits.count, 3);
	assert_int_equal(edits.items[0].kind, EDIT_DELETE);
	assert_int_equal(edits.items[0].index, 3);
	assert_int_equal(edits.items[1].kind, EDIT_DELETE);
	assert_int_equal(edits.items[1].index, 1);
	assert_int_equal(edits.items[2].kind, EDIT_INSERT);
	assert_int_equal(edits.items[2].index, 0);
	assert_string_equal(edits.items[2].name, "Authentication-Results");
}

/* Both in our name, the second directly below the first, and both on top of all others. */
static void test_action_edits_second_field(void **state)
{
	struct fixture *f = *state;
	struct edits edits;

	f->results.tls.checked = true;
	add_field(f, "Authentication-Results", " mx.example.net; x-tls=pass");
	action_deletes(&f->input, &edits);
	action_inserts(&f->input, &edits);
	assert_int_equal(edits.count, 3);
	assert_int_equal(edits.items[0].kind, EDIT_DELETE);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(edits.items[i].kind, EDIT_INSERT);
		assert_int_equal(edits.items[i].index, 0);
		assert_string_equal(edits.items[i].name, "Authentication-Results");
	}
	assert_string_equal(edits.items[1].value, " mx.example.net;\n\tx-tls=none");
	assert_string_equal(edits.items[2].value, " mx.example.net; none");
}

static int setup_omit(void **state)
{
	return setup_with(state, "headers { unregistered-methods = omit }");
}

static void test_action_edits_second_field_omitted(void **state)
{
	struct fixture *f = *state;
	struct edits edits;

	f->results.tls.checked = true;
	add_field(f, "Authentication-Results", " mx.example.net; x-tls=pass");
	action_deletes(&f->input, &edits);
	action_inserts(&f->input, &edits);
	assert_int_equal(edits.count, 2);
	assert_int_equal(edits.items[0].kind, EDIT_DELETE);
	assert_string_equal(edits.items[1].value, " mx.example.net; none");
}

static int setup_quiet(void **state)
{
	return setup_with(state, "headers { in-dry-run = no }");
}

static void test_action_edits_dry_run_without_fields(void **state)
{
	struct fixture *f = *state;
	struct edits edits;

	add_field(f, "Authentication-Results", " mx.example.net; spf=pass");
	f->results.tls.checked = true;
	action_deletes(&f->input, &edits);
	action_inserts(&f->input, &edits);
	assert_int_equal(edits.count, 1);
	assert_int_equal(edits.items[0].kind, EDIT_DELETE);
	f->decision.enforced = true;
	action_deletes(&f->input, &edits);
	action_inserts(&f->input, &edits);
	assert_int_equal(edits.count, 3);
}

static int setup_trusted(void **state)
{
	return setup_with(state, "trusted-networks = 192.0.2.0/24\ntrusted-authserv-ids = relay.example.net\nheaders { received-spf = yes }");
}

static void test_action_edits_trusted_relay(void **state)
{
	struct fixture *f = *state;
	struct edits edits;

	add_field(f, "Authentication-Results", " relay.example.net; spf=pass");
	add_field(f, "Authentication-Results", " mx.example.net; spf=pass");
	action_deletes(&f->input, &edits);
	action_inserts(&f->input, &edits);
	assert_int_equal(edits.count, 2);
	assert_int_equal(edits.items[0].index, 2);
	/* the same from anybody else is forged */
	addr_parse("198.51.100.1", &f->connection.client);
	f->results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "example.org" };
	action_deletes(&f->input, &edits);
	action_inserts(&f->input, &edits);
	assert_int_equal(edits.count, 4);
	assert_int_equal(edits.items[1].index, 1);
	assert_string_equal(edits.items[2].name, "Received-SPF");
	assert_string_equal(edits.items[3].name, "Authentication-Results");
}

static void test_field_value_quoting(void **state)
{
	struct fixture *f = *state;

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

static void test_log_line_build_cannot_be_forged(void **state)
{
	struct fixture *f = *state;
	const char *line;

	f->facts.queue_id = "4ABC";
	f->facts.mail_from = "x decision=none\"\n@example.org";
	f->results.findings[f->results.finding_count++].id = FINDING_SPF_FAIL;
	f->decision.action = ACTION_REJECT;
	f->decision.finding = FINDING_SPF_FAIL;
	line = log_line_build(&f->input);
	assert_non_null(strstr(line, "id=4ABC client=unknown[192.0.2.1] helo=mail.example.org"
	    " from=\"<x decision=none\\\"\\x0a@example.org>\" rcpts=0"));
	assert_non_null(strstr(line, " findings=spf-fail decision=reject because=spf-fail policy=default mode=dry-run"));
}

static void test_log_line_build_is_read_back(void **state)
{
	struct fixture *f = *state;
	static const struct dkim_result dkim = { .result = RESULT_PASS, .domain = "a b=\"c", .dnssec = DNS_SECURE };

	f->facts.queue_id = "4A B=\"";
	f->facts.mail_from = "\"x decision=none\"@example.org\x80";
	f->connection.client_name = "a[1] helo=x";
	f->connection.helo = "mx from=<x> \\";
	f->connection.auth = (struct facts_auth){ .mechanism = "PLAIN", .user = "joe\nid=X" };
	f->author.address = "\"a =\"@example.org";
	f->input.recipient = "<\"a rcpts=9\"@example.net>";
	f->results.tls = (struct tls_result){ .checked = true, .version = "TLSv1.3 x=y", .cipher = "A\"B", .cert_subject = "/CN= decision=none" };
	f->results.peer = (struct peer_result){ .downgrade = true, .peer = "p=q", .reason = "because of" };
	f->results.iprev = (struct iprev_result){ .result = RESULT_PASS, .name = "i p" };
	f->results.spf = (struct spf_result){ .result = RESULT_FAIL, .domain = "s=p" };
	f->results.spf_helo = (struct spf_result){ .result = RESULT_NONE, .scope = SPF_SCOPE_HELO, .domain = "h=e" };
	f->results.dkim_checked = true;
	f->results.dkim = &dkim;
	f->results.dkim_count = 1;
	f->results.dmarc = (struct dmarc_result){ .result = RESULT_FAIL, .domain = "d m" };
	f->results.adsp = (struct adsp_result){ .result = RESULT_DISCARD, .domain = "a\"d" };
	f->decision = (struct decision){ .action = ACTION_REJECT, .finding = FINDING_SPF_FAIL, .domain = "about it", .code = 550,
	    .enhanced = "5.7.23", .text = "no \" policy=x", .policy = "p=p" };
	assert_string_equal(logged(f, "id"), f->facts.queue_id);
	assert_string_equal(logged(f, "client"), "a[1] helo=x[192.0.2.1]");
	assert_string_equal(logged(f, "helo"), f->connection.helo);
	assert_string_equal(logged(f, "auth"), f->connection.auth.user);
	assert_string_equal(logged(f, "from"), "<\"x decision=none\"@example.org\x80>");
	assert_string_equal(logged(f, "rcpt"), f->input.recipient);
	assert_string_equal(logged(f, "rcpts"), "0");
	assert_string_equal(logged(f, "author"), f->author.address);
	assert_string_equal(logged(f, "tls"), "TLSv1.3 x=y");
	assert_string_equal(logged(f, "cipher"), "A\"B");
	assert_string_equal(logged(f, "peer"), "p=q");
	assert_string_equal(logged(f, "downgrade"), "because of");
	assert_string_equal(logged(f, "iprev_domain"), "i p");
	assert_string_equal(logged(f, "spf_domain"), "s=p");
	assert_string_equal(logged(f, "spf_helo_domain"), "h=e");
	assert_string_equal(logged(f, "dkim"), "pass:a b=\"c:secure");
	assert_string_equal(logged(f, "dmarc_domain"), "d m");
	assert_string_equal(logged(f, "adsp_domain"), "a\"d");
	assert_string_equal(logged(f, "decision"), "reject");
	assert_string_equal(logged(f, "about"), "about it");
	assert_string_equal(logged(f, "policy"), "p=p");
	assert_string_equal(logged(f, "reply"), "550 5.7.23 no \" policy=x");
	f->input.recipient = "ann@example.net";
	assert_string_equal(logged(f, "rcpt"), "<ann@example.net>");
}

/* The longest line: what a sender chooses is over the cap and all escapes, the rest as long as it can be. */
static void test_log_line_build_longest_fits(void **state)
{
	struct fixture *f = *state;
	char bytes[1000], name[254];
	struct dkim_result dkim[6];
	struct dmarc_override overrides[5] = { 0 };

	memset(bytes, 1, sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\0';
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < 6; i++)
		dkim[i] = (struct dkim_result){ .result = RESULT_PERMERROR, .domain = name, .dnssec = DNS_INDETERMINATE };
	f->facts.queue_id = name + 253 - 20;
	f->facts.mail_from = f->connection.client_name = f->connection.helo = f->author.address = f->input.recipient = bytes;
	f->connection.auth = (struct facts_auth){ .mechanism = "PLAIN", .user = bytes };
	f->results.tls = (struct tls_result){ .checked = true, .version = "TLSv1.3", .cipher = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	    .cert_status = CERT_UNVERIFIED, .cert_match = "author-domain", .tlsa = TLSA_TEMPERROR, .tlsa_name = name };
	f->results.peer = (struct peer_result){ .downgrade = true, .peer = name, .reason = name + 253 - 120 };
	f->results.iprev = (struct iprev_result){ .result = RESULT_TEMPERROR, .name = name, .dnssec = DNS_INDETERMINATE };
	f->results.spf = (struct spf_result){ .result = RESULT_TEMPERROR, .domain = bytes, .dnssec = DNS_INDETERMINATE };
	f->results.spf_helo = (struct spf_result){ .result = RESULT_TEMPERROR, .scope = SPF_SCOPE_HELO, .domain = name,
	    .dnssec = DNS_INDETERMINATE };
	f->results.dkim_checked = true;
	f->results.dkim = dkim;
	f->results.dkim_count = 6;
	f->results.dmarc = (struct dmarc_result){ .result = RESULT_TEMPERROR, .domain = name, .dnssec = DNS_INDETERMINATE };
	f->results.arc = (struct arc_result){ .result = RESULT_TEMPERROR, .sealer = name, .dnssec = DNS_INDETERMINATE };
	assert_true(strlen(log_line_build(&f->input)) < LOG_LINE_BYTES - 200);
	for (size_t i = 0; i < 5; i++)
		overrides[i].name = name + 253 - 64;
	f->results.dmarc.overrides = overrides;
	f->results.dmarc.override_count = 5;
	f->results.dmarc.overridden = "so";
	f->results.dmarc.overridden_by = arena_printf(f->arena, "50:%s", name);
	f->results.findings[f->results.finding_count++] = (struct finding){ .id = FINDING_DMARC_REJECT_CORROBORATED, .domain = name,
		.detail = arena_printf(f->arena, "adsp-discardable of %s", name) };
	f->results.adsp = (struct adsp_result){ .result = RESULT_TEMPERROR, .domain = name, .dnssec = DNS_INDETERMINATE };
	for (int id = 0; id < FINDING_COUNT; id++)
		f->results.findings[f->results.finding_count++].id = (enum finding_id)id;
	f->decision = (struct decision){ .action = ACTION_QUARANTINE, .finding = FINDING_DMARC_REJECT_CORROBORATED, .domain = bytes, .code = 550,
	    .enhanced = "5.7.23", .text = bytes, .policy = name + 253 - 60 };
	assert_true(strlen(log_line_build(&f->input)) < LOG_LINE_BYTES - 200);
	assert_non_null(logged(f, "reply"));
	assert_non_null(logged(f, "dmarc_overridden"));
}

static void test_log_line_build_client_certificate(void **state)
{
	struct fixture *f = *state;
	struct tls_result *tls = &f->results.tls;

	*tls = (struct tls_result){ .checked = true, .version = "TLSv1.3", .cert_status = CERT_FAILED };
	assert_non_null(strstr(log_line_build(&f->input), " cert=failed findings="));
	tls->tlsa = TLSA_MISMATCH;
	tls->tlsa_name = "mx.example.org";
	assert_non_null(strstr(log_line_build(&f->input), " cert=failed tlsa=mismatch:mx.example.org findings="));
	tls->cert_status = CERT_TLSA;
	tls->tlsa = TLSA_MATCH;
	tls->cert_match = "tlsa";
	assert_non_null(strstr(log_line_build(&f->input), " cert=tlsa/tlsa tlsa=match:mx.example.org findings="));
	*tls = (struct tls_result){ .checked = true, .version = "TLSv1.3" };
	assert_null(strstr(log_line_build(&f->input), " cert="));
}

static void test_reply_line_forms(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(reply_line(&f->decision, f->arena), "250");
	f->decision.code = 550;
	f->decision.enhanced = "5.7.23";
	f->decision.text = "SPF validation failed for a.example";
	assert_string_equal(reply_line(&f->decision, f->arena), "550 5.7.23 SPF validation failed for a.example");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		cmocka_unit_test_setup_teardown(test_authres_build_hostile_address, setup_address, teardown),
		cmocka_unit_test_setup_teardown(test_authres_build_internationalized, setup_address, teardown),
		TEST(test_authres_build_decision_comment),
		TEST(test_authres_parse_rfc8601_examples),
		TEST(test_authres_parse_refuses),
		TEST(test_authres_parse_loose),
		TEST(test_authres_parse_instance),
		TEST(test_authres_find_forged_disguises),
		TEST(test_authres_find_forged_u_label),
		TEST(test_authres_find_forged_ids_that_are_no_names),
		TEST(test_action_edits_deletes_from_below),
		TEST(test_action_edits_second_field),
		cmocka_unit_test_setup_teardown(test_action_edits_second_field_omitted, setup_omit, teardown),
		cmocka_unit_test_setup_teardown(test_action_edits_dry_run_without_fields, setup_quiet, teardown),
		cmocka_unit_test_setup_teardown(test_action_edits_trusted_relay, setup_trusted, teardown),
		TEST(test_field_value_quoting),
		TEST(test_log_line_build_cannot_be_forged),
		TEST(test_log_line_build_is_read_back),
		TEST(test_log_line_build_longest_fits),
		TEST(test_log_line_build_client_certificate),
		TEST(test_reply_line_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
