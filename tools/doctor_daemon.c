/* SPDX-License-Identifier: BSD-2-Clause */
/* assay doctor: the configuration, the running daemon, and its log. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "build-config.h"
#include "config/advice.h"
#include "config/domain_list.h"
#include "daemon.h"
#include "doctor.h"
#include "record/backend.h"
#include "run.h"
#include "util/clock.h"
#include "util/out_of_memory.h"

enum { NEIGHBOUR_LEAST = 10 };

/* ---- configuration ------------------------------------------------------------------------------------------------ */

static void tell_advice(void *closure, const char *text)
{
	doctor_say(closure, "config", DOCTOR_WARNING, NULL, "%s", text);
}

static void tell_list(void *closure, const char *text)
{
	doctor_say(closure, "config", DOCTOR_INFO, NULL, "%s", text);
}

static void say_errors(struct doctor *doctor, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			doctor_say(doctor, "config", DOCTOR_ERROR, "assayd does not start with this, and a reload keeps the old one", "%s", line);
}

void doctor_config(struct doctor *doctor)
{
	bool there = access(doctor->config_path, F_OK) == 0;
	char *text = NULL;
	size_t length = 0;
	FILE *errors = open_memstream(&text, &length);

	if (errors == NULL)
		out_of_memory();
	doctor->config = config_load(there ? doctor->config_path : NULL, errors);
	fclose(errors);
	if (doctor->config == NULL)
		say_errors(doctor, text);
	else if (!there)
		doctor_say(doctor, "config", DOCTOR_WARNING, "`make install-config`, or the package, puts one there",
		    "%s does not exist: the built-in defaults count", doctor->config_path);
	else if (config_advise(doctor->config, tell_advice, doctor) == 0)
		doctor_say(doctor, "config", DOCTOR_OK, NULL, "%s: no errors, nothing to advise", doctor->config_path);
	if (doctor->config != NULL)
		domain_lists_tell(doctor->config, tell_list, doctor);
	free(text);
}

/* ---- the daemon ----------------------------------------------------------------------------------------------------- */

static json_int_t number(const json_t *status, const char *section, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(status, section), name));
}

const char *doctor_word(const json_t *status, const char *section, const char *name)
{
	const char *text = json_string_value(json_object_get(section != NULL ? json_object_get(status, section) : status, name));

	return text != NULL ? text : "";
}

/* "3 minutes ago" */
static const char *ago(struct doctor *doctor, int64_t secs)
{
	int64_t age = clock_wall_secs(NULL) - secs;

	if (secs == 0)
		return "never";
	if (age < 120)
		return arena_printf(doctor->arena, "%" PRId64 " s ago", age < 0 ? 0 : age);
	if (age < 7200)
		return arena_printf(doctor->arena, "%" PRId64 " minutes ago", age / 60);
	if (age < 172800)
		return arena_printf(doctor->arena, "%" PRId64 " hours ago", age / 3600);
	return arena_printf(doctor->arena, "%" PRId64 " days ago", age / 86400);
}

/* assayd tells the whole path of its file; ours may begin here, or lead over a link. */
static bool is_our_file(const struct doctor *doctor, const char *loaded)
{
	char whole[PATH_MAX];

	return strcmp(loaded, doctor->config_path) == 0 ||
	    (realpath(doctor->config_path, whole) != NULL && strcmp(loaded, whole) == 0);
}

static void say_how_it_fares(struct doctor *doctor)
{
	const json_t *status = doctor->status;
	const char *loaded = doctor_word(status, NULL, "config");

	doctor_say(doctor, "daemon", DOCTOR_OK, NULL, "assayd %s, process %lld, mode %s, started %s; %lld messages judged, the last %s",
	    doctor_word(status, NULL, "version"), (long long)json_integer_value(json_object_get(status, "pid")),
	    doctor_word(status, NULL, "mode"), ago(doctor, json_integer_value(json_object_get(status, "started"))),
	    (long long)number(status, "messages", "judged"), ago(doctor, number(status, "messages", "last")));
	if (strcmp(doctor_word(status, NULL, "version"), PACKAGE_VERSION) != 0)
		doctor_say(doctor, "daemon", DOCTOR_WARNING, "restart assayd", "the running assayd is version %s, this is %s",
		    doctor_word(status, NULL, "version"), PACKAGE_VERSION);
	if (*loaded != '\0' && !is_our_file(doctor, loaded))
		doctor_say(doctor, "daemon", DOCTOR_INFO, NULL, "it runs with %s, not %s", loaded, doctor->config_path);
}

