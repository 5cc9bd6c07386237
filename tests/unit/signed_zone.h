/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_SIGNED_ZONE_H
#define ASSAY_TESTS_SIGNED_ZONE_H
/* zone.test. below a signed tld and root. */
#include "dnssec_world.h"

#define CASE(name) cmocka_unit_test_setup_teardown(name, signed_zone_setup, world_teardown)

int signed_zone_setup(void **state);

/** An unsigned delegation of tld: the proof that it has no DS. */
void serve_unsigned(struct world_fixture *f, const char *name, const char *nsec);

#endif
