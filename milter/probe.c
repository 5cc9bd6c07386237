/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks at start, after a reload, and now and then while the answer is no, whether DNSSEC works here at all, and says so in the
 * log: a resolver that does not pass on what validation needs makes every verdict indeterminate, which nobody would look for
 * in single messages. Each server is looked at by itself (resolver/probe.h); what is found is noted at the resolver.
 * Thread: one of its own that ends with the answers.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "assayd.h"
#include "resolver/probe.h"
#include "util/clock.h"
#include "util/log.h"

enum { SERVERS_MAX = 16, SERVER_TEXT_BYTES = ADDR_TEXT_BYTES + 8, LINE_BYTES = 900, AGAIN_MS = 20000 };

static struct {
	pthread_mutex_t lock;
	char told[LINE_BYTES];		/* the last line, which is not repeated */
	_Atomic int64_t again_ms;	/* monotonic: when to look again; 0: it works, or is being looked at */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *server_text(const struct dns_server *server, char text_r[SERVER_TEXT_BYTES])
{
	char address[ADDR_TEXT_BYTES];

	snprintf(text_r, SERVER_TEXT_BYTES, "%s@%u", addr_format(&server->addr, address), server->port);
	return text_r;
}

/* Tells a line when it is news. */
static void tell(enum log_level level, const char *line)
{
	bool news;

	pthread_mutex_lock(&state.lock);
	news = strcmp(state.told, line) != 0;
	snprintf(state.told, sizeof(state.told), "%s", line);
	pthread_mutex_unlock(&state.lock);
	if (news)
		log_line(level, "%s", line);
}

struct survey {
	struct dns_server servers[SERVERS_MAX];
	struct dns_probe probes[SERVERS_MAX];
	size_t count, passing;		/* passing: those that pass all on */
	size_t best;			/* the one that all is judged by */
};

/* Which of several servers decides: one that passes all on; then what must not be overlooked. */
static unsigned rank(const struct dns_probe *probe)
{
	switch (probe->outcome) {
	case DNS_PROBE_PASSES: return 0;
	case DNS_PROBE_ROOT_BOGUS: return 1;
	case DNS_PROBE_SILENT: return 4;
	case DNS_PROBE_UNANCHORED: return 3;
	default: return 2;
	}
}

static void survey_make(struct survey *survey, const struct dns_config *config, struct dns_resolver *resolver)
{
	const char *note;

	memset(survey, 0, sizeof(*survey));
	survey->count = dns_resolver_servers(resolver, survey->servers, SERVERS_MAX, &note);
	for (size_t i = 0; i < survey->count; i++) {
		struct dns_probe *probe = &survey->probes[i];

		dns_probe_server(config, &survey->servers[i], probe);
		survey->passing += probe->outcome == DNS_PROBE_PASSES;
		if (rank(probe) < rank(&survey->probes[survey->best]))
			survey->best = i;
	}
}

/* Some pass DNSSEC on: the others are asked when no other is left, and named. */
static void tell_of_the_others(const struct survey *survey, struct dns_resolver *resolver)
{
	for (size_t i = 0; i < survey->count; i++) {
		const struct dns_probe *probe = &survey->probes[i];
		char server[SERVER_TEXT_BYTES];

		if (!dns_probe_passes_nothing(probe))
			continue;
		dns_resolver_note_server(resolver, i, false);
		log_warning("dnssec: %s passes no DNSSEC on, as another server does: it %s (%s); it is asked when no other is left, and "
		    "its answers are bogus where they should be signed; %s", server_text(&survey->servers[i], server), probe->what,
		    probe->why, dns_probe_remedy(probe, &survey->servers[i]));
	}
}

static void tell_best(const struct survey *survey)
{
	const struct dns_probe *probe = &survey->probes[survey->best];
	const struct dns_server *server = &survey->servers[survey->best];
	char text[SERVER_TEXT_BYTES], line[LINE_BYTES];

	server_text(server, text);
	switch (probe->outcome) {
	case DNS_PROBE_PASSES:
		tell(LOG_LEVEL_INFO, "dnssec: validation from the root works");
		return;
	case DNS_PROBE_UNANCHORED:
		return;
	case DNS_PROBE_ROOT_BOGUS:
		snprintf(line, sizeof(line), "dnssec: the root is bogus (%s): no DNS answer will be used, and mail is deferred or let "
		    "through unjudged as the policy for temperror says; %s", probe->why, dns_probe_remedy(probe, server));
		tell(LOG_LEVEL_ERROR, line);
		return;
	case DNS_PROBE_SILENT:
		snprintf(line, sizeof(line), "dnssec: %s %s (%s): it cannot be told whether validation works; %s", text, probe->what,
		    probe->why, dns_probe_remedy(probe, server));
		tell(LOG_LEVEL_WARNING, line);
		return;
	default:
		snprintf(line, sizeof(line), "dnssec: %s passes no DNSSEC on: it %s (%s); answers are used as indeterminate, none can be "
		    "told to be authentic, until it does; %s", text, probe->what, probe->why, dns_probe_remedy(probe, server));
		tell(LOG_LEVEL_WARNING, line);
	}
}

/* For the line that says what the daemon serves with. */
static const char *in_short(const struct survey *survey)
{
	switch (survey->probes[survey->best].outcome) {
	case DNS_PROBE_PASSES: return "DNSSEC is validated";
	case DNS_PROBE_UNANCHORED: return "DNSSEC is validated below the trust anchors, none of which is the root's";
	case DNS_PROBE_ROOT_BOGUS: return "the root is bogus to DNSSEC";
	case DNS_PROBE_SILENT: return "no DNS server answers";
	default: return "no DNS server passes DNSSEC on";
	}
}

static void *probe_run(void *argument)
{
	struct engine *engine = argument;
	struct dns_resolver *resolver = engine_resolver(engine);
	const struct dns_probe *best;
	struct survey survey;

	survey_make(&survey, &engine_config(engine)->dns, resolver);
	best = &survey.probes[survey.best];
	if (survey.passing != 0) {
		dns_resolver_note_reach(resolver, DNS_REACH_FULL);
		tell_of_the_others(&survey, resolver);
	} else if (dns_probe_passes_nothing(best)) {
		dns_resolver_note_reach(resolver, DNS_REACH_NONE);
	}
	status_note_dnssec(best->root, best->outcome == DNS_PROBE_PASSES ? best->what : best->why);
	tell_best(&survey);
	service_resolver_news(in_short(&survey));
	if (survey.passing == 0 && best->outcome != DNS_PROBE_UNANCHORED)
		atomic_store(&state.again_ms, clock_monotonic_ms() + AGAIN_MS);
	engine_unref(&engine);
	return NULL;
}

static void probe_start(struct engine *engine)
{
	pthread_t thread;

	atomic_store(&state.again_ms, 0);
	engine_ref(engine);
	if (pthread_create(&thread, NULL, probe_run, engine) == 0) {
		pthread_detach(thread);
		return;
	}
	tell(LOG_LEVEL_WARNING, "dnssec: there is no thread to look at the servers now: whether validation works is not known yet");
	service_resolver_news("the DNS servers could not be looked at yet");
	atomic_store(&state.again_ms, clock_monotonic_ms() + AGAIN_MS);
	engine_unref(&engine);
}

void probe_dnssec(struct engine *engine)
{
	const struct dns_config *dns = &engine_config(engine)->dns;
	struct dns_server first;
	const char *note;

	atomic_store(&state.again_ms, 0);
	if (dns->dnssec != DNSSEC_VALIDATE || dns->zone_file != NULL) {
		service_resolver_news(dns->zone_file != NULL ? "DNS answers come from a file" : "DNSSEC is not validated");
		return;
	}
	pthread_mutex_lock(&state.lock);
	state.told[0] = '\0';	/* another configuration: all is news */
	pthread_mutex_unlock(&state.lock);
	(void)dns_resolver_servers(engine_resolver(engine), &first, 1, &note);
	if (note != NULL)
		log_notice("dnssec: %s", note);
	probe_start(engine);
}

void probe_look(struct engine *engine)
{
	int64_t again_ms = atomic_load(&state.again_ms);

	if (again_ms != 0 && again_ms <= clock_monotonic_ms())
		probe_start(engine);
}
