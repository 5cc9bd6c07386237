/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_POSTFIX_H
#define ASSAY_TOOLS_POSTFIX_H
/*
 * What Postfix says of itself, through postconf(1): main.cf, master.cf, what stands there and what is built in.
 * Reads only, but for postfix_set(), postfix_unset() and postfix_reload(). Thread: one.
 */
#include "run.h"
#include "util/arena.h"

/* One service of master.cf that takes mail by SMTP. */
struct postfix_service {
	const char *name;	/* "smtp", "127.0.0.1:2525", "[::1]:smtp" */
	const char *type;	/* "inet" "unix" "pass" */
	bool postscreen;	/* hands over to the smtpd of type pass */
	bool chroot;
	bool wrapped;		/* TLS from the first octet */
	const char *milters;	/* its own smtpd_milters; NULL: main.cf's */
	const char *content_filter, *proxy_filter, *overrides, *daemon_name;	/* likewise; see below */
};

struct postfix {
	const char *directory;	/* of main.cf */
	const char *version, *queue_directory, *mail_owner;
	const char *milters, *default_action;	/* with $names expanded */
	const char *raw_milters;		/* as it stands */
	const char *inet_interfaces, *inet_protocols, *restrictions, *mydestination;
	/* content_filter, smtpd_proxy_filter, receive_override_options, milter_macro_daemon_name */
	const char *content_filter, *proxy_filter, *overrides, *daemon_name;
	unsigned protocol;
	bool milters_set, default_action_set;	/* stand in main.cf */
	struct postfix_service *services;
	size_t service_count;
};

/**
 * @param directory  of main.cf; NULL: Postfix's own.
 * @return 0, or a sysexits.h code with why_r set: no Postfix (EX_UNAVAILABLE), a configuration it cannot read (EX_CONFIG).
 */
int postfix_read(struct arena *arena, const char *directory, struct postfix *postfix_r, const char **why_r);

/** The smtpd that takes mail for port 25: the first of type inet or, behind postscreen, of type pass. NULL: none. */
const struct postfix_service *postfix_smtpd(const struct postfix *postfix);
/** The service of type inet through which that smtpd is reached. NULL: none. */
const struct postfix_service *postfix_front(const struct postfix *postfix);

/** @return whether its master is running. */
bool postfix_running(struct arena *arena, const struct postfix *postfix);

/** Changes main.cf. @return NULL, or why it failed. */
const char *postfix_set(struct arena *arena, const struct postfix *postfix, const char *name, const char *value);
/** Takes the parameter out of main.cf, so that the built-in value counts. */
const char *postfix_unset(struct arena *arena, const struct postfix *postfix, const char *name);
const char *postfix_reload(struct arena *arena, const struct postfix *postfix);

#endif
