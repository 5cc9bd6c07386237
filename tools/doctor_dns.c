/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay doctor: each resolver by itself, whether it passes on what validation needs (resolver/probe.h); trust anchors, clock and
 * suffix list.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include "resolver/probe.h"
#include "resolver/resolvconf.h"
#include "doctor.h"
#include "util/clock.h"

enum {
	SERVERS_MAX = 16, DEADLINE_MS = 8000, LOOKUPS = 8,
	DAY_SECS = 86400,
};

static const char *server_text(struct doctor *doctor, const struct dns_server *server)
{
	char text[ADDR_TEXT_BYTES];

	addr_format(&server->addr, text);
	return arena_printf(doctor->arena, "%s port %u", text, server->port != 0 ? server->port : 53);
}

/* What a validating resolver of ours makes of this server. */
static void say_validation(struct doctor *doctor, const struct dns_server *server)
{
	const char *name = server_text(doctor, server), *remedy;
	struct dns_probe probe;

	dns_probe_server(&doctor->config->dns, server, &probe);
	remedy = dns_probe_remedy(&probe, server);
	if (probe.root < doctor->root)
		doctor->root = probe.root;
	if (probe.outcome == DNS_PROBE_PASSES)
		doctor_say(doctor, "resolver", DOCTOR_OK, NULL, "%s %s", name, probe.what);
	else if (probe.outcome == DNS_PROBE_ROOT_BOGUS || probe.outcome == DNS_PROBE_SILENT)
		doctor_say(doctor, "resolver", DOCTOR_ERROR, remedy, "%s %s: %s", name, probe.what, probe.why);
	else if (probe.outcome == DNS_PROBE_NO_ROOT)
		doctor_say(doctor, "resolver", DOCTOR_WARNING, remedy, "%s %s (%s): no answer counts as secure, and forged ones are not "
		    "noticed", name, probe.what, probe.why);
	else
		doctor_say(doctor, "resolver", DOCTOR_WARNING, remedy, "%s %s (%s)", name, probe.what, probe.why);
}

static void say_plain(struct doctor *doctor, const struct dns_server *server, const struct dns_answer *root)
{
	const char *name = server_text(doctor, server);

	if (root->status == DNS_STATUS_FAIL)
		doctor_say(doctor, "resolver", DOCTOR_ERROR, "see that it runs and answers this machine", "%s does not answer: %s", name,
		    root->why);
	else if (doctor->config->dns.dnssec == DNSSEC_TRUST_AD)
		doctor_say(doctor, "resolver", root->security == DNS_SECURE ? DOCTOR_OK : DOCTOR_WARNING, root->security == DNS_SECURE ? NULL :
		    "dnssec = trust-ad wants a validating resolver on loopback that sets the AD bit; or set dnssec = validate",
		    "%s answers%s", name, root->security == DNS_SECURE ? ", and vouches for the root (AD)" : ", but does not vouch for the root");
	else
		doctor_say(doctor, "resolver", DOCTOR_OK, NULL, "%s answers (dnssec = off: nothing is validated)", name);
}

static void examine_plain(struct doctor *doctor, const struct dns_server *server)
{
	struct dns_config config = doctor->config->dns;
	struct dns_resolver *resolver;
	struct dns_scope *scope;
	char why[256] = "";

	config.servers = server;
	config.server_count = 1;
	config.rounds = 2;
	resolver = dns_resolver_new(&config, why, sizeof(why));
	if (resolver == NULL) {
		doctor_say(doctor, "resolver", DOCTOR_ERROR, NULL, "%s", why);
		return;
	}
	scope = dns_scope_new(resolver, DEADLINE_MS, LOOKUPS);
	say_plain(doctor, server, dns_wait(scope, ".", DNS_TYPE_SOA));
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
}

