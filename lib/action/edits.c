/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of edits: forged Authentication-Results go, in dry-run too (a dry-run that left them would be a hole for
 * whoever reads our name); then our own fields come. Authentication-Results is inserted last at index 0 and so stands on
 * top (RFC 8601 section 4); the Received line goes below the MTA's own, which stays the latest trace.
 * Pure. Thread: the message's.
 */
#include "action/action.h"
#include "action/forged.h"

enum { INSERTS_MAX = 3 };

static bool client_is_trusted(const struct action_input *input)
{
	const struct network_list *networks = &input->config->trusted_networks;

	for (size_t i = 0; i < networks->count; i++) {
		if (network_contains(&networks->items[i], &input->facts->connection->client))
			return true;
	}
	return false;
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

static size_t count_deletes(const struct action_input *input, bool trusted_client)
{
	size_t count = input->facts->authres_unkept;

	for (size_t i = 0; i < input->facts->field_count; i++)
		count += must_go(input, &input->facts->fields[i], trusted_client);
	return count;
}

static void add_deletes(const struct action_input *input, bool trusted_client, struct edits *edits)
{
	size_t kept = facts_field_count(input->facts, "Authentication-Results");

	/* those over all caps, which nobody has read, may say anything in our name */
	for (size_t i = input->facts->authres_unkept; i > 0; i--)
		edits->items[edits->count++] = (struct edit){ .kind = EDIT_DELETE, .index = (unsigned)(kept + i),
		    .name = "Authentication-Results" };
	/* from the last field up: a deletion must not move the ones that are still to go */
	for (size_t i = input->facts->field_count; i-- > 0;) {
		const struct header_field *header = &input->facts->fields[i];

		if (!must_go(input, header, trusted_client))
			continue;
		edits->items[edits->count++] = (struct edit){ .kind = EDIT_DELETE, .index = header->occurrence,
		    .name = arena_strndup(input->facts->arena, header->name, header->name_length) };
	}
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

void action_edits(const struct action_input *input, struct edits *edits_r)
{
	const struct config *config = input->config;
	bool trusted = client_is_trusted(input);
	size_t room = INSERTS_MAX + count_deletes(input, trusted);

	edits_r->items = arena_calloc(input->facts->arena, room, sizeof(*edits_r->items));
	edits_r->count = 0;
	add_deletes(input, trusted, edits_r);
	if (is_dry_run(input) && !config->add_headers_in_dry_run)
		return;
	if (config->add_received_tls)
		add_insert(edits_r, "Received", received_build(input), 1);
	if (config->add_received_spf)
		add_insert(edits_r, "Received-SPF", received_spf_build(input), 0);
	if (config->add_authentication_results)
		add_insert(edits_r, "Authentication-Results", authres_build(input), 0);
}
