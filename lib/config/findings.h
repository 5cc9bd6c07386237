/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_FINDINGS_H
#define ASSAY_CONFIG_FINDINGS_H
/*
 * The table of findings: the one place that names every observation Assay can make. Config options, sample config,
 * manual page, `assay findings`, SMTP replies and tests are made from it or checked against it.
 * It stands in config/ (the base of the stages) because the checks raise findings, the policy weighs them and the
 * config names them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/checks.h"
#include "util/bits.h"
#include "util/words.h"

/* Ordered by strength: the greater wins. */
enum action { ACTION_NONE, ACTION_TAG, ACTION_GREYLIST, ACTION_DEFER, ACTION_QUARANTINE, ACTION_REJECT, ACTION_COUNT };

extern const struct word action_words[];
const char *action_name(enum action action);
/** @return 0, or -E_SYNTAX when there is no such action. */
int action_from_name(const char *name, enum action *action_r);

/* When the finding can be known: by RCPT (connection and envelope) or only at the end of the message. */
enum finding_stage { FINDING_STAGE_ENVELOPE, FINDING_STAGE_MESSAGE };

/* One row a finding: ID, "name", who raises it, stage, default action, traits of its own beside those of its check, which
 * finding says that nobody could look for this one, SMTP code, enhanced code, "reply text", "help".
 * Reply text: what the SMTP client is told; %s is the domain that failed. 4xx/4.x codes: the finding is temporary;
 * with action defer a 5xx row is sent as 451 and 4.7.x, with action reject a 4xx row as 550 and 5.7.x. */
