/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: ADSP records. Input: the text of one TXT record. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/adsp/record.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum adsp_practice practice;
	int status = adsp_record_parse((const char *)data, size, &practice);

	if (status != 0 && status != -E_ABSENT)
		abort();
	if (status == 0 && (size < 6 || memcmp(data, "dkim", 4) != 0))
		abort();
	if (status != 0 && practice != ADSP_UNKNOWN)
		abort();
	return 0;
}
