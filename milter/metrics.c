/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See metrics.h. The counts of mail: relaxed atomic additions, some twenty a message, which no lock and no reader can hold up. A
 * count is read at any time; those of one message may then be half added, the next look sees the rest.
 * Trusts: names of policies as the loader has checked them.
 */
#include "metrics.h"

#include <string.h>

#include "assayd.h"
#include "metrics_internal.h"
#include "util/clock.h"

const char *const metrics_exempt_words[EXEMPT_REASONS] = {
	"authenticated", "local-submission", "reinjected", "trusted-network", "other"
};

static struct metrics_counts counts;

const struct metrics_counts *metrics_counts(void)
{
	return &counts;
}

static void add(_Atomic uint64_t *count)
{
	atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

/* The counts of a policy; those of all others when it has none of its own. */
static struct policy_counts *policy_of(const char *name)
{
	size_t count = atomic_load_explicit(&counts.policy_count, memory_order_acquire);

	for (size_t i = 0; i < count; i++)
		if (strcmp(counts.policies[i].name, name) == 0)
			return &counts.policies[i];
	return &counts.policies[METRICS_POLICIES];
}

void metrics_note_config(const struct config *config)
{
	for (size_t i = 0; i < config->policy_count; i++) {
		const char *name = config->policies[i].name;
		size_t count = atomic_load(&counts.policy_count);

		if (count == METRICS_POLICIES || policy_of(name) != &counts.policies[METRICS_POLICIES])
			continue;
		snprintf(counts.policies[count].name, METRICS_POLICY_BYTES, "%s", name);
		atomic_store_explicit(&counts.policy_count, count + 1, memory_order_release);
	}
	if (atomic_load(&counts.generation) == 0) {
		atomic_store(&counts.started_us, clock_monotonic_us());
		atomic_store(&counts.started_wall_secs, clock_wall_secs(NULL));
	}
	add(&counts.generation);
}

void metrics_note_refused_config(void)
{
	add(&counts.reloads_refused);
}

void metrics_note_stopping(void)
{
	atomic_store(&counts.stopping, true);
}

void metrics_note_session_put_off(enum metrics_put_off why)
{
	add(&counts.sessions_put_off[why]);
}

void metrics_note_message_put_off(void)
{
	add(&counts.messages_put_off);
}

void metrics_note_recipient_refused(const struct decision *decision)
{
	add(&counts.recipients_refused[decision->action]);
}

static void note_exempt(const char *reason)
{
	size_t i = 0;

	while (i < EXEMPT_REASONS - 1 && (reason == NULL || strcmp(metrics_exempt_words[i], reason) != 0))
		i++;
	add(&counts.exempt[i]);
}

static void note_results(const struct results *results)
{
	if (results->exempt)
		note_exempt(results->exempt_reason);
	for (size_t i = 0; i < DNS_FAILURE_COUNT; i++)
		if ((results->dns_failures >> i & 1) != 0)
			add(&counts.dns_failures[i]);
	FINDING_SET_EACH(&results->set, id) {
		add(&counts.findings[id]);
	}
}

static void note_decision(const struct decision *decision)
{
	add(&counts.messages.counts[decision->action][decision->enforced]);
	if (decision->policy != NULL)
		add(&policy_of(decision->policy)->actions.counts[decision->action][decision->enforced]);
	if (decision->finding < FINDING_COUNT)
		add(&counts.decisions[decision->finding][decision->enforced]);
}

void metrics_note_message(const struct message *message, const struct decision *decision, uint64_t took_us)
{
	const struct results *results = message_results(message);

	if (results->exempt)	/* no policy had a say */
		add(&counts.messages.counts[ACTION_NONE][false]);
	else
		note_decision(decision);
	note_results(results);
	histogram_note(&counts.message_us, took_us);
	histogram_note(&counts.dns_wait_us, message_dns_waited_us(message));
}
