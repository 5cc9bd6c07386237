/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sendmail: its configuration is made from m4 files of the admin's own, so nothing is written: the lines are shown, and what
 * the sendmail.cf of today says of a milter.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "assay.h"
#include "daemon.h"
#include "milters.h"
#include "setup.h"
#include "smtp_probe.h"
#include "text_file.h"

enum { PROBE_WAIT_MS = 3000 };

/* "Xassay, S=unix:/run/assay/assay.sock, T=…": @return whether such a line has assayd's socket, and it is asked. */
static bool is_told(const struct setup *setup, const char *text)
{
	bool defined = false, used = false;

	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t length = strcspn(line, "\n");
		const char *copy = arena_strndup(setup->arena, line, length);

		if (copy[0] == 'X' && strstr(copy, setup->config->socket) != NULL)
			defined = true;
		if (strncasecmp(copy, "O InputMailFilters=", 19) == 0 && copy[19] != '\0')
			used = true;
	}
	return defined && used;
}

/* A member of "O DaemonPortOptions=Name=MTA, Family=inet, Addr=127.0.0.1, Port=smtp". */
static const char *port_option(const struct setup *setup, const char *text, const char *name, const char *otherwise)
{
	const char *line = strstr(text, "\nO DaemonPortOptions="), *end, *at;

	if (line == NULL)
		return otherwise;
	line = strchr(line, '=') + 1;
	line = arena_strndup(setup->arena, line, strcspn(line, "\n"));
	at = strstr(line, name);
	if (at == NULL || at[strlen(name)] != '=')
		return otherwise;
	at += strlen(name) + 1;
	end = at + strcspn(at, ", \t");
	return end != at ? arena_strndup(setup->arena, at, (size_t)(end - at)) : otherwise;
}

int setup_sendmail(const struct setup *setup)
{
	const char *text = text_file_read(setup->arena, setup->sendmail_cf);

	printf("dnl Lines for /etc/mail/sendmail.mc, above MAILER; then `make -C /etc/mail` and a restart of Sendmail.\n"
	    "dnl F= is left out: without an answer from assayd mail is let in unjudged (F=T: the client tries again later).\n"
	    "INPUT_MAIL_FILTER(`assay', `S=%s, T=C:2m;S:20s;R:60s;E:5m')dnl\n"
	    "dnl Long MIME header lines would be cut before milters see them, which breaks signatures:\n"
	    "define(`confMAX_MIME_HEADER_LENGTH', `0')dnl\n"
	    "dnl assayd asks for its macros itself. Other milters: behind this line; Sendmail asks them in the order of the file.\n",
	    setup->config->socket);
	if (text == NULL)
		printf("dnl %s: %s\n", setup->sendmail_cf, errno == ENOENT ? "there is no Sendmail here, or it is elsewhere" : strerror(errno));
	else
		printf("dnl %s %s assayd at this socket\n", setup->sendmail_cf, is_told(setup, text) ? "names" : "does not name");
	return EX_OK;
}

void setup_check_sendmail(const struct setup *setup, struct setup_check *check_r)
{
	const char *text = text_file_read(setup->arena, setup->sendmail_cf), *why;
	struct smtp_probe probe = { 0 };
	json_t *status = daemon_status(setup->arena, setup->config->status_socket, &why);

	*check_r = (struct setup_check){ .remedy = "run `assay setup sendmail`, and put its lines into /etc/mail/sendmail.mc" };
	if (status == NULL) {
		check_r->sentence = arena_printf(setup->arena, "assayd does not run: %s", why);
		check_r->remedy = "start assayd";
		return;
	}
	json_decref(status);
	if (text == NULL || !is_told(setup, text)) {
		check_r->sentence = arena_printf(setup->arena, "%s does not name assayd at %s", setup->sendmail_cf, setup->config->socket);
		return;
	}
	probe.host = port_option(setup, text, "Addr", "127.0.0.1");
	probe.port = port_option(setup, text, "Port", "smtp");
	if (strcmp(probe.host, "0.0.0.0") == 0)
		probe.host = "127.0.0.1";
	why = smtp_probe_send(setup->arena, &probe);
	check_r->good = why == NULL && daemon_saw_probe(setup->arena, setup->config->status_socket, probe.label, PROBE_WAIT_MS);
	if (check_r->good)
		check_r->sentence = arena_printf(setup->arena, "Sendmail at %s port %s asks assayd: the probe arrived", probe.host, probe.port);
	else if (why != NULL)
		check_r->sentence = arena_printf(setup->arena, "the probe could not be sent: %s", why);
	else
		check_r->sentence = "Sendmail took the probe and did not ask assayd";
	check_r->remedy = check_r->good ? NULL : "restart Sendmail, and look for \"Milter (assay)\" in the mail log";
}
