/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_FACTS_H
#define ASSAY_MESSAGE_FACTS_H
/*
 * Facts: what the MTA said, and nothing else. Filled by milter/ from callbacks and macros, by tools/ from options and
 * a file; read by everybody, changed by nobody afterwards. All strings live in the session's or message's arena.
 * NULL means: the MTA did not say.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/arena.h"

struct facts_tls {
	const char *version;		/* "TLSv1.3"; NULL: cleartext */
	const char *cipher;		/* as the MTA names it: usually OpenSSL's name */
	unsigned bits;
	const char *group;		/* of the key exchange; NULL: not said, and no milter macro says it */
	const char *cert_subject;	/* of the client certificate; NULL: none, or not handed over */
	const char *cert_issuer;
	const char *cert_fingerprint;	/* hex digest of the whole certificate, colons allowed (Sendmail {cert_fp}) */
	const char *verify;		/* Sendmail {verify}: OK NO NOT FAIL …; NULL: not said (Postfix) */
};

struct facts_auth {
	const char *mechanism;		/* {auth_type}; NULL: not authenticated */
	const char *user;		/* {auth_authen} */
	const char *author;		/* {auth_author} */
};

/* One connection; the last HELO and its TLS facts count. */
struct facts_connection {
	struct ip_addr client;		/* unmapped; AF_UNSPEC: not an IP connection */
	const char *client_name;	/* as the MTA gave it to connect: forward-confirmed or "[addr]" / "unknown" */
	const char *client_ptr;		/* {client_ptr} where given */
	const char *daemon_name;	/* {daemon_name} */
	const char *profile;		/* {assay_profile}, which the MTA's admin may define for a listener */
	const char *helo;		/* NULL before HELO */
	const char *mta_hostname;	/* {j} */
	bool local_submission;		/* by a program of this machine, without SMTP over the network; never so of a client unknown */
	bool client_unknown;		/* somebody on the network, whose address the MTA does not know either */
	bool starttls_mangled;		/* an unknown command of the form XXXXXXXA came: an overwritten STARTTLS */
	struct facts_tls tls;
	struct facts_auth auth;		/* as of the current message (MTAs tell it at MAIL) */
};

struct header_field {
	const char *name;	/* as received */
	const char *value;	/* as received behind the colon, leading white space kept, folds as LF; \1 stands for NUL */
	size_t name_length, value_length;
	unsigned occurrence;	/* 1-based per name (case-insensitive), as smfi_chgheader counts */
	unsigned line;		/* 1-based, of the whole header as received: how far an MTA goes to find the field again */
};

/* One message. */
struct facts {
	struct arena *arena;
	const struct facts_connection *connection;
	int64_t time_secs;		/* epoch, from the injectable clock, when MAIL FROM came */
	const char *queue_id;		/* NULL until known */
	const char *mail_from;		/* without <>; "" for the null sender; NULL before MAIL */
	const char *mail_from_domain;	/* behind the last @, A-labels, lower case, no trailing dot; NULL without one */
	bool smtputf8;			/* MAIL asked for it (RFC 6531) */
	bool requiretls;		/* MAIL asked for it (RFC 8689): what the message says of TLS does not count then */
	const char *const *recipients;	/* accepted ones, without <> */
	size_t recipient_count;
	const struct header_field *fields;	/* in order */
	size_t field_count;
	unsigned authres_unkept;	/* Authentication-Results fields behind the last kept one that nobody has read */
	bool authres_unread;		/* such fields were not kept, or have blanks in their name: nobody knows what they say */
	bool fields_truncated;		/* header fields over the caps (count or bytes) were not kept */
	bool from_unkept;		/* a From field was among them: its authors are not known */
	bool judged_unkept;		/* so was another field on which a verdict hangs */
	bool malformed;			/* NUL bytes or over-long lines, or names that are not field names, were seen */
	unsigned header_lines;		/* of all fields, kept or not; saturates */
	bool address_cut;		/* an address of the envelope was longer than what is kept of one */
	uint64_t header_bytes, body_bytes;	/* octets of the body that were handed over */
	bool body_unread;		/* the body did not come, or not all of it: the MTA was asked not to send it */
	uint64_t told_bytes;		/* size of the whole message as the MTA tells it; 0: it does not */
	uint64_t body_lines;
};

/** Bytes of the message. @return whether that is all of it; false: there are at least so many. */
bool facts_bytes(const struct facts *facts, uint64_t *bytes_r);

/** First field of that name (case-insensitive), or NULL. */
const struct header_field *facts_field(const struct facts *facts, const char *name);
size_t facts_field_count(const struct facts *facts, const char *name);

/**
 * Whether some reader could take a field of this name, as it was received, for the wanted one: white space before the colon is
 * obsolete (RFC 5322 section 4.5.2), and what is not printable ASCII may not be seen at all.
 */
bool facts_name_reads_as(const char *name, size_t length, const char *wanted);

#endif
