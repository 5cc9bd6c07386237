/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMTP AUTH as the MTA told it: passwords must not pass in the clear (RFC 4954 section 4, RFC 8314 section 3).
 * No look-ups. Thread: that of the message. The MTA is trusted; cannot fail.
 */
#include "check/check.h"

static void auth_judge(struct check_context *context)
{
	const struct facts_connection *connection = context->facts->connection;

	if (connection->auth.mechanism != NULL && connection->tls.version == NULL)
		results_raise(context->results, FINDING_AUTH_CLEARTEXT, NULL, connection->auth.mechanism, DNS_SECURE);
}

const struct check check_auth = {
	.id = CHECK_AUTH, .name = "auth", .stage = FINDING_STAGE_ENVELOPE, .judge = auth_judge,
};
