/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing of option values in the syntax of the file: what is written reads back to the same value.
 * Thread: any. Trusts the snapshot.
 */
#include "config/value_print.h"

#include <string.h>

#include "config/value.h"

const char *value_number_text(const struct option_row *row, long long number, struct arena *arena)
{
	const struct value_unit *unit = value_units(row->type);

	if (number == 0)
		return "0";
	while (number % unit->factor != 0)
		unit++;
	return arena_printf(arena, "%lld%s", number / unit->factor, unit->suffix);
}

void value_print_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		/* libConfuse expands ${NAME} inside double quotes */
		if (strchr("\"\\$", *text) != NULL)
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_number(const struct option_row *row, long long number, FILE *out)
{
	struct arena *arena = arena_new();

	fputs(value_number_text(row, number, arena), out);
	arena_free(&arena);
}

static void print_word(const struct option_row *row, int value, FILE *out)
{
	const char *word = words_of(row->words, value);

	if (word != NULL)
		fputs(word, out);
}

static void print_strings(const char *const *items, size_t count, FILE *out)
{
	fputc('{', out);
	for (size_t i = 0; i < count; i++) {
		fputs(i != 0 ? ", " : " ", out);
		value_print_quoted(items[i], out);
	}
	fputs(count != 0 ? " }" : "}", out);
}

static void print_findings(const struct option_row *row, const finding_set *set, FILE *out)
{
	const char *between = " ";

	fputc('{', out);
	for (const struct word *word = row->words; word->word != NULL; word++) {
		if (!finding_set_has(set, (enum finding_id)word->value))
			continue;
		fputs(between, out);
		value_print_quoted(word->word, out);
		between = ", ";
	}
	fputs(between[0] == ',' ? " }" : "}", out);
}

/* Files by their names: what is in them is read again. */
static void print_domains(const struct domain_list *list, FILE *out)
{
	fputc('{', out);
	for (size_t i = 0; i < list->source_count; i++) {
		fputs(i != 0 ? ", " : " ", out);
		value_print_quoted(list->sources[i].text, out);
	}
	fputs(list->source_count != 0 ? " }" : "}", out);
}

static void print_networks(const struct network_list *list, FILE *out)
{
	char text[ADDR_TEXT_BYTES];

	fputc('{', out);
	for (size_t i = 0; i < list->count; i++)
		fprintf(out, "%s\"%s/%u\"", i != 0 ? ", " : " ", addr_format(&list->items[i].addr, text), list->items[i].prefix_bits);
	fputs(list->count != 0 ? " }" : "}", out);
}

static void print_servers(const struct dns_config *dns, FILE *out)
{
	char text[ADDR_TEXT_BYTES];

	fputc('{', out);
	for (size_t i = 0; i < dns->server_count; i++)
		fprintf(out, "%s\"%s@%u\"", i != 0 ? ", " : " ", addr_format(&dns->servers[i].addr, text), dns->servers[i].port);
	fputs(dns->server_count != 0 ? " }" : "}", out);
}

static size_t array_count(const char *const *items)
{
	size_t count = 0;

	while (items[count] != NULL)
		count++;
	return count;
}

void value_print(const struct option_row *row, const void *base, FILE *out)
{
	const void *place = (const char *)base + row->offset;

	switch (row->type) {
	case OPTION_BOOL:
		fputs(*(const bool *)place ? "yes" : "no", out);
		break;
	case OPTION_WORD:
		print_word(row, *(const int *)place, out);
		break;
	case OPTION_OCTAL:
		fprintf(out, "%03o", *(const unsigned *)place);
		break;
	case OPTION_LARGE_COUNT:
	case OPTION_LARGE_BYTES:
		print_number(row, (long long)*(const size_t *)place, out);
		break;
	case OPTION_STRING:
	case OPTION_NAME:
	case OPTION_PATH:
	case OPTION_SOCKET:
	case OPTION_LISTEN:
	case OPTION_CONNECTION:
		value_print_quoted(*(const char *const *)place != NULL ? *(const char *const *)place : "", out);
		break;
	case OPTION_STRINGS:
	case OPTION_FEW_DOMAINS:
		print_strings(((const struct string_list *)place)->items, ((const struct string_list *)place)->count, out);
		break;
	case OPTION_PATH_ARRAY:
	case OPTION_DOMAIN_ARRAY:
		print_strings(*(const char *const *const *)place, array_count(*(const char *const *const *)place), out);
		break;
	case OPTION_FINDINGS:
		print_findings(row, place, out);
		break;
	case OPTION_DOMAINS:
	case OPTION_PATTERNS:
	case OPTION_SENDERS:
	case OPTION_ADDRESSES:
		print_domains(place, out);
		break;
	case OPTION_NETWORKS:
		print_networks(place, out);
		break;
	case OPTION_SERVERS:
		print_servers(place, out);
		break;
	default:
		print_number(row, *(const unsigned *)place, out);
	}
}
