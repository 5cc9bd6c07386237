/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_PATH_H
#define ASSAY_CHECK_PATH_H
/*
 * The way so far: what the Received fields say of each hop's transport (RFC 5321 section 4.4, RFC 3848, RFC 8314 section
 * 4.3, and the habits of some twenty programs: tests/unit/test_path.c has a sample of each). Earlier hops may lie: this is evidence
 * for a report, never for a pass. Pure. Thread: any.
 */
#include "message/facts.h"
#include "util/words.h"

enum hop_transport {
	HOP_UNKNOWN,	/* the field does not say, or hides it (Postfix: smtpd_hide_client_session; OpenSMTPD: mask-src) */
	HOP_LOCAL,	/* no network hop: local submission, a client on loopback, delivery inside one host or one system */
	HOP_CLEARTEXT,	/* it names a protocol without TLS, and a client that came over the network */
	HOP_TLS,
};

struct path_hop {
	enum hop_transport transport;
	const char *from, *by;		/* names as given, cleaned to printable ASCII; NULL */
	const char *protocol;		/* behind `with`, upper case: "ESMTPS"; NULL */
	const char *id;			/* behind `id`; NULL */
	bool ours;			/* "(Assay)" says that this program wrote the field; anybody may write that */
	const char *version, *cipher;	/* as given; NULL */
	const char *group;		/* of the key exchange: "X25519MLKEM768" (Postfix, RFC 8314); NULL */
};

enum { PATH_MAX_HOPS = 50, PATH_MAX_FIELDS = 2 * PATH_MAX_HOPS };

struct path_result {
	struct path_hop *hops;		/* newest first, as in the header; NULL without one */
	size_t hop_count;
	bool truncated;			/* more than PATH_MAX_HOPS, or more fields than two a hop */
	unsigned tls, cleartext, unknown;	/* network hops by kind */
};

extern const struct word hop_transport_words[];
const char *hop_transport_name(enum hop_transport transport);	/* "unknown" "local" "cleartext" "tls" */

/** Reads one Received value. Everything lives in the arena. */
void path_parse_hop(struct arena *arena, const char *value, struct path_hop *hop_r);

/** Reads all Received fields of the message. The two of one hop, the MTA's and this program's own below it, are one hop. */
void path_read(const struct facts *facts, struct path_result *path_r);

#endif
