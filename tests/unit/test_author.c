/* SPDX-License-Identifier: BSD-2-Clause */
/* author_parse(): what counts as the author domain, and the ways in which senders try to show another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena_fixture.h"
#include "message/author.h"

static struct author author;

static struct header_field field(const char *name, const char *value)
{
	return (struct header_field){ .name = name, .value = value, .name_length = strlen(name),
		.value_length = strlen(value), .occurrence = 1 };
}

static void parse_fields(const struct header_field *fields, size_t count, bool unkept)
{
	struct facts facts = { .arena = arena, .fields = fields, .field_count = count, .from_unkept = unkept };

	author_parse(&facts, &author);
}

static void parse_from(const char *value)
{
	struct header_field fields[] = { field("Subject", " x"), field("From", value), field("To", " c@to.example") };

	parse_fields(fields, 3, false);
}

static void assert_domains(const char *expected)
{
	char text[1000] = "";

	for (size_t i = 0; i < author.domain_count; i++) {
		if (i != 0)
			strcat(text, " ");
		strcat(text, author.domains[i]);
	}
	assert_string_equal(text, expected);
}

static void test_author_parse_one_address(void **state)
{
	(void)state;
	parse_from(" \"A. Uthor\" <A.Uthor@Example.ORG>");
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("example.org");
	assert_string_equal(author.address, "A.Uthor@Example.ORG");
	assert_null(author.reason);
	assert_int_equal(author.field_count, 1);
}

static void test_author_parse_field_name_case(void **state)
{
	struct header_field fields[] = { field("fROM", "a@b.example") };

	(void)state;
	parse_fields(fields, 1, false);
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("b.example");
}

static void test_author_parse_same_domain_twice_is_one(void **state)
{
	(void)state;
	parse_from(" a@b.example, c@B.EXAMPLE");
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("b.example");
}

static void test_author_parse_eai(void **state)
{
	(void)state;
	parse_from(" J\xc3\xbcrgen <j\xc3\xbcrgen@b\xc3\xbc" "cher.example>");
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("xn--bcher-kva.example");
	/* the same domain in both its forms is one domain */
	parse_from(" a@xn--bcher-kva.example, b@b\xc3\xbc" "cher.example");
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("xn--bcher-kva.example");
}

static void test_author_parse_several(void **state)
{
	struct header_field fields[] = { field("From", " a@one.example"), field("from", " b@two.example") };

	(void)state;
	parse_from(" a@one.example, b@two.example");
	assert_int_equal(author.status, AUTHOR_MULTIPLE);
	assert_domains("one.example two.example");
	parse_from(" Group: a@one.example, b@two.example;");
	assert_int_equal(author.status, AUTHOR_MULTIPLE);
	assert_domains("one.example two.example");
	parse_fields(fields, 2, false);
	assert_int_equal(author.status, AUTHOR_MULTIPLE);
	assert_int_equal(author.field_count, 2);
	assert_domains("one.example two.example");
	/* two fields are too many even when they agree */
	fields[1] = fields[0];
	parse_fields(fields, 2, false);
	assert_int_equal(author.status, AUTHOR_MULTIPLE);
	assert_domains("one.example");
}

static void test_author_parse_missing(void **state)
{
	struct header_field fields[] = { field("To", " a@one.example"), field("Sender", " b@two.example"),
		field("Resent-From", " c@three.example"), field("Fro", " x@y.example"), field("Fromm", " x@y.example") };

	(void)state;
	parse_fields(fields, 5, false);
	assert_int_equal(author.status, AUTHOR_MISSING);
	assert_domains("");
	assert_null(author.address);
	parse_from(" undisclosed:;");
	assert_int_equal(author.status, AUTHOR_MISSING);
	parse_from(" ");
	assert_int_equal(author.status, AUTHOR_MISSING);
	parse_from(" (A. Uthor)");
	assert_int_equal(author.status, AUTHOR_MISSING);
}

