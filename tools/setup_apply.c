/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carries the plan out: note, directory, assay.conf, assayd, main.cf, Postfix; in this order, so that Postfix asks for
 * assayd only when it is there. A step that fails takes back what was done before it.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "config_edit.h"
#include "daemon.h"
#include "setup_note.h"
#include "text_file.h"

/* Puts a member into the note's section, unless an earlier --apply has noted it: what it found is what --undo owes. */
static void note_before(json_t *note, const char *section, const char *name, json_t *value)
{
	json_t *members = json_object_get(note, section);

	if (members == NULL) {
		members = json_object();
		json_object_set_new(note, section, members);
	}
	if (json_object_get(members, name) == NULL)
		json_object_set_new(members, name, value);
	else
		json_decref(value);
}

static void note_after(json_t *note, const char *section, const char *name, json_t *value)
{
	json_object_set_new(json_object_get(note, section), name, value);
}

static json_t *file_text(const struct setup *setup, const char *path)
{
	const char *text = text_file_read(setup->arena, path);

	return text != NULL ? json_string(text) : json_null();
}

static const char *main_cf(const struct setup *setup)
{
	return arena_printf(setup->arena, "%s/main.cf", setup->postfix.directory);
}

static void note_files_before(const struct setup *setup, json_t *note)
{
	note_before(note, "main.cf", "path", json_string(main_cf(setup)));
	note_before(note, "main.cf", "before", file_text(setup, main_cf(setup)));
	note_before(note, "assay.conf", "path", json_string(setup->config_path));
	note_before(note, "assay.conf", "before", file_text(setup, setup->config_path));
}

static void note_files_after(const struct setup *setup, json_t *note)
{
	note_after(note, "main.cf", "after", file_text(setup, main_cf(setup)));
	note_after(note, "assay.conf", "after", file_text(setup, setup->config_path));
}

static const char *make_directory(const struct setup *setup, const struct setup_plan *plan, json_t *note)
{
	const struct passwd *owner = getpwnam(setup->config->user != NULL ? setup->config->user : "root");
	uid_t uid = owner != NULL ? owner->pw_uid : 0;
	const struct group *group = getgrnam(plan->directory_group);
	bool made;

	if (owner == NULL)
		return arena_printf(setup->arena, "user %s (option user in %s) does not exist; the package makes it, or "
		    "`make install-user`", setup->config->user, setup->config_path);
	if (group == NULL)
		return arena_printf(setup->arena, "group %s does not exist", plan->directory_group);
	made = mkdir(plan->directory, 0700) == 0;
	if (!made && errno != EEXIST)
		return arena_printf(setup->arena, "%s cannot be made: %s", plan->directory, strerror(errno));
	note_before(note, "directory", "path", json_string(plan->directory));
	note_before(note, "directory", "made", json_boolean(made));
	/* owner before mode: chown(2) takes the set-group-id bit away */
	if (lchown(plan->directory, uid, group->gr_gid) != 0 || chmod(plan->directory, 02750) != 0)
		return arena_printf(setup->arena, "%s cannot be given to %s: %s", plan->directory, setup->config->user, strerror(errno));
	return NULL;
}

/* The edited text is loaded before it takes the file's place. */
static const char *write_config(const struct setup *setup, const struct setup_plan *plan)
{
	const char *old = text_file_read(setup->arena, setup->config_path), *text, *trial;
	const struct config *config;
	bool right;

	if (old == NULL && errno != ENOENT)
		return arena_printf(setup->arena, "%s: %s", setup->config_path, strerror(errno));
	text = config_edit_set(setup->arena, old != NULL ? old : "", "socket", plan->socket);
	trial = arena_printf(setup->arena, "%s.new", setup->config_path);
	if (text_file_write(setup->arena, trial, text, 0600) != 0)
		return arena_printf(setup->arena, "%s: %s", trial, strerror(errno));
	config = config_load(trial, stderr);
	right = config != NULL && strcmp(config->socket, plan->socket) == 0;
	config_unref(&config);
	(void)unlink(trial);
	if (!right)
		return arena_printf(setup->arena, "%s sets socket in a way that cannot be edited here; write socket = \"%s\" there "
		    "by hand and call again", setup->config_path, plan->socket);
	if (text_file_write(setup->arena, setup->config_path, text, 0644) != 0)
		return arena_printf(setup->arena, "%s: %s", setup->config_path, strerror(errno));
	return NULL;
}

