/* SPDX-License-Identifier: BSD-2-Clause */
#include "report_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "report/csv.h"
#include "report/tally.h"

const struct flow_row report_row = {
	.hour_secs = REPORT_DAY, .author_domain = "a.example", .envelope_domain = "a.example",
	.client_network = "192.0.2.0/24", .findings = "", .results = "spf=pass", .tls_grade = "strong", .tls_version = "TLSv1.3",
	.tls_cipher = "TLS_AES_256_GCM_SHA384", .policy = "default", .action = "none", .evidence = "", .messages = 1, .bytes = 100,
};

void report_make(const struct report_world *world, struct report *report_r)
{
	struct policy_set set;

	report_r->config = config_load_buffer(world->settings, strlen(world->settings), "test", stderr);
	assert_non_null(report_r->config);
	set = policy_set_of(report_r->config);
	report_r->arena = arena_new();
	report_r->tally = tally_new(report_r->config, &set, REPORT_DAY + world->later_secs, REPORT_DAY + 10 * 86400);
	if (world->more != NULL)
		world->more(report_r->tally);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < world->count; i++) {
			const struct flow_row *row = &world->rows[i];
			const struct flow_span span = { row->hour_secs, 86400, row->messages, row->bytes, row->sessions };

			(pass == 0 ? tally_learn : tally_add)(report_r->tally, row, &span, 1);
		}
	}
	report_r->page = tally_page(report_r->tally, report_r->arena, "test", world->top != 0 ? world->top : 20);
}

void report_free(struct report *report)
{
	tally_free(&report->tally);
	arena_free(&report->arena);
	config_unref(&report->config);
}

const struct page_value *report_value(const struct report *report, const char *table, const char *row, const char *column)
{
	const struct page_table *found = csv_find_table(report->page, table);

	if (found == NULL)
		fail_msg("no table %s", table);
	for (size_t i = 0; i < found->row_count; i++) {
		bool is_other = found->other_names != 0 && i + 1 == found->row_count;

		if (row == NULL ? !is_other : is_other || strcmp(page_value(found, i, 0)->u.name, row) != 0)
			continue;
		for (size_t j = 0; j < found->column_count; j++)
			if (strcmp(found->columns[j].key, column) == 0)
				return page_value(found, i, j);
	}
	fail_msg("no %s of %s in %s", column, row != NULL ? row : "the others", table);
	return NULL;
}

uint64_t report_count(const struct report *report, const char *table, const char *row, const char *column)
{
	const struct page_value *value = report_value(report, table, row, column);

	assert_int_equal(value->kind, PAGE_COUNT);
	assert_false(value->absent);
	return value->u.count;
}

static const struct page_item *find_item(const struct report *report, const char *name, enum page_item_kind kind, const char *key)
{
	for (const struct page_section *section = report->page->sections; section != NULL; section = section->next)
		for (const struct page_item *item = section->items; item != NULL && strcmp(section->key, name) == 0; item = item->next)
			if (item->kind == kind && (key == NULL || strcmp(item->key, key) == 0))
				return item;
	fail_msg("no %s in %s", key != NULL ? key : "sentence", name);
	return NULL;
}

const struct page_value *report_figure(const struct report *report, const char *section, const char *key)
{
	return &find_item(report, section, PAGE_ITEM_FIGURE, key)->value;
}

const char *report_answer(const struct report *report, const char *section)
{
	return find_item(report, section, PAGE_ITEM_ANSWER, NULL)->text;
}

void report_of(const char *settings, const struct flow_row *rows, size_t count, struct report *report_r)
{
	report_make(&(struct report_world){ .settings = settings, .rows = rows, .count = count }, report_r);
}

void assert_share(const struct page_value *value, double share)
{
	assert_int_equal(value->kind, PAGE_SHARE);
	assert_false(value->absent);
	assert_true(fabs(value->u.number - share) < 1e-9);
}
