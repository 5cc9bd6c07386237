/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_ASSAY_H
#define ASSAY_TOOLS_ASSAY_H
/*
 * The command line: one file a subcommand, all over the same library as the daemon. Single-threaded but for the
 * resolver's own thread. Exit codes are those of sysexits.h; an error is one sentence on standard error.
 */
#include <stdbool.h>
#include <stdio.h>

#include "pipeline/pipeline.h"

#define DEFAULT_CONFIG SYSCONFDIR "/assay/assay.conf"

/* Subcommands: argv[0] is the subcommand's name. @return exit code. */
int command_check(int argc, char **argv);
int command_dns(int argc, char **argv);
int command_findings(int argc, char **argv);
int command_config(int argc, char **argv);
int command_peers(int argc, char **argv);
int command_brakes(int argc, char **argv);
int command_failure_reports(int argc, char **argv);
int command_record(int argc, char **argv);
int command_report(int argc, char **argv);
int command_whatif(int argc, char **argv);
int command_dmarc_reports(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_setup(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_log(int argc, char **argv);

/** "assay: ..." on standard error. @return code. */
int tool_complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct option;
/**
 * As getopt_long(), with --help as -h and --config (where the table has it) as -c. argv[0] is the subcommand.
 * @return '?' after a complaint that names what is valid.
 */
int tool_getopt(int argc, char **argv, const struct option *table);
/** Complains about an argument too many. @return EX_USAGE. */
int tool_unexpected(const char *command, const char *argument, const struct option *table);

/** Reads the value of --since; complains in the command's name. @return -1 to go on, else EX_USAGE. */
int take_age(const char *command, const char *text, int64_t *secs_r);
/** When a period began that goes so far back: at a whole hour, and on the second day of 1970 at the earliest. */
int64_t begin_of_age(int64_t now_secs, int64_t back_secs);
/** The same as take_age() for an option that is a number of rows. */
int take_rows(const char *command, const char *option, const char *text, size_t *rows_r);

/** Loads --config, else the default file if there is one, else defaults. @return NULL after complaints. */
const struct config *load_config(const char *path);
/** The same with what the command line says instead. */
const struct config *load_config_with(const char *path, const struct config_overrides *overrides);

/* Options that several subcommands share: they override the config's dns section. */
struct dns_options {
	struct dns_server server;	/* --resolver ADDR[@PORT] */
	bool has_server;
	const char *trust_anchor;	/* --trust-anchor F; NULL */
	const char *zone_file;		/* --zone F */
	enum dnssec_mode dnssec;	/* --dnssec */
	bool has_dnssec;
	struct clock clock;		/* --time EPOCH */
};
/** Reads the value of --resolver; complains in the command's name. @return -1 to go on, else EX_USAGE. */
int take_resolver(const char *command, const char *text, struct dns_options *options);
int parse_dnssec(const char *text, enum dnssec_mode *mode_r);
int parse_time(const char *text, int64_t *secs_r);
/** What the options say instead of the file (overrides borrow them). */
struct config_overrides dns_options_overrides(const struct dns_options *options);
/** Looks whether the files that the options name are there. @return 0 or an exit code after a complaint. */
int dns_options_check(const struct dns_options *options);

struct store;
/**
 * Where the record is: at --database, else where the configuration says.
 * @param database  NULL: not given. @param location_r  borrowed of one of them.
 * @return 0; or an exit code after a complaint: none is named; it is not there, whose directory is missing, what makes it.
 */
int record_find(const char *command, const struct config *config, const char *database, const char **location_r);
/** The same, and opens it for reading. @return 0 with *store_r, for store_close(); or an exit code after a complaint, with NULL. */
int record_open(const char *command, const struct config *config, const char *database, struct store **store_r);
/** Complains of what the store met last. @return EX_IOERR. */
int record_failed(const char *command, struct store *store);

/* ---- check ------------------------------------------------------------------------------------------------------ */

/**
 * Reads a message (RFC 5322, LF or CRLF; a leading mbox From_ line is skipped) into the pipeline, as an MTA would hand it
 * over: folds as LF, body lines as CRLF.
 * @return 0, or an exit code after a complaint (read error).
 */
int message_read(FILE *in, const char *name, struct message *message);

struct verdict {
	struct message *message;
	const struct outcome *outcome;
	const struct facts_connection *connection;
	bool envelope_only;
};
void verdict_print_text(const struct verdict *verdict, FILE *out);
void verdict_print_json(const struct verdict *verdict, FILE *out);

#endif
