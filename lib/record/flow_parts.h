/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_FLOW_PARTS_H
#define ASSAY_RECORD_FLOW_PARTS_H
/*
 * A flow as parts that vary on their own: of a few hundred senders, clients, outcomes and sets of recipients a million kinds of
 * messages can be made. A database keeps each part once and of a kind only which parts it has. A part is one text, its fields a
 * line each; the evidence is cut where its fields (policy/evidence_text.h) change from one subject to the next, and put together
 * again to the octet, whatever it says. Pure. Thread: any.
 */
#include "record/store.h"
#include "util/arena.h"

enum flow_part {
	PART_OUTCOME,		/* findings, results, policy, action, enforced, and the evidence's beginning */
	PART_SENDER,		/* author and envelope domain, and their evidence */
	PART_RECIPIENTS,	/* evidence of the recipients */
	PART_CLIENT,		/* client network, and evidence of client and certificate */
	PART_TLS,		/* grade, version, cipher */
	FLOW_PARTS
};

/** Takes a note apart. A line feed within a field, which nobody should send, becomes "?". @param texts_r  in the arena. */
void flow_parts_make(const struct flow_note *note, struct arena *arena, const char *texts_r[FLOW_PARTS]);

/** Puts a row together; its time and counts are left alone. Lines that are missing are "". @param row_r  strings live in the arena. */
void flow_parts_read(const char *const texts[FLOW_PARTS], struct arena *arena, struct flow_row *row_r);

#endif
