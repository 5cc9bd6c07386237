/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Adds up flow rows and prints them. Groups are kept in hash tables (uthash) by name, at most MAX_GROUPS of a kind: what
 * is over that is added up under "(others)". Trusts the store for nothing but termination of strings.
 */
#include "report/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uthash.h>

#include "policy/policy.h"
#include "util/arena.h"
#include "util/out_of_memory.h"

enum { MAX_GROUPS = 100000, TOP = 20 };

/* What is counted for a group: messages by the action the policies at hand decide. */
struct group {
	UT_hash_handle hh;
	uint64_t messages, would[ACTION_COUNT];
	char name[];
};

struct report {
	const struct config *config;
	struct arena *arena;	/* for one row's decision; reset each time */
	struct results *results;
	uint64_t rows, messages, bytes;
	uint64_t carried_out[ACTION_COUNT];	/* decided and enforced at the time */
	uint64_t told[ACTION_COUNT];		/* decided in dry-run at the time */
	uint64_t would[ACTION_COUNT];		/* decided by the policies at hand */
	struct group *findings, *domains, *versions, *ciphers, *grades;
	struct group *networks;			/* "version network", "cipher network": each pair once */
	struct group *network_counts;		/* by version or cipher: how many networks */
};

struct report *report_new(const struct config *config)
{
	struct report *report = calloc(1, sizeof(*report));

	if (report == NULL || (report->results = calloc(1, sizeof(*report->results))) == NULL)
		out_of_memory();
	report->config = config;
	report->arena = arena_new();
	return report;
}

static void groups_free(struct group **groups)
{
	struct group *group, *next;

	HASH_ITER(hh, *groups, group, next) {
		HASH_DEL(*groups, group);
		free(group);
	}
}

void report_free(struct report **report)
{
	if (*report == NULL)
		return;
	groups_free(&(*report)->findings);
	groups_free(&(*report)->domains);
	groups_free(&(*report)->versions);
	groups_free(&(*report)->ciphers);
	groups_free(&(*report)->grades);
	groups_free(&(*report)->networks);
	groups_free(&(*report)->network_counts);
	arena_free(&(*report)->arena);
	free((*report)->results);
	free(*report);
	*report = NULL;
}

static struct group *group_find(struct group **groups, const char *name, bool *new_r)
{
	struct group *group;

	if (HASH_COUNT(*groups) >= MAX_GROUPS) {
		HASH_FIND_STR(*groups, name, group);
		if (group == NULL)
			name = "(others)";
	}
	HASH_FIND_STR(*groups, name, group);
	*new_r = group == NULL;
	if (group == NULL) {
		group = calloc(1, sizeof(*group) + strlen(name) + 1);
		if (group == NULL)
			out_of_memory();
		strcpy(group->name, name);
		HASH_ADD_STR(*groups, name, group);
	}
	return group;
}

static void group_count(struct group **groups, const char *name, uint64_t messages, enum action would)
{
	bool is_new;
	struct group *group = group_find(groups, name, &is_new);

	group->messages += messages;
	group->would[would] += messages;
}

/* A word of the row's results, "name=value": a copy of the value; NULL when it is not there. */
static const char *row_result(struct report *report, const struct flow_row *row, const char *name)
{
	size_t length = strlen(name);

	for (const char *word = row->results; *word != '\0'; word += strspn(word, " ")) {
		size_t word_length = strcspn(word, " ");

		if (word_length > length && strncmp(word, name, length) == 0 && word[length] == '=')
			return arena_strndup(report->arena, word + length + 1, word_length - length - 1);
		word += word_length;
	}
	return NULL;
}

static bool list_has(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (; list != NULL && *list != '\0'; list += strcspn(list, ","), list += *list == ',') {
		if (strncmp(list, name, length) == 0 && (list[length] == ',' || list[length] == '\0'))
			return true;
	}
	return false;
}

