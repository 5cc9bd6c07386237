/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: DMARC records. Input: the text of one TXT record. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/dmarc/record.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_tag(const struct dmarc_policy_tag *tag)
{
	check(!tag->valid || tag->present);
	check(tag->policy <= DMARC_POLICY_REJECT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct dmarc_record record;
	int status = dmarc_record_parse(arena, (const char *)data, size, &record);

	check(status == 0 || status == -E_ABSENT || status == -E_LIMIT);
	check_tag(&record.p);
	check_tag(&record.sp);
	check_tag(&record.np);
	check(!record.rua_valid || record.rua != NULL);
	check(record.repeated == NULL || status == -E_LIMIT || size > 2 * strlen(record.repeated));
	for (const char *p = record.rua; p != NULL && *p != '\0'; p++)
		check(*p >= ' ' && *p <= '~' && *p != ';');
	/* what counts as a record begins with its version */
	check(status == -E_ABSENT || (size >= 8 && (data[0] == 'v' || data[0] == 'V')));
	arena_free(&arena);
	return 0;
}
