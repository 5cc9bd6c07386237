/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_TALLY_H
#define ASSAY_REPORT_TALLY_H
/*
 * Recorded flows, added up for a report: what was done, what the policies at hand make of it, how it looks (signs.h), and what is
 * known of those who send. tally_page() makes the page of it that printers walk (page.h). Kinds are read twice: tally_learn() for all,
 * then tally_add() for all. Thread: one.
 */
#include "config/config.h"
#include "policy/policy.h"
#include "record/store.h"
#include "report/page.h"

struct tally;

/**
 * @param config  whose lists and habits count. @param set  the policies that are asked, whatever their mode. Both borrowed for the
 * tally's life. @param until_secs  flows behind it count for its day.
 */
struct tally *tally_new(const struct config *config, const struct policy_set *set, int64_t since_secs, int64_t until_secs);
/** When brakes were on; before anything is added. Borrowed for the tally's life. */
void tally_set_brakes(struct tally *tally, const struct brakes *brakes);
/** @return whether it matters in which hour messages came: the record has to be read by the hour, else by the day. */
bool tally_is_dated(const struct tally *tally);
void tally_free(struct tally **tally);

/** First: peers, and each kind; fit store_peers_each() and store_kinds_each() with the tally as their argument. */
void tally_peer(void *tally, const char *peer, const struct peer_memory *memory);
void tally_learn(void *tally, const struct flow_row *kind, const struct flow_span *spans, size_t count);
/** Then: each kind again, with spans of a day. */
void tally_add(void *tally, const struct flow_row *kind, const struct flow_span *spans, size_t count);

/**
 * The report.
 * @param arena  in which the page lives; it borrows from the tally. @param policies  what to call them.
 * @param top  rows of a table of names; the rest is one row more.
 */
struct page *tally_page(struct tally *tally, struct arena *arena, const char *policies, size_t top);

#endif
