/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_ACTION_REDACT_H
#define ASSAY_ACTION_REDACT_H
/*
 * What of a message's header a stranger may see who only published a record for its author domain: enough to find the message in
 * his own logs and to see why it failed, and nothing that a person wrote. Local parts become pseudonyms (RFC 6590: a keyed hash, so
 * that two reports about one mailbox can be told to be that), names and subjects go, and so does every field that is not in the
 * list of redact.c. Pure but for the key. Everything here is from outside; what comes out is printable ASCII in lines of at most
 * 998 characters, the last ended too. Thread: that of the arena.
 */
#include "message/facts.h"
#include "util/buf.h"

enum {
	REDACT_KEY_BYTES = 32,
	REDACT_HEADER_MAX = 8192,	/* bytes of a whole redacted header, longer fields and further ones are left out */
	REDACT_FIELDS_MAX = 40,		/* fields of it */
};

/* The secret of the pseudonyms. They hold as long as it does: that of assayd lasts until it restarts. */
struct redact_key { unsigned char bytes[REDACT_KEY_BYTES]; };

/**
 * The pseudonym of a local part: 12 characters of letters, digits, "-" and "_". Quotes around it make no difference.
 * @param local  as written, with or without CFWS around it. @return in the arena.
 */
const char *redact_local(struct arena *arena, const struct redact_key *key, const char *local, size_t length);

/** An address of the envelope as pseudonym@domain in "<>"; "<>" for the null sender. Without "@" all of it is a local part. */
const char *redact_address(struct arena *arena, const struct redact_key *key, const char *address);

/** The fields of the header that may be seen, redacted: "Name: value\n" each, folds as "\n\t". "" when none is left. */
const char *redact_header(struct arena *arena, const struct redact_key *key, const struct facts *facts);

#endif
