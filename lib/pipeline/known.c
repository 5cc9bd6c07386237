/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One round trip for whom we know: the questions that the last message of an envelope domain, and of a HELO name, asked are kept
 * as its shape (resolver/shape.h) beyond the TTL of the answers, and begun at once at MAIL FROM. SPF's chain of includes and hosts,
 * DKIM's keys and DMARC's walk then come in one round trip instead of one after the other.
 *
 * A shape tells which questions to begin and nothing else: every answer that is used is a fresh one, asked for by a check and
 * validated as ever. Each guess is charged to a share of its own (DNS_FOR_GUESS) until a check opens the same question.
 * What goes into a shape is what the checks awaited, and what they began and a shape had named before; what the message at hand
 * did not ask at all is forgotten. Guesses that nobody wanted make a part of the shape doubtful, and none are made of it until it
 * has stayed the same for some messages: domains that change with every message (or do so on purpose) cost nothing for long.
 * Questions made of a macro in an SPF record are left out (a local part may be in their names), and those about the client.
 * Cannot fail. Thread: the message's.
 */
#include "pipeline/known.h"

#include <string.h>

#include "pipeline/remember.h"
#include "util/buf.h"
#include "util/domain.h"

#define BIT(purpose) (1u << (purpose))

static const unsigned of_message = BIT(DNS_FOR_AUTHOR) | BIT(DNS_FOR_DKIM) | BIT(DNS_FOR_ARC) | BIT(DNS_FOR_ALIGNMENT);

/* ---- beginning ---- */

static void shape_begin(struct message *message, struct known_shape *known)
{
	struct shapes *shapes = message->session->engine->shapes->shapes;
	struct shape_question question;
	bool trusted[SHAPE_PARTS];
	const char *at;

	if (known->key == NULL)
		return;
	known->text = shapes_get(shapes, known->key, message->arena, trusted);
	for (at = known->text; at != NULL && shape_next(&at, &question) == 1;)
		if (trusted[question.part])
			dns_guess(message->context.dns, question.name, question.type);
}

static const char *helo_key(struct message *message)
{
	const char *helo = message->facts.connection->helo, *name;

	if (!message->config->spf_check_helo || helo == NULL || strchr(helo, '.') == NULL || strlen(helo) > SHAPE_NAME_BYTES)
		return NULL;
	name = domain_normalize(message->arena, helo, strlen(helo));
	return name != NULL ? arena_concat(message->arena, "helo:", name, "") : NULL;
}

void known_begin(struct message *message)
{
	struct known *known = &message->known;

	/* the null sender is judged by its HELO name, which anybody may choose: nobody whom we would know */
	if (message->facts.mail_from_domain == NULL)
		return;
	known->sender.key = message->facts.mail_from_domain;
	known->helo.key = helo_key(message);
	shape_begin(message, &known->sender);
	shape_begin(message, &known->helo);
}

/* ---- end ---- */

struct line { struct line *next; enum shape_part part; const char *text; };

/* Questions on their way into the shapes of a message, in the order in which they were asked. */
struct gathering {
	struct message *message;
	struct buf text;		/* the question at hand as a line; its letter is put in place for each part */
	struct line *sender, *helo;
	unsigned sender_wrong[SHAPE_PARTS], helo_wrong[SHAPE_PARTS];
};

/* "e 16 example.org": by hand, since this is done for every question of every message. */
static void line_set(struct gathering *gathering, const struct dns_asked *asked)
{
	char digits[8], *at = digits + sizeof(digits);
	unsigned type = asked->type;

	do {
		*--at = (char)('0' + type % 10);
		type /= 10;
	} while (type != 0);
	gathering->text.length = 0;
	buf_puts(&gathering->text, "e ");
	buf_append(&gathering->text, at, (size_t)(digits + sizeof(digits) - at));
	buf_putc(&gathering->text, ' ');
	buf_puts(&gathering->text, asked->name);
	buf_putc(&gathering->text, '\n');
}

/* The question at hand as a line of that part. */
static const char *line_as(struct gathering *gathering, char letter)
{
	gathering->text.data[0] = letter;
	return gathering->text.data;
}

