/* SPDX-License-Identifier: BSD-2-Clause */
/* util/standard: what is printed goes nowhere else, and what got lost is told. Each case in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "util/standard.h"

/* @return what the function returned, in a process that ends with it. */
static int in_child(int (*run)(void))
{
	pid_t child;
	int status;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(run());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int open_without_three(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		close(fd);
	standard_hold();
	return open("/dev/null", O_WRONLY);
}

static int print_without_output(void)
{
	const char *why;

	close(STDOUT_FILENO);
	standard_hold();
	puts("lost");
	why = standard_output_end();
	return why != NULL && strcmp(why, strerror(EBADF)) == 0;
}

static int print_to_full_disk(void)
{
	const char *why;

	if (freopen("/dev/full", "w", stdout) == NULL)
		return 2;
	puts("lost");
	why = standard_output_end();
	return why != NULL && strcmp(why, strerror(ENOSPC)) == 0;
}

/* Only what came first got lost, and the reason of that is gone. */
static int print_more_than_fits(void)
{
	if (freopen("/dev/full", "w", stdout) == NULL)
		return 2;
	puts("lost");
	(void)fflush(stdout);
	return standard_output_end() != NULL;
}

static int print_nothing(void)
{
	return freopen("/dev/full", "w", stdout) != NULL && standard_output_end() == NULL;
}

static void test_standard_hold_keeps_the_three(void **state)
{
	(void)state;
	assert_int_equal(in_child(open_without_three), STDERR_FILENO + 1);
}

static void test_standard_output_end_says_what_got_lost(void **state)
{
	(void)state;
	assert_int_equal(in_child(print_without_output), 1);
	assert_int_equal(in_child(print_to_full_disk), 1);
	assert_int_equal(in_child(print_more_than_fits), 1);
	assert_int_equal(in_child(print_nothing), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standard_hold_keeps_the_three),
		cmocka_unit_test(test_standard_output_end_says_what_got_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
