/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What systemd hears of the daemon: that it is ready, its state in words (`systemctl status assayd`), and that it lives.
 *
 * Ready: the socket listens before any of this begins (main.c); what may still be missing is the store, whose writer opens the
 * database on its own thread. So READY, and the first session (signals.c), wait for the writer's first word, up or down: a
 * database that cannot be opened costs no mail, hence no start, but the state then says "without memory" and why. MTAs that
 * connect meanwhile wait in the socket's queue.
 *
 * Serving: the log and the state say so once it is known what with: the store's first word has come, and the DNS servers were
 * looked at (probe.c). Both have a time after which is said what they are at. Until then the daemon is listening; messages are
 * judged as soon as there are sessions, with what DNS gives.
 *
 * Alive: several times in each WatchdogSec a client of our own connects to our own socket and begins a session as an MTA
 * does. That a session began since the last look, ours or anybody's, needs the main thread (which asks), libmilter's
 * listener, a free worker and our callbacks, and the socket in its place in the file system. It needs no DNS, no database and
 * no MTA: what is slow without our doing stops no sign of life. On a busy machine any session of any MTA is one.
 *
 * Without systemd only the log hears of it. Thread: main, but for service_store_news() and service_resolver_news().
 */
#include <libmilter/mfdef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "assayd.h"
#include "util/clock.h"

enum {
	STORE_WAIT_MS = 10000,		/* for the database's first word; a large one that is migrated takes longer */
	RESOLVER_WAIT_MS = 15000,	/* for the DNS servers' first word; several that are silent take longer */
	STORE_LOOK_MS = 20,
	LOOKS_PER_WATCHDOG = 6,
	LOOK_AGAIN_MS = 200, 		/* while a sign of life is awaited */
	IDLE_MS = 3600000,
};

static struct {
	pthread_mutex_t lock;		/* for the words, which the store's writer and the probe change too */
	bool listens, store_told, resolver_told, ready, serving;
	const char *mode;
	char socket[160], store[320], resolver[120];
	int64_t ready_by_ms, serving_by_ms;
} service = { .lock = PTHREAD_MUTEX_INITIALIZER, .resolver = "the DNS servers have not answered yet" };

static struct {
	bool wanted;
	int64_t interval_ms;
	uint64_t seen;			/* sessions begun at the last sign of life */
	int64_t next_ms;
	int fd;				/* our own client; -1: none */
	bool asked;
} watchdog = { .fd = -1 };

/* ---- the state in words -------------------------------------------------------------------------- */

/* Lock held. */
static void tell_status(void)
{
	if (service.listens)
		(void)sd_notifyf(0, "STATUS=%s at %s, mode %s; %s; %s", service.serving ? "Serving" : "Listening", service.socket,
		    service.mode, service.store, service.resolver);
}

void service_store_news(enum store_news news, const char *text)
{
	if (news == STORE_WARNING || news == STORE_REFUSED)
		return;
	pthread_mutex_lock(&service.lock);
	snprintf(service.store, sizeof(service.store), news == STORE_UP ? "remembers in %s" : "without memory: %s", text);
	service.store_told = true;
	tell_status();
	pthread_mutex_unlock(&service.lock);
}

void service_resolver_news(const char *text)
{
	pthread_mutex_lock(&service.lock);
	snprintf(service.resolver, sizeof(service.resolver), "%s", text);
	service.resolver_told = true;
	tell_status();
	pthread_mutex_unlock(&service.lock);
}

void service_config(struct engine *engine)
{
	pthread_mutex_lock(&service.lock);
	service.mode = run_mode_name(engine_config(engine)->mode);
	if (engine_store(engine) == NULL) {
		snprintf(service.store, sizeof(service.store), "remembers nothing (no path in record { })");
		service.store_told = true;
	} else if (!service.store_told) {
		snprintf(service.store, sizeof(service.store), "the database %s is being opened", engine_config(engine)->record_location);
	}
	tell_status();
	pthread_mutex_unlock(&service.lock);
}

