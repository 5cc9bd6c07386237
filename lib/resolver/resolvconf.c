/* SPDX-License-Identifier: BSD-2-Clause */
/* Reader of resolv.conf for installations that configure no DNS server. Trusts the file as the system does. */
#include "resolver/resolvconf.h"

#include <stdio.h>
#include <string.h>

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