#define FINDINGS_TABLE(X)                                                                                               \
	X(SPF_FAIL, "spf-fail", SPF, ENVELOPE, TAG, EXPLAINED, SPF_TEMPERROR, 550, "5.7.23", "SPF validation failed for %s", \
	    "the MAIL FROM domain's SPF record says this client may not send for it (RFC 7208 section 8.4)")            \
	X(SPF_SOFTFAIL, "spf-softfail", SPF, ENVELOPE, NONE, NONE, SPF_TEMPERROR, 550, "5.7.23", "SPF softfail for %s", \
	    "the SPF record says this client is probably not authorized (RFC 7208 section 8.5)")                        \
	X(SPF_NEUTRAL, "spf-neutral", SPF, ENVELOPE, NONE, NONE, NONE, 550, "5.7.23", "SPF is neutral for %s",          \
	    "the SPF record asserts nothing about this client (RFC 7208 section 8.2)")                                  \
	X(SPF_NONE, "spf-none", SPF, ENVELOPE, NONE, NONE, NONE, 550, "5.7.23", "no SPF record for %s",                 \
	    "the MAIL FROM domain publishes no SPF record, or there is no domain to check")                             \
	X(SPF_PERMERROR, "spf-permerror", SPF, ENVELOPE, NONE, NONE, NONE,                                              \
	    550, "5.7.24", "SPF record of %s cannot be interpreted",                                                    \
	    "the SPF record is wrong or goes over a limit (RFC 7208 section 8.7)")                                      \
	X(SPF_TEMPERROR, "spf-temperror", SPF, ENVELOPE, NONE, NONE, NONE, 451, "4.7.24", "SPF check of %s failed temporarily", \
	    "a DNS answer that SPF needed did not come (RFC 7208 section 8.6)")                                         \
	X(SPF_HELO_FAIL, "spf-helo-fail", SPF, ENVELOPE, NONE, NONE, NONE,                                              \
	    550, "5.7.23", "SPF validation failed for HELO name %s",                                                    \
	    "the HELO name's SPF record says this client may not use it (RFC 7208 section 2.3)")                        \
	X(IPREV_FAIL, "iprev-fail", IPREV, ENVELOPE, NONE, NONE, IPREV_TEMPERROR,                                       \
	    550, "5.7.25", "reverse DNS of %s does not lead back to it",                                                \
	    "the client address has no forward-confirmed name (RFC 8601 section 3)")                                    \
	X(IPREV_TEMPERROR, "iprev-temperror", IPREV, ENVELOPE, NONE, NONE, NONE,                                        \
	    451, "4.7.25", "reverse DNS of %s failed temporarily",                                                      \
	    "a DNS answer that the iprev check needed did not come")                                                    \
	X(TLS_NONE, "tls-none", TLS, ENVELOPE, NONE, LACK_OF_TLS, NONE, 530, "5.7.0", "Must issue a STARTTLS command first", \
	    "the session is not encrypted; a public MX must not refuse this by default (RFC 3207 section 4)")           \
	X(TLS_WEAK, "tls-weak", TLS, ENVELOPE, NONE, LACK_OF_TLS, NONE, 554, "5.7.0", "Command refused due to lack of security", \
	    "the TLS version or cipher suite is graded weak (RFC 9325)")                                                \
	X(TLS_NO_FORWARD_SECRECY, "tls-no-forward-secrecy", TLS, ENVELOPE, NONE, LACK_OF_TLS, NONE, 554, "5.7.0",       \
	    "Command refused due to lack of security (no forward secrecy)",                                             \
	    "the cipher suite has no forward secrecy (RFC 9325 section 4.1)")                                           \
	X(TLS_DOWNGRADE, "tls-downgrade", MEMORY, ENVELOPE, TAG, LACK_OF_TLS, NONE,                                     \
	    554, "5.7.0", "session is less secure than %s usually is",                                                  \
	    "a peer with a settled habit of TLS came in cleartext or with a weak session (RFC 3207 section 6)")         \
	X(TLS_STRIPPED, "tls-stripped", TLS, ENVELOPE, TAG, NONE, NONE, 554, "5.7.0", "STARTTLS arrived mangled",       \
	    "the STARTTLS command was overwritten on its way: somebody between removes TLS")                            \
	X(TLS_CERT_REQUIRED, "tls-cert-required", TLS, ENVELOPE, REJECT, NONE, NONE, 554, "5.7.0",                      \
	    "a verified client certificate is required",                                                                \
	    "a policy with require-cert met a session without an acceptable client certificate; counts only there")     \
	X(AUTH_PLAINTEXT_MECHANISM, "auth-plaintext-mechanism", AUTH, ENVELOPE, NONE, NONE, NONE, 538, "5.7.11",        \
	    "Encryption required for requested authentication mechanism",                                               \
	    "PLAIN or LOGIN without TLS: the password itself passed in the clear (RFC 4954 section 4)")                 \
	X(AUTH_CLEARTEXT, "auth-cleartext", AUTH, ENVELOPE, NONE, NONE, NONE,                                           \
	    530, "5.7.0", "Must issue a STARTTLS command first",                                                        \
	    "the client authenticated before or without TLS (RFC 4954 section 4)")                                      \
	X(FROM_MISSING, "from-missing", AUTHOR, MESSAGE, TAG, NONE, NONE, 550, "5.7.1", "message has no author address in From", \
	    "no From field, or one without an address (RFC 5322 section 3.6)")                                          \
	X(FROM_MULTIPLE, "from-multiple", AUTHOR, MESSAGE, NONE, NONE, NONE,                                            \
	    550, "5.7.1", "message has several author domains or From fields",                                          \
	    "several From fields or author domains; each is judged, the strictest counts")                              \
	X(FROM_INVALID, "from-invalid", AUTHOR, MESSAGE, QUARANTINE, NONE, NONE,                                        \
	    550, "5.7.1", "the From field cannot be parsed",                                                            \
	    "a From field that breaks the grammar or is not all judged, a way around DMARC elsewhere")                  \
	X(FROM_TOO_MANY, "from-too-many", AUTHOR, MESSAGE, QUARANTINE, NONE, NONE,                                      \
	    550, "5.7.1", "message has more author domains than are judged",                                            \
	    "more than ten author domains in From: those past the cap are not judged; no honest message has them")      \
	X(MESSAGE_MALFORMED, "message-malformed", AUTHOR, MESSAGE, NONE, WHOLE_BODY, NONE, 550, "5.6.0", "message is malformed", \
	    "NUL bytes, over-long lines or broken header fields")                                                       \
	X(LIMIT_EXCEEDED, "limit-exceeded", AUTHOR, MESSAGE, TAG, NONE, NONE,                                           \
	    550, "5.7.0", "message exceeds a limit of the checks",                                                      \
	    "more header fields, bytes, recipients or DNS look-ups than are judged")                                    \
	X(AUTHRES_FORGED, "authres-forged", AUTHRES, MESSAGE, NONE, NONE, NONE,                                         \
	    550, "5.7.0", "forged Authentication-Results field",                                                        \
	    "the message came with an Authentication-Results field in our own name; it is removed")                     \
	X(AUTHRES_TOO_MANY, "authres-too-many", AUTHRES, MESSAGE, REJECT, NONE, NONE, 550, "5.7.0",                     \
	    "too many forged Authentication-Results fields",                                                            \
	    "more such fields in our own name than max-edits lets be removed; no honest message has them")              \
	X(DKIM_NONE, "dkim-none", DKIM, MESSAGE, NONE, NONE, NONE, 550, "5.7.20", "no DKIM signature",                  \
	    "the message is not signed")                                                                                \
	X(DKIM_NO_PASS, "dkim-no-pass", DKIM, MESSAGE, NONE, NONE, DKIM_TEMPERROR, 550, "5.7.20", "no passing DKIM signature", \
	    "the message is signed, but no signature passes")                                                           \
	X(DKIM_FAIL, "dkim-fail", DKIM, MESSAGE, NONE, NONE, DKIM_TEMPERROR, 550, "5.7.20", "DKIM signature of %s failed", \
	    "a signature did not verify: the message was changed or the signature is forged")                           \
	X(DKIM_PERMERROR, "dkim-permerror", DKIM, MESSAGE, NONE, NONE, NONE,                                            \
	    550, "5.7.20", "DKIM signature of %s cannot be verified",                                                   \
	    "a signature or its key record is unusable (RFC 8601 section 2.7.1)")                                       \
	X(DKIM_TEMPERROR, "dkim-temperror", DKIM, MESSAGE, NONE, NONE, NONE,                                            \
	    451, "4.7.20", "DKIM key of %s could not be fetched",                                                       \
	    "a DNS answer that DKIM needed did not come")                                                               \
	X(DKIM_WEAK_KEY, "dkim-weak-key", DKIM, MESSAGE, NONE, NONE, NONE, 550, "5.7.21", "DKIM key of %s is too weak", \
	    "an RSA key under the minimum; the signature does not count (RFC 8301 section 3.2)")                        \
	X(DKIM_WEAK_ALGORITHM, "dkim-weak-algorithm", DKIM, MESSAGE, NONE, NONE, NONE,                                  \
	    550, "5.7.21", "DKIM signature of %s uses rsa-sha1",                                                        \
	    "rsa-sha1 signatures never count (RFC 8301 section 3.1)")                                                   \
	X(DKIM_EXPIRED, "dkim-expired", DKIM, MESSAGE, NONE, NONE, NONE, 550, "5.7.20", "DKIM signature of %s has expired", \
	    "the signature's x= is in the past")                                                                        \
	X(DKIM_PARTIAL_BODY, "dkim-partial-body", DKIM, MESSAGE, NONE, NONE, NONE,                                      \
	    550, "5.7.21", "DKIM signature of %s covers a part of the body",                                            \
	    "l= leaves a part of the body unsigned; what it is worth: partial-body in section dkim")                    \
	X(DKIM_HEADER_UNSIGNED, "dkim-header-unsigned", DKIM, MESSAGE, NONE, NONE, NONE,                                \
	    550, "5.7.21", "DKIM signature of %s does not cover all that a reader sees",                                \
	    "a signature that passes leaves Subject, Date, To or Content-Type of the message unsigned")                 \
	X(DKIM_TEST_MODE, "dkim-test-mode", DKIM, MESSAGE, NONE, NONE, NONE, 550, "5.7.20", "DKIM key of %s is in test mode", \
	    "the key record says t=y (RFC 6376 section 3.6.1)")                                                         \
	X(DKIM_TOO_MANY, "dkim-too-many", DKIM, MESSAGE, NONE, NONE, NONE,                                              \
	    550, "5.7.20", "more DKIM signatures than are judged",                                                      \
	    "signatures over the cap were not judged")                                                                  \
	X(DKIM_FIELD_ADDED, "dkim-field-added", DKIM, MESSAGE, TAG, NONE, NONE,                                         \
	    550, "5.7.20", "header fields were added to a message signed by %s",                                        \
	    "a second From, or a field beside the signed one (RFC 6376 section 8.15); the signature does not count")    \
	X(ARC_FAIL, "arc-fail", ARC, MESSAGE, NONE, NONE, ARC_TEMPERROR,                                                \
	    550, "5.7.29", "ARC validation failed for a chain sealed by %s",                                            \
	    "a chain of seals is broken; it counts for nothing, as if there were none (RFC 8617 section 5.2)")          \
	X(ARC_TEMPERROR, "arc-temperror", ARC, MESSAGE, NONE, NONE, NONE,                                               \
	    451, "4.7.29", "ARC validation of a chain sealed by %s failed temporarily",                                 \
	    "a DNS answer that ARC needed did not come; the chain counts for nothing")                                  \
	X(ARC_TOO_MANY, "arc-too-many", ARC, MESSAGE, NONE, NONE, NONE,                                                 \
	    550, "5.7.29", "more ARC fields than are judged",                                                           \
	    "more than 50 seals, or ARC fields over the caps; the chain fails (RFC 8617 section 4.2.1)")                \
	X(DMARC_NONE, "dmarc-none", DMARC, MESSAGE, NONE, NONE, NONE, 550, "5.7.1", "no DMARC policy for %s",           \
	    "the author domain publishes no DMARC record, or none that can be used")                                    \
	X(DMARC_FAIL, "dmarc-fail", DMARC, MESSAGE, TAG, NONE, DMARC_TEMPERROR, 550, "5.7.26", "DMARC failed for %s",   \
	    "neither SPF nor DKIM passes in alignment with the author domain; its policy is none")                      \
	X(DMARC_QUARANTINE, "dmarc-quarantine", DMARC, MESSAGE, QUARANTINE, NONE, DMARC_TEMPERROR,                      \
	    550, "5.7.26", "DMARC failed for %s (policy quarantine)",                                                   \
	    "DMARC failed and the author domain asks for quarantine")                                                   \
	X(DMARC_REJECT, "dmarc-reject", DMARC, MESSAGE, QUARANTINE, NONE, DMARC_TEMPERROR,                              \
	    550, "5.7.26", "DMARC failed for %s (policy reject)",                                                       \
	    "DMARC failed and the author domain asks to reject; alone it should not (RFC 9989 section 7.4)")            \
	X(DMARC_REJECT_CORROBORATED, "dmarc-reject-corroborated", DMARC, MESSAGE, REJECT, DETAILED, DMARC_TEMPERROR, 550, "5.7.26", \
	    "DMARC failed for %s (policy reject) and other evidence agrees",                                            \
	    "DMARC reject, something of dmarc { corroborate } too, and nothing speaks for a forwarder or mailing list") \
	X(DMARC_OVERRIDDEN, "dmarc-overridden", DMARC, MESSAGE, NONE, NONE, NONE,                                       \
	    550, "5.7.26", "DMARC failed for %s, though an override holds",                                  \
	    "DMARC failed, but an override holds (a section override, or a trusted sealer); in place of dmarc-fail and its kin") \
	X(DMARC_TEMPERROR, "dmarc-temperror", DMARC, MESSAGE, NONE, NONE, NONE,                                         \
	    451, "4.7.26", "DMARC check of %s failed temporarily",                                                      \
	    "a DNS answer that DMARC needed did not come")                                                              \
	X(DMARC_PERMERROR, "dmarc-permerror", DMARC, MESSAGE, NONE, NONE, NONE,                                         \
	    550, "5.7.26", "DMARC record of %s cannot be interpreted",                                                  \
	    "several or invalid DMARC records, treated as no policy; or a tag twice, of which the first counts")        \
	X(TLS_PATH_CLEARTEXT, "tls-path-cleartext", PATH, MESSAGE, NONE, LACK_OF_TLS, NONE,                             \
	    550, "5.7.0", "an earlier hop at %s was not encrypted",                                                     \
	    "a Received field of the message tells of a hop without TLS")                                               \
	X(ADSP_ALL, "adsp-all", ADSP, MESSAGE, NONE, NONE, ADSP_TEMPERROR,                                              \
	    550, "5.7.22", "no author domain signature of %s, which signs all mail (ADSP)",                             \
	    "ADSP practice all and no valid author domain signature (RFC 5617)")                                        \
	X(ADSP_DISCARDABLE, "adsp-discardable", ADSP, MESSAGE, NONE, NONE, ADSP_TEMPERROR, 550, "5.7.22",               \
	    "no author domain signature of %s, which asks to discard unsigned mail (ADSP)",                             \
	    "ADSP practice discardable and no valid author domain signature (RFC 5617)")                                \
	X(ADSP_NXDOMAIN, "adsp-nxdomain", ADSP, MESSAGE, NONE, NONE, ADSP_TEMPERROR,                                    \
	    550, "5.7.1", "author domain %s does not exist",                                                            \
	    "the author domain has no DNS entry (RFC 5617 section 4.3)")                                                \
	X(ADSP_TEMPERROR, "adsp-temperror", ADSP, MESSAGE, NONE, NONE, NONE,                                            \
	    451, "4.7.22", "ADSP check of %s failed temporarily",                                                       \
	    "a DNS answer that ADSP needed did not come")                                                               \
	X(INSECURE_PASS, "insecure-pass", POLICY, MESSAGE, TAG, NONE, NONE, 550, "5.7.26",                              \
	    "authentication of %s stands on DNS data that DNSSEC does not secure",                                      \
	    "a pass of a domain listed in a policy's require-secure-domains stands on insecure DNS; counted there only") \
	X(DNSSEC_BOGUS, "dnssec-bogus", DNS, MESSAGE, NONE, NONE, NONE, 451, "4.7.0", "DNS data of %s failed DNSSEC validation", \
	    "an answer failed validation; it was not used")                                                             \
	X(DNS_UNAVAILABLE, "dns-unavailable", DNS, MESSAGE, NONE, NONE, NONE,                                           \
	    451, "4.7.0", "DNS is not available to check this message",                                                 \
	    "no recursive server answered, or too much was being asked: checks of the message were not made")

