/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_SETUP_H
#define ASSAY_TOOLS_SETUP_H
/*
 * assay setup: puts assayd behind the MTA. What is there (postfix.h, the configuration) → a plan, pure → shown, or carried out
 * with a note of how to put everything back.
 */
#include "config/config.h"
#include "postfix.h"

#define SENDMAIL_CF "/etc/mail/sendmail.cf"

struct setup {
	struct arena *arena;
	const char *config_path;	/* of assay.conf */
	const char *sendmail_cf;
	const struct config *config;
	struct postfix postfix;
	const struct postfix_service *smtpd;	/* NULL: Postfix takes no mail by SMTP */
};

/* What is to be changed; a NULL member is left as it is. */
struct setup_plan {
	const char *directory;		/* for the socket, to be made or given its rights */
	const char *directory_group;
	const char *socket;		/* for assay.conf, "unix:/var/spool/postfix/assay/assay.sock" */
	const char *milters;		/* for main.cf */
	const char *address;		/* of assayd among them, "unix:assay/assay.sock" */
	const char *default_action, *protocol;
	bool nothing;			/* everything stands as it should */
};

/**
 * @param directory_right  whether the socket's directory is there with its owner, group and mode.
 * Pure: looks at setup->postfix and setup->config only.
 */
void setup_plan(const struct setup *setup, bool directory_right, struct setup_plan *plan_r);

/** @return whether the socket's directory below the queue directory is as it should be. */
bool setup_directory_right(const struct setup *setup, const char *path);

/** The address under which smtpd_milters names assayd's present socket; NULL: none of them leads there. */
const char *setup_present_address(const struct setup *setup);
/** The list of milters that counts for the service. */
const char *setup_milters_of(const struct setup *setup, const struct postfix_service *service);

void setup_show(const struct setup *setup, const struct setup_plan *plan);
/** What else stands in the chain, and in which order it works. */
void setup_show_neighbours(const struct setup *setup);

/** @return sysexits.h code. */
int setup_apply(struct setup *setup, const struct setup_plan *plan);
int setup_undo(struct setup *setup);

/** Why mail passes unjudged, when it does: the first thing that is wrong. */
struct setup_check {
	bool good;
	const char *sentence;	/* what is wrong, or that all is well */
	const char *remedy;	/* NULL: none is needed */
};
void setup_check(const struct setup *setup, struct setup_check *check_r);

/** Prints what Sendmail's configuration needs. @return sysexits.h code. */
int setup_sendmail(const struct setup *setup);
void setup_check_sendmail(const struct setup *setup, struct setup_check *check_r);

#endif
