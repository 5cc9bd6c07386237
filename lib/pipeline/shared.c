/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What engines share while their settings are the same: the resolver with its cache, and the store. Counts references; the last
 * engine that goes takes them along. Trusts the config (checked by its loader).
 * Thread: get by one thread at a time (start, reload); the rest any.
 */
#include "pipeline/shared.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "util/error.h"
#include "util/out_of_memory.h"

enum { DAY_SECS = 86400, HOUR_SECS = 3600 };

/* ---- resolver ------------------------------------------------------------------------------------ */

/* What tells one state of a file from another; 0 for one that is not there. */
static uint64_t file_stamp(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return 0;
	return (uint64_t)status.st_mtim.tv_sec * 1000000007u + (uint64_t)status.st_mtim.tv_nsec * 31 + (uint64_t)status.st_ino;
}

/* State of the files behind the dns settings: a reload is to read what has changed in them. */
static uint64_t dns_files_stamp(const struct dns_config *dns)
{
	uint64_t stamp = dns->server_count == 0 ? file_stamp("/etc/resolv.conf") : 0;

	for (size_t i = 0; dns->trust_anchor_files != NULL && dns->trust_anchor_files[i] != NULL; i++)
		stamp = stamp * 31 + file_stamp(dns->trust_anchor_files[i]);
	return stamp;
}

/* Whether the resolver may stay with its cache. A zone file is read again on every reload. */
static bool resolver_serves(const struct shared_resolver *shared, const struct config *config, unsigned max_sockets)
{
	return config->dns.zone_file == NULL && config_section_equal(shared->config, config, "dns") &&
	    shared->config->dns.clock == config->dns.clock && shared->max_sockets == max_sockets &&
	    shared->files_stamp == dns_files_stamp(&config->dns);
}

void shared_resolver_unref(struct shared_resolver **shared)
{
	struct shared_resolver *old = *shared;

	*shared = NULL;
	if (old == NULL || atomic_fetch_sub(&old->references, 1) > 1)
		return;
	if (old->watch != NULL)
		old->watch->resolver(old->resolver, true);
	dns_resolver_free(&old->resolver);
	config_unref(&old->config);
	free(old);
}

static struct shared_resolver *shared_resolver_new(const struct config *config, const struct engine_share *share, char *why_r,
    size_t why_bytes)
{
	struct shared_resolver *shared = calloc(1, sizeof(*shared));
	struct dns_config dns = config->dns;

	if (shared == NULL)
		out_of_memory();
	dns.max_sockets = shared->max_sockets = share->dns_sockets;
	shared->resolver = dns_resolver_new(&dns, why_r, why_bytes);
	if (shared->resolver == NULL) {
		free(shared);
		return NULL;
	}
	shared->config = config_ref(config);
	shared->files_stamp = dns_files_stamp(&config->dns);
	atomic_init(&shared->references, 1);
	shared->watch = share->watch;
	if (shared->watch != NULL)
		shared->watch->resolver(shared->resolver, false);
	return shared;
}

struct shared_resolver *shared_resolver_get(const struct config *config, const struct engine_share *share,
    struct shared_resolver *previous, char *why_r, size_t why_bytes)
{
	if (previous != NULL && resolver_serves(previous, config, share->dns_sockets)) {
		atomic_fetch_add(&previous->references, 1);
		return previous;
	}
	return shared_resolver_new(config, share, why_r, why_bytes);
}

/* ---- shapes -------------------------------------------------------------------------------------- */

struct shared_shapes *shared_shapes_get(struct shared_shapes *previous)
{
	struct shared_shapes *shared = previous;

	if (previous != NULL) {
		atomic_fetch_add(&previous->references, 1);
		return previous;
	}
	shared = calloc(1, sizeof(*shared));
	if (shared == NULL)
		out_of_memory();
	shared->shapes = shapes_new(0, 0);
	atomic_init(&shared->references, 1);
	return shared;
}

void shared_shapes_unref(struct shared_shapes **shared)
{
	struct shared_shapes *old = *shared;

	*shared = NULL;
	if (old == NULL || atomic_fetch_sub(&old->references, 1) > 1)
		return;
	shapes_free(&old->shapes);
	free(old);
}

/* ---- store --------------------------------------------------------------------------------------- */

