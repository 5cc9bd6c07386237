/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_AUTHRES_PARSE_H
#define ASSAY_MESSAGE_AUTHRES_PARSE_H
/*
 * Strict parser for Authentication-Results (RFC 8601 section 2.2): to find forged fields, and, in tests, to check that
 * what Assay writes means what it should. Hostile input. Thread: that of the arena.
 */
#include <stddef.h>

#include "message/facts.h"
#include "util/arena.h"

struct authres_property { const char *ptype, *property, *value; };	/* ptype "": a word by itself, see authres_parse_loose() */

struct authres_method {
	const char *method, *result;
	const char *reason;	/* NULL without one */
	const struct authres_property *properties;
	size_t property_count;
};

struct authres {
	const char *authserv_id;
	const char *version;	/* NULL without one */
	const struct authres_method *methods;	/* none: "none" */
	size_t method_count;
};

enum { AUTHRES_METHODS_MAX = 200, AUTHRES_PROPERTIES_MAX = 50 };

/**
 * Only the authserv-id and what may stand behind it up to the first semicolon.
 * @param used_r  bytes up to there, or up to what is not in the grammar
 * @return 0 or -E_SYNTAX
 */
int authres_parse_id(const char *value, size_t length, struct arena *arena, const char **id_r, size_t *used_r);

/** The whole field. @return 0; -E_SYNTAX; -E_LIMIT. */
int authres_parse(const char *value, size_t length, struct arena *arena, struct authres *authres_r);

/**
 * The same, but among the properties there may be words without a ptype ("action=none"), which large senders write.
 * They say nothing that the grammar knows; everything else is read as strictly.
 */
int authres_parse_loose(const char *value, size_t length, struct arena *arena, struct authres *authres_r);

/**
 * ARC-Authentication-Results (RFC 8617 section 4.1.1): "i=" 1*2DIGIT ";", then what authres_parse_loose() reads.
 * @param instance_r   as written, 0 to 99.
 * @param payload_r    where the rest begins; borrowed from value, as long as value goes on.
 * @return 0, or -E_SYNTAX when it does not begin so.
 */
int authres_parse_instance(const char *value, size_t length, unsigned *instance_r, const char **payload_r);

#endif
