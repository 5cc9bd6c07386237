/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace fields: Received with the tls clause, Received-SPF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "action/action.h"

struct fixture {
	struct arena *arena;
	const struct config *config;
	struct facts_connection connection;
	const char *recipients[2];
	struct facts facts;
	struct results results;
	struct decision decision;
	struct action_input input;
};

static int setup(void **state)
{
	struct arena *arena = arena_new();
	struct fixture *f = arena_calloc(arena, 1, sizeof(*f));

	f->arena = arena;
	f->config = config_load(NULL, stderr);
	addr_parse("192.0.2.1", &f->connection.client);
	f->connection.helo = "mail.example.org";
	f->connection.client_name = "out.example.org";
	f->recipients[0] = "joe@example.net";
	f->recipients[1] = "ann@example.net";
	f->facts = (struct facts){ .arena = arena, .connection = &f->connection, .mail_from = "a@example.org",
	    .queue_id = "4XYZ", .recipients = f->recipients, .recipient_count = 1, .time_secs = 951827696 };
	f->results.tls = (struct tls_result){ .checked = true, .grade = TLS_GRADE_STRONG, .version = "TLSv1.3",
	    .cipher = "TLS_AES_256_GCM_SHA384", .bits = 256 };
	f->input = (struct action_input){ .config = f->config, .facts = &f->facts, .results = &f->results,
	    .decision = &f->decision, .authserv_id = "mx.example.net" };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = f->arena;

	config_unref(&f->config);
	arena_free(&arena);
	return 0;
}

/* With the folds taken out. */
static const char *unfolded(struct fixture *f)
{
	char *value = arena_strdup(f->arena, received_build(&f->input)), *fold;

	while ((fold = strstr(value, "\n\t")) != NULL) {
		*fold = ' ';
		memmove(fold + 1, fold + 2, strlen(fold + 2) + 1);
	}
	return value;
}

/* 951827696 is 2000-02-29 12:34:56 UTC, a Tuesday. */
static void test_received_build_plain(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(received_build(&f->input),
	    " from mail.example.org (out.example.org [192.0.2.1])\n"
	    "\tby mx.example.net (Assay) with ESMTPS (TLSv1.3, 256 bits, no trusted\n"
	    "\tclient certificate) id 4XYZ for <joe@example.net>\n"
	    "\ttls TLS_AES_256_GCM_SHA384;\n"
	    "\tTue, 29 Feb 2000 12:34:56 +0000");
}

/* By strftime(), whose locale is C here. */
static void test_received_build_date(void **state)
{
	static const int64_t times[] = { 0, 981173106, 1234567890, 1798761599, 253402300799 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		time_t time = (time_t)times[i];
		char expected[64];
		struct tm tm;

		strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&time, &tm));
		if (tm.tm_mday < 10)	/* without the leading zero of %d */
			memmove(expected + 5, expected + 6, strlen(expected + 6) + 1);
		f->facts.time_secs = times[i];
		assert_string_equal(strrchr(received_build(&f->input), '\t') + 1, expected);
	}
	f->facts.time_secs = INT64_MAX;
	assert_string_equal(strrchr(received_build(&f->input), '\t') + 1, "Thu, 1 Jan 1970 00:00:00 +0000");
}

static void test_received_build_cleartext(void **state)
{
	struct fixture *f = *state;

	f->results.tls.version = NULL;
	assert_null(received_build(&f->input));
}

static void test_received_build_maps_cipher_name(void **state)
{
	struct fixture *f = *state;

	f->results.tls.cipher = "ECDHE-RSA-AES128-GCM-SHA256";
	assert_non_null(strstr(unfolded(f), " tls TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;"));
	f->results.tls.cipher = "WHAT-IS-THIS";
	assert_null(strstr(received_build(&f->input), "tls "));
}

static void test_received_build_several_recipients(void **state)
{
	struct fixture *f = *state;

	f->facts.recipient_count = 2;
	assert_null(strstr(received_build(&f->input), "for <"));
}

