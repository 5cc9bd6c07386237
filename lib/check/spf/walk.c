/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of one SPF evaluation: limits counted over all records of the check, names expanded, answers fetched and
 * their security noted. The front (front.c) asks here on libspf2's behalf. Answers come from the network; names in
 * them stay in presentation form. A look-up that failed ends the evaluation with temperror, but for the client's own
 * names, where RFC 7208 section 5.5 says to go on. Thread: that of the arena.
 */
#include "check/spf/walk.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "util/buf.h"
#include "util/domain.h"
#include "util/error.h"

void spf_walk_fail(struct spf_walk *walk, enum result error, const char *format, ...)
{
	va_list arguments;

	if (walk->error != RESULT_UNCHECKED)
		return;
	walk->error = error;
	va_start(arguments, format);
	walk->reason = arena_vprintf(walk->arena, format, arguments);
	va_end(arguments);
}

int spf_walk_name(struct spf_walk *walk, const struct spf_frame *frame, const struct spf_term *term, char *name_r)
{
	struct spf_macro_values values = walk->values;

	values.domain = frame->domain;
	if (term->domain != NULL)
		return spf_macro_expand_domain(&values, term->domain, term->domain_length, name_r);
	strcpy(name_r, frame->domain);	/* came out of spf_macro_expand_domain() or the identity check: it fits */
	return 0;
}

bool spf_target_is_personal(const struct spf_target *target)
{
	const struct spf_term *term = target->term;

	return target->frame != NULL && (target->frame->personal ||
	    (term != NULL && term->domain != NULL && memchr(term->domain, '%', term->domain_length) != NULL));
}

bool spf_walk_count(struct spf_walk *walk, struct spf_target *target)
{
	target->state->evaluated = true;
	walk->asking = target;
	if (++walk->term_count <= SPF_MAX_TERMS)
		return true;
	spf_walk_fail(walk, RESULT_PERMERROR, "over %d DNS look-ups at %s of %s", SPF_MAX_TERMS,
	    spf_term_describe(walk->arena, target->term), target->frame->domain);
	return false;
}

static void security_note(struct spf_walk *walk, const struct dns_answer *answer)
{
	walk->security = walk->answered ? dns_weakest(walk->security, answer->security) : answer->security;
	walk->answered = true;
}

const struct dns_answer *spf_walk_ask_presented(struct spf_walk *walk, const char *name, uint16_t type)
{
	const struct dns_answer *answer = (walk->personal ? dns_wait_unnoted : dns_wait)(walk->scope, name, type);
	char type_text[16];

	security_note(walk, answer);
	if (answer->status != DNS_STATUS_FAIL)
		return answer;
	/* RFC 7208 section 4.6.4: who makes us ask for more than that is in error, and waiting changes nothing */
	spf_walk_fail(walk, answer->failure == DNS_FAILURE_LIMIT ? RESULT_PERMERROR : RESULT_TEMPERROR, "%s of %s: %s",
	    dns_type_name(type, type_text), name, answer->why);
	return NULL;
}

const struct dns_answer *spf_walk_ask(struct spf_walk *walk, const char *name, uint16_t type)
{
	char text[SPF_PRESENTATION_BYTES];

	return spf_walk_ask_presented(walk, spf_name_present(name, text), type);
}

/*
 * Section 4.6.4 limits the terms "for which DNS queries return" nothing: all queries of a term, those for mx hosts, for a
 * ptr's names and for a %{p} in its name as well, and each term once.
 */
static bool void_note(struct spf_walk *walk, const struct spf_target *target)
{
	if (target == NULL || target->state->voided)
		return true;
	target->state->voided = true;
	if (++walk->void_count <= SPF_MAX_VOIDS)
		return true;
	spf_walk_fail(walk, RESULT_PERMERROR, "over %d look-ups without an answer at %s of %s", SPF_MAX_VOIDS,
	    spf_term_describe(walk->arena, target->term), target->frame->domain);
	return false;
}

bool spf_walk_void(struct spf_walk *walk, const struct spf_target *target, const struct dns_answer *answer)
{
	return answer->status == DNS_STATUS_DATA || void_note(walk, target);
}

uint16_t spf_walk_addr_type(const struct spf_walk *walk)
{
	return walk->values.client.family == AF_INET6 ? DNS_TYPE_AAAA : DNS_TYPE_A;
}

/* ---- the client's names (sections 5.5 and 7.3) ---- */

static const struct dns_answer *names_fetch(struct spf_walk *walk)
{
	char reverse[80];
	const struct dns_answer *answer = dns_wait_unnoted(walk->scope, addr_reverse_name(&walk->values.client, reverse),
	    DNS_TYPE_PTR);

	if (walk->names_known || answer->status == DNS_STATUS_FAIL)
		return answer;
	walk->names_known = true;
	security_note(walk, answer);
	for (size_t i = 0; i < answer->rr_count && walk->name_count < SPF_MAX_PTR; i++) {
		const char *name = dns_rr_name(&answer->rrs[i], walk->arena);

		/* a name with an escape is no host name, and would be another name unescaped */
		if (name != NULL && strchr(name, '\\') == NULL && spf_name_askable(name))
			walk->names[walk->name_count++].name = name;
	}
	return answer;
}