static void line_add(struct gathering *gathering, struct line **lines, enum shape_part part)
{
	struct arena *arena = gathering->message->arena;
	struct line *line = arena_alloc(arena, sizeof(*line));

	*line = (struct line){ .next = *lines, .part = part,
		.text = arena_strndup(arena, line_as(gathering, part == SHAPE_ENVELOPE ? 'e' : 'm'), gathering->text.length) };
	*lines = line;
}

static bool is_in(const struct known_shape *known, const char *line)
{
	return known->text != NULL && strstr(known->text, line) != NULL;
}

/* A guess that nobody wanted. */
static void wrong_note(struct gathering *gathering)
{
	const struct known *known = &gathering->message->known;
	const char *line = line_as(gathering, 'e');

	gathering->sender_wrong[SHAPE_ENVELOPE] += is_in(&known->sender, line);
	gathering->helo_wrong[SHAPE_ENVELOPE] += is_in(&known->helo, line);
	gathering->sender_wrong[SHAPE_MESSAGE] += is_in(&known->sender, line_as(gathering, 'm'));
}

/* What the shape named and was wanted stays in it, although this message's client made it needless. @return purposes, as bits. */
static unsigned kept_for(struct gathering *gathering, const struct known_shape *known, const struct dns_asked *asked)
{
	bool named = asked->known && (is_in(known, line_as(gathering, 'e')) || is_in(known, line_as(gathering, 'm')));

	return named ? asked->opened : asked->awaited;
}

static void asked_gather(void *arg, const struct dns_asked *asked)
{
	struct gathering *gathering = arg;
	const struct known *known = &gathering->message->known;
	unsigned sender, helo;

	line_set(gathering, asked);
	if (asked->known && asked->opened == BIT(DNS_FOR_GUESS)) {
		wrong_note(gathering);
		return;
	}
	if (!shape_has_type(asked->type))
		return;
	sender = kept_for(gathering, &known->sender, asked);
	helo = kept_for(gathering, &known->helo, asked);
	if ((sender & BIT(DNS_FOR_SPF)) != 0)
		line_add(gathering, &gathering->sender, SHAPE_ENVELOPE);
	else if ((sender & of_message) != 0)
		line_add(gathering, &gathering->sender, SHAPE_MESSAGE);
	if ((helo & BIT(DNS_FOR_HELO)) != 0)
		line_add(gathering, &gathering->helo, SHAPE_ENVELOPE);
}

/* The first of the lines, SPF's before the others, as far as a shape has room. */
static const char *lines_text(struct message *message, const struct line *lines)
{
	struct buf text = buf_make(message->arena);
	unsigned count = 0;

	for (enum shape_part part = 0; part < SHAPE_PARTS; part++)
		for (const struct line *line = lines; line != NULL && count < SHAPE_QUESTIONS; line = line->next)
			if (line->part == part && text.length + strlen(line->text) <= SHAPE_TEXT_BYTES) {
				buf_puts(&text, line->text);
				count++;
			}
	return text.data;
}

/* One question is begun at MAIL FROM anyway: the domain's own record. */
static bool is_worth_it(const char *text)
{
	const char *end = strchr(text, '\n');

	return end != NULL && (end[1] != '\0' || text[0] != 'e');
}

static void shape_end(struct message *message, const struct known_shape *known, const struct line *lines, const unsigned *wrong)
{
	struct engine *engine = message->session->engine;
	const char *text;

	if (known->key == NULL)
		return;
	text = lines_text(message, lines);
	if (!is_worth_it(text))
		text = "";
	if (shapes_put(engine->shapes->shapes, known->key, text, wrong, message->facts.time_secs))
		remember_shape(engine->store, known->key, text, message->facts.time_secs);
}

void known_end(struct message *message)
{
	const unsigned passing = BIT(DNS_FAILURE_OUTAGE) | BIT(DNS_FAILURE_PRESSURE);
	struct gathering gathering = { .message = message, .text = buf_make(message->arena) };

	/* what ended early for our own want of answers says nothing of the domain */
	if (!message->judged_whole || (message->results->dns_failures & passing) != 0)
		return;
	dns_scope_each(message->context.dns, asked_gather, &gathering);
	shape_end(message, &message->known.sender, gathering.sender, gathering.sender_wrong);
	shape_end(message, &message->known.helo, gathering.helo, gathering.helo_wrong);
}
