/* SPDX-License-Identifier: BSD-2-Clause */
/* config/networks: does a list of networks leave anybody out? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arena_fixture.h"
#include "config/networks.h"

/* @param text  networks with a blank between. */
static bool everywhere(const char *text)
{
	struct ip_network items[32];
	struct network_list list = { items, 0 };
	char copy[1024], *rest = copy, *word;

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	while ((word = strsep(&rest, " ")) != NULL && word[0] != '\0')
		assert_int_equal(network_parse(word, &items[list.count++]), 0);
	return networks_are_everywhere(&list, arena);
}

static void test_networks_are_everywhere_in_pieces(void **state)
{
	static const char *const all[] = {
		"0.0.0.0/0", "::/0", "192.0.2.1 ::/0", "0.0.0.0/1 128.0.0.0/1", "128.0.0.0/1 2001:db8::/32 0.0.0.0/1", "::/1 8000::/1", "::/1 0.0.0.0/2",
		"0.0.0.0/2 64.0.0.0/2 128.0.0.0/1", "0.0.0.0/1 10.0.0.0/8 10.1.0.0/16 128.0.0.0/1 192.0.2.0/24",
		/* but for multicast and what is not allocated; but for private networks, 172.16.0.0/12 here; global unicast */
		"0.0.0.0/1 128.0.0.0/2 192.0.0.0/3",
		"0.0.0.0/1 128.0.0.0/3 160.0.0.0/5 168.0.0.0/6 172.0.0.0/12 172.32.0.0/11 172.64.0.0/10 172.128.0.0/9 173.0.0.0/8 174.0.0.0/7 "
		"176.0.0.0/4 192.0.0.0/2", "2000::/3", "2000::/4 3000::/4",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!everywhere(all[i]))
			fail_msg("%s", all[i]);
}

static void test_networks_are_everywhere_but_for_a_gap(void **state)
{
	static const char *const some[] = {
		"", "0.0.0.0/1", "128.0.0.0/1", "::/3 0.0.0.0/1", "0.0.0.0/1 8000::/1", "192.0.2.0/24", "2001:db8::/32", "10.0.0.0/8", "2000::/4",
		"fe80::/10", "0.0.0.0/1 128.0.0.0/2 192.0.0.0/4",
		/* 128.0.0.0/1 without 128.0.0.0/24 */
		"0.0.0.0/1 128.0.1.0/24 128.0.2.0/23 128.0.4.0/22 128.0.8.0/21 128.0.16.0/20 128.0.32.0/19 128.0.64.0/18 128.0.128.0/17 128.1.0.0/16 "
		"128.2.0.0/15 128.4.0.0/14 128.8.0.0/13 128.16.0.0/12 128.32.0.0/11 128.64.0.0/10 128.128.0.0/9 129.0.0.0/8 130.0.0.0/7 132.0.0.0/6 "
		"136.0.0.0/5 144.0.0.0/4 160.0.0.0/3 192.0.0.0/2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		if (everywhere(some[i]))
			fail_msg("%s", some[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_networks_are_everywhere_in_pieces, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_networks_are_everywhere_but_for_a_gap, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests_name("networks", tests, NULL, NULL);
}
