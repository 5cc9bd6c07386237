/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See metrics.h. The page: every metric of the table, in its order, with all words that its labels can have, so that a series is
 * there from the start and what has never happened reads 0. Thread: any.
 */
#include <string.h>

#include "assayd.h"
#include "build-config.h"
#include "health.h"
#include "metrics_internal.h"
#include "util/clock.h"

static const struct { const char *name; enum metric_type type; const char *help; } table[METRIC_COUNT] = {
#define METRICS_ROW(id, metric_name, metric_type, metric_help) \
	[METRIC_ID_##id] = { .name = metric_name, .type = METRIC_##metric_type, .help = metric_help },
	METRICS_TABLE(METRICS_ROW)
#undef METRICS_ROW
};

const char *metrics_family(FILE *out, enum metric_id id)
{
	exposition_family(out, table[id].name, table[id].type, table[id].help);
	return table[id].name;
}

void metrics_write_one(FILE *out, enum metric_id id, uint64_t value)
{
	exposition_count(out, metrics_family(out, id), NULL, value);
}

void metrics_write_by(FILE *out, enum metric_id id, const char *label, const char *const *words, const uint64_t *counts, size_t count)
{
	const char *name = metrics_family(out, id);

	for (size_t i = 0; i < count; i++)
		exposition_count(out, name, (const struct label[]){ { label, words[i] }, { 0 } }, counts[i]);
}

static uint64_t value_of(const _Atomic uint64_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

/* ---- the process and its configurations ---------------------------------------------------------------------------- */

static void write_config(FILE *out, const struct metrics_counts *counts, const struct config *config)
{
	static const char *const words[] = { "in-force", "refused" };
	uint64_t generation = value_of(&counts->generation);
	const uint64_t reloads[] = { generation != 0 ? generation - 1 : 0, value_of(&counts->reloads_refused) };

	exposition_count(out, metrics_family(out, METRIC_ID_BUILD_INFO), (const struct label[]){ { "version", PACKAGE_VERSION }, { 0 } }, 1);
	exposition_seconds(out, metrics_family(out, METRIC_ID_UPTIME), NULL,
	    (uint64_t)(clock_monotonic_us() - atomic_load(&counts->started_us)));
	metrics_write_one(out, METRIC_ID_CONFIG_GENERATION, generation);
	metrics_write_by(out, METRIC_ID_CONFIG_RELOADS, "result", words, reloads, 2);
	metrics_write_one(out, METRIC_ID_CONFIG_ENFORCING, config->mode == MODE_ENFORCE);
}

static void write_outages(FILE *out)
{
	struct health_report reports[HEALTH_CONDITIONS];
	const char *words[HEALTH_CONDITIONS];
	uint64_t failing[HEALTH_CONDITIONS] = { 0 };
	size_t count = health_failing(reports);

	for (size_t i = 0; i < count; i++)
		failing[reports[i].condition] = 1;
	for (enum health_condition condition = 0; condition < HEALTH_CONDITIONS; condition++)
		words[condition] = health_word(condition);
	metrics_write_by(out, METRIC_ID_OUTAGE, "condition", words, failing, HEALTH_CONDITIONS);
}

/* ---- mail ------------------------------------------------------------------------------------------------------------ */

static void write_sessions(FILE *out, const struct metrics_counts *counts)
{
	static const char *const words[PUT_OFF_COUNT] = { [PUT_OFF_SESSIONS] = "sessions", [PUT_OFF_MEMORY] = "memory" };
	const uint64_t put_off[PUT_OFF_COUNT] = { value_of(&counts->sessions_put_off[0]), value_of(&counts->sessions_put_off[1]) };

	metrics_write_one(out, METRIC_ID_SESSIONS, state_sessions_begun());
	metrics_write_one(out, METRIC_ID_SESSIONS_OPEN, state_session_count());
	metrics_write_by(out, METRIC_ID_SESSIONS_PUT_OFF, "short", words, put_off, PUT_OFF_COUNT);
	metrics_write_one(out, METRIC_ID_MESSAGES_BEGUN, state_messages_begun());
	metrics_write_one(out, METRIC_ID_MESSAGES_PUT_OFF, value_of(&counts->messages_put_off));
}

static const char *const yes_no[] = { "no", "yes" };

/* By action and enforced, and by policy when there is one. */
static void write_actions(FILE *out, const char *name, const char *policy, const struct action_counts *counts)
{
	struct label labels[4] = { { 0 } };
	size_t own = 0;

	if (policy != NULL)
		labels[own++] = (struct label){ "policy", policy };
	for (enum action action = 0; action < ACTION_COUNT; action++) {
		for (size_t enforced = 0; enforced < 2; enforced++) {
			labels[own] = (struct label){ "action", action_name(action) };
			labels[own + 1] = (struct label){ "enforced", yes_no[enforced] };
			exposition_count(out, name, labels, value_of(&counts->counts[action][enforced]));
		}
	}
}

static void write_dns_failures(FILE *out, const struct metrics_counts *counts)
{
	static const char *const words[DNS_FAILURE_COUNT] = {
		[DNS_FAILURE_SERVER] = "server", [DNS_FAILURE_SILENT] = "silent", [DNS_FAILURE_DEADLINE] = "deadline",
		[DNS_FAILURE_LIMIT] = "limit", [DNS_FAILURE_PRESSURE] = "pressure", [DNS_FAILURE_OUTAGE] = "outage",
	};
	uint64_t failures[DNS_FAILURE_COUNT];

	for (size_t i = 0; i < DNS_FAILURE_COUNT; i++)
		failures[i] = value_of(&counts->dns_failures[i]);
	/* the first is no failure */
	metrics_write_by(out, METRIC_ID_MESSAGES_DNS_FAILURE, "failure", words + 1, failures + 1, DNS_FAILURE_COUNT - 1);
}

static void write_messages(FILE *out, const struct metrics_counts *counts)
{
	static const enum action refusing[] = { ACTION_GREYLIST, ACTION_DEFER, ACTION_REJECT };
	uint64_t exempt[EXEMPT_REASONS];
	const char *name;

	write_actions(out, metrics_family(out, METRIC_ID_MESSAGES), NULL, &counts->messages);
	for (size_t i = 0; i < EXEMPT_REASONS; i++)
		exempt[i] = value_of(&counts->exempt[i]);
	metrics_write_by(out, METRIC_ID_MESSAGES_EXEMPT, "reason", metrics_exempt_words, exempt, EXEMPT_REASONS);
	write_dns_failures(out, counts);
	name = metrics_family(out, METRIC_ID_RECIPIENTS_REFUSED);
	for (size_t i = 0; i < sizeof(refusing) / sizeof(refusing[0]); i++)
		exposition_count(out, name, (const struct label[]){ { "action", action_name(refusing[i]) }, { 0 } },
		    value_of(&counts->recipients_refused[refusing[i]]));
}

static void write_findings(FILE *out, const struct metrics_counts *counts)
{
	const char *name = metrics_family(out, METRIC_ID_FINDINGS);

	for (int id = 0; id < FINDING_COUNT; id++)
		exposition_count(out, name, (const struct label[]){ { "finding", findings_table[id].name }, { 0 } },
		    value_of(&counts->findings[id]));
	name = metrics_family(out, METRIC_ID_DECISIONS);
	for (int id = 0; id < FINDING_COUNT; id++)
		for (size_t enforced = 0; enforced < 2; enforced++)
			exposition_count(out, name, (const struct label[]){ { "finding", findings_table[id].name },
			    { "enforced", yes_no[enforced] }, { 0 } }, value_of(&counts->decisions[id][enforced]));
}

static void write_policies(FILE *out, const struct metrics_counts *counts)
{
	size_t count = atomic_load_explicit(&counts->policy_count, memory_order_acquire);
	const char *name = metrics_family(out, METRIC_ID_POLICY_MESSAGES);

	for (size_t i = 0; i < count; i++)
		write_actions(out, name, counts->policies[i].name, &counts->policies[i].actions);
	if (count == METRICS_POLICIES)
		write_actions(out, name, METRICS_OTHER_POLICY, &counts->policies[METRICS_POLICIES].actions);
}

static void write_beside(FILE *out)
{
	static const char *const words[] = { "own-on-top", "kept", "unjudged", "twice", "relayed" };
	const struct beside_counts beside = beside_counts();
	const uint64_t counts[] = { beside.own_on_top, beside.kept, beside.unjudged, beside.twice, beside.relayed };

	metrics_write_by(out, METRIC_ID_BESIDE, "shows", words, counts, sizeof(counts) / sizeof(counts[0]));
}

void metrics_text(FILE *out)
{
	const struct metrics_counts *counts = metrics_counts();
	struct engine *engine = state_get_engine();

	if (engine == NULL)	/* at the very end */
		return;
	write_config(out, counts, engine_config(engine));
	write_outages(out);
	write_sessions(out, counts);
	write_messages(out, counts);
	write_findings(out, counts);
	write_policies(out, counts);
	write_beside(out);
	exposition_histogram(out, metrics_family(out, METRIC_ID_MESSAGE_SECONDS), &counts->message_us);
	exposition_histogram(out, metrics_family(out, METRIC_ID_DNS_WAIT_SECONDS), &counts->dns_wait_us);
	metrics_text_sources(out, engine);
	engine_unref(&engine);
}

/* ---- health ------------------------------------------------------------------------------------------------------------ */

bool metrics_health_text(FILE *out)
{
	struct health_report reports[HEALTH_CONDITIONS];
	size_t count = health_failing(reports);
	bool good = count == 0;

	if (atomic_load(&metrics_counts()->stopping)) {
		fputs("stopping: messages under way are finished\n", out);
		good = false;
	} else if (service_waits()) {
		fputs("starting: the database is being opened\n", out);
		good = false;
	}
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s: %s\n", health_word(reports[i].condition), reports[i].detail);
	if (good)
		fputs("ok\n", out);
	return good;
}
