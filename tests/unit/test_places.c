/* SPDX-License-Identifier: BSD-2-Clause */
/* In which zone a name was, and what the prefetch starts by that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "dnssec/internal.h"

static struct places *places_new(void)
{
	struct places *places = calloc(1, sizeof(*places));

	assert_non_null(places);
	places_init(places);
	return places;
}

static struct dns_name wire(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), 0);
	return name;
}

static void assert_zone(struct places *places, const char *text, const char *zone)
{
	struct dns_name name = wire(text), expected = wire(zone);

	assert_true(dns_wire_equal(places_zone(places, name.bytes), expected.bytes));
}

static void test_places_zone_is_the_name_until_it_is_known(void **state)
{
	struct places *places = places_new();
	struct dns_name mail = wire("_dmarc.mail.a.example"), zone = wire("a.example"), root = wire("."), other = wire("b.example");

	(void)state;
	assert_zone(places, "mail.a.example", "mail.a.example");
	places_note(places, mail.bytes, zone.bytes);
	assert_zone(places, "mail.a.example", "a.example");
	assert_zone(places, "a.example", "a.example");
	places_note(places, mail.bytes, other.bytes);	/* not above it */
	assert_zone(places, "mail.a.example", "a.example");
	places_note(places, mail.bytes, root.bytes);
	assert_zone(places, "mail.a.example", ".");
	free(places);
}

/* However many names come, one is taken for no zone but one above it. */
static void test_places_zone_of_any_name_is_above_it(void **state)
{
	struct places *places = places_new();
	struct dns_name zone = wire("example");
	char text[64];

	(void)state;
	for (unsigned i = 0; i < 3 * PLACES; i++) {
		struct dns_name name;

		snprintf(text, sizeof(text), "h.x%u.example", i);
		name = wire(text);
		places_note(places, name.bytes, zone.bytes);
		assert_true(dns_wire_is_within(name.bytes, places_zone(places, name.bytes)));
	}
	free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_zone_is_the_name_until_it_is_known),
		cmocka_unit_test(test_places_zone_of_any_name_is_above_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
