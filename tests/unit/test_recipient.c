/* SPDX-License-Identifier: BSD-2-Clause */
/* Places of recipients: what the MTA resolved, what the client's text says by itself, and what nobody can tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "message/recipient.h"

struct row {
	const char *given;
	const char *address, *host;	/* the MTA's; NULL: it does not say */
	enum recipient_where where;
	const char *domain;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena *arena = arena_new();
		struct recipient_route route = { rows[i].address, rows[i].host };
		struct recipient_place place = recipient_find_place(arena, rows[i].given, rows[i].address != NULL ? &route : NULL);

		if (place.where != rows[i].where)
			fail_msg("%s: where is %d, not %d", rows[i].given, (int)place.where, (int)rows[i].where);
		if (rows[i].domain == NULL)
			assert_null(place.domain);
		else
			assert_string_equal(place.domain, rows[i].domain);
		arena_free(&arena);
	}
}

static void test_recipient_find_place_as_given(void **state)
{
	static const struct row rows[] = {
		{ "ann@rcpt.example", NULL, NULL, RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "ann@RCPT.Example.", NULL, NULL, RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "\"ann lee\"@rcpt.example", NULL, NULL, RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "ann+x=y@rcpt.example", NULL, NULL, RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "ann", NULL, NULL, RECIPIENT_LOCAL, NULL },
		{ "postmaster", NULL, NULL, RECIPIENT_LOCAL, NULL },
		{ "ann@localhost", NULL, NULL, RECIPIENT_LOCAL, "localhost" },
		{ "c%rcpt.example", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "c%rcpt.example@other.example", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "rcpt.example!c", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "rcpt.example!c@other.example", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "\"d@rcpt.example\"", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "\"d@rcpt.example\"@other.example", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "@relay.example:ann@rcpt.example", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "@relay.example,@b.example:ann@rcpt.example", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "ann@[192.0.2.1]", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "ann@rcpt..example", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "ann@", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "@rcpt.example", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
		{ "", NULL, NULL, RECIPIENT_UNKNOWN, NULL },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_recipient_find_place_as_resolved(void **state)
{
	static const struct row rows[] = {
		/* Postfix: always with a domain */
		{ "ann@rcpt.example", "ann@rcpt.example", "mx.example", RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "c%rcpt.example", "c@rcpt.example", "mx.example", RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "\"d@rcpt.example\"", "d@rcpt.example", "mx.example", RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "@relay.example:ann@rcpt.example", "ann@rcpt.example", "mx.example", RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "\"d@rcpt.example\"@other.example", "d@rcpt.example@other.example", "other.example", RECIPIENT_AT_DOMAIN,
		  "other.example" },
		{ "ann@[192.0.2.1]", "ann@[192.0.2.1]", "mx.example", RECIPIENT_UNKNOWN, NULL },
		{ "ann", "ann@mx.example", "mx.example", RECIPIENT_LOCAL, "mx.example" },
		{ "\"ann+x:y\"", "ann+x:y@mx.example", "mx.example", RECIPIENT_LOCAL, "mx.example" },
		{ "ann@localhost", "ann@localhost", "mx.example", RECIPIENT_LOCAL, "localhost" },
		{ "ann@old.example", "ann@rcpt.example", "mx.example", RECIPIENT_AT_DOMAIN, "rcpt.example" },
		/* Sendmail: a mailbox of its own is the user alone, and has no host */
		{ "ann@rcpt.example", "ann", "", RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "ann", "ann", NULL, RECIPIENT_LOCAL, NULL },
		{ "c%rcpt.example@mx.example", "c", "", RECIPIENT_LOCAL, NULL },
		{ "\"d@rcpt.example\"", "d", "", RECIPIENT_LOCAL, NULL },
		{ "c%rcpt.example@mx.example", "c", "next.example", RECIPIENT_UNKNOWN, NULL },
		{ "c%rcpt.example@mx.example", "c%rcpt.example", "", RECIPIENT_UNKNOWN, NULL },
		{ "c%rcpt.example@mx.example", "c@rcpt.example.", "next.example.", RECIPIENT_AT_DOMAIN, "rcpt.example" },
		/* said to say nothing */
		{ "ann@rcpt.example", "", "", RECIPIENT_AT_DOMAIN, "rcpt.example" },
		{ "c%rcpt.example", "", "", RECIPIENT_UNKNOWN, NULL },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recipient_find_place_as_given),
		cmocka_unit_test(test_recipient_find_place_as_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
