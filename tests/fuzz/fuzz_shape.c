/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: shapes of domains, as the record may hold them. Input: the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns.h"
#include "resolver/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct shape_question question;
	const char *at = text;
	unsigned count = 0;
	bool names = true;
	int code;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	while ((code = shape_next(&at, &question)) == 1) {
		count++;
		names = names && dns_name_valid(question.name);
		if (!shape_has_type(question.type) || strlen(question.name) == 0 || at > text + size)
			abort();
	}
	if (shape_is_valid(text) != (code == 0 && names && count <= SHAPE_QUESTIONS && strlen(text) <= SHAPE_TEXT_BYTES))
		abort();
	free(text);
	return 0;
}
