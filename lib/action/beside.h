/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_ACTION_BESIDE_H
#define ASSAY_ACTION_BESIDE_H
/*
 * Who else has had this message in his hands: another filter that writes in our name, and whether the message comes here a second
 * time, from a filter behind the queue (content_filter) or before it (smtpd_proxy_filter).
 * What is seen here is told and counted, and decides nothing, but for one thing: at a listener that the admin names
 * (reinjection-daemons), in the hands of a client that he trusts, a verdict in our name is our own and stays. Both are facts of the
 * MTA; what the message says of itself (its fields, HELO) never makes it one of those. Pure. Thread: the message's.
 */
#include "config/config.h"
#include "message/facts.h"
#include "util/words.h"

enum returned {
	RETURNED_NO,		/* for all that is known it comes here for the first time */
	RETURNED_KEPT,		/* judged before; the verdict stays, and nothing is added */
	RETURNED_UNJUDGED,	/* it passed this MTA before, and nobody judged it */
	RETURNED_TWICE,		/* judged before; that verdict is removed, for nothing says that it is ours */
};

struct beside {
	enum returned returned;
	bool relayed;		/* a trusted client has it from elsewhere, and nobody whose verdict counts here has judged it */
	bool own_on_top;	/* a field in our name stands above all that senders write: forged, or of another filter */
};

extern const struct word returned_words[];	/* "no" "kept" "unjudged" "twice" */

/** Whether the MTA says that this is mail from a filter behind the queue: the admin's listener, and a client he trusts. */
bool beside_is_reinjected(const struct config *config, const struct facts_connection *connection);

/** Whether the client is in trusted-networks. */
bool beside_is_trusted(const struct config *config, const struct ip_addr *client);

/** @param authserv_id  our name. beside_r is set always. */
void beside_look(const struct config *config, const struct facts *facts, const char *authserv_id, struct beside *beside_r);

#endif
