/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A forecast is what a run comes to. A month of mail goes through the pipeline in dry-run; then again with each of four sets of
 * policies enforced, and with one finding more; the sums of the forecast, made of the dry run's record alone, have to be those of
 * the other runs, message for message. ASSAY_MESSAGES, ASSAY_DOMAINS: another size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "month.h"
#include "report/whatif.h"

enum { MESSAGES = 5000, DOMAINS = 60, SETS = 4, SETTINGS_MAX = 2048 };

/* Four policies by recipient domain each, the last is the default. "@" is where the step goes. */
static const struct { const char *name, *settings; enum finding_id step; } sets[SETS] = {
	{ "auth", "policy p0 { recipient-domains = r0.example actions { spf-fail = reject @ } }\n"
	    "policy p1 { recipient-domains = r1.example actions { dmarc-reject = reject dmarc-quarantine = quarantine @ } }\n"
	    "policy p2 { recipient-domains = r2.example actions { tls-downgrade = defer @ } }\n"
	    "policy default { actions { spf-fail = quarantine @ } }\n", FINDING_DKIM_NONE },
	{ "tls", "policy p0 { recipient-domains = r0.example actions { tls-none = defer @ } }\n"
	    "policy p1 { recipient-domains = r1.example actions { tls-downgrade = reject @ } }\n"
	    "policy p2 { recipient-domains = r2.example actions { dkim-no-pass = reject @ } }\n"
	    "policy default { actions { dkim-none = tag @ } }\n", FINDING_SPF_FAIL },
	{ "mixed", "policy p0 { recipient-domains = r0.example require-secure-domains = d0.example actions { insecure-pass = reject @ } }\n"
	    "policy p1 { recipient-domains = r1.example reject-only-secure = yes actions { spf-fail = reject dmarc-reject = reject @ } }\n"
	    "policy p2 { recipient-domains = r2.example author-domains = { d1.example, d5.example, d7.example } "
	    "actions { adsp-all = reject dmarc-quarantine = reject @ } }\n"
	    "policy default { actions { spf-softfail = reject dmarc-fail = quarantine @ } }\n", FINDING_TLS_NONE },
	/* the most lenient recipient counts, and authors stand before recipients */
	{ "lenient", "several-recipients = lenient\n"
	    "policy p2 { recipient-domains = r2.example actions { spf-fail = reject @ } }\n"
	    "policy pa { author-domains = { d1.example, d2.example, d3.example } actions { spf-fail = tag @ } }\n"
	    "policy p0 { recipient-domains = r0.example actions { spf-fail = reject dmarc-reject = reject dmarc-fail = reject @ } }\n"
	    "policy p1 { recipient-domains = r1.example actions { dmarc-reject = quarantine spf-softfail = reject @ } }\n"
	    "policy default { actions { spf-fail = reject dmarc-reject = reject spf-softfail = reject @ } }\n", FINDING_DKIM_NONE },
};

static const char *set_settings(size_t set, bool stepped, char text_r[SETTINGS_MAX])
{
	const char *more = findings_table[sets[set].step].name;
	size_t length = 0;

	for (const char *c = sets[set].settings; *c != '\0'; c++) {
		if (*c != '@')
			text_r[length++] = *c;
		else if (stepped)
			length += (size_t)snprintf(text_r + length, SETTINGS_MAX - length, "%s = reject", more);
	}
	snprintf(text_r + length, SETTINGS_MAX - length, "adsp { enabled = yes }\n");
	return text_r;
}

static struct store *open_record(const struct month *month, const char *name)
{
	char path[96], why[256];
	struct store *store;

	snprintf(path, sizeof(path), "%s/%s.db", month->directory, name);
	store = store_open(&(struct store_config){ .location = path, .read_only = true }, why, sizeof(why));
	assert_non_null(store);
	return store;
}

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double record_megabytes(const struct month *month, const char *name)
{
	char path[96];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s.db", month->directory, name);
	assert_int_equal(stat(path, &status), 0);
	return (double)status.st_size / 1e6;
}

/* The forecast of a record under a configuration. */
static struct whatif *forecast(const struct month *month, const char *record, const struct config *config, const struct policy_set *set)
{
	struct store *store = open_record(month, record);
	struct whatif *whatif = whatif_new(config, set, month->mails[0].time_secs);

	assert_int_equal(store_peers_each(store, NULL, 100000, whatif_learn_peer, whatif), 0);
	assert_int_equal(store_kinds_each(store, 0, 86400, whatif_learn, whatif), 0);
	assert_int_equal(store_kinds_each(store, 0, 86400, whatif_add, whatif), 0);
	store_close(&store);
	return whatif;
}

