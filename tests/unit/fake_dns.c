/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests' DNS server: see fake_dns.h. One thread, poll(); late answers wait in a list. Trusts the resolver under test. */
#include "fake_dns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/name.h"
#include "resolver/zonefile.h"
#include "scratch.h"

enum { LOG_MAX = 20000, LATE_MAX = 8192, TCP_MAX = 256, MESSAGE_BYTES = 65535, UDP_PLAIN_BYTES = 512 };
enum { HOLD_MAX_MS = 20000, HOLD_POLL_MS = 5, AWAIT_MS = 60000 };

/* An answer that goes out later. */
struct late {
	int64_t due_ms;
	unsigned hold_until;	/* see fake_dns_reply */
	struct sockaddr_in to;
	int tcp;		/* connection, or -1 */
	uint8_t *wire;
	size_t length;
};

struct fake_dns {
	int udp, other_udp, tcp, stop[2];
	uint16_t port;
	pthread_t thread;
	struct zonefile *zonefile;
	fake_dns_callback *callback;
	void *context;
	pthread_mutex_t lock;	/* guards the log */
	struct fake_dns_question *log;
	size_t log_count;
	unsigned different;
	unsigned held;		/* those that waited in vain too */
	bool released;
	/* server thread only */
	struct late late[LATE_MAX];
	size_t late_count;
	int connections[TCP_MAX];
	size_t connection_count;
};

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	abort();
}

/* ---- sending ---- */

static void send_now(struct fake_dns *server, const struct late *late)
{
	uint8_t length[2] = { (uint8_t)(late->length >> 8), (uint8_t)late->length };

	if (late->tcp < 0) {
		sendto(server->udp, late->wire, late->length, 0, (const struct sockaddr *)&late->to, sizeof(late->to));
		return;
	}
	if (send(late->tcp, length, 2, MSG_NOSIGNAL) == 2)
		(void)!send(late->tcp, late->wire, late->length, MSG_NOSIGNAL);
	close(late->tcp);
}

static void send_late(struct fake_dns *server, struct late late, unsigned delay_ms, const uint8_t *wire)
{
	late.wire = malloc(late.length != 0 ? late.length : 1);
	must(late.wire != NULL, "malloc");
	memcpy(late.wire, wire, late.length);
	late.due_ms = clock_monotonic_ms() + (late.hold_until != 0 ? HOLD_MAX_MS : delay_ms);
	if ((delay_ms != 0 || late.hold_until != 0) && server->late_count < LATE_MAX) {
		server->late[server->late_count++] = late;
		return;
	}
	send_now(server, &late);
	free(late.wire);
}

static bool is_due(struct fake_dns *server, const struct late *late, int64_t now_ms)
{
	bool due = late->due_ms <= now_ms;

	if (late->hold_until == 0)
		return due;
	pthread_mutex_lock(&server->lock);
	if (late->hold_until == FAKE_DNS_HELD ? server->released : server->different >= late->hold_until) {
		server->held--;
		due = true;
	}
	pthread_mutex_unlock(&server->lock);
	return due;
}

/* Sends what is due. @return ms until the next is, -1: nothing waits. */
static int late_run(struct fake_dns *server)
{
	int64_t now_ms = clock_monotonic_ms(), next_ms = -1;

	for (size_t i = 0; i < server->late_count;) {
		struct late *late = &server->late[i];

		if (is_due(server, late, now_ms)) {
			send_now(server, late);
			free(late->wire);
			*late = server->late[--server->late_count];
			continue;
		}
		if (next_ms < 0 || late->due_ms - now_ms < next_ms)
			next_ms = late->due_ms - now_ms;
		if (late->hold_until != 0 && next_ms > HOLD_POLL_MS)
			next_ms = HOLD_POLL_MS;
		i++;
	}
	return (int)next_ms;
}

/* ---- answering ---- */

struct asked {
	const uint8_t *wire;		/* the query */
	size_t length, question_end;
	struct dns_name name;
	struct fake_dns_question log;
};

