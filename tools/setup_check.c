/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why mail passes unjudged, in one sentence: from the configuration outwards, the first thing that is wrong is told. At the
 * end a probe goes through the running smtpd, since only that proves anything.
 */
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "milters.h"
#include "setup.h"
#include "smtp_probe.h"

enum { PROBES = 4, PROBE_WAIT_MS = 1500 };

#define SAY(check, ...) ((check)->sentence = arena_printf(setup->arena, __VA_ARGS__))

static const char apply_it[] = "run `assay setup postfix --apply`";

/* ---- the probe -------------------------------------------------------------------------------------------------------- */

/* Where the service listens: its own host, else one of inet_interfaces that this machine can reach. */
static void probe_target(const struct setup *setup, const struct postfix_service *front, struct smtp_probe *probe_r)
{
	const char *colon = strrchr(front->name, ':'), *interfaces = setup->postfix.inet_interfaces, *host;
	bool v6_only = strcmp(setup->postfix.inet_protocols, "ipv6") == 0;
	size_t length;

	probe_r->port = colon != NULL ? colon + 1 : front->name;
	if (colon != NULL && colon != front->name) {
		host = front->name[0] == '[' ? front->name + 1 : front->name;
		length = front->name[0] == '[' ? strcspn(host, "]") : (size_t)(colon - host);
		probe_r->host = arena_strndup(setup->arena, host, length);
		return;
	}
	host = v6_only ? "::1" : "127.0.0.1";
	if (strcmp(interfaces, "all") != 0 && strcmp(interfaces, "loopback-only") != 0 && strstr(interfaces, "localhost") == NULL &&
	    strstr(interfaces, host) == NULL) {
		interfaces += strspn(interfaces, " ,[");
		host = arena_strndup(setup->arena, interfaces, strcspn(interfaces, " ,]"));
	}
	probe_r->host = host;
}

/* @return whether the probe came through; else check_r says what is wrong. */
static bool probe(const struct setup *setup, struct setup_check *check_r)
{
	const struct postfix_service *front = postfix_front(&setup->postfix);
	struct smtp_probe probe = { 0 };
	const char *why = NULL;
	bool arrived = false;

	probe_target(setup, front, &probe);
	/* right after a reload an smtpd of before may still take a session */
	for (int i = 0; i < PROBES && !arrived; i++) {
		why = smtp_probe_send(setup->arena, &probe);
		arrived = why == NULL && daemon_saw_probe(setup->arena, setup->config->status_socket, probe.label, PROBE_WAIT_MS);
	}
	if (why != NULL) {
		SAY(check_r, "the probe could not be sent: %s", why);
		check_r->remedy = "see that Postfix runs and takes mail there";
		return false;
	}
	if (!arrived) {
		SAY(check_r, "smtpd at %s port %s took the probe and did not ask assayd", probe.host, probe.port);
		check_r->remedy = "run `postfix reload`, and look for \"milter\" in the mail log; a service of master.cf may have "
		    "smtpd_milters of its own";
		return false;
	}
	SAY(check_r, "smtpd at %s port %s asks assayd: the probe arrived", probe.host, probe.port);
	return true;
}

/* ---- what stands in the way ------------------------------------------------------------------------------------------- */

/* smtpd_milters names something that ends like our socket but leads elsewhere: the usual slip with a chroot. */
static const char *misled_address(const struct setup *setup)
{
	size_t count;
	struct milter_item *items = milters_split(setup->arena, setup_milters_of(setup, setup->smtpd), &count);

	for (size_t i = 0; i < count; i++)
		if (strstr(items[i].address, "assay") != NULL)
			return items[i].address;
	return NULL;
}

