/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options that are right by themselves and pointless together: an action on a finding that is never raised, a demand for
 * DNSSEC while it is off, a help page that cannot tell one reply from another. Pure but for advise_places().
 */
#include "config/advice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/advice_internal.h"
#include "config/networks.h"

enum { SENTENCE_BYTES = 4096 };

void advise(struct advisor *advisor, const char *format, ...)
{
	char text[SENTENCE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	advisor->count++;
	advisor->tell(advisor->closure, text);
}

static bool secure_domains_named(const struct config *config)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		if (config->policies[i].require_secure_domains.count != 0)
			return true;
	}
	return false;
}

static bool certificate_required(const struct config *config)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		if (config->policies[i].require_cert)
			return true;
	}
	return false;
}

/* Why this finding can never be raised; NULL: it can. Equal reasons are the same pointer. */
static const char *why_never(const struct config *config, enum finding_id id)
{
	const struct check_row *check = &check_rows[findings_table[id].check];

	if (check->is_off != NULL && check->is_off(config))
		return check->why_off;
	if (id == FINDING_SPF_HELO_FAIL && !config->spf_check_helo)
		return "the HELO name is not checked (check-helo = no in section spf)";
	if (id == FINDING_DMARC_REJECT_CORROBORATED && finding_set_is_empty(&config->dmarc_corroborate))
		return "nothing corroborates (corroborate = {} in section dmarc)";
	if (id == FINDING_INSECURE_PASS && !secure_domains_named(config))
		return "no policy has require-secure-domains";
	if (id == FINDING_TLS_CERT_REQUIRED && !certificate_required(config))
		return "no policy has require-cert";
	return NULL;
}

/* Whether the file asks for something here: a default action is not the admin's wish. */
static bool action_is_asked(const struct config *config, enum finding_id id)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		enum action action = config->policies[i].actions[id];

		if (action != ACTION_NONE && action != findings_table[id].default_action)
			return true;
	}
	return false;
}

/* One sentence for all findings that have the same reason. */
static void advise_never(struct advisor *advisor, const char *why)
{
	char names[SENTENCE_BYTES / 2];
	size_t length = 0;

	for (int id = 0; id < FINDING_COUNT; id++) {
		if (action_is_asked(advisor->config, (enum finding_id)id) && why_never(advisor->config, (enum finding_id)id) == why)
			length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", length != 0 ? ", " : "",
			    findings_table[id].name);
	}
	advise(advisor, "the action on %s is never taken: %s", names, why);
}

static void advise_actions(struct advisor *advisor)
{
	const char *told[FINDING_COUNT];
	size_t told_count = 0, i;

	for (int id = 0; id < FINDING_COUNT; id++) {
		const char *why = why_never(advisor->config, (enum finding_id)id);

		if (why == NULL || !action_is_asked(advisor->config, (enum finding_id)id))
			continue;
		for (i = 0; i < told_count && told[i] != why; i++)
			;
		if (i < told_count)
			continue;
		told[told_count++] = why;
		advise_never(advisor, why);
	}
}

/* Mail that is greylisted without memory would wait for ever, so it passes. */
static void advise_greylist(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	if (config->record_location != NULL)
		return;
	for (size_t i = 0; i < config->policy_count; i++) {
		for (int id = 0; id < FINDING_COUNT; id++) {
			if (config->policies[i].actions[id] != ACTION_GREYLIST)
				continue;
			advise(advisor, "policy %s greylists on %s, but nothing is remembered: such mail passes; set path in record { }",
			    config->policies[i].name, findings_table[id].name);
			return;
		}
	}
}

static void advise_traces(struct advisor *advisor)
{
	if (advisor->config->record_location == NULL && advisor->config->traces != TRACES_OFF)
		advise(advisor, "traces of messages are to be kept, but nothing is remembered, so there are none; set path in record { }");
}

static void advise_dmarc(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	if (!config->dmarc_enabled)
		return;
	if (!config->spf_enabled || !config->dkim_enabled)
		advise(advisor, "DMARC is judged, but %s is not checked: where that could have passed, DMARC is a temperror; "
		    "set enabled = yes in section %s, or enabled = no in section dmarc",
		    !config->spf_enabled ? "SPF" : "DKIM", !config->spf_enabled ? "spf" : "dkim");
}

static void advise_overrides(struct advisor *advisor)
{
	if (!advisor->config->dmarc_enabled && advisor->config->override_count != 0)
		advise(advisor, "sections override do nothing: DMARC is not judged; set enabled = yes in section dmarc");
}

/* The installed file sets path. */
static void advise_record(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	if (config->record_backend == RECORD_POSTGRESQL && config->record_path != NULL)
		advise(advisor, "path in record { } does nothing with backend = postgresql; what %s remembers is taken along by assay record "
		    "copy", config->record_path);
}

/* The override's own evidence is judged when it is loaded; whom the admin trusts is his own affair, but hardly everybody. */
static void advise_networks(struct advisor *advisor)
{
	const struct network_list *networks = &advisor->config->trusted_networks;
	struct arena *arena = arena_new();

	if (networks_are_everywhere(networks, arena))
		advise(advisor, "every client is in trusted-networks, of IPv4 or of IPv6: no mail of theirs is judged");
	arena_free(&arena);
}

