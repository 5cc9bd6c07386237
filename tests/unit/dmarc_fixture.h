/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_DMARC_FIXTURE_H
#define ASSAY_TESTS_DMARC_FIXTURE_H
/* One message before the DMARC check. */
#include "check/dmarc/dmarc.h"
#include "check_fixture.h"

#define R "TXT \"v=DMARC1; "

#define FAILS "TYPE65280 \\# 0\n"

/** One message: zone, author domain, SPF and DKIM that pass (NULL: fail). */
struct check_fixture *judge_dmarc(const char *zone, const char *author, const char *spf, const char *dkim);

#endif
