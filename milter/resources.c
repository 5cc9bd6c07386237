/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the system gives the process, and what of the configuration fits into it: descriptors (descriptors.h) are shared out anew
 * for each configuration, and what does not fit is told at start and after a reload.
 * Also the last words when memory is out: written by hand, since whatever formats a line may allocate.
 * Thread: main; the last words any.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "assayd.h"
#include "descriptors.h"
#include "metrics.h"
#include "util/out_of_memory.h"

enum {
	CACHE_SHARE = 8,		/* of the limit on memory, for each of the two caches */
	CUT_BYTES = 2048,		/* about, with its keys */
};

static unsigned descriptor_limit;	/* set once */

static struct descriptor_wants wants_of(const struct config *config)
{
	return (struct descriptor_wants){ .sessions = config->max_sessions, .queries = config->dns.max_inflight,
		.others = config->metrics_listen != NULL ? METRICS_DESCRIPTORS : 0 };
}

static void last_words(void)
{
	log_last("out of memory: assayd ends now (the unit starts it again, mail under way is put off); give it more (MemoryMax=, LimitAS= "
	    "in the unit, ulimit -v), or lower dns { cache-size } and max-sessions");
}

void resources_begin(void)
{
	descriptor_limit = descriptors_raise();
	out_of_memory_set_last_words(last_words);
}

void resources_bound(struct config_overrides *overrides)
{
	uint64_t share = memory_limit_bytes() / CACHE_SHARE;

	/* caches that are full must leave room for mail, else it would be put off for good */
	overrides->cache_bytes_max = (size_t)(share < SIZE_MAX ? share : SIZE_MAX);
	overrides->cached_cuts_max = overrides->cache_bytes_max / CUT_BYTES;
}

struct engine_share resources_share(const struct config *config)
{
	const struct descriptor_wants wants = wants_of(config);
	struct descriptor_plan plan;

	(void)descriptors_share(descriptor_limit, &wants, &plan);
	return (struct engine_share){ .dns_sockets = plan.queries, .store_readers = plan.readers, .watch = &metrics_watch };
}

static void tell_memory(const struct config *config)
{
	uint64_t limit = memory_limit_bytes();

	if (config->dns.cache_bytes == limit / CACHE_SHARE || config->dns_validator.max_cached_cuts == limit / CACHE_SHARE / CUT_BYTES)
		log_warning("memory: the limit of %" PRIu64 " MB leaves %zu MB for the DNS cache and room for %zu zone cuts; raise it, or lower "
		    "dns { cache-size, max-cached-cuts }", limit >> 20, config->dns.cache_bytes >> 20, config->dns_validator.max_cached_cuts);
}

int resources_check(const struct config *config, char *why_r, size_t why_bytes)
{
	const struct descriptor_wants wants = wants_of(config);
	struct descriptor_plan plan;

	if (descriptors_share(descriptor_limit, &wants, &plan))
		return 0;
	snprintf(why_r, why_bytes, "descriptors: the limit of %u is too low for any work; set LimitNOFILE= in the unit, or the hard limit of "
	    "`ulimit -n`, to %u", descriptor_limit, plan.needed);
	return EX_OSERR;
}

bool resources_text(const struct config *config, char *text_r, size_t text_bytes)
{
	const struct descriptor_wants wants = wants_of(config);
	struct descriptor_plan plan;

	(void)descriptors_share(descriptor_limit, &wants, &plan);
	descriptors_text(&plan, &wants, text_r, text_bytes);
	return descriptors_suffice(&plan, &wants);
}

void resources_open(const struct config *config)
{
	const struct descriptor_wants wants = wants_of(config);
	struct descriptor_plan plan;
	char text[512];

	(void)descriptors_share(descriptor_limit, &wants, &plan);
	admission_open(plan.sessions, plan.refusals, plan.sessions < wants.sessions ? "the limit of file descriptors allows; raise "
	    "LimitNOFILE= in the unit (ulimit -n)" : "max-sessions allows; raise it");
	tell_memory(config);
	if (resources_text(config, text, sizeof(text)))
		log_info("%s", text);
	else
		log_warning("%s", text);
}