static void advise_report(struct advisor *advisor, const char *option)
{
	const struct config *config = advisor->config;

	if (config->record_location == NULL || !config->dmarc_enabled)
		advise(advisor, "dmarc-reports { %s = yes } does nothing: %s", option, config->record_location == NULL ?
		    "nothing is remembered; set path in record { }" : "DMARC is not judged; set enabled = yes in section dmarc");
	else if (config->dmarc_email == NULL || config->dmarc_email[0] == '\0')
		advise(advisor, "dmarc-reports { %s = yes } counts, but no report can be sent: set email, the address they come from", option);
}

static void advise_reports(struct advisor *advisor)
{
	if (advisor->config->dmarc_aggregate)
		advise_report(advisor, "aggregate");
	if (advisor->config->failure_reports)
		advise_report(advisor, "failure");
}

static void advise_dnssec(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	for (size_t i = 0; config->dns.dnssec == DNSSEC_OFF && i < config->override_count; i++) {
		const struct override_config *override = &config->overrides[i];

		if (override->secure && override->client_names.count + override->authenticated_domains.count + override->dkim_domains.count != 0)
			advise(advisor, "override %s: with secure = yes and dnssec = off it never holds", override->name);
	}
	for (size_t i = 0; config->dns.dnssec == DNSSEC_OFF && i < config->policy_count; i++) {
		const struct policy_config *policy = &config->policies[i];

		if (policy->reject_only_secure)
			advise(advisor, "policy %s: with reject-only-secure and dnssec = off no DNS evidence is ever enough to reject",
			    policy->name);
		if (policy->require_secure_domains.count != 0)
			advise(advisor, "policy %s: with dnssec = off every pass of the domains in require-secure-domains is an insecure-pass",
			    policy->name);
	}
}

/* %s and %d are replaced, every other % goes into the reply as it is. */
static void advise_help_url(struct advisor *advisor)
{
	const char *url = advisor->config->help_url;
	bool placeholder = false;

	if (url == NULL)
		return;
	for (const char *c = strchr(url, '%'); c != NULL; c = strchr(c + 1, '%'))
		placeholder = placeholder || c[1] == 's' || c[1] == 'd';
	if (!placeholder)
		advise(advisor, "help-url has no %%s (finding) and no %%d (domain): every reply names the same page; "
		    "for example %s%c%s", url, strchr(url, '?') != NULL ? '&' : '?', "finding=%s");
}

static void advise_trust(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	if (config->trusted_authserv_ids.count != 0 && config->trusted_networks.count == 0)
		advise(advisor, "trusted-authserv-ids does nothing without trusted-networks: "
		    "fields are kept only when they come from there");
}

/* Postfix calls all its listeners by the host's name unless told otherwise: that name is no name of one of them. */
static void advise_reinjection(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	if (config->reinjection_daemons.count != 0 && config->trusted_networks.count == 0)
		advise(advisor, "reinjection-daemons does nothing without trusted-networks: filters are known by both");
	for (size_t i = 0; config->authserv_id != NULL && i < config->reinjection_daemons.count; i++) {
		if (strcasecmp(config->reinjection_daemons.items[i], config->authserv_id) == 0)
			advise(advisor, "reinjection-daemons has %s, by which the MTA may call every listener that has no name of its own: there any trusted "
			    "client could bring verdicts in our name; give the filter's listener another one", config->authserv_id);
	}
}

/* Exempt mail falls under policies too, for the sake of what its authentication is like. */
static void advise_authenticated(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	for (size_t i = 0; config->exempt_authenticated && i < config->policy_count; i++) {
		if (config->policies[i].authenticated == AUTHENTICATED_YES)
			advise(advisor, "policy %s is for clients that have authenticated, and they are not judged (exempt-authenticated = yes): "
			    "only findings about the authentication itself act there", config->policies[i].name);
	}
}

static void advise_nothing_set(struct advisor *advisor)
{
	if (advisor->config->sets_nothing)
		advise(advisor, "the file sets no option: every default is in force, mode dry-run, no policies; "
		    "if it was to hold more, put it in place again, and reload");
}

size_t config_advise(const struct config *config, config_tell *tell, void *closure)
{
	struct advisor advisor = { .config = config, .tell = tell, .closure = closure };

	advise_nothing_set(&advisor);
	advise_actions(&advisor);
	advise_traces(&advisor);
	advise_greylist(&advisor);
	advise_dmarc(&advisor);
	advise_overrides(&advisor);
	advise_record(&advisor);
	advise_networks(&advisor);
	advise_reports(&advisor);
	advise_dnssec(&advisor);
	advise_help_url(&advisor);
	advise_trust(&advisor);
	advise_reinjection(&advisor);
	advise_authenticated(&advisor);
	advise_lists(&advisor);
	advise_ramps(&advisor);
	advise_places(&advisor);
	return advisor.count;
}
