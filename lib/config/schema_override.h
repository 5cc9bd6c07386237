/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_SCHEMA_OVERRIDE_H
#define ASSAY_CONFIG_SCHEMA_OVERRIDE_H
/* Rows of `override "name" { }`; a part of schema_table in schema.c, which has the macros. */

#define OVERRIDE(field) offsetof(struct override_config, field)
#define OVERRIDE_ROWS                                                                                                   \
	{ "override", "kind", OPTION_WORD, OVERRIDE(kind), NULL, WORD(override_kind_words),                             \
	    "who brings such mail; must be set" },                                                                      \
	{ "override", "client-networks", OPTION_NETWORKS, OVERRIDE(client_networks), "", LIST,                          \
	    "evidence: the client's address" },                                                                         \
	{ "override", "client-names", OPTION_PATTERNS, OVERRIDE(client_names), "", LIST,                                \
	    "evidence: the client's forward-confirmed name; \".example.org\" is it and all below" },                    \
	{ "override", "authenticated-domains", OPTION_PATTERNS, OVERRIDE(authenticated_domains), "", LIST,              \
	    "evidence: the domain for which SPF of the envelope or a DKIM signature passes" },                          \
	{ "override", "dkim-domains", OPTION_PATTERNS, OVERRIDE(dkim_domains), "", LIST,                                \
	    "evidence: the domain of a DKIM signature that passes" },                                                   \
	{ "override", "author-domains", OPTION_PATTERNS, OVERRIDE(author_domains), "", LIST,                            \
	    "only mail of these authors (From); never evidence by itself" },                                            \
	{ "override", "list-id", OPTION_BOOL, OVERRIDE(list_id), "no", YES_NO,                                          \
	    "kind mailing-list: only mail with a List-Id field; never evidence by itself" },                            \
	{ "override", "secure", OPTION_BOOL, OVERRIDE(secure), "no", YES_NO,                                            \
	    "only evidence that DNSSEC secures counts" },

#endif
