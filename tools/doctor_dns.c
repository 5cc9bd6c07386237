/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay doctor: each resolver by itself. What validation needs is asked: the root's keys with a record they sign, whether a
 * delegated top-level domain has keys (DS), and the absence of a name with its proof.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include "resolver/resolvconf.h"
#include "doctor.h"
#include "util/clock.h"

enum {
	SERVERS_MAX = 16, DEADLINE_MS = 8000, LOOKUPS = 8,
	DAY_SECS = 86400,
};

struct examined {
	const struct dns_answer *root, *delegation, *absence;
};

static void ask(struct doctor *doctor, struct dns_scope *scope, struct examined *examined_r)
{
	unsigned char random[6] = { 0 };
	const char *nobody;

	(void)getrandom(random, sizeof(random), 0);
	nobody = arena_printf(doctor->arena, "assay-%02x%02x%02x%02x%02x%02x.", random[0], random[1], random[2], random[3], random[4],
	    random[5]);
	dns_start(scope, ".", DNS_TYPE_SOA);
	dns_start(scope, "com.", DNS_TYPE_DS);
	dns_start(scope, nobody, DNS_TYPE_A);
	examined_r->root = dns_wait(scope, ".", DNS_TYPE_SOA);
	examined_r->delegation = dns_wait(scope, "com.", DNS_TYPE_DS);
	examined_r->absence = dns_wait(scope, nobody, DNS_TYPE_A);
}

static const char *server_text(struct doctor *doctor, const struct dns_server *server)
{
	char text[ADDR_TEXT_BYTES];

	addr_format(&server->addr, text);
	return arena_printf(doctor->arena, "%s port %u", text, server->port != 0 ? server->port : 53);
}

static bool is_resolved_stub(const struct dns_server *server)
{
	char text[ADDR_TEXT_BYTES];

	addr_format(&server->addr, text);
	return strcmp(text, "127.0.0.53") == 0;
}

static const char *remedy_for(const struct dns_server *server)
{
	if (is_resolved_stub(server))
		return "systemd-resolved's stub does not pass on all that validation needs: name the servers behind it (`resolvectl status`) "
		    "in dns { servers }, or a validating resolver of your own";
	return "name servers that pass DNSSEC records on in dns { servers }, or set dnssec = trust-ad (a validating resolver on "
	    "loopback) or off";
}

/* What a validating resolver of ours makes of this server. */
static void say_validation(struct doctor *doctor, const struct dns_server *server, const struct examined *examined)
{
	const char *name = server_text(doctor, server), *remedy = remedy_for(server);

	if (examined->root->security < doctor->root)
		doctor->root = examined->root->security;
	if (examined->root->security == DNS_BOGUS)
		doctor_say(doctor, "resolver", DOCTOR_ERROR, "see the lines about trust anchors and clock; else somebody changes DNS on the way",
		    "%s: the root is bogus: %s", name, examined->root->why);
	else if (examined->root->status == DNS_STATUS_FAIL)
		doctor_say(doctor, "resolver", DOCTOR_ERROR, "see that it runs and answers this machine; dns { servers } or /etc/resolv.conf "
		    "name it", "%s does not answer: %s", name, examined->root->why);
	else if (examined->root->security != DNS_SECURE)
		doctor_say(doctor, "resolver", DOCTOR_WARNING, remedy, "%s answers, but nothing can be validated through it (%s): no answer "
		    "counts as secure, and forged ones are not noticed", name, examined->root->why);
	else if (examined->delegation->security != DNS_SECURE)
		doctor_say(doctor, "resolver", DOCTOR_WARNING, remedy, "%s: the root validates, but the DS records of top-level domains do "
		    "not come (%s)", name, examined->delegation->why);
	else if (examined->absence->security != DNS_SECURE || examined->absence->status != DNS_STATUS_NXDOMAIN)
		doctor_say(doctor, "resolver", DOCTOR_WARNING, remedy, "%s: records validate, but the absence of a name cannot be proven "
		    "(%s)", name, examined->absence->why);
	else
		doctor_say(doctor, "resolver", DOCTOR_OK, NULL, "%s answers, and DNSSEC validates: root, delegation, proof of absence", name);
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

static void examine_server(struct doctor *doctor, const struct dns_server *server)
{
	struct dns_config config = doctor->config->dns;
	struct examined examined;
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
	if (config.dnssec == DNSSEC_VALIDATE) {
		ask(doctor, scope, &examined);
		say_validation(doctor, server, &examined);
	} else {
		say_plain(doctor, server, dns_wait(scope, ".", DNS_TYPE_SOA));
	}
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
}

void doctor_resolvers(struct doctor *doctor)
{
	const struct dns_config *dns = &doctor->config->dns;
	struct dns_server found[SERVERS_MAX];
	const struct dns_server *servers = dns->servers;
	size_t count = dns->server_count;

	if (dns->zone_file != NULL) {
		doctor_say(doctor, "resolver", DOCTOR_WARNING, "zone-file is for tests", "answers come from the file %s, not from DNS", dns->zone_file);
		return;
	}
	if (count == 0) {
		count = resolvconf_read(RESOLVCONF_PATH, found, SERVERS_MAX);
		servers = found;
	}
	if (count == 0)
		doctor_say(doctor, "resolver", DOCTOR_ERROR, "name a recursive server in dns { servers } or " RESOLVCONF_PATH,
		    "no resolver is configured");
	for (size_t i = 0; i < count; i++)
		examine_server(doctor, &servers[i]);
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
