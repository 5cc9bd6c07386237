/* SPDX-License-Identifier: BSD-2-Clause */
/* A reference in what somebody pasted: what is found has the form of one, and is found again when it stands alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char found[REFERENCE_BYTES], again[REFERENCE_BYTES];
	char *exact = malloc(size + 1);		/* nothing may be read behind it */

	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	exact = realloc(exact, size != 0 ? size : 1);
	if (exact == NULL)
		abort();
	if (reference_find(exact, size, found)) {
		if (strlen(found) != REFERENCE_BYTES - 1 || found[4] != '-' || found[9] != '-' ||
		    strspn(found, "0123456789abcdefghjkmnpqrstvwxyz-") != REFERENCE_BYTES - 1)
			abort();
		if (!reference_find(found, strlen(found), again) || strcmp(found, again) != 0)
			abort();
	}
	free(exact);
	return 0;
}
