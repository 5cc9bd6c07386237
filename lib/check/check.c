/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of checks. Its order is the order of judgement: memory reads the results of iprev and tls, dmarc those
 * of spf and dkim, adsp those of dkim.
 * Thread: any; constant.
 */
#include "check/check.h"

const struct check *const checks_table[CHECK_COUNT] = {
	[CHECK_IPREV] = &check_iprev,
	[CHECK_TLS] = &check_tls,
	[CHECK_MEMORY] = &check_memory,
	[CHECK_AUTH] = &check_auth,
	[CHECK_SPF] = &check_spf,
	[CHECK_AUTHOR] = &check_author,
	[CHECK_DKIM] = &check_dkim,
	[CHECK_DMARC] = &check_dmarc,
	[CHECK_ADSP] = &check_adsp,
	[CHECK_PATH] = &check_path,
};
