/* SPDX-License-Identifier: BSD-2-Clause */
/* See spf_evaluate_fixture.h. */
#include "spf_evaluate_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct arena *arena;
struct dns_scope *scope;
struct spf_result result;

int spf_setup(void **state)
{
	(void)state;
	arena = arena_new();
	scope = fake_new();
	spf_handed_forget();
	return 0;
}

int spf_teardown(void **state)
{
	(void)state;
	fake_free(&scope);
	arena_free(&arena);
	return 0;
}

void put_txt(const char *name, const char *text)
{
	fake_add(scope, name, DNS_TYPE_TXT, text);
}

void put_address(const char *name, const char *address)
{
	fake_add(scope, name, strchr(address, ':') != NULL ? DNS_TYPE_AAAA : DNS_TYPE_A, address);
}

enum result judge_as(const char *client, const char *helo, const char *mail_from)
{
	struct spf_request request = { .helo = helo, .mail_from = mail_from, .receiver = "mx.receiver.example", .time_secs = 1 };

	assert_int_equal(addr_parse(client, &request.client), 0);
	spf_evaluate(&request, scope, arena, &result);
	assert_int_equal(result.result == RESULT_UNCHECKED, 0);
	assert_true(result.explanation == NULL || result.result == RESULT_FAIL);
	assert_non_null(result.reason);
	assert_null(strchr(result.reason, '\n'));
	return result.result;
}

enum result judge(const char *client)
{
	return judge_as(client, "helo.example.net", "user@example.org");
}

enum result judge_record(const char *record, const char *client)
{
	fake_free(&scope);
	scope = fake_new();
	spf_handed_forget();
	put_txt("example.org", record);
	return judge(client);
}
