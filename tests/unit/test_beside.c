/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail that comes back from a filter, fields in our name above all others, and other filters of our name: by facts of the MTA and
 * by texts of configurations. What mail says of itself never makes it one that was judged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "action/action.h"
#include "arena_fixture.h"
#include "config/namesake.h"
#include "text_fixture.h"

enum { FIELDS_MAX = 8 };
#define OWN "Authentication-Results: mx.example.net; dkim=pass"
#define BY_US "Received: from a.example (a.example [203.0.113.9]) by mx.example.net (Postfix) with ESMTP id 4Z1"
#define BY_FILTER "Received: from localhost ([127.0.0.1]) by localhost (mx.example.net [127.0.0.1]) (amavisd-new, port 10024) with ESMTP id x"
#define BY_OTHER "Received: from a.example (a.example [203.0.113.9]) by relay.example (Postfix) with ESMTPS id 4Z1"
#define BY_PICKUP "Received: by mx.example.net (Postfix, from userid 1000) id 4Z1"
#define FROM "From: a@example.org"

/* One message: who brings it, to which listener, and its first fields. */
struct given {
	const char *config, *client, *listener;
	bool local;
	const char *fields[FIELDS_MAX];
	enum returned returned;
	bool own_on_top, relayed;
};

#define NAMED "reinjection-daemons = { after-filter, \"other\" }\n"
static const struct given givens[] = {
	/* the recipe: listener and client, both */
	{ NAMED, "127.0.0.1", "after-filter", false, { OWN, BY_US, FROM }, RETURNED_KEPT, false, false },
	{ NAMED, "127.0.0.1", "other", false, { FROM, OWN }, RETURNED_KEPT, false, false },
	{ NAMED, "::1", "after-filter", false, { BY_FILTER, OWN, BY_US, FROM }, RETURNED_KEPT, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { BY_US, FROM }, RETURNED_UNJUDGED, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { FROM }, RETURNED_UNJUDGED, false, false },
	/* what a program of this host wrote in our name; a sender's word below our field takes nothing away */
	{ NAMED, "127.0.0.1", "after-filter", false, { BY_PICKUP, OWN, FROM }, RETURNED_NO, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { BY_FILTER, BY_PICKUP, OWN, BY_US, FROM }, RETURNED_NO, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { BY_PICKUP, FROM }, RETURNED_NO, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { OWN, BY_PICKUP, FROM }, RETURNED_KEPT, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { OWN, BY_US, BY_PICKUP, FROM }, RETURNED_KEPT, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { BY_US, OWN, BY_PICKUP, FROM }, RETURNED_KEPT, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { "Received: by relay.example (Postfix, from userid 0) id 4Z1", OWN, BY_US, FROM },
	    RETURNED_KEPT, false, false },
	/* one of them alone */
	{ NAMED, "203.0.113.9", "after-filter", false, { OWN, BY_US, FROM }, RETURNED_NO, true, false },
	{ NAMED, "203.0.113.9", "mx.example.net", false, { OWN, BY_US, FROM }, RETURNED_NO, true, false },
	{ NAMED, "127.0.0.1", "After-Filter", false, { OWN, BY_US, FROM }, RETURNED_TWICE, false, false },
	{ NAMED, "127.0.0.1", "after-filter2", false, { OWN, BY_US, FROM }, RETURNED_TWICE, false, false },
	{ NAMED, "127.0.0.1", "", false, { OWN, BY_US, FROM }, RETURNED_TWICE, false, false },
	{ NAMED, "127.0.0.1", NULL, false, { OWN, BY_US, FROM }, RETURNED_TWICE, false, false },
	{ NAMED "trusted-networks = {}", "127.0.0.1", "after-filter", false, { OWN, BY_US, FROM }, RETURNED_TWICE, false, false },
	{ NAMED, "unknown", "after-filter", false, { OWN, BY_US, FROM }, RETURNED_NO, true, false },
	{ NAMED, "127.0.0.1", "after-filter", true, { OWN, BY_US, FROM }, RETURNED_TWICE, false, false },
	/* a verdict is one in our name, undisguised */
	{ NAMED, "127.0.0.1", "after-filter", false, { "Authentication-Results: MX.example.net 1; spf=pass", FROM }, RETURNED_KEPT, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { "Authentication-Results: other.example; spf=pass", FROM }, RETURNED_UNJUDGED, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { "Authentication-Results: =?utf-8?q?mx.example.net?=; spf=pass", FROM },
	    RETURNED_UNJUDGED, false, false },
	{ NAMED, "127.0.0.1", "after-filter", false, { "X-Authentication-Results: mx.example.net; spf=pass", FROM }, RETURNED_UNJUDGED, false, false },
	/* without the recipe: by the newest Received fields of what a host of ours brings */
	{ "", "127.0.0.1", "mx.example.net", false, { OWN, BY_US, FROM }, RETURNED_TWICE, false, false },
	{ "", "127.0.0.1", "mx.example.net", false, { BY_FILTER, BY_US, FROM }, RETURNED_UNJUDGED, false, false },
	{ "", "127.0.0.1", "mx.example.net", false, { BY_FILTER, BY_FILTER, BY_FILTER, BY_US, FROM }, RETURNED_NO, false, false },
	{ "", "127.0.0.1", "mx.example.net", false, { FROM }, RETURNED_NO, false, false },
	{ "trusted-networks = {}", "127.0.0.1", "mx.example.net", false, { BY_US, FROM }, RETURNED_UNJUDGED, false, false },
	{ "", "203.0.113.9", "mx.example.net", false, { BY_US, FROM }, RETURNED_NO, false, false },
	{ "", "127.0.0.1", "mx.example.net", false, { "Received: by mx.example.net (Postfix, from userid 1000) id 4Z1", FROM }, RETURNED_NO, false, false },
	{ "", "127.0.0.1", "mx.example.net", true, { BY_US, FROM }, RETURNED_NO, false, false },
	{ "trusted-authserv-ids = { mx.example.net }", "127.0.0.1", "mx.example.net", false, { OWN, BY_US, FROM }, RETURNED_NO, false, false },
	/* where verdicts do not show, nobody can tell that there is none */
	{ "headers { authentication-results = no }", "127.0.0.1", "mx.example.net", false, { BY_US, FROM }, RETURNED_NO, false, false },
	{ "headers { in-dry-run = no }", "127.0.0.1", "mx.example.net", false, { BY_US, FROM }, RETURNED_NO, false, false },
	{ NAMED "headers { in-dry-run = no }", "127.0.0.1", "after-filter", false, { BY_US, FROM }, RETURNED_NO, false, false },
	/* by a relay that is trusted, from elsewhere */
	{ "", "127.0.0.1", "mx.example.net", false, { BY_OTHER, FROM }, RETURNED_NO, false, true },
	{ "", "127.0.0.1", "mx.example.net", false, { BY_FILTER, BY_OTHER, FROM }, RETURNED_NO, false, true },
	{ "", "127.0.0.1", "mx.example.net", true, { BY_OTHER, FROM }, RETURNED_NO, false, false },
	{ "", "203.0.113.9", "mx.example.net", false, { BY_OTHER, FROM }, RETURNED_NO, false, false },
	{ "trusted-authserv-ids = { relay.example }", "127.0.0.1", "mx.example.net", false,
	    { "Authentication-Results: relay.example; spf=pass", BY_OTHER, FROM }, RETURNED_NO, false, false },
	{ "trusted-authserv-ids = { relay.example }", "127.0.0.1", "mx.example.net", false,
	    { "Authentication-Results: other.example; spf=pass", BY_OTHER, FROM }, RETURNED_NO, false, true },
	{ "", "127.0.0.1", "mx.example.net", false, { "Received: by relay.example (Postfix, from userid 1000) id 4Z1", FROM }, RETURNED_NO, false, false },
	/* on top: above what senders write */
	{ "", "203.0.113.9", "mx.example.net", false, { OWN, FROM }, RETURNED_NO, true, false },
	{ "", "203.0.113.9", "mx.example.net", false, { "DKIM-Filter: x", "Authentication-Results: other.example; none", OWN, BY_US }, RETURNED_NO, true, false },
	{ "", "203.0.113.9", "mx.example.net", false, { "Received: from x by y", OWN, FROM }, RETURNED_NO, false, false },
	{ "", "203.0.113.9", "mx.example.net", false, { "dkim-signature: v=1", OWN, FROM }, RETURNED_NO, false, false },
};

