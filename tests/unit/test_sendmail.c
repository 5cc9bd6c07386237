/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail through the local sendmail command, which is a shell script here that notes what it gets. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "arena_fixture.h"
#include "scratch.h"
#include "sendmail.h"

static char directory[SCRATCH_BYTES], command[SCRATCH_BYTES + 16], notes[SCRATCH_BYTES + 16];

static int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	scratch_directory(directory);
	snprintf(command, sizeof(command), "%s/sendmail", directory);
	snprintf(notes, sizeof(notes), "%s/notes", directory);
	return 0;
}

static void write_command(const char *body)
{
	FILE *file = fopen(command, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", body);
	fclose(file);
	assert_int_equal(chmod(command, 0700), 0);
	unlink(notes);
}

static enum sendmail_outcome send_to(const char *from, const char *recipient, const char *message, size_t bytes, unsigned timeout_secs,
    const char **why)
{
	const struct sendmail_mail mail = { .command = command, .from = from, .recipients = &recipient, .recipient_count = 1,
		.message = message, .message_bytes = bytes, .timeout_secs = timeout_secs };

	return sendmail_send(arena, &mail, why);
}

static const char *noted(void)
{
	static char text[2000];
	FILE *file = fopen(notes, "r");
	size_t got;

	if (file == NULL)
		return "";
	got = fread(text, 1, sizeof(text) - 1, file);
	text[got] = '\0';
	fclose(file);
	return text;
}

static void test_sendmail_send_hands_over(void **state)
{
	const char *why;
	char body[240];

	(void)state;
	snprintf(body, sizeof(body), "for a in \"$@\"; do echo \"<$a>\"; done >%s; cat >>%s", notes, notes);
	write_command(body);
	assert_int_equal(send_to("dmarc@us.example", "a+b@example.org", "Subject: x\n\n.\nend\n", 18, 20, &why), SENDMAIL_SENT);
	assert_string_equal(noted(), "<-i>\n<-f>\n<dmarc@us.example>\n<-->\n<a+b@example.org>\nSubject: x\n\n.\nend\n");
}

/* More than a pipe holds, to a command that says as much before it reads. */
static void test_sendmail_send_large(void **state)
{
	enum { BYTES = 1 << 20 };
	const char *why;
	char body[240], *message = malloc(BYTES);

	(void)state;
	assert_non_null(message);
	memset(message, 'x', BYTES);
	snprintf(body, sizeof(body), "head -c 300000 /dev/zero; wc -c >%s", notes);
	write_command(body);
	assert_int_equal(send_to("", "a@example.org", message, BYTES, 20, &why), SENDMAIL_SENT);
	assert_int_equal(atoi(noted()), BYTES);
	free(message);
}

static void test_sendmail_send_codes(void **state)
{
	static const struct { const char *body; enum sendmail_outcome outcome; const char *why; } rows[] = {
		{ "cat >/dev/null; echo 'queue is full' >&2; exit 75", SENDMAIL_LATER, "status 75: queue is full" },
		{ "cat >/dev/null; exit 69", SENDMAIL_LATER, "status 69" },
		{ "cat >/dev/null; echo no; exit 67", SENDMAIL_REFUSED, "status 67: no" },
		{ "cat >/dev/null; exit 65", SENDMAIL_REFUSED, "status 65" },
		{ "cat >/dev/null; kill -9 $$", SENDMAIL_LATER, "was killed" },
		{ "sleep 30", SENDMAIL_LATER, "took too long" },
		{ "printf 'a\\033[2Jb\\n' >&2; exit 75", SENDMAIL_LATER, "a\\x1b[2Jb" },
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum sendmail_outcome outcome;

		write_command(rows[i].body);
		outcome = send_to("a@us.example", "a@example.org", "x\n", 2, strcmp(rows[i].body, "sleep 30") == 0 ? 1 : 20, &why);
		if (outcome != rows[i].outcome || strstr(why, rows[i].why) == NULL)
			fail_msg("row %zu: outcome %d: %s", i, (int)outcome, why);
	}
	unlink(command);
	assert_int_equal(send_to("a@us.example", "a@example.org", "x\n", 2, 20, &why), SENDMAIL_LATER);
	assert_non_null(strstr(why, "No such file"));
}

/* It says that all is well, but has not read the message. */
static void test_sendmail_send_unread(void **state)
{
	static char message[1 << 20];
	const char *why;

	(void)state;
	write_command("exit 0");
	assert_int_equal(send_to("a@us.example", "a@example.org", message, sizeof(message), 20, &why), SENDMAIL_LATER);
}

static void test_sendmail_send_refuses_addresses(void **state)
{
	static const char *const bad[] = {
		"", "a", "-oQ/tmp@example.org", "@example.org", "a@", "a b@example.org", "a@example.org b@example.org", "a@example.org\nx",
		"a;b@example.org", "|a@example.org", "a%b@example.org", "a!b@example.org", "\"a\"@example.org", "a@b@example.org", "<a@example.org>",
	};
	const char *why;
	char body[240];

	(void)state;
	snprintf(body, sizeof(body), "echo ran >%s; cat >/dev/null", notes);
	write_command(body);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(send_to("a@us.example", bad[i], "x\n", 2, 20, &why), SENDMAIL_REFUSED);
		if (bad[i][0] != '\0')
			assert_int_equal(send_to(bad[i], "a@example.org", "x\n", 2, 20, &why), SENDMAIL_REFUSED);
	}
	assert_string_equal(noted(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sendmail_send_hands_over, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_sendmail_send_large, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_sendmail_send_codes, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_sendmail_send_unread, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_sendmail_send_refuses_addresses, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
