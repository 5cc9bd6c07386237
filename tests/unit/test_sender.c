/* SPDX-License-Identifier: BSD-2-Clause */
/* The address of MAIL. What MTAs made of these was seen (tests/flow/envelopes.json); "ours" stands for a domain of the MTA itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "message/sender.h"

struct row {
	const char *given, *resolved;	/* NULL: the MTA does not say */
	const char *address;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena *arena = arena_new();
		const char *address = sender_find_address(arena, rows[i].given, rows[i].resolved);

		if (strcmp(address, rows[i].address) != 0)
			fail_msg("%s: %s, not %s", rows[i].given, address, rows[i].address);
		arena_free(&arena);
	}
}

/* As it stands, whatever the MTA makes of it. */
static void test_sender_plain(void **state)
{
	static const struct row rows[] = {
		{ "<a@b.example>", NULL, "a@b.example" },
		{ "<a@b.example>", "x@other.example", "a@b.example" },
		{ "a@B.Example.", "a@b.example", "a@B.Example." },
		{ "", NULL, "" },
		{ "<>", "", "" },
		{ "<a>", "a@mx.ours.example", "a" },
		{ "<\"a@c.example\"@b.example>", "\"a@c.example\"@b.example", "\"a@c.example\"@b.example" },
		{ "<\" <a>,(\"@b.example>", NULL, "\" <a>,(\"@b.example" },
		{ "<a@c.example@b.example>", "\"a@c.example\"@b.example", "a@c.example@b.example" },
		{ "<a\\ b@b.example>", NULL, "a\\ b@b.example" },
		{ "<a%c.example@ours.example>", "a@c.example", "a%c.example@ours.example" },
		{ "<c.example!a@ours.example>", "a@c.example", "c.example!a@ours.example" },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* Without @: a domain that the client wrote counts, one that the MTA has put there does not. */
static void test_sender_of_a_path(void **state)
{
	static const struct row rows[] = {
		{ "<a%c.example>", "a@c.example", "a@c.example" },
		{ "<c.example!a>", "a@c.example", "a@c.example" },
		{ "<a%c.example>", NULL, "a%c.example" },
		{ "<a%x>", "a%x@mx.ours.example", "a%x" },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_sender_in_the_grammar(void **state)
{
	static const struct row rows[] = {
		{ "< a@b.example >", NULL, "a@b.example" },
		{ "<a@ b . example>", NULL, "a@b.example" },
		{ "<a . b@b.example>", "a.b@b.example", "a.b@b.example" },
		{ "(<c@d.example>)<a@b.example>", NULL, "a@b.example" },
		{ "<a@b.example>(@d.example)", NULL, "a@b.example" },
		{ "<@r.example,@s.example:a@b.example>", NULL, "a@b.example" },
		{ "<a@[IPv6:2001:db8::1]>", NULL, "a@[IPv6:2001:db8::1]" },
		{ "< a%c.example@ours.example >", "a@c.example", "a%c.example@ours.example" },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* Neither: the MTA's word, but not where it may be of a route; without one no domain is found where another @ may count. */
static void test_sender_that_cannot_be_read(void **state)
{
	static const struct row rows[] = {
		{ "<c@d.example>@b.example", "c@d.example", "c@d.example" },
		{ "<c@d.example>@b.example", NULL, "<<c@d.example>@b.example>" },
		{ "<a@b.example>x", "a@b.example", "a@b.example" },
		{ "<a@b.example>,<c@d.example>", "c@d.example", "c@d.example" },
		{ "<<a@b.example>>", "a@b.example", "a@b.example" },
		{ "<<>>", "", "" },
		{ "<\"a@b.example>", NULL, "\"a@b.example" },
		{ "<\"\"\"@b.example>", NULL, "\"\"\"@b.example" },
		{ "<\"a\" b=\"c\"@b.example>", NULL, "\"a\" b=\"c\"@b.example" },
		{ "<\"a@b.example>", "a@b.example", "a@b.example" },
		{ "<\"c@d.example>@b.example", NULL, "<<\"c@d.example>@b.example>" },
		{ "<<a%c.example@ours.example>>", "a@c.example", "<<a%c.example@ours.example>>" },
		{ "<<a%b%c.example@ours.example>>", "a%b@c.example", "<<a%b%c.example@ours.example>>" },
		{ "<<a%c.example@b.example>>", "a%c.example@b.example", "a%c.example@b.example" },
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sender_plain),
		cmocka_unit_test(test_sender_of_a_path),
		cmocka_unit_test(test_sender_in_the_grammar),
		cmocka_unit_test(test_sender_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
