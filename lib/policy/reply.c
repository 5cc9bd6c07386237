/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reply codes and texts. What comes from the network (domains, SPF explanations) is reduced to printable ASCII and cut,
 * so that a reply is always one line of at most REPLY_TEXT_MAX characters.
 */
#include "policy/reply.h"

#include <string.h>

#include "util/buf.h"
#include "util/clean.h"

enum { DOMAIN_MAX = 100, HELP_MAX = 250 };

static const char *domain_text(const struct decision *decision, struct arena *arena)
{
	struct buf buf = buf_make(arena);

	if (decision->domain == NULL)
		return "the sender";
	clean_smtp(&buf, decision->domain, DOMAIN_MAX);
	return buf.data;
}

/* Copies a template with %s replaced. */
static void append_template(struct buf *buf, const char *template, const char *subject)
{
	const char *place = strstr(template, "%s");

	if (place == NULL) {
		buf_puts(buf, template);
		return;
	}
	buf_append(buf, template, (size_t)(place - template));
	buf_puts(buf, subject);
	buf_puts(buf, place + 2);
}

/* RFC 7372 section 3.6: more than one kind of authentication failed. DMARC's own findings have that code already. */
static bool several_failed(const struct decision *decision, const finding_set *asking)
{
	enum check_id own = findings_table[decision->finding].check;

	if (!finding_is(decision->finding, TRAIT_AUTHENTICATION) || finding_is(decision->finding, TRAIT_COMBINED))
		return false;
	FINDING_SET_EACH(asking, id) {
		if (finding_is(id, TRAIT_AUTHENTICATION) && findings_table[id].check != own)
			return true;
	}
	return false;
}

static void append_several(struct buf *buf, const char *domain, const finding_set *asking)
{
	const char *separator = ": ";

	buf_printf(buf, "multiple authentication checks failed for %s", domain);
	FINDING_SET_EACH(asking, id) {
		if (!finding_is(id, TRAIT_AUTHENTICATION))
			continue;
		if (buf->length > REPLY_TEXT_MAX / 2) {
			buf_puts(buf, " ...");
			return;
		}
		buf_printf(buf, "%s%s", separator, findings_table[id].name);
		separator = ", ";
	}
}

/* "; see https://…": %s is the finding's name, %d the domain. */
static const char *help_text(const char *help_url, const struct decision *decision, struct arena *arena)
{
	struct buf buf = buf_make(arena);

	if (help_url == NULL)
		return "";
	buf_puts(&buf, "; see ");
	for (const char *c = help_url; *c != '\0'; c++) {
		if (c[0] == '%' && c[1] == 's') {
			buf_puts(&buf, findings_table[decision->finding].name);
			c++;
		} else if (c[0] == '%' && c[1] == 'd') {
			for (const char *d = decision->domain != NULL ? decision->domain : ""; *d != '\0'; d++) {
				if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:", *d) != NULL)
					buf_putc(&buf, *d);
			}
			c++;
		} else {
			buf_putc(&buf, clean_smtp_char(*c));
		}
	}
	return buf.length > HELP_MAX ? "" : buf.data;
}

/* What is never cut: the reference, by which the admin finds the message again, behind all that is the sender's; then the help. */
static const char *end_text(const struct reply_input *input, const struct decision *decision, struct arena *arena)
{
	const char *help = help_text(input->help_url, decision, arena);

	return input->reference == NULL ? help : arena_printf(arena, "; ref %s%s", input->reference, help);
}

static void fill_codes(struct decision *decision, bool several, struct arena *arena)
{
	const struct finding_row *row = &findings_table[decision->finding];
	const char *enhanced = several ? "5.7.26" : row->enhanced;
	bool reject = decision->action == ACTION_REJECT;

	if (decision->action == ACTION_GREYLIST) {
		decision->code = 451;
		decision->enhanced = "4.7.1";
		return;
	}
	if (reject)
		decision->code = row->code >= 500 ? row->code : 550;
	else if (finding_is(decision->finding, TRAIT_TLS_REPLY))
		decision->code = 454;	/* RFC 3207 section 4: temporary, for reasons of TLS */
	else
		decision->code = row->code < 500 ? row->code : 451;
	decision->enhanced = arena_printf(arena, "%c%s", reject ? '5' : '4', enhanced + 1);
}

static const char *waiting_text(const struct decision *decision, unsigned wait_secs, struct arena *arena)
{
	if (decision->action != ACTION_GREYLIST)
		return "";
	return wait_secs == 0 ? "; greylisted, try again later" :
	    arena_printf(arena, "; greylisted, try again in %u second%s", wait_secs, wait_secs == 1 ? "" : "s");
}

void reply_make(const struct reply_input *input, struct arena *arena, struct decision *decision)
{
	bool several;
	const char *domain, *end, *waiting, *why = NULL;
	struct buf buf = buf_make(arena);
	size_t room;

	decision->code = 250;
	decision->enhanced = decision->text = NULL;
	if (decision->action != ACTION_REJECT && decision->action != ACTION_DEFER && decision->action != ACTION_GREYLIST)
		return;
	several = several_failed(decision, &decision->asking);
	if (finding_is(decision->finding, TRAIT_EXPLAINED))
		why = input->explanation;
	else if (finding_is(decision->finding, TRAIT_DETAILED))
		why = input->detail;
	domain = domain_text(decision, arena);
	fill_codes(decision, several, arena);
	if (several)
		append_several(&buf, domain, &decision->asking);
	else
		append_template(&buf, findings_table[decision->finding].text, domain);
	waiting = waiting_text(decision, input->wait_secs, arena);
	end = end_text(input, decision, arena);
	room = REPLY_TEXT_MAX - strlen(end);
	if (buf.length > room - strlen(waiting))	/* only the reason is cut: half a number is another one */
		buf.data[buf.length = room - strlen(waiting)] = '\0';
	buf_puts(&buf, waiting);
	if (!several && why != NULL && buf.length + 2 < room) {
		buf_puts(&buf, ": ");
		clean_smtp(&buf, why, room - buf.length);
	}
	buf_puts(&buf, end);
	decision->text = buf.data;
}
