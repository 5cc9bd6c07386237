/* SPDX-License-Identifier: BSD-2-Clause */
/* A flow taken apart and put together again. Trusts nothing of the texts but their termination. See flow_parts.h. */
#include "record/flow_parts.h"

#include <string.h>

#include "util/buf.h"

/* The evidence in pieces, in the order in which they stand in it. */
enum piece { PIECE_HEAD, PIECE_RECIPIENTS, PIECE_SENDER, PIECE_CLIENT, PIECES };

/* Where a field of the evidence belongs; one that is not known stays with those before it. */
static enum piece piece_of(const char *field, enum piece before)
{
	static const char *const keys[PIECES] = { [PIECE_HEAD] = "sqf", [PIECE_RECIPIENTS] = "r", [PIECE_SENDER] = "ampd",
		[PIECE_CLIENT] = "clhn" };

	if (field[0] == '\0' || field[1] != '=')
		return before;
	for (enum piece piece = before; piece < PIECES; piece++)
		if (strchr(keys[piece], field[0]) != NULL)
			return piece;
	return before;
}

static void cut(const char *evidence, struct arena *arena, const char *pieces_r[PIECES])
{
	enum piece piece = PIECE_HEAD, next;
	const char *begin = evidence, *space;

	for (int i = 0; i < PIECES; i++)
		pieces_r[i] = "";
	for (space = strchr(evidence, ' '); space != NULL; space = strchr(space + 1, ' ')) {
		next = piece_of(space + 1, piece);
		if (next == piece)
			continue;
		pieces_r[piece] = arena_strndup(arena, begin, (size_t)(space - begin));
		begin = space;
		piece = next;
	}
	pieces_r[piece] = begin;
}

static const char *lines(struct arena *arena, const char *const *fields, size_t count)
{
	struct buf buf = buf_make(arena);

	for (size_t i = 0; i < count; i++) {
		if (i != 0)
			buf_putc(&buf, '\n');
		for (const char *rest = fields[i] != NULL ? fields[i] : ""; *rest != '\0';) {
			size_t length = strcspn(rest, "\n");

			buf_append(&buf, rest, length);
			rest += length;
			if (*rest == '\0')
				break;
			buf_putc(&buf, '?');
			rest++;
		}
	}
	return buf.length != 0 ? buf.data : "";
}

void flow_parts_make(const struct flow_note *note, struct arena *arena, const char *texts_r[FLOW_PARTS])
{
	const char *pieces[PIECES];

	cut(note->evidence != NULL ? note->evidence : "", arena, pieces);
	texts_r[PART_OUTCOME] = lines(arena, (const char *const[]){ note->findings, note->results, note->policy, note->action,
		note->enforced ? "1" : "0", pieces[PIECE_HEAD] }, 6);
	texts_r[PART_SENDER] = lines(arena, (const char *const[]){ note->author_domain, note->envelope_domain, pieces[PIECE_SENDER] }, 3);
	texts_r[PART_RECIPIENTS] = lines(arena, (const char *const[]){ pieces[PIECE_RECIPIENTS] }, 1);
	texts_r[PART_CLIENT] = lines(arena, (const char *const[]){ note->client_network, pieces[PIECE_CLIENT] }, 2);
	texts_r[PART_TLS] = lines(arena, (const char *const[]){ note->tls_grade, note->tls_version, note->tls_cipher }, 3);
}

/* Takes a line off. */
static const char *line(char **rest)
{
	char *begin = *rest, *end = strchr(begin, '\n');

	*rest = end != NULL ? end + 1 : begin + strlen(begin);
	if (end != NULL)
		*end = '\0';
	return begin;
}

void flow_parts_read(const char *const texts[FLOW_PARTS], struct arena *arena, struct flow_row *row_r)
{
	char *rest[FLOW_PARTS];
	const char *head;

	for (int part = 0; part < FLOW_PARTS; part++)
		rest[part] = arena_strdup(arena, texts[part] != NULL ? texts[part] : "");
	row_r->findings = line(&rest[PART_OUTCOME]);
	row_r->results = line(&rest[PART_OUTCOME]);
	row_r->policy = line(&rest[PART_OUTCOME]);
	row_r->action = line(&rest[PART_OUTCOME]);
	row_r->enforced = strcmp(line(&rest[PART_OUTCOME]), "1") == 0;
	head = line(&rest[PART_OUTCOME]);
	row_r->author_domain = line(&rest[PART_SENDER]);
	row_r->envelope_domain = line(&rest[PART_SENDER]);
	row_r->client_network = line(&rest[PART_CLIENT]);
	row_r->tls_grade = line(&rest[PART_TLS]);
	row_r->tls_version = line(&rest[PART_TLS]);
	row_r->tls_cipher = line(&rest[PART_TLS]);
	row_r->evidence = arena_printf(arena, "%s%s%s%s", head, line(&rest[PART_RECIPIENTS]), line(&rest[PART_SENDER]),
	    line(&rest[PART_CLIENT]));
	row_r->other = strcmp(head, STORE_EVIDENCE_OTHER) == 0;
}
