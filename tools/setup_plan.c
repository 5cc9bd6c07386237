/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has to change so that Postfix asks assayd: pure, from what Postfix and assay.conf say.
 *
 * The socket goes below Postfix's queue directory, where smtpd finds it chrooted or not. Its directory belongs to assayd's user
 * and has Postfix's group and the set-group-id bit: whoever starts assayd, the socket gets that group, and smtpd may connect.
 * assayd stands first among the milters: it has to see the message as it came, and the others its results.
 */
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "milters.h"
#include "setup.h"

#define SOCKET_DIRECTORY "assay"
#define SOCKET_NAME "assay.sock"

const char *setup_milters_of(const struct setup *setup, const struct postfix_service *service)
{
	return service != NULL && service->milters != NULL ? service->milters : setup->postfix.milters;
}

/* Both lead to the same place; links on the way do not matter where the socket is there. */
static bool same_place(const char *a, const char *b)
{
	struct stat of_a, of_b;

	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static const char *root_of(const struct setup *setup, const struct postfix_service *service)
{
	return service != NULL && service->chroot ? setup->postfix.queue_directory : "";
}

/* @return whether the item leads the service's smtpd to assayd's configured socket. */
static bool leads_here(const struct setup *setup, const struct postfix_service *service, const struct milter_item *item)
{
	const char *own = libmilter_unix_path(setup->config->socket), *path, *inet;

	if (own != NULL) {
		path = milter_unix_path(setup->arena, item->address, root_of(setup, service), setup->postfix.queue_directory);
		return path != NULL && same_place(path, own);
	}
	inet = milter_from_libmilter(setup->arena, setup->config->socket);
	return inet != NULL && (strcasecmp(inet, item->address) == 0 ||
	    (strncmp(inet, "inet:127.0.0.1:", 15) == 0 && strncasecmp(item->address, "inet:localhost:", 15) == 0 &&
	     strcmp(inet + 15, item->address + 15) == 0));
}

const char *setup_present_address(const struct setup *setup)
{
	size_t count;
	struct milter_item *items = milters_split(setup->arena, setup_milters_of(setup, setup->smtpd), &count);

	for (size_t i = 0; i < count; i++)
		if (leads_here(setup, setup->smtpd, &items[i]))
			return items[i].address;
	return NULL;
}

bool setup_directory_right(const struct setup *setup, const char *path)
{
	const struct passwd *owner = getpwnam(setup->config->user != NULL ? setup->config->user : "root");
	const struct passwd *postfix;
	struct stat status;
	uid_t uid;

	if (owner == NULL)
		return false;
	uid = owner->pw_uid;	/* getpwnam() reuses its memory */
	postfix = getpwnam(setup->postfix.mail_owner);
	return postfix != NULL && lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == uid &&
	    status.st_gid == postfix->pw_gid && (status.st_mode & 07777) == 02750;
}

static const char *group_of(const struct setup *setup)
{
	const struct passwd *owner = getpwnam(setup->postfix.mail_owner);
	const struct group *group = owner != NULL ? getgrgid(owner->pw_gid) : NULL;

	return group != NULL ? arena_strdup(setup->arena, group->gr_name) : setup->postfix.mail_owner;
}

/* The list with assayd first; items that lead to no socket of ours but look like an earlier one of ours go. */
static const char *list_with(const struct setup *setup, const char *address)
{
	struct milter_item first = { .text = address, .address = address };
	size_t count, kept = 0;
	struct milter_item *items = milters_split(setup->arena, setup->postfix.raw_milters, &count);
	struct milter_item *all = arena_calloc(setup->arena, count + 1, sizeof(*all));

	all[kept++] = first;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(items[i].address), name_length = strlen("/" SOCKET_NAME);
		bool stale = length >= name_length && strcmp(items[i].address + length - name_length, "/" SOCKET_NAME) == 0;

		if (!stale && !leads_here(setup, setup->smtpd, &items[i]))
			all[kept++] = items[i];
	}
	return milters_join(setup->arena, all, kept, kept);
}

/* assayd listens on TCP: the admin's choice, which every smtpd reaches. */
static void plan_inet(const struct setup *setup, struct setup_plan *plan_r)
{
	plan_r->address = milter_from_libmilter(setup->arena, setup->config->socket);
}

static void plan_unix(const struct setup *setup, bool directory_right, struct setup_plan *plan_r)
{
	const char *directory = arena_printf(setup->arena, "%s/" SOCKET_DIRECTORY, setup->postfix.queue_directory);
	const char *socket = arena_printf(setup->arena, "unix:%s/" SOCKET_NAME, directory);

	plan_r->address = "unix:" SOCKET_DIRECTORY "/" SOCKET_NAME;
	if (!directory_right) {
		plan_r->directory = directory;
		plan_r->directory_group = group_of(setup);
	}
	if (strcmp(setup->config->socket, socket) != 0)
		plan_r->socket = socket;
}

void setup_plan(const struct setup *setup, bool directory_right, struct setup_plan *plan_r)
{
	const char *list;

	*plan_r = (struct setup_plan){ 0 };
	if (libmilter_unix_path(setup->config->socket) == NULL)
		plan_inet(setup, plan_r);
	else
		plan_unix(setup, directory_right, plan_r);
	if (plan_r->address == NULL)	/* fd: */
		return;
	list = list_with(setup, plan_r->address);
	if (plan_r->socket != NULL || setup_present_address(setup) == NULL)
		plan_r->milters = strcmp(list, setup->postfix.raw_milters) == 0 ? NULL : list;
	if (!setup->postfix.default_action_set && strcmp(setup->postfix.default_action, "accept") != 0)
		plan_r->default_action = "accept";
	if (setup->postfix.protocol < 6)
		plan_r->protocol = "6";
	plan_r->nothing = plan_r->directory == NULL && plan_r->socket == NULL && plan_r->milters == NULL &&
	    plan_r->default_action == NULL && plan_r->protocol == NULL;
}