static const char *set_parameter(const struct setup *setup, json_t *note, const char *name, const char *value, const char *before)
{
	json_t *entry = json_pack("{s:s?, s:s}", "before", before, "after", value);
	const char *why;

	note_before(note, "parameters", name, entry);
	json_object_set_new(json_object_get(json_object_get(note, "parameters"), name), "after", json_string(value));
	why = postfix_set(setup->arena, &setup->postfix, name, value);
	if (why == NULL)
		printf("set %s/main.cf: %s = %s\n", setup->postfix.directory, name, value);
	return why;
}

static const char *change_postfix(const struct setup *setup, const struct setup_plan *plan, json_t *note)
{
	const struct postfix *postfix = &setup->postfix;
	const char *why = NULL;

	if (plan->milters != NULL)
		why = set_parameter(setup, note, "smtpd_milters", plan->milters, postfix->milters_set ? postfix->raw_milters : NULL);
	if (why == NULL && plan->default_action != NULL)
		why = set_parameter(setup, note, "milter_default_action", plan->default_action, NULL);
	if (why == NULL && plan->protocol != NULL)
		why = set_parameter(setup, note, "milter_protocol", plan->protocol, arena_printf(setup->arena, "%u", postfix->protocol));
	return why;
}

static const char *change_daemon(const struct setup *setup, const struct setup_plan *plan)
{
	const char *why = NULL, *unused;
	json_t *running = daemon_status(setup->arena, setup->config->status_socket, &unused);
	bool there = running != NULL;

	json_decref(running);
	if (plan->socket != NULL) {
		why = write_config(setup, plan);
		if (why == NULL)
			printf("set %s: socket = \"%s\"\n", setup->config_path, plan->socket);
	}
	if (why == NULL && (plan->socket != NULL || plan->directory != NULL || !there)) {
		why = daemon_restart(setup->arena, setup->config_path, setup->config->status_socket);
		if (why == NULL)
			printf("%s assayd\n", there ? "restarted" : "started");
	}
	return why;
}

static const char *carry_out(const struct setup *setup, const struct setup_plan *plan, json_t *note)
{
	const char *why = NULL;

	if (plan->directory != NULL) {
		why = make_directory(setup, plan, note);
		if (why == NULL)
			printf("made %s (owner %s, group %s, mode 2750)\n", plan->directory, setup->config->user, plan->directory_group);
	}
	if (why == NULL)
		why = setup_note_write(setup, note);	/* before anything that is somebody else's changes */
	if (why == NULL)
		why = change_daemon(setup, plan);
	if (why == NULL)
		why = change_postfix(setup, plan, note);
	note_files_after(setup, note);
	if (why == NULL)
		why = setup_note_write(setup, note);
	if (why == NULL && postfix_running(setup->arena, &setup->postfix)) {
		why = postfix_reload(setup->arena, &setup->postfix);
		if (why == NULL)
			printf("reloaded Postfix\n");
	}
	return why;
}

int setup_apply(struct setup *setup, const struct setup_plan *plan)
{
	const char *why = NULL;
	json_t *note;

	if (geteuid() != 0)
		return tool_complain(EX_NOPERM, "setup: --apply must run as root");
	note = setup_note_read(setup, &why);
	if (why != NULL)
		return tool_complain(EX_CONFIG, "setup: the note of an earlier --apply cannot be read: %s; move it away to go on", why);
	if (note == NULL)
		note = json_object();
	note_files_before(setup, note);
	why = carry_out(setup, plan, note);
	if (why != NULL) {
		(void)setup_note_write(setup, note);
		json_decref(note);
		tool_complain(EX_UNAVAILABLE, "setup: %s", why);
		tool_complain(EX_UNAVAILABLE, "setup: taking back what was done");
		(void)setup_undo(setup);
		return EX_UNAVAILABLE;
	}
	json_decref(note);
	return EX_OK;
}
