/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks every few seconds whether the resolver can do its work, and has an outage told (health.h): no recursive server answers,
 * one of several does not, or more is being asked than the table of queries takes.
 * Thread: that of progress.c looks; each connection's notes its messages.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "assayd.h"
#include "health.h"
#include "util/clock.h"

static _Atomic uint64_t pressed_before;

static const char *server_text(const struct dns_server *server, char text_r[ADDR_TEXT_BYTES + 8])
{
	char address[ADDR_TEXT_BYTES];

	snprintf(text_r, ADDR_TEXT_BYTES + 8, "%s@%u", addr_format(&server->addr, address), server->port);
	return text_r;
}

static void look_at_servers(const struct dns_health *dns)
{
	char server[ADDR_TEXT_BYTES + 8], text[300];
	int64_t silent_secs = (clock_monotonic_ms() - dns->down_since_ms) / 1000;

	if (dns->down_count != 0)
		snprintf(text, sizeof(text), "%s has answered nothing for %" PRId64 " s, not even for the root%s; see that it runs and can be "
		    "reached, or name others in dns { servers }", server_text(&dns->down, server), silent_secs,
		    dns->outage && dns->server_count > 1 ? ", nor have the others" : "");
	health_note(HEALTH_RESOLVER, !dns->outage, dns->outage ? text : NULL);
	health_note(HEALTH_DNS_SERVER, dns->down_count == 0 || dns->outage,
	    dns->down_count != 0 && !dns->outage ? text : NULL);
}

static void look_at_pressure(const struct dns_health *dns)
{
	uint64_t before = atomic_exchange(&pressed_before, dns->pressed);

	/* a reload may bring another resolver, which begins at 0 */
	if (dns->pressed > before)
		health_note(HEALTH_PRESSURE, false, "a client network, or a zone that is asked for, has its share of the queries under way; see "
		    "whose mail it is, and raise dns { max-inflight } if it is honest");
}

void resolver_look(void)
{
	struct engine *engine = state_get_engine();
	struct dns_health dns;

	if (engine == NULL)
		return;
	probe_look(engine);
	dns_resolver_health(engine_resolver(engine), &dns);
	engine_unref(&engine);
	if (dns.server_count == 0)
		return;
	look_at_servers(&dns);
	look_at_pressure(&dns);
}

void resolver_note_message(const struct results *results)
{
	if ((results->dns_failures >> DNS_FAILURE_OUTAGE & 1) != 0)
		health_affected(HEALTH_RESOLVER, 1);
	if ((results->dns_failures >> DNS_FAILURE_PRESSURE & 1) != 0)
		health_affected(HEALTH_PRESSURE, 1);
}
