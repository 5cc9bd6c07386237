/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of shapes (shape.h): by key, the least recently used goes first when there are too many or they take too much room.
 * Trusts nothing: texts are read with every bound checked, and keys are hashed with a secret. Cannot fail: a shape that does not
 * fit is not kept. Thread: any, one lock.
 */
#include "resolver/shape.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns/dns.h"
#include "util/error.h"
#include "util/out_of_memory.h"
#include "util/siphash.h"

enum {
	BUCKETS = 16384, DAY_SECS = 86400, TELL_SECS = 60,
	DOUBT_WRONG = 2, DOUBT_MAX = 6,	/* messages of the same shape until a part is trusted again */
};

static const char part_letters[SHAPE_PARTS] = { [SHAPE_ENVELOPE] = 'e', [SHAPE_MESSAGE] = 'm' };

struct kept {
	struct kept *next;		/* in its bucket */
	struct kept *newer, *older;
	uint64_t hash;
	char *key, *text;		/* owned */
	size_t bytes;
	unsigned char doubt[SHAPE_PARTS];
	int64_t told_secs;		/* when the record heard of it; 0: never */
};

struct shapes {
	pthread_mutex_t lock;
	uint64_t secret[2];
	size_t max_count, max_bytes, count, bytes;
	struct kept *newest, *oldest;
	struct kept *buckets[BUCKETS];
};

/* ---- text ---- */

bool shape_has_type(uint16_t type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_MX || type == DNS_TYPE_TXT || type == DNS_TYPE_AAAA;
}

/* @return the type of "1 ", "15 ", "16 " or "28 ", 0 of anything else; *at behind the space. */
static uint16_t type_read(const char **at)
{
	unsigned type = 0, digits = 0;

	for (; **at >= '0' && **at <= '9' && digits < 2; (*at)++, digits++)
		type = type * 10 + (unsigned)(**at - '0');
	if (digits == 0 || *(*at)++ != ' ' || !shape_has_type((uint16_t)type))
		return 0;
	return (uint16_t)type;
}

int shape_next(const char **at, struct shape_question *question_r)
{
	const char *p = *at, *end;
	size_t length;

	if (p[0] == '\0')
		return 0;
	question_r->part = p[0] == part_letters[SHAPE_MESSAGE] ? SHAPE_MESSAGE : SHAPE_ENVELOPE;
	if (p[0] != part_letters[question_r->part] || p[1] != ' ')
		return -E_SYNTAX;
	p += 2;
	end = strchr(p, '\n');
	question_r->type = end != NULL ? type_read(&p) : 0;
	if (question_r->type == 0 || p > end)
		return -E_SYNTAX;
	length = (size_t)(end - p);
	if (length == 0 || length > SHAPE_NAME_BYTES)
		return -E_SYNTAX;
	memcpy(question_r->name, p, length);
	question_r->name[length] = '\0';
	if (memchr(question_r->name, ' ', length) != NULL)
		return -E_SYNTAX;
	*at = end + 1;
	return 1;
}

bool shape_is_valid(const char *text)
{
	struct shape_question question;
	unsigned count = 0;
	int code;

	if (strnlen(text, SHAPE_TEXT_BYTES + 1) > SHAPE_TEXT_BYTES)
		return false;
	while ((code = shape_next(&text, &question)) == 1)
		if (++count > SHAPE_QUESTIONS || !dns_name_valid(question.name))
			return false;
	return code == 0;
}

/* Whether the lines of one part are the same in both, in the same order. */
static bool part_is_same(const char *a, const char *b, char letter)
{
	for (;;) {
		size_t length;

		while (*a != '\0' && *a != letter)
			a = strchr(a, '\n') + 1;
		while (*b != '\0' && *b != letter)
			b = strchr(b, '\n') + 1;
		if (*a == '\0' || *b == '\0')
			return *a == *b;
		length = (size_t)(strchr(a, '\n') + 1 - a);
		if (strncmp(a, b, length) != 0)
			return false;
		a += length;
		b += length;
	}
}

/* ---- table; under the lock ---- */

static void use_unlink(struct shapes *shapes, struct kept *kept)
{
	*(kept->newer != NULL ? &kept->newer->older : &shapes->newest) = kept->older;
	*(kept->older != NULL ? &kept->older->newer : &shapes->oldest) = kept->newer;
	kept->newer = kept->older = NULL;
}

static void use_push(struct shapes *shapes, struct kept *kept)
{
	kept->older = shapes->newest;
	*(shapes->newest != NULL ? &shapes->newest->newer : &shapes->oldest) = kept;
	shapes->newest = kept;
}

static void use_push_last(struct shapes *shapes, struct kept *kept)
{
	kept->newer = shapes->oldest;
	*(shapes->oldest != NULL ? &shapes->oldest->older : &shapes->newest) = kept;
	shapes->oldest = kept;
}

static void kept_free(struct kept *kept)
{
	free(kept->key);
	free(kept->text);
	free(kept);
}

static void kept_drop(struct shapes *shapes, struct kept *kept)
{
	struct kept **link = &shapes->buckets[kept->hash % BUCKETS];

	while (*link != kept)
		link = &(*link)->next;
	*link = kept->next;
	use_unlink(shapes, kept);
	shapes->count--;
	shapes->bytes -= kept->bytes;
	kept_free(kept);
}

static struct kept *kept_find(struct shapes *shapes, const char *key, uint64_t hash)
{
	struct kept *kept = shapes->buckets[hash % BUCKETS];

	while (kept != NULL && (kept->hash != hash || strcmp(kept->key, key) != 0))
		kept = kept->next;
	return kept;
}

