/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_RESULT_H
#define ASSAY_CHECK_RESULT_H
/*
 * What the checks hand to policy, action and record: plain results with their evidence, and findings.
 * Strings live in the message's arena. Nothing here is shared between messages.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/findings.h"
#include "config/override.h"
#include "check/path.h"
#include "dns/dns.h"
#include "util/words.h"

/* Result words of RFC 8601 section 2.7 and the protocols' RFCs; which may occur where is said at each result. */
enum result {
	RESULT_UNCHECKED,	/* the check did not run (yet): absent from headers, null in JSON */
	RESULT_NONE, RESULT_PASS, RESULT_FAIL, RESULT_SOFTFAIL, RESULT_NEUTRAL, RESULT_POLICY, RESULT_TEMPERROR,
	RESULT_PERMERROR, RESULT_UNKNOWN, RESULT_DISCARD, RESULT_NXDOMAIN, RESULT_COUNT
};

/** "pass", "temperror" …; RESULT_UNCHECKED gives NULL. */
extern const struct word result_words[];
const char *result_name(enum result result);

enum spf_scope { SPF_SCOPE_MFROM, SPF_SCOPE_HELO };

struct spf_result {
	enum result result;		/* none pass fail softfail neutral temperror permerror */
	enum spf_scope scope;		/* which identity; the null sender is judged as postmaster@HELO: scope helo */
	const char *domain;		/* the domain checked; NULL when there was none */
	const char *explanation;	/* for fail: by exp=, else the configured default; sanitized ASCII; NULL without either */
	const char *reason;		/* mechanism that matched, or why it is an error; one line; may be NULL */
	const char *mechanism;		/* what matched, as written, without qualifier; "default" when nothing did; NULL without a record
					   that was read to its end */
	enum dns_security dnssec;	/* weakest of all answers used */
};

struct dkim_result {
	enum result result;		/* pass fail neutral policy temperror permerror (none only for no signatures: n == 0) */
	const char *domain;		/* d=, A-labels, lower case; NULL when unreadable */
	const char *selector;		/* s= */
	const char *identity;		/* i=, or "@" d= */
	const char *algorithm;		/* "rsa-sha256" "ed25519-sha256" "rsa-sha1" …, as signed */
	unsigned key_bits;		/* RSA modulus; ed25519: 256; 0: no key seen */
	const char *signature_b;	/* first characters of b=, enough to be unique in this message */
	const char *reason;		/* one line; NULL for a plain pass that counts */
	bool test_mode;			/* key has t=y */
	bool partial_body;		/* l= leaves body unsigned */
	const char *added_field;	/* of a pass or temperror: a field on top of what it covers (signature/added.c); NULL */
	enum dns_security dnssec;	/* of the key record */
	bool message_alone;		/* no key record had a part in it: the message itself says so, or asked for too much */
};

/** @return whether the signature vouches for the message that a reader sees: it passes and nothing was put on top. */
bool dkim_result_counts(const struct dkim_result *dkim);

struct authres;	/* message/authres_parse.h */

/* One set of an ARC chain. */
struct arc_set {
	const char *sealer, *selector;	/* d= and s= of its seal; A-labels, lower case */
	const struct authres *said;	/* what the sealer found when the message came to him; NULL: cannot be read */
	bool intact;			/* its message signature, and all later ones, hold for the message as a reader sees it */
	bool unknown;			/* a key that its signatures need did not come */
};

/* Only a pass makes anything of the sets count; of a temperror they tell what may have been. */
struct arc_result {
	enum result result;		/* none pass fail, as RFC 8617 has them; temperror, which is told as fail to others */
	const char *reason;		/* one line; NULL for none and pass */
	const char *sealer;		/* of the newest set; NULL: unreadable */
	unsigned oldest_pass;		/* of a pass: the oldest set whose message signature holds, 0 when all do (section 5.2) */
	const struct arc_set *sets;	/* of a pass or temperror, instance 1 first */
	size_t set_count;
	enum dns_security dnssec;	/* weakest of all keys used */
	bool message_alone;		/* no key had a part in it */
};

/* What the hashing of a message cost, in units that no processor changes; all are bounded, whatever the message is. */
struct dkim_work {
	uint64_t comparisons;		/* names in h= with header fields */
	uint64_t header_bytes;		/* hashed, all signatures together */
	uint64_t body_bytes;		/* of the canonical body (the longer form, if both are needed) */
	unsigned body_passes;		/* hashes of it: one a canonicalization and l= */
};

enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
extern const struct word dmarc_policy_words[];
const char *dmarc_policy_name(enum dmarc_policy policy);	/* "none" "quarantine" "reject" */

