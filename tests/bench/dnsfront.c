/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands between assayd and the real recursive server in run-starve: it writes down every query, and plays the
 * recursive server's part for the attacker's zones, whose servers a real one would ask in vain. Only UDP: no answer of
 * that world is too long for it. It trusts whoever sends to its port, which is on loopback.
 *
 *   silentN.one   every name below it is asked in vain: no answer ever
 *   evilN.one     X.evilN.one has an SPF record that names xJ.X.evilN.one (J = 0 … 9) as MX, each of those has hosts
 *                 h0 … h9, each in another silent zone: one domain in an envelope is 111 look-ups
 *   all others    come from the recursive server, each answer delayed as if it had been fetched
 *
 * usage: dnsfront -p port -u upstream-port -z zones [-d delay ms] -l log
 * Log: seconds (monotonic clock), what was done (s: silence, e: answered here, f: forwarded), type number, name. Ends at SIGTERM.
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER_BYTES = 12, PACKET_BYTES = 4096, QUEUE_LENGTH = 65536, BUFFER_BYTES = 32 << 20, MAX_LABELS = 128,
	TYPE_MX = 15, TYPE_TXT = 16, TYPE_DS = 43, EVIL_DOMAINS = 10, EVIL_TTL = 60,
};

/* A question that went upstream under the number of its place in the table. */
struct forwarded { struct sockaddr_in client; uint16_t id; };

/* An answer on its way back. */
struct delayed { double due; struct sockaddr_in client; size_t length; uint8_t *wire; };

/* A name as its labels, and the question's type. */
struct question {
	char text[512];
	const char *labels[MAX_LABELS];		/* into a copy of the text */
	char copy[512];
	size_t count, wire_length;		/* of the name with type and class */
	unsigned type;
};

static struct { unsigned port, upstream, zones, delay_ms; const char *log; } options = { .zones = 1 };
static struct forwarded table[65536];
static struct delayed queue[QUEUE_LENGTH];	/* a ring; the delay is the same for all, so it is in order */
static unsigned queue_head, queue_tail;
static uint16_t next_number;
static int front, back;
static FILE *log_file;
static volatile sig_atomic_t stopping;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* ---- names ---- */

static bool question_parse(struct question *question, const uint8_t *wire, size_t length)
{
	size_t at = HEADER_BYTES, used = 0;

	question->count = 0;
	while (at < length && wire[at] != 0) {
		size_t label = wire[at];

		if (label > 63 || at + 1 + label >= length || used + label + 2 > sizeof(question->text) ||
		    question->count == MAX_LABELS)
			return false;
		question->labels[question->count++] = question->copy + used;
		memcpy(question->copy + used, wire + at + 1, label);
		memcpy(question->text + used, wire + at + 1, label);
		used += label;
		question->copy[used] = '\0';
		question->text[used++] = '.';
		at += label + 1;
	}
	question->text[used] = '\0';
	if (at + 5 > length)
		return false;
	question->type = get16(wire + at + 1);
	question->wire_length = at + 5 - HEADER_BYTES;
	return true;
}

/* @return N when the name is in wordN.one; -1. */
static int zone_number(const struct question *question, const char *word)
{
	const char *label;

	if (question->count < 2 || strcasecmp(question->labels[question->count - 1], "one") != 0)
		return -1;
	label = question->labels[question->count - 2];
	return strncasecmp(label, word, strlen(word)) == 0 ? atoi(label + strlen(word)) : -1;
}

/* What the parent says of the zone: its own server answers. */
static bool is_delegation(const struct question *question)
{
	return question->count == 2 && question->type == TYPE_DS;
}

/* ---- the attacker's own answers ---- */

struct answer { uint8_t wire[PACKET_BYTES]; size_t length; unsigned records; };

static void put_name(struct answer *answer, const char *name)
{
	while (*name != '\0') {
		size_t label = strcspn(name, ".");

		answer->wire[answer->length++] = (uint8_t)label;
		memcpy(answer->wire + answer->length, name, label);
		answer->length += label;
		name += label + (name[label] == '.');
	}
	answer->wire[answer->length++] = 0;
}

