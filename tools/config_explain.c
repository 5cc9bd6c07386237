/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the command line tells of a message becomes evidence, of which each recipient is put before the policies by himself. What it
 * does not tell is not known: then more than one policy may apply, as with a message of which nobody could tell it.
 */
#include "config_explain.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "config/origin.h"
#include "config/value.h"
#include "util/clean.h"
#include "util/clock.h"
#include "util/domain.h"
#include "util/out_of_memory.h"

const struct option_row *config_explain_row(const char *option)
{
	for (size_t i = 0; i < schema_count; i++) {
		if (strcmp(schema_table[i].section, "policy") == 0 && strcmp(schema_table[i].name, option) == 0)
			return &schema_table[i];
	}
	return NULL;
}

const char *config_explain_value(const struct option_row *row, const void *base, struct arena *arena)
{
	char *text = NULL;
	const char *value;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		out_of_memory();
	value_print(row, base, out);
	if (fclose(out) != 0)
		out_of_memory();
	value = length <= EXPLAIN_VALUE_BYTES ? arena_strdup(arena, text) : arena_printf(arena, "%.*s ...", EXPLAIN_VALUE_BYTES, text);
	free(text);
	return value;
}

static const char *or_unknown(struct arena *arena, const char *what, const char *value)
{
	return value != NULL ? arena_printf(arena, "%s is %s", what, clean_word(arena, value, EXPLAIN_VALUE_BYTES)) :
	    arena_printf(arena, "%s is not known", what);
}

static const char *given_recipient(struct arena *arena, const struct explained_recipient *recipient, bool mailbox)
{
	const struct recipient_place *place = &recipient->place;

	if (mailbox && place->mailbox != NULL && place->domain != NULL)
		return or_unknown(arena, "the recipient", arena_printf(arena, "%s@%s", place->mailbox, place->domain));
	if (place->where == RECIPIENT_LOCAL)
		return "the recipient is in a domain of the MTA's own";
	return or_unknown(arena, mailbox ? "the recipient" : "the recipient's domain", mailbox ? NULL : place->domain);
}

const char *config_explain_given(const struct explanation *explanation, const struct explained_recipient *recipient, const char *option)
{
	const struct evidence *evidence = &explanation->evidence;
	struct arena *arena = explanation->arena;

	if (strcmp(option, "recipient-domains") == 0 || strcmp(option, "recipients") == 0)
		return given_recipient(arena, recipient, strcmp(option, "recipients") == 0);
	if (strcmp(option, "author-domains") == 0)
		return or_unknown(arena, "the author domain", evidence->author_count != 0 ? evidence->authors[0].domain : NULL);
	if (strcmp(option, "envelope-domains") == 0)
		return or_unknown(arena, "the envelope domain", evidence->null_sender ? "<>" : evidence->envelope_domain);
	if (strcmp(option, "client-networks") == 0)
		return or_unknown(arena, "the client", explanation->client_address);
	if (strcmp(option, "client-names") == 0 && evidence->client_name == NULL && !evidence->client_name_unknown)
		return "the client has no name";
	if (strcmp(option, "client-names") == 0)
		return or_unknown(arena, "the client's name", evidence->client_name);
	if (strcmp(option, "listeners") == 0)
		return or_unknown(arena, "the listener", evidence->listener);
	return evidence->authenticated ? "the client has authenticated" : "the client has not authenticated";
}

/* Defaults say nothing, but for what stands outside of policies, and for overrides where there are some. */
static bool is_told(const struct config *config, const struct policy_config *policy, const struct option_row *row)
{
	return row->default_text == NULL || config_origin(config, policy, "policy", row->name).kind != ORIGIN_DEFAULT ||
	    (strcmp(row->name, "overrides") == 0 && policy->honours.count != 0);
}

void config_explain_settings(const struct policy_config *policy, const struct config *config, struct arena *arena, config_explain_setting *seen,
    void *closure)
{
	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];

		if (strcmp(row->section, "policy") != 0 || option_is_condition(row) || strcmp(row->name, "inherits") == 0 ||
		    strcmp(row->name, "template") == 0)
			continue;
		if (is_told(config, policy, row))
			seen(closure, row, config_explain_value(row, policy, arena), policy);
	}
	for (int id = 0; id < FINDING_COUNT; id++) {
		struct option_row row = schema_finding_row((enum finding_id)id, true);

		if (policy->actions[id] != ACTION_NONE || config_origin(config, policy, "actions", row.name).kind != ORIGIN_DEFAULT)
			seen(closure, &row, action_name(policy->actions[id]), policy);
	}
}

/* The null sender, and an author that nobody can read, have no domain, and are in; here one that is not said is not known. */
static enum match in_share(const struct explanation *explanation, const struct explained_ramp *ramp)
{
	if (ramp->ramp->share_parts == RAMP_SHARE_ALL)
		return MATCH_YES;
	if (ramp->ramp->share_parts == 0 && ramp_goes_by_author(ramp->finding))
		return MATCH_NO;
	if (ramp->domain != NULL)
		return ramp_bucket(ramp->domain) < ramp->ramp->share_parts ? MATCH_YES : MATCH_NO;
	return !ramp_goes_by_author(ramp->finding) && explanation->evidence.null_sender ? MATCH_YES : MATCH_MAYBE;
}