/* What looks like a forwarder, where a rejection was to be corroborated: TRUSTED by the admin, or a SIGN that anybody can make. */
enum dmarc_forwarder { DMARC_FORWARDER_NONE, DMARC_FORWARDER_SIGN, DMARC_FORWARDER_TRUSTED };

/* An override of a DMARC failure, for one author domain: it holds, or nobody knows for now. */
struct dmarc_override {
	const char *name;		/* of its section; OVERRIDE_ARC */
	enum override_kind kind;
	const char *why;		/* by what evidence, in words: "ARC seal 2 of lists.example found dmarc=pass" */
	const char *by;			/* the same for the log: "2:lists.example", "uni:spf:lists.example" */
	bool unknown;			/* evidence did not come that may make it hold */
	enum dns_security dnssec;	/* of the evidence */
};

struct dmarc_record;	/* check/dmarc/record.h */

struct dmarc_result {
	enum result result;		/* none pass fail temperror permerror */
	const char *domain;		/* author domain judged (the strictest of several) */
	bool has_policy;		/* the three below mean something */
	enum dmarc_policy policy;	/* p, sp or np as applies, before t=y */
	const char *policy_domain;	/* where the record was found */
	const char *org_domain;
	enum dmarc_policy disposition;	/* what the domain owner asks for this message: none unless it failed */
	bool testing;			/* t=y */
	bool spf_aligned, dkim_aligned;	/* passes in alignment */
	bool no_policy;			/* no record, or none that can be used, of all authors that a reader may see */
	const struct dmarc_override *overrides;	/* of a fail: those that hold, and those of which it is not known */
	size_t override_count;
	const char *overridden;		/* of a fail that an override lets in: which, and by what evidence, in words; NULL */
	const char *overridden_by;	/* the first of them for the log; NULL */
	bool override_unknown;		/* of a fail: none is known to hold, and of some it is not known */
	const char *record_fault;	/* what is wrong with a record, used or not; NULL */
	const char *rua;		/* raw, for reports; NULL */
	const struct dmarc_record *record;	/* as published; NULL: none that counts */
	const char *ruf;		/* likewise, for failure reports; NULL too where none may be sent (psd=y, RFC 9991 section 2) */
	unsigned failure_options;	/* which failures: a set of enum dmarc_failure_option (check/dmarc/record.h) */
	const char *reason;
	enum dns_security dnssec;
};

struct adsp_result {
	enum result result;		/* none pass unknown fail discard nxdomain temperror permerror (RFC 5617 section 5.4) */
	const char *domain, *practices;	/* practices: "unknown" "all" "discardable"; NULL: no record */
	const char *reason;
	enum dns_security dnssec;
};

struct iprev_result {
	enum result result;		/* pass fail temperror permerror */
	const char *name;		/* forward-confirmed name; NULL unless pass */
	const char *reason;
	enum dns_security dnssec;
};

enum tls_grade { TLS_GRADE_NONE, TLS_GRADE_WEAK, TLS_GRADE_OK, TLS_GRADE_STRONG };

/*
 * How far the client's certificate is proven. FAILED: the MTA tried to verify it and could not. VERIFIED: an authority that
 * the MTA trusts has signed it, so the names in it are true. TLSA: no such authority has, but the DNS of tlsa_name says that
 * this is its certificate; then only tlsa_name is proven, for whoever made the certificate could write any names into it.
 */
enum cert_status { CERT_NONE, CERT_UNVERIFIED, CERT_FAILED, CERT_TLSA, CERT_VERIFIED };

/* What the TLSA records of the client's names say of its certificate. A client may have several names: the status that comes
 * last in this list counts. */
enum tlsa_status {
	TLSA_UNCHECKED,		/* no certificate, or the MTA gives no fingerprint that could be compared */
	TLSA_NONE,		/* no records */
	TLSA_INSECURE,		/* records without DNSSEC: they prove nothing, whatever they say */
	TLSA_MISMATCH,		/* secure records, none of them of this certificate (or none that can be compared) */
	TLSA_TEMPERROR,		/* a DNS answer did not come */
	TLSA_BOGUS,
	TLSA_MATCH,
};

