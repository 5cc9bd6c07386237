/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_METRICS_INTERNAL_H
#define ASSAY_MILTER_METRICS_INTERNAL_H
/* What the files of the metrics share (metrics.h lists them); nobody else includes it. */
#include <sys/resource.h>

#include "dns/dns.h"
#include "metrics.h"
#include "metrics_table.h"

/* One of the four words why a message is not judged, or another that this table does not know. */
enum { EXEMPT_REASONS = 5 };
extern const char *const metrics_exempt_words[EXEMPT_REASONS];	/* the last is "other" */

/* The policies without counts of their own, together. The loader takes this for a name too; such a policy is counted there as well. */
#define METRICS_OTHER_POLICY "other"

/* Counts by action and by whether it was carried out. */
struct action_counts { _Atomic uint64_t counts[ACTION_COUNT][2]; };

struct policy_counts {
	char name[METRICS_POLICY_BYTES];	/* written before it is counted in policy_count */
	struct action_counts actions;
};

/* Of this process, since its start. Everything is atomic, and read without a lock. */
struct metrics_counts {
	_Atomic int64_t started_us, started_wall_secs;	/* monotonic, and the system's clock */
	_Atomic bool stopping;
	_Atomic uint64_t generation, reloads_refused;
	_Atomic uint64_t sessions_put_off[PUT_OFF_COUNT], messages_put_off;
	_Atomic uint64_t exempt[EXEMPT_REASONS], dns_failures[DNS_FAILURE_COUNT], recipients_refused[ACTION_COUNT];
	struct action_counts messages;
	_Atomic uint64_t findings[FINDING_COUNT], decisions[FINDING_COUNT][2];
	struct histogram message_us, dns_wait_us;
	_Atomic size_t policy_count;
	struct policy_counts policies[METRICS_POLICIES + 1];	/* the last is "other" */
};
const struct metrics_counts *metrics_counts(void);

/* What resolvers and stores have counted since the start, whichever configuration they belonged to. */
struct metrics_sources {
	struct dns_statistics dns;		/* gauges: of all that are there now */
	uint64_t dns_misses;			/* look-ups without the hits; never goes down */
	struct store_statistics store;		/* gauges: likewise; up and why: not set */
};
void metrics_sources_read(struct metrics_sources *sources_r);

struct metrics_process {
	uint64_t cpu_us, resident_bytes, virtual_bytes, fds, max_fds, threads;
	bool known;	/* false: /proc cannot be read */
};
void metrics_process_read(struct metrics_process *process_r);

/** HELP and TYPE of a metric. @return its name. */
const char *metrics_family(FILE *out, enum metric_id id);
/** A metric of one sample without labels. */
void metrics_write_one(FILE *out, enum metric_id id, uint64_t value);
/** A metric with one label; values: so many words, parallel to counts. */
void metrics_write_by(FILE *out, enum metric_id id, const char *label, const char *const *words, const uint64_t *counts, size_t count);

/** metrics_text_sources.c: DNS, store and process. @param engine  that is in force. */
void metrics_text_sources(FILE *out, struct engine *engine);

/* metrics_http.c */
enum { HTTP_CODES = 4 };
extern const char *const metrics_http_words[HTTP_CODES];
void metrics_http_counts(uint64_t counts_r[HTTP_CODES]);

#endif
