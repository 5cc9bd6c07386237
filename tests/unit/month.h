/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_MONTH_H
#define ASSAY_TESTS_MONTH_H
/*
 * A month of mail, made up and always the same: domains with all sorts of SPF, DKIM, DMARC and ADSP, sent directly, through forwarders
 * and lists, forged in two ways, with peers that give up TLS on one day, to one recipient or several in four domains. It goes through
 * the real pipeline with its own DNS zone and a fixed clock. Thread: one.
 */
#include "pipeline/pipeline.h"
#include "scratch.h"

enum { MONTH_DAYS = 30, MONTH_PLACES = 4 };

enum mail_kind { MAIL_DIRECT, MAIL_FORWARDED, MAIL_LIST, MAIL_SPOOFED, MAIL_SPOOFED_SIGNED };

struct mail {
	int64_t time_secs;
	enum mail_kind kind;
	unsigned domain;	/* of the author */
	unsigned helper;	/* which forwarder, list or spoofer */
	unsigned places;	/* recipients: a bit for each of r0.example … r3.example */
	bool tls;
};

/* How a message ended. */
struct ending {
	enum action action;
	enum finding_id finding;
	bool enforced, partly;	/* partly: refused to some recipients, not to all */
};

struct month {
	char directory[SCRATCH_BYTES];
	unsigned domains;
	size_t count;
	struct mail *mails;
	char **signatures;	/* by author domain, then lists' and spoofers' by author domain: values of DKIM-Signature fields */
};

/** Of the environment ASSAY_MESSAGES and ASSAY_DOMAINS replace the numbers; ASSAY_KEEP: the directory stays. */
struct month *month_new(size_t messages, unsigned domains);
void month_free(struct month **month);

/**
 * "d7.example"; in a static buffer. Those with a DMARC record want aggregate reports by number: a multiple of 4 at an address of its
 * own, the next at agree.example, which consents, the next at refuse.example, which does not, the next none.
 */
const char *month_domain(unsigned domain);

/** Address of the client that brings it; in a static buffer. */
const char *month_client(const struct mail *mail);

/** A configuration with these policies; the record is the file NAME.db of the month's directory. The caller's reference. */
const struct config *month_config(const struct month *month, const char *name, const char *mode, const char *settings);

/** Sends all mail through a pipeline of this configuration. @param endings_r  month->count of them. */
void month_run(const struct month *month, const struct config *config, struct ending *endings_r);

#endif
