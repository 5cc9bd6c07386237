/* SPDX-License-Identifier: BSD-2-Clause */
/* check/path: Received fields as the MTAs of the world write them. Names and addresses are from the documentation ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "check/path.h"

struct sample {
	const char *mta, *value;
	enum hop_transport transport;
	const char *protocol, *version, *cipher, *group;
};

static const struct sample samples[] = {
	{ "postfix tls 1.3", " from mx.example.org (mx.example.org [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(No client certificate requested)\n"
	    "\tby mail.example.net (Postfix) with ESMTPS id 4XyZ12\n\tfor <bob@example.net>; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519" },
	{ "postfix cleartext", " from mx.example.org (unknown [192.0.2.1])\n\tby mail.example.net (Postfix) with ESMTP id 4XyZ12;\n\tSat, 21 Nov 2026 10:00:00 +0000",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "postfix local pickup", " by mail.example.net (Postfix, from userid 1000)\n\tid 0A1B2C; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)",
	    HOP_LOCAL, NULL, NULL, NULL, NULL },
	/* Postfix 3.10 and OpenSSL 3.5 of Debian 13 */
	{ "postfix hybrid", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange X25519MLKEM768 server-signature ECDSA (prime256v1) server-digest SHA256\n"
	    "\t client-signature ECDSA (prime256v1) client-digest SHA256)\n\t(Client CN \"cl.example\", Issuer \"Assay Test CA\" (verified OK))\n"
	    "\tby mx.assay.example (Postfix) with ESMTPS id 4C79918C392\n\tfor <m-17@rcpt.example>; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768" },
	{ "postfix utf8", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange ffdhe2048 server-signature ECDSA (prime256v1) server-digest SHA256)\n\t(Client did not present a certificate)\n"
	    "\tby mx.assay.example (Postfix) with UTF8SMTPS id 3704B18C342\n\tfor <m-14@rcpt.example>; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)",
	    HOP_TLS, "UTF8SMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "ffdhe2048" },
	{ "postfix client kept back", " by mx.assay.example (Postfix) id 797CB18C404\n\tfor <m-20@rcpt.example>; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)",
	    HOP_UNKNOWN, NULL, NULL, NULL, NULL },
	/* with OpenSSL 3.0 of Debian 12 */
	{ "postfix ecdhe", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
	    "\t key-exchange ECDHE (prime256v1) server-signature ECDSA (prime256v1) server-digest SHA256)\n\t(Client did not present a certificate)\n"
	    "\tby mx.assay.example (Postfix) with ESMTPS id 46D43A74F22\n\tfor <m-2@rcpt.example>; Sat, 28 Nov 2026 16:50:57 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "prime256v1" },
	{ "postfix dhe", " from a.example (a.example [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange DHE (2048 bits)"
	    " server-signature RSA-PSS (2048 bits)) by b.example (Postfix) with ESMTPS id 1; x",
	    HOP_TLS, "ESMTPS", "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "postfix tls 1.2", " from mail.pass.example (mail.pass.example [192.0.2.1])\n\t(using TLSv1.2 with cipher DHE-RSA-AES256-GCM-SHA384 (256/256 bits))\n"
	    "\t(Client did not present a certificate)\n\tby mx.assay.example (Postfix) with ESMTPS id 1651E18C2FA\n"
	    "\tfor <m-5@rcpt.example>; Sat, 28 Nov 2026 16:49:58 +0000 (UTC)",
	    HOP_TLS, "ESMTPS", "TLSv1.2", "DHE-RSA-AES256-GCM-SHA384", NULL },
	{ "group of RFC 8314", " from a.example by b.example with ESMTPS id 1 tls TLS_AES_128_GCM_SHA256 group x25519; x",
	    HOP_TLS, "ESMTPS", NULL, "TLS_AES_128_GCM_SHA256", "x25519" },
	{ "group without tls", " from a.example by b.example with ESMTP id 1 group x25519; x", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "group in a comment", " from a.example by b.example with ESMTPS id 1 tls TLS_AES_128_GCM_SHA256 (group x25519) group (x25519); x",
	    HOP_TLS, "ESMTPS", NULL, "TLS_AES_128_GCM_SHA256", NULL },
	{ "exim tls clause", " from mx.example.org ([192.0.2.1])\n\tby mail.example.net with esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n"
	    "\t(Exim 4.96)\n\t(envelope-from <a@example.org>)\n\tid 1abcde-000123-45\n\tfor bob@example.net;\n\tSat, 21 Nov 2026 10:00:00 +0000",
	    HOP_TLS, "ESMTPS", "TLS1.3", "TLS_AES_256_GCM_SHA384", NULL },
	{ "exim old", " from mx.example.org ([192.0.2.1]:1234) by mail.example.net with esmtpsa (TLS1.2:ECDHE-RSA-AES256-GCM-SHA384:256) (Exim 4.84) id 1a; Sat, 21 Nov 2026 10:00:00 +0000",
	    HOP_TLS, "ESMTPSA", "TLS1.2", NULL, NULL },
	{ "exim local", " from root by mail.example.net with local (Exim 4.96) id 1a; Sat, 21 Nov 2026 10:00:00 +0000",
	    HOP_LOCAL, "LOCAL", NULL, NULL, NULL },
	{ "sendmail", " from mx.example.org (mx.example.org [192.0.2.1])\n\tby mail.example.net (8.17.1/8.17.1) with ESMTPS id 3ALA\n"
	    "\t(version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NOT)\n\tfor <bob@example.net>; Sat, 21 Nov 2026 10:00:00 GMT",
	    HOP_TLS, "ESMTPS", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", NULL },
	{ "sendmail cleartext", " from mx.example.org (mx.example.org [192.0.2.1]) by mail.example.net (8.17.1/8.17.1) with ESMTP id 3ALA; Sat, 21 Nov 2026 10:00:00 GMT",
	    HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "exchange", " from EX1.example.com (2001:db8::1) by EX2.example.com\n (2001:db8::2) with Microsoft SMTP Server (version=TLS1_2,\n"
	    " cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.1.1; Sat, 21 Nov 2026\n 10:00:00 +0000",
	    HOP_TLS, "SMTP", "TLS1_2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", NULL },
	{ "exchange mapi", " from EX1.example.com ([2001:db8::1]) by EX1.example.com ([2001:db8::1%3]) with mapi id 15.20.1.1; Sat, 21 Nov 2026 10:00:00 +0000",
	    HOP_LOCAL, "MAPI", NULL, NULL, NULL },
	{ "gmail in", " from mail-x.example.com (mail-x.example.com. [192.0.2.41])\n        by mx.google.example with SMTPS id a1sor1.2.2026.11.21\n"
	    "        for <bob@example.net>\n        (Google Transport Security);\n        Sat, 21 Nov 2026 02:00:00 -0800 (PST)",
	    HOP_TLS, "SMTPS", NULL, NULL, NULL },
	{ "gmail with version", " from mx.example.org (mx.example.org. [192.0.2.1]) by mx.google.example with ESMTPS id b1 for <bob@example.net> (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128); Sat, 21 Nov 2026 02:00:00 -0800 (PST)",
	    HOP_TLS, "ESMTPS", "TLS1_3", "TLS_AES_128_GCM_SHA256", NULL },
	{ "gmail internal", " by 2002:a05:0:0:0:0 with SMTP id x1csp1;\n        Sat, 21 Nov 2026 02:00:00 -0800 (PST)",
	    HOP_LOCAL, "SMTP", NULL, NULL, NULL },
	{ "qmail network", " from unknown (HELO mx.example.org) (192.0.2.1)\n  by mail.example.net with SMTP; 21 Nov 2026 10:00:00 -0000",
	    HOP_CLEARTEXT, "SMTP", NULL, NULL, NULL },
	{ "qmail tls patch", " from mx.example.org (192.0.2.1)\n  by mail.example.net with DHE-RSA-AES256-SHA encrypted SMTP; 21 Nov 2026 10:00:00 -0000",
	    HOP_TLS, "SMTP", NULL, "DHE-RSA-AES256-SHA", NULL },
	{ "qmail local", " (qmail 1234 invoked by uid 1000); 21 Nov 2026 10:00:00 -0000", HOP_LOCAL, NULL, NULL, NULL, NULL },
	{ "nothing known", " something else entirely; Sat, 21 Nov 2026 10:00:00 +0000", HOP_UNKNOWN, NULL, NULL, NULL, NULL },
	{ "empty", "", HOP_UNKNOWN, NULL, NULL, NULL, NULL },
	{ "unknown protocol", " from a.example by b.example with carrier-pigeon id 1; Sat, 21 Nov 2026 10:00:00 +0000", HOP_UNKNOWN, "CARRIER-PIGEON", NULL, NULL, NULL },
	/* words inside comments are no clauses: a HELO name or comment cannot claim TLS by protocol word */
	{ "clause in comment", " from evil (with ESMTPS tls FAKE) by b.example with ESMTP id 1; Sat, 21 Nov 2026 10:00:00 +0000", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
	{ "tls behind the date", " from a.example by b.example with ESMTP id 1; Sat, 21 Nov 2026 10:00:00 (using TLSv1.3 with cipher X)", HOP_CLEARTEXT, "ESMTP", NULL, NULL, NULL },
};

static void assert_text(const char *seen, const char *expected, const char *mta)
{
	if (expected == NULL && seen == NULL)
		return;
	if (expected == NULL || seen == NULL || strcmp(seen, expected) != 0)
		fail_msg("%s: seen %s, expected %s", mta, seen != NULL ? seen : "NULL", expected != NULL ? expected : "NULL");
}

static void test_path_parse_hop_of_known_mtas(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct path_hop hop;

		path_parse_hop(arena, samples[i].value, &hop);
		assert_text(hop_transport_name(hop.transport), hop_transport_name(samples[i].transport), samples[i].mta);
		assert_text(hop.protocol, samples[i].protocol, samples[i].mta);
		assert_text(hop.version, samples[i].version, samples[i].mta);
		assert_text(hop.cipher, samples[i].cipher, samples[i].mta);
		assert_text(hop.group, samples[i].group, samples[i].mta);
	}
	arena_free(&arena);
}

static void test_path_parse_hop_names_are_cleaned(void **state)
{
	struct arena *arena = arena_new();
	struct path_hop hop;

	(void)state;
	path_parse_hop(arena, " from a\x80\x1b" "b by c.example with ESMTP id 1; x", &hop);
	assert_string_equal(hop.from, "a??b");
	assert_string_equal(hop.by, "c.example");
	arena_free(&arena);
}

static void test_path_parse_hop_hostile(void **state)
{
	struct arena *arena = arena_new();
	char *deep = malloc(100001);
	struct path_hop hop;

	(void)state;
	assert_non_null(deep);
	memset(deep, '(', 100000);
	deep[100000] = '\0';
	path_parse_hop(arena, deep, &hop);
	assert_int_equal(hop.transport, HOP_UNKNOWN);
	for (int i = 0; i < 100000; i += 5)
		memcpy(deep + i, "with ", 5);
	path_parse_hop(arena, deep, &hop);
	assert_int_equal(hop.transport, HOP_UNKNOWN);
	path_parse_hop(arena, " from a by b with", &hop);
	assert_int_equal(hop.transport, HOP_UNKNOWN);
	path_parse_hop(arena, " from a by b with ESMTP (unclosed \\", &hop);
	assert_int_equal(hop.transport, HOP_CLEARTEXT);
	assert_true(arena_used_bytes(arena) < 200000);
	free(deep);
	arena_free(&arena);
}

static void test_path_read_counts_hops_and_caps(void **state)
{
	struct arena *arena = arena_new();
	struct header_field fields[60];
	struct facts facts = { .arena = arena, .fields = fields, .field_count = 60 };
	struct path_result path;

	(void)state;
	for (int i = 0; i < 60; i++)
		fields[i] = (struct header_field){ .name = i % 2 ? "received" : "Subject", .value = samples[i % 4 < 2 ? 0 : 1].value };
	path_read(&facts, &path);
	assert_int_equal(path.hop_count, 30);
	assert_int_equal(path.tls, 15);
	assert_int_equal(path.cleartext, 15);
	assert_false(path.truncated);
	for (int i = 0; i < 60; i++)
		fields[i].name = "Received";
	path_read(&facts, &path);
	assert_int_equal(path.hop_count, PATH_MAX_HOPS);
	assert_true(path.truncated);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_parse_hop_of_known_mtas),
		cmocka_unit_test(test_path_parse_hop_names_are_cleaned),
		cmocka_unit_test(test_path_parse_hop_hostile),
		cmocka_unit_test(test_path_read_counts_hops_and_caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