/* Owner (that of the question), type, class, TTL; @return where the length of the data goes. */
static size_t begin_record(struct answer *answer, unsigned type)
{
	uint8_t *at = answer->wire + answer->length;

	put16(at, 0xc000 | HEADER_BYTES);
	put16(at + 2, type);
	put16(at + 4, 1);
	put16(at + 6, 0);
	put16(at + 8, EVIL_TTL);
	answer->length += 12;
	answer->records++;
	return answer->length - 2;
}

static void end_record(struct answer *answer, size_t length_at)
{
	put16(answer->wire + length_at, (unsigned)(answer->length - length_at - 2));
}

static void answer_spf(struct answer *answer, const struct question *question)
{
	size_t length_at = begin_record(answer, TYPE_TXT);

	for (int domain = -1; domain <= EVIL_DOMAINS; domain++) {
		char text[256];
		int length = domain < 0 ? snprintf(text, sizeof(text), "v=spf1") : domain == EVIL_DOMAINS ?
		    snprintf(text, sizeof(text), " -all") : snprintf(text, sizeof(text), " mx:x%d.%s", domain, question->text);

		if (length > 1 && text[length - 1] == '.')
			length--;
		answer->wire[answer->length++] = (uint8_t)length;
		memcpy(answer->wire + answer->length, text, (size_t)length);
		answer->length += (size_t)length;
	}
	end_record(answer, length_at);
}

/* xJ.X.evilN.one: its hosts are in silent zones from N on. */
static void answer_mx(struct answer *answer, const struct question *question, unsigned number)
{
	char below[512];

	snprintf(below, sizeof(below), "%.*s", (int)(question->labels[question->count - 2] - question->copy), question->text);
	for (unsigned host = 0; host < EVIL_DOMAINS; host++) {
		char name[600];
		size_t length_at = begin_record(answer, TYPE_MX);

		put16(answer->wire + answer->length, host);
		answer->length += 2;
		snprintf(name, sizeof(name), "h%u.%ssilent%u.one", host, below, (number + host) % options.zones);
		put_name(answer, name);
		end_record(answer, length_at);
	}
}

static void answer_evil(const struct question *question, const uint8_t *wire, const struct sockaddr_in *client, unsigned number)
{
	struct answer answer = { .length = HEADER_BYTES + question->wire_length };

	memcpy(answer.wire, wire, answer.length);
	if (question->type == TYPE_TXT && question->count > 2 && question->labels[0][0] != '_')
		answer_spf(&answer, question);
	else if (question->type == TYPE_MX && question->count > 3 && question->labels[0][0] == 'x')
		answer_mx(&answer, question, number);
	put16(answer.wire + 2, 0x8180);
	put16(answer.wire + 4, 1);
	put16(answer.wire + 6, answer.records);
	memset(answer.wire + 8, 0, 4);
	sendto(front, answer.wire, answer.length, 0, (const struct sockaddr *)client, sizeof(*client));
}

/* ---- forwarding ---- */

static void forward(uint8_t *wire, size_t length, const struct sockaddr_in *client)
{
	struct forwarded *place = &table[++next_number];

	place->client = *client;
	place->id = (uint16_t)get16(wire);
	put16(wire, next_number);
	send(back, wire, length, 0);
}

