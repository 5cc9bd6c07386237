/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_REPORT_TALLY_INTERNAL_H
#define ASSAY_REPORT_TALLY_INTERNAL_H
/* What the files of the report share; nobody else includes it. Counts are messages unless they say otherwise. Thread: one. */
#include "check/result.h"
#include "policy/recorded.h"
#include "record/peer.h"
#include "report/epochs.h"
#include "report/groups.h"
#include "report/replay.h"
#include "report/signs.h"
#include "report/tally.h"
#include "report/whatif.h"

enum { DAY_SECS = 86400, DAYS_MAX = 4000, NAMES_MAX = 40000, PAIRS_MAX = 100000, GRADES = TLS_GRADE_STRONG + 1 };

/* What becomes of messages by the policies at hand, and how they look. */
struct mail_counts { uint64_t messages, would[ACTION_COUNT], untold, looks[LOOK_COUNT]; };

/* One of the tables of names with these counts. */
enum mail_table { MAIL_AUTHORS, MAIL_RECIPIENTS, MAIL_ENVELOPES, MAIL_CLIENTS, MAIL_TABLES };

struct day_counts {
	struct mail_counts mail;
	uint64_t grades[GRADES], ungraded;
};

struct finding_counts {
	uint64_t present, decided;
	uint64_t actions[ACTION_COUNT];	/* decided */
	uint64_t looks[LOOK_COUNT];	/* decided */
};

/* What an author domain does for its mail, of what does not look forged. */
struct protection_counts {
	uint64_t messages, graded, grades[GRADES], forward_secrecy, cert;
	uint64_t spf_asked, spf, spf_pass;	/* asked under its own envelope domain; there was a record; it passed */
	uint64_t dkim_pass, dmarc_asked, dmarc, dmarc_pass, adsp_asked, adsp, secure;
};

/* Of a client: whether it hands on mail of others. */
struct client_counts {
	uint64_t carried;		/* signed by the author, and SPF fails or passes for somebody else */
	uint64_t kept, rewritten;	/* of them: under the author's envelope domain, for which SPF fails; under another */
	uint64_t authors;		/* domains of those */
	uint64_t messages, looks[LOOK_COUNT];
};

/* Of an override of a DMARC failure: messages for which it held. */
struct override_counts { uint64_t messages, looks[LOOK_COUNT]; };

/* Use of a TLS version, cipher suite or SASL mechanism. */
struct use_counts { uint64_t messages, sessions, index; };

/* What a client network was seen to use: a bit for each name, by its index. */
struct network_masks { uint64_t messages, versions, suites, mechanisms, secrecy; };

/* Bits of network_masks.secrecy, and indices of secrecy below. */
enum secrecy { SECRECY_YES, SECRECY_NO, SECRECY_UNKNOWN, SECRECY_CLEARTEXT, SECRECY_COUNT };

enum { MASK_BITS = 64, MECHANISM_MAX = 20 };

struct peer_counts {
	uint64_t peers, sessions, habit, changed, settled, pinned;
	uint64_t usual[GRADES];		/* peers */
};

struct dns_counts { uint64_t messages, failures[CHECK_RAISERS], bogus; };

struct tally {
	const struct config *config;
	struct policy_set set, now;	/* now: what is carried out today; dry-run policies do nothing */
	int64_t since_secs, until_secs;
	struct whatif *whatif;		/* of one step more than is carried out now */
	struct arena *arena;		/* for one kind; reset each time */
	struct arena *kept;
	struct epochs epochs;			/* of set */

	uint64_t kinds, sessions, bytes;
	uint64_t sessionless, old;		/* messages of rows that do not know their sessions; that have no evidence */
	int64_t first_secs, last_secs;		/* hours of the first and last message; 0: none */
	struct mail_counts all;
	uint64_t carried_out[ACTION_COUNT], told[ACTION_COUNT];	/* as decided then, by whether it was enforced */
	uint64_t action_looks[ACTION_COUNT][LOOK_COUNT];	/* as the policies decide */
	uint64_t untold[UNTOLD_COUNT], untold_old;
	uint64_t signs[SIGN_COUNT];
	struct finding_counts findings[FINDING_COUNT];
	uint64_t undecided;			/* told, and no finding decides */
	uint64_t partly;			/* told, and refused to some of their recipients */
	struct groups *mail[MAIL_TABLES];
	uint64_t copies;			/* messages, each as often as it has recipient domains */
	struct day_counts *days;		/* from first_day on */
	int64_t first_day;
	size_t day_count;