static void text_set(struct shapes *shapes, struct kept *kept, const char *text)
{
	shapes->bytes -= kept->bytes;
	free(kept->text);
	kept->text = strdup(text);
	if (kept->text == NULL)
		out_of_memory();
	kept->bytes = sizeof(*kept) + strlen(kept->key) + strlen(text) + 2;
	shapes->bytes += kept->bytes;
}

static struct kept *kept_add(struct shapes *shapes, const char *key, uint64_t hash, const char *text)
{
	struct kept *kept = calloc(1, sizeof(*kept)), **bucket = &shapes->buckets[hash % BUCKETS];

	if (kept == NULL || (kept->key = strdup(key)) == NULL)
		out_of_memory();
	kept->hash = hash;
	kept->next = *bucket;
	*bucket = kept;
	use_push(shapes, kept);
	shapes->count++;
	text_set(shapes, kept, text);
	return kept;
}

static void shapes_shrink(struct shapes *shapes)
{
	while (shapes->oldest != NULL && (shapes->count > shapes->max_count || shapes->bytes > shapes->max_bytes))
		kept_drop(shapes, shapes->oldest);
}

/* ---- from outside ---- */

struct shapes *shapes_new(size_t max_count, size_t max_bytes)
{
	struct shapes *shapes = calloc(1, sizeof(*shapes));

	if (shapes == NULL || getrandom(shapes->secret, sizeof(shapes->secret), 0) != sizeof(shapes->secret))
		out_of_memory();
	shapes->max_count = max_count != 0 ? max_count : SHAPES_MAX;
	shapes->max_bytes = max_bytes != 0 ? max_bytes : SHAPES_BYTES;
	pthread_mutex_init(&shapes->lock, NULL);
	return shapes;
}

void shapes_free(struct shapes **shapes)
{
	struct shapes *old = *shapes;

	*shapes = NULL;
	if (old == NULL)
		return;
	while (old->oldest != NULL)
		kept_drop(old, old->oldest);
	pthread_mutex_destroy(&old->lock);
	free(old);
}

const char *shapes_get(struct shapes *shapes, const char *key, struct arena *arena, bool trusted_r[SHAPE_PARTS])
{
	uint64_t hash = siphash(key, strlen(key), shapes->secret);
	const char *text = NULL;
	struct kept *kept;

	pthread_mutex_lock(&shapes->lock);
	kept = kept_find(shapes, key, hash);
	if (kept != NULL) {
		use_unlink(shapes, kept);
		use_push(shapes, kept);
		text = arena_strdup(arena, kept->text);
		for (int part = 0; part < SHAPE_PARTS; part++)
			trusted_r[part] = kept->doubt[part] == 0;
	}
	pthread_mutex_unlock(&shapes->lock);
	return text;
}

static void doubt_note(struct kept *kept, const char *text, const unsigned wrong[SHAPE_PARTS])
{
	for (int part = 0; part < SHAPE_PARTS; part++) {
		unsigned char *doubt = &kept->doubt[part];

		if (wrong[part] != 0)
			*doubt = *doubt + DOUBT_WRONG < DOUBT_MAX ? (unsigned char)(*doubt + DOUBT_WRONG) : DOUBT_MAX;
		else if (*doubt != 0 && part_is_same(kept->text, text, part_letters[part]))
			--*doubt;
	}
}

bool shapes_put(struct shapes *shapes, const char *key, const char *text, const unsigned wrong[SHAPE_PARTS], int64_t now_secs)
{
	uint64_t hash = siphash(key, strlen(key), shapes->secret);
	int64_t since;
	bool changed, tell;
	struct kept *kept;

	if (strlen(key) > SHAPE_KEY_BYTES)
		return false;
	pthread_mutex_lock(&shapes->lock);
	kept = kept_find(shapes, key, hash);
	changed = kept == NULL || strcmp(kept->text, text) != 0;
	if (changed && !shape_is_valid(text)) {	/* what is kept was looked at before: mostly it is the same */
		pthread_mutex_unlock(&shapes->lock);
		return false;
	}
	if (kept == NULL && text[0] == '\0') {	/* what is not worth keeping makes no room for itself */
		pthread_mutex_unlock(&shapes->lock);
		return false;
	}
	if (kept == NULL)
		kept = kept_add(shapes, key, hash, text);
	doubt_note(kept, text, wrong);
	if (changed)
		text_set(shapes, kept, text);
	since = now_secs - kept->told_secs;
	tell = since >= DAY_SECS || (changed && since >= TELL_SECS);
	if (tell)
		kept->told_secs = now_secs;
	shapes_shrink(shapes);
	pthread_mutex_unlock(&shapes->lock);
	return tell;
}

void shapes_load(void *arg, const char *key, const char *text, int64_t told_secs)
{
	struct shapes *shapes = arg;
	uint64_t hash = siphash(key, strlen(key), shapes->secret);
	struct kept *kept;

	if (strlen(key) > SHAPE_KEY_BYTES || text[0] == '\0' || !shape_is_valid(text))
		return;
	pthread_mutex_lock(&shapes->lock);
	if (shapes->count < shapes->max_count && kept_find(shapes, key, hash) == NULL) {
		kept = kept_add(shapes, key, hash, text);
		kept->told_secs = told_secs;
		/* behind all that are there: those came later, or were told of first because they were noted later */
		use_unlink(shapes, kept);
		use_push_last(shapes, kept);
		shapes_shrink(shapes);
	}
	pthread_mutex_unlock(&shapes->lock);
}

void shapes_usage(struct shapes *shapes, size_t *count_r, size_t *bytes_r)
{
	pthread_mutex_lock(&shapes->lock);
	*count_r = shapes->count;
	*bytes_r = shapes->bytes;
	pthread_mutex_unlock(&shapes->lock);
}
