/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_DOCTOR_H
#define ASSAY_TOOLS_DOCTOR_H
/*
 * assay doctor: what an admin asks after an hour, one line a check. Each file doctor_*.c looks at one part and adds its lines;
 * doctor.c prints them. Looks, and changes nothing; but for the probe it sends nothing to the MTA.
 */
#include <jansson.h>

#include "config/config.h"
#include "util/arena.h"

enum doctor_level { DOCTOR_OK, DOCTOR_INFO, DOCTOR_WARNING, DOCTOR_ERROR };

struct doctor {
	struct arena *arena;
	const char *config_path;
	const char *postfix_directory;	/* NULL: Postfix's own */
	const struct config *config;		/* NULL: it has errors */
	json_t *status;			/* what assayd tells; NULL: nobody answers */
	json_t *lines;			/* { check, level, text, remedy } */
	enum doctor_level worst;
	enum dns_security root;		/* best of all servers; what the clock and the anchors are judged by */
};

/** Adds a line. remedy may be NULL. Both texts are copied. */
void doctor_say(struct doctor *doctor, const char *check, enum doctor_level level, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/** A word of what assayd tells, "" where there is none. @param section  NULL: at the top. */
const char *doctor_word(const json_t *status, const char *section, const char *name);

void doctor_config(struct doctor *doctor);	/* loads it */
void doctor_daemon(struct doctor *doctor);
void doctor_mta(struct doctor *doctor);
struct setup;
void doctor_beside(struct doctor *doctor, const struct setup *setup);	/* behind Postfix */
void doctor_recipients(struct doctor *doctor, const char *mydestination);	/* behind Postfix */
void doctor_resolvers(struct doctor *doctor);	/* before the next */
void doctor_anchors_and_clock(struct doctor *doctor);
void doctor_suffixes(struct doctor *doctor);
void doctor_store(struct doctor *doctor);
void doctor_log(struct doctor *doctor);

#endif
