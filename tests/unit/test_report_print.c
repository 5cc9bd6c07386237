/* SPDX-License-Identifier: BSD-2-Clause */
/* report: printers on hostile names, and the counts by name below them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/csv.h"
#include "report/groups.h"
#include "report/html.h"
#include "report/text.h"
#include "report_fixture.h"

static const char *const hostile[] = {
	"<script>alert(1)</script>.example", "\"onmouseover=\"x", "'><img src=x onerror=y>", "&lt;b&gt;", "=cmd|' /C calc'!A0", "+1,2", "-2\"3",
	"@SUM(1)", "\033[31mred\033[0m", "line\r\nbreak", "\tTab", "\xe2\x80\xae" "elpmaxe.live", "\xff\xfe", "]]>--></style>", "(other)", "other",
	"a\"b,c", "", " ",
};
enum { HOSTILE = sizeof(hostile) / sizeof(hostile[0]) };

typedef void print_f(const struct page *page, FILE *out);

/* Not inlined: gcc 12 then takes the text for a local that is gone. */
__attribute__((noinline)) static char *printed(print_f *print, const struct page *page)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	print(page, out);
	fclose(out);
	return text;
}

static void hostile_report(struct report *report_r)
{
	static struct flow_row rows[HOSTILE];

	for (size_t i = 0; i < HOSTILE; i++) {
		rows[i] = report_row;
		rows[i].author_domain = rows[i].envelope_domain = rows[i].client_network = hostile[i];
		rows[i].tls_version = rows[i].tls_cipher = hostile[i];
		rows[i].results = hostile[i];
		rows[i].messages = i + 1;
	}
	report_make(&(struct report_world){ .settings = "", .rows = rows, .count = HOSTILE }, report_r);
}

static void print_plain(const struct page *page, FILE *out) { text_print_page(page, false, out); }
static void print_colour(const struct page *page, FILE *out) { text_print_page(page, true, out); }

static void test_html_escape_leaves_no_markup(void **state)
{
	char text[512] = "";
	FILE *out;

	(void)state;
	out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	html_escape("<a href=\"x\">'&\n\x01\x7f\xc3\xa9", out);
	fclose(out);
	assert_string_equal(text, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\\x0a\\x01\\x7f\\xc3\\xa9");
}

/* Every tag is one that the printer knows, with attributes that it knows; no name is inside one. */
static void test_html_of_hostile_names_has_only_our_tags(void **state)
{
	static const char *const tags[] = { "html", "head", "meta", "title", "style", "body", "a", "header", "h1", "p", "span", "nav", "ol", "li",
		"main", "section", "h2", "dl", "div", "dt", "dd", "table", "caption", "thead", "tr", "th", "tbody", "td", "figure", "figcaption",
		"svg", "g", "rect", "ul", "details", "summary", "footer", "!DOCTYPE" };
	struct report report;
	char *text, *style_end;

	(void)state;
	hostile_report(&report);
	text = printed(html_print_page, report.page);
	for (const char *c = text; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
	style_end = strstr(text, "</style>");
	assert_non_null(style_end);
	assert_null(strstr(style_end + 1, "</style>"));
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "http://"));
	assert_null(strstr(text, "https://"));
	assert_null(strstr(text, "url("));
	for (const char *c = strchr(style_end + 8, '<'); c != NULL; c = strchr(c + 1, '<')) {
		size_t length = strspn(c + 1 + (c[1] == '/'), "abcdefghijklmnopqrstuvwxyz0123456789"), i = 0;

		while (i < sizeof(tags) / sizeof(tags[0]) && (strlen(tags[i]) != length || strncmp(tags[i], c + 1 + (c[1] == '/'), length) != 0))
			i++;
		if (i == sizeof(tags) / sizeof(tags[0]))
			fail_msg("a tag of somebody else: %.40s", c);
	}
	assert_non_null(strstr(text, "&lt;script&gt;alert(1)&lt;/script&gt;.example</th>"));
	free(text);
	report_free(&report);
}

static void test_text_of_hostile_names_is_plain(void **state)
{
	struct report report;
	char *text;

	(void)state;
	hostile_report(&report);
	text = printed(print_plain, report.page);
	for (const char *c = text; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
	assert_non_null(strstr(text, "<script>alert(1)</script>.example"));
	free(text);
	/* with colours the escape sequences are ours: digits and semicolons, then m */
	text = printed(print_colour, report.page);
	for (const char *c = strchr(text, '\033'); c != NULL; c = strchr(c + 1, '\033')) {
		size_t length = strspn(c + 2, "0123456789;");

		assert_true(c[1] == '[' && c[2 + length] == 'm');
		assert_int_not_equal(strncmp(c, "\033[31mred", 8), 0);
	}
	free(text);
	report_free(&report);
}

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

static void assert_field(const char *text, const char *expected)
{
	char *printed_text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&printed_text, &length);

	assert_non_null(out);
	csv_print_field(text, out);
	fclose(out);
	assert_string_equal(printed_text, expected);
	free(printed_text);
}

/* RFC 4180 section 2: quotes are doubled inside quotes. A leading apostrophe is what keeps a spreadsheet from calculating. */
static void test_csv_print_field_is_quoted_and_guarded(void **state)
{
	(void)state;
	assert_field("a.example", "a.example");
	assert_field("", "");
	assert_field("a,b", "\"a,b\"");
	assert_field("a\"b", "\"a\"\"b\"");
	assert_field("a\r\nb", "\"a\r\nb\"");
	assert_field("=1+1", "'=1+1");
	assert_field("+1", "'+1");
	assert_field("-1", "'-1");
	assert_field("@x", "'@x");
	assert_field("\tx", "'\tx");
	assert_field("=a,\"b\"", "\"'=a,\"\"b\"\"\"");
	assert_field("1=1", "1=1");
}

