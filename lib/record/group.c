/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Group commit. A busy server sees the same peers and the same kinds of message many times a second: what is alike is put
 * together in hash tables (uthash, in an arena that ends with the group) and written once.
 * Trusts the notes; of the database only what it says of success. Fails as a whole: nothing of the group is written.
 */
#include "record/group.h"

#include <string.h>

#include <uthash.h>

#include "record/greylist.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/error.h"

enum { DAY_SECS = 86400 };

struct peer_slot {
	UT_hash_handle hh;
	const char *peer, *host;
	struct peer_memory memory;
	char *key;
};

/* A peer that has got a host in this group. */
struct grown_slot {
	UT_hash_handle hh;
	const char *peer;
};

struct flow_slot {
	UT_hash_handle hh;
	struct flow_note flow;	/* strings are the first note's */
	char *key;
};

struct dmarc_slot {
	UT_hash_handle hh;
	struct dmarc_note note;	/* strings are the first note's */
	char *key;
};

struct group {
	const struct backend *backend;
	struct backend_handle *handle;
	const struct group_rules *rules;
	struct arena *arena;
	struct peer_slot *peers;
	struct grown_slot *grown;
	struct flow_slot *flows;
	struct dmarc_slot *dmarcs;
};

static void grown_add(struct group *group, const char *peer)
{
	struct grown_slot *slot;

	HASH_FIND_STR(group->grown, peer, slot);
	if (slot != NULL)
		return;
	slot = arena_calloc(group->arena, 1, sizeof(*slot));
	slot->peer = peer;
	HASH_ADD_KEYPTR(hh, group->grown, slot->peer, strlen(slot->peer), slot);
}

static int peer_add(struct group *group, const struct peer_note *note, const char *host)
{
	char *key = arena_concat(group->arena, note->peer, "\n", host);
	struct peer_slot *slot;
	int code;

	HASH_FIND_STR(group->peers, key, slot);
	if (slot == NULL) {
		slot = arena_calloc(group->arena, 1, sizeof(*slot));
		slot->peer = note->peer;
		slot->host = host;
		slot->key = key;
		code = group->backend->peer_get(group->handle, note->peer, host, &slot->memory);
		if (code != 0 && code != -E_ABSENT)
			return code;
		if (code == -E_ABSENT && host[0] != '\0')
			grown_add(group, note->peer);
		HASH_ADD_KEYPTR(hh, group->peers, slot->key, strlen(slot->key), slot);
	}
	peer_memory_update(&slot->memory, note, &group->rules->peer);
	return 0;
}

static void flow_add(struct group *group, const struct flow_note *note)
{
	const char *const texts[] = { note->author_domain, note->envelope_domain, note->client_network, note->findings,
		note->results, note->tls_grade, note->tls_version, note->tls_cipher, note->policy, note->action, note->evidence };
	struct buf key = buf_make(group->arena);
	struct flow_slot *slot;

	buf_put_uint(&key, (uint64_t)(note->time_secs / 3600));	/* as good a key where the clock is before 1970 */
	buf_putc(&key, note->enforced ? 'e' : 'd');
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_putc(&key, '\n');
		buf_puts(&key, texts[i] != NULL ? texts[i] : "");
	}
	HASH_FIND(hh, group->flows, key.data, key.length, slot);
	if (slot == NULL) {
		slot = arena_calloc(group->arena, 1, sizeof(*slot));
		slot->flow = *note;
		slot->flow.messages = slot->flow.bytes = slot->flow.sessions = 0;
		slot->key = key.data;
		HASH_ADD_KEYPTR(hh, group->flows, slot->key, key.length, slot);
	}
	slot->flow.messages += note->messages != 0 ? note->messages : 1;
	slot->flow.bytes += note->bytes;
	slot->flow.sessions += note->sessions;
}

static void dmarc_add(struct group *group, const struct dmarc_note *note)
{
	char *key = arena_printf(group->arena, "%lld %s\n%s\n%s\n%s", (long long)(note->time_secs / DAY_SECS), note->domain, note->policy,
	    note->rua, note->row);
	struct dmarc_slot *slot;

	HASH_FIND_STR(group->dmarcs, key, slot);
	if (slot == NULL) {
		slot = arena_calloc(group->arena, 1, sizeof(*slot));
		slot->note = *note;
		slot->note.messages = 0;
		slot->key = key;
		HASH_ADD_KEYPTR(hh, group->dmarcs, slot->key, strlen(slot->key), slot);
	}
	slot->note.messages += note->messages != 0 ? note->messages : 1;
}

static int greylist_add(struct group *group, const char *key, int64_t time_secs, bool passed)
{
	struct greylist_entry entry = { 0 };
	int code = group->backend->greylist_get(group->handle, key, &entry);

	if (code != 0 && code != -E_ABSENT)
		return code;
	greylist_update(&entry, time_secs, passed, group->rules->greylist_window_secs);
	return group->backend->greylist_put(group->handle, key, &entry);
}

