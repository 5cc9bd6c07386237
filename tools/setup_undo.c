/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts back what --apply has changed. A file that nobody has touched since comes back whole; in one that was edited since,
 * only our own changes are taken out, and what cannot be is told.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "config_edit.h"
#include "daemon.h"
#include "milters.h"
#include "setup_note.h"
#include "text_file.h"

/* @return whether the file is as --apply has left it; then it is put back whole. */
static bool restore_whole(const struct setup *setup, const json_t *note, const char *section)
{
	const char *path = setup_note_text(note, section, "path"), *before = setup_note_text(note, section, "before");
	const char *after = setup_note_text(note, section, "after"), *now = path != NULL ? text_file_read(setup->arena, path) : NULL;

	if (path == NULL || now == NULL)
		return false;
	if (before != NULL && strcmp(now, before) == 0)
		return true;
	if (after == NULL || strcmp(now, after) != 0)
		return false;
	if ((before == NULL && unlink(path) != 0) || (before != NULL && text_file_write(setup->arena, path, before, 0644) != 0)) {
		tool_complain(EX_IOERR, "setup: %s cannot be put back: %s", path, strerror(errno));
		return false;
	}
	printf("%s %s as it was\n", before == NULL ? "removed" : "put back", path);
	return true;
}

/* The list of today without assayd. @return NULL when it is not in it. */
static const char *without_assayd(const struct setup *setup, const char *list, const char *after)
{
	size_t count, own_count;
	struct milter_item *items = milters_split(setup->arena, list, &count);
	struct milter_item *own = milters_split(setup->arena, after, &own_count);	/* ours is the first */

	for (size_t i = 0; i < count; i++)
		if (own_count != 0 && strcmp(items[i].address, own[0].address) == 0)
			return milters_join(setup->arena, items, count, i);
	return NULL;
}

/* The value that the parameter gets back; "" with *unset_r: none. NULL: it is left as it is. */
static const char *value_back(const struct setup *setup, const char *name, const json_t *entry, bool *unset_r)
{
	const char *before = json_string_value(json_object_get(entry, "before"));
	const char *after = json_string_value(json_object_get(entry, "after"));
	const char *const argv[] = { "postconf", "-c", setup->postfix.directory, "-h", name, NULL };
	struct run_result now;
	const char *value, *list;

	if (after == NULL || !run_program(setup->arena, argv, 20, &now))
		return NULL;
	value = first_line(setup->arena, now.output);
	*unset_r = before == NULL;
	if (strcmp(value, after) == 0)
		return before != NULL ? before : "";
	if (strcmp(name, "smtpd_milters") != 0 || (list = without_assayd(setup, value, after)) == NULL)
		return NULL;
	*unset_r = before == NULL && *list == '\0';
	return list;
}

static void restore_parameters(const struct setup *setup, json_t *note)
{
	const char *name, *value, *why;
	json_t *entry;

	json_object_foreach(json_object_get(note, "parameters"), name, entry) {
		bool unset = false;

		value = value_back(setup, name, entry, &unset);
		if (value == NULL) {
			printf("%s was changed since, and stays\n", name);
			continue;
		}
		why = unset ? postfix_unset(setup->arena, &setup->postfix, name) : postfix_set(setup->arena, &setup->postfix, name, value);
		if (why != NULL)
			tool_complain(EX_IOERR, "setup: %s", why);
		else if (unset)
			printf("%s: taken out of main.cf\n", name);
		else
			printf("%s = %s\n", name, value);
	}
}

/* In an assay.conf that was edited since, the socket alone gets its old value. */
static void restore_socket(const struct setup *setup, const json_t *note)
{
	const char *path = setup_note_text(note, "assay.conf", "path"), *before = setup_note_text(note, "assay.conf", "before");
	const char *now = path != NULL ? text_file_read(setup->arena, path) : NULL, *old_path;
	const struct config *old;

	if (now == NULL)
		return;
	old_path = arena_printf(setup->arena, "%s.old", path);
	if (text_file_write(setup->arena, old_path, before != NULL ? before : "", 0600) != 0)
		return;
	old = config_load(old_path, stderr);
	(void)unlink(old_path);
	if (old == NULL)
		return;
	if (text_file_write(setup->arena, path, config_edit_set(setup->arena, now, "socket", old->socket), 0644) == 0)
		printf("%s was edited since: only socket = \"%s\" was put back\n", path, old->socket);
	else
		tool_complain(EX_IOERR, "setup: %s: %s", path, strerror(errno));
	config_unref(&old);
}

static void remove_directory(const json_t *note)
{
	const char *path = setup_note_text(note, "directory", "path");

	if (path == NULL || !json_is_true(json_object_get(json_object_get(note, "directory"), "made")))
		return;
	if (rmdir(path) == 0)
		printf("removed %s\n", path);
	else if (errno != ENOENT)
		tool_complain(EX_IOERR, "setup: %s is left: %s", path, strerror(errno));
}

int setup_undo(struct setup *setup)
{
	const char *why = NULL, *unused;
	json_t *note = setup_note_read(setup, &why), *running;
	bool config_changed;

	if (geteuid() != 0)
		return tool_complain(EX_NOPERM, "setup: --undo must run as root");
	if (note == NULL)
		return tool_complain(why != NULL ? EX_CONFIG : EX_NOINPUT, "setup: nothing to undo: %s", why != NULL ? why :
		    arena_printf(setup->arena, "%s does not exist (--apply writes it)", setup_note_path(setup)));
	if (!restore_whole(setup, note, "main.cf"))
		restore_parameters(setup, note);
	if (postfix_running(setup->arena, &setup->postfix)) {
		why = postfix_reload(setup->arena, &setup->postfix);
		why == NULL ? (void)printf("reloaded Postfix\n") : (void)tool_complain(EX_UNAVAILABLE, "setup: %s", why);
	}
	config_changed = strcmp(setup_note_text(note, "assay.conf", "before") != NULL ? setup_note_text(note, "assay.conf", "before") :
	    "", setup_note_text(note, "assay.conf", "after") != NULL ? setup_note_text(note, "assay.conf", "after") : "") != 0;
	if (config_changed && !restore_whole(setup, note, "assay.conf"))
		restore_socket(setup, note);
	running = daemon_status(setup->arena, setup->config->status_socket, &unused);
	if (config_changed && running != NULL) {
		why = daemon_restart(setup->arena, setup->config_path, setup->config->status_socket);
		why == NULL ? (void)printf("restarted assayd\n") : (void)tool_complain(EX_UNAVAILABLE, "setup: %s", why);
	}
	json_decref(running);
	remove_directory(note);
	(void)unlink(setup_note_path(setup));
	json_decref(note);
	return EX_OK;
}
