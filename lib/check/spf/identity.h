/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SPF_IDENTITY_H
#define ASSAY_CHECK_SPF_IDENTITY_H
/*
 * Whom SPF judges: the MAIL FROM or HELO identity made from what the client said (RFC 7208 sections 2.3, 2.4, 4.3).
 * Internal to spf*.c. Thread: that of the arena.
 */
#include "check/spf/macro.h"
#include "check/spf/spf.h"

struct spf_identity {
	enum spf_scope scope;
	struct spf_macro_values values;	/* domain: the identity's own; validated_name NULL */
	const char *reason;		/* why there is nothing to judge */
};

/** @return 0; -E_ABSENT with identity_r->reason: no client address, or no domain that SPF could be asked for. */
int spf_identity_make(const struct spf_request *request, struct arena *arena, struct spf_identity *identity_r);

/**
 * Can SPF be asked for this name (section 4.3): labels of 1–63 letters, digits, "-" and "_", at least two of them, 253
 * octets; one dot at the end is allowed. The last label is not all digits: no address.
 */
bool spf_domain_valid(const char *domain);

#endif
