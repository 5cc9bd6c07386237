/* SPDX-License-Identifier: BSD-2-Clause */
/* dns.h over a table in memory, for SPF tests and fuzzing; see spf_fake.h. */
#include "spf_fake.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RECORDS_MAX = 4096, ASKED_MAX = 8192, FAILURE = 0xffff };

struct record {
	char *name;
	uint16_t type;		/* of the record, or of the look-up that fails */
	bool fails;
	enum dns_security security;
	char *data;
	size_t length;
};

struct asked { const char *name; uint16_t type; };

struct dns_scope {
	struct arena *arena;
	struct record records[RECORDS_MAX];
	size_t record_count;
	struct record securities[64];
	size_t security_count;
	struct asked asked[ASKED_MAX];
	size_t asked_count, waits, starts;
};

struct dns_scope *fake_new(void)
{
	struct dns_scope *scope = calloc(1, sizeof(*scope));

	if (scope == NULL)
		abort();
	scope->arena = arena_new();
	return scope;
}

void fake_free(struct dns_scope **scope)
{
	arena_free(&(*scope)->arena);
	free(*scope);
	*scope = NULL;
}

static struct record *record_add(struct dns_scope *scope, const char *name, uint16_t type)
{
	struct record *record = &scope->records[scope->record_count++];

	if (scope->record_count >= RECORDS_MAX)
		abort();
	record->name = arena_strdup(scope->arena, name);
	record->type = type;
	return record;
}

void fake_add_text(struct dns_scope *scope, const char *name, const char *text, size_t length)
{
	struct record *record = record_add(scope, name, DNS_TYPE_TXT);

	record->data = arena_strndup(scope->arena, text, length);
	record->length = length;
}

void fake_add(struct dns_scope *scope, const char *name, uint16_t type, const char *data)
{
	struct record *record;

	if (type == DNS_TYPE_TXT) {
		fake_add_text(scope, name, data, strlen(data));
		return;
	}
	record = record_add(scope, name, type);
	record->data = arena_strdup(scope->arena, data);
	record->length = strlen(data);
}

void fake_fail(struct dns_scope *scope, const char *name, uint16_t type, enum dns_security security)
{
	struct record *record = record_add(scope, name, type);

	record->fails = true;
	record->security = security;
}

void fake_security(struct dns_scope *scope, const char *name, enum dns_security security)
{
	struct record *record = &scope->securities[scope->security_count++];

	record->name = arena_strdup(scope->arena, name);
	record->security = security;
}

size_t fake_waits(const struct dns_scope *scope)
{
	return scope->waits;
}

size_t fake_starts(const struct dns_scope *scope)
{
	return scope->starts;
}

size_t fake_asked(const struct dns_scope *scope, const char *name, uint16_t type)
{
	size_t count = 0;

	for (size_t i = 0; i < scope->asked_count; i++)
		count += scope->asked[i].type == type && strcasecmp(scope->asked[i].name, name) == 0;
	return count;
}

/* Presentation form to raw octets. */
static char *name_raw(struct arena *arena, const char *name)
{
	char *raw = arena_strdup(arena, name), *out = raw;

	for (; *name != '\0'; name++) {
		if (name[0] == '\\' && name[1] >= '0' && name[1] <= '9') {
			*out++ = (char)((name[1] - '0') * 100 + (name[2] - '0') * 10 + (name[3] - '0'));
			name += 3;
		} else {
			*out++ = *name == '\\' ? *++name : *name;
		}
	}
	*out = '\0';
	return raw;
}

static bool any_record(const struct dns_scope *scope, const char *name)
{
	for (size_t i = 0; i < scope->record_count; i++)
		if (!scope->records[i].fails && strcasecmp(scope->records[i].name, name) == 0)
			return true;
	return false;
}

/* The name whose records answer: itself, or the nearest wildcard above it. NULL: NXDOMAIN. */
static const char *answering_name(struct dns_scope *scope, const char *name)
{
	if (any_record(scope, name))
		return name;
	for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		const char *wildcard = arena_printf(scope->arena, "*%s", dot);

		if (any_record(scope, wildcard))
			return wildcard;
	}
	return NULL;
}

static const struct record *failing(const struct dns_scope *scope, const char *name, uint16_t type)
{
	for (size_t i = 0; i < scope->record_count; i++)
		if (scope->records[i].fails && scope->records[i].type == type && strcasecmp(scope->records[i].name, name) == 0)
			return &scope->records[i];
	return NULL;
}

