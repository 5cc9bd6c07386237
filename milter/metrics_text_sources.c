/* SPDX-License-Identifier: BSD-2-Clause */
/* The page's second half: what resolver, store and process have counted. See metrics_text.c. Thread: any. */
#include "assayd.h"
#include "metrics_internal.h"

#define COUNT(words) (sizeof(words) / sizeof((words)[0]))

static void write_dns_traffic(FILE *out, const struct metrics_sources *sources)
{
	static const char *const lookups[] = { "hit", "miss" }, *const rejected[] = { "malformed", "mismatched" };
	static const char *const unasked[] = { "pressure", "silent-zone" };
	const struct dns_statistics *dns = &sources->dns;

	metrics_write_by(out, METRIC_ID_DNS_LOOKUPS, "cache", lookups, (const uint64_t[]){ dns->cache_hits, sources->dns_misses }, 2);
	metrics_write_one(out, METRIC_ID_DNS_QUERIES, dns->queries_sent);
	metrics_write_one(out, METRIC_ID_DNS_RETRIES, dns->retries);
	metrics_write_one(out, METRIC_ID_DNS_TCP, dns->tcp);
	metrics_write_one(out, METRIC_ID_DNS_TIMEOUTS, dns->timeouts);
	metrics_write_one(out, METRIC_ID_DNS_ANSWERS, dns->answers);
	metrics_write_by(out, METRIC_ID_DNS_REJECTED, "why", rejected, (const uint64_t[]){ dns->malformed, dns->mismatched }, 2);
	metrics_write_one(out, METRIC_ID_DNS_CANCELLED, dns->cancelled);
	metrics_write_by(out, METRIC_ID_DNS_UNASKED, "why", unasked, (const uint64_t[]){ dns->pressed, dns->silenced }, 2);
}

static void write_dns_state(FILE *out, const struct dns_statistics *dns, struct dns_resolver *resolver)
{
	static const char *const servers[] = { "up", "down" };
	const char *securities[DNS_SECURITY_COUNT];
	struct dns_health health;

	for (int i = 0; i < DNS_SECURITY_COUNT; i++)
		securities[i] = dns_security_name((enum dns_security)(DNS_SECURE + i));
	metrics_write_by(out, METRIC_ID_DNS_VERDICTS, "security", securities, dns->verdicts, DNS_SECURITY_COUNT);
	metrics_write_one(out, METRIC_ID_DNS_INFLIGHT, dns->inflight);
	metrics_write_one(out, METRIC_ID_DNS_CACHE_BYTES, dns->cache_bytes);
	metrics_write_one(out, METRIC_ID_DNS_CACHE_ENTRIES, dns->cache_entries);
	dns_resolver_health(resolver, &health);
	metrics_write_by(out, METRIC_ID_DNS_SERVERS, "state", servers,
	    (const uint64_t[]){ health.server_count - health.down_count, health.down_count }, 2);
}

static void write_store(FILE *out, const struct store_statistics *statistics, struct store *store)
{
	static const char *const results[] = { "written", "dropped", "lost", "refused" };
	static const char *const kinds[STORE_CAPS] = {
		[STORE_CAP_FLOWS] = "flows", [STORE_CAP_KINDS] = "kinds", [STORE_CAP_PEERS] = "peers", [STORE_CAP_HOSTS] = "hosts",
		[STORE_CAP_PEER_HOSTS] = "peer-hosts", [STORE_CAP_GREYLIST] = "greylist",
		[STORE_CAP_TRACES] = "traces",
	};
	const char *up;

	metrics_write_one(out, METRIC_ID_BRAKES, brakes_on());
	up = metrics_family(out, METRIC_ID_STORE_UP);
	if (store != NULL)	/* nothing that could be down, else */
		exposition_count(out, up, NULL, store_is_up(store));
	metrics_write_by(out, METRIC_ID_STORE_NOTES, "result", results,
	    (const uint64_t[]){ statistics->written, statistics->dropped, statistics->lost, statistics->refused }, COUNT(results));
	metrics_write_one(out, METRIC_ID_STORE_QUEUE, statistics->queued);
	metrics_write_one(out, METRIC_ID_STORE_COMMITS, statistics->commits);
	metrics_write_one(out, METRIC_ID_STORE_READ_FAILURES, statistics->read_failures);
	metrics_write_by(out, METRIC_ID_STORE_TRIMMED, "kind", kinds, statistics->trimmed, STORE_CAPS);
}

static void write_http(FILE *out)
{
	uint64_t counts[HTTP_CODES];

	metrics_http_counts(counts);
	metrics_write_by(out, METRIC_ID_HTTP_REQUESTS, "code", metrics_http_words, counts, HTTP_CODES);
}

/* What cannot be read is told as nothing, not as 0. */
static void write_process(FILE *out)
{
	struct metrics_process process;
	const char *cpu;

	metrics_process_read(&process);
	cpu = metrics_family(out, METRIC_ID_PROCESS_CPU);
	if (process.known)
		exposition_seconds(out, cpu, NULL, process.cpu_us);
	for (enum metric_id id = METRIC_ID_PROCESS_RESIDENT; id <= METRIC_ID_PROCESS_THREADS; id++) {
		const uint64_t values[] = { process.resident_bytes, process.virtual_bytes, process.fds, process.max_fds, process.threads };
		const char *name = metrics_family(out, id);

		if (process.known)
			exposition_count(out, name, NULL, values[id - METRIC_ID_PROCESS_RESIDENT]);
	}
	metrics_write_one(out, METRIC_ID_PROCESS_START, (uint64_t)atomic_load(&metrics_counts()->started_wall_secs));
}

void metrics_text_sources(FILE *out, struct engine *engine)
{
	struct metrics_sources sources;

	metrics_sources_read(&sources);
	write_dns_traffic(out, &sources);
	write_dns_state(out, &sources.dns, engine_resolver(engine));
	write_store(out, &sources.store, engine_store(engine));
	write_http(out);
	write_process(out);
}