/* Sendmail makes a From field of the sender; the status stays what it is. */
static void test_author_parse_missing_takes_the_sender(void **state)
{
	struct header_field to = field("To", " a@one.example"), group = field("From", " undisclosed:;");
	struct facts facts = { .arena = arena, .fields = &to, .field_count = 1, .mail_from_domain = "sender.example" };

	(void)state;
	author_parse(&facts, &author);
	assert_int_equal(author.status, AUTHOR_MISSING);
	assert_domains("sender.example");
	assert_null(author.address);
	assert_string_equal(author.reason, "no From field");
	facts.fields = &group;
	author_parse(&facts, &author);
	assert_int_equal(author.status, AUTHOR_MISSING);
	assert_domains("");
}

/* Of these Sendmail makes an address with an "@" in what it delivers. */
static void test_author_parse_percent_and_bang(void **state)
{
	static const struct { const char *value, *domains; } rows[] = {
		{ " ceo%one.example", "one.example" }, { " one.example!ceo", "one.example" },
		{ " CEO <ceo%one.example>", "one.example" }, { " CEO <one.example!ceo>", "one.example" },
		{ " ceo % one.example", "one.example" }, { " one.example ! ceo", "one.example" },
		{ " ceo%two.example%one.example", "two.example one.example" },
		{ " one.example!two.example!ceo", "one.example two.example" },
		{ " one.example!ceo, news@two.example", "two.example one.example" },
		{ " =?utf-8?q?one.example!ceo?=", "one.example" },
		{ " Wow! 50%off", "" }, { " !!!%%%!%", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		parse_from(rows[i].value);
		assert_int_equal(author.status, AUTHOR_INVALID);
		assert_domains(rows[i].domains);
	}
	/* with an "@" nobody makes another address of it */
	parse_from(" ceo%one.example@two.example");
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("two.example");
	parse_from(" one.example!ceo@two.example");
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("two.example");
}

/* Each byte is looked at a few times: else this takes minutes. */
static void test_author_parse_many_percents_and_bangs(void **state)
{
	enum { COUNT = 300000 };
	static char text[COUNT + 1];

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		text[i] = "%!a"[i % 3];
	parse_from(text);
	assert_int_equal(author.status, AUTHOR_INVALID);
	memset(text, '%', COUNT);
	parse_from(text);
	memset(text, '!', COUNT);
	parse_from(text);
	assert_domains("");
}

/* A program that has no address to show shows the comment, or the name of the group. */
static void test_author_parse_no_address_but_shown_one(void **state)
{
	static const char *const values[] = { " (a@one.example)", " \"a@one.example\":;", " =?utf-8?q?a=40one.example?=:;" };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		parse_from(values[i]);
		assert_int_equal(author.status, AUTHOR_INVALID);
		assert_domains("one.example");
		assert_null(author.address);
	}
}

