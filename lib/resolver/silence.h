/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_SILENCE_H
#define ASSAY_RESOLVER_SILENCE_H
/*
 * Zones that do not answer, remembered for a while, so that each further name below them does not take its own time-outs.
 * The resolver behind us knows the zones' servers, we do not: a zone is taken to be what somebody could have registered
 * (public suffix list; a /24 or /48 of reverse names), or one label below it, and is silent when a question got no answer
 * that was sent after another one had got none, while the recursive server answered others. So packets that were lost
 * together count once.
 *
 * Who was given a name below somebody's domain, or finds one there that is dead, must not silence that domain: what has answered
 * below it is asked on, and so are its own records (at the domain, its policies, its keys) until they do not answer themselves.
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

/** @return whether its zone is silent, so that a question that has had its chance is not to be sent again. */
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
