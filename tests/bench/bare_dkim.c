/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bare libopendkim: verifies message files in a loop with the library as it is meant to be used, keys from a zone file
 * held in memory, no DNS, no daemon. The measure against which the DKIM check and the daemon are compared.
 * usage: bare_dkim [-n ROUNDS] ZONE-FILE MESSAGE…
 * Prints one line: messages, passed, CPU seconds per 1,000 messages.
 * The zone file holds one TXT record a line: NAME. IN TXT "…" "…"
 */
#include <dkim.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct key { char name[256], *text; };
struct mail { char *data; size_t length; };

static struct key *keys;
static size_t key_count;

static void die(const char *what)
{
	fprintf(stderr, "bare_dkim: %s\n", what);
	exit(1);
}

static char *slurp(const char *path, size_t *length_r)
{
	FILE *file = fopen(path, "rb");
	long length;
	char *data;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) < 0)
		die(path);
	rewind(file);
	data = malloc((size_t)length + 1);
	if (data == NULL || fread(data, 1, (size_t)length, file) != (size_t)length)
		die(path);
	fclose(file);
	data[length] = '\0';
	*length_r = (size_t)length;
	return data;
}

/* All quoted strings of the line joined. */
static char *strings_join(const char *line)
{
	char *text = malloc(strlen(line) + 1), *out = text;
	bool inside = false;

	if (text == NULL)
		die("out of memory");
	for (; *line != '\0'; line++) {
		if (*line == '"')
			inside = !inside;
		else if (inside && *line == '\\' && line[1] != '\0')
			*out++ = *++line;
		else if (inside)
			*out++ = *line;
	}
	*out = '\0';
	return text;
}

static void zone_load(const char *path)
{
	size_t length;
	char *zone = slurp(path, &length), *rest = NULL;

	for (char *line = strtok_r(zone, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		size_t name = strcspn(line, " \t");

		if (strstr(line, " TXT ") == NULL || name == 0 || name > 255)
			continue;
		keys = realloc(keys, (key_count + 1) * sizeof *keys);
		if (keys == NULL)
			die("out of memory");
		memcpy(keys[key_count].name, line, name);
		keys[key_count].name[name - (line[name - 1] == '.')] = '\0';
		keys[key_count++].text = strings_join(line);
	}
	free(zone);
}

static DKIM_CBSTAT look_up(DKIM *dkim, DKIM_SIGINFO *signature, unsigned char *buffer, size_t size)
{
	char name[600];

	(void)dkim;
	snprintf(name, sizeof name, "%s._domainkey.%s", (const char *)dkim_sig_getselector(signature),
	    (const char *)dkim_sig_getdomain(signature));
	for (size_t i = 0; i < key_count; i++) {
		if (strcasecmp(keys[i].name, name) != 0)
			continue;
		snprintf((char *)buffer, size, "%s", keys[i].text);
		return DKIM_CBSTAT_CONTINUE;
	}
	return DKIM_CBSTAT_NOTFOUND;
}

/* @return whether the message passed. */
static bool verify(DKIM_LIB *library, const struct mail *mail)
{
	DKIM_STAT status = DKIM_STAT_OK;
	DKIM *dkim = dkim_verify(library, (const unsigned char *)"bench", NULL, &status);
	char *at = mail->data, *end = mail->data + mail->length;
	bool test_key = false;

	while (at < end && *at != '\r') {
		char *next = at;

		do {
			next = strstr(next, "\r\n");
			next = next != NULL ? next + 2 : end;
		} while (next < end && (*next == ' ' || *next == '\t'));
		dkim_header(dkim, (unsigned char *)at, (size_t)(next - at) - 2);
		at = next;
	}
	at += at < end ? 2 : 0;
	status = dkim_eoh(dkim);
	if (status == DKIM_STAT_OK && at < end)
		dkim_body(dkim, (unsigned char *)at, (size_t)(end - at));
	if (status == DKIM_STAT_OK)
		status = dkim_eom(dkim, &test_key);
	dkim_free(dkim);
	return status == DKIM_STAT_OK;
}

int main(int count, char **arguments)
{
	int first = 1;
	long rounds = 10;
	size_t passed = 0, mail_count;
	unsigned int flags = DKIM_LIBFLAGS_DELAYSIGPROC;
	DKIM_LIB *library = dkim_init(NULL, NULL);
	struct mail *mails;
	clock_t begin;

	if (count > 2 && strcmp(arguments[1], "-n") == 0) {
		rounds = atol(arguments[2]);
		first = 3;
	}
	if (count < first + 2 || rounds <= 0 || library == NULL)
		die("usage: bare_dkim [-n ROUNDS] ZONE-FILE MESSAGE…");
	dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags);
	dkim_set_key_lookup(library, look_up);
	zone_load(arguments[first]);
	mail_count = (size_t)(count - first - 1);
	mails = calloc(mail_count, sizeof *mails);
	if (mails == NULL)
		die("out of memory");
	for (size_t i = 0; i < mail_count; i++)
		mails[i].data = slurp(arguments[first + 1 + (int)i], &mails[i].length);
	begin = clock();
	for (long round = 0; round < rounds; round++)
		for (size_t i = 0; i < mail_count; i++)
			passed += verify(library, &mails[i]);
	printf("messages=%zu passed=%zu cpu_secs_per_1000=%.4f\n", mail_count * (size_t)rounds, passed,
	    1000.0 * (double)(clock() - begin) / CLOCKS_PER_SEC / (double)(mail_count * (size_t)rounds));
	for (size_t i = 0; i < mail_count; i++)
		free(mails[i].data);
	free(mails);
	for (size_t i = 0; i < key_count; i++)
		free(keys[i].text);
	free(keys);
	dkim_close(library);
	return 0;
}