struct tls_result {
	bool checked;
	enum tls_grade grade;
	const char *version;		/* "TLSv1.3"; NULL without TLS */
	const char *cipher;		/* IANA name where known, else as the MTA said */
	unsigned bits;
	bool forward_secrecy;
	const char *cert_subject, *cert_issuer;
	enum cert_status cert_status;
	const char *reason;		/* why the grade */
	const char *cert_match;		/* whose proven certificate it is: "client-name" "helo" "author-domain" "tlsa"; NULL: nobody's */
	enum tlsa_status tlsa;
	const char *tlsa_name;		/* the client's name that tlsa is about; NULL: unchecked */
	bool stripped;			/* the client's STARTTLS arrived overwritten: somebody between it and us keeps TLS away */
	bool not_required;		/* the message says TLS-Required: No (RFC 8689) */
};
extern const struct word tls_grade_words[], cert_status_words[], tlsa_status_words[];
const char *tls_grade_name(enum tls_grade grade);
const char *cert_status_name(enum cert_status status);
const char *tlsa_status_name(enum tlsa_status status);	/* "unchecked" "none" "insecure" "mismatch" … */
/** @return whether the records could not be read (TEMPERROR, BOGUS): a later try may find the certificate proven. */
bool tlsa_status_is_unknown(enum tlsa_status status);
/** @return the name whose secure TLSA record is the certificate's; NULL without one. */
const char *tls_proven_name(const struct tls_result *tls);

/* TLS memory of the client's peer (check/memory.h). */
struct peer_result {
	const char *peer;		/* under what name it is remembered; NULL: not looked up */
	bool known, habit, pinned, downgrade;
	bool no_memory;			/* the store gave no answer */
	bool host_only;			/* with downgrade: of the peer's hosts only this one has come weaker than usual */
	bool settled_host;		/* weaker than the peer's habit, but this host's own habit by now: no downgrade */
	enum tls_grade usual_grade;
	const char *reason;		/* with downgrade: in words */
};

/* One observation. The same id may occur several times with different domains. */
struct finding {
	enum finding_id id;
	const char *domain;	/* whom it is about; NULL: nobody */
	const char *detail;	/* one line for the log; NULL */
	enum dns_security dnssec;	/* of the evidence it stands on (policy may ask for secure) */
	bool waivable;			/* an override may waive it: it stands among results.waivable, too */
};

/*
 * What DMARC's failure of an author domain raises where an override holds or may hold. Whether that counts is each policy's: one that
 * honours none of these overrides weighs the finding as if there were none. While one holds, the finding is not among results.findings,
 * which have dmarc-overridden in its place.
 */
struct waivable {
	struct finding finding;
	const struct dmarc_override *overrides;
	size_t override_count;
};
enum { WAIVABLE_MAX = 20 };	/* two for each author domain */

/* Room for every id once, and for FINDINGS_REPEATED_MAX more that repeat an id for another domain. */
enum { FINDINGS_REPEATED_MAX = 128, FINDINGS_MAX = FINDING_COUNT + FINDINGS_REPEATED_MAX };

struct results {
	struct spf_result spf;		/* MAIL FROM, or HELO for the null sender */
	struct spf_result spf_helo;	/* HELO; UNCHECKED when spf is it already or HELO is no domain name */
	bool dkim_checked;
	const struct dkim_result *dkim;
	size_t dkim_count;
	struct dkim_work dkim_work;
	struct arc_result arc;
	struct dmarc_result dmarc;	/* the strictest */
	enum dmarc_forwarder dmarc_forwarder;	/* what spoke against the rejection that its author domain asks for */
	const struct dmarc_result *dmarc_authors;	/* of each author domain by itself, whatever is wrong with From as a whole */
	size_t dmarc_author_count;
	struct adsp_result adsp;
	struct iprev_result iprev;
	struct tls_result tls;
	struct peer_result peer;
	struct path_result path;
	unsigned dns_failures;		/* which kinds of DNS failure this message met: a bit, 1 << enum dns_failure, each */
	bool exempt;			/* trusted network, local or authenticated: not judged */
	const char *exempt_reason;	/* "authenticated" "trusted-network" "local-submission" "reinjected"; NULL */
	size_t finding_count, repeated_count;	/* repeated_count: how many of them have an id that an earlier one has too */
	finding_set set;
	size_t waivable_count;
	/* what follows is large, and set as far as it is used */
	struct finding findings[FINDINGS_MAX];
	struct waivable waivable[WAIVABLE_MAX];
};

/**
 * Adds a finding (once per id and domain). Strings are borrowed from the message's arena. When there is no room for a further
 * domain, the first finding of that id stands for it too (it counts as secure if either is), and limit-exceeded is raised.
 */
void results_raise(struct results *results, enum finding_id id, const char *domain, const char *detail,
    enum dns_security dnssec);

/** @return what is said of this finding about that domain, waivable or not; NULL: it is not there, or nothing is. */
const char *results_detail(const struct results *results, enum finding_id id, const char *domain);

/** Adds a finding that overrides may waive; one of the same id and domain among the findings is marked. At most WAIVABLE_MAX. */
void results_waive(struct results *results, const struct waivable *waivable);

#endif
