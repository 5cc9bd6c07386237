/* SPDX-License-Identifier: BSD-2-Clause */
/* assay doctor: does the MTA ask us, what does it do without us, and who else writes results in our name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "doctor.h"
#include "milters.h"
#include "setup.h"
#include "text_file.h"

static void say_check(struct doctor *doctor, const struct setup_check *check)
{
	doctor_say(doctor, "mta", check->good ? DOCTOR_OK : DOCTOR_ERROR, check->remedy, "%s", check->sentence);
}

static void say_default_action(struct doctor *doctor, const struct postfix *postfix)
{
	if (strcmp(postfix->default_action, "accept") == 0)
		doctor_say(doctor, "mta", DOCTOR_INFO, NULL, "without an answer from assayd mail is let in unjudged (milter_default_action)");
	else
		doctor_say(doctor, "mta", DOCTOR_INFO, NULL, "without an answer from assayd Postfix does \"%s\" (milter_default_action)",
		    postfix->default_action);
}

/* ---- another filter in our name ------------------------------------------------------------------------------------ */

/* "AuthservID  name" of an OpenDKIM or OpenDMARC configuration; NULL. */
static const char *authserv_id_in(struct arena *arena, const char *path)
{
	const char *text = text_file_read(arena, path);

	for (; text != NULL && *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
		if (strncasecmp(text, "AuthservID", 10) != 0 || (text[10] != ' ' && text[10] != '\t'))
			continue;
		text += 10 + strspn(text + 10, " \t\"");
		return arena_strndup(arena, text, strcspn(text, " \t\"\r\n"));
	}
	return NULL;
}

/* The name that a filter writes into Authentication-Results when its file says so. */
static const char *real_name(const char *name, const char *host)
{
	return strcasecmp(name, "HOSTNAME") == 0 ? host : name;
}

static void say_namesakes(struct doctor *doctor, const struct setup *setup)
{
	static const struct { const char *program, *path; } others[] = {
		{ "opendkim", "/etc/opendkim.conf" }, { "opendmarc", "/etc/opendmarc.conf" },
	};
	const char *chain = setup_milters_of(setup, setup->smtpd), *id = doctor->config->authserv_id;
	char host[256] = "localhost";

	(void)gethostname(host, sizeof(host) - 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *name = authserv_id_in(doctor->arena, others[i].path);

		if (name == NULL && access(others[i].path, R_OK) != 0)
			continue;
		name = name != NULL ? real_name(name, host) : host;	/* both default to the host's name */
		if (strcasecmp(name, id != NULL ? id : host) != 0)
			continue;
		doctor_say(doctor, "mta", strstr(chain, others[i].program) != NULL ? DOCTOR_WARNING : DOCTOR_INFO,
		    "give it another AuthservID, let it only sign (OpenDKIM: Mode s), or take it out of smtpd_milters: else it removes "
		    "assayd's results, or believes them to be its own",
		    "%s calls itself \"%s\" in Authentication-Results, as assayd does (%s)", others[i].program, name, others[i].path);
	}
}

/* The same assayd twice in the chain, or two of them: each message is judged twice, and the second removes the first's result. */
static void say_twice(struct doctor *doctor, const struct setup *setup)
{
	size_t count, ours = 0;
	struct milter_item *items = milters_split(doctor->arena, setup_milters_of(setup, setup->smtpd), &count);

	for (size_t i = 0; i < count; i++)
		ours += strstr(items[i].address, "assay") != NULL;
	if (ours > 1)
		doctor_say(doctor, "mta", DOCTOR_WARNING, "leave one of them in smtpd_milters",
		    "smtpd_milters names assayd %zu times: the second removes the results of the first, which bear the same name", ours);
}

static void examine_postfix(struct doctor *doctor, struct setup *setup)
{
	struct setup_check check;

	setup->smtpd = postfix_smtpd(&setup->postfix);
	setup_check(setup, &check);
	say_check(doctor, &check);
	if (setup->smtpd == NULL)
		return;
	say_default_action(doctor, &setup->postfix);
	say_twice(doctor, setup);
	say_namesakes(doctor, setup);
	doctor_beside(doctor, setup);
	doctor_recipients(doctor, setup->postfix.mydestination);
}

void doctor_mta(struct doctor *doctor)
{
	struct setup setup = { .arena = doctor->arena, .config_path = doctor->config_path, .config = doctor->config,
		.sendmail_cf = SENDMAIL_CF };
	const char *why = NULL;
	struct setup_check check;

	if (postfix_read(doctor->arena, doctor->postfix_directory, &setup.postfix, &why) == 0) {
		examine_postfix(doctor, &setup);
	} else if (access(SENDMAIL_CF, R_OK) == 0) {
		setup_check_sendmail(&setup, &check);
		say_check(doctor, &check);
	} else {
		doctor_say(doctor, "mta", DOCTOR_WARNING, "install Postfix or Sendmail; assayd judges what an MTA hands it",
		    "no MTA is set up here: %s", why);
	}
}