/* The row as the policy saw its messages; names of findings that are not known (of another version) are left out. */
static void read_row(struct report *report, const struct flow_row *row)
{
	struct results *results = report->results;
	const char *names = row->findings, *secure = row_result(report, row, "secure");
	const char *cert = row_result(report, row, "cert"), *required = row_result(report, row, "tls-required");
	const char *tlsa = row_result(report, row, "tlsa");

	memset(results, 0, sizeof(*results));
	results->tls.not_required = required != NULL && strcmp(required, "no") == 0;
	if (cert != NULL && strncmp(cert, "verified", strlen("verified")) == 0)
		results->tls.cert_status = CERT_VERIFIED;
	else if (cert != NULL && strcmp(cert, "tlsa/tlsa") == 0)
		results->tls.cert_status = CERT_TLSA;
	if (tlsa != NULL)	/* recorded only when no answer came: "temperror" or "bogus" */
		results->tls.tlsa = strcmp(tlsa, "bogus") == 0 ? TLSA_BOGUS : TLSA_TEMPERROR;
	if (cert != NULL && strchr(cert, '/') != NULL)
		results->tls.cert_match = strchr(cert, '/') + 1;
	while (*names != '\0') {
		size_t length = strcspn(names, ",");
		char *name = arena_strndup(report->arena, names, length);
		enum finding_id id;

		if (finding_from_name(name, &id) == 0)
			results_raise(results, id, NULL, NULL, list_has(secure, name) ? DNS_SECURE : DNS_INSECURE);
		names += length + (names[length] == ',');
	}
}

/*
 * Whether a policy applies to a row. What the row knows decides (author, client network); for what it does not know
 * (recipients, single addresses of the network) the name of the policy that applied at the time stands in.
 */
static bool applies(const struct policy_config *policy, const struct flow_row *row, const struct policy_who *who,
    const struct ip_network *network)
{
	struct policy_config rest = *policy;

	if (policy_matches(policy, who))
		return true;
	if (strcmp(policy->name, row->policy) != 0)
		return false;
	rest.recipient_domains.count = 0;
	for (size_t i = 0; i < policy->client_networks.count; i++)
		if (network_contains(network, &policy->client_networks.items[i].addr))
			rest.client_networks.count = 0;
	return policy_matches(&rest, who);
}

static const struct policy_config *row_policy(const struct report *report, const struct flow_row *row)
{
	struct ip_network network = { .addr = { .family = AF_UNSPEC } };
	struct policy_who who = { .author_domain = row->author_domain[0] != '\0' ? row->author_domain : NULL,
		.client = &network.addr };

	if (network_parse(row->client_network, &network) != 0)
		network.addr.family = AF_UNSPEC;
	for (size_t i = 0; i + 1 < report->config->policy_count; i++)
		if (applies(&report->config->policies[i], row, &who, &network))
			return &report->config->policies[i];
	return &report->config->policies[report->config->policy_count - 1];
}

/* Counts a version or cipher suite: messages, and the client networks that use it. */
static void count_use(struct report *report, struct group **groups, const char *name, const struct flow_row *row,
    enum action would)
{
	bool is_new;

	group_count(groups, name, row->messages, would);
	group_find(&report->networks, arena_printf(report->arena, "%s %s", name, row->client_network), &is_new);
	if (is_new)
		group_count(&report->network_counts, name, 1, ACTION_NONE);
}

static void count_tls(struct report *report, const struct flow_row *row, enum action would)
{
	group_count(&report->grades, row->tls_grade[0] != '\0' ? row->tls_grade : "(not judged)", row->messages, would);
	if (row->tls_grade[0] != '\0')
		count_use(report, &report->versions, row->tls_version[0] != '\0' ? row->tls_version : "(cleartext)", row, would);
	if (row->tls_cipher[0] != '\0')
		count_use(report, &report->ciphers, row->tls_cipher, row, would);
}

