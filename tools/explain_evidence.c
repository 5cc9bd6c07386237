/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The evidence of a trace, with what the trace knows beside it: the client's address and name, which evidence keeps as a network and
 * in part, and whose mailboxes the recipients are, which it never keeps. Trusts the trace for nothing: what does not fit the evidence
 * stays lacking.
 */
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "util/error.h"

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void take_address(const struct trace *trace, struct evidence *evidence)
{
	const struct trace_line *client = trace_find(trace, "client");
	const char *address = client != NULL ? trace_get(client, "address") : NULL;
	struct ip_addr exact;

	if (address != NULL && addr_parse(address, &exact) == 0 && network_contains(&evidence->client, &exact))
		evidence->client = (struct ip_network){ .addr = exact, .prefix_bits = exact.family == AF_INET6 ? 128 : 32 };
}

/* The whole of a name whose end is in the evidence. */
static void take_client_name(const struct trace *trace, struct evidence *evidence)
{
	for (size_t i = 0; i < trace->count && evidence->client_name_is_parent; i++) {
		const char *check = trace_get(&trace->lines[i], "check"), *name = trace_get(&trace->lines[i], "domain");
		const char *dot = name != NULL ? strchr(name, '.') : NULL;

		if (check == NULL || strcmp(check, "iprev") != 0 || dot == NULL || strcmp(dot + 1, evidence->client_name) != 0)
			continue;
		evidence->client_name = name;
		evidence->client_name_is_parent = false;
		evidence->lacks &= ~(unsigned)EVIDENCE_LACKS_CLIENT_NAME;
	}
}

/* Whether the evidence has somebody in this place; then it is marked as found. */
static bool find_place(const struct evidence *evidence, const struct recipient_place *wanted, bool *found)
{
	for (size_t i = 0; i < evidence->recipient_count; i++) {
		const struct recipient_place *place = &evidence->recipients[i];

		if (place->where != wanted->where || strcmp(or_empty(place->domain), or_empty(wanted->domain)) != 0)
			continue;
		found[i] = true;
		return true;
	}
	return false;
}

/* Only where each address of the trace is in a place of the evidence by itself, no place is left, and no address was left out. */
static void take_mailboxes(const struct trace *trace, struct arena *arena, struct evidence *evidence)
{
	struct recipient_place *places = arena_calloc(arena, trace->count + 1, sizeof(*places));
	bool *found = arena_calloc(arena, evidence->recipient_count + 1, sizeof(*found));
	size_t count = 0;

	if (trace->left_out != NULL || evidence->recipients_over_cap || (evidence->lacks & EVIDENCE_LACKS_RECIPIENTS) != 0)
		return;
	for (size_t i = 0; i < trace->count; i++) {
		const char *to = trace_get(&trace->lines[i], "to");

		if (strcmp(trace->lines[i].word, "recipient") != 0 || to == NULL)
			continue;
		places[count] = recipient_find_place(arena, to, NULL);
		if (!find_place(evidence, &places[count++], found))
			return;
	}
	for (size_t i = 0; i < evidence->recipient_count; i++) {
		if (!found[i])
			return;
	}
	evidence->recipients = places;
	evidence->recipient_count = evidence_sort_places(places, count);
	evidence->lacks &= ~(unsigned)EVIDENCE_LACKS_MAILBOXES;
}

/* Flag days and brakes hang on it. */
static void take_time(const struct trace *trace, struct evidence *evidence)
{
	const struct trace_line *message = trace_find(trace, "message");
	const char *time = message != NULL ? trace_get(message, "time") : NULL;

	evidence->time_secs = time != NULL ? strtoll(time, NULL, 10) : 0;
}

void explain_evidence(const struct trace *trace, const struct trace_line *line, const struct config *config, struct arena *arena,
    struct replay_past *past_r)
{
	const struct flow_row row = {
		.author_domain = "", .envelope_domain = "", .client_network = "", .tls_grade = "", .tls_version = "", .tls_cipher = "",
		.policy = "", .action = "", .findings = or_empty(trace_get(line, "findings")),
		.results = or_empty(trace_get(line, "results")), .evidence = or_empty(trace_get(line, "text")),
	};

	replay_read(config, &row, arena, past_r);
	take_time(trace, &past_r->evidence);
	take_address(trace, &past_r->evidence);
	take_client_name(trace, &past_r->evidence);
	take_mailboxes(trace, arena, &past_r->evidence);
}
