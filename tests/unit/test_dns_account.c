/* SPDX-License-Identifier: BSD-2-Clause */
/* What one message may ask: shares by purpose; who still waits for an entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/account.h"
#include "resolver/cache.h"

static struct dns_name named(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), 0);
	return name;
}

static void test_each_purpose_has_its_share(void **state)
{
	struct account *account = account_new(&(struct dns_limits){ .max_lookups = 100, .max_queries = 200, .by_purpose = true });
	struct account_share *spf = account_share(account, DNS_FOR_SPF), *author = account_share(account, DNS_FOR_AUTHOR);
	unsigned lookups = 0, queries = 0, sum = 0;

	(void)state;
	while (account_take_lookup(spf))
		lookups++;
	while (account_try_query(account, spf, false))
		queries++;
	assert_int_equal(lookups, 24);
	assert_int_equal(queries, 48);
	assert_false(account_try_query(account, spf, false));
	for (queries = 0; account_try_query(account, author, true); queries++)
		;
	assert_int_equal(queries, 27);	/* two fifths of 66 */
	assert_true(spf->exceeded);
	assert_false(author->exceeded);
	assert_true(account_take_lookup(author) && account_take_query(account, author));
	account_return_query(account, spf);
	assert_true(account_take_query(account, spf));
	assert_false(account_take_query(account, spf));
	for (unsigned i = 0; i < DNS_FOR_GUESS; i++)
		sum += account_share(account, (enum dns_purpose)i)->max_queries;
	assert_int_equal(sum, 200);
	account_unref(&account);
}

/* Guesses, which come first, and all others at their maxima leave the author domains what is theirs, within the whole. */
static void test_author_has_its_share_whatever_was_guessed(void **state)
{
	struct account *account = account_new(&(struct dns_limits){ .max_lookups = 100, .max_queries = 200, .by_purpose = true });
	struct account_share *author = account_share(account, DNS_FOR_AUTHOR), *guess = account_share(account, DNS_FOR_GUESS);
	unsigned early = 0, others = 0, queries = 0;

	(void)state;
	while (early < 10 && account_take_query(account, author))
		early++;
	while (account_take_query(account, guess))
		others++;
	assert_int_equal(others, 20);
	for (unsigned i = DNS_FOR_AUTHOR + 1; i < DNS_FOR_GUESS; i++)
		while (account_take_query(account, account_share(account, (enum dns_purpose)i)))
			others++;
	assert_int_equal(others, 200 - 66);
	while (account_take_query(account, author))
		queries++;
	assert_int_equal(early + queries, 66);
	account_unref(&account);
}

static void test_without_purposes_all_share_one(void **state)
{
	struct account *account = account_new(&(struct dns_limits){ .max_lookups = 3 });

	(void)state;
	assert_ptr_equal(account_share(account, DNS_FOR_SPF), account_share(account, DNS_FOR_CLIENT));
	assert_true(account_take_lookup(account_share(account, DNS_FOR_SPF)));
	assert_true(account_take_lookup(account_share(account, DNS_FOR_DKIM)));
	assert_true(account_take_lookup(account_share(account, DNS_FOR_AUTHOR)));
	assert_false(account_take_lookup(account_share(account, DNS_FOR_AUTHOR)));
	for (unsigned i = 0; i < 100000; i++)	/* 0: any number */
		assert_true(account_take_query(account, account_share(account, DNS_FOR_SPF)));
	account_unref(&account);
}

/* Who asks twice (a key that is begun early, and waited for) is one all the same; a stranger is another, and may stay alone. */
static void test_who_asks_twice_is_one(void **state)
{
	struct cache *cache = cache_new(65536);
	struct dns_name name = named("key.example");
	struct cache_entry *entry, *held;
	int maker, stranger;
	bool made;

	(void)state;
	entry = cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &maker, true, &made);
	assert_true(made);
	held = entry;	/* as the query does */
	cache_retain(held);
	assert_ptr_equal(cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &maker, true, &made), entry);
	assert_ptr_equal(cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &stranger, true, &made), entry);
	assert_false(cache_withdraw(entry, true));
	assert_false(cache_leave(entry, &maker));
	assert_false(cache_leave(entry, &maker));
	assert_false(cache_withdraw(entry, true));
	assert_ptr_equal(cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &maker, true, &made), entry);
	assert_ptr_equal(cache_acquire(cache, &name, DNS_TYPE_TXT, 0, &maker, true, &made), entry);
	assert_false(cache_leave(entry, &stranger));
	assert_false(cache_withdraw(entry, false));
	assert_true(cache_withdraw(entry, true));
	for (unsigned i = 0; i < 6; i++) {
		struct cache_entry *reference = held;

		cache_release(&reference);
	}
	cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_purpose_has_its_share),
		cmocka_unit_test(test_author_has_its_share_whatever_was_guessed),
		cmocka_unit_test(test_without_purposes_all_share_one),
		cmocka_unit_test(test_who_asks_twice_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
