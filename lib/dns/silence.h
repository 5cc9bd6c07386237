/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_DNS_SILENCE_H
#define ASSAY_DNS_SILENCE_H
/*
 * Zones that do not answer, remembered for a while, so that each further name below them does not take its own time-outs.
 * The resolver behind us knows the zones' servers, we do not: a zone is taken to be what somebody could have registered
 * (public suffix list; a /16 or /32 of reverse names), or one label below it, and is silent when several questions in a
 * row got no answer while the recursive server answered others. One label alone silences only itself: who was given
 * a subdomain cannot silence his neighbours.
 *
 * I/O thread only. Bounded: the zones used longest ago go.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"

struct silence;
struct silent_zone;

struct silence *silence_new(void);
void silence_free(struct silence **silence);

/**
 * Whether a question is to be held back because its zone is silent. Now and then one is let through, to see.
 * @param zone_r  set to the silent zone's name, borrowed until the next call.
 */
bool silence_holds(struct silence *silence, const struct dns_name *name, int64_t now_ms, const char **zone_r);

/** A question got an answer, whatever it was. */
void silence_answered(struct silence *silence, const struct dns_name *name);

/** A question timed out although the server it was put to answers others. */
void silence_timed_out(struct silence *silence, const struct dns_name *name, int64_t now_ms);

#endif