void report_add(void *arg, const struct flow_row *row)
{
	struct report *report = arg;
	struct decision decision;
	enum action then;

	arena_reset(report->arena);
	report->rows++;
	report->messages += row->messages;
	report->bytes += row->bytes;
	if (action_from_name(row->action, &then) != 0)
		then = ACTION_NONE;
	(row->enforced ? report->carried_out : report->told)[then] += row->messages;

	read_row(report, row);
	policy_decide(report->config, row_policy(report, row), report->results, FINDING_STAGE_MESSAGE, report->arena, &decision);
	report->would[decision.action] += row->messages;
	for (size_t i = 0; i < report->results->finding_count; i++)
		group_count(&report->findings, findings_table[report->results->findings[i].id].name, row->messages,
		    decision.action);
	group_count(&report->domains, row->author_domain[0] != '\0' ? row->author_domain : "(none)", row->messages,
	    decision.action);
	count_tls(report, row, decision.action);
}

static int by_messages(const struct group *a, const struct group *b)
{
	if (a->messages != b->messages)
		return a->messages < b->messages ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void print_rest(struct group **groups, unsigned shown, FILE *out)
{
	if (HASH_COUNT(*groups) > TOP)
		fprintf(out, "  … and %u more\n", HASH_COUNT(*groups) - TOP);
	if (shown == 0)
		fputs("  none\n", out);
}

static void print_groups(struct group **groups, const char *title, FILE *out)
{
	struct group *group, *next;
	unsigned shown = 0;

	fprintf(out, "\n%-42s %10s %9s %9s %9s %10s %9s\n", title, "messages", "tag", "greylist", "defer", "quarantine",
	    "reject");
	HASH_SORT(*groups, by_messages);
	HASH_ITER(hh, *groups, group, next) {
		if (++shown > TOP)
			break;
		fprintf(out, "  %-40.60s %10" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %10" PRIu64 " %9" PRIu64 "\n",
		    group->name, group->messages, group->would[ACTION_TAG], group->would[ACTION_GREYLIST],
		    group->would[ACTION_DEFER], group->would[ACTION_QUARANTINE], group->would[ACTION_REJECT]);
	}
	print_rest(groups, shown, out);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole != 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_actions(const struct report *report, FILE *out)
{
	fprintf(out, "\n%-12s %16s %20s %22s\n", "action", "carried out", "told in dry-run", "by the policies now");
	for (int action = ACTION_COUNT - 1; action >= 0; action--)
		fprintf(out, "  %-10s %16" PRIu64 " %20" PRIu64 " %14" PRIu64 " %6.2f%%\n", action_name((enum action)action),
		    report->carried_out[action], report->told[action], report->would[action],
		    percent(report->would[action], report->messages));
}

/* Versions or cipher suites with their share of all messages and the client networks that use them. */
static void print_uses(struct report *report, struct group **groups, const char *title, FILE *out)
{
	struct group *group, *next, *networks;
	unsigned shown = 0;

	fprintf(out, "\n%-48s %10s %9s %16s\n", title, "messages", "share", "client networks");
	HASH_SORT(*groups, by_messages);
	HASH_ITER(hh, *groups, group, next) {
		if (++shown > TOP)
			break;
		HASH_FIND_STR(report->network_counts, group->name, networks);
		fprintf(out, "  %-46.60s %10" PRIu64 " %8.2f%% %16" PRIu64 "\n", group->name, group->messages,
		    percent(group->messages, report->messages), networks != NULL ? networks->messages : 0);
	}
	print_rest(groups, shown, out);
}

void report_print_text(struct report *report, int64_t since_secs, int64_t until_secs, FILE *out)
{
	char since[32], until[32];
	struct tm tm;
	time_t time_value = (time_t)since_secs;

	strftime(since, sizeof(since), "%Y-%m-%d %H:%M", gmtime_r(&time_value, &tm));
	time_value = (time_t)until_secs;
	strftime(until, sizeof(until), "%Y-%m-%d %H:%M", gmtime_r(&time_value, &tm));
	fprintf(out, "Assay: %s to %s (UTC)\n%" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64 " flows\n", since, until,
	    report->messages, report->bytes, report->rows);
	print_actions(report, out);
	print_groups(&report->findings, "finding (actions by the policies now)", out);
	print_groups(&report->domains, "author domain", out);
	print_groups(&report->grades, "TLS grade", out);
	print_uses(report, &report->versions, "TLS version", out);
	print_uses(report, &report->ciphers, "TLS cipher suite", out);
}