static void test_received_build_certificate_and_auth(void **state)
{
	struct fixture *f = *state;
	const char *value;

	f->connection.auth.mechanism = "EXTERNAL";
	f->results.tls.cert_status = CERT_VERIFIED;
	f->results.tls.cert_subject = "/CN=mail) by evil (";
	f->results.tls.cert_issuer = "Test CA";
	value = unfolded(f);
	assert_non_null(strstr(value, " with ESMTPSA "));
	assert_non_null(strstr(value, "client certificate verified, subject /CN=mail\\) by evil \\(, issuer Test CA)"));
	f->results.tls.cert_status = CERT_TLSA;		/* then only the record's name is known */
	f->results.tls.tlsa = TLSA_MATCH;
	f->results.tls.tlsa_name = "mx.example.org";
	value = unfolded(f);
	assert_non_null(strstr(value, "client certificate proven by TLSA of mx.example.org)"));
	assert_null(strstr(value, "evil"));
	assert_null(strstr(value, "Test CA"));
}

/* What the MTA does not tell is not said: Postfix hands over no certificate that it does not trust. */
static void test_received_build_no_certificate(void **state)
{
	struct fixture *f = *state;

	assert_non_null(strstr(unfolded(f), ", no trusted client certificate)"));
	f->connection.tls.verify = "NO";
	assert_non_null(strstr(unfolded(f), ", no client certificate)"));
	f->connection.tls.verify = "FAIL";
	f->results.tls.cert_status = CERT_FAILED;
	f->results.tls.cert_subject = "/CN=self";
	assert_non_null(strstr(unfolded(f), ", client certificate failed, subject /CN=self)"));
}

static void test_received_build_protocol(void **state)
{
	static const struct { bool smtputf8, auth; const char *with; } rows[] = {
		{ false, false, " with ESMTPS (" }, { false, true, " with ESMTPSA (" },
		{ true, false, " with UTF8SMTPS (" }, { true, true, " with UTF8SMTPSA (" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f->facts.smtputf8 = rows[i].smtputf8;
		f->connection.auth.mechanism = rows[i].auth ? "PLAIN" : NULL;
		assert_non_null(strstr(unfolded(f), rows[i].with));
	}
}

static void test_received_build_client_kept_back(void **state)
{
	static const struct { enum hide_client hide; bool auth, named; } rows[] = {
		{ HIDE_CLIENT_NO, true, true }, { HIDE_CLIENT_AUTHENTICATED, false, true },
		{ HIDE_CLIENT_AUTHENTICATED, true, false }, { HIDE_CLIENT_YES, false, false }, { HIDE_CLIENT_YES, true, false },
	};
	static const char *const theirs[] = { "from ", "mail.example.org", "out.example.org", "192.0.2.1", "CN=who", "Test CA",
		"tlsa.example" };
	struct fixture *f = *state;
	struct config config = *f->config;

	f->input.config = &config;
	f->results.tls.cert_subject = "/CN=who";
	f->results.tls.cert_issuer = "Test CA";
	f->results.tls.tlsa = TLSA_MATCH;
	f->results.tls.tlsa_name = "tlsa.example";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		config.hide_client = rows[i].hide;
		f->connection.auth.mechanism = rows[i].auth ? "PLAIN" : NULL;
		f->results.tls.cert_status = CERT_VERIFIED;
		assert_int_equal(strstr(unfolded(f), "from mail.example.org (out.example.org [192.0.2.1])") != NULL, rows[i].named);
		assert_non_null(strstr(unfolded(f), ", client certificate verified"));
		for (int status = CERT_NONE; status <= CERT_VERIFIED && !rows[i].named; status++) {
			f->results.tls.cert_status = (enum cert_status)status;
			assert_memory_equal(unfolded(f), " by mx.example.net (Assay) with ESMTPS", 38);
			for (size_t k = 0; k < sizeof(theirs) / sizeof(theirs[0]); k++)
				assert_null(strstr(unfolded(f), theirs[k]));
			assert_non_null(strstr(unfolded(f), " tls TLS_AES_256_GCM_SHA384;"));
		}
	}
	f->input.config = f->config;
}