static void test_author_parse_invalid_lists_every_domain(void **state)
{
	static const struct { const char *value, *domains; } rows[] = {
		{ " a@good.example <b@evil.example>", "good.example evil.example" },
		{ " <b@evil.example> a@good.example", "evil.example good.example" },
		{ " a@good.example@evil.example", "good.example evil.example" },
		{ " a@evil.example>", "evil.example" },
		{ " a@evil.example> <b@good.example>", "evil.example good.example" },
		{ " \"open <a@evil.example>", "evil.example" },
		{ " (open <a@evil.example>", "evil.example" },
		{ " a@evil.example; b@good.example", "evil.example good.example" },
		{ " <@evil.example>", "evil.example" },
		{ " a@evil.example.", "evil.example" },
		{ " a@\"evil.example\"", "evil.example" },
		{ " a@ (x) evil.example <", "evil.example x xevil.example" },
		{ " [x] a@Evil.Example", "evil.example" },
		{ " caf\xe9 <a@evil.example>", "evil.example" },
		{ " root", "" },
		{ " <>", "" },
		{ " a@[192.0.2.1]", "" },
		{ " a@ex+mple.example", "ex exmple.example" },
		{ " a@[192.0.2.1], b@good.example", "good.example" },
		{ " x <a@b\xff.example>, c@d.example", "b b.example d.example xn--b-kha.example" },
		{ " a@evil(x).example <", "evil.example evil evilx.example" },
		{ " a@evil.example(x).good.example", "evil.example.good.example evil.example evil.examplex.good.example" },
		{ " a@[evil.example]", "evil.example" },
		{ " a@evil..example", "evil evil.example" },
		{ " a@evil.example\xc2\xa0", "evil.example" },
		{ " a\xef\xbc\xa0" "evil.example", "evil.example" },
		{ " a@ev\xe2\x80\x8dil.example", "ev evil.example" },
		{ " =?utf-8?q?a=40evil.example?=", "evil.example" },
		{ " =?utf-8?b?YUBldmlsLmV4YW1wbGU=?=", "evil.example" },
		{ " a@=?utf-8?q?evil?= =?utf-8?q?.example?=", "evil evil.example" },
		{ " =?utf-16be?b?AGEAQABlAHYAaQBsAC4AZQB4AGEAbQBwAGwAZQ==?=", "evil.example" },
		{ " =?utf-8?q?a?=@good.example", "good.example" },
		{ " <@evil.example:a@good.example>", "good.example evil.example" },
		{ " a@evil.example\001", "evil.example" },
		{ " a@b@victim.example", "victim.example" },
		{ " A <a@b@victim.example>", "victim.example" },
		{ " a@b@c@victim.example", "victim.example" },
		{ " a@b @ victim.example", "victim.example" },
		{ " <@b@victim.example:a@good.example>", "good.example victim.example" },
		{ " =?utf-8?q?a=40b=40victim.example?=", "victim.example" },
		{ " a@victim.example@b", "victim.example b" },
		{ " a@b\xe3\x80\x82" "example@victim.example", "b.example victim.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		parse_from(rows[i].value);
		if (author.status != AUTHOR_INVALID)
			fail_msg("not invalid:%s", rows[i].value);
		assert_non_null(author.reason);
		assert_domains(rows[i].domains);
	}
}

/* In the grammar, but some program shows what stands in the local part. */
static void test_author_parse_second_at(void **state)
{
	(void)state;
	parse_from(" \"a@evil.example\"@good.example");
	assert_int_equal(author.status, AUTHOR_MULTIPLE);
	assert_domains("evil.example good.example");
	parse_from(" a\xef\xbc\xa0" "evil.example@good.example");
	assert_int_equal(author.status, AUTHOR_MULTIPLE);
	assert_domains("evil.example good.example");
	parse_from(" \"a b\"@good.example");
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("good.example");
	parse_from(" \"a@b\"@good.example");
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("good.example");
	parse_from(" \"a@b@evil.example\"@good.example");
	assert_int_equal(author.status, AUTHOR_MULTIPLE);
	assert_domains("evil.example good.example");
}

static void test_author_parse_names_that_read_as_from(void **state)
{
	static const char *const names[] = { "From\t", "from \t", "FROM\r\n ", " From", "Fr\001om", "From\xc2\xa0",
		"\xef\xbb\xbf" "From" };
	static const char *const others[] = { "Fro", "Fromm", "F-rom", "Resent-From", "", " ", "X From" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct header_field fields[] = { field("From", " b@two.example"), field(names[i], " a@one.example") };

		parse_fields(fields, 2, false);
		assert_int_equal(author.status, AUTHOR_INVALID);
		assert_int_equal(author.field_count, 2);
		assert_domains("two.example one.example");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(facts_name_reads_as(others[i], strlen(others[i]), "From"));
}

static void test_author_parse_space_before_colon(void **state)
{
	struct header_field fields[] = { field("From ", " a@one.example"), field("From", " b@two.example") };

	(void)state;
	/* some programs read such a field and some do not */
	parse_fields(fields, 1, false);
	assert_int_equal(author.status, AUTHOR_INVALID);
	assert_domains("one.example");
	parse_fields(fields, 2, false);
	assert_int_equal(author.status, AUTHOR_INVALID);
	assert_int_equal(author.field_count, 2);
	assert_domains("one.example two.example");
}

static void test_author_parse_one_bad_field_of_two(void **state)
{
	struct header_field fields[] = { field("From", " a@one.example"), field("From", " b@two.example <") };

	(void)state;
	parse_fields(fields, 2, false);
	assert_int_equal(author.status, AUTHOR_INVALID);
	assert_domains("one.example two.example");
}

static void test_author_parse_nul(void **state)
{
	struct header_field nul = { .name = "From", .name_length = 4, .value = " a@good.example\0<b@evil.example>",
		.value_length = 32 };

	(void)state;
	parse_fields(&nul, 1, false);
	assert_int_equal(author.status, AUTHOR_INVALID);
	assert_domains("good.example evil.example good.exampleb");	/* the last without NUL and bracket */
}

static void test_author_parse_unkept_fields_are_not_trusted(void **state)
{
	struct header_field fields[] = { field("From", " a@one.example") };

	(void)state;
	parse_fields(fields, 1, true);
	assert_int_equal(author.status, AUTHOR_INVALID);
	assert_domains("one.example");
}

static void test_author_parse_domains_are_capped(void **state)
{
	enum { COUNT = 10000 };
	static char text[COUNT * 20];
	size_t used = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++)
		used += (size_t)sprintf(text + used, "%sa@d%u.example", i != 0 ? "," : "", i);
	parse_from(text);
	assert_int_equal(author.status, AUTHOR_INVALID);
	assert_int_equal(author.domain_count, AUTHOR_MAX_DOMAINS);
	assert_true(author.domains_truncated);
	assert_string_equal(author.domains[9], "d9.example");
}

static void test_author_parse_ten_domains_are_not_truncated(void **state)
{
	(void)state;
	parse_from("a@0.x, a@1.x, a@2.x, a@3.x, a@4.x, a@5.x, a@6.x, a@7.x, a@8.x, a@9.x, b@0.x");
	assert_int_equal(author.domain_count, 10);
	assert_false(author.domains_truncated);
}

static void test_author_parse_huge_local_part(void **state)
{
	static char text[100000];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 11, "@b.example", 11);
	parse_from(text);
	assert_int_equal(author.status, AUTHOR_OK);
	assert_domains("b.example");
	assert_true(strlen(author.address) < 1000);
}