#define FINDING_ENUM_ROW(id, name, check, stage, action, traits, unknown, code, enhanced, text, help) FINDING_##id,
enum finding_id { FINDINGS_TABLE(FINDING_ENUM_ROW) FINDING_COUNT, FINDING_NONE = FINDING_COUNT };
#undef FINDING_ENUM_ROW

struct finding_row {
	const char *name;
	enum check_id check;		/* who raises it; its name is check_rows[check].name */
	enum finding_stage stage;
	enum action default_action;
	unsigned traits;		/* enum finding_trait, those of the check with it */
	enum finding_id unknown;	/* raised where DNS did not answer, and may stand for this one; FINDING_NONE */
	unsigned code;
	const char *enhanced, *text, *help;
};

/** The table, FINDING_COUNT rows, indexed by enum finding_id. */
extern const struct finding_row findings_table[FINDING_COUNT];

/** @return 0, or -E_SYNTAX when there is no such finding. */
int finding_from_name(const char *name, enum finding_id *id_r);

static inline bool finding_is(enum finding_id id, enum finding_trait trait)
{
	return (findings_table[id].traits & (unsigned)trait) != 0;
}

/* A set of findings; {0} is the empty one. Plain values: assigned, passed and compared as such. */
typedef struct finding_set { uint64_t words[BITS_WORDS(FINDING_COUNT)]; } finding_set;

