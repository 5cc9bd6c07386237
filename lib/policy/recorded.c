/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The past under other policies: what can be told of a message, and if nothing, why. Of a network each host that some policy tells
 * apart is tried. Pure. Thread: any. Trusts the evidence for nothing but its enums.
 */
#include "policy/recorded.h"

#include <string.h>

#include "policy/recorded_run.h"
#include "util/arena.h"

enum { CLIENTS_MAX = 10000 };	/* hosts of one network tried; past it nothing is told */

const char *untold_name(enum untold why)
{
	static const char *const names[UNTOLD_COUNT] = {
		[UNTOLD_UNREADABLE] = "unreadable", [UNTOLD_OTHER] = "kinds over max-kinds", [UNTOLD_AT_RCPT] = "refused at RCPT",
		[UNTOLD_CLIENT] = "client address", [UNTOLD_MAILBOXES] = "recipients' mailboxes", [UNTOLD_ENVELOPE] = "envelope domain",
		[UNTOLD_CLIENT_NAME] = "client name", [UNTOLD_LISTENER] = "listener", [UNTOLD_AUTH] = "whether it authenticated",
		[UNTOLD_RECIPIENTS] = "recipients", [UNTOLD_AUTHORS] = "author domains", [UNTOLD_SIGNATURES] = "DKIM signatures",
		[UNTOLD_SPF] = "SPF domain", [UNTOLD_CERT] = "certificate names",
		[UNTOLD_OVERRIDES] = "what was overridden", [UNTOLD_FINDINGS] = "unknown findings",
		[UNTOLD_PRESSURE] = "DNS pressure", [UNTOLD_TIME] = "time of day",
		[UNTOLD_BRAKES] = "brakes", [UNTOLD_CHECKS] = "checks that were off",
	};

	return names[why];
}

/* ---- what can be told -------------------------------------------------------------------------------------------- */

static const struct { enum evidence_lack lack; enum untold why; } reasons[] = {
	{ EVIDENCE_LACKS_SENSE, UNTOLD_UNREADABLE }, { EVIDENCE_LACKS_FINDINGS, UNTOLD_FINDINGS },
	{ EVIDENCE_LACKS_PRESSURE, UNTOLD_PRESSURE }, { EVIDENCE_LACKS_RECIPIENTS, UNTOLD_RECIPIENTS },
	{ EVIDENCE_LACKS_MAILBOXES, UNTOLD_MAILBOXES }, { EVIDENCE_LACKS_ENVELOPE, UNTOLD_ENVELOPE },
	{ EVIDENCE_LACKS_CLIENT_NAME, UNTOLD_CLIENT_NAME }, { EVIDENCE_LACKS_LISTENER, UNTOLD_LISTENER },
	{ EVIDENCE_LACKS_AUTH, UNTOLD_AUTH }, { EVIDENCE_LACKS_AUTHORS, UNTOLD_AUTHORS }, { EVIDENCE_LACKS_SIGNATURES, UNTOLD_SIGNATURES },
	{ EVIDENCE_LACKS_SPF, UNTOLD_SPF }, { EVIDENCE_LACKS_CERT, UNTOLD_CERT },
	{ EVIDENCE_LACKS_OVERRIDES, UNTOLD_OVERRIDES },
};
enum { REASONS = sizeof(reasons) / sizeof(reasons[0]) };

static bool brakes_are_unsure(const struct brakes *brakes)
{
	bool unsure = false;

	for (size_t i = 0; brakes != NULL && i < brakes->count; i++)
		unsure = unsure || brakes->items[i].unsure;
	return unsure;
}

/* What is lacking. Of several things the one but for which it could be told; when no single one is that, the first of them. */
static enum untold find_reason(const struct run *run)
{
	struct run other = *run;
	struct range looked = range_empty();
	unsigned lacks = run->evidence.lacks;

	other.evidence.unlooked = (finding_set){ 0 };
	if (!finding_set_is_empty(&run->evidence.unlooked) && run_recorded(&other, &looked) && looked.low == looked.high)
		return UNTOLD_CHECKS;
	other = *run;
	other.evidence.brakes = NULL;
	looked = range_empty();
	if (brakes_are_unsure(run->evidence.brakes) && run_recorded(&other, &looked) && looked.low == looked.high)
		return UNTOLD_BRAKES;
	other = *run;
	other.evidence.span_secs = 0;
	looked = range_empty();
	if (run->evidence.span_secs != 0 && run_recorded(&other, &looked) && looked.low == looked.high)
		return UNTOLD_TIME;
	other = *run;
	for (size_t i = 0; i < REASONS; i++) {
		struct range range = range_empty();

		other.evidence.lacks = lacks & ~(unsigned)reasons[i].lack;
		if (other.evidence.lacks != lacks && run_recorded(&other, &range) && range.low == range.high)
			return reasons[i].why;
	}
	for (size_t i = 0; i < REASONS; i++)
		if ((lacks & reasons[i].lack) != 0)
			return reasons[i].why;
	return UNTOLD_RECIPIENTS;	/* over the cap, some here, some there */
}

static const struct recipient_place *all_places(const struct evidence *evidence, struct arena *arena, size_t *count_r)
{
	size_t count = evidence->recipient_count;
	struct recipient_place *places = arena_calloc(arena, count + evidence->refused_count + 1, sizeof(*places));

	if (count != 0)
		memcpy(places, evidence->recipients, count * sizeof(*places));
	if (evidence->refused_count != 0)
		memcpy(places + count, evidence->refused, evidence->refused_count * sizeof(*places));
	*count_r = evidence_sort_places(places, count + evidence->refused_count);
	return places;
}

static enum untold run_clients(struct run *run, const struct clients *clients, struct range *total)
{
	struct range one;

	for (size_t i = 0; i < clients->count; i++) {
		run->evidence.client = (struct ip_network){ .addr = clients->items[i],
			.prefix_bits = clients->items[i].family == AF_INET6 ? 128 : 32 };
		one = range_empty();
		if (!run_recorded(run, &one))
			return UNTOLD_AT_RCPT;
		if (one.low != one.high)
			return find_reason(run);
		range_join(total, &one);
		if (total->low != total->high)
			return UNTOLD_CLIENT;
	}
	return UNTOLD_NOT;
}

void policy_replay(const struct policy_set *set, const struct evidence *evidence, struct arena *arena,
    struct recorded_decision *recorded_r)
{
	struct run run = { .set = set, .arena = arena, .evidence = *evidence };
	struct clients clients = clients_of(set, &evidence->client, arena);
	struct range total = range_empty();

	*recorded_r = (struct recorded_decision){ .decision = decision_none() };
	run.places = all_places(evidence, arena, &run.place_count);
	if ((evidence->lacks & EVIDENCE_LACKS_ALL) != 0)
		recorded_r->why = UNTOLD_OTHER;
	else if ((evidence->lacks & EVIDENCE_LACKS_SENSE) != 0)
		recorded_r->why = UNTOLD_UNREADABLE;
	else if (clients.count > CLIENTS_MAX)
		recorded_r->why = UNTOLD_CLIENT;
	else
		recorded_r->why = run_clients(&run, &clients, &total);
	if (recorded_r->why != UNTOLD_NOT)
		return;
	recorded_r->decision = total.decision;
	recorded_r->partly = total.partly;
}