static bool question_read(const uint8_t *wire, size_t length, struct asked *asked)
{
	size_t end = 12;

	memset(&asked->log, 0, sizeof(asked->log));
	asked->wire = wire;
	asked->length = length;
	while (end < length && wire[end] != 0)
		end += 1u + wire[end];
	end++;
	if (length < 17 || end + 4 > length || dns_name_from_wire(wire + 12, end - 12, &asked->name) != 0)
		return false;
	asked->log.id = (uint16_t)(wire[0] << 8 | wire[1]);
	memcpy(asked->log.flags, wire + 2, 2);
	asked->log.type = (uint16_t)(wire[end] << 8 | wire[end + 1]);
	asked->question_end = end + 4;
	if (wire[11] == 1 && length == end + 4 + 11) {
		asked->log.edns_bytes = (uint16_t)(wire[end + 7] << 8 | wire[end + 8]);
		asked->log.dnssec_ok = (wire[end + 11] & 0x80) != 0;
	}
	return true;
}

/* The question's bytes as they came, so that its case is kept, behind a header of zero counts. */
static size_t header_write(const struct asked *asked, uint8_t *out)
{
	static const uint8_t header[12] = { 0, 0, 0x81, 0x80, 0, 1 };

	memcpy(out, header, 12);
	memcpy(out, asked->wire, 2);
	memcpy(out + 12, asked->wire + 12, asked->question_end - 12);
	return asked->question_end;
}

/* The true answer. */
static size_t answer_write(struct fake_dns *server, const struct asked *asked, const struct fake_dns_reply *reply, bool tcp,
    uint8_t *out)
{
	size_t length = header_write(asked, out), room = asked->log.edns_bytes != 0 ? asked->log.edns_bytes : UDP_PLAIN_BYTES;
	struct arena *arena = arena_new();
	const uint8_t *wire;
	size_t zone_length;

	if (reply->raw != NULL) {
		length = reply->raw_length;
		memcpy(out, reply->raw, length);
		if (length >= 2)
			memcpy(out, asked->wire, 2);
	} else if (reply->rcode_set) {
		out[3] |= reply->rcode;
		if (reply->no_question) {
			out[5] = 0;
			length = 12;
		}
	} else if (zonefile_respond(server->zonefile, &asked->name, asked->log.type, arena, &wire, &zone_length) != 0) {
		out[3] |= 2;
	} else if (reply->truncate && !tcp) {
		out[2] |= 2;
	} else if (zone_length > room && !tcp) {
		out[2] |= 2;
	} else {
		memcpy(out + length, wire + length, zone_length - length);
		memcpy(out + 2, wire + 2, 10);
		length = zone_length;
	}
	if (reply->ad)
		out[3] |= 0x20;
	arena_free(&arena);
	return length;
}

static void lies_send(struct fake_dns *server, const struct late *to, const struct fake_dns_reply *reply, const uint8_t *answer)
{
	static const uint8_t noise[40] = { 0xff, 0xfe, 1, 2, 3 };
	uint8_t *lie = malloc(to->length);

	must(lie != NULL, "malloc");
	memcpy(lie, answer, to->length);
	if (reply->wrong_port)
		sendto(server->other_udp, lie, to->length, 0, (const struct sockaddr *)&to->to, sizeof(to->to));
	if (reply->wrong_id) {
		lie[0] ^= 0x55;
		sendto(server->udp, lie, to->length, 0, (const struct sockaddr *)&to->to, sizeof(to->to));
		lie[0] ^= 0x55;
	}
	if (reply->wrong_question && lie[12] != 0) {
		lie[13] = lie[13] == 'q' ? 'z' : 'q';
		sendto(server->udp, lie, to->length, 0, (const struct sockaddr *)&to->to, sizeof(to->to));
	}
	if (reply->garbage)
		sendto(server->udp, noise, sizeof(noise), 0, (const struct sockaddr *)&to->to, sizeof(to->to));
	free(lie);
}

static void log_add(struct fake_dns *server, const struct fake_dns_question *question)
{
	size_t i = 0;

	pthread_mutex_lock(&server->lock);
	while (i < server->log_count && (server->log[i].type != question->type || strcmp(server->log[i].name, question->name) != 0))
		i++;
	server->different += i == server->log_count;
	if (server->log_count < LOG_MAX)
		server->log[server->log_count++] = *question;
	pthread_mutex_unlock(&server->lock);
}