static void test_received_build_hostile(void **state)
{
	struct fixture *f = *state;
	const char *value;

	f->connection.helo = "x (\r\n\tby y; z";
	f->connection.client_name = "a) b";
	f->facts.queue_id = "4 X";
	f->recipients[0] = "\"a> b\"@example.net";
	addr_parse("2001:db8::1", &f->connection.client);
	value = received_build(&f->input);
	assert_null(strchr(value, '\r'));
	assert_memory_equal(value, " from unknown ([IPv6:2001:db8::1])\n\tby", 38);
	assert_null(strstr(value, "for <"));
	assert_null(strstr(value, " id "));
}

static void test_received_spf_build_pass(void **state)
{
	struct fixture *f = *state;

	f->results.spf = (struct spf_result){ .result = RESULT_PASS, .domain = "example.org",
	    .reason = "matched include:example.net -> ip4:192.0.2.1", .mechanism = "include:example.net" };
	assert_string_equal(received_spf_build(&f->input),
	    " pass (mx.example.net: domain of example.org designates 192.0.2.1\n\tas permitted sender)\n"
	    "\treceiver=mx.example.net; client-ip=192.0.2.1;\n\tenvelope-from=\"a@example.org\"; helo=mail.example.org;\n"
	    "\tmechanism=\"include:example.net\"; identity=mailfrom");
}

/* RFC 7208 section 9.1: the mechanism alone, "default" when none matched; of no record there is none. */
static void test_received_spf_build_mechanism(void **state)
{
	static const struct { enum result result; const char *mechanism, *shown; } rows[] = {
		{ RESULT_FAIL, "all", "mechanism=all;" },
		{ RESULT_SOFTFAIL, "a", "mechanism=a;" },
		{ RESULT_PASS, "ip6:2001:db8::/32", "mechanism=\"ip6:2001:db8::/32\";" },
		{ RESULT_NEUTRAL, "default", "mechanism=default;" },
		{ RESULT_NONE, NULL, NULL },
		{ RESULT_NONE, "all", NULL },
		{ RESULT_TEMPERROR, NULL, NULL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value;

		f->results.spf = (struct spf_result){ .result = rows[i].result, .domain = "example.org", .reason = "no mechanism matched",
		    .mechanism = rows[i].mechanism };
		value = received_spf_build(&f->input);
		if (rows[i].shown != NULL ? strstr(value, rows[i].shown) == NULL : strstr(value, "mechanism=") != NULL)
			fail_msg("row %zu: %s", i, value);
	}
}

static void test_received_spf_build_helo_error(void **state)
{
	struct fixture *f = *state;
	const char *value;

	addr_parse("2001:db8::1", &f->connection.client);
	f->facts.mail_from = "";
	f->results.spf = (struct spf_result){ .result = RESULT_PERMERROR, .scope = SPF_SCOPE_HELO, .domain = "mail.example.org",
	    .reason = "two \"records\"" };
	value = received_spf_build(&f->input);
	assert_non_null(strstr(value, " permerror (mx.example.net: error in processing"));
	assert_non_null(strstr(value, "client-ip=\"2001:db8::1\";"));
	assert_non_null(strstr(value, "envelope-from=\"\";"));
	assert_non_null(strstr(value, "problem=\"two \\\"records\\\"\";"));
	assert_non_null(strstr(value, "identity=helo"));
}

static void test_received_spf_build_unchecked(void **state)
{
	struct fixture *f = *state;

	assert_null(received_spf_build(&f->input));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_received_build_plain),
		TEST(test_received_build_date),
		TEST(test_received_build_cleartext),
		TEST(test_received_build_maps_cipher_name),
		TEST(test_received_build_several_recipients),
		TEST(test_received_build_certificate_and_auth),
		TEST(test_received_build_no_certificate),
		TEST(test_received_build_protocol),
		TEST(test_received_build_client_kept_back),
		TEST(test_received_build_hostile),
		TEST(test_received_spf_build_pass),
		TEST(test_received_spf_build_mechanism),
		TEST(test_received_spf_build_helo_error),
		TEST(test_received_spf_build_unchecked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
