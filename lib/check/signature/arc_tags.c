/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tags in which the fields of ARC differ from a DKIM-Signature (RFC 8617 section 4.1). Steps of signature.c.
 * Thread: any. Trusts nothing.
 */
#include <strings.h>

#include "check/signature/reader.h"

/* i= of ARC (RFC 8617 section 4.2.1): 1*2DIGIT, 1 to 50. */
const char *dkim_read_arc_instance(struct dkim_reader *reader)
{
	const struct dkim_tag *tag = dkim_taglist_get(&reader->list, "i");
	uint64_t number;

	if (tag == NULL)
		return "i= is missing";
	if (tag->value_length > 2 || dkim_tag_number(tag, &number) != 0 || number < 1 || number > DKIM_INSTANCE_MAX)
		return "i= is not an instance";
	reader->signature->instance = (unsigned)number;
	return NULL;
}

/* An ARC-Seal says how it found the chain, and chooses neither what it covers nor in which form. */
const char *dkim_read_arc_seal(struct dkim_reader *reader)
{
	static const struct { const char *word; enum dkim_chain chain; } words[] = {
		{ "none", DKIM_CHAIN_NONE }, { "pass", DKIM_CHAIN_PASS }, { "fail", DKIM_CHAIN_FAIL },
	};
	const struct dkim_tag *tag = dkim_taglist_get(&reader->list, "cv");

	for (size_t i = 0; tag != NULL && i < sizeof words / sizeof words[0]; i++)
		if (dkim_tag_is(tag, words[i].word))
			reader->signature->chain = words[i].chain;
	if (dkim_taglist_get(&reader->list, "h") != NULL)
		return "h= stands in a seal";
	if (dkim_taglist_get(&reader->list, "bh") != NULL)
		return "bh= stands in a seal";
	reader->signature->header_relaxed = true;
	return reader->signature->chain != DKIM_CHAIN_UNREADABLE ? NULL : "cv= is not none, pass or fail";
}

/* Seals are covered by seals alone (section 4.1.2). */
const char *dkim_read_arc_message(struct dkim_reader *reader)
{
	const struct dkim_signature *signature = reader->signature;

	for (size_t i = 0; i < signature->name_count; i++)
		if (signature->names[i].length == 8 && strncasecmp(signature->names[i].text, "arc-seal", 8) == 0)
			return "h= names ARC-Seal";
	return NULL;
}
