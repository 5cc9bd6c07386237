/* SPDX-License-Identifier: BSD-2-Clause */
/* See smtp_probe.h. Trusts the MTA for nothing but its reply codes; lines are capped. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp_probe.h"

enum { TIMEOUT_SECS = 20, LINES_MAX = 100, LINE_BYTES = 1024 };

static int connect_to(struct arena *arena, const struct smtp_probe *probe, const char **why_r)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	const struct timeval patience = { .tv_sec = TIMEOUT_SECS };
	int fd, result = getaddrinfo(probe->host, probe->port, &hints, &found);

	if (result != 0) {
		*why_r = arena_printf(arena, "%s port %s: %s", probe->host, probe->port, gai_strerror(result));
		return -1;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	}
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		*why_r = arena_printf(arena, "the MTA does not answer at %s port %s: %s", probe->host, probe->port, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

/* @return the reply's code; 0: none came. line_r keeps its last line. */
static int read_reply(FILE *stream, char *line_r)
{
	for (int i = 0; i < LINES_MAX; i++) {
		if (fgets(line_r, LINE_BYTES, stream) == NULL)
			return 0;
		line_r[strcspn(line_r, "\r\n")] = '\0';
		if (strlen(line_r) < 4 || line_r[3] != '-')
			return atoi(line_r);
	}
	return 0;
}

/* @return NULL, or the reply that is none of the wanted class (0: any). command NULL: the greeting. */
static const char *say(struct arena *arena, FILE *in, const char *command, int wanted_class)
{
	char line[LINE_BYTES] = "";
	int code;

	if (command != NULL) {
		command = arena_printf(arena, "%s\r\n", command);
		if (send(fileno(in), command, strlen(command), MSG_NOSIGNAL) != (ssize_t)strlen(command))
			return "the MTA hung up";
	}
	code = read_reply(in, line);
	if (code == 0)
		return "the MTA hung up, or did not answer in time";
	if (wanted_class != 0 && code / 100 != wanted_class)
		return arena_printf(arena, "the MTA answered \"%s\"", line);
	return NULL;
}

const char *smtp_probe_send(struct arena *arena, struct smtp_probe *probe)
{
	unsigned char random[12];
	char *label = arena_alloc(arena, 2 * sizeof(random) + 1);
	const char *why = NULL;
	FILE *in;
	int fd;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return "the system gives no random numbers";
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(label + 2 * i, 3, "%02x", random[i]);
	probe->label = label;
	fd = connect_to(arena, probe, &why);
	if (fd < 0)
		return why;
	in = fdopen(fd, "r");
	if (in == NULL) {
		close(fd);
		return "the system gives no memory";
	}
	why = say(arena, in, NULL, 2);
	if (why == NULL)
		why = say(arena, in, arena_printf(arena, "EHLO %s.probe.assay.invalid", label), 2);
	if (why == NULL)
		(void)say(arena, in, "QUIT", 0);
	fclose(in);
	return why;
}
