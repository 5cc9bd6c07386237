/* SPDX-License-Identifier: BSD-2-Clause */
/* See spf_handed.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* RTLD_NEXT */
#endif
#include "spf_handed.h"

#include <netinet/in.h>
#include <spf2/spf.h>

#include <dlfcn.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "t[0-9]{1,3}\\.x"
#define TERM " [-+~?](all|(include|exists):" TOKEN "|(a|mx):" TOKEN "(//?[0-9]{1,3})?)"

static struct { char record[SPF_HANDED_RECORD_BYTES + 1]; size_t records, servers; } handed;

static void __attribute__((noreturn)) refuse(const char *what, const char *text)
{
	fprintf(stderr, "libspf2 is handed %s: \"%.500s\"\n", what, text);
	abort();
}

/* Prefix lengths: 1 to 32 behind one slash, 1 to 128 behind two. */
static void check_numbers(const char *text)
{
	for (const char *at = strchr(text, '/'); at != NULL; at = strchr(at, '/')) {
		unsigned long most = at[1] == '/' ? 128 : 32, number = strtoul(at + (at[1] == '/' ? 2 : 1), NULL, 10);

		if (number == 0 || number > most)
			refuse("a prefix length out of range", text);
		at += at[1] == '/' ? 2 : 1;
	}
}

static void check_record(const char *text)
{
	static regex_t form;
	static int compiled;

	if (!compiled && regcomp(&form, "^v=spf1(" TERM ")*( redirect=" TOKEN ")?$", REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	compiled = 1;
	if (strlen(text) > SPF_HANDED_RECORD_BYTES)
		refuse("a long record", text);
	if (regexec(&form, text, 0, NULL, 0) != 0)
		refuse("more than tokens", text);
	check_numbers(text);
}

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		refuse("nothing: it is not there", name);
	return found;
}

SPF_errcode_t SPF_record_compile(SPF_server_t *server, SPF_response_t *response, SPF_record_t **record_r, const char *text)
{
	SPF_errcode_t (*real)(SPF_server_t *, SPF_response_t *, SPF_record_t **, const char *);
	void *found = next("SPF_record_compile");

	check_record(text);
	handed.records++;
	strcpy(handed.record, text);
	memcpy(&real, &found, sizeof(real));
	return real(server, response, record_r, text);
}

int SPF_request_set_env_from(SPF_request_t *request, const char *from)
{
	int (*real)(SPF_request_t *, const char *);
	void *found = next("SPF_request_set_env_from");

	if (strcmp(from, "s@t0.x") != 0 && strcmp(from, "h.x") != 0)	/* HELO is set by it too */
		refuse("a sender", from);
	memcpy(&real, &found, sizeof(real));
	return real(request, from);
}

SPF_errcode_t SPF_dns_rr_buf_realloc(SPF_dns_rr_t *rr, int index, size_t bytes)
{
	SPF_errcode_t (*real)(SPF_dns_rr_t *, int, size_t);
	void *found = next("SPF_dns_rr_buf_realloc");

	if (bytes > SPF_HANDED_DATA_BYTES)
		refuse("a long DNS record", "");
	memcpy(&real, &found, sizeof(real));
	return real(rr, index, bytes);
}

SPF_server_t *SPF_server_new_dns(SPF_dns_server_t *layer, int debug)
{
	SPF_server_t *(*real)(SPF_dns_server_t *, int);
	void *found = next("SPF_server_new_dns");

	handed.servers++;
	memcpy(&real, &found, sizeof(real));
	return real(layer, debug);
}

SPF_server_t *SPF_server_new(SPF_server_dnstype_t type, int debug)
{
	SPF_server_t *(*real)(SPF_server_dnstype_t, int);
	void *found = next("SPF_server_new");

	handed.servers++;
	memcpy(&real, &found, sizeof(real));
	return real(type, debug);
}

const char *spf_handed_record(void)
{
	return handed.record;
}

size_t spf_handed_records(void)
{
	return handed.records;
}

size_t spf_handed_servers(void)
{
	return handed.servers;
}

void spf_handed_forget(void)
{
	memset(&handed, 0, sizeof(handed));
}