static enum fate ending_fate(const struct ending *ending)
{
	if (!ending->enforced || ending->action == ACTION_NONE || ending->action == ACTION_TAG)
		return FATE_DELIVERED;
	return ending->action == ACTION_QUARANTINE ? FATE_QUARANTINED : FATE_REFUSED;
}

/* ---- the same by counting endings -------------------------------------------------------------------------------- */

struct domain_check { const struct month *month; const struct ending *then, *now; uint64_t seen; };

static void check_domain(void *arg, const struct whatif_domain *domain)
{
	struct domain_check *check = arg;
	uint64_t count = 0;

	for (size_t i = 0; i < check->month->count; i++)
		count += strcmp(month_domain(check->month->mails[i].domain), domain->name) == 0 &&
		    ending_fate(&check->now[i]) == FATE_REFUSED && ending_fate(&check->then[i]) != FATE_REFUSED;
	assert_int_equal(domain->count.messages, count);
	check->seen += count;
}

static void check_sums(const struct month *month, struct whatif *whatif, const struct ending *then, const struct ending *now)
{
	const struct whatif_totals *totals = whatif_totals(whatif);
	struct whatif_totals expected = { 0 };
	struct domain_check check = { month, then, now, 0 };
	struct whatif_count other;

	for (size_t i = 0; i < month->count; i++) {
		enum fate before = ending_fate(&then[i]), after = ending_fate(&now[i]);

		(then[i].enforced ? expected.then_enforced : expected.then_dry)[then[i].action]++;
		(now[i].enforced ? expected.now_enforced : expected.now_dry)[now[i].action]++;
		expected.fates[before][after]++;
		expected.partly += now[i].partly;
		if (after == FATE_REFUSED && before != FATE_REFUSED)
			expected.refused_by[now[i].finding]++;
	}
	assert_int_equal(totals->messages, month->count);
	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++)
		assert_int_equal(totals->untold[why], 0);
	assert_memory_equal(totals->then_enforced, expected.then_enforced, sizeof(expected.then_enforced));
	assert_memory_equal(totals->then_dry, expected.then_dry, sizeof(expected.then_dry));
	assert_memory_equal(totals->now_enforced, expected.now_enforced, sizeof(expected.now_enforced));
	assert_memory_equal(totals->now_dry, expected.now_dry, sizeof(expected.now_dry));
	assert_memory_equal(totals->fates, expected.fates, sizeof(expected.fates));
	assert_memory_equal(totals->refused_by, expected.refused_by, sizeof(expected.refused_by));
	assert_int_equal(totals->partly, expected.partly);
	(void)whatif_domains(whatif, WHATIF_REFUSED, 10, check_domain, &check, &other);
	assert_int_equal(check.seen + other.messages, totals->kinds[WHATIF_REFUSED].messages);
}

/*
 * Who sent what is known here and nowhere else. Proven is what came directly from domains that publish something, and what was
 * forwarded with a signature. Nothing forged is; of the forged mail of a domain that publishes nothing nobody can say so, and mail
 * that was forwarded under SPF alone is taken for forged.
 */
static void check_looks(const struct month *month, struct whatif *whatif)
{
	const struct whatif_totals *totals = whatif_totals(whatif);
	uint64_t wanted = 0, forged = 0;

	for (size_t i = 0; i < month->count; i++) {
		const struct mail *mail = &month->mails[i];
		bool has_nothing = mail->domain % 6 == 3, has_spf_alone = mail->domain % 6 == 2;

		wanted += (mail->kind == MAIL_DIRECT && !has_nothing) || (mail->kind == MAIL_FORWARDED && !has_nothing && !has_spf_alone);
		forged += (mail->kind == MAIL_SPOOFED && !has_nothing) || (mail->kind == MAIL_FORWARDED && has_spf_alone);
	}
	assert_int_equal(totals->all.messages, month->count);
	assert_int_equal(totals->all.looks[LOOK_WANTED], wanted);
	assert_int_equal(totals->all.looks[LOOK_FORGED], forged);
}

static const struct whatif_step *find_step(const struct whatif_step *steps, size_t count, enum finding_id id)
{
	for (size_t i = 0; i < count; i++)
		if (steps[i].finding == id)
			return &steps[i];
	return NULL;
}

