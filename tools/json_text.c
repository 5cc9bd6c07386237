/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from anywhere as a JSON string. Trusts nothing of it; cannot fail. */
#include "json_text.h"

#include "util/buf.h"

json_t *json_text(struct arena *arena, const char *text)
{
	struct buf clean = buf_make(arena);
	json_t *string;

	if (text == NULL)
		return json_null();
	string = json_string(text);
	if (string != NULL)
		return string;
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 128)
			buf_putc(&clean, *text);
		else
			buf_printf(&clean, "\\x%02x", c);
	}
	return json_string(clean.data);
}