/* ---- signs of life ------------------------------------------------------------------------------- */

static void client_close(void)
{
	if (watchdog.fd >= 0)
		close(watchdog.fd);
	watchdog.fd = -1;
	watchdog.asked = false;
}

/* Begins a session, and ends it: option negotiation, everything offered, then QUIT; the length of each goes before. */
static bool client_ask(int fd)
{
	static const unsigned char words[] = {
		0, 0, 0, 13, SMFIC_OPTNEG, 0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff,
		0, 0, 0, 1, SMFIC_QUIT,
	};

	return send(fd, words, sizeof(words), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(words);
}

/* One client at a time, tried again until it got its word in; one that was dropped is replaced. */
static void client_try(void)
{
	char byte;

	if (watchdog.asked && recv(watchdog.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		client_close();
	if (watchdog.fd < 0)
		watchdog.fd = listen_connect();
	if (watchdog.fd >= 0 && !watchdog.asked)
		watchdog.asked = client_ask(watchdog.fd);
}

static unsigned watchdog_look(int64_t now_ms)
{
	/* where all places are taken no session begins; the listener then waits, which shows that it lives */
	uint64_t begun = state_sessions_begun() + admission_waits();

	if (now_ms < watchdog.next_ms)
		return (unsigned)(watchdog.next_ms - now_ms);
	if (begun == watchdog.seen) {
		client_try();
		return LOOK_AGAIN_MS;
	}
	client_close();
	watchdog.seen = begun;
	watchdog.next_ms = now_ms + watchdog.interval_ms;
	(void)sd_notify(0, "WATCHDOG=1");
	return (unsigned)watchdog.interval_ms;
}

/* ---- life ---------------------------------------------------------------------------------------- */

void service_begin(const char *socket, struct engine *engine)
{
	uint64_t usec = 0;

	watchdog.wanted = sd_watchdog_enabled(0, &usec) > 0;
	watchdog.interval_ms = (int64_t)(usec / 1000 / LOOKS_PER_WATCHDOG) + 1;
	pthread_mutex_lock(&service.lock);
	snprintf(service.socket, sizeof(service.socket), "%s", socket);
	service.listens = true;
	pthread_mutex_unlock(&service.lock);
	service.ready_by_ms = clock_monotonic_ms() + STORE_WAIT_MS;
	service.serving_by_ms = clock_monotonic_ms() + RESOLVER_WAIT_MS;
	service_config(engine);
}

bool service_waits(void)
{
	bool told;

	pthread_mutex_lock(&service.lock);
	told = service.store_told;
	pthread_mutex_unlock(&service.lock);
	return !told && clock_monotonic_ms() < service.ready_by_ms;
}

/* The store is not waited for any more. @return whether it was said, now or before, that the daemon serves. */
static bool say_serving(void)
{
	pthread_mutex_lock(&service.lock);
	if (!service.serving && (service.resolver_told || clock_monotonic_ms() >= service.serving_by_ms)) {
		service.serving = true;
		log_notice("serving at %s, mode %s; %s; %s", service.socket, service.mode, service.store, service.resolver);
		tell_status();
	}
	pthread_mutex_unlock(&service.lock);
	return service.serving;
}

unsigned service_look(void)
{
	unsigned next_ms;

	if (service_waits())
		return STORE_LOOK_MS;
	if (!service.ready)
		(void)sd_notify(0, "READY=1");
	service.ready = true;
	next_ms = watchdog.wanted ? watchdog_look(clock_monotonic_ms()) : IDLE_MS;
	return say_serving() || next_ms < STORE_LOOK_MS ? next_ms : STORE_LOOK_MS;
}

void service_end(void)
{
	(void)sd_notify(0, "STOPPING=1\nSTATUS=Stopping: messages under way are finished");
	client_close();
}
