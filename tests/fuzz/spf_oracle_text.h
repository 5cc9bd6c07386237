/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_SPF_ORACLE_TEXT_H
#define ASSAY_TESTS_SPF_ORACLE_TEXT_H
/* Between the two files of the second evaluator of RFC 7208 (spf_oracle.h): what a record says, and macros in it. */
#include "spf_oracle.h"

enum { KIND_ALL, KIND_INCLUDE, KIND_A, KIND_MX, KIND_PTR, KIND_IP4, KIND_IP6, KIND_EXISTS, KIND_REDIRECT, KIND_EXP, KIND_NAME, KINDS };

struct term { int kind; char qualifier, *domain; int prefix4, prefix6; struct ip_addr network; };

struct oracle {
	const struct spf_request *request;
	struct dns_scope *scope;
	struct arena *arena;
	struct ip_addr client;
	const char *local, *domain;
	bool local_8bit;
	int terms, voids;
	unsigned macro_voids;	/* void answers to what %{p} asked for, in the name expanded last */
};

/** Before anything else here. */
void oracle_patterns_compile(void);

/** @return false: no term of the grammar. */
bool oracle_term_parse(struct arena *arena, const char *text, struct term *term);

/** Whether a text may be an explanation. */
bool oracle_is_explanation(const char *text);

/** @return false: a zero count or, outside explanations, one of the letters c, r and t. */
bool oracle_macros_allowed(const char *text, bool explaining);
bool oracle_macros_name_sender(const char *text);
char *oracle_text_expand(struct oracle *oracle, const char *text, const char *domain);

bool oracle_name_ok(const char *name);

/** NULL: not a name. */
const char *oracle_target_name(struct oracle *oracle, const char *spec, const char *domain);

/** The value of %{p}; the look-ups' part. */
const char *oracle_validated(struct oracle *oracle, const char *domain);

#endif
