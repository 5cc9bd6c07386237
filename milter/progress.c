/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks every few seconds whether outages are over (health.h), and
 * keeps the MTA patient while a message waits for slow DNS: every few seconds each message that has been under judgement
 * for a while gets a smfi_progress(). One thread for all; a message costs two short locks and wakes nobody.
 * The lock is held while a progress byte is written, so that it can never mix with the worker's own writes, which come
 * after progress_end(). The write is five bytes to a socket whose reader waits for us: it does not block.
 */
#include <time.h>

#include "assayd.h"
#include "health.h"
#include "metrics.h"
#include "util/clock.h"
#include "util/error.h"

enum { TICK_SECS = 2, PROGRESS_INTERVAL_MS = 5000 };

static struct {
	pthread_mutex_t lock;
	struct progress_entry *first;
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER };

void progress_begin(struct progress_entry *entry, SMFICTX *context)
{
	entry->context = context;
	entry->last_ms = clock_monotonic_ms();
	entry->previous = NULL;
	pthread_mutex_lock(&progress.lock);
	entry->next = progress.first;
	if (entry->next != NULL)
		entry->next->previous = entry;
	progress.first = entry;
	pthread_mutex_unlock(&progress.lock);
}

void progress_end(struct progress_entry *entry)
{
	pthread_mutex_lock(&progress.lock);
	if (entry->previous != NULL)
		entry->previous->next = entry->next;
	else
		progress.first = entry->next;
	if (entry->next != NULL)
		entry->next->previous = entry->previous;
	pthread_mutex_unlock(&progress.lock);
}

static void progress_send_all(void)
{
	int64_t now_ms = clock_monotonic_ms();

	pthread_mutex_lock(&progress.lock);
	for (struct progress_entry *entry = progress.first; entry != NULL; entry = entry->next) {
		if (now_ms - entry->last_ms < PROGRESS_INTERVAL_MS)
			continue;
		entry->last_ms = now_ms;
		(void)smfi_progress(entry->context);	/* a dead connection shows at the reply */
	}
	pthread_mutex_unlock(&progress.lock);
}

static void *progress_run(void *unused)
{
	const struct timespec interval = { .tv_sec = TICK_SECS };

	(void)unused;
	for (;;) {
		nanosleep(&interval, NULL);
		progress_send_all();
		resolver_look();
		health_look();
		metrics_look();
	}
	return NULL;
}

int progress_start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, progress_run, NULL) != 0)
		return -E_SYSTEM;
	pthread_detach(thread);
	return 0;
}