void doctor_resolvers(struct doctor *doctor)
{
	const struct dns_config *dns = &doctor->config->dns;
	struct dns_server found[SERVERS_MAX];
	const struct dns_server *servers = dns->servers;
	size_t count = dns->server_count;
	const char *note = NULL;

	if (dns->zone_file != NULL) {
		doctor_say(doctor, "resolver", DOCTOR_WARNING, "zone-file is for tests", "answers come from the file %s, not from DNS", dns->zone_file);
		return;
	}
	if (count == 0) {
		count = dns->dnssec != DNSSEC_VALIDATE ? resolvconf_read(RESOLVCONF_PATH, found, SERVERS_MAX) :
		    resolvconf_choose(&resolvconf_system, found, SERVERS_MAX, &note);
		servers = found;
	}
	if (note != NULL)
		doctor_say(doctor, "resolver", DOCTOR_INFO, NULL, "%s", note);
	if (count == 0)
		doctor_say(doctor, "resolver", DOCTOR_ERROR, "name a recursive server in dns { servers } or " RESOLVCONF_PATH,
		    "no resolver is configured");
	for (size_t i = 0; i < count; i++)
		if (dns->dnssec == DNSSEC_VALIDATE)
			say_validation(doctor, &servers[i]);
		else
			examine_plain(doctor, &servers[i]);
}

/* ---- what goes stale --------------------------------------------------------------------------------------------------- */

/* Whole days since the file was written; -1: it cannot be seen. */
static int64_t file_age_days(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (clock_wall_secs(NULL) - status.st_mtim.tv_sec) / DAY_SECS : -1;
}

static void say_anchor(struct doctor *doctor, const char *path)
{
	int64_t days = file_age_days(path);

	if (days < 0)
		doctor_say(doctor, "anchor", DOCTOR_ERROR, "install dns-root-data, or set trust-anchor-files", "trust anchor file %s is missing", path);
	else if (doctor->root == DNS_BOGUS)
		doctor_say(doctor, "anchor", DOCTOR_WARNING, "update dns-root-data; see that the file holds the root's present keys",
		    "%s, written %" PRId64 " days ago, does not lead to the root that the resolvers show", path, days);
	else	/* its age alone says nothing: it is as old as the keys are */
		doctor_say(doctor, "anchor", doctor->root == DNS_SECURE ? DOCTOR_OK : DOCTOR_INFO, NULL, "%s, written %" PRId64 " days ago%s",
		    path, days, doctor->root == DNS_SECURE ? ", leads to the root's keys" : "; it could not be tried");
}

/* Signatures of the root are valid for some two weeks: that they verify says that the clock is right to that, at least. */
static void say_clock(struct doctor *doctor)
{
	struct timex kernel = { 0 };
	bool synchronised = adjtimex(&kernel) >= 0 && (kernel.status & STA_UNSYNC) == 0;

	if (synchronised)
		doctor_say(doctor, "clock", DOCTOR_OK, NULL, "synchronised");
	else if (doctor->root == DNS_SECURE)
		doctor_say(doctor, "clock", DOCTOR_INFO, NULL, "nothing synchronises it that the kernel knows of; it is right within the "
		    "validity of the root's signatures");
	else
		doctor_say(doctor, "clock", DOCTOR_WARNING, "run an NTP client: signatures of DNSSEC and DKIM have times",
		    "nothing synchronises the clock that the kernel knows of");
}

void doctor_anchors_and_clock(struct doctor *doctor)
{
	const struct dns_config *dns = &doctor->config->dns;

	if (dns->dnssec == DNSSEC_VALIDATE && dns->zone_file == NULL)
		for (size_t i = 0; dns->trust_anchor_files != NULL && dns->trust_anchor_files[i] != NULL; i++)
			say_anchor(doctor, dns->trust_anchor_files[i]);
	say_clock(doctor);
}

void doctor_suffixes(struct doctor *doctor)
{
	const char *path = doctor->config->psl_file;
	bool needed = doctor->config->dmarc_method == ORG_DOMAIN_PSL;
	int64_t days = path != NULL ? file_age_days(path) : -1;

	if (days < 0)
		doctor_say(doctor, "suffixes", needed ? DOCTOR_ERROR : DOCTOR_INFO, needed ? "install publicsuffix, or set dmarc { psl-file }" : NULL,
		    "public suffix list %s is missing%s",
		    path != NULL ? path : "(none)", needed ? "" : "; peers go by their parent's name then, and no suffix is "
		    "kept from counting as an organization in DMARC");
	else
		doctor_say(doctor, "suffixes", DOCTOR_OK, NULL, "%s, written %" PRId64 " days ago", path, days);
}
