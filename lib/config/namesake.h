/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_NAMESAKE_H
#define ASSAY_CONFIG_NAMESAKE_H
/*
 * Other milters of the same MTA that write Authentication-Results in our name: found from the texts of the MTA's and their
 * configurations. Only what is sure to be in the MTA's chain is told: a package that is merely installed is not. Pure.
 * Thread: any. Trusts nothing of the texts: sizes are capped, and what cannot be read finds nothing.
 */
#include <stddef.h>

#include "util/arena.h"

enum { NAMESAKE_OPENDKIM, NAMESAKE_OPENDMARC, NAMESAKE_PROGRAMS };
enum { NAMESAKE_FILE_MAX = 256 * 1024 };	/* bytes read of a file */

struct namesake_text { const char *text; size_t length; };	/* text NULL: there is no such file */

struct namesake_files {
	struct namesake_text main_cf, sendmail_cf;
	struct namesake_text programs[NAMESAKE_PROGRAMS];
};

struct namesake {
	unsigned which;			/* NAMESAKE_… */
	const char *program, *name;	/* name: the authserv-id that both have; in the arena */
};

/**
 * @param authserv_id  of our configuration; NULL: what the MTA calls itself.
 * @param host  this host's name.
 * @return how many were found.
 */
size_t namesakes_find(const struct namesake_files *files, const char *authserv_id, const char *host, struct arena *arena,
    struct namesake found_r[NAMESAKE_PROGRAMS]);

/** Value of a parameter of main.cf as it stands there, continued lines joined by blanks; the last one counts. NULL: not set. */
const char *main_cf_value(const struct namesake_text *main_cf, const char *name, struct arena *arena);

#endif
