/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields that somebody put on top of a signed message (RFC 6376 section 8.15). A signature covers, of each name in h=, as
 * many fields from the bottom as h= lists it; a mail program shows what stands on top. So a signature over one From and one
 * Subject stays good below another From and another Subject. Such a signature passes, as RFC 6376 wants it, and does not
 * count: result.h, dkim_result_counts(). And those that a signature leaves alone, so that they may be changed: they are told only.
 *
 * Only fields are looked at that a message may hold once (RFC 5322 section 3.6, RFC 2045 section 3) and that a mail program
 * shows or obeys. Those that relays and lists add honestly (Received, Resent-*, List-*, DKIM-Signature …) are not among them.
 * Pure. Thread: the message's. Trusts nothing of the header. The header is read once; a signature costs its h= only.
 */
#include "check/signature/added.h"

#include <string.h>
#include <strings.h>

#include "util/buf.h"

#define ONCE(name) { name, sizeof(name) - 1 }
static const struct { const char *name; size_t length; } once[DKIM_ONCE_COUNT] = {
	ONCE("From"), ONCE("Sender"), ONCE("Reply-To"), ONCE("To"), ONCE("Cc"), ONCE("Bcc"), ONCE("Date"), ONCE("Subject"),
	ONCE("Message-ID"), ONCE("In-Reply-To"), ONCE("References"), ONCE("MIME-Version"), ONCE("Content-Type"),
	ONCE("Content-Transfer-Encoding"), ONCE("Content-Disposition"), ONCE("Content-ID"),
};
#undef ONCE
enum { FROM = 0, TO = 3, DATE = 6, SUBJECT = 7, CONTENT_TYPE = 12 };

/* @return DKIM_ONCE_COUNT when the name is none of them. White space before the colon is obsolete syntax, but syntax. */
static size_t once_index(const char *name, size_t length)
{
	size_t i = 0;

	while (length > 0 && (name[length - 1] == ' ' || name[length - 1] == '\t'))
		length--;
	while (i < DKIM_ONCE_COUNT && (once[i].length != length || strncasecmp(once[i].name, name, length) != 0))
		i++;
	return i;
}

void dkim_added_count(const struct facts *facts, unsigned counts_r[DKIM_ONCE_COUNT])
{
	memset(counts_r, 0, DKIM_ONCE_COUNT * sizeof counts_r[0]);
	for (size_t i = 0; i < facts->field_count; i++) {
		size_t index = once_index(facts->fields[i].name, facts->fields[i].name_length);

		if (index < DKIM_ONCE_COUNT)
			counts_r[index]++;
	}
}

/* How often h= lists each of them. */
static void count_covered(const struct dkim_signature *signature, unsigned covered_r[DKIM_ONCE_COUNT])
{
	memset(covered_r, 0, DKIM_ONCE_COUNT * sizeof covered_r[0]);
	for (size_t i = 0; i < signature->name_count; i++) {
		size_t index = once_index(signature->names[i].text, signature->names[i].length);

		if (index < DKIM_ONCE_COUNT)
			covered_r[index]++;
	}
}

const char *dkim_unsigned_fields(struct arena *arena, const struct dkim_signature *signature,
    const unsigned counts[DKIM_ONCE_COUNT])
{
	static const size_t shown[] = { SUBJECT, DATE, TO, CONTENT_TYPE };
	unsigned covered[DKIM_ONCE_COUNT];
	struct buf buf = buf_make(arena);

	count_covered(signature, covered);
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		if (counts[shown[i]] != 0 && covered[shown[i]] == 0)
			buf_printf(&buf, "%s%s", buf.length != 0 ? ", " : "", once[shown[i]].name);
	return buf.length != 0 ? buf.data : NULL;
}

const char *dkim_added_field(const struct dkim_signature *signature, const unsigned counts[DKIM_ONCE_COUNT])
{
	unsigned covered[DKIM_ONCE_COUNT];

	/* no message has two: whichever a mail program shows, the signer meant one */
	if (counts[FROM] > 1)
		return once[FROM].name;
	count_covered(signature, covered);
	for (size_t i = 0; i < DKIM_ONCE_COUNT; i++)
		if (covered[i] != 0 && counts[i] > 1 && counts[i] > covered[i])
			return once[i].name;
	return NULL;
}