	struct groups *protection;
	struct groups *clients, *client_authors;	/* "client author": each pair once */
	struct groups *overrides;		/* by name */

	struct day_counts tls;			/* grades of all */
	uint64_t grade_sessions[GRADES], ungraded_sessions;
	struct groups *versions, *suites, *mechanisms, *networks;
	uint64_t secrecy[SECRECY_COUNT], secrecy_sessions[SECRECY_COUNT];
	uint64_t mechanism_clear, mechanism_messages;	/* authenticated without TLS; authenticated */
	struct groups *downgraded;		/* clients of messages with tls-downgrade or tls-stripped */

	struct peer_counts peers;
	struct groups *changed, *settled, *pinned;	/* peers by sessions */

	uint64_t dns_failed, dns_pressed;	/* messages with some failure; of them by pressure */
	struct groups *dns_domains;		/* author domains of messages with a failure */
	uint64_t passes[3], secure_passes[3];	/* SPF, DKIM, DMARC */
};

/* One kind, as it is added. */
struct tally_kind {
	const struct flow_row *row;
	const struct flow_span *spans;
	size_t span_count;
	struct replay_past past;
	struct recorded_decision now;
	struct looks looks;
	enum tls_grade grade;
	bool graded, first;			/* first: of the kind's parts */
	const char *author, *envelope, *client;	/* "(none)" where there is none */
};

/** Fields of tally_new() that the files keep; the parts of tally_add(). */
void tally_add_tls(struct tally *tally, const struct tally_kind *kind);
void tally_add_senders(struct tally *tally, const struct tally_kind *kind);
void tally_add_dns(struct tally *tally, const struct tally_kind *kind);

/** @return whether a finding says that DNS did not answer, or not credibly. */
bool finding_is_of_dns(enum finding_id id);

/** Whether a client hands on mail of others, by its counts; the thresholds are named on the page. */
enum { FORWARDER_AUTHORS = 3, FORWARDER_MESSAGES = 10 };

/* ---- sections, in the order of the page --------------------------------------------------------------------------- */

/** What the sections share. */
struct sections {
	struct tally *tally;
	struct page *page;
	struct arena *arena;
	size_t top;
};

void sections_overview(const struct sections *sections);
void sections_steps(const struct sections *sections);
void sections_policy(const struct sections *sections);
void sections_protection(const struct sections *sections);
void sections_tls(const struct sections *sections);
void sections_peers(const struct sections *sections);
void sections_forwarders(const struct sections *sections);
void sections_dns(const struct sections *sections);
void sections_untold(const struct sections *sections);

/** The columns messages, actions, cannot tell, looks behind a name: MAIL_COLUMNS of them, then the values of a row. */
#define MAIL_COLUMNS \
	{ "messages", "messages", PAGE_COUNT, TONE_NONE }, { "none", "no action", PAGE_COUNT, TONE_1 }, \
	{ "tag", "tag", PAGE_COUNT, TONE_2 }, { "greylist", "greylist", PAGE_COUNT, TONE_3 }, \
	{ "defer", "defer", PAGE_COUNT, TONE_4 }, { "quarantine", "quarantine", PAGE_COUNT, TONE_5 }, \
	{ "reject", "reject", PAGE_COUNT, TONE_6 }, { "cannot_tell", "cannot tell", PAGE_COUNT, TONE_UNKNOWN }
#define LOOK_COLUMNS \
	{ "wanted", "looks wanted", PAGE_COUNT, TONE_1 }, { "unclear", "unclear", PAGE_COUNT, TONE_UNKNOWN }, \
	{ "forged", "looks forged", PAGE_COUNT, TONE_6 }

#endif
