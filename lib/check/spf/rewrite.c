/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records on their way to libspf2: fetched, selected, parsed strictly (record.c), then written anew as it may see
 * them. ip4 and ip6 terms are decided here, and what matches this client for certain becomes an "all" that ends the
 * record; each name becomes a token; redirect= comes last (libspf2 would follow it where it stands); ptr becomes an exists
 * that the front answers. At most one more term than the limit allows is written, since that one ends the evaluation: so
 * the compiled record stays far below the 511 octets at which libspf2 drops terms without a word.
 * Thread: that of the arena; blocks for DNS.
 */
#include "check/spf/walk.h"

#include <string.h>

#include "util/buf.h"
#include "util/decimal.h"
#include "util/error.h"

/* ---- tokens ---- */

struct spf_target *spf_target_add(struct spf_walk *walk, struct spf_frame *frame, size_t term, const char *host)
{
	struct spf_target *target = arena_alloc(walk->arena, sizeof(*target));

	*target = (struct spf_target){ .host = host };
	if (frame != NULL) {
		target->frame = frame;
		target->term = &frame->record.terms[term];
		target->state = &frame->states[term];
	}
	if (walk->target_count == SPF_MAX_TARGETS) {
		spf_walk_fail(walk, RESULT_PERMERROR, "too many names");
		return NULL;
	}
	walk->targets[walk->target_count++] = target;
	return target;
}

void spf_token_make(size_t number, char token_r[SPF_TOKEN_BYTES])
{
	char digits[DECIMAL_BYTES];

	token_r[0] = 't';
	stpcpy(stpcpy(token_r + 1, decimal(number, digits)), SPF_TOKEN_DOMAIN);	/* at most "t511.x" */
}

/* ---- records ---- */

static void record_missing(struct spf_walk *walk, const struct spf_target *target, const char *domain)
{
	if (target->frame == NULL)
		spf_walk_fail(walk, RESULT_NONE, "no SPF record at %s", domain);
	else
		spf_walk_fail(walk, RESULT_PERMERROR, "no SPF record for %s of %s",
		    spf_term_describe(walk->arena, target->term), target->frame->domain);
}

static struct spf_frame *frame_read(struct spf_walk *walk, const struct spf_target *target, const char *domain)
{
	const struct dns_answer *answer = spf_walk_ask(walk, domain, DNS_TYPE_TXT);
	struct spf_frame *frame;
	const char *text, *why;
	size_t length;

	if (answer == NULL)
		return NULL;
	switch (spf_record_select(answer, walk->arena, &text, &length)) {
	case 0:
		break;
	case -E_ABSENT:
		record_missing(walk, target, domain);
		return NULL;
	case -E_LIMIT:
		spf_walk_fail(walk, RESULT_PERMERROR, "SPF record at %s is over %d bytes", domain, SPF_RECORD_BYTES);
		return NULL;
	default:
		spf_walk_fail(walk, RESULT_PERMERROR, "several SPF records at %s", domain);
		return NULL;
	}
	frame = arena_calloc(walk->arena, 1, sizeof(*frame));
	frame->domain = domain;
	if (spf_record_parse(walk->arena, text, length, &frame->record, &why) != 0) {
		spf_walk_fail(walk, RESULT_PERMERROR, "SPF record at %s: %s", domain, why);
		return NULL;
	}
	frame->states = arena_calloc(walk->arena, frame->record.term_count + 1, sizeof(*frame->states));
	return frame;
}

struct spf_frame *spf_frame_open(struct spf_walk *walk, struct spf_target *target)
{
	char name[SPF_NAME_BYTES];

