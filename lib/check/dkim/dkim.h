/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_DKIM_DKIM_H
#define ASSAY_CHECK_DKIM_DKIM_H
/*
 * What of the DKIM check outlives messages: libopendkim's library handle and the decoded keys.
 * Thread: made and freed by one thread; used by all.
 */
#include <stddef.h>

#include "check/signature/hash.h"
#include "check/signature/key.h"
#include "config/config.h"

struct dkim_engine {
	struct dkim_library *library;
	struct dkim_keycache *keys;
};

/** @return NULL with why_r set when libopendkim cannot be set up. config is not kept. */
struct dkim_engine *dkim_engine_new(const struct config *config, char *why_r, size_t why_bytes);

/** Frees it and sets *engine to NULL; NULL is allowed. No message may be under judgement. */
void dkim_engine_free(struct dkim_engine **engine);

#endif
