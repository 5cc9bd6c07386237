/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading of option values: numbers with units, words, names, paths, networks, servers. Every failure says what would
 * be right. Thread: any. Trusts nothing; values are capped by the length of a line.
 */
#include "config/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/list_file.h"
#include "config/listen_place.h"
#include "config/value_print.h"
#include "util/buf.h"
#include "util/connection.h"
#include "util/domain.h"
#include "util/error.h"

static const struct value_unit value_byte_units[] = { { "G", 1LL << 30 }, { "M", 1LL << 20 }, { "K", 1LL << 10 }, { "", 1 }, { 0 } };
static const struct value_unit value_second_units[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { 0 } };
static const struct value_unit value_ms_units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { 0 } };
static const struct value_unit value_no_units[] = { { "", 1 }, { 0 } };

const struct value_unit *value_units(enum option_type type)
{
	switch (type) {
	case OPTION_BYTES:
	case OPTION_LARGE_BYTES:
		return value_byte_units;
	case OPTION_SECONDS:
		return value_second_units;
	case OPTION_MILLISECONDS:
		return value_ms_units;
	default:
		return value_no_units;
	}
}

static const char *unit_list(const struct value_unit *units, struct arena *arena)
{
	struct buf buf = buf_make(arena);

	for (; units->suffix != NULL; units++)
		if (units->suffix[0] != '\0')
			buf_printf(&buf, "%s%s", buf.length != 0 ? ", " : "", units->suffix);
	return buf.data;
}

/* Number with a unit from the list. Digits only, no sign, no overflow. */
static int parse_number(const struct option_row *row, const char *text, struct arena *arena, long long *number_r,
    const char **why_r)
{
	const struct value_unit *units = value_units(row->type), *unit = units;
	size_t digits = strspn(text, "0123456789");
	long long number;

	if (digits == 0 || digits > 15) {
		*why_r = "not a number";
		return -E_SYNTAX;
	}
	number = strtoll(text, NULL, 10);
	while (unit->suffix != NULL && strcasecmp(unit->suffix, text + digits) != 0)
		unit++;
	if (unit->suffix == NULL && !(number == 0 && text[digits] == '\0')) {
		if (text[digits] == '\0')
			*why_r = arena_printf(arena, "needs a unit: %s", unit_list(units, arena));
		else if (units == value_no_units)
			*why_r = "not a number";
		else
			*why_r = arena_printf(arena, "unknown unit '%s'; valid: %s", text + digits, unit_list(units, arena));
		return -E_SYNTAX;
	}
	if (unit->suffix != NULL && number > INT64_MAX / unit->factor / 2)
		number = INT64_MAX;
	else if (unit->suffix != NULL)
		number *= unit->factor;
	if (number < row->min || number > row->max) {
		*why_r = arena_printf(arena, "out of range; valid: %s to %s", value_number_text(row, row->min, arena),
		    value_number_text(row, row->max, arena));
		return -E_SYNTAX;
	}
	*number_r = number;
	return 0;
}

static int parse_octal(const struct option_row *row, const char *text, long long *number_r, const char **why_r)
{
	size_t digits = strspn(text, "01234567");

	*why_r = "not an octal number from 0 to 0777";
	if (digits == 0 || digits > 6 || text[digits] != '\0')
		return -E_SYNTAX;
	*number_r = strtoll(text, NULL, 8);
	return *number_r > row->max ? -E_SYNTAX : 0;
}

static int parse_bool(const char *text, long long *number_r, const char **why_r)
{
	static const char *const yes[] = { "yes", "true", "on" }, *const no[] = { "no", "false", "off" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*number_r = strcasecmp(text, yes[i]) == 0;
			return 0;
		}
	}
	*why_r = "valid: yes, no (also true, false, on, off)";
	return -E_SYNTAX;
}

static int parse_word(const struct option_row *row, const char *text, struct arena *arena, long long *number_r,
    const char **why_r)
{
	struct buf buf = buf_make(arena);
	int value;

	if (words_value(row->words, text, &value) == 0) {
		*number_r = value;
		return 0;
	}
	for (const struct word *word = row->words; word->word != NULL; word++)
		buf_printf(&buf, "%s%s", buf.length != 0 ? ", " : "valid: ", word->word);
	*why_r = buf.data;
	return -E_SYNTAX;
}

static int parse_domain(const struct option_row *row, const char *text, struct arena *arena, const char **text_r,
    const char **why_r)
{
	char *entry = arena_strdup(arena, text);

	*why_r = list_entry_fault(entry, strlen(entry), option_list_form(row->type));
	if (text[0] == '@' && !option_is_domain_list(row->type))
		*why_r = "this list takes no file of domains: write them here";
	*text_r = entry;
	return *why_r == NULL ? 0 : -E_SYNTAX;
}