static void set_fields(const struct given *given, struct facts *facts)
{
	struct header_field *fields = arena_calloc(arena, FIELDS_MAX, sizeof(*fields));

	for (facts->field_count = 0; facts->field_count < FIELDS_MAX && given->fields[facts->field_count] != NULL; facts->field_count++) {
		const char *text = given->fields[facts->field_count];
		size_t length = strcspn(text, ":");

		fields[facts->field_count] = (struct header_field){ .name = arena_strndup(arena, text, length), .name_length = length,
		    .value = text + length + 1, .value_length = strlen(text + length + 1), .occurrence = 1 };
	}
	facts->fields = fields;
}

static void test_beside_look(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(givens) / sizeof(givens[0]); i++) {
		const struct config *config = text_config(givens[i].config);
		struct facts_connection connection = { .daemon_name = givens[i].listener, .mta_hostname = "mx.example.net", .helo = "after-filter",
			.local_submission = givens[i].local };
		struct facts facts = { .arena = arena, .connection = &connection };
		struct beside seen;

		(void)addr_parse(givens[i].client, &connection.client);
		set_fields(&givens[i], &facts);
		beside_look(config, &facts, "mx.example.net", &seen);
		if (seen.returned != givens[i].returned || seen.own_on_top != givens[i].own_on_top || seen.relayed != givens[i].relayed)
			fail_msg("case %zu: %s%s%s", i, words_of(returned_words, (int)seen.returned), seen.own_on_top ? ", on top" : "",
			    seen.relayed ? ", relayed" : "");
		config_unref(&config);
	}
}