	walk->personal = false;
	if (target->frame == NULL)
		return walk->root = frame_read(walk, target, walk->domain);
	if (!spf_walk_count(walk, target))
		return NULL;
	if (spf_walk_name(walk, target->frame, target->term, name) != 0) {
		record_missing(walk, target, NULL);
		return NULL;
	}
	if (walk->error != RESULT_UNCHECKED)
		return NULL;
	walk->personal = spf_target_is_personal(target);
	target->state->child = frame_read(walk, target, arena_strdup(walk->arena, name));
	if (target->state->child != NULL)
		target->state->child->personal = walk->personal;
	return target->state->child;
}

/* The record as libspf2 gets to see it. */
struct rewriting {
	struct spf_walk *walk;
	struct spf_frame *frame;
	struct buf text;
	unsigned mechanisms, queries;
	bool complete;		/* something matches whatever comes, or the limit ends it */
};

static void rewrite_query(struct rewriting *rewriting, size_t index)
{
	static const char *const names[] = {
		[SPF_TERM_INCLUDE] = "include:", [SPF_TERM_A] = "a:", [SPF_TERM_MX] = "mx:", [SPF_TERM_PTR] = "exists:",
		[SPF_TERM_EXISTS] = "exists:", [SPF_TERM_REDIRECT] = "redirect=",
	};
	const struct spf_term *term = &rewriting->frame->record.terms[index];
	const bool ip6 = rewriting->walk->values.client.family == AF_INET6;
	const unsigned prefix_bits = ip6 ? term->prefix6 : term->prefix4;
	char token[SPF_TOKEN_BYTES];

	if (spf_target_add(rewriting->walk, rewriting->frame, index, NULL) == NULL)
		return;
	spf_token_make(rewriting->walk->target_count - 1, token);
	buf_putc(&rewriting->text, ' ');
	if (term->kind != SPF_TERM_REDIRECT)
		buf_putc(&rewriting->text, term->qualifier);
	buf_join(&rewriting->text, names[term->kind], token, NULL);
	if ((term->kind == SPF_TERM_A || term->kind == SPF_TERM_MX) && prefix_bits != 0) {
		buf_puts(&rewriting->text, ip6 ? "//" : "/");
		buf_put_uint(&rewriting->text, prefix_bits);
	}
	rewriting->mechanisms++;
	rewriting->complete = ++rewriting->queries > SPF_MAX_TERMS;
}

static void rewrite_term(struct rewriting *rewriting, size_t index)
{
	const struct spf_term *term = &rewriting->frame->record.terms[index];
	const struct ip_addr *client = &rewriting->walk->values.client;

	switch (term->kind) {
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
		if (!spf_addr_match(client, &term->addr, term->kind == SPF_TERM_IP4 ? term->prefix4 : term->prefix6))
			return;
		/* what matches for certain is an "all" */
		__attribute__((fallthrough));
	case SPF_TERM_ALL:
		buf_putc(&rewriting->text, ' ');
		buf_putc(&rewriting->text, term->qualifier);
		buf_puts(&rewriting->text, "all");
		rewriting->mechanisms++;
		rewriting->complete = true;
		return;
	case SPF_TERM_REDIRECT:
	case SPF_TERM_EXP:
	case SPF_TERM_OTHER:
		return;
	default:
		if (term->uses_sender && rewriting->walk->sender_8bit)
			rewriting->frame->states[index].skipped = true;
		else
			rewrite_query(rewriting, index);
	}
}

const char *spf_frame_rewrite(struct spf_walk *walk, struct spf_frame *frame, unsigned *mechanisms_r)
{
	const struct spf_record *record = &frame->record;
	struct rewriting rewriting = { .walk = walk, .frame = frame, .text = buf_make(walk->arena) };

	buf_puts(&rewriting.text, "v=spf1");
	for (size_t i = 0; i < record->term_count && !rewriting.complete; i++)
		rewrite_term(&rewriting, i);
	if (!rewriting.complete && record->redirect != NULL)
		rewrite_query(&rewriting, (size_t)(record->redirect - record->terms));
	*mechanisms_r = rewriting.mechanisms;
	return rewriting.text.data;
}