static void say_not_named(const struct setup *setup, struct setup_check *check_r)
{
	const char *address = misled_address(setup), *path = NULL;
	bool chroot = setup->smtpd->chroot;

	check_r->remedy = apply_it;
	if (setup->smtpd->milters != NULL) {	/* main.cf does not count for it */
		SAY(check_r, "service %s of master.cf has smtpd_milters of its own, without assayd: \"%s\"", setup->smtpd->name,
		    setup->smtpd->milters);
		check_r->remedy = "name assayd's socket there, or take that option out of master.cf";
		return;
	}
	if (address != NULL)
		path = milter_unix_path(setup->arena, address, chroot ? setup->postfix.queue_directory : "", setup->postfix.queue_directory);
	if (path != NULL && chroot && address[5] == '/')
		SAY(check_r, "smtpd is chrooted: %s means %s to it, but assayd's socket is %s", address, path, setup->config->socket);
	else if (path != NULL)
		SAY(check_r, "smtpd_milters leads to %s, but assayd's socket is %s", path, setup->config->socket);
	else if (address != NULL)
		SAY(check_r, "smtpd_milters names %s, but assayd's socket is %s", address, setup->config->socket);
	else
		SAY(check_r, "Postfix is not told of assayd: smtpd_milters = \"%s\"", setup_milters_of(setup, setup->smtpd));
}

/* @return whether smtpd, as its user and from its root, can connect. */
static bool reachable(const struct setup *setup, const char *address, struct setup_check *check_r)
{
	const struct postfix *postfix = &setup->postfix;
	struct reach as = { .directory = postfix->queue_directory, .user = postfix->mail_owner,
		.root = setup->smtpd->chroot ? postfix->queue_directory : NULL };
	const char *why;

	if (geteuid() != 0)
		as = (struct reach){ .directory = postfix->queue_directory };
	why = daemon_reach(setup->arena, address, &as);
	if (why == NULL)
		return true;
	SAY(check_r, "smtpd%s cannot connect to %s as user %s: %s", setup->smtpd->chroot ? " (chrooted)" : "", address,
	    as.user != NULL ? as.user : "that you are", why);
	check_r->remedy = strstr(why, "permission") != NULL
	    ? "the socket and its directory must let Postfix's group in; run `assay setup postfix --apply`"
	    : "start assayd, and see in its log where it listens";
	return false;
}

static bool daemon_answers(const struct setup *setup, struct setup_check *check_r)
{
	const char *why, *socket;
	json_t *status = daemon_status(setup->arena, setup->config->status_socket, &why);

	if (status == NULL) {
		SAY(check_r, "assayd does not run: %s", why);
		check_r->remedy = daemon_keeper(setup->arena, setup->config_path) == KEEPER_SYSTEMD
		    ? "run `systemctl start assayd`, and `journalctl -u assayd` tells why it ended" : "start assayd";
		return false;
	}
	socket = arena_strdup(setup->arena, json_string_value(json_object_get(status, "socket")));
	json_decref(status);
	if (socket != NULL && strcmp(socket, setup->config->socket) != 0) {
		SAY(check_r, "assayd listens at %s, but %s says %s", socket, setup->config_path, setup->config->socket);
		check_r->remedy = "restart assayd: a changed socket takes that";
		return false;
	}
	return true;
}

void setup_check(const struct setup *setup, struct setup_check *check_r)
{
	const char *address;

	*check_r = (struct setup_check){ 0 };
	if (setup->smtpd == NULL) {
		SAY(check_r, "master.cf of %s has no smtpd: Postfix takes no mail by SMTP here", setup->postfix.directory);
		check_r->remedy = "nothing to do, unless mail should come in";
		return;
	}
	address = setup_present_address(setup);
	if (!daemon_answers(setup, check_r))
		return;
	if (address == NULL) {
		say_not_named(setup, check_r);
		return;
	}
	if (!reachable(setup, address, check_r))
		return;
	if (!postfix_running(setup->arena, &setup->postfix)) {
		SAY(check_r, "everything is in its place, but Postfix does not run");
		check_r->remedy = "start Postfix, and call again";
		return;
	}
	check_r->good = probe(setup, check_r);
}
