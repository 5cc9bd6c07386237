/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay failure-reports: mails domains what failed in their name (RFC 9991), of what assayd has noted. A timer runs it. Without --send it
 * only shows what is due, or writes it into a directory. Each report is taken up in the record before it is sent, so that two at once
 * send none twice, and is due again when nothing was said of it for RETRY_SECS: after a crash it may go twice, with the same Message-ID.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "build-config.h"
#include "check/dmarc/dmarc.h"
#include "failure_reports.h"
#include "record/store.h"
#include "util/clean.h"
#include "util/error.h"

enum {
	RETRY_SECS = 3600,	/* doubled with each try */
	TRIES_MAX = 5,
	RUN_MAX = 1000		/* reports of one run: more than a day may have waits for the next */
};

struct failure_command {
	const char *config_path, *database, *directory;
	bool send;
};

static void usage(FILE *out)
{
	fputs("usage: assay failure-reports [OPTION]...\n"
	    "  --send         mail what is due, through the sendmail command\n"
	    "  --dry-run DIR  write into DIR what --send would mail now; nothing is mailed or marked as sent\n"
	    "  --config F     configuration (default " DEFAULT_CONFIG ")\n"
	    "  --database F   database instead of the configured one\n"
	    "without --send and --dry-run: list what is due\n", out);
}

