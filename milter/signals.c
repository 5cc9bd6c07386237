/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: SIGHUP makes a new snapshot of the config (a broken file keeps the old one and says why), SIGTERM and SIGINT
 * stop after the messages under way, a second one at once. The main thread waits for them; they are blocked everywhere
 * else, and libmilter's own signal thread is put to sleep (sigwait.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "assayd.h"
#include "config/diff.h"
#include "metrics.h"
#include "record/store.h"
#include "util/error.h"

enum {
	DRAIN_MAX_MS = 60000,		/* a message that takes longer than its deadlines together */
	DRAIN_STEP_MS = 200,		/* how soon a second signal is seen */
	QUIET_MS = 600,			/* sessions are still there: so long without a new message in them is the end */
	LAST_REPLY_MS = 200,		/* libmilter writes the reply after our callback has ended */
};

/* libmilter has ended by itself: told to the main thread by this signal. */
#define SIGNAL_MILTER_ENDED SIGUSR2

struct milter_thread {
	pthread_t thread, main_thread;
	bool runs;
	int result;
};

static void handled_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGNAL_MILTER_ENDED);
}

void signals_block(void)
{
	sigset_t set;

	handled_signals(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* One line of the loader's messages each. */
static void log_lines(char *text)
{
	char *rest = text;
	char *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line != '\0')
			log_error("reload: %s", line);
	}
}

static const struct config *load_for_reload(const char *path, unsigned generation)
{
	char *text = NULL;
	size_t length = 0;
	FILE *errors = open_memstream(&text, &length);
	const struct config *config;

	if (errors == NULL)
		return NULL;
	config = daemon_load_config(path, generation, errors);
	fclose(errors);
	if (config == NULL)
		log_lines(text);
	free(text);
	/* a file that is being written; the rest of it may be what refuses forgeries */
	if (config != NULL && config->sets_nothing) {
		log_error("reload: %s sets no option; is it being written? Replace it by renaming a finished one", path);
		config_unref(&config);
	}
	return config;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* What a running daemon cannot change. */
static void warn_of_restart(const struct config *old, const struct config *new, const char *socket_override)
{
	if (socket_override == NULL && !same_text(old->socket, new->socket))
		log_warning("reload: the new socket %s takes a restart", new->socket);
	if (!same_text(old->metrics_listen, new->metrics_listen))
		log_warning("reload: another place for metrics, %s, takes a restart", new->metrics_listen != NULL ? new->metrics_listen : "none");
	if (!same_text(old->user, new->user) || !same_text(old->group, new->group))
		log_warning("reload: the new user or group takes a restart");
}

static void log_change(void *closure, const char *text)
{
	(void)closure;
	log_notice("reload: %s", text);
}

static void reload(const char *path, const char *socket_override, bool verbose)
{
	struct engine *current = state_get_engine(), *fresh = NULL;
	unsigned generation = engine_config(current)->generation;
	const struct config *config = load_for_reload(path, generation + 1);
	char why[512] = "";

	if (config != NULL) {
		const struct engine_share share = resources_share(config);

		fresh = engine_new_sharing(config, &share, current, why, sizeof(why));
	}
	if (fresh != NULL && engine_open_store(fresh, current, log_store_state, why, sizeof(why)) != 0)
		engine_unref(&fresh);
	if (fresh == NULL) {
		log_error("reload: %s%snothing changes, the configuration in force stays (generation %u)", why, why[0] != '\0' ? ": " : "",
		    generation);
		metrics_note_refused_config();
	} else {
		warn_of_restart(engine_config(current), config, socket_override);
		log_open_config(config, verbose);
		log_advice(config);
		resources_open(config);
		probe_dnssec(fresh);
		beside_begin(config);
		service_config(fresh);
		metrics_note_config(config);
		state_set_engine(fresh);
		if (config_diff(engine_config(current), config, log_change, NULL) == 0)
			log_notice("reload: no option changed");
		log_notice("reload: new configuration from %s is in force (generation %u)", path != NULL ? path : "the defaults",
		    config->generation);
	}
	config_unref(&config);
	engine_unref(&current);
}

static void reload_notified(const char *path, const char *socket_override, bool verbose)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    (int64_t)now.tv_sec * 1000000 + (int64_t)(now.tv_nsec / 1000));
	reload(path, socket_override, verbose);
	(void)sd_notify(0, "READY=1");
}

static void *milter_run(void *arg)
{
	struct milter_thread *milter = arg;

	milter->result = smfi_main();
	pthread_kill(milter->main_thread, SIGNAL_MILTER_ENDED);
	return NULL;
}

