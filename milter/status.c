/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status socket: who connects gets one JSON object that says how the daemon fares, and is disconnected. Nothing is read
 * from him, so there is nothing to parse. `assay doctor` and `assay setup --check` look here.
 *
 * A probe is an SMTP session whose HELO name ends in STATUS_PROBE_SUFFIX: the label before it is listed here, which proves
 * to who sent it that the MTA asked this daemon. Only sessions from this machine count, and the list is short: a stranger
 * can neither fill nor read it.
 *
 * The socket is a convenience: the daemon serves without it, and says so in the log.
 * Thread: one of its own for the clients; the status_note_* functions may be called by any.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "assayd.h"
#include "build-config.h"
#include "health.h"
#include "local_socket.h"
#include "util/clock.h"

enum {
	PROBES_KEPT = 8,
	PROBE_MAX_CHARS = 63,
	SEND_TIMEOUT_SECS = 2,		/* a client that does not read */
	TEXT_BYTES = 512,
};

static struct {
	pthread_mutex_t lock;
	int fd;				/* listens; -1: not open */
	char *path;
	pthread_t thread;
	bool running;
	/* under the lock */
	int64_t started_secs, last_session_secs, last_message_secs;
	uint64_t sessions, messages, refused;
	bool store_known, store_up;
	char store_text[TEXT_BYTES];
	const char *dnssec;		/* static; NULL: not known yet */
	char dnssec_text[TEXT_BYTES];
	char probes[PROBES_KEPT][PROBE_MAX_CHARS + 1];
	size_t probe_next;
	char *config_path, *serving;
} status = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- what is noted ------------------------------------------------------------------------------------------------ */

void status_note_session(void)
{
	pthread_mutex_lock(&status.lock);
	status.sessions++;
	status.last_session_secs = clock_wall_secs(NULL);
	pthread_mutex_unlock(&status.lock);
}

void status_note_message(const struct decision *decision)
{
	pthread_mutex_lock(&status.lock);
	status.messages++;
	status.last_message_secs = clock_wall_secs(NULL);
	if (decision_refuses(decision))
		status.refused++;
	pthread_mutex_unlock(&status.lock);
	health_affected(HEALTH_STORE, 1);
}

void status_note_store(enum store_news news, const char *text)
{
	pthread_mutex_lock(&status.lock);
	if (news == STORE_UP || news == STORE_DOWN) {
		status.store_known = true;
		status.store_up = news == STORE_UP;
	}
	snprintf(status.store_text, sizeof(status.store_text), "%s", text);
	pthread_mutex_unlock(&status.lock);
}

void status_note_dnssec(enum dns_security root, const char *text)
{
	pthread_mutex_lock(&status.lock);
	status.dnssec = dns_security_name(root);
	snprintf(status.dnssec_text, sizeof(status.dnssec_text), "%s", text);
	pthread_mutex_unlock(&status.lock);
}

/* An smtpd that does not listen on loopback sees one of this machine's own addresses as the client. */
static bool is_from_here(const struct ip_addr *client)
{
	struct ifaddrs *interfaces = NULL;
	bool found = addr_is_loopback(client);

	if (found || getifaddrs(&interfaces) != 0)
		return found;
	for (const struct ifaddrs *each = interfaces; each != NULL && !found; each = each->ifa_next) {
		struct ip_addr own = each->ifa_addr != NULL ? addr_from_sockaddr(each->ifa_addr) : (struct ip_addr){ 0 };

		found = own.family != AF_UNSPEC && addr_equal(&own, client);
	}
	freeifaddrs(interfaces);
	return found;
}

void status_note_helo(const struct facts_connection *connection)
{
	const char *helo = connection->helo, *suffix = helo != NULL ? strstr(helo, STATUS_PROBE_SUFFIX) : NULL;
	size_t length = suffix != NULL ? (size_t)(suffix - helo) : 0;

	if (length == 0 || length > PROBE_MAX_CHARS || suffix[strlen(STATUS_PROBE_SUFFIX)] != '\0' ||
	    strspn(helo, "0123456789abcdef") != length || !is_from_here(&connection->client))
		return;
	pthread_mutex_lock(&status.lock);
	memcpy(status.probes[status.probe_next], helo, length);
	status.probes[status.probe_next][length] = '\0';
	status.probe_next = (status.probe_next + 1) % PROBES_KEPT;
	pthread_mutex_unlock(&status.lock);
	log_info("probe %.*s of `assay`: the MTA asks this daemon", (int)length, helo);
}

/* ---- what is told --------------------------------------------------------------------------------------------------- */

static json_t *time_json(int64_t secs)
{
	return secs != 0 ? json_integer(secs) : json_null();
}

static json_t *probes_json(void)
{
	json_t *probes = json_array();

	for (size_t i = 0; i < PROBES_KEPT; i++)
		if (status.probes[i][0] != '\0')
			json_array_append_new(probes, json_string(status.probes[i]));
	return probes;
}

