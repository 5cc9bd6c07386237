/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server of /metrics and /healthz, and of the report at / where that is wanted: libmicrohttpd on one thread of its own. GET and
 * HEAD alone, one answer a connection, no body is read. Trusts nobody who connects: there are few connections at once, each ends when its client is silent for a
 * while or takes too long in all, a request has little room, and answers are paced, so that whoever asks without end takes no
 * processor from mail. It is never waited for: no connection's thread knows of it.
 * Thread: main opens and closes; libmicrohttpd's answers; progress.c's looks.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/listen_place.h"
#include "local_socket.h"
#include "metrics_internal.h"
#include "metrics_report.h"
#include "util/clock.h"
#include "util/log.h"

enum {
	QUEUE = 8,
	SILENT_SECS = 5,		/* a client that neither sends nor reads */
	WHOLE_MS = 10000,		/* one that does so a byte at a time */
	REQUEST_BYTES = 8192,		/* a connection's memory: its request with all fields, and the head of the answer */
	PACE_MS = 20,			/* from one answer to the next */
};

enum { CODE_OK, CODE_NOT_FOUND, CODE_NOT_ALLOWED, CODE_UNAVAILABLE };
const char *const metrics_http_words[HTTP_CODES] = { "200", "404", "405", "503" };
static const unsigned codes[HTTP_CODES] = {
	MHD_HTTP_OK, MHD_HTTP_NOT_FOUND, MHD_HTTP_METHOD_NOT_ALLOWED, MHD_HTTP_SERVICE_UNAVAILABLE
};

struct client { bool there; int fd; int64_t since_ms; };

static struct {
	int fd;				/* listens; -1: not open */
	char *path;			/* of a unix socket */
	struct MHD_Daemon *daemon;
	int64_t answered_ms;		/* of the server's thread */
	_Atomic uint64_t counts[HTTP_CODES];
	pthread_mutex_t lock;		/* of the clients: a descriptor in there is not closed while it is held */
	struct client clients[METRICS_CONNECTIONS];
} http = { .fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER };

void metrics_http_counts(uint64_t counts_r[HTTP_CODES])
{
	for (size_t i = 0; i < HTTP_CODES; i++)
		counts_r[i] = atomic_load_explicit(&http.counts[i], memory_order_relaxed);
}

/* ---- answers ----------------------------------------------------------------------------------------------------------- */

/* The page has styles of its own and no script; whatever a name in it were to bring along is not run and asks nobody. */
static const char report_type[] = "text/html; charset=utf-8";
static const char report_security[] = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

/* Queues an answer and lets go of it. */
static enum MHD_Result queue(struct MHD_Connection *connection, int code, const char *type, struct MHD_Response *response)
{
	enum MHD_Result result = MHD_NO;

	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
	    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
	    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
	    (type != report_type || MHD_add_response_header(response, "Content-Security-Policy", report_security) == MHD_YES) &&
	    (code != CODE_NOT_ALLOWED || MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
		result = MHD_queue_response(connection, codes[code], response);
	MHD_destroy_response(response);
	atomic_fetch_add_explicit(&http.counts[code], 1, memory_order_relaxed);
	return result;
}

/* The text is freed by the server. */
static enum MHD_Result respond(struct MHD_Connection *connection, int code, const char *type, char *text, size_t length)
{
	struct MHD_Response *response = text != NULL ? MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE) : NULL;

	if (response != NULL)
		return queue(connection, code, type, response);
	free(text);
	return MHD_NO;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, int code, const char *text)
{
	char *copy = strdup(text);

	return respond(connection, code, "text/plain; charset=utf-8", copy, strlen(text));
}

static enum MHD_Result respond_metrics(struct MHD_Connection *connection)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return MHD_NO;
	metrics_text(out);
	if (fclose(out) != 0 || length == 0) {
		free(text);
		return respond_text(connection, CODE_UNAVAILABLE, "no figures now\n");
	}
	return respond(connection, CODE_OK, "text/plain; version=0.0.4; charset=utf-8", text, length);
}

static enum MHD_Result respond_health(struct MHD_Connection *connection)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	bool good;

	if (out == NULL)
		return MHD_NO;
	good = metrics_health_text(out);
	if (fclose(out) != 0) {
		free(text);
		return MHD_NO;
	}
	return respond(connection, good ? CODE_OK : CODE_UNAVAILABLE, "text/plain; charset=utf-8", text, length);
}

static enum MHD_Result respond_report(struct MHD_Connection *connection)
{
	struct MHD_Response *response;
	uint64_t bytes;
	char *text = NULL;
	size_t length = 0;
	FILE *why = open_memstream(&text, &length);
	int fd;

