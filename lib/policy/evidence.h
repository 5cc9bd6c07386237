/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_EVIDENCE_H
#define ASSAY_POLICY_EVIDENCE_H
/*
 * Evidence: all that a policy may look at, as plain values, and nothing that is text for people. evidence_make() is the one place
 * that makes it of what the MTA said and the checks found. What is recorded of a message is this (evidence_text.h), so that
 * another policy can be asked about it later. Whatever a policy is to look at in future has to be put in here first, and into
 * the text. Thread: any; all is borrowed or in an arena.
 */
#include "check/result.h"
#include "config/findings.h"
#include "message/author.h"
#include "message/facts.h"
#include "message/recipient.h"
#include "policy/ramp.h"
#include "util/addr.h"

/*
 * What recorded evidence may lack: a bit each. Evidence of a message that is being judged lacks nothing. What nobody could know
 * when the message came (a recipient whose domain cannot be told, say) is no lack: it is weighed as the strictest that it could be.
 */
enum evidence_lack {
	EVIDENCE_LACKS_RECIPIENTS = 1,	/* there may be recipients besides those listed */
	EVIDENCE_LACKS_AUTHORS = 2,	/* there may be author domains besides those listed */
	EVIDENCE_LACKS_SIGNATURES = 4,	/* there may be DKIM passes of domains that are not listed */
	EVIDENCE_LACKS_SPF = 8,		/* for which domain SPF passed, or whether */
	EVIDENCE_LACKS_CERT = 16,	/* names in the certificate */
	EVIDENCE_LACKS_FINDINGS = 32,	/* there are findings that this program does not know */
	EVIDENCE_LACKS_PRESSURE = 128,	/* whether DNS was pressed or out: of rows without evidence, the text has no word for it */
	EVIDENCE_LACKS_ALL = 256,	/* it stands for messages of many kinds: nothing can be told of it, either */
	EVIDENCE_LACKS_MAILBOXES = 512,	/* whose mailboxes at their domains the recipients are: never kept */
	EVIDENCE_LACKS_ENVELOPE = 1024,	/* the domain of the envelope sender, or whether there is one */
	EVIDENCE_LACKS_CLIENT_NAME = 2048,	/* the client's name, or the part of it in front of client_name */
	EVIDENCE_LACKS_LISTENER = 4096,
	EVIDENCE_LACKS_AUTH = 8192,	/* whether the client authenticated: of rows without evidence */
	EVIDENCE_LACKS_OVERRIDES = 16384,	/* what an override of a DMARC failure stood in for, or which it was */
	EVIDENCE_LACKS_SENSE = 64,	/* something is there that this program cannot read: nothing can be told of it */
};

/* Of several findings of one kind, the one with the least domain: the others weigh the same. */
struct evidence_finding {
	enum finding_id id;
	bool secure;			/* on DNSSEC-secure data, or on none of the DNS at all */
	const char *domain;		/* for the reply only; NULL: nobody's, or not recorded */
	bool override_unknown;		/* an override may hold, which is not known for now: nothing is refused for good */
};

/* An override of a DMARC failure that holds, or may. */
struct evidence_override {
	const char *name;		/* of its section; OVERRIDE_ARC */
	bool unknown;
	bool secure;			/* its evidence is DNSSEC-secure */
};

/*
 * A finding that overrides may waive, and what is weighed of it instead by policies that honour them. Those of one id, security and
 * set of overrides are one.
 */
struct evidence_waivable {
	struct evidence_finding as_is;		/* no override is honoured */
	struct evidence_finding open;		/* one is of which nothing is known */
	struct evidence_finding waived[2];	/* dmarc-overridden, on insecure and on secure data: one is that holds */
	const struct evidence_override *overrides;	/* by name */
	size_t override_count;
};

struct evidence_author {
	const char *domain;		/* lower case A-labels */
	enum result dmarc;		/* RESULT_UNCHECKED: DMARC is off */
	bool secure;			/* what dmarc stands on */
};

