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

/** Ends it, at once; its data stay until the process ends. */
void postgres_stop(void);

/** A connection string for an empty place of its own, in which Assay finds nothing. Starts the server. Aborts where it cannot. */
void postgres_location(char *location_r, size_t bytes);

/** Runs SQL in the place of a location. @return the first column of the first row, borrowed until the next call; "": there is none. */
const char *postgres_query(const char *location, const char *sql);

#endif