	if (why == NULL)
		return MHD_NO;
	fd = metrics_report_open(why, &bytes);
	if (fclose(why) != 0 || fd < 0) {
		enum MHD_Result result = MHD_NO;

		if (fd == METRICS_REPORT_OFF)
			result = respond_text(connection, CODE_NOT_FOUND, "there are /metrics and /healthz\n");
		else if (fd == -1 && length != 0)
			return respond(connection, CODE_UNAVAILABLE, "text/plain; charset=utf-8", text, length);
		else if (fd >= 0)
			close(fd);
		free(text);
		return result;
	}
	free(text);
	response = MHD_create_response_from_fd64(bytes, fd);
	if (response != NULL)
		return queue(connection, CODE_OK, report_type, response);
	close(fd);
	return MHD_NO;
}

/* Who asks again at once waits, and with him all who ask: nobody has use for more answers than this. */
static void pace(void)
{
	int64_t wait_ms = http.answered_ms + PACE_MS - clock_monotonic_ms();

	if (wait_ms > 0)
		usleep((useconds_t)wait_ms * 1000);
	http.answered_ms = clock_monotonic_ms();
}

/* Called when a request's fields are there; it answers at once, so that no body is waited for. */
static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_bytes, void **request)
{
	(void)closure;
	(void)version;
	(void)upload;
	(void)upload_bytes;
	(void)request;
	pace();
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_text(connection, CODE_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/metrics") == 0)
		return respond_metrics(connection);
	if (strcmp(url, "/healthz") == 0)
		return respond_health(connection);
	if (strcmp(url, "/") == 0)
		return respond_report(connection);
	return respond_text(connection, CODE_NOT_FOUND, "there are /metrics and /healthz\n");
}

/* ---- connections -------------------------------------------------------------------------------------------------------- */

static void on_connection(void *closure, struct MHD_Connection *connection, void **place,
    enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *client = *place;

	(void)closure;
	pthread_mutex_lock(&http.lock);
	if (what == MHD_CONNECTION_NOTIFY_CLOSED && client != NULL)
		client->there = false;
	for (size_t i = 0; i < METRICS_CONNECTIONS && what == MHD_CONNECTION_NOTIFY_STARTED && *place == NULL && info != NULL; i++) {
		if (!http.clients[i].there) {
			http.clients[i] = (struct client){ true, info->connect_fd, clock_monotonic_ms() };
			*place = &http.clients[i];
		}
	}
	pthread_mutex_unlock(&http.lock);
}

void metrics_look(void)
{
	int64_t now_ms = clock_monotonic_ms();

	pthread_mutex_lock(&http.lock);
	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		if (http.clients[i].there && now_ms - http.clients[i].since_ms > WHOLE_MS)
			(void)shutdown(http.clients[i].fd, SHUT_RDWR);	/* the server's thread sees the end, and closes it */
	pthread_mutex_unlock(&http.lock);
}

/* ---- the socket ----------------------------------------------------------------------------------------------------------- */

static int open_port(const struct listen_place *place)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(place->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(place->port) };
	bool six = place->addr.family == AF_INET6;
	const int on = 1;
	int fd = socket(place->addr.family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	memcpy(&in.sin_addr, place->addr.bytes, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, place->addr.bytes, sizeof(in6.sin6_addr));
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));	/* connections of a former assayd may be left */
	if (bind(fd, six ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in, six ? sizeof(in6) : sizeof(in)) == 0 &&
	    listen(fd, QUEUE) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static const char *reason(int error)
{
	switch (error) {
	case EADDRINUSE: return "another process, maybe another assayd, is there";
	case ENOENT: return "its directory does not exist; make it for the user that assayd runs as (install -d -o USER DIRECTORY)";
	default: return strerror(error);
	}
}

void metrics_open(const char *place, uid_t uid, gid_t gid)
{
	struct listen_place parsed;
	const char *why;

	if (place == NULL || listen_place_parse(place, &parsed, &why) != 0)	/* the loader has looked */
		return;
	http.fd = parsed.path != NULL ? local_socket_listen(parsed.path, uid, gid) : open_port(&parsed);
	if (http.fd < 0)
		log_warning("metrics { listen = %s } cannot be used: %s; mail is judged, but nobody can ask for its figures until a "
		    "restart", place, reason(errno));
	else
		http.path = parsed.path != NULL ? strdup(parsed.path) : NULL;
}

void metrics_start(void)
{
	if (http.fd < 0)
		return;
	http.daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, NULL,
	    MHD_OPTION_LISTEN_SOCKET, (MHD_socket)http.fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENT_SECS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_END);
	if (http.daemon == NULL)
		log_warning("metrics are not served: the server cannot be started: %s", strerror(errno));
}

void metrics_close(void)
{
	if (http.fd < 0)
		return;
	if (http.path != NULL)
		(void)unlink(http.path);
	if (http.daemon != NULL)
		MHD_stop_daemon(http.daemon);	/* closes the socket, too */
	else
		close(http.fd);
	free(http.path);
	http.daemon = NULL;
	http.path = NULL;
	http.fd = -1;
}
