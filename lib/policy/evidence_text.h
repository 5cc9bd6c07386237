/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_EVIDENCE_TEXT_H
#define ASSAY_POLICY_EVIDENCE_TEXT_H
/*
 * Evidence as one line of printable ASCII, as the record stores it: a version and fields in a fixed order, those that say nothing
 * left out, so that equal evidence gives equal octets.
 *
 *   1 s=m q=n f=dkim-none,spf-fail+ r=a.example,b.example a=c.example:fail m=c.example p=c.example:fail+ d=x.example+ n=192.0.2.0/24
 *
 *   s  stage: m end of message, r at RCPT
 *   q  yes-or-no facts, a letter each (evidence_letters)
 *   f  findings by name; "+" stands on secure data or on no DNS, "*" there is one of either kind
 *   o  findings that overrides of a DMARC failure may waive, and those overrides: finding:name/name; "+" as above, "?" behind a name:
 *      nobody knows whether it holds
 *   c  certificate: status:fits whom:subject:issuer:proven name, "?" behind it: the TLSA records are not known
 *   l  listener    h  forward-confirmed client name    n  client network    m  envelope domain
 *   p  SPF domain:result    a  author domains, each with DMARC's result    d  domains that pass DKIM
 *   e  what is known to be absent, a letter each: n null sender, d a sender whose domain nobody could tell, c a client without a
 *      confirmed name, u one whose name nobody could tell, l a listener without a name. Where neither name nor letter is there, it is
 *      not known
 *   r  recipients: a domain, "~" a mailbox of the MTA's own (with a domain where it was told), "?" nobody knows where
 *   "+" behind a result or name: DNSSEC-secure. "&" as the last item of a list: there were more.
 *
 * Coarser than the message on purpose: the client is its network, as in the other columns of the record, and its name is cut to the
 * parent where it has more than two labels; recipients have no mailbox; findings have no domain; of recipients, author domains and DKIM passes so many are kept.
 */
#include "policy/evidence.h"
#include "util/arena.h"

enum {
	EVIDENCE_RECIPIENTS_MAX = 8, EVIDENCE_AUTHORS_MAX = 10, EVIDENCE_PASSES_MAX = 8,
	EVIDENCE_WAIVABLE_MAX = 40, EVIDENCE_OVERRIDES_MAX = 101,
	EVIDENCE_NAME_MAX = 255,	/* longer names are not kept */
	EVIDENCE_NAMES_MAX = 2000,	/* of all names together, as they stand in the text */
	EVIDENCE_TEXT_MAX = 4096,
};

/** @return the text, at most EVIDENCE_TEXT_MAX long, in the arena. */
const char *evidence_write(const struct evidence *evidence, struct arena *arena);

/**
 * Reads what evidence_write() wrote, here or in another version; trusts nothing of it. Names of findings that are not known, fields
 * and words of another version are no error: evidence_r->lacks says what cannot be known for them.
 * @return 0, or -E_SYNTAX: it is no evidence, or too long; evidence_r then lacks sense.
 */
int evidence_read(const char *text, struct arena *arena, struct evidence *evidence_r);

/* Letters of field q, shared by writer and reader. */
struct evidence_letter { char letter; size_t offset; };
extern const struct evidence_letter evidence_letters[];
extern const size_t evidence_letter_count;

#endif
