/* SPDX-License-Identifier: BSD-2-Clause */
/* Any octets as an SPF record and as an explanation: parsed, every domain-spec expanded, the bounds of the result checked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/spf/macro.h"
#include "check/spf/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *validated(void *context, const char *domain)
{
	(void)context;
	return domain[0] == 'e' ? "mx.example.org" : "unknown";
}

static const struct spf_macro_values values = {
	.client = { .family = AF_INET6, .bytes = { 0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4 } }, .sender_local = "strong-bad+x.\xff",
	.sender_domain = "email.example.com", .domain = "email.example.com", .helo = "HELO [x]", .receiver = "mx", .time_secs = -1,
	.validated_name = validated,
};

static void check_domain(const struct spf_term *term)
{
	char name[SPF_NAME_BYTES], presented[SPF_PRESENTATION_BYTES];

	if (term->domain == NULL || spf_macro_expand_domain(&values, term->domain, term->domain_length, name) != 0)
		return;
	if (strlen(name) > 253 || strlen(name) == 0 || !spf_name_askable(name) || strstr(name, "..") != NULL)
		abort();
	if (strlen(spf_name_present(name, presented)) < strlen(name))
		abort();
}

static void check_record(struct arena *arena, const char *text, size_t length)
{
	struct spf_record record;
	const char *why = NULL;
	int status = spf_record_parse(arena, text, length, &record, &why);

	if (status != 0 && why == NULL)
		abort();
	if (status != 0)
		return;
	for (size_t i = 0; i < record.term_count; i++) {
		const struct spf_term *term = &record.terms[i];

		if (term->text < text || term->text + term->text_length > text + length || term->prefix4 > 32 || term->prefix6 > 128
		    || spf_term_describe(arena, term)[0] == '\0')
			abort();
		check_domain(term);
	}
}

static void check_explanation(struct arena *arena, const char *text, size_t length)
{
	struct buf out = buf_make(arena);
	struct spf_macro_use use;

	if (spf_macro_check(text, length, true, &use) != 0)
		return;
	spf_macro_expand_text(&values, text, length, 450, &out);
	if (out.length > 450)
		abort();
	for (size_t i = 0; i < out.length; i++)
		if (out.data[i] < 0x20 || out.data[i] > 0x7e)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *text;

	if (size > SPF_RECORD_BYTES)
		size = SPF_RECORD_BYTES;
	text = arena_alloc(arena, size + 6);
	memcpy(text, "v=spf1", 6);
	if (size != 0)
		memcpy(text + 6, data, size);
	if (spf_record_is(text, size + 6))
		check_record(arena, text, size + 6);
	check_explanation(arena, (const char *)data, size);
	arena_free(&arena);
	return 0;
}
