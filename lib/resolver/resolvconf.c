/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader of resolv.conf for installations that configure no DNS server. Trusts the file as the system does. Of systemd-resolved's
 * two stubs the first one is of no use to a validator: it answers DS and DNSKEY of single labels itself, by refusing.
 */
#include "resolver/resolvconf.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_PORT = 53, ANSWER_MS = 1000, HEADER_BYTES = 12, FLAG_QR = 0x80 };

const struct resolvconf_source resolvconf_system = { RESOLVCONF_PATH, RESOLVCONF_UPLINKS_PATH, resolvconf_answers };

size_t resolvconf_read(const char *path, struct dns_server *servers_r, size_t max)
{
	FILE *file = fopen(path, "re");
	char line[512], *word, *address, *rest;
	size_t count = 0;

	if (file == NULL)
		return 0;
	while (count < max && fgets(line, sizeof(line), file) != NULL) {
		word = strtok_r(line, " \t\r\n", &rest);
		address = strtok_r(NULL, " \t\r\n", &rest);
		if (word == NULL || address == NULL || strcmp(word, "nameserver") != 0)
			continue;
		address[strcspn(address, "%")] = '\0';
		if (addr_parse(address, &servers_r[count].addr) != 0)
			continue;
		servers_r[count++].port = 53;
	}
	fclose(file);
	return count;
}

static bool is_address(const struct dns_server *server, const char *text)
{
	struct ip_addr address;

	return addr_parse(text, &address) == 0 && addr_equal(&server->addr, &address);
}

bool resolvconf_is_stub(const struct dns_server *server)
{
	return is_address(server, "127.0.0.53");
}

/* Asks for the root's SOA; whatever comes back with our id is an answer, unless it is an error. */
bool resolvconf_answers(const struct dns_server *server)
{
	static const uint8_t question[] = { 0x41, 0x53, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server->port != 0 ? server->port : DNS_PORT) };
	int fd = server->addr.family == AF_INET ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint8_t reply[512];
	bool answers;

	if (fd < 0)
		return false;
	memcpy(&to.sin_addr, server->addr.bytes, sizeof(to.sin_addr));
	answers = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
	    send(fd, question, sizeof(question), 0) == (ssize_t)sizeof(question) && poll(&ready, 1, ANSWER_MS) == 1 &&
	    recv(fd, reply, sizeof(reply), 0) >= HEADER_BYTES && reply[0] == question[0] && reply[1] == question[1] &&
	    (reply[2] & FLAG_QR) != 0 && (reply[3] & 15) == 0;
	close(fd);
	return answers;
}

size_t resolvconf_choose(const struct resolvconf_source *source, struct dns_server *servers_r, size_t max, const char **note_r)
{
	struct dns_server second = { .port = DNS_PORT };
	size_t count = resolvconf_read(source->path, servers_r, max), uplinks;

	*note_r = NULL;
	for (size_t i = 0; i < count; i++)
		if (!resolvconf_is_stub(&servers_r[i]))
			return count;
	if (count == 0 || addr_parse("127.0.0.54", &second.addr) != 0)
		return count;
	if (source->answers(&second)) {
		servers_r[0] = second;
		*note_r = "resolv.conf names only systemd-resolved's stub 127.0.0.53, which refuses what validation needs: its second "
		    "stub, 127.0.0.54, is asked instead";
		return 1;
	}
	uplinks = resolvconf_read(source->uplinks_path, servers_r, max);
	if (uplinks == 0)	/* nobody else to ask: the probe will tell */
		return resolvconf_read(source->path, servers_r, max);
	*note_r = "resolv.conf names only systemd-resolved's stub 127.0.0.53, which refuses what validation needs, and its second stub, "
	    "127.0.0.54, does not answer: the servers in " RESOLVCONF_UPLINKS_PATH " are asked instead";
	return uplinks;
}
