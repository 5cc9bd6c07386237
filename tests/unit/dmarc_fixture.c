/* SPDX-License-Identifier: BSD-2-Clause */
/* See dmarc_fixture.h. */
#include "dmarc_fixture.h"

#include <stddef.h>

struct check_fixture *judge_dmarc(const char *zone, const char *author, const char *spf, const char *dkim)
{
	struct check_fixture *fixture = fixture_new(zone);

	fixture_from(fixture, author);
	fixture_spf(fixture, spf != NULL ? RESULT_PASS : RESULT_FAIL, spf != NULL ? spf : "elsewhere.example", DNS_INSECURE);
	if (dkim != NULL)
		fixture_dkim(fixture, RESULT_PASS, dkim, DNS_INSECURE);
	fixture_run(fixture, &check_dmarc);
	return fixture;
}