static json_t *store_json(const struct config *config)
{
	const char *state = config->record_location == NULL ? "off" : !status.store_known || status.store_up ? "up" : "down";

	return json_pack("{s:s?, s:s, s:s}", "path", config->record_location, "state", state, "text",
	    config->record_location != NULL ? status.store_text : "");
}

/* Outages under way: an array, empty when all is well. */
static json_t *health_json(void)
{
	struct health_report reports[HEALTH_CONDITIONS];
	size_t count = health_failing(reports);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s}", "name", reports[i].name, "since",
		    (json_int_t)reports[i].state.since_secs, "affected", (json_int_t)reports[i].state.affected, "text", reports[i].detail));
	return list;
}

static json_t *beside_json(void)
{
	const struct beside_counts counts = beside_counts();

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "own-on-top", (json_int_t)counts.own_on_top, "kept", (json_int_t)counts.kept,
	    "unjudged", (json_int_t)counts.unjudged, "twice", (json_int_t)counts.twice, "relayed", (json_int_t)counts.relayed);
}

static json_t *limits_json(const struct config *config)
{
	char text[TEXT_BYTES];
	bool fits = resources_text(config, text, sizeof(text));

	return json_pack("{s:b, s:s}", "fit", fits, "text", text);
}

/* @return text to be freed, or NULL. */
static char *status_text(void)
{
	struct engine *engine = state_get_engine();
	const struct config *config;
	unsigned open_sessions = state_session_count();
	json_t *all;
	char *text;

	if (engine == NULL)
		return NULL;
	config = engine_config(engine);
	pthread_mutex_lock(&status.lock);
	all = json_pack("{s:s, s:i, s:I, s:s?, s:s, s:s?, s:{s:i, s:I, s:o}, s:{s:I, s:I, s:o}, s:o, s:{s:s, s:s, s:s}, s:o, s:o, s:o, s:o}",
	    "version", PACKAGE_VERSION, "pid", (int)getpid(), "started", (json_int_t)status.started_secs, "config",
	    status.config_path, "mode", run_mode_name(config->mode), "socket", status.serving,
	    "sessions", "open", (int)open_sessions, "seen", (json_int_t)status.sessions, "last", time_json(status.last_session_secs),
	    "messages", "judged", (json_int_t)status.messages, "refused", (json_int_t)status.refused, "last",
	    time_json(status.last_message_secs), "store", store_json(config), "dnssec", "mode", words_of(dnssec_mode_words, (int)config->dns.dnssec), "root",
	    status.dnssec != NULL ? status.dnssec : "unknown", "text", status.dnssec_text, "probes", probes_json(), "outages",
	    health_json(), "descriptors", limits_json(config), "beside", beside_json());
	pthread_mutex_unlock(&status.lock);
	engine_unref(&engine);
	text = all != NULL ? json_dumps(all, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	json_decref(all);
	return text;
}

static void serve(int client)
{
	const struct timeval patience = { .tv_sec = SEND_TIMEOUT_SECS };
	char *text = status_text();
	size_t length = text != NULL ? strlen(text) : 0, at = 0;

	(void)setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	while (at < length) {
		ssize_t sent = send(client, text + at, length - at, MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		at += (size_t)sent;
	}
	free(text);
	close(client);
}

static void *status_run(void *argument)
{
	int client;

	(void)argument;
	/* ends when status_close() shuts the socket down */
	while ((client = accept4(status.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR || errno == ECONNABORTED ||
	    errno == EMFILE || errno == ENFILE) {
		if (client >= 0)
			serve(client);
		else
			usleep(100000);
	}
	return NULL;
}

/* ---- the socket ------------------------------------------------------------------------------------------------------- */

void status_open(const char *path, const char *config_path, const char *serving, uid_t uid, gid_t gid)
{
	status.started_secs = clock_wall_secs(NULL);
	status.config_path = config_path != NULL ? strdup(config_path) : NULL;
	status.serving = strdup(serving);
	if (path == NULL)
		return;
	status.fd = local_socket_listen(path, uid, gid);
	if (status.fd >= 0)
		status.path = strdup(path);
	else if (errno == ENOENT)	/* started by hand, from a build directory: nobody misses it */
		log_info("no status socket: the directory of %s does not exist", path);
	else
		log_warning("status socket %s cannot be made: %s; `assay doctor` will not see this daemon", path,
		    errno == EADDRINUSE ? "another process, maybe another assayd, is there" : strerror(errno));
}

void status_start(void)
{
	if (status.fd < 0)
		return;
	status.running = pthread_create(&status.thread, NULL, status_run, NULL) == 0;
	if (!status.running)
		log_warning("the status socket has no thread: %s", strerror(errno));
}

void status_close(void)
{
	if (status.fd >= 0) {
		(void)unlink(status.path);
		(void)shutdown(status.fd, SHUT_RDWR);
		if (status.running)
			pthread_join(status.thread, NULL);
		close(status.fd);
	}
	status.fd = -1;
	status.running = false;
	free(status.path);
	free(status.config_path);
	free(status.serving);
	status.path = status.config_path = status.serving = NULL;
}