static void rr_fill(struct dns_scope *scope, struct dns_rr *rr, const struct record *record)
{
	uint8_t address[16];

	*rr = (struct dns_rr){ .type = record->type, .ttl_secs = 60, .owner = record->name };
	rr->rdata = (const uint8_t *)record->data;
	rr->rdata_length = (uint16_t)record->length;
	if (record->type == DNS_TYPE_A || record->type == DNS_TYPE_AAAA) {
		inet_pton(record->type == DNS_TYPE_A ? AF_INET : AF_INET6, record->data, address);
		rr->rdata_length = record->type == DNS_TYPE_A ? 4 : 16;
		rr->rdata = arena_memdup(scope->arena, address, rr->rdata_length);
	}
}

static const struct dns_answer *answer_make(struct dns_scope *scope, const char *presented, uint16_t type)
{
	const char *name = name_raw(scope->arena, presented), *from;
	struct dns_answer *answer = arena_calloc(scope->arena, 1, sizeof(*answer));
	const struct record *failure = failing(scope, name, type);
	struct dns_rr *rrs;

	if (scope->asked_count < ASKED_MAX)
		scope->asked[scope->asked_count++] = (struct asked){ name, type };
	*answer = (struct dns_answer){ .type = type, .name = presented, .canonical_name = presented, .why = "from a table" };
	answer->security = DNS_INSECURE;
	for (size_t i = 0; i < scope->security_count; i++)
		if (strcasecmp(scope->securities[i].name, name) == 0)
			answer->security = scope->securities[i].security;
	if (failure != NULL) {
		answer->status = DNS_STATUS_FAIL;
		answer->rcode = 2;
		answer->security = failure->security;
		answer->why = failure->security == DNS_BOGUS ? "bogus" : "no answer";
		return answer;
	}
	from = answering_name(scope, name);
	answer->status = from != NULL ? DNS_STATUS_NODATA : DNS_STATUS_NXDOMAIN;
	rrs = arena_calloc(scope->arena, scope->record_count + 1, sizeof(*rrs));
	for (size_t i = 0; from != NULL && i < scope->record_count; i++) {
		const struct record *record = &scope->records[i];

		if (!record->fails && record->type == type && strcasecmp(record->name, from) == 0)
			rr_fill(scope, &rrs[answer->rr_count++], record);
	}
	if (answer->rr_count != 0) {
		answer->status = DNS_STATUS_DATA;
		answer->rrs = rrs;
	}
	return answer;
}

struct dns_scope *dns_scope_for(struct dns_scope *scope, enum dns_purpose purpose)
{
	(void)purpose;
	return scope;
}

unsigned dns_scope_exceeded(const struct dns_scope *scope)
{
	(void)scope;
	return 0;
}

void dns_start(struct dns_scope *scope, const char *name, uint16_t type)
{
	scope->starts++;
	answer_make(scope, arena_strdup(scope->arena, name), type);
}

void dns_start_then(struct dns_scope *scope, const char *name, uint16_t type, dns_then *then, void *arg)
{
	scope->starts++;
	then(scope, answer_make(scope, arena_strdup(scope->arena, name), type), arg);
}

const struct dns_answer *dns_wait(struct dns_scope *scope, const char *name, uint16_t type)
{
	scope->waits++;
	return answer_make(scope, arena_strdup(scope->arena, name), type);
}

const struct dns_answer *dns_wait_unnoted(struct dns_scope *scope, const char *name, uint16_t type)
{
	return dns_wait(scope, name, type);
}

const char *dns_rr_text(const struct dns_rr *rr, struct arena *arena, size_t *length_r)
{
	if (length_r != NULL)
		*length_r = rr->rdata_length;
	return arena_strndup(arena, (const char *)rr->rdata, rr->rdata_length);
}

const char *dns_rr_name(const struct dns_rr *rr, struct arena *arena)
{
	return arena_strndup(arena, (const char *)rr->rdata, rr->rdata_length);
}

struct ip_addr dns_rr_addr(const struct dns_rr *rr)
{
	struct ip_addr addr = { .family = rr->rdata_length == 4 ? AF_INET : AF_INET6 };

	memcpy(addr.bytes, rr->rdata, rr->rdata_length);
	return addr;
}

const char *dns_type_name(uint16_t type, char text_r[16])
{
	snprintf(text_r, 16, "TYPE%u", type);
	return text_r;
}
