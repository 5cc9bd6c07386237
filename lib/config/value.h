/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_VALUE_H
#define ASSAY_CONFIG_VALUE_H
/*
 * One option value: text → C value at its place in a struct, and back. The same code reads the file and the defaults.
 * Thread: any; works in the arena it is given. Trusts nothing of the text.
 */
#include <stdio.h>

#include "config/schema.h"
#include "util/arena.h"

union value {
	long long number;
	const char *text;	/* NULL for "" */
	struct ip_network network;
	struct dns_server server;
};

/**
 * Reads one value of the row's type.
 * @param why_r  on failure: what is wrong and what would be right, without the option's name.
 * @return 0 or -E_SYNTAX.
 */
int value_parse(const struct option_row *row, const char *text, struct arena *arena, union value *value_r,
    const char **why_r);

/**
 * Reads a DNS server: ADDRESS, ADDRESS@PORT, [ADDRESS] or [ADDRESS]@PORT; the port is 53 where none is given.
 * @param why_r  on failure: what is wrong and what would be right (static).
 * @return 0 or -E_SYNTAX.
 */
int value_parse_server(const char *text, struct dns_server *server_r, const char **why_r);

/** @return whether there is a control character, which no value may have: it could not be printed so that it loads again. */
bool value_has_control(const char *text);

/** Puts values (exactly one unless the type is a list) at the row's offset in base; arrays go to the arena. */
void value_store(const struct option_row *row, const union value *values, size_t count, struct arena *arena, void *base);

/** Stores the row's default; a default that does not parse aborts (it is a bug, and a unit test looks). */
void value_store_default(const struct option_row *row, struct arena *arena, void *base);

/** Writes the value at the row's offset in the syntax of the file. */
void value_print(const struct option_row *row, const void *base, FILE *out);

/** Writes a quoted string that reads back to the same bytes. */
void value_print_quoted(const char *text, FILE *out);

#endif
