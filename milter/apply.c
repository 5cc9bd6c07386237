/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Applies an outcome through libmilter and knows nothing of why. Last line before the MTA: whatever text arrives here, no
 * CR, no bare LF and no over-long reply goes out.
 * Fails when the MTA does not allow an edit or is gone: logged with the queue id; the message then takes `on-error`.
 * Thread: the connection's.
 */
#include <stdio.h>
#include <string.h>

#include "assayd.h"
#include "util/clean.h"

enum { REPLY_MAX_BYTES = 980 };	/* libmilter's MAXREPLYLEN */

static sfsistat on_error(const struct connection *connection, const char *what, const char *name)
{
	const struct config *config = session_config(connection->session);

	log_error("%s: %s %s failed (not allowed by the MTA, or it is gone); on-error = %s; config=%u", connection_queue_id(connection),
	    what, name, config->on_error == ON_ERROR_DEFER ? "defer" : "accept", config->generation);
	return config->on_error == ON_ERROR_DEFER ? SMFIS_TEMPFAIL : SMFIS_CONTINUE;
}

/* Reply text for the MTA: percent signs doubled (it formats), printable ASCII only, cut at libmilter's limit. */
static char *reply_text(struct arena *arena, const char *text)
{
	char *copy = arena_alloc(arena, REPLY_MAX_BYTES + 1);
	size_t length = 0;

	for (; *text != '\0' && length + 2 <= REPLY_MAX_BYTES; text++) {
		copy[length++] = clean_smtp_char(*text);
		if (*text == '%')
			copy[length++] = '%';
	}
	copy[length] = '\0';
	return copy;
}

sfsistat apply_reply(SMFICTX *context, const struct connection *connection, const struct decision *decision)
{
	bool reject = decision->action == ACTION_REJECT;
	struct arena *arena = message_arena(connection->message);
	char *text = reply_text(arena, decision->text != NULL ? decision->text : "message refused by policy");
	char *enhanced = arena_strdup(arena, decision->enhanced);
	char code[16];

	snprintf(code, sizeof(code), "%u", decision->code);
	/* A reply of the wrong class would be dropped by libmilter without a word. */
	if (code[0] != (reject ? '5' : '4') || smfi_setreply(context, code, enhanced, text) != MI_SUCCESS)
		log_error("%s: reply %s %s cannot be set; the MTA's own is used", connection_queue_id(connection), code,
		    enhanced != NULL ? enhanced : "");
	return reject ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

/* Header value for the MTA: no CR, each LF followed by white space; leading space only where it is expected. */
static char *header_value(const struct connection *connection, const char *value)
{
	struct arena *arena = message_arena(connection->message);
	char *copy, *out;

	if (!connection->leading_space && *value == ' ')
		value++;
	out = copy = arena_alloc(arena, strlen(value) * 2 + 1);
	while (*value != '\0') {
		size_t length = strcspn(value, "\r\n");

		memcpy(out, value, length);
		out += length;
		value += length;
		if (*value == '\n') {
			*out++ = '\n';
			if (value[1] != ' ' && value[1] != '\t')
				*out++ = '\t';
		}
		value += *value != '\0';
	}
	*out = '\0';
	return copy;
}

static int apply_edit(SMFICTX *context, const struct connection *connection, const struct edit *edit)
{
	struct arena *arena = message_arena(connection->message);
	char *name = arena_strdup(arena, edit->name);

	if (edit->kind == EDIT_DELETE)
		return smfi_chgheader(context, name, (int)edit->index, NULL);
	return smfi_insheader(context, (int)edit->index, name, header_value(connection, edit->value));
}

/* All edits are tried, whatever becomes of one: a forged field that cannot be deleted is no reason to withhold ours. */
static const struct edit *apply_edits(SMFICTX *context, const struct connection *connection, const struct edits *edits)
{
	const struct edit *failed = NULL;

	for (size_t i = 0; i < edits->count; i++) {
		if (apply_edit(context, connection, &edits->items[i]) != MI_SUCCESS && failed == NULL)
			failed = &edits->items[i];
	}
	return failed;
}

sfsistat apply_outcome(SMFICTX *context, const struct connection *connection, const struct outcome *outcome)
{
	const struct edit *failed;

	if (decision_refuses(&outcome->decision))
		return apply_reply(context, connection, &outcome->decision);
	failed = apply_edits(context, connection, &outcome->edits);
	if (outcome->quarantine_reason != NULL) {
		char *reason = arena_strdup(message_arena(connection->message), outcome->quarantine_reason);

		if (smfi_quarantine(context, reason) != MI_SUCCESS)
			return on_error(connection, "quarantining for", reason);
	}
	if (failed != NULL)
		return on_error(connection, failed->kind == EDIT_DELETE ? "deleting" : "inserting", failed->name);
	return SMFIS_CONTINUE;
}
