/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of edits: which fields go, which come, and at which place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "action_fixture.h"

/* Deleting the first of two fields renumbers the second: the list goes from the highest down (CVE-2022-48521). */
static void test_action_edits_deletes_from_below(void **state)
{
	struct action_fixture *f = *state;
	struct edits edits;

	action_add_field(f, "Authentication-Results", " mx.example.net; spf=pass");
	action_add_field(f, "Authentication-Results", " other.example; spf=pass");
	action_add_field(f, "Subject", " mx.example.net; spf=pass");
	action_add_field(f, "AUTHENTICATION-results", " mx.example.net; dkim=pass");
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
	struct action_fixture *f = *state;
	struct edits edits;

	f->results.tls.checked = true;
	action_add_field(f, "Authentication-Results", " mx.example.net; x-tls=pass");
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
	return action_setup_with(state, "headers { unregistered-methods = omit }");
}

static void test_action_edits_second_field_omitted(void **state)
{
	struct action_fixture *f = *state;
	struct edits edits;

	f->results.tls.checked = true;
	action_add_field(f, "Authentication-Results", " mx.example.net; x-tls=pass");
	action_deletes(&f->input, &edits);
	action_inserts(&f->input, &edits);
	assert_int_equal(edits.count, 2);
	assert_int_equal(edits.items[0].kind, EDIT_DELETE);
	assert_string_equal(edits.items[1].value, " mx.example.net; none");
}

static int setup_quiet(void **state)
{
	return action_setup_with(state, "headers { in-dry-run = no }");
}

static void test_action_edits_dry_run_without_fields(void **state)
{
	struct action_fixture *f = *state;
	struct edits edits;

	action_add_field(f, "Authentication-Results", " mx.example.net; spf=pass");
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

/* No policy decided of an exempt message: the mode of the file says whether anything is written. */
static void test_action_edits_of_an_exempt_message(void **state)
{
	struct action_fixture *f = *state;
	struct edits edits;

	f->decision.policy = NULL;
	for (int enforced = 0; enforced < 2; enforced++) {
		f->decision.enforced = enforced != 0;
		action_deletes(&f->input, &edits);
		action_inserts(&f->input, &edits);
		assert_int_equal(edits.count, f->config->mode == MODE_ENFORCE);
	}
}

static int setup_quiet_enforcing(void **state)
{
	return action_setup_with(state, "mode = enforce headers { in-dry-run = no }");
}

/* Fields that were not kept stand behind those that were, and go from below. */
static void test_action_edits_deletes_what_was_not_kept(void **state)
{
	struct action_fixture *f = *state;
	struct edits edits;

	action_add_field(f, "Authentication-Results", " other.example; spf=pass");
	action_add_field(f, "Authentication-Results", " mx.example.net; spf=pass");
	f->facts.authres_unkept = 2;
	action_deletes(&f->input, &edits);
	assert_int_equal(edits.count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(edits.items[i].index, 4 - i);
	assert_int_equal(edits.left, 0);
}

static int setup_trusted(void **state)
{
	return action_setup_with(state, "trusted-networks = 192.0.2.0/24\ntrusted-authserv-ids = relay.example.net\nheaders { received-spf = yes }");
}

static void test_action_edits_trusted_relay(void **state)
{
	struct action_fixture *f = *state;
	struct edits edits;

	action_add_field(f, "Authentication-Results", " relay.example.net; spf=pass");
	action_add_field(f, "Authentication-Results", " mx.example.net; spf=pass");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_action_edits_deletes_from_below),
		TEST(test_action_edits_second_field),
		cmocka_unit_test_setup_teardown(test_action_edits_second_field_omitted, setup_omit, action_teardown),
		cmocka_unit_test_setup_teardown(test_action_edits_dry_run_without_fields, setup_quiet, action_teardown),
		cmocka_unit_test_setup_teardown(test_action_edits_of_an_exempt_message, setup_quiet, action_teardown),
		cmocka_unit_test_setup_teardown(test_action_edits_of_an_exempt_message, setup_quiet_enforcing, action_teardown),
		TEST(test_action_edits_deletes_what_was_not_kept),
		cmocka_unit_test_setup_teardown(test_action_edits_trusted_relay, setup_trusted, action_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
