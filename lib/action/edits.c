/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of edits: forged Authentication-Results go, in dry-run too (a dry-run that left them would be a hole for
 * whoever reads our name); then our own fields come. Authentication-Results is inserted last at index 0 and so stands on
 * top (RFC 8601 section 4), directly above the one for methods that are not registered; the Received line goes below the MTA's
 * own, which stays the latest trace.
 * Pure. Thread: the message's.
 */
#include "action/action.h"
#include "action/forged.h"

enum {
	INSERTS_MAX = 4,
	LINES_AN_EDIT = 2000,		/* that the MTA passes on its way to a field; the longest honest headers have as many */
};

/* The message comes from a filter behind the queue: what is to be said of it was said, and is left alone. */
static bool verdict_is_kept(const struct action_input *input)
{
	return input->beside != NULL && input->beside->returned == RETURNED_KEPT;
}

/* Our own name and those of trusted relays are nobody else's; trusted clients may bring the latter. */
static bool must_go(const struct action_input *input, const struct header_field *header, bool trusted_client)
{
	const struct string_list *ids = &input->config->trusted_authserv_ids;

	for (size_t i = 0; i < ids->count; i++) {
		if (forged_claims(header, ids->items[i]))
			return !trusted_client;
	}
	return forged_claims(header, input->authserv_id);
}

/*
 * How much the deletions may cost the MTA. Postfix looks for each field from the top of the header, so that n of them take
 * n * n / 2 steps: the number is capped, and the lines passed on the way as well, since a forger may put any number before.
 */
struct budget {
	size_t edits;
	uint64_t lines;
};

static bool budget_allows(struct budget *budget, uint64_t lines)
{
	if (budget->edits == 0 || budget->lines < lines)
		return false;
	budget->edits--;
	budget->lines -= lines;
	return true;
}

static void add_delete(struct edits *edits, const char *name, unsigned occurrence)
{
	edits->items[edits->count++] = (struct edit){ .kind = EDIT_DELETE, .name = name, .index = occurrence };
}

/* Those over all caps of the header, which nobody has read, may say anything in our name. They are the last of their name. */
static void add_unkept(const struct action_input *input, struct budget *budget, struct edits *edits)
{
	size_t kept = facts_field_count(input->facts, "Authentication-Results");

	for (size_t i = 1; i <= input->facts->authres_unkept; i++) {
		if (budget_allows(budget, input->facts->header_lines))
			add_delete(edits, "Authentication-Results", (unsigned)(kept + i));
		else
			edits->left++;
	}
}

/* From the last field up: a deletion must not move the ones that are still to go. */
static void reverse(struct edit *items, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct edit swapped = items[i];

		items[i] = items[count - 1 - i];
		items[count - 1 - i] = swapped;
	}
}

void action_deletes(const struct action_input *input, struct edits *edits_r)
{
	const struct config *config = input->config;
	const struct facts *facts = input->facts;
	struct budget budget = { config->max_edits, (uint64_t)config->max_edits * LINES_AN_EDIT };
	size_t found = facts->field_count + facts->authres_unkept;
	bool trusted = beside_is_trusted(config, &facts->connection->client);

	*edits_r = (struct edits){ .items = arena_calloc(facts->arena,
	    INSERTS_MAX + (found < config->max_edits ? found : config->max_edits), sizeof(*edits_r->items)) };
	if (verdict_is_kept(input))
		return;
	/* where not all can go, those on top do: they cost least, and are what readers look at */
	for (size_t i = 0; i < facts->field_count; i++) {
		const struct header_field *header = &facts->fields[i];

		if (!must_go(input, header, trusted))
			continue;
		if (budget_allows(&budget, header->line))
			add_delete(edits_r, arena_strndup(facts->arena, header->name, header->name_length), header->occurrence);
		else
			edits_r->left++;
	}
	add_unkept(input, &budget, edits_r);
	reverse(edits_r->items, edits_r->count);
}

static void add_insert(struct edits *edits, const char *name, const char *value, unsigned index)
{
	if (value != NULL)
		edits->items[edits->count++] = (struct edit){ .kind = EDIT_INSERT, .name = name, .value = value, .index = index };
}

/* An exempt message was decided by no policy: then the global mode says whether this is a dry-run. */
static bool is_dry_run(const struct action_input *input)
{
	if (input->decision == NULL || input->decision->policy == NULL)
		return input->config->mode == MODE_DRY_RUN;
	return !input->decision->enforced;
}

void action_inserts(const struct action_input *input, struct edits *edits)
{
	const struct config *config = input->config;

	if (verdict_is_kept(input) || (is_dry_run(input) && !config->add_headers_in_dry_run))
		return;
	if (config->add_received_tls)
		add_insert(edits, "Received", received_build(input), 1);
	if (config->add_received_spf)
		add_insert(edits, "Received-SPF", received_spf_build(input), 0);
	if (!config->add_authentication_results)
		return;
	if (config->unregistered_methods == UNREGISTERED_SECOND_FIELD)
		add_insert(edits, "Authentication-Results", authres_build_unregistered(input), 0);
	add_insert(edits, "Authentication-Results", authres_build(input), 0);
}