static void queries_take(void)
{
	uint8_t wire[PACKET_BYTES];
	struct sockaddr_in client;
	struct question question;

	for (;;) {
		socklen_t client_length = sizeof(client);
		ssize_t got = recvfrom(front, wire, sizeof(wire), MSG_DONTWAIT, (struct sockaddr *)&client, &client_length);
		char kind = 'f';
		int evil;

		if (got < 0)
			return;
		if (got < HEADER_BYTES || !question_parse(&question, wire, (size_t)got))
			continue;
		evil = zone_number(&question, "evil");
		if (evil >= 0 && !is_delegation(&question))
			kind = 'e';
		else if (zone_number(&question, "silent") >= 0 && !is_delegation(&question))
			kind = 's';
		fprintf(log_file, "%.6f %c %u %s\n", now(), kind, question.type,
		    question.count != 0 ? question.text : ".");
		if (kind == 'f')
			forward(wire, (size_t)got, &client);
		else if (kind == 'e')
			answer_evil(&question, wire, &client, (unsigned)evil);
	}
}

static void answers_take(void)
{
	uint8_t wire[65536];
	ssize_t got;

	while ((got = recv(back, wire, sizeof(wire), MSG_DONTWAIT)) >= HEADER_BYTES) {
		const struct forwarded *place = &table[get16(wire)];
		struct delayed *delayed = &queue[queue_tail % QUEUE_LENGTH];

		if (queue_tail - queue_head == QUEUE_LENGTH)
			continue;	/* lost, as it happens */
		put16(wire, place->id);
		*delayed = (struct delayed){ now() + options.delay_ms / 1000.0, place->client, (size_t)got, malloc((size_t)got) };
		if (delayed->wire == NULL)
			abort();
		memcpy(delayed->wire, wire, (size_t)got);
		queue_tail++;
	}
}

static void answers_send(void)
{
	while (queue_head != queue_tail && queue[queue_head % QUEUE_LENGTH].due <= now()) {
		struct delayed *delayed = &queue[queue_head++ % QUEUE_LENGTH];

		sendto(front, delayed->wire, delayed->length, 0, (struct sockaddr *)&delayed->client, sizeof(delayed->client));
		free(delayed->wire);
	}
}

/* ---- main ---- */

static int udp_socket(unsigned local, unsigned peer)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = BUFFER_BYTES;

	address.sin_port = htons((uint16_t)(local != 0 ? local : peer));
	/* a query lost here would look like a slow assayd */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		warn("the receive buffer stays small");
	if ((local != 0 ? bind(fd, (struct sockaddr *)&address, sizeof(address)) :
	    connect(fd, (struct sockaddr *)&address, sizeof(address))) != 0)
		err(1, "port %u", local != 0 ? local : peer);
	return fd;
}

static void on_signal(int signal_number)
{
	(void)signal_number;
	stopping = 1;
}

static void parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "p:u:z:d:l:")) != -1) {
		switch (option) {
		case 'p': options.port = (unsigned)atoi(optarg); break;
		case 'u': options.upstream = (unsigned)atoi(optarg); break;
		case 'z': options.zones = (unsigned)atoi(optarg); break;
		case 'd': options.delay_ms = (unsigned)atoi(optarg); break;
		case 'l': options.log = optarg; break;
		default: exit(64);
		}
	}
	if (options.port == 0 || options.upstream == 0 || options.zones == 0 || options.log == NULL || optind != argc)
		errx(64, "usage: dnsfront -p port -u upstream-port -z zones [-d delay ms] -l log");
}

int main(int argc, char **argv)
{
	struct pollfd fds[2];

	parse_options(argc, argv);
	log_file = fopen(options.log, "w");
	if (log_file == NULL)
		err(1, "%s", options.log);
	front = udp_socket(options.port, 0);
	back = udp_socket(0, options.upstream);
	fds[0] = (struct pollfd){ .fd = front, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = back, .events = POLLIN };
	signal(SIGTERM, on_signal);
	while (!stopping) {
		int wait_ms = 200;

		if (queue_head != queue_tail) {
			double left = queue[queue_head % QUEUE_LENGTH].due - now();

			wait_ms = left < 0 ? 0 : (int)(left * 1000) + 1;
		}
		if (poll(fds, 2, wait_ms) == 0 && queue_head == queue_tail)
			fflush(log_file);
		queries_take();
		answers_take();
		answers_send();
	}
	return fclose(log_file) == 0 ? 0 : 1;
}
