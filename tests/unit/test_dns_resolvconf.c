/* SPDX-License-Identifier: BSD-2-Clause */
/* Which servers are taken from the system's files, with systemd-resolved's stubs among them and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "resolver/resolvconf.h"
#include "scratch.h"

static char path[SCRATCH_BYTES], uplinks[SCRATCH_BYTES];
static unsigned asked;

static int setup(void **state)
{
	(void)state;
	scratch_file(path);
	scratch_file(uplinks);
	return 0;
}

static void put(const char *file, const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static bool yes(const struct dns_server *server)
{
	char text[ADDR_TEXT_BYTES];

	asked++;
	assert_string_equal(addr_format(&server->addr, text), "127.0.0.54");
	assert_int_equal(server->port, 53);
	return true;
}

static bool no(const struct dns_server *server)
{
	return !yes(server);
}

struct row {
	const char *resolvconf, *uplinks;
	bool (*answers)(const struct dns_server *server);
	const char *servers;		/* wanted, each with a blank behind */
	const char *note;		/* a word of it; NULL: none is wanted */
};

static const struct row rows[] = {
	{ "nameserver 192.0.2.1\nnameserver 127.0.0.53\n", "", yes, "192.0.2.1 127.0.0.53 ", NULL },
	{ "nameserver 127.0.0.1\n", "", yes, "127.0.0.1 ", NULL },
	{ "# stub\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n", "nameserver 192.0.2.7\n", yes, "127.0.0.54 ", "second stub" },
	{ "nameserver 127.0.0.53\n", "nameserver 192.0.2.7\nnameserver 2001:db8::7\n", no, "192.0.2.7 2001:db8::7 ", "resolv.conf are asked" },
	{ "nameserver 127.0.0.53\n", "", no, "127.0.0.53 ", NULL },
	{ "nameserver 127.0.0.53\nnameserver 127.0.0.53\n", "", yes, "127.0.0.54 ", "second stub" },
	{ "", "nameserver 192.0.2.7\n", yes, "", NULL },
};

static void test_resolvconf_choose(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct resolvconf_source source = { path, uplinks, rows[i].answers };
		char text[ADDR_TEXT_BYTES], got[200] = "";
		struct dns_server servers[8];
		const char *note;
		size_t count;

		put(path, rows[i].resolvconf);
		put(uplinks, rows[i].uplinks);
		count = resolvconf_choose(&source, servers, 8, &note);
		for (size_t s = 0; s < count; s++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", addr_format(&servers[s].addr, text));
		assert_string_equal(got, rows[i].servers);
		assert_true((note != NULL) == (rows[i].note != NULL));
		if (note != NULL)
			assert_non_null(strstr(note, rows[i].note));
	}
	assert_int_equal(asked, 4);
}

static void test_resolvconf_answers(void **state)
{
	struct fake_dns *server = fake_dns_start(". SOA a. b. 1 2 3 4 5\n", NULL, NULL);
	struct dns_server address = fake_dns_address(server);

	(void)state;
	assert_true(resolvconf_answers(&address));
	fake_dns_stop(&server);
	assert_false(resolvconf_answers(&address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolvconf_choose), cmocka_unit_test(test_resolvconf_answers),
	};

	return cmocka_run_group_tests_name("dns_resolvconf", tests, setup, NULL);
}