/* ---- namesakes ---------------------------------------------------------------------------------------------------- */

struct chain { const char *main_cf, *sendmail_cf, *opendkim, *opendmarc, *id; unsigned found; };

enum { DKIM = 1, DMARC = 2 };
#define MILTERS "myhostname = mx.example.net\nsmtpd_milters = unix:assay/assay.sock unix:opendkim/opendkim.sock, inet:localhost:8893\n"
#define SOCKET_DKIM "Socket local:/var/spool/postfix/opendkim/opendkim.sock\n"
#define SOCKET_DMARC "Socket inet:8893@localhost\n"

static const struct chain chains[] = {
	{ MILTERS, NULL, SOCKET_DKIM, SOCKET_DMARC, NULL, DKIM | DMARC },
	{ MILTERS, NULL, SOCKET_DKIM, SOCKET_DMARC, "MX.EXAMPLE.NET", DKIM | DMARC },
	{ MILTERS, NULL, SOCKET_DKIM, SOCKET_DMARC, "assay.example.net", 0 },
	{ MILTERS, NULL, SOCKET_DKIM "AuthservID assay.example.net\n", SOCKET_DMARC, "assay.example.net", DKIM },
	{ MILTERS, NULL, SOCKET_DKIM "AuthservID HOSTNAME\n", SOCKET_DMARC "AuthservID x\n", "host.example", DKIM },
	{ MILTERS, NULL, SOCKET_DKIM "Mode s\n", SOCKET_DMARC, NULL, DMARC },
	{ MILTERS, NULL, SOCKET_DKIM "Mode sv\n", NULL, NULL, DKIM },
	{ MILTERS, NULL, SOCKET_DKIM, "Socket inet:88931@localhost\n", NULL, DKIM },
	{ MILTERS, NULL, SOCKET_DKIM, "Socket inet:893@localhost\n", NULL, DKIM },
	/* the last setting counts, over continued lines and comments */
	{ MILTERS "smtpd_milters =\n", NULL, SOCKET_DKIM, SOCKET_DMARC, NULL, 0 },
	{ "smtpd_milters =\n# a comment\n\n  inet:localhost:8893\nmyhostname=mx.example.net", NULL, SOCKET_DKIM, SOCKET_DMARC, NULL, DMARC },
	{ "smtpd_milters_x = inet:localhost:8893\nnon_smtpd_milters = inet:localhost:8893\n", NULL, NULL, SOCKET_DMARC, NULL, 0 },
	{ "#smtpd_milters = inet:localhost:8893\n", NULL, NULL, SOCKET_DMARC, NULL, 0 },
	{ NULL, "Xopendkim, S=local:/run/opendkim/opendkim.sock, T=R:2m\nXf2, S=inet:8893@localhost\n", "Socket x\n", SOCKET_DMARC, NULL, DKIM | DMARC },
	{ NULL, "# opendkim inet:8893\n", SOCKET_DKIM, SOCKET_DMARC, NULL, 0 },
	{ NULL, NULL, SOCKET_DKIM, SOCKET_DMARC, NULL, 0 },
	{ "", "", "", "", NULL, 0 },
};

static struct namesake_text text_of(const char *text)
{
	return (struct namesake_text){ text, text != NULL ? strlen(text) : 0 };
}

static void test_namesakes_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		const struct namesake_files files = { text_of(chains[i].main_cf), text_of(chains[i].sendmail_cf),
			{ text_of(chains[i].opendkim), text_of(chains[i].opendmarc) } };
		struct namesake found[NAMESAKE_PROGRAMS];
		size_t count = namesakes_find(&files, chains[i].id, "host.example", arena, found);
		unsigned set = 0;

		for (size_t one = 0; one < count; one++)
			set |= found[one].which == NAMESAKE_OPENDKIM ? DKIM : DMARC;
		if (set != chains[i].found)
			fail_msg("case %zu: found %u", i, set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_beside_look, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_namesakes_find, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
