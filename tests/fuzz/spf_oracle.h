/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_SPF_ORACLE_H
#define ASSAY_TESTS_SPF_ORACLE_H
/*
 * A second evaluator of RFC 7208, for comparison only: the grammar as regular expressions, check_host() as a plain
 * recursion. Shares nothing with lib/check but the resolver's interface.
 */
#include "check/result.h"
#include "check/spf/spf.h"
#include "util/buf.h"

struct oracle_verdict {
	enum result result;
	char explanation[512];	/* "" for none */
};

void oracle_evaluate(const struct spf_request *request, struct dns_scope *scope, struct oracle_verdict *verdict_r);

#endif
