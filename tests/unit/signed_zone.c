/* SPDX-License-Identifier: BSD-2-Clause */
/* See signed_zone.h. */
#include "signed_zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

int signed_zone_setup(void **state)
{
	return world_setup(state, "zone.test.", LDNS_SIGN_ECDSAP256SHA256);
}

void serve_unsigned(struct world_fixture *f, const char *name, const char *nsec)
{
	struct reply *reply = reply_noerror(f->world, name, LDNS_RR_TYPE_DS);

	reply_add(reply, SECTION_AUTHORITY, nsec, f->tld);
	reply_serve(reply);
}