/* A DKIM pass. A secure one is listed only when it counts (dkim_result_counts()): others vouch for nothing. */
struct evidence_pass {
	const char *domain;
	bool secure;
};

struct evidence_cert {
	enum cert_status status;
	const char *subject, *issuer;	/* common names, lower case; NULL: none, or no authority stands behind them */
	const char *proven;		/* the name whose secure TLSA record is the certificate's; NULL */
	const char *match;		/* whom it fits: "client-name" "helo" "author-domain" "tlsa"; NULL: nobody */
	bool tlsa_unknown;		/* no answer, or a bogus one: a later try may find it proven */
};

struct evidence {
	enum finding_stage stage;	/* ENVELOPE: judged at RCPT, its authors are not known yet */
	int64_t time_secs;		/* when MAIL FROM came; 0: not known. No part of the text: the record keeps it beside */
	unsigned span_secs;		/* of recorded evidence: within so many seconds from then on; 0: at that time */
	const struct brakes *brakes;	/* that were on around that time (policy/ramp.h); NULL: none. No part of the text */
	unsigned lacks;			/* of enum evidence_lack */

	struct evidence_finding *findings;	/* at most one an id and security; in the order of the table */
	size_t finding_count;
	const struct evidence_waivable *waivable;	/* none of them is in findings */
	size_t waivable_count;
	finding_set unlooked;		/* of recorded evidence only: nobody looked for these, for their check was off */
	bool dns_pressed;		/* look-ups were not made, because more was under way than the resolver takes */
	bool exempt, authenticated;
	bool tls_not_required;		/* the message says TLS-Required: No (RFC 8689); whether that counts is the policy's */
	struct evidence_cert cert;

	const char *listener;		/* what the MTA calls the socket: {assay_profile}, else {daemon_name}; NULL: it does not say */
	struct ip_network client;	/* one address while the message is there, its network when read; AF_UNSPEC: none */
	const char *client_name;	/* forward-confirmed; NULL */
	bool client_name_unknown;	/* there may be one: the look-up failed, or nobody looked */
	bool client_name_secure, client_name_is_parent;	/* is_parent: the name is some host's right below it */

	const char *envelope_domain;	/* NULL: the null sender, or one whose domain nobody can tell */
	bool null_sender;
	const char *spf_domain;
	enum result spf;
	bool spf_secure;
	const struct evidence_pass *passes;
	size_t pass_count;

	const struct evidence_author *authors;
	size_t author_count;
	bool authors_unknown;		/* they are not all that a reader could be shown */

	/* Sets: sorted, each place once. Those refused at RCPT do not get the message; other policies might have taken them. */
	const struct recipient_place *recipients, *refused;
	size_t recipient_count, refused_count;
	bool recipients_over_cap;	/* there were more than are weighed: they count as one whose place is not known */
	bool over_cap_but_for_refused;	/* there would have been more, had nobody been refused */
};

/* What evidence is made of. The places need not be sorted. */
struct evidence_input {
	enum finding_stage stage;
	const struct facts *facts;
	const struct author *author;
	const struct results *results;
	const struct recipient_place *recipients, *refused;
	size_t recipient_count, refused_count;
	bool recipients_over_cap;
	const struct brakes *brakes;	/* borrowed for the evidence's life; NULL */
};

/** Makes evidence; it borrows from the input and lives in the arena. A message without any recipient has an unknown one. */
void evidence_make(const struct evidence_input *input, struct arena *arena, struct evidence *evidence_r);

/** Fills what follows from as_is and the overrides, which it sorts. */
void evidence_set_waivable(struct evidence_waivable *waivable, struct evidence_override *overrides, size_t count);

/** @return whether an override holds that waives what DMARC found. */
bool evidence_is_overridden(const struct evidence *evidence);

/** Makes a set of some places. @return how many are left in places. */
size_t evidence_sort_places(struct recipient_place *places, size_t count);

#endif