static void question_serve(struct fake_dns *server, const uint8_t *wire, size_t length, const struct sockaddr_in *from,
    int connection)
{
	static __thread uint8_t out[MESSAGE_BYTES + 1];
	struct fake_dns_reply reply = { 0 };
	struct late late = { .tcp = connection, .to = *from };
	struct asked asked;
	char text[DNS_NAME_TEXT_BYTES];

	if (!question_read(wire, length, &asked))
		return;
	dns_name_text(asked.name.bytes, text);
	snprintf(asked.log.name, sizeof(asked.log.name), "%.255s", text);
	asked.log.tcp = connection >= 0;
	asked.log.port = ntohs(from->sin_port);
	log_add(server, &asked.log);
	if (server->callback != NULL)
		server->callback(server->context, text, asked.log.type, connection >= 0, &reply);
	if (reply.drop) {
		if (connection >= 0)
			close(connection);
		return;
	}
	late.length = answer_write(server, &asked, &reply, connection >= 0, out);
	if (connection < 0)
		lies_send(server, &late, &reply, out);
	late.hold_until = reply.hold_until;
	if (late.hold_until != 0) {
		pthread_mutex_lock(&server->lock);
		server->held++;
		pthread_mutex_unlock(&server->lock);
	}
	if (!reply.only_lies)
		send_late(server, late, reply.delay_ms, out);
}

/* ---- the thread ---- */

static void udp_serve(struct fake_dns *server)
{
	uint8_t wire[4096];
	struct sockaddr_in from;
	socklen_t from_length = sizeof(from);
	ssize_t got = recvfrom(server->udp, wire, sizeof(wire), MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);

	if (got > 0)
		question_serve(server, wire, (size_t)got, &from, -1);
}

/* A question by TCP comes in one piece over loopback; the connection is closed after its answer. */
static void tcp_serve(struct fake_dns *server, size_t index)
{
	int connection = server->connections[index];
	struct sockaddr_in from;
	socklen_t from_length = sizeof(from);
	uint8_t wire[4096];
	ssize_t got = recv(connection, wire, sizeof(wire), MSG_DONTWAIT);

	server->connections[index] = server->connections[--server->connection_count];
	memset(&from, 0, sizeof(from));
	getpeername(connection, (struct sockaddr *)&from, &from_length);
	if (got > 2 && (size_t)got - 2 == (size_t)(wire[0] << 8 | wire[1]))
		question_serve(server, wire + 2, (size_t)got - 2, &from, connection);
	else
		close(connection);
}

static void *serve(void *argument)
{
	struct fake_dns *server = argument;
	struct pollfd polls[3 + TCP_MAX];

	for (;;) {
		size_t connections = server->connection_count;
		int wait_ms = late_run(server);

		polls[0] = (struct pollfd){ .fd = server->stop[0], .events = POLLIN };
		polls[1] = (struct pollfd){ .fd = server->udp, .events = POLLIN };
		polls[2] = (struct pollfd){ .fd = connections < TCP_MAX ? server->tcp : -1, .events = POLLIN };
		for (size_t i = 0; i < connections; i++)
			polls[3 + i] = (struct pollfd){ .fd = server->connections[i], .events = POLLIN };
		poll(polls, 3 + connections, wait_ms);
		if (polls[0].revents != 0)
			return NULL;
		if (polls[1].revents != 0)
			udp_serve(server);
		for (size_t i = connections; i-- > 0;)
			if (polls[3 + i].revents != 0)
				tcp_serve(server, i);
		if (polls[2].revents != 0)
			server->connections[server->connection_count++] = accept4(server->tcp, NULL, NULL, SOCK_CLOEXEC);
	}
}

/* ---- start, stop, log ---- */

static int bound_socket(int kind, uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);

	must(fd >= 0, "socket");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(address.sin_port);
	return fd;
}