int value_parse_server(const char *text, struct dns_server *server_r, const char **why_r)
{
	const char *at = strchr(text, '@');
	size_t length = at != NULL ? (size_t)(at - text) : strlen(text);
	char host[ADDR_TEXT_BYTES + 8], *rest;
	unsigned long port = 53;

	*why_r = "not an IP address; write ADDRESS or ADDRESS@PORT, for example 127.0.0.1@5353 or [::1]@53";
	if (strchr(text, '%') != NULL)
		*why_r = "an address with a zone (%) is not taken; name the server by one that needs none";
	if (length >= sizeof(host))
		return -E_SYNTAX;
	memcpy(host, text, length);
	host[length] = '\0';
	if (addr_parse_written(host, &server_r->addr) != 0)
		return -E_SYNTAX;
	if (at != NULL) {
		*why_r = "port is not a number from 1 to 65535";
		if (at[1] < '0' || at[1] > '9')
			return -E_SYNTAX;
		port = strtoul(at + 1, &rest, 10);
		if (*rest != '\0' || port == 0 || port > 65535)
			return -E_SYNTAX;
	}
	server_r->port = (uint16_t)port;
	return 0;
}

/* libmilter's socket forms. Postfix writes inet:HOST:PORT for the same thing, a common trap. */
static const char *socket_fault(const char *text)
{
	const char *rest, *at;

	if (text[0] == '/')
		return NULL;
	if (strncmp(text, "unix:", 5) == 0 || strncmp(text, "local:", 6) == 0)
		return strchr(text, ':')[1] == '/' ? NULL : "the path of a unix socket must be absolute";
	if (strncmp(text, "inet:", 5) != 0 && strncmp(text, "inet6:", 6) != 0)
		return "not a socket; write unix:PATH, inet:PORT@HOST or inet6:PORT@HOST";
	rest = strchr(text, ':') + 1;
	at = strchr(rest, '@');
	if (strspn(rest, "0123456789") == 0 || (rest[strspn(rest, "0123456789")] != '@' && at == NULL &&
	    rest[strspn(rest, "0123456789")] != '\0') || (at != NULL && rest + strspn(rest, "0123456789") != at))
		return "write inet:PORT@HOST (inet:HOST:PORT is Postfix's form, for main.cf)";
	if (strspn(rest, "0123456789") > 5 || atoi(rest) == 0 || atoi(rest) > 65535)
		return "port is not a number from 1 to 65535";
	return at != NULL && at[1] == '\0' ? "no host behind @" : NULL;
}

static const char *name_fault(const char *text)
{
	return text[0] == '-' || text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] != '\0' ?
	    "only letters, digits, '-', '_' and '.' are allowed" : NULL;
}

static const char *string_fault(const struct option_row *row, const char *text)
{
	const char *fault;

	if (strlen(text) > (size_t)row->max)
		return "too long";
	if (text[0] == '\0')
		return row->type == OPTION_SOCKET ? "must not be empty" : NULL;
	switch (row->type) {
	case OPTION_NAME:
		return name_fault(text);
	case OPTION_PATH:
		return text[0] == '/' ? NULL : "not an absolute path";
	case OPTION_SOCKET:
		return socket_fault(text);
	case OPTION_LISTEN:
		return listen_place_parse(text, NULL, &fault) == 0 ? NULL : fault;
	case OPTION_CONNECTION:
		return connection_fault(text);
	default:
		for (; *text != '\0'; text++)
			if ((unsigned char)*text >= 0x7f)
				return "only ASCII is allowed: the text goes into SMTP replies";
		return NULL;
	}
}

static int parse_string(const struct option_row *row, const char *text, struct arena *arena, const char **text_r,
    const char **why_r)
{
	*why_r = string_fault(row, text);
	*text_r = text[0] == '\0' ? NULL : arena_strdup(arena, text);
	return *why_r == NULL ? 0 : -E_SYNTAX;
}

bool value_has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