static int view_peer(void *context, const char *peer, const char *host, enum tls_grade grade, struct memory_view *view_r)
{
	const struct shared_store *shared = context;
	struct peer_memory memory;
	int code = store_peer_host_get(shared->store, peer, host, &memory);

	if (code != 0)
		return code;
	*view_r = (struct memory_view){
		.habit = peer_has_tls_habit(&memory, &shared->rules), .pinned = memory.pinned,
		.settled = memory.settled_secs != 0 && memory.best_grade <= (unsigned)grade,
		.downgrade = peer_is_downgrade(&memory, (unsigned)grade, &shared->rules),
		.usual_grade = peer_usual_grade(&memory, &shared->rules), .sessions = memory.sessions,
		.days = memory.days, .last_tls_secs = memory.last_tls_secs,
		.changed_sessions = memory.changed_sessions,
	};
	return 0;
}

/* What the config says of the store. */
static struct store_config settings_of(const struct store_wish *wish, struct brake_memory *brakes)
{
	const struct config *config = wish->config;

	return (struct store_config){
		.location = config->record_location, .flow_keep_days = config->flow_keep_secs / DAY_SECS, .flows_max = config->flows_max,
		.hour_keep_hours = config->hour_keep_secs / HOUR_SECS, .kinds_max = config->kinds_max,
		.peer_keep_days = config->peer_keep_secs / DAY_SECS, .greylist_keep_days = config->greylist_keep_secs / DAY_SECS,
		.peers_max = config->peers_max, .peer_hosts_max = config->peer_hosts_max, .greylist_max = config->greylist_max,
		.peer_settle_days = config->habit_settle_secs / DAY_SECS, .greylist_window_secs = config->greylist_window_secs,
		.dmarc_rows_max = config->dmarc_rows_max, .dmarc_report_rows_max = config->dmarc_records_max,
		.dmarc_keep_days = config->dmarc_keep_secs / DAY_SECS,
		.trace_keep_secs = config->trace_keep_secs, .traces_max_bytes = config->traces_max_bytes,
		.shapes_max = SHAPES_MAX, .shape_known = wish->shapes != NULL ? shapes_load : NULL,
		.shape_arg = wish->shapes != NULL ? wish->shapes->shapes : NULL,
		.brake_known = brake_memory_load, .brake_arg = brakes,
		.busy_ms = config->record_backend == RECORD_POSTGRESQL ? config->record_answer_ms : 0,
		.clock = config->dns.clock, .changed = wish->changed, .readers_max = wish->readers_max,
	};
}

static bool store_serves(const struct shared_store *shared, const struct config *config)
{
	return config_section_equal(shared->config, config, "record") &&
	    config_section_equal(shared->config, config, "dmarc-reports") &&
	    shared->config->greylist_window_secs == config->greylist_window_secs;
}

int shared_store_get(const struct store_wish *wish, struct shared_store *previous, struct shared_store **shared_r, char *why_r,
    size_t why_bytes)
{
	const struct config *config = wish->config;
	struct store_config settings;
	struct shared_store *shared;

	if (config->record_location == NULL)
		return -E_ABSENT;
	if (previous != NULL && store_serves(previous, config)) {
		atomic_fetch_add(&previous->references, 1);
		*shared_r = previous;
		return 0;
	}
	shared = calloc(1, sizeof(*shared));
	if (shared == NULL)
		out_of_memory();
	shared->brakes = brake_memory_new();
	settings = settings_of(wish, shared->brakes);
	shared->store = store_open(&settings, why_r, why_bytes);
	if (shared->store == NULL) {
		brake_memory_free(&shared->brakes);
		free(shared);
		return -E_CONFIG;
	}
	if (getrandom(&shared->redact_key, sizeof(shared->redact_key), 0) != (ssize_t)sizeof(shared->redact_key))
		abort();	/* it cannot, for so few bytes; and without a secret no pseudonym is one */
	atomic_init(&shared->references, 1);
	shared->shapes = wish->shapes != NULL ? shared_shapes_get(wish->shapes) : NULL;
	shared->config = config_ref(config);
	shared->rules = (struct peer_rules){
		.min_sessions = config->habit_min_sessions, .min_days = config->habit_min_days,
		.min_share_percent = config->habit_min_share_percent, .settle_days = config->habit_settle_secs / DAY_SECS,
	};
	shared->source = (struct memory_source){ .context = shared, .view = view_peer };
	shared->watch = wish->watch;
	if (shared->watch != NULL)
		shared->watch->store(shared->store, false);
	*shared_r = shared;
	return 0;
}

void shared_store_unref(struct shared_store **shared)
{
	struct shared_store *old = *shared;

	*shared = NULL;
	if (old == NULL || atomic_fetch_sub(&old->references, 1) > 1)
		return;
	store_stop(old->store);
	if (old->watch != NULL)
		old->watch->store(old->store, true);
	store_close(&old->store);
	brake_memory_free(&old->brakes);
	if (old->shapes != NULL)
		shared_shapes_unref(&old->shapes);
	config_unref(&old->config);
	free(old);
}