static const struct option long_options[] = {
	{ "send", no_argument, NULL, 's' }, { "dry-run", required_argument, NULL, 'n' }, { "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

static void list_row(void *arg, const struct failure_row *row)
{
	(void)arg;
	clean_terminal(stdout, row->domain);
	printf(" messages=%" PRIu64 " tries=%u to=", row->incidents, row->tries);
	clean_terminal(stdout, row->ruf);
	putchar('\n');
}

/* Rows are copied, for each takes its time and the database is not to wait. */
struct rows {
	struct arena *arena;
	struct failure_row *rows;
	size_t count;
};

static void keep_row(void *arg, const struct failure_row *row)
{
	struct rows *rows = arg;
	struct failure_row *kept = &rows->rows[rows->count++];

	*kept = *row;
	kept->domain = arena_strdup(rows->arena, row->domain);
	kept->ruf = arena_strdup(rows->arena, row->ruf);
	kept->fields = arena_strdup(rows->arena, row->fields);
	kept->header = arena_strdup(rows->arena, row->header);
}

static int write_all(struct failure_run *run, struct store *store, int64_t now)
{
	struct rows rows = { .arena = arena_new() };
	const char *left;
	int code;

	rows.rows = arena_calloc(rows.arena, RUN_MAX, sizeof(*rows.rows));
	code = store_failures_each(store, now, now - run->config->failure_wait_secs, RUN_MAX, keep_row, &rows);
	for (size_t i = 0; i < rows.count; i++)
		failure_send(run, &rows.rows[i], rows.arena, &left);
	arena_free(&rows.arena);
	return code;
}

/* Takes up one and says what became of it. @return 0; -E_ABSENT: none is due; -E_SYSTEM. */
static int send_one(struct failure_run *run, struct store *store, struct arena *arena)
{
	int64_t now = run->sender.time_secs = clock_wall_secs(NULL);
	struct failure_row row;
	const char *left;
	unsigned mails;
	int code = store_failure_take(store, now, now - run->config->failure_wait_secs, now + RETRY_SECS, arena, &row);

	if (code != 0)
		return code;
	mails = failure_send(run, &row, arena, &left);
	if (left[0] != '\0' && row.tries + 1 < TRIES_MAX)
		return store_failure_later(store, row.id, left, now + ((int64_t)RETRY_SECS << row.tries));
	if (left[0] != '\0')
		tool_complain(0, "failure-reports: %.253s: given up after %d tries: %s", clean_word(arena, row.domain, 253), TRIES_MAX, left);
	return store_failure_done(store, row.id, mails != 0);
}

static int send_all(struct failure_run *run, struct store *store)
{
	struct arena *arena = arena_new();
	int code = 0;

	for (unsigned i = 0; i < RUN_MAX && code == 0; i++) {
		code = send_one(run, store, arena);
		arena_reset(arena);
	}
	arena_free(&arena);
	return code == -E_ABSENT ? 0 : code;
}

static const char *own_host(const struct config *config, char *room, size_t bytes)
{
	if (config->authserv_id != NULL && clean_span(config->authserv_id, CLEAN_NAME) == strlen(config->authserv_id))
		return config->authserv_id;
	if (gethostname(room, bytes) != 0 || room[0] == '\0')
		return "localhost";
	room[bytes - 1] = '\0';
	return room;
}

/* One address that sendmail takes: by the same rule as those of others. */
static bool is_address(const char *text)
{
	struct arena *arena = arena_new();
	struct dmarc_uris uris;

	dmarc_uri_list_read(arena, arena_printf(arena, "mailto:%s", text), &uris);
	arena_free(&arena);
	return uris.count == 1 && uris.malformed == 0;
}

/* What reports need: who sends them, and DNS to ask who wants them. @return 0, or an exit code after a complaint. */
static int run_begin(struct failure_run *run, char *host, size_t host_bytes)
{
	const struct config *config = run->config;
	char why[256] = "";

	if (config->dmarc_email == NULL)
		return tool_complain(EX_CONFIG, "failure-reports: nobody to send them: set email in the section dmarc-reports of the configuration");
	if (!is_address(config->dmarc_email) || (config->dmarc_envelope_sender != NULL && !is_address(config->dmarc_envelope_sender)))
		return tool_complain(EX_CONFIG, "failure-reports: email or envelope-sender in the section dmarc-reports is no address");
	run->sender = (struct failure_sender){ .from = config->dmarc_email, .organization = config->dmarc_organization,
		.host = own_host(config, host, host_bytes), .agent = "Assay/" PACKAGE_VERSION, .time_secs = clock_wall_secs(NULL) };
	if (config->psl_file != NULL)
		run->psl = psl_context_new(config->psl_file, why, sizeof(why));
	slow_owners_begin(&run->slow, run->psl, config->dns_deadline_ms);
	run->resolver = dns_resolver_new(&config->dns, why, sizeof(why));
	return run->resolver != NULL ? 0 : tool_complain(EX_CONFIG, "failure-reports: %s", why);
}

/* Counts, of today. */
static void print_counts(struct store *store, const struct failure_run *run)
{
	struct failure_counts counts;

	if (run != NULL)
		printf("mails=%u no-consent=%u later=%u\n", run->mails, run->refused, run->later);
	else if (store_failure_counts(store, clock_wall_secs(NULL), &counts) == 0)
		printf("today waiting=%" PRIu64 " sent=%" PRIu64 " given-up=%" PRIu64 " messages=%" PRIu64 " beyond=%" PRIu64 "\n", counts.waiting,
		    counts.sent, counts.given_up, counts.incidents, counts.beyond);
}

static int work(const struct failure_command *command, const struct config *config, struct store *store)
{
	struct failure_run run = { .config = config, .directory = command->directory };
	int64_t now = clock_wall_secs(NULL);
	bool acts = command->send || command->directory != NULL;
	char host[256];
	int code;

	/* who switched them off does not want those sent that wait from before */
	if (command->send && !config->failure_reports) {
		puts("failure = no in the section dmarc-reports: nothing is sent");
		return EX_OK;
	}
	code = acts ? run_begin(&run, host, sizeof(host)) : 0;

	if (code == 0) {
		if (command->send)
			code = send_all(&run, store);
		else if (command->directory != NULL)
			code = write_all(&run, store, now);
		else
			code = store_failures_each(store, now, now - config->failure_wait_secs, RUN_MAX, list_row, NULL);
		if (code == 0)
			print_counts(store, acts ? &run : NULL);
		code = code == 0 ? run.later != 0 ? EX_TEMPFAIL : EX_OK : EX_IOERR;
	}
	if (run.resolver != NULL)
		dns_resolver_free(&run.resolver);
	psl_context_free(&run.psl);
	return code;
}

static int run_command(const struct failure_command *command)
{
	const struct config *config = load_config(command->config_path);
	struct store *store;
	int code;

	if (config == NULL)
		return EX_CONFIG;
	code = record_open("failure-reports", config, command->database, &store);
	if (code == 0) {
		code = work(command, config, store);
		if (code == EX_IOERR)
			(void)record_failed("failure-reports", store);
		store_close(&store);
	}
	config_unref(&config);
	return code;
}

int command_failure_reports(int argc, char **argv)
{
	struct failure_command command = { 0 };
	struct stat status;
	int option;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 's': command.send = true; break;
		case 'n': command.directory = optarg; break;
		case 'c': command.config_path = optarg; break;
		case 'd': command.database = optarg; break;
		case 'h': usage(stdout); return EX_OK;
		default: return EX_USAGE;
		}
	}
	if (optind < argc)
		return tool_unexpected("failure-reports", argv[optind], long_options);
	if (command.send && command.directory != NULL)
		return tool_complain(EX_USAGE, "failure-reports: --send mails, --dry-run does not: give one of them");
	if (command.directory != NULL && (stat(command.directory, &status) != 0 || !S_ISDIR(status.st_mode)))
		return tool_complain(EX_NOINPUT, "failure-reports: --dry-run: %s is no directory", command.directory);
	(void)signal(SIGPIPE, SIG_IGN);	/* a sendmail that ends early is told by its status */
	return run_command(&command);
}
