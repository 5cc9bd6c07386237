/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_CONFIG_EXPLAIN_H
#define ASSAY_TOOLS_CONFIG_EXPLAIN_H
/* assay config --explain: which policy a message would fall under, why not those before, and what it asks for. Thread: one. */
#include "config/config.h"
#include "config/schema.h"
#include "policy/explain.h"

enum { EXPLAIN_RECIPIENTS_MAX = 1000, EXPLAIN_VALUE_BYTES = 200 };

/* What the command line says; NULL: nothing, so it is not known. */
struct explain_asked {
	const char *config_path;	/* as it was given, or the one that was found; NULL: the built-in defaults */
	const char *recipients[EXPLAIN_RECIPIENTS_MAX];
	size_t recipient_count;		/* 0: one that is not known */
	const char *from, *mail_from, *client, *listener;
	bool authenticated, json;
};

/* One recipient, and the policies that were asked. */
struct explained_recipient {
	const char *address;		/* NULL: not known */
	struct recipient_place place;
	struct policy_explained *policies;
	size_t count;
};

struct explanation {
	const struct explain_asked *asked;
	const struct config *config;
	struct arena *arena;
	struct evidence evidence;	/* but for the recipient */
	const char *client_address;	/* NULL: not known */
	int64_t time_secs;		/* now */
	struct explained_recipient *recipients;
	size_t recipient_count;
};

/** @return exit code, after a complaint where it is not 0. */
int config_explain(const struct config *config, const struct explain_asked *asked);

/** The row of a condition of policies. */
const struct option_row *config_explain_row(const char *option);

/** A value as the file has it, cut after EXPLAIN_VALUE_BYTES; in the arena. */
const char *config_explain_value(const struct option_row *row, const void *base, struct arena *arena);

/** "the client is 192.0.2.1": what the message has for a condition to look at; in the arena. */
const char *config_explain_given(const struct explanation *explanation, const struct explained_recipient *recipient, const char *option);

/* The settings of a policy that somebody has set, or that do anything. */
typedef void config_explain_setting(void *closure, const struct option_row *row, const char *value, const struct policy_config *policy);
void config_explain_settings(const struct policy_config *policy, const struct config *config, struct arena *arena, config_explain_setting *seen,
    void *closure);

/* What a ramp of a policy comes to for the message, at the time of the explanation. */
struct explained_ramp {
	enum finding_id finding;
	const struct ramp_config *ramp;
	enum action action;		/* once it is in force */
	bool has_begun;
	const char *by, *domain;	/* "author" or "envelope": by whose domain the share goes; that domain, NULL: not known */
	enum match in_share;
};
typedef void config_explain_ramp(void *closure, const struct explained_ramp *ramp);

/** The ramps of a policy; static and borrowed. */
void config_explain_ramps(const struct explanation *explanation, const struct policy_config *policy, config_explain_ramp *seen, void *closure);

/** @return whether some recipient falls under the policy. */
bool config_explain_applies(const struct explanation *explanation, const struct policy_config *policy);

void config_explain_print_text(const struct explanation *explanation, FILE *out);
void config_explain_print_json(const struct explanation *explanation, FILE *out);

#endif
