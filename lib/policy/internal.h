/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_POLICY_INTERNAL_H
#define ASSAY_POLICY_INTERNAL_H
/* What the files of this directory share; nobody else includes it. Pure. Thread: any. */
#include "policy/reason.h"

/* Whether something is so. MAYBE: it hangs on what the evidence lacks. */
enum truth { TRUTH_NO, TRUTH_MAYBE, TRUTH_YES };

static inline bool evidence_lacks(const struct evidence *evidence, enum evidence_lack what)
{
	return (evidence->lacks & what) != 0;
}

/** What the policy asks for a finding that is there. */
enum action policy_asked_action(const struct policy_config *policy, const struct evidence *evidence,
    const struct evidence_finding *finding, enum asked_why *why_r);

/** Whether a finding is weighed at the evidence's stage. */
bool policy_counts(const struct policy_config *policy, const struct evidence *evidence, enum finding_id id);

/** @return whether a finding of the evidence's own list is weighed. */
bool policy_takes(const struct policy_config *policy, const struct evidence *evidence, const struct evidence_finding *finding);

/** @return what the policy weighs of a finding that overrides may waive: a part of the waivable. */
const struct evidence_finding *policy_waive(const struct policy_config *policy, const struct evidence_waivable *waivable);

/** @return whether the policy might weigh something that was waived and that the evidence does not name. */
bool policy_lacks_waived(const struct policy_config *policy, const struct evidence *evidence);

/** What that could be. @return how many. */
size_t policy_waived_ids(const enum finding_id **ids_r);

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
