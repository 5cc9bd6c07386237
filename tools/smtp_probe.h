/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_SMTP_PROBE_H
#define ASSAY_TOOLS_SMTP_PROBE_H
/*
 * The probe: an SMTP session that sends no mail, but whose HELO name assayd knows (milter/status.c). That it arrives there
 * proves that the MTA asks. Goes to the MTA of this machine only.
 */
#include "util/arena.h"

struct smtp_probe {
	const char *host, *port;	/* of the MTA */
	const char *label;		/* of this probe; set by smtp_probe_send() */
};

/**
 * EHLO with the name, QUIT.
 * @return NULL when the MTA has answered all of it, else why not; in the arena.
 */
const char *smtp_probe_send(struct arena *arena, struct smtp_probe *probe);

#endif