/* What the daemon lacks now, and what it could run out of. */
static void say_outages(struct doctor *doctor)
{
	const json_t *descriptors = json_object_get(doctor->status, "descriptors");
	const json_t *outage;
	size_t i;

	if (descriptors != NULL)
		doctor_say(doctor, "limits", json_is_true(json_object_get(descriptors, "fit")) ? DOCTOR_OK : DOCTOR_WARNING, NULL, "%s",
		    doctor_word(doctor->status, "descriptors", "text"));
	json_array_foreach(json_object_get(doctor->status, "outages"), i, outage)
		doctor_say(doctor, "outage", DOCTOR_WARNING, NULL, "%s, since %s, %lld messages or sessions were hit: %s",
		    doctor_word(outage, NULL, "name"), ago(doctor, json_integer_value(json_object_get(outage, "since"))),
		    (long long)json_integer_value(json_object_get(outage, "affected")), doctor_word(outage, NULL, "text"));
}

/* What passed other filters, too. */
static void say_beside(struct doctor *doctor)
{
	long long judged = (long long)number(doctor->status, "messages", "judged"), top = (long long)number(doctor->status, "beside", "own-on-top");
	long long unjudged = (long long)number(doctor->status, "beside", "unjudged"), twice = (long long)number(doctor->status, "beside", "twice");
	long long kept = (long long)number(doctor->status, "beside", "kept"), relayed = (long long)number(doctor->status, "beside", "relayed");

	if (unjudged != 0)
		doctor_say(doctor, "beside", DOCTOR_WARNING, "behind smtpd_proxy_filter milters see no message: see \"Assay beside other software\" in "
		    "assayd(8)", "%lld messages came back to this MTA and nobody had judged them (returned=unjudged in the log)", unjudged);
	if (twice != 0)
		doctor_say(doctor, "beside", DOCTOR_WARNING, "name that smtpd (-o milter_macro_daemon_name=...) and list the name in reinjection-daemons",
		    "%lld messages came back judged, and lost their verdict the second time (returned=twice in the log)", twice);
	if (kept != 0)
		doctor_say(doctor, "beside", DOCTOR_OK, NULL, "%lld messages came back judged and kept their verdict", kept);
	if (relayed != 0)
		doctor_say(doctor, "beside", DOCTOR_INFO, "where it is a relay for mail from outside, let it judge, and list its name in "
		    "trusted-authserv-ids", "%lld messages of trusted-networks came from elsewhere and passed unjudged", relayed);
	if (top != 0)
		doctor_say(doctor, "beside", top >= NEIGHBOUR_LEAST && top > judged / 2 ? DOCTOR_WARNING : DOCTOR_INFO,
		    "if another filter before assayd has its authserv-id, give it another; forged ones need nothing: they are removed",
		    "%lld of %lld messages came with results in our own name above all that a sender writes", top, judged);
}

void doctor_daemon(struct doctor *doctor)
{
	unsigned count = daemon_count(doctor->config_path);
	const char *why = "";

	doctor->status = daemon_status(doctor->arena, doctor->config->status_socket, &why);
	if (doctor->status != NULL) {
		say_how_it_fares(doctor);
		say_outages(doctor);
		say_beside(doctor);
	} else if (count != 0 && doctor->config->status_socket == NULL) {
		doctor_say(doctor, "daemon", DOCTOR_WARNING, "set status-socket, and restart assayd", "an assayd runs, but %s", why);
	} else {
		doctor_say(doctor, "daemon", DOCTOR_ERROR, daemon_keeper(doctor->arena, doctor->config_path) == KEEPER_SYSTEMD
		    ? "`systemctl start assayd`; `journalctl -u assayd` tells why it ended" : "start assayd; it says what is wrong",
		    "%s%s", why, count != 0 ? " (but there is such a process)" : "");
	}
	if (count > 1)
		doctor_say(doctor, "daemon", DOCTOR_WARNING, "stop those that are not meant: a message may be judged twice, or by an old one",
		    "%u processes of assayd run with %s", count, doctor->config_path);
}

/* ---- the log ------------------------------------------------------------------------------------------------------------ */

void doctor_log(struct doctor *doctor)
{
	static const char *const places[] = {
		[LOG_TARGET_SYSLOG] = "/dev/log", [LOG_TARGET_JOURNAL] = "/run/systemd/journal/socket", [LOG_TARGET_STDERR] = NULL,
	};
	const char *place = places[doctor->config->log_target];

	if (place == NULL)
		doctor_say(doctor, "log", DOCTOR_INFO, NULL, "the log goes to standard error, to whoever started assayd");
	else if (access(place, F_OK) == 0)
		doctor_say(doctor, "log", DOCTOR_OK, NULL, "%s takes log lines", place);
	else
		doctor_say(doctor, "log", DOCTOR_WARNING, "start a log daemon, or set log-target", "there is no %s: log lines are lost", place);
}
