/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_POSTGRES_FIXTURE_H
#define ASSAY_TESTS_POSTGRES_FIXTURE_H
/*
 * A PostgreSQL server of the test's own: made at its first use in a directory of its own (scratch.h), on a unix socket there, not reachable
 * from elsewhere, as an unprivileged user. Both end with the process, however that ends.
 */
#include <stdbool.h>
#include <stddef.h>

/** @return whether the server's programs are installed (Debian: postgresql). */
bool postgres_is_there(void);

/** Starts the server if it does not run. @param why_r  when it cannot. */
bool postgres_start(char *why_r, size_t why_bytes);

/**
 * Stops all of its processes where they are, as a machine that hangs would: connections stay, and nothing answers. Until
 * postgres_thaw(), or the end of this process, however that comes.
 */
void postgres_freeze(void);
void postgres_thaw(void);

/* A way to the server, on a unix socket in a directory, that takes its time. */
struct postgres_proxy;
/** @param directory  in which nobody listens yet. */
struct postgres_proxy *postgres_proxy_start(const char *directory);
/** How long each answer takes from now on; -1: nothing is taken any more, and nothing answered. */
void postgres_proxy_delay(struct postgres_proxy *proxy, int answer_ms);
/** Ends its connections, and it. */
void postgres_proxy_stop(struct postgres_proxy **proxy);

/** Ends it, at once; its data stay until the process ends. */
void postgres_stop(void);

/** A connection string for an empty place of its own, in which Assay finds nothing. Starts the server. Aborts where it cannot. */
void postgres_location(char *location_r, size_t bytes);

/** Runs SQL in the place of a location. @return the first column of the first row, borrowed until the next call; "": there is none. */
const char *postgres_query(const char *location, const char *sql);

#endif
