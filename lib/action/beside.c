/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See beside.h. A field counts as one in our name here when it says so without any disguise, as we and honest neighbours write:
 * what is disguised is somebody else's affair (forged.c), and is removed.
 */
#include "action/beside.h"

#include <string.h>
#include <strings.h>

#include "message/authres_parse.h"
#include "check/path.h"

/* A filter may add a Received field of its own above the one that our MTA wrote. */
enum { HOPS_LOOKED_AT = 3 };

const struct word returned_words[] = {
	{ "no", RETURNED_NO }, { "kept", RETURNED_KEPT }, { "unjudged", RETURNED_UNJUDGED }, { "twice", RETURNED_TWICE }, { 0 }
};

bool beside_is_trusted(const struct config *config, const struct ip_addr *client)
{
	for (size_t i = 0; i < config->trusted_networks.count; i++) {
		if (network_contains(&config->trusted_networks.items[i], client))
			return true;
	}
	return false;
}

bool beside_is_reinjected(const struct config *config, const struct facts_connection *connection)
{
	const struct string_list *names = &config->reinjection_daemons;

	if (connection->daemon_name == NULL || connection->local_submission || !beside_is_trusted(config, &connection->client))
		return false;
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->items[i], connection->daemon_name) == 0)
			return true;
	}
	return false;
}

static bool is_named(const struct header_field *field, const char *name)
{
	return field->name_length == strlen(name) && strncasecmp(field->name, name, field->name_length) == 0;
}

static bool is_in_our_name(const struct facts *facts, const struct header_field *field, const char *authserv_id)
{
	const char *id;
	size_t used;

	return is_named(field, "Authentication-Results") && authserv_id != NULL &&
	    authres_parse_id(field->value, field->value_length, facts->arena, &id, &used) == 0 && strcasecmp(id, authserv_id) == 0;
}

/* What a sender, or the host that hands on, writes: filters of this host put theirs above. */
static bool is_of_the_sender(const struct header_field *field)
{
	static const char *const names[] = {
		"Received", "DKIM-Signature", "ARC-Seal", "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Sender",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (is_named(field, names[i]))
			return true;
	}
	return false;
}

/* What the newest Received fields say. */
struct way {
	bool here;	/* this very MTA took it from somebody */
	bool network;	/* somebody took it over the network */
};

static struct way way_of(const struct facts *facts)
{
	const char *own = facts->connection->mta_hostname;
	struct way way = { false, false };
	size_t hops = 0;

	for (size_t i = 0; i < facts->field_count && hops < HOPS_LOOKED_AT; i++) {
		struct path_hop hop;

		if (!is_named(&facts->fields[i], "Received"))
			continue;
		hops++;
		path_parse_hop(facts->arena, facts->fields[i].value, &hop);
		way.here = way.here || (own != NULL && hop.by != NULL && hop.from != NULL && strcasecmp(hop.by, own) == 0);
		way.network = way.network || hop.transport == HOP_CLEARTEXT || hop.transport == HOP_TLS;
	}
	return way;
}

/*
 * Whether a program of this host handed it over (sendmail(1)), which nobody need have judged: this MTA's newest Received names no
 * client. Only what stands above the field in our name is looked at; what a sender writes is below the one that we have written.
 */
static bool is_submitted_here(const struct facts *facts, size_t count)
{
	const char *own = facts->connection->mta_hostname;
	size_t hops = 0;

	for (size_t i = 0; own != NULL && i < count && hops < HOPS_LOOKED_AT; i++) {
		struct path_hop hop;

		if (!is_named(&facts->fields[i], "Received"))
			continue;
		hops++;
		path_parse_hop(facts->arena, facts->fields[i].value, &hop);
		if (hop.by != NULL && strcasecmp(hop.by, own) == 0)
			return hop.from == NULL && hop.transport == HOP_LOCAL;
	}
	return false;
}

/* Whether a relay whose word counts has judged it. */
static bool has_trusted_verdict(const struct config *config, const struct facts *facts)
{
	for (size_t id = 0; id < config->trusted_authserv_ids.count; id++) {
		for (size_t i = 0; i < facts->field_count; i++) {
			if (is_in_our_name(facts, &facts->fields[i], config->trusted_authserv_ids.items[id]))
				return true;
		}
	}
	return false;
}

/* Whether every message that we have judged bears our name. */
static bool verdicts_show(const struct config *config)
{
	return config->add_authentication_results && (config->mode == MODE_ENFORCE || config->add_headers_in_dry_run);
}

/* The admin lets relays bring our name: then nothing of it is removed. */
static bool name_is_let_in(const struct config *config, const char *authserv_id)
{
	for (size_t i = 0; i < config->trusted_authserv_ids.count; i++) {
		if (authserv_id != NULL && strcasecmp(config->trusted_authserv_ids.items[i], authserv_id) == 0)
			return true;
	}
	return false;
}

/* It was here before, and comes from a host that hands back: what becomes of the verdict. */
static enum returned returned_of(const struct config *config, bool own, bool reinjected, bool let_in)
{
	if (!own)
		return verdicts_show(config) ? RETURNED_UNJUDGED : RETURNED_NO;
	if (reinjected)
		return RETURNED_KEPT;
	return let_in ? RETURNED_NO : RETURNED_TWICE;
}

void beside_look(const struct config *config, const struct facts *facts, const char *authserv_id, struct beside *beside_r)
{
	const struct facts_connection *connection = facts->connection;
	bool own = false, above = true, reinjected = beside_is_reinjected(config, connection);
	bool trusted = beside_is_trusted(config, &connection->client);
	/* what strangers say of the way is not even looked at */
	bool inside = connection->local_submission || trusted || addr_is_loopback(&connection->client);
	struct way way = inside ? way_of(facts) : (struct way){ false, false };
	bool back = way.here;
	size_t looked = 0;

	*beside_r = (struct beside){ .returned = RETURNED_NO };
	for (; looked < facts->field_count && !own; looked++) {
		above = above && !is_of_the_sender(&facts->fields[looked]);
		own = is_in_our_name(facts, &facts->fields[looked], authserv_id);
	}
	if (reinjected || back)
		beside_r->returned = returned_of(config, own, reinjected, trusted && name_is_let_in(config, authserv_id));
	/* what a program of this host brings in our name is not ours, although the filter had it meanwhile */
	if (reinjected && is_submitted_here(facts, looked))
		beside_r->returned = RETURNED_NO;
	/* local programs send on what they have taken to pieces: there the lack of a field says nothing */
	if (connection->local_submission && beside_r->returned == RETURNED_UNJUDGED)
		beside_r->returned = RETURNED_NO;
	beside_r->relayed = trusted && way.network && !own && !reinjected && !back && !connection->local_submission &&
	    connection->auth.mechanism == NULL && !has_trusted_verdict(config, facts);
	beside_r->own_on_top = own && above && !reinjected && !back;
}