static bool second_signal(void)
{
	const struct timespec no_time = { 0 };
	sigset_t set;
	int signal_number;

	handled_signals(&set);
	while ((signal_number = sigtimedwait(&set, NULL, &no_time)) > 0) {
		if (signal_number == SIGTERM || signal_number == SIGINT)
			return true;
	}
	return false;
}

/* @return whether the stop is to be at once: a second signal, or too long. */
static bool out_of_patience(unsigned *waited_ms)
{
	*waited_ms += DRAIN_STEP_MS;
	return second_signal() || *waited_ms >= DRAIN_MAX_MS;
}

/*
 * Waits for messages under way, and for those that begin meanwhile in sessions that are there already: their replies were
 * negotiated away, so that they cannot be refused any more, only finished or torn.
 * @return whether none is left.
 */
static bool drain(void)
{
	unsigned waited_ms = 0, quiet_ms = 0;
	uint64_t begun = state_messages_begun();

	while (quiet_ms < QUIET_MS) {
		bool none = state_wait_drained(DRAIN_STEP_MS);

		if (none && state_session_count() == 0)
			return true;
		if (none)
			usleep(DRAIN_STEP_MS * 1000);	/* it did not wait */
		if (out_of_patience(&waited_ms))
			return none;
		quiet_ms = none && state_messages_begun() == begun ? quiet_ms + DRAIN_STEP_MS : 0;
		begun = state_messages_begun();
	}
	return true;
}

/*
 * The stop: no new connections, then the messages under way to their end, and out. smfi_stop() is not called: it drops
 * what is between two commands, and when its listener ends it destroys the lock that the caller still waits for.
 * @return whether nothing runs any more, so that memory may be freed.
 */
static bool stop(void)
{
	const struct timespec last_reply = { .tv_nsec = LAST_REPLY_MS * 1000000L };

	service_end();
	metrics_note_stopping();
	log_notice("stopping: messages under way are finished, a second signal stops at once");
	listen_close();
	if (!drain()) {
		log_warning("stopping at once, messages under way are left to the MTA");
		return false;
	}
	nanosleep(&last_reply, NULL);
	return state_session_count() == 0;	/* idle connections are just dropped */
}

/* What was noted so far goes to disk (bounded: a few seconds); the engine stays, others may still use it. */
static void flush_store(void)
{
	struct engine *engine = state_get_engine();
	struct store *store = engine_store(engine);

	if (store != NULL && store_flush(store) != 0)
		log_warning("stopping: the last notes could not be written to the database");
	engine_unref(&engine);
}

/* Frees what can be freed when nothing runs any more; else ends without touching what others may still use. */
static int finish(bool at_rest, int code)
{
	at_rest = brakes_stop() && at_rest;
	if (at_rest)
		state_set_engine(NULL);
	else
		flush_store();
	status_close();
	metrics_close();
	process_remove_pid_file();
	log_notice("stopped");
	if (!at_rest)
		_exit(code);
	return code;
}

/* Sessions begin once what is remembered is there: a message judged before would not be held to it. */
static int begin_sessions(struct milter_thread *milter)
{
	if (milter->runs || service_waits())
		return 0;
	milter->main_thread = pthread_self();
	milter->runs = true;
	if (progress_start() == 0 && brakes_start() == 0 && pthread_create(&milter->thread, NULL, milter_run, milter) == 0)
		return 0;
	log_error("cannot start a thread: %s", strerror(errno));
	return -E_SYSTEM;
}

int signals_serve(const char *config_path, const char *socket_override, bool verbose)
{
	static struct milter_thread milter;	/* its thread outlives this function */
	sigset_t set;

	handled_signals(&set);
	for (;;) {
		int begun = begin_sessions(&milter);
		unsigned look_ms = begun == 0 ? service_look() : 0;
		const struct timespec pause = { .tv_sec = look_ms / 1000, .tv_nsec = (long)(look_ms % 1000) * 1000000 };

		if (begun != 0)
			return finish(false, EX_OSERR);
		switch (sigtimedwait(&set, NULL, &pause)) {
		case SIGHUP:
			reload_notified(config_path, socket_override, verbose);
			break;
		case SIGTERM:
		case SIGINT:
			return finish(stop(), EX_OK);
		case SIGNAL_MILTER_ENDED:
			log_error("libmilter ended by itself; its reason is in syslog");
			listen_close();
			return finish(false, EX_SOFTWARE);
		default:
			break;
		}
	}
}