int value_parse(const struct option_row *row, const char *text, struct arena *arena, union value *value_r,
    const char **why_r)
{
	memset(value_r, 0, sizeof(*value_r));
	*why_r = "control characters are not allowed";
	if (value_has_control(text))
		return -E_SYNTAX;
	switch (row->type) {
	case OPTION_BOOL:
		return parse_bool(text, &value_r->number, why_r);
	case OPTION_OCTAL:
		return parse_octal(row, text, &value_r->number, why_r);
	case OPTION_WORD:
	case OPTION_FINDINGS:
		return parse_word(row, text, arena, &value_r->number, why_r);
	case OPTION_STRING:
	case OPTION_NAME:
	case OPTION_PATH:
	case OPTION_SOCKET:
	case OPTION_LISTEN:
	case OPTION_CONNECTION:
		return parse_string(row, text, arena, &value_r->text, why_r);
	case OPTION_STRINGS:
		*why_r = "must not be empty";
		return text[0] == '\0' ? -E_SYNTAX : parse_string(row, text, arena, &value_r->text, why_r);
	case OPTION_FEW_DOMAINS:
	case OPTION_DOMAINS:
	case OPTION_PATTERNS:
	case OPTION_SENDERS:
	case OPTION_ADDRESSES:
	case OPTION_DOMAIN_ARRAY:
		return parse_domain(row, text, arena, &value_r->text, why_r);
	case OPTION_PATH_ARRAY:
		value_r->text = arena_strdup(arena, text);
		*why_r = "not an absolute path";
		return text[0] == '/' ? 0 : -E_SYNTAX;
	case OPTION_NETWORKS:
		*why_r = strchr(text, '%') != NULL ? "a network has no zone (%): write the address alone" :
		    "not a network; write an address or ADDRESS/PREFIX with the host bits zero";
		return network_parse(text, &value_r->network);
	case OPTION_SERVERS:
		return value_parse_server(text, &value_r->server, why_r);
	default:
		return parse_number(row, text, arena, &value_r->number, why_r);
	}
}

static const char *const *string_array(const union value *values, size_t count, struct arena *arena)
{
	const char **items = arena_calloc(arena, count + 1, sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = values[i].text;
	return items;
}

static void store_domains(const union value *values, size_t count, struct arena *arena, struct domain_list *list_r)
{
	struct domain_source *sources = arena_calloc(arena, count + 1, sizeof(*sources));

	for (size_t i = 0; i < count; i++)
		sources[i] = (struct domain_source){ values[i].text, 1 };
	list_r->set = domain_set_make(arena, string_array(values, count, arena), count);
	list_r->count = domain_set_count(list_r->set);
	list_r->sources = sources;
	list_r->source_count = count;
}

static void store_networks(const union value *values, size_t count, struct arena *arena, struct network_list *list_r)
{
	struct ip_network *items = arena_calloc(arena, count + 1, sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = values[i].network;
	*list_r = (struct network_list){ items, count };
}

static void store_servers(const union value *values, size_t count, struct arena *arena, struct dns_config *dns_r)
{
	struct dns_server *items = arena_calloc(arena, count + 1, sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = values[i].server;
	dns_r->servers = items;
	dns_r->server_count = count;
}

/* base is an arena's struct, and offsets come from offsetof(): places are aligned for their types. */
void value_store(const struct option_row *row, const union value *values, size_t count, struct arena *arena, void *base)
{
	void *place = (char *)base + row->offset;

	switch (row->type) {
	case OPTION_BOOL:
		*(bool *)place = values[0].number != 0;
		break;
	case OPTION_WORD:
		*(int *)place = (int)values[0].number;
		break;
	case OPTION_LARGE_COUNT:
	case OPTION_LARGE_BYTES:
		*(size_t *)place = (size_t)values[0].number;
		break;
	case OPTION_STRING:
	case OPTION_NAME:
	case OPTION_PATH:
	case OPTION_SOCKET:
	case OPTION_LISTEN:
	case OPTION_CONNECTION:
		*(const char **)place = values[0].text;
		break;
	case OPTION_STRINGS:
	case OPTION_FEW_DOMAINS:
		*(struct string_list *)place = (struct string_list){ string_array(values, count, arena), count };
		break;
	case OPTION_PATH_ARRAY:
	case OPTION_DOMAIN_ARRAY:
		*(const char *const **)place = string_array(values, count, arena);
		break;
	case OPTION_DOMAINS:
	case OPTION_PATTERNS:
	case OPTION_SENDERS:
	case OPTION_ADDRESSES:
		store_domains(values, count, arena, place);
		break;
	case OPTION_FINDINGS:
		*(finding_set *)place = (finding_set){ 0 };
		for (size_t i = 0; i < count; i++)
			finding_set_add(place, (enum finding_id)values[i].number);
		break;
	case OPTION_NETWORKS:
		store_networks(values, count, arena, place);
		break;
	case OPTION_SERVERS:
		store_servers(values, count, arena, place);
		break;
	default:
		*(unsigned *)place = (unsigned)values[0].number;
	}
}

void value_store_default(const struct option_row *row, struct arena *arena, void *base)
{
	enum { DEFAULT_ITEMS = 8 };
	union value values[DEFAULT_ITEMS];
	char *text = arena_strdup(arena, row->default_text), *save = NULL, *item;
	const char *why;
	size_t count = 0;

	if (!option_is_list(row->type)) {
		if (value_parse(row, text, arena, &values[0], &why) != 0)
			abort();
		value_store(row, values, 1, arena, base);
		return;
	}
	for (item = strtok_r(text, ", ", &save); item != NULL; item = strtok_r(NULL, ", ", &save)) {
		if (count == DEFAULT_ITEMS || value_parse(row, item, arena, &values[count++], &why) != 0)
			abort();
	}
	value_store(row, values, count, arena, base);
}