static uint64_t newly_refused(const struct month *month, const struct ending *then, const struct ending *now)
{
	uint64_t count = 0;

	for (size_t i = 0; i < month->count; i++)
		count += ending_fate(&now[i]) == FATE_REFUSED && ending_fate(&then[i]) != FATE_REFUSED;
	return count;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static struct ending *endings_new(const struct month *month)
{
	struct ending *endings = calloc(month->count, sizeof(*endings));

	assert_non_null(endings);
	return endings;
}

static void check_set(const struct month *month, size_t set, const struct ending *dry)
{
	static const struct whatif_weights weights = { WHATIF_GOOD, WHATIF_FORGED, WHATIF_UPKEEP };
	struct ending *enforced = endings_new(month), *stepped = endings_new(month);
	struct whatif_step steps[FINDING_COUNT];
	const struct whatif_step *step;
	char name[32], text[SETTINGS_MAX];
	const struct config *config = month_config(month, sets[set].name, "enforce", set_settings(set, false, text)), *more;
	struct policy_set asked = policy_set_of(config);
	struct whatif *whatif;
	double began, took;

	month_run(month, config, enforced);
	snprintf(name, sizeof(name), "%s-more", sets[set].name);
	more = month_config(month, name, "enforce", set_settings(set, true, text));
	month_run(month, more, stepped);

	began = seconds();
	whatif = forecast(month, "dry", config, &asked);
	took = seconds() - began;
	check_sums(month, whatif, dry, enforced);
	check_looks(month, whatif);
	step = find_step(steps, whatif_steps(whatif, &weights, MONTH_DAYS, steps), sets[set].step);
	assert_non_null(step);
	assert_int_equal(step->untold, 0);
	assert_int_equal(step->newly.messages, newly_refused(month, enforced, stepped));
	assert_true(newly_refused(month, dry, enforced) > 0 && step->newly.messages > 0);
	/* lack of TLS waits for the message, which may say that it does not mind */
	assert_true((whatif_totals(whatif)->partly > 0) == (sets[set].step != FINDING_SPF_FAIL));
	print_message("%s: %zu messages, %llu kinds, newly refused %llu, %s more: %llu; difference 0; told in %.1f s\n", sets[set].name, month->count,
	    (unsigned long long)whatif_totals(whatif)->rows, (unsigned long long)newly_refused(month, dry, enforced),
	    findings_table[sets[set].step].name, (unsigned long long)step->newly.messages, took);
	whatif_free(&whatif);

	/* what it did itself, it would do again */
	whatif = forecast(month, sets[set].name, config, &asked);
	check_sums(month, whatif, enforced, enforced);
	whatif_free(&whatif);
	config_unref(&config);
	config_unref(&more);
	free(enforced);
	free(stepped);
}

static void test_whatif_is_what_the_runs_come_to(void **state)
{
	struct month *month = month_new(MESSAGES, DOMAINS);
	struct ending *dry = endings_new(month);
	const struct config *config = month_config(month, "dry", "dry-run", "adsp { enabled = yes }");
	double began = seconds();

	*state = month;
	month_run(month, config, dry);
	print_message("dry run: %zu messages in %.0f s, record %.1f MB, %s\n", month->count, seconds() - began,
	    record_megabytes(month, "dry"), month->directory);
	for (size_t set = 0; set < SETS; set++)
		check_set(month, set, dry);
	config_unref(&config);
	free(dry);
}

/* Nobody asked for ADSP then, so what it would have found is not known now; of anything else all is. */
static void test_whatif_cannot_tell_what_a_check_that_was_off_would_have_found(void **state)
{
	struct month *month = month_new(1000, DOMAINS);
	struct ending *dry = endings_new(month);
	const struct config *then = month_config(month, "dry", "dry-run", "dmarc { corroborate = iprev-fail }"), *asked;
	struct policy_set set;
	struct whatif *whatif;
	const struct whatif_totals *totals;

	*state = month;
	month_run(month, then, dry);
	asked = month_config(month, "asked", "enforce", "findings { adsp-all = reject }");
	set = policy_set_of(asked);
	whatif = forecast(month, "dry", asked, &set);
	totals = whatif_totals(whatif);
	assert_true(totals->untold[UNTOLD_CHECKS] > 0 && totals->told > 0);
	assert_int_equal(totals->untold[UNTOLD_CHECKS] + totals->told, totals->messages);
	whatif_free(&whatif);
	config_unref(&asked);

	asked = month_config(month, "other", "enforce", "findings { spf-fail = reject }");
	set = policy_set_of(asked);
	whatif = forecast(month, "dry", asked, &set);
	assert_int_equal(whatif_totals(whatif)->told, whatif_totals(whatif)->messages);
	whatif_free(&whatif);
	config_unref(&asked);
	config_unref(&then);
	free(dry);
}

/* A test that fails leaves nothing behind, either. */
static int month_teardown(void **state)
{
	struct month *month = *state;

	if (month != NULL)
		month_free(&month);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_whatif_is_what_the_runs_come_to, month_teardown),
		cmocka_unit_test_teardown(test_whatif_cannot_tell_what_a_check_that_was_off_would_have_found, month_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
