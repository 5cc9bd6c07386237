/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMTP AUTH as the MTA told it: passwords must not pass in the clear (RFC 4954 section 4, RFC 8314 section 3).
 * No look-ups. Thread: that of the message. The MTA is trusted; cannot fail.
 */
#include <strings.h>

#include "check/check.h"

static void auth_judge(struct check_context *context)
{
	const struct facts_connection *connection = context->facts->connection;

	const char *mechanism = connection->auth.mechanism;

	/* on loopback there is nobody to listen: webmail on the same host */
	if (mechanism == NULL || connection->tls.version != NULL || addr_is_loopback(&connection->client))
		return;
	results_raise(context->results, FINDING_AUTH_CLEARTEXT, NULL, mechanism, DNS_SECURE);
	if (strcasecmp(mechanism, "PLAIN") == 0 || strcasecmp(mechanism, "LOGIN") == 0)
		results_raise(context->results, FINDING_AUTH_PLAINTEXT_MECHANISM, NULL, mechanism, DNS_SECURE);
}

const struct check check_auth = {
	.id = CHECK_AUTH, .stage = FINDING_STAGE_ENVELOPE, .exempt_too = true, .judge = auth_judge,
};
