/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_DKIM_MESSAGE_H
#define ASSAY_TESTS_DKIM_MESSAGE_H
/*
 * A message in memory through the DKIM check, as the pipeline would do it. For unit tests, the driver, the fuzz target
 * and the benchmark.
 */
#include "check/check.h"
#include "check/dkim/dkim.h"

struct dkim_case {
	const struct config *config;
	struct dkim_engine *engine;
	struct dns_scope *dns;
	int64_t time_secs;
	size_t chunk_bytes;		/* of the body; 0: whole */
	/* afterwards */
	struct arena *arena;
	struct facts facts;
	struct author author;
	struct results results;
	bool wanted_body;
};

/**
 * Judges a message (lines ending in CRLF). Results live in the case's arena until dkim_case_free(), which must be called;
 * the case may be used again then.
 */
void dkim_case_run(struct dkim_case *test, const char *message, size_t length);
void dkim_case_free(struct dkim_case *test);

/* "name: value" lines up to the empty one, into facts. @return where the body begins. */
size_t dkim_case_header(struct dkim_case *test, const char *message, size_t length);

/* A file's bytes, NUL behind them; exits when it cannot be read. Free with free(). */
char *dkim_read_file(const char *path, size_t *length_r);

#endif
