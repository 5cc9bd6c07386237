/* SPDX-License-Identifier: BSD-2-Clause */
/* A report for programs. Names come from messages (json_text()). Thread: one. */
#include <jansson.h>

#include "json_text.h"
#include "report.h"

static json_t *value_json(struct arena *arena, const struct page_value *value)
{
	if (value->absent)
		return json_null();
	switch (value->kind) {
	case PAGE_NAME: return json_text(arena, value->u.name);
	case PAGE_COUNT: return json_integer((json_int_t)value->u.count);
	case PAGE_SHARE:
	case PAGE_NUMBER: return json_real(value->u.number);
	case PAGE_DAY:
	case PAGE_TIME: return json_text(arena, page_value_plain(arena, value));
	}
	return json_null();
}

static json_t *row_json(struct arena *arena, const struct page_table *table, size_t row)
{
	json_t *json = json_object();

	for (size_t column = 0; column < table->column_count; column++)
		json_object_set_new(json, table->columns[column].key, value_json(arena, page_value(table, row, column)));
	return json;
}

static json_t *table_json(struct arena *arena, const struct page_table *table)
{
	json_t *json = json_object(), *rows = json_array(), *other = NULL;
	size_t count = table->row_count - (table->other_names != 0);

	for (size_t row = 0; row < count; row++)
		json_array_append_new(rows, row_json(arena, table, row));
	json_object_set_new(json, "title", json_string(table->title));
	json_object_set_new(json, "rows", rows);
	if (table->other_names != 0) {
		other = row_json(arena, table, count);
		json_object_del(other, table->columns[0].key);
		json_object_set_new(other, "names", json_integer((json_int_t)table->other_names));
	}
	json_object_set_new(json, "other", other != NULL ? other : json_null());
	return json;
}

static json_t *section_json(struct arena *arena, const struct page_section *section)
{
	json_t *json = json_object(), *figures = json_object(), *tables = json_object(), *answers = json_object();

	for (const struct page_item *item = section->items; item != NULL; item = item->next) {
		if (item->kind == PAGE_ITEM_FIGURE)
			json_object_set_new(figures, item->key, value_json(arena, &item->value));
		else if (item->kind == PAGE_ITEM_TABLE)
			json_object_set_new(tables, item->key, table_json(arena, item->table));
		else if (item->kind == PAGE_ITEM_ANSWER)
			json_object_set_new(answers, item->key, json_text(arena, item->text));
	}
	json_object_set_new(json, "title", json_string(section->title));
	json_object_set_new(json, "answers", answers);
	json_object_set_new(json, "figures", figures);
	json_object_set_new(json, "tables", tables);
	return json;
}

void report_print_json(const struct page *page, FILE *out)
{
	struct arena *arena = arena_new();
	json_t *json = json_object(), *sections = json_object();

	for (const struct page_section *section = page->sections; section != NULL; section = section->next)
		json_object_set_new(sections, section->key, section_json(arena, section));
	json_object_set_new(json, "version", json_integer(1));
	json_object_set_new(json, "policies", json_text(arena, page->policies));
	json_object_set_new(json, "since", json_integer((json_int_t)page->since_secs));
	json_object_set_new(json, "until", json_integer((json_int_t)page->until_secs));
	json_object_set_new(json, "sections", sections);
	json_dumpf(json, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(json);
	arena_free(&arena);
}