static int note_add(struct group *group, const struct note *note)
{
	int code = 0;

	switch (note->kind) {
	case NOTE_PEER:
		if (!note->u.peer.host_only)
			code = peer_add(group, &note->u.peer, "");
		if (code == 0 && note->u.peer.host != NULL)
			code = peer_add(group, &note->u.peer, note->u.peer.host);
		break;
	case NOTE_GREYLIST:
		code = greylist_add(group, note->u.greylist.key, note->u.greylist.time_secs, note->u.greylist.passed);
		break;
	case NOTE_FLOW:
		flow_add(group, &note->u.flow);
		break;
	case NOTE_DMARC:
		dmarc_add(group, &note->u.dmarc);
		break;
	case NOTE_SHAPE:
		code = group->backend->shape_put(group->handle, note->u.shape.key, note->u.shape.text, note->u.shape.time_secs);
		break;
	case NOTE_FAILURE:
		code = group->backend->failure_add(group->handle, &note->u.failure);
		break;
	case NOTE_TRACE:
		code = group->backend->trace_put(group->handle, &note->u.trace);
		break;
	}
	return code;
}

static int slots_write(struct group *group)
{
	struct peer_slot *peer, *next_peer;
	struct flow_slot *flow, *next_flow;
	struct dmarc_slot *dmarc, *next_dmarc;
	int code = 0;

	HASH_ITER(hh, group->peers, peer, next_peer) {
		if (code == 0)
			code = group->backend->peer_put(group->handle, peer->peer, peer->host, &peer->memory);
	}
	HASH_ITER(hh, group->flows, flow, next_flow) {
		if (code == 0)
			code = group->backend->flow_add(group->handle, &flow->flow);
	}
	HASH_ITER(hh, group->dmarcs, dmarc, next_dmarc) {
		if (code == 0)
			code = group->backend->dmarc->add(group->handle, &dmarc->note, &group->rules->dmarc);
	}
	return code;
}

static int hosts_trim(struct group *group, unsigned *trimmed_r)
{
	struct grown_slot *grown, *next;
	const char **peers;
	size_t count = 0;

	if (group->rules->peer_hosts_max == 0 || group->grown == NULL)
		return 0;
	peers = arena_calloc(group->arena, HASH_COUNT(group->grown), sizeof(*peers));
	HASH_ITER(hh, group->grown, grown, next)
		peers[count++] = grown->peer;
	return group->backend->hosts_trim(group->handle, peers, count, group->rules->peer_hosts_max, STORE_GROUP_MAX, trimmed_r);
}

/* Tells the backend what will be read. */
static int foresee(const struct group *group, const struct note *notes)
{
	struct backend_ask *asks;
	size_t room = 0, count = 0;

	if (group->backend->foresee == NULL)
		return 0;
	for (const struct note *note = notes; note != NULL; note = note->next)
		room += 2;
	asks = arena_calloc(group->arena, room + 1, sizeof(*asks));
	for (; notes != NULL; notes = notes->next) {
		if (notes->kind == NOTE_PEER && !notes->u.peer.host_only)
			asks[count++] = (struct backend_ask){ .peer = notes->u.peer.peer, .host = "" };
		if (notes->kind == NOTE_PEER && notes->u.peer.host != NULL)
			asks[count++] = (struct backend_ask){ .peer = notes->u.peer.peer, .host = notes->u.peer.host };
		if (notes->kind == NOTE_GREYLIST)
			asks[count++] = (struct backend_ask){ .key = notes->u.greylist.key };
	}
	return count != 0 ? group->backend->foresee(group->handle, asks, count) : 0;
}

int group_write(const struct backend *backend, struct backend_handle *handle, const struct group_rules *rules,
    const struct note *notes, unsigned *trimmed_r)
{
	struct group group = { .backend = backend, .handle = handle, .rules = rules, .arena = arena_new() };
	int code = backend->is_orphan(handle) ? -E_SYSTEM : backend->begin(handle);
	bool begun = code == 0;

	*trimmed_r = 0;
	if (code == 0)
		code = foresee(&group, notes);
	for (; code == 0 && notes != NULL; notes = notes->next)
		code = note_add(&group, notes);
	if (code == 0)
		code = slots_write(&group);
	if (code == 0)
		code = hosts_trim(&group, trimmed_r);
	if (code == 0)
		code = backend->commit(handle);
	if (code != 0)
		backend->rollback(handle);
	if (code != 0 && begun && backend->refuses(handle))
		code = -E_REFUSED;
	HASH_CLEAR(hh, group.peers);
	HASH_CLEAR(hh, group.grown);
	HASH_CLEAR(hh, group.flows);
	HASH_CLEAR(hh, group.dmarcs);
	arena_free(&group.arena);
	return code;
}
