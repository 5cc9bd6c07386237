/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The explanation of a fail (RFC 7208 section 6.2): the exp= of the record that decided, its one TXT record expanded.
 * The text goes into an SMTP reply, and both its author and the client's values in it are hostile: US-ASCII only, no
 * control octets, a cap; libspf2 is not used (an exp= text overflows its stack). Whatever is wrong with it means: no
 * explanation, the verdict stands. Its look-up counts against no limit. Thread: that of the arena; blocks for DNS.
 */
#include "check/spf/walk.h"

#include <string.h>

#include "util/buf.h"
#include "util/clean.h"

/* An SMTP reply line holds 512 octets with code and line end (RFC 5321 section 4.5.3.1.5). */
enum { EXPLANATION_BYTES = 450 };

/* The record whose verdict it was: redirect leads on, include does not (section 6.2). */
static const struct spf_frame *deciding_frame(const struct spf_walk *walk)
{
	const struct spf_frame *frame = walk->root;

	while (frame->record.redirect != NULL) {
		const struct spf_frame *next = frame->states[frame->record.redirect - frame->record.terms].child;

		if (next == NULL)	/* a mechanism matched before it */
			break;
		frame = next;
	}
	return frame;
}

static const char *text_expand(struct spf_walk *walk, const char *domain, const char *text, size_t length)
{
	struct spf_macro_values values = walk->values;
	struct buf out = buf_make(walk->arena);
	struct spf_macro_use use;

	if (length > SPF_RECORD_BYTES || spf_macro_check(text, length, true, &use) != 0)
		return NULL;
	values.domain = domain;
	spf_macro_expand_text(&values, text, length, EXPLANATION_BYTES, &out);
	return out.length != 0 ? out.data : NULL;
}

static const char *explanation_fetch(struct spf_walk *walk, const struct spf_frame *frame)
{
	char name[SPF_NAME_BYTES], presented[SPF_PRESENTATION_BYTES];
	const struct dns_answer *answer;
	const char *text;
	size_t length;

	if (frame->record.exp == NULL || (frame->record.exp->uses_sender && walk->sender_8bit)
	    || spf_walk_name(walk, frame, frame->record.exp, name) != 0)
		return NULL;
	answer = dns_wait_unnoted(walk->scope, spf_name_present(name, presented), DNS_TYPE_TXT);
	if (answer->status != DNS_STATUS_DATA || answer->rr_count != 1)
		return NULL;
	text = dns_rr_text(&answer->rrs[0], walk->arena, &length);
	return text != NULL ? text_expand(walk, frame->domain, text, length) : NULL;
}

static const char *text_sanitize(struct arena *arena, const char *text)
{
	struct buf out = buf_make(arena);

	clean_smtp(&out, text, EXPLANATION_BYTES);
	return out.length != 0 ? out.data : NULL;
}

const char *spf_explain(struct spf_walk *walk, const char *default_explanation)
{
	const struct spf_frame *frame = deciding_frame(walk);
	const char *text;

	walk->asking = NULL;
	text = explanation_fetch(walk, frame);
	if (text == NULL && default_explanation != NULL) {
		text = text_expand(walk, frame->domain, default_explanation, strlen(default_explanation));
		if (text == NULL)	/* the admin wrote plain text with a % in it */
			text = text_sanitize(walk->arena, default_explanation);
	}
	return text;
}