void config_explain_ramps(const struct explanation *explanation, const struct policy_config *policy, config_explain_ramp *seen, void *closure)
{
	const struct evidence *evidence = &explanation->evidence;

	for (int id = 0; id < FINDING_COUNT; id++) {
		bool by_author = ramp_goes_by_author((enum finding_id)id);
		struct explained_ramp ramp = { .finding = (enum finding_id)id, .ramp = &policy->ramps[id], .action = policy->actions[id],
			.has_begun = explanation->time_secs >= policy->ramps[id].from_secs, .by = by_author ? "author" : "envelope",
			.domain = !by_author ? evidence->envelope_domain : evidence->author_count != 0 ? evidence->authors[0].domain : NULL };

		if (!ramp_is_set(ramp.ramp))
			continue;
		ramp.in_share = in_share(explanation, &ramp);
		seen(closure, &ramp);
	}
}

bool config_explain_applies(const struct explanation *explanation, const struct policy_config *policy)
{
	for (size_t r = 0; r < explanation->recipient_count; r++) {
		for (size_t i = 0; i < explanation->recipients[r].count; i++) {
			if (explanation->recipients[r].policies[i].policy == policy && explanation->recipients[r].policies[i].applies)
				return true;
		}
	}
	return false;
}

/* ---- what is asked ----------------------------------------------------------------------------------------------- */

/* The domain of an address, or a domain alone. @return 0 or an exit code. */
static int take_domain(struct arena *arena, const char *option, const char *text, const char **domain_r)
{
	const char *at = strrchr(text, '@'), *end = strrchr(text, '>');
	size_t length;

	at = at != NULL ? at + 1 : text + (text[0] == '<');
	length = end != NULL && end[1] == '\0' && end > at ? (size_t)(end - at) : strlen(at);
	/* one word is a user of the MTA's own, and no domain */
	*domain_r = strpbrk(text, "@.") != NULL ? domain_normalize(arena, at, length) : NULL;
	return *domain_r != NULL ? 0 : tool_complain(EX_USAGE, "config: --%s '%s' has no domain: write an address", option, text);
}

static int take_client(struct explanation *explanation, const char *text)
{
	struct evidence *evidence = &explanation->evidence;
	const char *comma = strchr(text, ',');
	const char *address = arena_strndup(explanation->arena, text, comma != NULL ? (size_t)(comma - text) : strlen(text));

	evidence->client_name_unknown = comma == NULL;
	if (addr_parse_written(address, &evidence->client.addr) != 0)
		return tool_complain(EX_USAGE, "config: --client '%s' is not of the form IP or IP,NAME", text);
	evidence->client.prefix_bits = evidence->client.addr.family == AF_INET6 ? 128 : 32;
	explanation->client_address = addr_format(&evidence->client.addr, arena_alloc(explanation->arena, ADDR_TEXT_BYTES));
	if (comma == NULL || comma[1] == '\0')
		return 0;
	evidence->client_name = domain_normalize(explanation->arena, comma + 1, strlen(comma + 1));
	return evidence->client_name != NULL ? 0 : tool_complain(EX_USAGE, "config: --client '%s' has a name that is none", text);
}

static int take_mail_from(struct explanation *explanation, const char *text)
{
	struct evidence *evidence = &explanation->evidence;

	evidence->null_sender = text[0] == '\0' || strcmp(text, "<>") == 0;
	return evidence->null_sender ? 0 : take_domain(explanation->arena, "mail-from", text, &evidence->envelope_domain);
}

static int make_evidence(struct explanation *explanation)
{
	const struct explain_asked *asked = explanation->asked;
	struct evidence_author *author = arena_calloc(explanation->arena, 1, sizeof(*author));
	struct evidence *evidence = &explanation->evidence;
	int code = 0;

	*evidence = (struct evidence){ .stage = FINDING_STAGE_MESSAGE, .client.addr.family = AF_UNSPEC, .client_name_unknown = true,
		.authenticated = asked->authenticated, .listener = asked->listener, .authors = author, .author_count = asked->from != NULL,
		.authors_unknown = asked->from == NULL };
	if (asked->client != NULL)
		code = take_client(explanation, asked->client);
	if (code == 0 && asked->mail_from != NULL)
		code = take_mail_from(explanation, asked->mail_from);
	if (code == 0 && asked->from != NULL)
		code = take_domain(explanation->arena, "from", asked->from, &author->domain);
	return code;
}

static void explain_recipient(struct explanation *explanation, const struct policy_set *set, const char *address)
{
	struct explained_recipient *recipient = &explanation->recipients[explanation->recipient_count++];
	struct evidence evidence = explanation->evidence;
	struct arena *arena = explanation->arena;
	size_t length = address != NULL ? strlen(address) : 0;

	if (length >= 2 && address[0] == '<' && address[length - 1] == '>')
		address = arena_strndup(arena, address + 1, length - 2);
	*recipient = (struct explained_recipient){ .address = address, .policies = arena_calloc(arena, set->count, sizeof(*recipient->policies)) };
	if (address != NULL)
		recipient->place = recipient_find_place(arena, address, NULL);
	evidence.recipients = &recipient->place;
	evidence.recipient_count = 1;
	recipient->count = policy_explain(set, &evidence, arena, recipient->policies);
}

int config_explain(const struct config *config, const struct explain_asked *asked)
{
	struct explanation explanation = { .asked = asked, .config = config, .arena = arena_new(),
		.time_secs = clock_wall_secs(NULL) };
	const struct policy_set set = policy_set_of(config);
	int code = make_evidence(&explanation);

	explanation.recipients = arena_calloc(explanation.arena, asked->recipient_count + 1, sizeof(*explanation.recipients));
	for (size_t i = 0; code == 0 && i < asked->recipient_count; i++)
		explain_recipient(&explanation, &set, asked->recipients[i]);
	if (code == 0 && asked->recipient_count == 0)
		explain_recipient(&explanation, &set, NULL);
	if (code == 0)
		(asked->json ? config_explain_print_json : config_explain_print_text)(&explanation, stdout);
	arena_free(&explanation.arena);
	return code;
}