static void name_check(struct spf_walk *walk, size_t index)
{
	const struct dns_answer *answer = dns_wait_unnoted(walk->scope, walk->names[index].name, spf_walk_addr_type(walk));

	walk->names[index].checked = true;
	if (answer->status == DNS_STATUS_FAIL)
		return;
	walk->names[index].empty = answer->status != DNS_STATUS_DATA;
	security_note(walk, answer);
	for (size_t i = 0; i < answer->rr_count && !walk->names[index].valid; i++) {
		struct ip_addr addr = dns_rr_addr(&answer->rrs[i]);

		walk->names[index].valid = addr_equal(&addr, &walk->values.client);
	}
}

/* A name that failed to resolve is skipped (section 5.5); one without addresses makes the term a void one. */
static bool name_is_valid(struct spf_walk *walk, const struct spf_target *target, size_t index)
{
	if (!walk->names[index].checked)
		name_check(walk, index);
	if (walk->names[index].empty)
		void_note(walk, target);
	return walk->names[index].valid;
}

bool spf_walk_ptr_match(struct spf_walk *walk, const struct spf_target *target, const char *domain)
{
	const struct dns_answer *answer = names_fetch(walk);

	if (answer->status == DNS_STATUS_FAIL || !spf_walk_void(walk, target, answer))
		return false;
	for (size_t i = 0; i < walk->name_count; i++)
		if (domain_is_within(walk->names[i].name, domain) && name_is_valid(walk, target, i))
			return true;
	return false;
}

/* The domain itself, else a name below it, else any: the first validated one of each kind. */
const char *spf_walk_validated_name(void *context, const char *domain)
{
	struct spf_walk *walk = context;
	const struct dns_answer *answer = names_fetch(walk);

	if (answer->status == DNS_STATUS_FAIL || !spf_walk_void(walk, walk->asking, answer))
		return "unknown";
	for (unsigned kind = 0; kind < 3; kind++) {
		for (size_t i = 0; i < walk->name_count; i++) {
			const char *name = walk->names[i].name;

			if (kind == 0 ? strcasecmp(name, domain) != 0 : kind == 1 && !domain_is_within(name, domain))
				continue;
			if (name_is_valid(walk, walk->asking, i))
				return name;
		}
	}
	return "unknown";
}

/* ---- what the answers amount to ---- */

static enum result qualifier_result(char qualifier)
{
	switch (qualifier) {
	case '-':
		return RESULT_FAIL;
	case '~':
		return RESULT_SOFTFAIL;
	case '?':
		return RESULT_NEUTRAL;
	default:
		return RESULT_PASS;
	}
}

/* @return 1 matched, 0 not, -1 unknown. */
static int term_verdict(const struct spf_walk *walk, const struct spf_term *term, const struct spf_term_state *state)
{
	const struct ip_addr *client = &walk->values.client;
	enum result inner;

	switch (term->kind) {
	case SPF_TERM_ALL:
		return 1;
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
		return spf_addr_match(client, &term->addr, term->kind == SPF_TERM_IP4 ? term->prefix4 : term->prefix6);
	case SPF_TERM_INCLUDE:
		if (state->skipped)
			return 0;
		inner = state->child != NULL ? spf_frame_verdict(walk, state->child, NULL) : RESULT_UNCHECKED;
		return inner == RESULT_UNCHECKED ? -1 : inner == RESULT_PASS;
	case SPF_TERM_REDIRECT:
	case SPF_TERM_EXP:
	case SPF_TERM_OTHER:
		return 0;
	default:
		return state->skipped ? 0 : state->evaluated ? state->matched : -1;
	}
}

enum result spf_frame_verdict(const struct spf_walk *walk, const struct spf_frame *frame, struct buf *reason)
{
	for (size_t i = 0; i < frame->record.term_count; i++) {
		const struct spf_term *term = &frame->record.terms[i];
		int matched = term_verdict(walk, term, &frame->states[i]);

		if (matched == 0)
			continue;
		if (matched < 0)
			return RESULT_UNCHECKED;
		if (reason != NULL)
			buf_puts(reason, spf_term_describe(walk->arena, term));
		if (reason != NULL && term->kind == SPF_TERM_INCLUDE) {
			buf_puts(reason, " -> ");
			spf_frame_verdict(walk, frame->states[i].child, reason);
		}
		return qualifier_result(term->qualifier);
	}
	if (frame->record.redirect != NULL) {
		const struct spf_term_state *state = &frame->states[frame->record.redirect - frame->record.terms];

		if (state->child == NULL)
			return RESULT_UNCHECKED;
		if (reason != NULL)
			buf_printf(reason, "%s -> ", spf_term_describe(walk->arena, frame->record.redirect));
		return spf_frame_verdict(walk, state->child, reason);
	}
	if (reason != NULL)
		buf_puts(reason, "no mechanism matched");
	return RESULT_NEUTRAL;
}

const char *spf_frame_mechanism(const struct spf_walk *walk, const struct spf_frame *frame)
{
	for (size_t i = 0; i < frame->record.term_count; i++) {
		const struct spf_term *term = &frame->record.terms[i];
		int matched = term_verdict(walk, term, &frame->states[i]);
		const char *text;

		if (matched == 0)
			continue;
		if (matched < 0)
			return NULL;
		text = spf_term_describe(walk->arena, term);
		return strchr("+-~?", text[0]) != NULL ? text + 1 : text;
	}
	if (frame->record.redirect == NULL)
		return "default";
	frame = frame->states[frame->record.redirect - frame->record.terms].child;
	return frame != NULL ? spf_frame_mechanism(walk, frame) : NULL;
}
