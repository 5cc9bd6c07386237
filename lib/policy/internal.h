/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_INTERNAL_H
#define ASSAY_POLICY_INTERNAL_H
/* What the files of this directory share; nobody else includes it. Pure. Thread: any. */
#include "policy/ramp.h"
#include "policy/reason.h"

/* Whether something is so. MAYBE: it hangs on what the evidence lacks. */
enum truth { TRUTH_NO, TRUTH_MAYBE, TRUTH_YES };

static inline bool evidence_lacks(const struct evidence *evidence, enum evidence_lack what)
{
	return (evidence->lacks & what) != 0;
}

/**
 * What the policy asks for a finding that is there.
 * @param most  what it may ask for at most, where that hangs on what the evidence lacks (time, domains, brakes); else the least.
 */
enum action policy_asked_action(const struct policy_config *policy, const struct evidence *evidence,
    const struct evidence_finding *finding, bool most, enum asked_why *why_r);

/** The configured action, as far as its ramp and brakes have it in force. */
enum action ramp_action(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id, bool most,
    enum asked_why *why_r);

/** Whether a finding is weighed at the evidence's stage. */
bool policy_counts(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id);

/**
 * Whether there is a pass that the policy's require-secure-domains does not believe.
 * @param domain_r  whose, with YES; borrowed from the evidence.
 */
enum truth require_insecure_pass(const struct policy_config *policy, const struct evidence *evidence, const char **domain_r);

/** Whether the policy asks for a client certificate that the session does not have. */
enum truth require_cert_lacking(const struct policy_config *policy, const struct evidence *evidence);

struct clients { struct ip_addr *items; size_t count, room; };

/** One host of each part into which the networks of the policies cut the client's, in the arena; at least one. */
struct clients clients_of(const struct policy_set *set, const struct ip_network *client, struct arena *arena);

#endif
