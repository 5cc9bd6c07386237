/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks once, at start and after a reload, whether DNSSEC works here at all, and says so in the log: a resolver that does
 * not pass DNSSEC records on makes every verdict indeterminate, which nobody would look for in single messages.
 * Thread: one of its own that ends with the answer; changes nothing.
 */
#include <string.h>

#include "assayd.h"
#include "util/log.h"

enum { PROBE_DEADLINE_MS = 15000, PROBE_LOOKUPS = 4 };

static void *probe_run(void *argument)
{
	struct engine *engine = argument;
	struct dns_scope *scope = dns_scope_new(engine_resolver(engine), PROBE_DEADLINE_MS, PROBE_LOOKUPS);
	const struct dns_answer *answer = dns_wait(scope, ".", DNS_TYPE_SOA);

	status_note_dnssec(answer);
	if (answer->security == DNS_SECURE)
		log_info("dnssec: validation from the root works");
	else if (answer->security == DNS_BOGUS)
		log_error("dnssec: the root is bogus (%s): no DNS answer will be used, and mail is deferred or let through unjudged as "
		    "the policy for temperror says; see that dns { trust-anchor-files } hold the root's present keys (package "
		    "dns-root-data) and the clock is right, else somebody changes DNS on the way here", answer->why);
	else if (strstr(answer->why, "no trust anchor") == NULL)	/* anchors below the root only: nothing to ask for */
		log_warning("dnssec: the root is %s (%s): no answer can be told to be authentic; give dns { servers } that pass "
		    "DNSSEC records on, or set dnssec = trust-ad or off", dns_security_name(answer->security), answer->why);
	dns_scope_free(&scope);
	engine_unref(&engine);
	return NULL;
}

void probe_dnssec(struct engine *engine)
{
	const struct dns_config *dns = &engine_config(engine)->dns;
	pthread_t thread;

	if (dns->dnssec != DNSSEC_VALIDATE || dns->zone_file != NULL)
		return;
	engine_ref(engine);
	if (pthread_create(&thread, NULL, probe_run, engine) != 0)
		engine_unref(&engine);
	else
		pthread_detach(thread);
}