static struct zonefile *zone_from_text(const char *text)
{
	char path[SCRATCH_BYTES], why[256];
	struct zonefile *zonefile;
	FILE *file;

	scratch_file(path);
	file = fopen(path, "w");
	must(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, "write");
	zonefile = zonefile_load(path, why, sizeof(why));
	unlink(path);
	if (zonefile == NULL)
		fprintf(stderr, "%s\n", why);
	must(zonefile != NULL, "zone text");
	return zonefile;
}

struct fake_dns *fake_dns_start(const char *zone_text, fake_dns_callback *callback, void *context)
{
	struct fake_dns *server = calloc(1, sizeof(*server));
	uint16_t other = 0;
	int room = 4 * 1024 * 1024;

	must(server != NULL, "calloc");
	server->log = calloc(LOG_MAX, sizeof(*server->log));
	must(server->log != NULL, "calloc");
	server->zonefile = zone_from_text(zone_text != NULL ? zone_text : "\n");
	server->callback = callback;
	server->context = context;
	do {	/* the same port for both */
		server->port = 0;
		server->udp = bound_socket(SOCK_DGRAM, &server->port);
		server->tcp = bound_socket(SOCK_STREAM, &server->port);
		if (server->tcp < 0)
			close(server->udp);
	} while (server->tcp < 0);
	server->other_udp = bound_socket(SOCK_DGRAM, &other);
	setsockopt(server->udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	must(listen(server->tcp, 128) == 0, "listen");
	must(pipe2(server->stop, O_CLOEXEC) == 0, "pipe2");
	pthread_mutex_init(&server->lock, NULL);
	must(pthread_create(&server->thread, NULL, serve, server) == 0, "pthread_create");
	return server;
}

void fake_dns_stop(struct fake_dns **server)
{
	struct fake_dns *old = *server;

	*server = NULL;
	must(write(old->stop[1], "", 1) == 1, "write");
	pthread_join(old->thread, NULL);
	for (size_t i = 0; i < old->late_count; i++) {
		if (old->late[i].tcp >= 0)
			close(old->late[i].tcp);
		free(old->late[i].wire);
	}
	for (size_t i = 0; i < old->connection_count; i++)
		close(old->connections[i]);
	close(old->udp);
	close(old->other_udp);
	close(old->tcp);
	close(old->stop[0]);
	close(old->stop[1]);
	zonefile_free(&old->zonefile);
	pthread_mutex_destroy(&old->lock);
	free(old->log);
	free(old);
}

struct dns_server fake_dns_address(const struct fake_dns *server)
{
	struct dns_server address = { .port = server->port };

	addr_parse("127.0.0.1", &address.addr);
	return address;
}

unsigned fake_dns_count(struct fake_dns *server, const char *name, uint16_t type)
{
	unsigned count = 0;

	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < server->log_count; i++)
		if ((name == NULL || strcmp(server->log[i].name, name) == 0) && (type == 0 || server->log[i].type == type))
			count++;
	pthread_mutex_unlock(&server->lock);
	return count;
}

unsigned fake_dns_await(struct fake_dns *server, const char *name, uint16_t type, unsigned count)
{
	int64_t deadline_ms = clock_monotonic_ms() + AWAIT_MS;
	unsigned came;

	while ((came = fake_dns_count(server, name, type)) < count && clock_monotonic_ms() < deadline_ms)
		usleep(1000);
	return came;
}

void fake_dns_release(struct fake_dns *server)
{
	pthread_mutex_lock(&server->lock);
	server->released = true;
	pthread_mutex_unlock(&server->lock);
}

unsigned fake_dns_stalled(struct fake_dns *server)
{
	unsigned held;

	pthread_mutex_lock(&server->lock);
	held = server->held;
	pthread_mutex_unlock(&server->lock);
	return held;
}

bool fake_dns_question(struct fake_dns *server, size_t index, struct fake_dns_question *question_r)
{
	bool found;

	pthread_mutex_lock(&server->lock);
	found = index < server->log_count;
	if (found)
		*question_r = server->log[index];
	pthread_mutex_unlock(&server->lock);
	return found;
}
