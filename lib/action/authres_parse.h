/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_ACTION_AUTHRES_PARSE_H
#define ASSAY_ACTION_AUTHRES_PARSE_H
/*
 * Strict parser for Authentication-Results (RFC 8601 section 2.2): to find forged fields, and, in tests, to check that
 * what Assay writes means what it should. Hostile input. Thread: that of the arena.
 */
#include <stddef.h>

#include "message/facts.h"
#include "util/arena.h"

struct authres_property { const char *ptype, *property, *value; };

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

#endif