static inline void finding_set_add(finding_set *set, enum finding_id id)
{
	bits_add(set->words, id);
}

static inline bool finding_set_has(const finding_set *set, enum finding_id id)
{
	return bits_has(set->words, id);
}

/** Adds all of more to set. */
static inline void finding_set_union(finding_set *set, const finding_set *more)
{
	bits_union(set->words, more->words, FINDING_COUNT);
}

static inline bool finding_set_is_empty(const finding_set *set)
{
	return bits_next(set->words, FINDING_COUNT, 0) == FINDING_COUNT;
}

/** @return the first finding of the set, in the order of the table, from this one on; FINDING_COUNT: there is none. */
static inline enum finding_id finding_set_next(const finding_set *set, unsigned from)
{
	return (enum finding_id)bits_next(set->words, FINDING_COUNT, from);
}

/* Visits each finding of a set in the order of the table: FINDING_SET_EACH(&set, id) { ... } */
#define FINDING_SET_EACH(set, id)                                                                                       \
	for (enum finding_id id = finding_set_next((set), 0); id < FINDING_COUNT; id = finding_set_next((set), id + 1u))

struct buf;
/** Appends the names of a set, with commas between, in the order of the table: the same set gives the same text. */
void finding_set_print(const finding_set *set, struct buf *buf);

#endif
