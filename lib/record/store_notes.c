/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notes: copied whole, strings and all, so that the caller's memory may go, and queued for the writer. Never waits for the
 * database: a queue that is full drops the note and counts it. Shapes, which only save time, have but half of the queue, and go
 * without a count, so that they cost no note that matters while the database is away; traces have half of it, too, and so many octets. Thread: any.
 */
#include "record/store_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/out_of_memory.h"

/* Copies text into the note's string room and advances; NULL stays NULL. */
static const char *note_string(char **room, const char *text)
{
	char *copy = *room;

	if (text == NULL)
		return NULL;
	strcpy(copy, text);
	*room += strlen(text) + 1;
	return copy;
}

static size_t text_bytes(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

static struct note *note_new(enum note_kind kind, size_t string_bytes)
{
	struct note *note = calloc(1, sizeof(*note) + string_bytes);

	if (note == NULL)
		out_of_memory();
	note->kind = kind;
	return note;
}

static int store_queue(struct store *store, struct note *note)
{
	bool counts = note->kind != NOTE_SHAPE, failure = note->kind == NOTE_FAILURE, full;
	bool half = !counts || failure || note->kind == NOTE_TRACE;
	unsigned max = store->config.queue_max;
	size_t bytes = note->kind == NOTE_TRACE ? strlen(note->u.trace.text) : 0;

	pthread_mutex_lock(&store->lock);
	full = !store->writer_runs || store->statistics.queued >= (half ? max / 2 : max) ||
	    (failure && store->failures_waiting >= STORE_FAILURES_WAITING_MAX) ||
	    (bytes != 0 && store->trace_bytes + bytes > TRACE_QUEUE_BYTES);
	store->failures_waiting += failure && !full;
	store->statistics.noted += counts || !full;
	if (full) {
		store->statistics.dropped += counts;
	} else {
		*store->last = note;
		store->last = &note->next;
		store->trace_bytes += bytes;
		/* the writer sleeps without a time-out while the queue is empty */
		if (store->statistics.queued++ == 0 || store->statistics.queued == STORE_GROUP_MAX)
			pthread_cond_signal(&store->wake);
	}
	pthread_mutex_unlock(&store->lock);
	if (full)
		free(note);
	return full ? -E_LIMIT : 0;
}

int store_peer_note(struct store *store, const struct peer_note *from)
{
	struct note *note = note_new(NOTE_PEER, text_bytes(from->peer) + text_bytes(from->host) + text_bytes(from->cert) +
	    text_bytes(from->queue_id));
	char *room = note->strings;

	note->u.peer = *from;
	note->u.peer.peer = note_string(&room, from->peer);
	note->u.peer.host = note_string(&room, from->host);
	note->u.peer.cert = note_string(&room, from->cert);
	note->u.peer.queue_id = note_string(&room, from->queue_id);
	return store_queue(store, note);
}

int store_greylist_note(struct store *store, const char *key, int64_t time_secs, bool passed)
{
	struct note *note = note_new(NOTE_GREYLIST, text_bytes(key));
	char *room = note->strings;

	note->u.greylist.key = note_string(&room, key);
	note->u.greylist.time_secs = time_secs;
	note->u.greylist.passed = passed;
	return store_queue(store, note);
}

int store_shape_note(struct store *store, const char *key, const char *text, int64_t time_secs)
{
	struct note *note = note_new(NOTE_SHAPE, text_bytes(key) + text_bytes(text));
	char *room = note->strings;

	note->u.shape.key = note_string(&room, key);
	note->u.shape.text = note_string(&room, text);
	note->u.shape.time_secs = time_secs;
	return store_queue(store, note);
}

int store_flow_note(struct store *store, const struct flow_note *from)
{
	const char *const texts[] = { from->author_domain, from->envelope_domain, from->client_network, from->findings,
		from->results, from->tls_grade, from->tls_version, from->tls_cipher, from->policy, from->action,
		from->evidence, from->queue_id };
	size_t bytes = 0;
	struct note *note;
	char *room;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bytes += text_bytes(texts[i]);
	note = note_new(NOTE_FLOW, bytes);
	room = note->strings;
	note->u.flow = *from;
	note->u.flow.author_domain = note_string(&room, from->author_domain);
	note->u.flow.envelope_domain = note_string(&room, from->envelope_domain);
	note->u.flow.client_network = note_string(&room, from->client_network);
	note->u.flow.findings = note_string(&room, from->findings);
	note->u.flow.results = note_string(&room, from->results);
	note->u.flow.tls_grade = note_string(&room, from->tls_grade);
	note->u.flow.tls_version = note_string(&room, from->tls_version);
	note->u.flow.tls_cipher = note_string(&room, from->tls_cipher);
	note->u.flow.policy = note_string(&room, from->policy);
	note->u.flow.action = note_string(&room, from->action);
	note->u.flow.evidence = note_string(&room, from->evidence);
	note->u.flow.queue_id = note_string(&room, from->queue_id);
	return store_queue(store, note);
}

int store_dmarc_note(struct store *store, const struct dmarc_note *from)
{
	struct note *note = note_new(NOTE_DMARC, text_bytes(from->domain) + text_bytes(from->policy) + text_bytes(from->rua) +
	    text_bytes(from->row) + text_bytes(from->queue_id));
	char *room = note->strings;

	note->u.dmarc = *from;
	note->u.dmarc.domain = note_string(&room, from->domain);
	note->u.dmarc.policy = note_string(&room, from->policy);
	note->u.dmarc.rua = note_string(&room, from->rua);
	note->u.dmarc.row = note_string(&room, from->row);
	note->u.dmarc.queue_id = note_string(&room, from->queue_id);
	return store_queue(store, note);
}

int store_failure_note(struct store *store, const struct failure_note *from)
{
	struct note *note = note_new(NOTE_FAILURE, text_bytes(from->domain) + text_bytes(from->alike) + text_bytes(from->ruf) +
	    text_bytes(from->fields) + text_bytes(from->header) + text_bytes(from->queue_id));
	char *room = note->strings;

	note->u.failure = *from;
	note->u.failure.domain = note_string(&room, from->domain);
	note->u.failure.alike = note_string(&room, from->alike);
	note->u.failure.ruf = note_string(&room, from->ruf);
	note->u.failure.fields = note_string(&room, from->fields);
	note->u.failure.header = note_string(&room, from->header);
	note->u.failure.queue_id = note_string(&room, from->queue_id);
	return store_queue(store, note);
}

unsigned store_notes_count(const struct note *notes, enum note_kind kind)
{
	unsigned count = 0;

	for (; notes != NULL; notes = notes->next)
		count += notes->kind == kind;
	return count;
}

int store_trace_note(struct store *store, const struct trace_note *from)
{
	struct note *note = note_new(NOTE_TRACE, text_bytes(from->reference) + text_bytes(from->queue_id) + text_bytes(from->text));
	char *room = note->strings;

	note->u.trace.reference = note_string(&room, from->reference);
	note->u.trace.queue_id = note_string(&room, from->queue_id);
	note->u.trace.text = note_string(&room, from->text);
	note->u.trace.time_secs = from->time_secs;
	return store_queue(store, note);
}

size_t store_notes_trace_bytes(const struct note *notes)
{
	size_t bytes = 0;

	for (; notes != NULL; notes = notes->next)
		bytes += notes->kind == NOTE_TRACE ? strlen(notes->u.trace.text) : 0;
	return bytes;
}

void store_notes_free(struct note *notes)
{
	while (notes != NULL) {
		struct note *next = notes->next;

		free(notes);
		notes = next;
	}
}
