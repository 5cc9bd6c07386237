/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recursive server looked at by itself: see the header. Asks through a resolver of its own, so that nothing that is cached
 * speaks for the server. Fails by the outcome. Thread: any.
 */
#include "resolver/probe.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "dnssec/validator.h"
#include "resolver/resolvconf.h"

enum { DEADLINE_MS = 8000, LOOKUPS = 8, ROUNDS = 2 };

struct examined { const struct dns_answer *root, *ds, *dnskey, *absence; };

static void ask(struct dns_scope *scope, struct examined *examined_r)
{
	unsigned char random[6] = { 0 };
	char nobody[32];

	(void)getrandom(random, sizeof(random), 0);
	/* of two labels: single ones are left to LLMNR by systemd-resolved, which refuses them */
	snprintf(nobody, sizeof(nobody), "nobody.assay-%02x%02x%02x%02x%02x%02x.", random[0], random[1], random[2], random[3], random[4],
	    random[5]);
	dns_start(scope, ".", DNS_TYPE_SOA);
	dns_start(scope, "com.", DNS_TYPE_DS);
	dns_start(scope, "com.", DNS_TYPE_DNSKEY);
	dns_start(scope, nobody, DNS_TYPE_A);
	examined_r->root = dns_wait(scope, ".", DNS_TYPE_SOA);
	examined_r->ds = dns_wait(scope, "com.", DNS_TYPE_DS);
	examined_r->dnskey = dns_wait(scope, "com.", DNS_TYPE_DNSKEY);
	examined_r->absence = dns_wait(scope, nobody, DNS_TYPE_A);
}

static void conclude(struct dns_probe *probe, enum dns_probe_outcome outcome, const char *what, const char *why)
{
	probe->outcome = outcome;
	snprintf(probe->what, sizeof(probe->what), "%s", what);
	snprintf(probe->why, sizeof(probe->why), "%s", why);
}

static void judge(const struct examined *examined, struct dns_probe *probe)
{
	const struct dns_answer *root = examined->root;

	probe->root = root->security;
	if (root->security == DNS_BOGUS)
		conclude(probe, DNS_PROBE_ROOT_BOGUS, "gives a root that is bogus", root->why);
	else if (root->status == DNS_STATUS_FAIL)
		conclude(probe, DNS_PROBE_SILENT, "does not answer", root->why);
	else if (strstr(root->why, VALIDATOR_UNCOVERED) != NULL)
		conclude(probe, DNS_PROBE_UNANCHORED, "answers; there is no trust anchor for the root", root->why);
	else if (root->security != DNS_SECURE)
		conclude(probe, DNS_PROBE_NO_ROOT, "answers, but nothing can be validated through it", root->why);
	else if (examined->ds->security != DNS_SECURE)
		conclude(probe, DNS_PROBE_NO_DELEGATION, "lets the root validate, but the DS records of top-level domains do not come",
		    examined->ds->why);
	else if (examined->dnskey->security != DNS_SECURE)
		conclude(probe, DNS_PROBE_NO_DELEGATION, "lets the root validate, but the keys of top-level domains do not come",
		    examined->dnskey->why);
	else if (examined->absence->security != DNS_SECURE || examined->absence->status != DNS_STATUS_NXDOMAIN)
		conclude(probe, DNS_PROBE_NO_DENIAL, "lets records validate, but the absence of a name cannot be proven",
		    examined->absence->why);
	else
		conclude(probe, DNS_PROBE_PASSES, "answers, and DNSSEC validates: root, delegation, proof of absence", "");
}

void dns_probe_server(const struct dns_config *config, const struct dns_server *server, struct dns_probe *probe_r)
{
	struct dns_config single = *config;
	struct dns_resolver *resolver;
	struct examined examined;
	struct dns_scope *scope;
	char why[256] = "";

	*probe_r = (struct dns_probe){ .root = DNS_INDETERMINATE };
	single.servers = server;
	single.server_count = 1;
	single.rounds = ROUNDS;
	resolver = dns_resolver_new(&single, why, sizeof(why));
	if (resolver == NULL) {
		conclude(probe_r, DNS_PROBE_SILENT, "cannot be asked", why);
		return;
	}
	scope = dns_scope_new(resolver, DEADLINE_MS, LOOKUPS);
	ask(scope, &examined);
	judge(&examined, probe_r);
	dns_scope_free(&scope);
	dns_resolver_free(&resolver);
}

const char *dns_probe_remedy(const struct dns_probe *probe, const struct dns_server *server)
{
	switch (probe->outcome) {
	case DNS_PROBE_PASSES:
	case DNS_PROBE_UNANCHORED:
		return NULL;
	case DNS_PROBE_SILENT:
		return "see that it runs and answers this machine; dns { servers } or /etc/resolv.conf name it";
	case DNS_PROBE_ROOT_BOGUS:
		return "see that dns { trust-anchor-files } hold the root's present keys (package dns-root-data) and the clock is right; "
		    "else somebody changes DNS on the way here";
	default:
		break;
	}
	if (resolvconf_is_stub(server))
		return "systemd-resolved's stub does not pass on all that validation needs: name its other stub, 127.0.0.54, the servers "
		    "behind it (`resolvectl status`) or a validating resolver of your own in dns { servers }";
	return "name servers that pass DNSSEC records on in dns { servers }, or set dnssec = trust-ad (a validating resolver on "
	    "loopback) or off";
}
