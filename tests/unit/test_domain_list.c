/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of domains from files: what loads, what is refused and with which words, and what a change of a file is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "config/diff.h"
#include "config/domain_list.h"
#include "config/list_file.h"
#include "scratch.h"
#include "util/buf.h"
#include "util/error.h"

static char directory[SCRATCH_BYTES];
static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	scratch_directory(directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static const char *path_of(const char *name)
{
	return arena_printf(arena, "%s/%s", directory, name);
}

static void write_bytes(const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void write_list(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static void remove_list(const char *name)
{
	assert_int_equal(unlink(path_of(name)), 0);
}

/* Loads a text in which "%" stands for the directory. */
static const struct config *load(const char *format, const char **errors_r)
{
	struct buf buf = buf_make(arena);
	const struct config *config;
	char *errors;
	size_t size;
	FILE *out = open_memstream(&errors, &size);

	assert_non_null(out);
	for (; *format != '\0'; format++) {
		if (format[0] == '%')
			buf_puts(&buf, directory);
		else
			buf_putc(&buf, *format);
	}
	config = config_load_buffer(buf.data, buf.length, "c", out);
	fclose(out);
	*errors_r = arena_strdup(arena, errors);
	free(errors);
	return config;
}

static const struct config *load_good(const char *format)
{
	const char *errors;
	const struct config *config = load(format, &errors);

	assert_string_equal(errors, "");
	assert_non_null(config);
	return config;
}

/* The errors with "%" for the directory must be these. */
static void check_errors(const char *format, const char *expected)
{
	struct buf buf = buf_make(arena);
	const char *errors;

	assert_null(load(format, &errors));
	while (*errors != '\0') {
		if (strncmp(errors, directory, strlen(directory)) == 0) {
			buf_putc(&buf, '%');
			errors += strlen(directory);
		} else {
			buf_putc(&buf, *errors++);
		}
	}
	assert_string_equal(buf.data, expected);
}

static bool has(const struct config *config, const char *name)
{
	return domain_set_has(config->policies[0].recipient_domains.set, name);
}

static void test_list_file_and_entries_make_one_list(void **state)
{
	const struct config *config;
	const struct domain_list *list;

	(void)state;
	write_list("a", "# staff\n\n  One.example  # with a comment\r\n\t.two.example\nthree.example#\n.two.example\nlast.example");
	write_list("b", "\xef\xbb\xbf" "four.example\n");
	config = load_good("policy p { recipient-domains = { zero.example, \"@%/a\", \"@%/b\", four.example } }");
	list = &config->policies[0].recipient_domains;
	assert_int_equal(list->count, 6);
	assert_int_equal(list->source_count, 4);
	assert_int_equal(list->sources[1].entries, 5);
	assert_int_equal(list->sources[2].entries, 1);
	assert_string_equal(domain_source_path(&list->sources[1]), path_of("a"));
	assert_null(domain_source_path(&list->sources[0]));
	assert_true(has(config, "zero.example") && has(config, "one.example") && has(config, "two.example"));
	assert_true(has(config, "x.two.example") && has(config, "three.example") && has(config, "last.example"));
	assert_true(has(config, "four.example"));
	assert_false(has(config, "x.one.example"));
	assert_int_equal(config->policy_count, 2);	/* it has a condition: a default one follows */
	config_unref(&config);
	remove_list("a");
	remove_list("b");
}

static void test_list_file_in_every_list_of_domains(void **state)
{
	const struct config *config;

	(void)state;
	write_list("a", "a.example\n");
	config = load_good("local-domains = \"@%/a\"\ndmarc { trusted-forwarders = @%/a }\ngreylist { exempt-domains = {@%/a} }\n"
	    "policy p { author-domains = @%/a require-secure-domains = @%/a require-cert-names = '@%/a' }");
	assert_true(domain_set_has(config->local_domains.set, "a.example"));
	assert_true(domain_set_has(config->trusted_forwarders.set, "a.example"));
	assert_true(domain_set_has(config->greylist_exempt_domains.set, "a.example"));
	assert_true(domain_set_has(config->policies[0].author_domains.set, "a.example"));
	assert_true(domain_set_has(config->policies[0].require_secure_domains.set, "a.example"));
	assert_true(domain_set_has(config->policies[0].require_cert_names.set, "a.example"));
	config_unref(&config);
	check_errors("trusted-authserv-ids = @%/a\ndns { negative-trust-anchors = @%/a }",
	    "c:1: trusted-authserv-ids = '@%/a': this list takes no file of domains: write them here\n"
	    "c:2: negative-trust-anchors = '@%/a': this list takes no file of domains: write them here\n");
	remove_list("a");
}

/* Read once: the lists are one set; of another kind of list it is another reading. */
static void test_list_file_of_several_lists(void **state)
{
	const struct config *config;

	(void)state;
	write_list("a", "a.example\n");
	config = load_good("local-domains = @%/a\ndmarc { trusted-forwarders = @%/a }\n"
	    "policy p { recipient-domains = @%/a author-domains = { @%/a, b.example } }\npolicy q { recipient-domains = { @%/a } }");
	assert_ptr_equal(config->policies[0].recipient_domains.set, config->policies[1].recipient_domains.set);
	assert_ptr_equal(config->policies[0].recipient_domains.set, config->trusted_forwarders.set);
	assert_ptr_not_equal(config->policies[0].recipient_domains.set, config->local_domains.set);
	assert_int_equal(config->policies[0].author_domains.count, 2);
	assert_false(domain_set_has(config->policies[0].recipient_domains.set, "b.example"));
	config_unref(&config);
	/* what is right in one list is told as wrong in the other */
	write_list("a", ".a.example\n");
	check_errors("dmarc { trusted-forwarders = @%/a }\nlocal-domains = @%/a",
	    "c:2: %/a:1: '.a.example': this list is of single domains: write it without the dot in front\n");
	remove_list("a");
}

static void test_list_file_broken_lines_are_told_with_theirs(void **state)
{
	(void)state;
	write_list("a", "good.example\nexa mple\n\"q.example\"\nu@a.example\n@/etc/other\n*.a.example\nb\xc3\xbc" "cher.example\n"
	    "dot.example.\n..\na.example, b.example\nex\x01.example\n");
	check_errors("\npolicy p { recipient-domains = { a.example,\n \"@%/a\" } }",
	    "c:3: %/a:2: 'exa mple': one domain stands in a line, and nothing else\n"
	    "c:3: %/a:3: '\"q.example\"': domains stand without quotes here\n"
	    "c:3: %/a:4: 'u@a.example': an address, not a domain: write what stands behind the @\n"
	    "c:3: %/a:5: '@/etc/other': a file of domains cannot name another one\n"
	    "c:3: %/a:6: '*.a.example': not a domain name: \".example.org\" is example.org and all below it\n"
	    "c:3: %/a:7: 'b\\xc3\\xbccher.example': not a domain name: write internationalized names as A-labels (xn--...)\n"
	    "c:3: %/a:8: 'dot.example.': not a domain name (write it without the final dot)\n"
	    "c:3: %/a:9: '..': not a domain name (empty label)\n"
	    "c:3: %/a:10: 'a.example, b.example': one domain stands in a line, and nothing else\n"
	    "c:3: %/a:11: 'ex\\x01.example': control character: this is not a text file\n");
	write_list("a", ".a.example\n");
	check_errors("local-domains = \"@%/a\"",
	    "c:1: %/a:1: '.a.example': this list is of single domains: write it without the dot in front\n");
	write_bytes("a", "a.example\n\0b.example\n", 21);
	check_errors("local-domains = \"@%/a\"", "c:1: %/a:2: '': control character: this is not a text file\n");
	remove_list("a");
}

static void test_list_file_of_another_kind_is_told_by_its_first_lines(void **state)
{
	struct buf buf = buf_make(arena);
	const char *errors, *more;
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_printf(&buf, "user%d@a.example OK\n", i);
	write_list("a", buf.data);
	assert_null(load("local-domains = \"@%/a\"", &errors));
	for (const char *c = errors; *c != '\0'; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 11);
	more = strstr(errors, ": 4990 more lines are no domains\n");
	assert_non_null(more);
	remove_list("a");
}

static void test_list_file_that_cannot_be_had(void **state)
{
	(void)state;
	check_errors("local-domains = \"@%/none\"", "c:1: local-domains = '@%/none': No such file or directory\n");
	check_errors("local-domains = \"@%\"", "c:1: local-domains = '@%': is a directory, not a file\n");
	check_errors("local-domains = \"@/dev/zero\"", "c:1: local-domains = '@/dev/zero': is not a regular file\n");
	check_errors("local-domains = \"@lists/a\"", "c:1: local-domains = '@lists/a': not an absolute path behind the @\n");
	check_errors("local-domains = \"@/a\\x01\"", "c:1: local-domains = '@/a\\x01': control characters are not allowed\n");
	check_errors("local-domains = \"@\"", "c:1: local-domains = '@': not an absolute path behind the @\n");
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);	/* nobody writes to it */
	check_errors("local-domains = \"@%/pipe\"", "c:1: local-domains = '@%/pipe': is not a regular file\n");
	remove_list("pipe");
	if (geteuid() != 0) {
		write_list("a", "a.example\n");
		assert_int_equal(chmod(path_of("a"), 0), 0);
		check_errors("local-domains = \"@%/a\"", "c:1: local-domains = '@%/a': Permission denied\n");
		remove_list("a");
	}
}

/* Else the policy would match everything, or an exemption nobody: neither is what half a file means. */
static void test_list_file_without_domains_is_refused(void **state)
{
	static const char *const empty[] = { "", "\n\n", "# none yet\n", "   \r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		write_list("a", empty[i]);
		check_errors("policy p { recipient-domains = \"@%/a\" }", "c:1: recipient-domains = '@%/a': lists no domain; "
		    "is it being written? Replace it by renaming a finished one\n");
	}
	remove_list("a");
}

static void test_list_file_caps(void **state)
{
	struct buf buf = buf_make(arena);
	const struct config *config;

	(void)state;
	for (int i = 0; i <= LIST_FILE_MAX_ENTRIES; i++)
		buf_puts(&buf, "a.b\n");
	write_bytes("a", buf.data, buf.length);
	check_errors("local-domains = \"@%/a\"", "c:1: local-domains = '@%/a': has more than 2000000 entries\n");
	write_bytes("a", buf.data, buf.length - 4);
	config = load_good("local-domains = \"@%/a\"");
	assert_int_equal(config->local_domains.count, 1);
	assert_int_equal(config->local_domains.sources[0].entries, LIST_FILE_MAX_ENTRIES);
	config_unref(&config);
	assert_int_equal(truncate(path_of("a"), LIST_FILE_MAX_BYTES + 1), 0);
	check_errors("local-domains = \"@%/a\"", "c:1: local-domains = '@%/a': is larger than 64 MiB\n");
	remove_list("a");
}

static char *print(const struct config *config)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	config_print(config, out);
	fclose(out);
	return text;
}

static void test_list_file_prints_as_written(void **state)
{
	const struct config *config, *again;
	char *text, *second;

	(void)state;
	write_list("a", "a.example\nb.example\n");
	config = load_good("policy p { recipient-domains = { c.example, \"@%/a\" } }");
	text = print(config);
	assert_null(strstr(text, "a.example"));
	assert_non_null(strstr(text, arena_printf(arena, "recipient-domains = { \"c.example\", \"@%s\" }", path_of("a"))));
	again = config_load_buffer(text, strlen(text), "again", stderr);
	assert_non_null(again);
	second = print(again);
	assert_string_equal(text, second);
	assert_true(config_section_equal(config, again, "policy"));
	free(text);
	free(second);
	config_unref(&config);
	config_unref(&again);
	remove_list("a");
}

static void note(void *closure, const char *text)
{
	char *told = closure;

	strcat(told, text);
	strcat(told, "\n");
}

static void test_list_file_change_is_a_change_of_the_configuration(void **state)
{
	static const char text[] = "local-domains = \"@%/a\"\npolicy p { recipient-domains = \"@%/a\" }";
	const struct config *old, *same, *new;
	char told[1000] = "";

	(void)state;
	write_list("a", "a.example\nb.example\n");
	old = load_good(text);
	write_list("a", "# in another order\nb.example\na.example\nb.example\n");
	same = load_good(text);
	write_list("a", "b.example\nc.example\nd.example\n");
	new = load_good(text);
	assert_true(config_section_equal(old, same, "") && config_section_equal(old, same, "policy"));
	assert_int_equal(config_diff(old, same, note, told), 0);
	assert_false(config_section_equal(old, new, ""));
	assert_false(config_section_equal(old, new, "policy"));
	assert_true(config_section_equal(old, new, "dns"));
	assert_int_equal(config_diff(old, new, note, told), 2);
	assert_string_equal(told, "local-domains: other domains in its files: 2 -> 3; +2: c.example, d.example; -1: a.example\n"
	    "policy p recipient-domains: other domains in its files: 2 -> 3; +2: c.example, d.example; -1: a.example\n");
	config_unref(&old);
	config_unref(&same);
	config_unref(&new);
	remove_list("a");
}

static void test_list_file_change_names_the_first_of_many_domains(void **state)
{
	static const char text[] = "policy p { recipient-domains = \"@%/a\" }";
	char list[8000] = "", told[1000] = "";
	const struct config *old, *new;

	(void)state;
	write_list("a", "a.example\n.b.example\n");
	old = load_good(text);
	for (int i = 0; i < 100; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%c%02d.%.50s.example\n", 'a' + i / 10, i,
		    "x123456789x123456789x123456789x123456789x123456789");
	strcat(list, ".a.example\nb.example\n");
	write_list("a", list);
	new = load_good(text);
	assert_int_equal(config_diff(old, new, note, told), 1);
	/* a name is another one than it and all below it */
	assert_string_equal(told, "policy p recipient-domains: other domains in its files: 2 -> 102; "
	    "+102: a00.x123456789x123456789x123456789x12345, a01.x123456789x123456789x123456789x12345, "
	    "a02.x123456789x123456789x123456789x12345, ...; -2: a.example, .b.example\n");
	config_unref(&old);
	config_unref(&new);
	remove_list("a");
}

static void test_domain_lists_tell_counts(void **state)
{
	const struct config *config;
	char told[1000] = "";

	(void)state;
	write_list("a", "a.example\nb.example\na.example\n");
	write_list("b", "b.example\n");
	config = load_good("local-domains = x.example\npolicy p { author-domains = { y.example, \"@%/a\", \"@%/b\" } }");
	domain_lists_tell(config, note, told);
	assert_string_equal(told, arena_printf(arena, "policy p author-domains: 3 domains in %s\npolicy p author-domains: 1 domain in %s\n",
	    path_of("a"), path_of("b")));
	config_unref(&config);
	remove_list("a");
	remove_list("b");
}

/* Local domains that no policy tells apart are asked about once. */
static void test_local_samples(void **state)
{
	const struct config *config = load_good("local-domains = { a.example, b.example, c.example, d.other, e.other, f.third }\n"
	    "policy one { recipient-domains = { .example } }\npolicy two { recipient-domains = { c.example, .third } }\n"
	    "policy three { author-domains = x.example }");

	(void)state;
	/* a and b; c; d and e; f */
	assert_int_equal(config->local_sample_count, 4);
	assert_string_equal(config->local_samples[0], "a.example");
	assert_string_equal(config->local_samples[1], "c.example");
	assert_string_equal(config->local_samples[2], "d.other");
	assert_string_equal(config->local_samples[3], "f.third");
	config_unref(&config);
	config = load_good("");
	assert_int_equal(config->local_sample_count, 0);
	config_unref(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_file_and_entries_make_one_list),
		cmocka_unit_test(test_list_file_in_every_list_of_domains),
		cmocka_unit_test(test_list_file_of_several_lists),
		cmocka_unit_test(test_list_file_broken_lines_are_told_with_theirs),
		cmocka_unit_test(test_list_file_of_another_kind_is_told_by_its_first_lines),
		cmocka_unit_test(test_list_file_that_cannot_be_had),
		cmocka_unit_test(test_list_file_without_domains_is_refused),
		cmocka_unit_test(test_list_file_caps),
		cmocka_unit_test(test_list_file_prints_as_written),
		cmocka_unit_test(test_list_file_change_is_a_change_of_the_configuration),
		cmocka_unit_test(test_list_file_change_names_the_first_of_many_domains),
		cmocka_unit_test(test_domain_lists_tell_counts),
		cmocka_unit_test(test_local_samples),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
