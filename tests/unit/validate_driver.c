/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The validator alone on a real recursive server, for tests that drive it from outside: reads questions from standard
 * input, one a line, and prints one verdict a line. No cache but the validator's own cuts, no retries: what the server
 * (or an attacker's proxy before it) says is judged as it comes.
 *
 *   usage: validate_driver PORT ANCHOR-FILE [TIME [NEGATIVE-ANCHOR…]]
 *   NAME TYPE-NUMBER           → security TAB rcode, that of a proof before the message's TAB ttl TAB answer-in-hex TAB why
 *   explain NAME TYPE-NUMBER   → the explanation, ended by an empty line
 *   reset                      → forgets the cuts; prints nothing
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/scan.h"
#include "dns/name.h"
#include "dnssec/validator.h"
#include "util/clock.h"
#include "util/error.h"

enum { NXDOMAIN = 3, TIMEOUT_MS = 5000, MESSAGE_BYTES = 65535, MAX_MEMO = 512, FIXED_BYTES = 12 + DNS_NAME_BYTES + 4 + 11 };

struct memo { char name[1100]; uint16_t type; int status; uint8_t *wire; size_t length; };

struct driver {
	struct sockaddr_in server;
	struct validator_config config;
	struct clock clock;
	struct validator *validator;
	struct memo memo[MAX_MEMO];
	size_t memo_count;
	uint16_t id;
	unsigned fetches;
};

static size_t query_build(struct driver *driver, const char *name, uint16_t type, uint8_t query[FIXED_BYTES])
{
	static const uint8_t edns[] = { 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0 };	/* 1232 octets, DO */
	struct dns_name parsed;
	size_t used = 12;

	memset(query, 0, FIXED_BYTES);
	driver->id++;
	query[0] = (uint8_t)(driver->id >> 8);
	query[1] = (uint8_t)driver->id;
	query[2] = 1;		/* RD */
	query[3] = 0x10;	/* CD */
	query[5] = query[11] = 1;
	if (dns_name_parse(name, &parsed) != 0)
		return 0;
	memcpy(query + used, parsed.bytes, parsed.length);
	used += parsed.length;
	query[used++] = (uint8_t)(type >> 8);
	query[used++] = (uint8_t)type;
	query[used++] = 0;
	query[used++] = 1;
	memcpy(query + used, edns, sizeof(edns));
	return used + sizeof(edns);
}

static ssize_t receive(int fd, uint8_t *buffer, size_t room)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, TIMEOUT_MS) == 1 ? recv(fd, buffer, room, 0) : -1;
}

static ssize_t ask_udp(struct driver *driver, const uint8_t *query, size_t length, uint8_t *answer)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t got = -1;

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&driver->server, sizeof(driver->server)) == 0 &&
	    send(fd, query, length, 0) == (ssize_t)length)
		got = receive(fd, answer, MESSAGE_BYTES);
	close(fd);
	return got;
}

static ssize_t read_all(int fd, uint8_t *buffer, size_t length)
{
	size_t have = 0;

	while (have < length) {
		ssize_t got = receive(fd, buffer + have, length - have);

		if (got <= 0)
			return -1;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

static ssize_t ask_tcp(struct driver *driver, const uint8_t *query, size_t length, uint8_t *answer)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint8_t head[2] = { (uint8_t)(length >> 8), (uint8_t)length };
	ssize_t got = -1;

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&driver->server, sizeof(driver->server)) == 0 &&
	    send(fd, head, 2, MSG_MORE | MSG_NOSIGNAL) == 2 && send(fd, query, length, MSG_NOSIGNAL) == (ssize_t)length &&
	    read_all(fd, head, 2) == 2)
		got = read_all(fd, answer, (size_t)head[0] << 8 | head[1]);
	close(fd);
	return got;
}

/* @return the entry of the question, asked if it is new; NULL when there are too many. */
static struct memo *ask(struct driver *driver, const char *name, uint16_t type)
{
	static uint8_t answer[MESSAGE_BYTES];
	uint8_t query[FIXED_BYTES];
	struct memo *memo;
	size_t length;
	ssize_t got;

