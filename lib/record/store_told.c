/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an admin is told of what the record lost while the database works: rows that went because there were too many, and a note that
 * the database refuses by itself. Trusts neither the note's texts nor the database's words. Thread: the writer.
 */
#include "record/store_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "util/arena.h"
#include "util/log_field.h"

/* ---- rows that were too many ---------------------------------------------------------------------- */

/* The number that admins know, and what they lose when it is reached, with what to do. */
static const struct { const char *option, *cost; } caps[STORE_CAPS] = {
	[STORE_CAP_FLOWS] = { "max-flows", "the oldest counts of messages go before keep-flows is over, and reports reach less far "
	    "back; raise max-flows if the disk has room, else make keep-flows shorter (section record)" },
	[STORE_CAP_KINDS] = { "max-kinds", "a day had more kinds of messages; those with the fewest are counted together, and reports "
	    "and whatif cannot tell what another policy would do with them; raise max-kinds if the disk has room (section record)" },
	[STORE_CAP_PEERS] = { "max-peers", "the peers seen longest ago are forgotten before keep-peers is over, and one of them that "
	    "comes without its usual TLS is not noticed; raise max-peers if the disk has room, else make keep-peers shorter "
	    "(section record), and pin the peers that matter (assay peers pin)" },
	[STORE_CAP_HOSTS] = { "max-peers", "the peers have more than four hosts each; the hosts seen longest ago are forgotten before "
	    "keep-peers is over, their peers as a whole are not; raise max-peers if the disk has room, else make max-peer-hosts "
	    "smaller (section record)" },
	[STORE_CAP_PEER_HOSTS] = { "max-peer-hosts", "a peer has more hosts; those seen longest ago are forgotten, and one of "
	    "them that has long come without TLS raises tls-downgrade again; raise max-peer-hosts if the peer has so many by right "
	    "(section record)" },
	[STORE_CAP_GREYLIST] = { "max-greylist", "greylisted senders that came longest ago are forgotten before their time, first those "
	    "that never came back, and wait anew; raise max-greylist if the disk has room (section record), else make window "
	    "shorter (section greylist)" },
	[STORE_CAP_TRACES] = { "max-trace-bytes", "the oldest traces go before keep-traces is over, and assay explain reaches less far "
	    "back; raise max-trace-bytes if the disk has room, else keep traces of failures only (section record)" },
};

static uint64_t cap_number(const struct store_config *config, enum store_cap cap)
{
	const uint64_t numbers[STORE_CAPS] = { [STORE_CAP_FLOWS] = config->flows_max,
		[STORE_CAP_KINDS] = config->kinds_max, [STORE_CAP_PEERS] = config->peers_max,
		[STORE_CAP_HOSTS] = config->peers_max, [STORE_CAP_PEER_HOSTS] = config->peer_hosts_max,
		[STORE_CAP_GREYLIST] = config->greylist_max, [STORE_CAP_TRACES] = config->traces_max_bytes };

	return numbers[cap];
}

/* An admin who counts on the times that rows are kept must know. */
void store_trimmed_tell(struct store *store, const unsigned trimmed[STORE_CAPS])
{
	char text[768];

	for (enum store_cap cap = 0; cap < STORE_CAPS; cap++) {
		store->statistics.trimmed[cap] += trimmed[cap];
		if (store->told_trimmed[cap] || trimmed[cap] == 0)
			continue;
		store->told_trimmed[cap] = true;
		if (store->config.changed == NULL)
			continue;
		snprintf(text, sizeof(text), "%.200s: %s = %" PRIu64 " is reached: %s", store->location, caps[cap].option,
		    cap_number(&store->config, cap), caps[cap].cost);
		store->config.changed(STORE_WARNING, text);
	}
}

/* ---- a note that is refused ------------------------------------------------------------------------ */

static const char *const kinds[] = {
	[NOTE_PEER] = "peer", [NOTE_GREYLIST] = "greylist", [NOTE_FLOW] = "flow", [NOTE_SHAPE] = "shape", [NOTE_DMARC] = "dmarc",
	[NOTE_FAILURE] = "failure", [NOTE_TRACE] = "trace",
};

static void put(struct buf *fields, const char *key, const char *value)
{
	enum { VALUE_MAX = 128 };

	if (value != NULL && value[0] != '\0')
		log_field_put_long(fields, key, value, VALUE_MAX);
}

/* By what message the note came, and what it is about. */
static void put_note(struct buf *fields, const struct note *note)
{
	put(fields, "kind", kinds[note->kind]);
	switch (note->kind) {
	case NOTE_PEER:
		put(fields, "id", note->u.peer.queue_id);
		put(fields, "peer", note->u.peer.peer);
		put(fields, "host", note->u.peer.host);
		break;
	case NOTE_GREYLIST:
		put(fields, "key", note->u.greylist.key);
		break;
	case NOTE_FLOW:
		put(fields, "id", note->u.flow.queue_id);
		put(fields, "author", note->u.flow.author_domain);
		put(fields, "envelope", note->u.flow.envelope_domain);
		break;
	case NOTE_SHAPE:
		put(fields, "key", note->u.shape.key);
		break;
	case NOTE_DMARC:
		put(fields, "id", note->u.dmarc.queue_id);
		put(fields, "domain", note->u.dmarc.domain);
		break;
	case NOTE_FAILURE:
		put(fields, "id", note->u.failure.queue_id);
		put(fields, "domain", note->u.failure.domain);
		break;
	case NOTE_TRACE:
		put(fields, "id", note->u.trace.queue_id);
		put(fields, "ref", note->u.trace.reference);
		break;
	}
}

void store_refused_tell(const struct store *store, const struct note *note, const char *why)
{
	struct arena *arena = arena_new();
	struct buf fields = buf_make(arena);
	char text[1536];

	put_note(&fields, note);
	snprintf(text, sizeof(text), "%.200s: the database refuses a note, which is let go: %.250s; the note: %.700s; look in the database "
	    "for a constraint or trigger that is not Assay's; if there is none, this is a bug: please report this line", store->location, why,
	    fields.data);
	store->config.changed(STORE_REFUSED, text);
	arena_free(&arena);
}
