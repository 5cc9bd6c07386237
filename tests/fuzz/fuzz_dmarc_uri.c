/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: lists of report URIs. Input: the value of rua. What comes out goes to sendmail and into header fields. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/dmarc/uri.h"
#include "util/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_address(const struct dmarc_address *address)
{
	const char *at = strchr(address->address, '@');

	check(at != NULL && at != address->address && at - address->address <= DMARC_ADDRESS_LOCAL_MAX);
	check(strcmp(at + 1, address->host) == 0 && domain_fault(address->host, strlen(address->host)) == NULL);
	check(strchr(address->host, '.') != NULL && address->address[0] != '-' && address->address[0] != '.' && at[-1] != '.');
	for (const char *p = address->address; p < at; p++)
		check((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
		    *p == '.' || *p == '_' || *p == '+' || *p == '=' || *p == '~' || *p == '-');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *list = arena_strndup(arena, (const char *)data, size);
	struct dmarc_uris uris;

	dmarc_uri_list_read(arena, list, &uris);
	check(uris.count <= DMARC_URIS_MAX);
	for (size_t i = 0; i < uris.count; i++) {
		check_address(&uris.addresses[i]);
		for (size_t j = 0; j < i; j++)
			check(strcmp(uris.addresses[i].address, uris.addresses[j].address) != 0);
	}
	/* whatever is mailed to is a URI that counts for the policy, too */
	check(uris.count == 0 || dmarc_uri_list_valid(list, strlen(list)));
	(void)dmarc_uri_list_valid((const char *)data, size);
	arena_free(&arena);
	return 0;
}
