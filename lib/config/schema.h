/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_SCHEMA_H
#define ASSAY_CONFIG_SCHEMA_H
/*
 * The schema: one row an option, from which the parser's tables, the defaults, the range checks, config_print(), the
 * sample config and the check of the manual page are made. Constant; thread: any.
 */
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/list_file.h"

/* What an option holds; says both the syntax in the file and the C type at the offset. */
enum option_type {
	OPTION_BOOL,		/* yes | no → bool */
	OPTION_COUNT,		/* number → unsigned */
	OPTION_LARGE_COUNT,	/* number → size_t */
	OPTION_OCTAL,		/* 007 → unsigned */
	OPTION_BYTES,		/* 64M, 512K, 1232 → unsigned */
	OPTION_LARGE_BYTES,	/* the same → size_t */
	OPTION_SECONDS,		/* 90s, 2m, 1h, 1d → unsigned seconds */
	OPTION_MILLISECONDS,	/* 500ms, 2s, 1m → unsigned milliseconds */
	OPTION_WORD,		/* one of words → int (an enum) */
	OPTION_STRING,		/* printable ASCII → const char *, NULL for "" */
	OPTION_NAME,		/* a domain-like name → const char *, NULL for "" */
	OPTION_PATH,		/* absolute path → const char *, NULL for "" */
	OPTION_SOCKET,		/* libmilter's socket forms → const char * */
	OPTION_CONNECTION,	/* to a PostgreSQL server (util/connection.h) → const char *, NULL for ""; is never shown when it is wrong */
	OPTION_LISTEN,		/* the same, on this machine only (config/listen_place.h) → const char *, NULL for "" */
	OPTION_STRINGS,		/* list of printable ASCII texts → struct string_list; the first of the lists */
	OPTION_FEW_DOMAINS,	/* list of domains that is gone through one by one, so none from files → struct string_list */
	OPTION_DOMAINS,		/* list of domains and of "@FILE" → struct domain_list */
	OPTION_PATTERNS,	/* the same, and ".example.org" for it and all below → struct domain_list */
	OPTION_SENDERS,		/* patterns, and "<>" for the null sender → struct domain_list */
	OPTION_ADDRESSES,	/* list of addresses (util/mailbox.h) and of "@FILE" → struct domain_list */
	OPTION_FINDINGS,	/* list of words, each of a finding → finding_set */
	OPTION_NETWORKS,	/* list of networks → struct network_list */
	OPTION_PATH_ARRAY,	/* list of paths → NULL-terminated const char *const * */
	OPTION_DOMAIN_ARRAY,	/* list of domains, none from files → NULL-terminated const char *const * */
	OPTION_SERVERS,		/* list of ADDRESS[@PORT] → struct dns_config's servers and server_count */
};

/* What a number is for. A row does not compile without it; tests/flow/test_caps.py wants a case for each cap. */
enum option_number {
	NUMBER_NONE,	/* no number, but a word, a name, a list … */
	NUMBER_CONDITION,	/* no number either: for which mail a policy is, which no other inherits */
	NUMBER_CAP,	/* what a message may hold or cost, or has to bring: past it there is a finding and no weaker decision */
	NUMBER_BOUND,	/* what is kept, or sent at once: past it there is more work or less memory, and the same verdict */
	NUMBER_TUNING,	/* anything else: what a number means, as above how many NSEC3 iterations a zone counts as unsigned */
};

struct option_row {
	const char *section;		/* "" for the top level */
	const char *name;
	enum option_type type;
	size_t offset;			/* into struct config; into struct policy_config for section "policy" and "actions",
					   into struct override_config for "override" */
	const char *default_text;	/* as in the file; lists: comma-separated; "" for not set or empty; NULL: inherited */
	long long min, max;		/* in the unit of the C type; strings: max length */
	const struct word *words;	/* only for OPTION_WORD and OPTION_FINDINGS */
	enum option_number number;
	const char *help;		/* one line */
};

struct section_row { const char *name, *help; };

extern const struct option_row schema_table[];
extern const size_t schema_count;

/* Sections in the order in which they are printed; ends with a NULL name. "findings", "override" and "policy" come last. */
extern const struct section_row schema_sections[];

/** @return whether sections of this name have a title each: their options are in structs of their own. */
bool schema_is_titled(const char *section);

/** Row for a finding's action: in section "findings" (struct config) or in "actions" of a policy (struct policy_config). */
struct option_row schema_finding_row(enum finding_id id, bool in_policy);

/** The i-th row of a `ramp "FINDING" { }`, whose offset is into struct ramp_config; NULL behind the last. */
const struct option_row *schema_ramp_row(size_t i);

/** @return whether sections of that name have a title, of which there may be several. */
bool schema_is_titled(const char *section);

/** @return whether an option of this type is written as a number, with a unit or without. */
bool option_is_number(enum option_type type);

/** @return whether an option of this type takes more than one value. */
bool option_is_list(enum option_type type);

/** @return whether an option of this type is a struct domain_list, whose values may name files. */
bool option_is_domain_list(enum option_type type);

/** @return what a list of domains or addresses may hold. */
enum list_form option_list_form(enum option_type type);

/** @return whether the option says for which mail a policy is. */
bool option_is_condition(const struct option_row *row);

/** @return whether a condition narrows a policy: the list has a value, the word is not the one for all. @param base  the policy. */
bool condition_is_set(const struct option_row *row, const void *base);

/** @return whether any condition of the policy does. */
bool policy_has_conditions(const struct policy_config *policy);

#endif