static void test_facts_field_is_case_insensitive(void **state)
{
	struct header_field fields[] = { field("List-Id", " one"), field("X", " 2"), field("LIST-ID", " three") };
	struct facts facts = { .arena = arena, .fields = fields, .field_count = 3 };

	(void)state;
	assert_ptr_equal(facts_field(&facts, "list-id"), &fields[0]);
	assert_int_equal(facts_field_count(&facts, "List-ID"), 2);
	assert_null(facts_field(&facts, "List-I"));
	assert_null(facts_field(&facts, "List-Idx"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_author_parse_one_address),
		cmocka_unit_test(test_author_parse_field_name_case),
		cmocka_unit_test(test_author_parse_same_domain_twice_is_one),
		cmocka_unit_test(test_author_parse_eai),
		cmocka_unit_test(test_author_parse_several),
		cmocka_unit_test(test_author_parse_missing),
		cmocka_unit_test(test_author_parse_missing_takes_the_sender),
		cmocka_unit_test(test_author_parse_percent_and_bang),
		cmocka_unit_test(test_author_parse_many_percents_and_bangs),
		cmocka_unit_test(test_author_parse_invalid_lists_every_domain),
		cmocka_unit_test(test_author_parse_no_address_but_shown_one),
		cmocka_unit_test(test_author_parse_second_at),
		cmocka_unit_test(test_author_parse_names_that_read_as_from),
		cmocka_unit_test(test_author_parse_space_before_colon),
		cmocka_unit_test(test_author_parse_one_bad_field_of_two),
		cmocka_unit_test(test_author_parse_nul),
		cmocka_unit_test(test_author_parse_unkept_fields_are_not_trusted),
		cmocka_unit_test(test_author_parse_domains_are_capped),
		cmocka_unit_test(test_author_parse_ten_domains_are_not_truncated),
		cmocka_unit_test(test_author_parse_huge_local_part),
		cmocka_unit_test(test_facts_field_is_case_insensitive),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
