/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_SILENCE_H
#define ASSAY_RESOLVER_SILENCE_H
/*
 * Remembers for a while which zones do not answer, so that further names below them are not asked, each with its time-outs.
 *
 * What a zone is: the recursive server knows where zones begin, we do not. We take a domain that somebody could have registered
 * (by the public suffix list; a /24 or /48 of reverse names) and each name one label below it for a zone.
 * When it is silent: a first question timed out, then a second one, sent after that, timed out too, while the recursive server
 * answered other questions. (Two packets that were lost together say no more than one.)
 *
 * One dead name below a domain must not silence the whole domain: somebody else may own that name. So names below it that have
 * answered are still asked, and so are the domain's own records (at its name, its policies, its keys) until they time out too.
 *
 * Each zone has its share of the query table as well, so that one whose servers are slow holds up only itself, however many
 * clients' messages point into it.
 *
 * I/O thread only. Bounded: the zones used longest ago are forgotten, but not while there are queries for them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"

struct silence;

struct zone;

struct silence *silence_new(void);
void silence_free(struct silence **silence);

/**
 * Whether a question is to be held back because its zone is silent. Now and then one is let through, to see.
 * @param for_author  for an author domain: more of these are let through.
 * @param zone_r      set to the silent zone's name, borrowed until the next call.
 */
bool silence_holds(struct silence *silence, const struct dns_name *name, bool for_author, int64_t now_ms, const char **zone_r);

/** @return whether the name's zone is silent: then a question that was sent once and timed out is not sent again. */
bool silence_is_known(struct silence *silence, const struct dns_name *name, int64_t now_ms);

/**
 * A query takes a place of its zone's share. Author domains' always find one.
 * @param limit   places of a zone.
 * @param zone_r  to be given back with zone_leave(). @return false when there was no place.
 */
bool zone_enter(struct silence *silence, const struct dns_name *name, bool for_author, unsigned limit, struct zone **zone_r);
/** Sets *zone to NULL; NULL is allowed. */
void zone_leave(struct zone **zone);

/** A question got an answer, whatever it was. */
void silence_answered(struct silence *silence, const struct dns_name *name, int64_t now_ms);

/** A question, sent then, timed out although the server it was put to answers others. */
void silence_timed_out(struct silence *silence, const struct dns_name *name, int64_t sent_ms, int64_t now_ms);

#endif
