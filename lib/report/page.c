/* SPDX-License-Identifier: BSD-2-Clause */
/* A report as data. See page.h. Trusts its callers; cannot fail. Thread: one. */
#include "report/page.h"

#include <inttypes.h>
#include <string.h>

#include "util/buf.h"
#include "util/clock.h"

struct page *page_new(struct arena *arena, const char *policies, int64_t since_secs, int64_t until_secs)
{
	struct page *page = arena_calloc(arena, 1, sizeof(*page));

	page->policies = policies;
	page->since_secs = since_secs;
	page->until_secs = until_secs;
	page->last = &page->sections;
	page->arena = arena;
	return page;
}

struct page_section *page_section(struct page *page, const char *key, const char *title)
{
	struct page_section *section = arena_calloc(page->arena, 1, sizeof(*section));

	section->key = key;
	section->title = title;
	section->last = &section->items;
	section->arena = page->arena;
	*page->last = section;
	page->last = &section->next;
	return section;
}

static struct page_item *item_new(struct page_section *section, enum page_item_kind kind, const char *key)
{
	struct page_item *item = arena_calloc(section->arena, 1, sizeof(*item));

	item->kind = kind;
	item->key = key;
	*section->last = item;
	section->last = &item->next;
	return item;
}

void page_text(struct page_section *section, const char *format, ...)
{
	struct page_item *item = item_new(section, PAGE_ITEM_TEXT, NULL);
	va_list arguments;

	va_start(arguments, format);
	item->text = arena_vprintf(section->arena, format, arguments);
	va_end(arguments);
}

void page_answer(struct page_section *section, const char *key, const char *format, ...)
{
	struct page_item *item = item_new(section, PAGE_ITEM_ANSWER, key);
	va_list arguments;

	va_start(arguments, format);
	item->text = arena_vprintf(section->arena, format, arguments);
	va_end(arguments);
}

void page_figure(struct page_section *section, const char *key, const char *label, struct page_value value)
{
	struct page_item *item = item_new(section, PAGE_ITEM_FIGURE, key);

	item->text = label;
	item->value = value;
}

struct page_table *page_table(struct page_section *section, const char *key, const char *title, const struct page_column *columns,
    size_t column_count)
{
	struct page_table *table = arena_calloc(section->arena, 1, sizeof(*table));

	table->key = key;
	table->title = title;
	table->columns = columns;
	table->column_count = column_count;
	table->arena = section->arena;
	item_new(section, PAGE_ITEM_TABLE, key)->table = table;
	return table;
}

struct page_value *page_row(struct page_table *table)
{
	struct page_value *row;

	if (table->row_count == table->room) {
		size_t room = table->room != 0 ? 2 * table->room : 16;
		struct page_value *values = arena_calloc(table->arena, room * table->column_count, sizeof(*values));

		if (table->row_count != 0)
			memcpy(values, table->values, table->row_count * table->column_count * sizeof(*values));
		table->values = values;
		table->room = room;
	}
	row = &table->values[table->row_count++ * table->column_count];
	for (size_t i = 0; i < table->column_count; i++)
		row[i] = (struct page_value){ .kind = table->columns[i].kind, .absent = true };
	return row;
}

const struct page_value *page_value(const struct page_table *table, size_t row, size_t column)
{
	return &table->values[row * table->column_count + column];
}

/* ---- as text ----------------------------------------------------------------------------------------------------- */

static const char *time_text(struct arena *arena, int64_t secs, enum clock_form form)
{
	char text[32];

	return arena_strdup(arena, clock_text(text, sizeof(text), form, secs));
}

/* With a comma before every third digit. */
static const char *grouped(struct arena *arena, const char *digits)
{
	struct buf buf = buf_make(arena);
	size_t length = strspn(digits, "0123456789");

	for (size_t i = 0; i < length; i++) {
		if (i != 0 && (length - i) % 3 == 0)
			buf_putc(&buf, ',');
		buf_putc(&buf, digits[i]);
	}
	buf_puts(&buf, digits + length);
	return buf.data;
}

static const char *number_text(struct arena *arena, double number)
{
	const char *text = arena_printf(arena, "%.0f", number < 0 ? -number : number);

	return arena_printf(arena, "%s%s", number < 0 && strcmp(text, "0") != 0 ? "-" : "", grouped(arena, text));
}

const char *page_value_text(struct arena *arena, const struct page_value *value)
{
	if (value->absent)
		return "-";
	switch (value->kind) {
	case PAGE_NAME: return value->u.name;
	case PAGE_COUNT: return grouped(arena, arena_printf(arena, "%" PRIu64, value->u.count));
	case PAGE_SHARE: return arena_printf(arena, "%.2f%%", 100 * value->u.number);
	case PAGE_NUMBER: return number_text(arena, value->u.number);
	case PAGE_DAY: return time_text(arena, value->u.secs, CLOCK_DAY);
	case PAGE_TIME: return time_text(arena, value->u.secs, CLOCK_MINUTE);
	}
	return "";
}

const char *page_value_plain(struct arena *arena, const struct page_value *value)
{
	if (value->absent)
		return "";
	switch (value->kind) {
	case PAGE_NAME: return value->u.name;
	case PAGE_COUNT: return arena_printf(arena, "%" PRIu64, value->u.count);
	case PAGE_SHARE: return arena_printf(arena, "%.6f", value->u.number);
	case PAGE_NUMBER: return arena_printf(arena, "%.6g", value->u.number);
	case PAGE_DAY: return time_text(arena, value->u.secs, CLOCK_DAY);
	case PAGE_TIME: return time_text(arena, value->u.secs, CLOCK_SECOND);
	}
	return "";
}