/* Reads one field (RFC 4180) back. @return the text behind it and its separator. */
static const char *read_field(const char *at, char *field_r, bool *last_r)
{
	bool quoted = *at == '"';

	for (at += quoted; quoted ? *at != '"' || at[1] == '"' : *at != ',' && *at != '\r'; at++) {
		at += quoted && *at == '"';
		*field_r++ = *at;
	}
	*field_r = '\0';
	at += quoted;
	*last_r = *at == '\r';
	assert_true(*at == ',' || (*at == '\r' && at[1] == '\n'));
	return at + (*last_r ? 2 : 1);
}

static void test_csv_print_table_reads_back(void **state)
{
	struct report report;
	const struct page_table *table;
	char *text = NULL, field[256], expected[256];
	size_t length = 0, rows = 0;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	hostile_report(&report);
	table = csv_find_table(report.page, "policy.authors");
	assert_non_null(table);
	assert_non_null(out);
	csv_print_table(table, out);
	fclose(out);
	for (const char *at = text; *at != '\0'; rows++) {
		bool last = false;

		for (size_t column = 0; column < table->column_count; column++) {
			at = read_field(at, field, &last);
			assert_int_equal(last, column + 1 == table->column_count);
			if (rows == 0)
				assert_string_equal(field, table->columns[column].key);
			if (rows == 0 || column != 0)
				continue;
			snprintf(expected, sizeof(expected), "%s%s", page_value(table, rows - 1, 0)->u.name[0] != '\0' &&
			    strchr("=+-@\t", page_value(table, rows - 1, 0)->u.name[0]) != NULL ? "'" : "", page_value(table, rows - 1, 0)->u.name);
			assert_string_equal(field, expected);
		}
	}
	assert_int_equal(rows, table->row_count + 1);
	assert_null(csv_find_table(report.page, "policy"));
	assert_null(csv_find_table(report.page, "policy.none"));
	free(text);
	report_free(&report);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void assert_value(struct page_value value, const char *text, const char *plain)
{
	struct arena *arena = arena_new();

	assert_string_equal(page_value_text(arena, &value), text);
	assert_string_equal(page_value_plain(arena, &value), plain);
	arena_free(&arena);
}

static void test_page_value_as_text(void **state)
{
	(void)state;
	assert_value(page_count(0), "0", "0");
	assert_value(page_count(999), "999", "999");
	assert_value(page_count(1000), "1,000", "1000");
	assert_value(page_count(UINT64_MAX), "18,446,744,073,709,551,615", "18446744073709551615");
	assert_value(page_number(-12345.4), "-12,345", "-12345.4");
	assert_value(page_number(-0.3), "0", "-0.3");
	assert_value(page_number((double)NAN), "-", "");
	assert_value(page_share(1, 8), "12.50%", "0.125000");
	assert_value(page_share(1, 0), "-", "");
	assert_value(page_day(REPORT_DAY), "2023-11-15", "2023-11-15");
	assert_value(page_time(REPORT_DAY + 3661), "2023-11-15 01:01", "2023-11-15 01:01:01");
	assert_value(page_time(0), "-", "");
	assert_value(page_name("x"), "x", "x");
}

/* ---- counts by name ---------------------------------------------------------------------------------------------- */

struct seen { char text[256]; };

static void see(void *arg, const char *name, const void *counts)
{
	struct seen *seen = arg;
	size_t length = strlen(seen->text);

	snprintf(seen->text + length, sizeof(seen->text) - length, "%s=%u ", name, (unsigned)*(const uint64_t *)counts);
}

static void test_groups_keep_a_cap_and_true_sums(void **state)
{
	static const char *const names[] = { "b", "a", "c", "d", "e", "b", "d" };
	struct groups *groups = groups_new(2, 3);
	struct seen seen = { "" };
	uint64_t other[2];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t *counts = groups_at(groups, names[i]);

		counts[0] += 1;
		counts[1] += 10;
	}
	assert_int_equal(groups_count(groups), 3);
	assert_true(groups_over(groups));
	assert_null(groups_find(groups, "d"));
	assert_int_equal(groups_top(groups, 10, see, &seen, other), 1);	/* d and e, however many they are */
	assert_string_equal(seen.text, "b=2 a=1 c=1 ");
	assert_int_equal(other[0], 3);
	assert_int_equal(other[1], 30);
	seen.text[0] = '\0';
	assert_int_equal(groups_top(groups, 1, see, &seen, other), 3);
	assert_string_equal(seen.text, "b=2 ");
	assert_int_equal(other[0], 5);
	groups_free(&groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_escape_leaves_no_markup),
		cmocka_unit_test(test_html_of_hostile_names_has_only_our_tags),
		cmocka_unit_test(test_text_of_hostile_names_is_plain),
		cmocka_unit_test(test_csv_print_field_is_quoted_and_guarded),
		cmocka_unit_test(test_csv_print_table_reads_back),
		cmocka_unit_test(test_page_value_as_text),
		cmocka_unit_test(test_groups_keep_a_cap_and_true_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
