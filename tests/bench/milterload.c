/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Milter-protocol load generator: plays the part of Postfix 3.7 (protocol version 6, the same offers, macros and chunk
 * size) over a unix socket and measures what the milters cost. Several milters in a row see what those before them
 * inserted, as in Postfix. It trusts the milters only as far as packet sizes go; any protocol error ends it.
 * Thread: one for each connection; they share the corpus (constant) and the counters (atomic).
 *
 * usage: milterload [-c connections] [-n messages] [-w warm-up messages] [-m messages a session] [-g gap ms]
 *                   [-r messages a second] [-p pid]... -s socket [-s socket]... corpus-directory
 * gap: how long the SMTP client takes for its next command (its round trip), after MAIL, RCPT and DATA.
 * Rate: message N is begun N / rate seconds after the start, or as soon as a connection is free for it; 0: at once.
 * Output: one line key=value: messages, seconds, cpu_seconds (of the pids), accepted, refused, late (begun more than a
 * second behind its time), headers added, unjudged (an Authentication-Results with temperror or permerror), dkim_pass, dmarc_pass;
 * and the median and 99th percentile of the time from the end of a message to the verdict, and from MAIL FROM to the verdict.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "corpus.h"

enum {
	MAX_MILTERS = 8, MAX_PIDS = 64, MAX_CONNECTIONS = 2048, CHUNK_BYTES = 65535, PACKET_BYTES = 1 << 20,
	/* what Postfix 3.7 offers: all actions, all protocol flags of version 6 */
	OFFER_VERSION = 6, OFFER_ACTIONS = 0x1ff, OFFER_FLAGS = 0x1fffff,
};

/* Protocol flags (libmilter/mfdef.h): the step is not wanted; no reply to it comes. */
enum {
	NO_CONNECT = 0x1, NO_HELO = 0x2, NO_MAIL = 0x4, NO_RCPT = 0x8, NO_BODY = 0x10, NO_HEADERS = 0x20, NO_EOH = 0x40,
	NR_HEADER = 0x80, NO_DATA = 0x200, NR_CONNECT = 0x1000, NR_HELO = 0x2000, NR_MAIL = 0x4000, NR_RCPT = 0x8000,
	NR_DATA = 0x10000, NR_EOH = 0x40000, NR_BODY = 0x80000, LEADING_SPACE = 0x100000,
};

struct added_field { char *name, *value; };

/* One milter within one session. */
struct milter {
	int fd;
	bool first;		/* of the chain */
	uint32_t flags;
	uint8_t *out;		/* packets are collected and written when a reply is awaited */
	size_t out_length, out_room;
	uint8_t *in;
};

struct options {
	const char *sockets[MAX_MILTERS];
	size_t milter_count;
	int pids[MAX_PIDS];
	size_t pid_count;
	unsigned connections, per_session, gap_ms, rate;
	unsigned long messages, warm_up;
	const struct corpus *corpus;
};

static struct options options = { .connections = 4, .per_session = 1, .messages = 2000 };
static atomic_ulong next_message, accepted, refused, late, added, unjudged, dkim_pass, dmarc_pass;
static double run_begun;
static unsigned long last_message;
static double *end_seconds, *whole_seconds;	/* a message; summed over the milters, which are asked in turn */

/* ---- packets ---- */

