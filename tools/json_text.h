/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_JSON_TEXT_H
#define ASSAY_TOOLS_JSON_TEXT_H
/* Text from anywhere as a JSON string. Thread: any. */
#include <jansson.h>

#include "util/arena.h"

/** JSON wants UTF-8: in other text the 8-bit bytes come as \xNN. NULL gives null. A new reference. */
json_t *json_text(struct arena *arena, const char *text);

#endif
