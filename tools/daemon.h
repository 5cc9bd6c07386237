/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_DAEMON_H
#define ASSAY_TOOLS_DAEMON_H
/* The running assayd, seen from outside: its status socket, a try at its milter socket as the MTA, its restart. */
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"
#include "util/arena.h"

/**
 * What assayd tells of itself (milter/status.c).
 * @return the object, to be given back with json_decref(); NULL with why_r set when nobody answers.
 */
json_t *daemon_status(struct arena *arena, const char *path, const char **why_r);

/** @return whether the probe of that label has reached the daemon, within timeout_ms. */
bool daemon_saw_probe(struct arena *arena, const char *status_path, const char *label, unsigned timeout_ms);

/* Who tries a socket: the way a chrooted smtpd does it. */
struct reach {
	const char *user;	/* NULL: as we are */
	const char *root;	/* chroot(2) first; NULL */
	const char *directory;	/* then stand here; NULL */
};

/**
 * Tries to connect to a milter address (Postfix's form: unix:PATH, inet:HOST:PORT).
 * @return NULL when it was taken, else why not, for an admin; in the arena.
 */
const char *daemon_reach(struct arena *arena, const char *address, const struct reach *as);

enum daemon_keeper { KEEPER_SYSTEMD, KEEPER_NONE };
/** Who starts and stops the assayd of that configuration: the unit knows the default one only. */
enum daemon_keeper daemon_keeper(struct arena *arena, const char *config_path);

/**
 * Starts assayd anew with the configuration as it now stands, and waits until its socket is served.
 * @param status_path  of the running one, which is stopped first where no systemd does that.
 * @return NULL, or why it does not run now.
 */
const char *daemon_restart(struct arena *arena, const char *config_path, const char *status_path);

/** @return how many assayd run with that configuration, by their command lines. */
unsigned daemon_count(const char *config_path);

#endif