static void flush(struct milter *milter)
{
	size_t done = 0;

	while (done < milter->out_length) {
		ssize_t written = write(milter->fd, milter->out + done, milter->out_length - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			err(1, "write to milter");
		done += (size_t)written;
	}
	milter->out_length = 0;
}

static void put(struct milter *milter, const void *data, size_t length)
{
	if (milter->out_length + length > milter->out_room) {
		milter->out_room = (milter->out_length + length) * 2;
		milter->out = realloc(milter->out, milter->out_room);
		if (milter->out == NULL)
			abort();
	}
	memcpy(milter->out + milter->out_length, data, length);
	milter->out_length += length;
}

static void put_packet(struct milter *milter, char command, const void *data, size_t length)
{
	uint32_t size = htonl((uint32_t)length + 1);

	put(milter, &size, sizeof(size));
	put(milter, &command, 1);
	put(milter, data, length);
}

/* Name, value, name, value …, NULL as the macros of one step. */
static void put_macros(struct milter *milter, char step, const char *const *pairs)
{
	char data[4096];
	size_t length = 0;

	data[length++] = step;
	for (; *pairs != NULL; pairs++) {
		size_t size = strlen(*pairs) + 1;

		if (length + size > sizeof(data))
			errx(1, "macros too long");
		memcpy(data + length, *pairs, size);
		length += size;
	}
	put_packet(milter, 'D', data, length);
}

static void read_all(int fd, void *data, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t got = read(fd, (char *)data + done, length - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			errx(1, "the milter closed the connection");
		done += (size_t)got;
	}
}

/* @return the packet's command; its data is in milter->in, NUL-terminated. */
static char get_packet(struct milter *milter, size_t *length_r)
{
	uint32_t size;

	flush(milter);
	read_all(milter->fd, &size, sizeof(size));
	size = ntohl(size);
	if (size == 0 || size > PACKET_BYTES)
		errx(1, "packet of %u bytes", size);
	read_all(milter->fd, milter->in, size);
	milter->in[size] = '\0';
	*length_r = size - 1;
	return (char)milter->in[0];
}

/* The reply to one step unless none was agreed. @return false when the message is settled. */
static bool step_goes_on(struct milter *milter, uint32_t no_reply_flag)
{
	size_t length;

	if (milter->flags & no_reply_flag)
		return true;
	switch (get_packet(milter, &length)) {
	case 'c': case 's':
		return true;
	case 'a':
		return false;
	default:
		atomic_fetch_add(&refused, 1);
		return false;
	}
}

/* ---- a session ---- */

static void milter_open(struct milter *milter, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint32_t offer[3] = { htonl(OFFER_VERSION), htonl(OFFER_ACTIONS), htonl(OFFER_FLAGS) }, reply[3];
	size_t length;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	milter->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	while (connect(milter->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		if (errno != EAGAIN)
			err(1, "%s", path);
		usleep(1000);
	}
	put_packet(milter, 'O', offer, sizeof(offer));
	if (get_packet(milter, &length) != 'O' || length < sizeof(reply))
		errx(1, "%s: no negotiation", path);
	memcpy(reply, milter->in + 1, sizeof(reply));
	milter->flags = ntohl(reply[2]);
}

static void send_connect(struct milter *milter, const struct corpus_message *message)
{
	static const char *const macros[] = { "j", "mx.assay.example", "{daemon_name}", "mx.assay.example",
		"{daemon_addr}", "127.0.0.1", "v", "Postfix 3.7", NULL };
	static const char *const helo_macros[] = { "{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384",
		"{cipher_bits}", "256", NULL };
	char data[1024];
	uint16_t port = htons(40000);
	size_t length = (size_t)snprintf(data, sizeof(data), "%s", message->client_name) + 1;

	data[length++] = '4';
	memcpy(data + length, &port, sizeof(port));
	length += sizeof(port);
	length += (size_t)snprintf(data + length, sizeof(data) - length, "%s", message->client) + 1;
	if (!(milter->flags & NO_CONNECT)) {
		put_macros(milter, 'C', macros);
		put_packet(milter, 'C', data, length);
		step_goes_on(milter, NR_CONNECT);
	}
	if (!(milter->flags & NO_HELO)) {
		put_macros(milter, 'H', helo_macros);
		put_packet(milter, 'H', message->helo, strlen(message->helo) + 1);
		step_goes_on(milter, NR_HELO);
	}
}

/* The client's round trip; the first milter's steps stand for those of all, which an MTA asks within one command. */
static void client_gap(const struct milter *milter)
{
	if (options.gap_ms != 0 && milter->first)
		usleep(options.gap_ms * 1000);
}

static bool send_envelope(struct milter *milter, const struct corpus_message *message)
{
	const char *mail_macros[] = { "{mail_addr}", message->mail_from, "{mail_host}", "rcpt.example", "{mail_mailer}", "smtp",
		NULL };
	const char *rcpt_macros[] = { "i", "4X0000000000", "{rcpt_addr}", message->recipient, "{rcpt_host}", "rcpt.example",
		"{rcpt_mailer}", "virtual", NULL };
	static const char *const data_macros[] = { "i", "4X0000000000", NULL };
	char path[600];
	size_t length;

	if (!(milter->flags & NO_MAIL)) {
		length = (size_t)snprintf(path, sizeof(path), "<%s>", message->mail_from) + 1;
		put_macros(milter, 'M', mail_macros);
		put_packet(milter, 'M', path, length);
		if (!step_goes_on(milter, NR_MAIL))
			return false;
		flush(milter);
	}
	client_gap(milter);
	if (!(milter->flags & NO_RCPT)) {
		length = (size_t)snprintf(path, sizeof(path), "<%s>", message->recipient) + 1;
		put_macros(milter, 'R', rcpt_macros);
		put_packet(milter, 'R', path, length);
		if (!step_goes_on(milter, NR_RCPT))
			return false;
		flush(milter);
	}
	client_gap(milter);
	if (!(milter->flags & NO_DATA)) {
		put_macros(milter, 'T', data_macros);
		put_packet(milter, 'T', "", 0);
		if (!step_goes_on(milter, NR_DATA))
			return false;
	}
	client_gap(milter);
	return true;
}

static bool send_field(struct milter *milter, const char *name, const char *value)
{
	char small[8192], *data = small;
	size_t name_size = strlen(name) + 1, value_size;
	bool goes_on;

	if (!(milter->flags & LEADING_SPACE) && *value == ' ')
		value++;
	value_size = strlen(value) + 1;
	if (name_size + value_size > sizeof(small) && (data = malloc(name_size + value_size)) == NULL)
		abort();
	memcpy(data, name, name_size);
	memcpy(data + name_size, value, value_size);
	put_packet(milter, 'L', data, name_size + value_size);
	if (data != small)
		free(data);
	goes_on = step_goes_on(milter, NR_HEADER);
	return goes_on;
}

static bool send_body(struct milter *milter, const struct corpus_message *message)
{
	for (size_t at = 0; at < message->body_length; at += CHUNK_BYTES) {
		size_t length = message->body_length - at;
		size_t reply;

		put_packet(milter, 'B', message->body + at, length < CHUNK_BYTES ? length : CHUNK_BYTES);
		if (milter->flags & NR_BODY)
			continue;
		switch (get_packet(milter, &reply)) {
		case 'c':
			break;
		case 's':
			return true;	/* skip the rest */
		case 'a':
			return false;
		default:
			atomic_fetch_add(&refused, 1);
			return false;
		}
	}
	return true;
}

static bool send_content(struct milter *milter, const struct corpus_message *message, const struct added_field *fields,
    size_t field_count)
{
	static const char *const macros[] = { "i", "4X0000000000", NULL };

	if (!(milter->flags & NO_HEADERS)) {
		for (size_t i = field_count; i-- > 0;)
			if (!send_field(milter, fields[i].name, fields[i].value))
				return false;
		for (size_t i = 0; i < message->field_count; i++)
			if (!send_field(milter, message->fields[i].name, message->fields[i].value))
				return false;
	}
	if (!(milter->flags & NO_EOH)) {
		put_macros(milter, 'N', macros);
		put_packet(milter, 'N', "", 0);
		if (!step_goes_on(milter, NR_EOH))
			return false;
	}
	if (!(milter->flags & NO_BODY) && !send_body(milter, message))
		return false;
	put_macros(milter, 'E', macros);
	put_packet(milter, 'E', "", 0);
	return true;
}

/* What the milter says of the message, as far as it is counted. */
static void count_results(const char *name, const char *value)
{
	if (strcasecmp(name, "Authentication-Results") != 0)
		return;
	if (strstr(value, "=temperror") != NULL || strstr(value, "=permerror") != NULL)
		atomic_fetch_add(&unjudged, 1);
	if (strstr(value, "dkim=pass") != NULL)
		atomic_fetch_add(&dkim_pass, 1);
	if (strstr(value, "dmarc=pass") != NULL)
		atomic_fetch_add(&dmarc_pass, 1);
}

/* Reads modifications and the verdict of the end of message; inserted fields go to fields. */
static void read_verdict(struct milter *milter, struct added_field *fields, size_t *field_count, size_t max)
{
	for (;;) {
		size_t length;
		char command = get_packet(milter, &length);
		const char *data = (const char *)milter->in + 1;

		switch (command) {
		case 'i':
			data += 4;
			length -= 4;
			/* fall through */
		case 'h':
			atomic_fetch_add(&added, 1);
			if (strlen(data) + 1 < length)
				count_results(data, data + strlen(data) + 1);
			if (*field_count < max && strlen(data) + 1 < length) {
				fields[*field_count].name = strdup(data);
				fields[*field_count].value = strdup(data + strlen(data) + 1);
				(*field_count)++;
			}
			break;
		case 'm': case 'p': case 'q': case 'b': case '+': case '-': case 'e': case '2':
			break;
		case 'c': case 'a':
			atomic_fetch_add(&accepted, 1);
			return;
		default:
			atomic_fetch_add(&refused, 1);
			return;
		}
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run_message(struct milter *milters, const struct corpus_message *message, unsigned long number)
{
	struct added_field fields[64];
	size_t field_count = 0;
	double begun = now(), ended;

	end_seconds[number] = 0;
	for (size_t i = 0; i < options.milter_count; i++) {
		if (!send_envelope(&milters[i], message) || !send_content(&milters[i], message, fields, field_count))
			continue;
		flush(&milters[i]);
		ended = now();
		read_verdict(&milters[i], fields, &field_count, sizeof(fields) / sizeof(fields[0]));
		end_seconds[number] += now() - ended;
	}
	whole_seconds[number] = now() - begun;
	for (size_t i = 0; i < field_count; i++) {
		free(fields[i].name);
		free(fields[i].value);
	}
}

/* Waits until the message's time has come. */
static void wait_turn(unsigned long number)
{
	double wait;

	if (options.rate == 0)
		return;
	wait = run_begun + (double)number / options.rate - now();
	if (wait > 0)
		usleep((useconds_t)(wait * 1e6));
	else if (wait < -1)
		atomic_fetch_add(&late, 1);
}

static void *session_thread(void *unused)
{
	struct milter milters[MAX_MILTERS] = { 0 };
	unsigned long number = atomic_fetch_add(&next_message, 1);

	(void)unused;
	for (size_t i = 0; i < options.milter_count; i++) {
		milters[i].first = i == 0;
		milters[i].in = malloc(PACKET_BYTES + 1);
		if (milters[i].in == NULL)
			abort();
	}
	while (number < last_message) {
		const struct corpus_message *message = &options.corpus->messages[number % options.corpus->count];

		wait_turn(number);
		for (size_t i = 0; i < options.milter_count; i++) {
			milter_open(&milters[i], options.sockets[i]);
			send_connect(&milters[i], message);
		}
		for (unsigned i = 0; i < options.per_session && number < last_message; i++) {
			run_message(milters, &options.corpus->messages[number % options.corpus->count], number);
			number = atomic_fetch_add(&next_message, 1);
		}
		for (size_t i = 0; i < options.milter_count; i++) {
			put_packet(&milters[i], 'Q', "", 0);
			flush(&milters[i]);
			close(milters[i].fd);
		}
	}
	for (size_t i = 0; i < options.milter_count; i++) {
		free(milters[i].in);
		free(milters[i].out);
	}
	return NULL;
}

/* ---- measuring ---- */

/* User and system time of the processes so far. */
static double cpu_seconds(void)
{
	double ticks = 0;

	for (size_t i = 0; i < options.pid_count; i++) {
		char path[64], text[1024], *behind;
		unsigned long user, kernel;
		ssize_t length;
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/stat", options.pids[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (length = read(fd, text, sizeof(text) - 1)) <= 0)
			err(1, "%s", path);
		close(fd);
		text[length] = '\0';
		behind = strrchr(text, ')');	/* the program's name may hold anything */
		if (behind == NULL || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
			errx(1, "%s: not understood", path);
		ticks += (double)(user + kernel);
	}
	return ticks / (double)sysconf(_SC_CLK_TCK);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *name, double *seconds, unsigned long count)
{
	qsort(seconds, count, sizeof(*seconds), compare_doubles);
	printf(" %s_median_ms=%.2f %s_p99_ms=%.2f", name, seconds[count / 2] * 1000, name, seconds[count - 1 - count / 100] * 1000);
}

static void run_messages(unsigned long count)
{
	static pthread_t threads[MAX_CONNECTIONS];

	atomic_store(&next_message, 0);
	run_begun = now();
	last_message = count;
	for (unsigned i = 0; i < options.connections; i++)
		if (pthread_create(&threads[i], NULL, session_thread, NULL) != 0)
			errx(1, "no thread");
	for (unsigned i = 0; i < options.connections; i++)
		pthread_join(threads[i], NULL);
}

static void parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:n:w:m:g:r:p:s:")) != -1) {
		switch (option) {
		case 'c': options.connections = (unsigned)atoi(optarg); break;
		case 'n': options.messages = strtoul(optarg, NULL, 10); break;
		case 'w': options.warm_up = strtoul(optarg, NULL, 10); break;
		case 'm': options.per_session = (unsigned)atoi(optarg); break;
		case 'g': options.gap_ms = (unsigned)atoi(optarg); break;
		case 'r': options.rate = (unsigned)atoi(optarg); break;
		case 'p':
			if (options.pid_count < MAX_PIDS)
				options.pids[options.pid_count++] = atoi(optarg);
			break;
		case 's':
			if (options.milter_count < MAX_MILTERS)
				options.sockets[options.milter_count++] = optarg;
			break;
		default: exit(64);
		}
	}
	if (options.milter_count == 0 || optind + 1 != argc || options.connections < 1 || options.connections > MAX_CONNECTIONS ||
	    options.per_session < 1)
		errx(64, "usage: milterload [-c connections] [-n messages] [-w warm-up] [-m messages a session] [-g gap ms] [-r rate] "
		    "[-p pid]... -s socket... corpus-directory");
}

int main(int argc, char **argv)
{
	double wall, cpu;

	parse_options(argc, argv);
	options.corpus = corpus_load(argv[optind]);
	end_seconds = calloc(options.messages > options.warm_up ? options.messages : options.warm_up, sizeof(*end_seconds));
	whole_seconds = calloc(options.messages > options.warm_up ? options.messages : options.warm_up, sizeof(*whole_seconds));
	if (end_seconds == NULL || whole_seconds == NULL || options.messages == 0)
		errx(64, "how many messages?");
	if (options.warm_up != 0)
		run_messages(options.warm_up);
	atomic_store(&accepted, 0);
	atomic_store(&refused, 0);
	atomic_store(&late, 0);
	atomic_store(&added, 0);
	atomic_store(&unjudged, 0);
	atomic_store(&dkim_pass, 0);
	atomic_store(&dmarc_pass, 0);
	cpu = cpu_seconds();
	wall = now();
	run_messages(options.messages);
	wall = now() - wall;
	usleep(50000);	/* what the milters do after the last reply counts too */
	cpu = cpu_seconds() - cpu;
	printf("messages=%lu seconds=%.3f cpu_seconds=%.3f accepted=%lu refused=%lu late=%lu added=%lu unjudged=%lu dkim_pass=%lu "
	    "dmarc_pass=%lu",
	    options.messages, wall, cpu, atomic_load(&accepted), atomic_load(&refused), atomic_load(&late), atomic_load(&added),
	    atomic_load(&unjudged), atomic_load(&dkim_pass), atomic_load(&dmarc_pass));
	print_times("end", end_seconds, options.messages);
	print_times("whole", whole_seconds, options.messages);
	putchar('\n');
	return 0;
}
