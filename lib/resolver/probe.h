/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_PROBE_H
#define ASSAY_RESOLVER_PROBE_H
/*
 * Does a recursive server pass on what validation needs? It is asked by itself, with a cold cache, for the root's keys with a
 * record that they sign, for DS and DNSKEY of a delegated top-level domain, and for a name that does not exist, with the
 * proof of that. Thread: any; blocks for some seconds when the server is silent.
 */
#include "resolver/resolver.h"

enum dns_probe_outcome {
	DNS_PROBE_SILENT,	/* it does not answer, or with an error even for the root; also what nobody has looked at */
	DNS_PROBE_PASSES,
	DNS_PROBE_UNANCHORED,	/* no trust anchor is above the root: nothing to ask for */
	DNS_PROBE_ROOT_BOGUS,	/* wrong anchors or clock, or somebody on the way: not the server's doing */
	/* it passes no DNSSEC on: */
	DNS_PROBE_NO_ROOT,	/* nothing can be validated */
	DNS_PROBE_NO_DELEGATION,	/* DS or DNSKEY of a top-level domain do not come */
	DNS_PROBE_NO_DENIAL,	/* the proof of an absence does not come */
};

struct dns_probe {
	enum dns_probe_outcome outcome;
	enum dns_security root;
	char what[160];		/* what is amiss, to follow "ADDRESS port N "; never empty */
	char why[256];		/* the reason as the resolver gives it */
};

/** @param config  of a resolver that validates; its servers are not used. */
void dns_probe_server(const struct dns_config *config, const struct dns_server *server, struct dns_probe *probe_r);

static inline bool dns_probe_passes_nothing(const struct dns_probe *probe)
{
	return probe->outcome >= DNS_PROBE_NO_ROOT;
}

/** What to do about it, in words for an admin; NULL when there is nothing. */
const char *dns_probe_remedy(const struct dns_probe *probe, const struct dns_server *server);

#endif