	for (size_t i = 0; i < driver->memo_count; i++)
		if (driver->memo[i].type == type && strcmp(driver->memo[i].name, name) == 0)
			return &driver->memo[i];
	if (driver->memo_count == MAX_MEMO)
		return NULL;
	memo = &driver->memo[driver->memo_count++];
	snprintf(memo->name, sizeof(memo->name), "%s", name);
	memo->type = type;
	memo->status = -E_DNS;
	memo->wire = NULL;
	length = query_build(driver, name, type, query);
	if (length == 0)
		return memo;
	driver->fetches++;
	got = ask_udp(driver, query, length, answer);
	if (got >= FIXED_BYTES - DNS_NAME_BYTES - 15 && (answer[2] & 2) != 0)
		got = ask_tcp(driver, query, length, answer);
	if (got < 12 || answer[0] != query[0] || answer[1] != query[1] || scan_message(answer, (size_t)got) != NULL)
		return memo;
	memo->wire = malloc((size_t)got);
	if (memo->wire == NULL)
		abort();
	memcpy(memo->wire, answer, (size_t)got);
	memo->length = (size_t)got;
	memo->status = 0;
	return memo;
}

static void start(void *context, const char *name, uint16_t type)
{
	(void)context, (void)name, (void)type;	/* asked when it is waited for */
}

static int wait(void *context, const char *name, uint16_t type, const uint8_t **wire_r, size_t *length_r)
{
	struct memo *memo = ask(context, name, type);

	if (memo == NULL)
		return -E_DNS;
	*wire_r = memo->wire;
	*length_r = memo->length;
	return memo->status;
}

static void forget(struct driver *driver)
{
	for (size_t i = 0; i < driver->memo_count; i++)
		free(driver->memo[i].wire);
	driver->memo_count = 0;
}

static void validator_make(struct driver *driver)
{
	char why[512] = "";

	validator_free(&driver->validator);
	driver->validator = validator_new(&driver->config, why, sizeof(why));
	if (driver->validator == NULL) {
		fprintf(stderr, "validate_driver: %s\n", why);
		exit(78);
	}
}

static void question(struct driver *driver, const char *name, uint16_t type, bool explain)
{
	struct dns_fetcher fetcher = { start, wait, driver };
	struct memo *memo = ask(driver, name, type);
	struct arena *arena = arena_new();
	struct validator_verdict verdict;

	if (memo == NULL || memo->status != 0) {
		printf(explain ? "no answer\n\n" : "indeterminate\t2\t0\t\tno answer\n");
	} else {
		validator_judge(driver->validator, &fetcher, name, type, memo->wire, memo->length, explain, arena, &verdict);
		if (explain) {
			printf("%s\n", verdict.explanation);
		} else {
			printf("%s\t%u\t%u\t", dns_security_name(verdict.security), verdict.nonexistent ? NXDOMAIN :
			    memo->wire[3] & 15u, verdict.ttl_secs);
			for (size_t i = 0; i < memo->length; i++)
				printf("%02x", memo->wire[i]);
			printf("\t%s\n", verdict.why);
		}
	}
	fflush(stdout);
	arena_free(&arena);
	forget(driver);
}

int main(int argc, char **argv)
{
	static struct driver driver;
	const char *anchors[2] = { NULL, NULL };
	char line[2048], name[1100];
	unsigned type;

	if (argc < 3) {
		fprintf(stderr, "usage: validate_driver PORT ANCHOR-FILE [TIME [NEGATIVE-ANCHOR...]]\n");
		return 64;
	}
	driver.server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	anchors[0] = argv[2];
	driver.clock.fixed_secs = argc > 3 ? atoll(argv[3]) : 0;
	driver.config = (struct validator_config){ .trust_anchor_files = anchors, .clock = &driver.clock,
		.negative_trust_anchors = argc > 4 ? (const char *const *)(argv + 4) : NULL };
	validator_make(&driver);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strncmp(line, "reset", 5) == 0)
			validator_make(&driver);
		else if (sscanf(line, "explain %1099s %u", name, &type) == 2)
			question(&driver, name, (uint16_t)type, true);
		else if (sscanf(line, "%1099s %u", name, &type) == 2)
			question(&driver, name, (uint16_t)type, false);
	}
	validator_free(&driver.validator);
	return 0;
}
