/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_VALUE_PRINT_H
#define ASSAY_CONFIG_VALUE_PRINT_H
/* The units shared by reading (value.c) and writing (value_print.c) of option values. Constant; thread: any. */
#include "config/schema.h"
#include "util/arena.h"

struct value_unit { const char *suffix; long long factor; };	/* largest first; ends with a NULL suffix */

const struct value_unit *value_units(enum option_type type);

/** The number in the largest unit that divides it: "64M", "2s". */
const char *value_number_text(const struct option_row *row, long long number, struct arena *arena);

#endif
