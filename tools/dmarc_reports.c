/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay dmarc-reports: the aggregate reports (RFC 9990) of days that are over. Lists them, makes them for a look, or sends them; may be
 * run at any time and twice at once, a report goes out once (dmarc_reports_send.c).
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

#include "assay.h"
#include "check/dmarc/dmarc.h"
#include "dmarc_report.h"
#include "util/clock.h"
#include "util/error.h"

/* A day is over when nothing comes for it any more: messages count for the day on which they began. */
enum { DAY_SECS = 86400, GRACE_SECS = 900, REPORTS_MAX = 200000 };

struct reports_command {
	const char *config_path, *database, *directory;
	int64_t day;		/* -1: all that are over */
	bool send;
	struct dns_options dns;
};

static void usage(FILE *out)
{
	fputs("usage: assay dmarc-reports [OPTION]...\n"
	    "  --day D          of this day only (UTC, as 2026-11-28); default: all days that are over\n"
	    "  --dry-run DIR    make the reports, ask for consent, write mails and XML into DIR; send nothing\n"
	    "  --send           send them through the local sendmail command\n"
	    "  --config F       configuration (default " DEFAULT_CONFIG ")\n"
	    "  --database F     database instead of the configured one\n"
	    "  --resolver A     ask this DNS server, ADDRESS or ADDRESS@PORT\n"
	    "  --time EPOCH     take this as the time\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' }, { "day", required_argument, NULL, 'D' },
	{ "dry-run", required_argument, NULL, 'n' }, { "send", no_argument, NULL, 's' }, { "resolver", required_argument, NULL, 'R' },
	{ "time", required_argument, NULL, 'M' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

static int parse_day(const char *text, int64_t *day_r)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	int day_of_month = tm.tm_mday;
	time_t secs;

	/* timegm() takes the 31st of February for a day in March */
	if (end == NULL || *end != '\0' || strlen(text) != strlen("2026-11-28") || (secs = timegm(&tm)) < 0 || tm.tm_mday != day_of_month)
		return tool_complain(EX_USAGE, "dmarc-reports: --day '%s': write it as 2026-11-28", text);
	*day_r = secs / DAY_SECS;
	return -1;
}

static int take_option(int option, struct reports_command *command)
{
	switch (option) {
	case 'c': command->config_path = optarg; return -1;
	case 'd': command->database = optarg; return -1;
	case 'n': command->directory = optarg; return -1;
	case 's': command->send = true; return -1;
	case 'D': return parse_day(optarg, &command->day);
	case 'R': return take_resolver("dmarc-reports", optarg, &command->dns);
	case 'M':
		return parse_time(optarg, &command->dns.clock.fixed_secs) == 0 ? -1 :
		    tool_complain(EX_USAGE, "dmarc-reports: --time '%s': write it in seconds since 1970", optarg);
	case 'h': usage(stdout); return EX_OK;
	default: return EX_USAGE;
	}
}

static int read_options(int argc, char **argv, struct reports_command *command)
{
	struct stat status;
	int option, code = -1;

	while (code < 0 && (option = tool_getopt(argc, argv, long_options)) != -1)
		code = take_option(option, command);
	if (code >= 0)
		return code;
	if (optind < argc)
		return tool_unexpected("dmarc-reports", argv[optind], long_options);
	if (command->send && command->directory != NULL)
		return tool_complain(EX_USAGE, "dmarc-reports: --send and --dry-run exclude each other");
	if (command->directory != NULL && (stat(command->directory, &status) != 0 || !S_ISDIR(status.st_mode)))
		return tool_complain(EX_NOINPUT, "dmarc-reports: --dry-run: %s is no directory", command->directory);
	return -1;
}

/* ---- the list ---------------------------------------------------------------------------------------------------------- */

struct policies {
	struct arena *arena;
	struct dmarc_policy_row *rows;
	size_t count, room;
	bool too_many;
};

static void add_policy(void *arg, const struct dmarc_policy_row *row)
{
	struct policies *policies = arg;
	struct dmarc_policy_row *copy;

	if (policies->count == REPORTS_MAX) {
		policies->too_many = true;
		return;
	}
	if (policies->count == policies->room) {
		size_t room = policies->room != 0 ? 2 * policies->room : 64;
		struct dmarc_policy_row *rows = arena_calloc(policies->arena, room, sizeof(*rows));

		if (policies->count != 0)
			memcpy(rows, policies->rows, policies->count * sizeof(*rows));
		policies->rows = rows;
		policies->room = room;
	}
	copy = &policies->rows[policies->count++];
	*copy = *row;
	copy->domain = arena_strdup(policies->arena, row->domain);
	copy->policy = arena_strdup(policies->arena, row->policy);
	copy->rua = arena_strdup(policies->arena, row->rua);
}

static const char *day_text(int64_t day, char text[16])
{
	int64_t secs;

	return clock_text(text, 16, CLOCK_DAY, __builtin_mul_overflow(day, (int64_t)DAY_SECS, &secs) ? INT64_MAX : secs);
}

static void list_one(const struct dmarc_policy_row *row)
{
	char day[16];

	printf("%s %s: %" PRIu64 " records%s", day_text(row->day, day), row->domain, row->rows,
	    row->names.report_id[0] != '\0' ? ", being sent" : "");
	if (row->lost != 0)
		printf(", %" PRIu64 " messages left out", row->lost);
	putchar('\n');
}

/* Messages for which not even a report had room: no domain is told of them, so the admin has to be. */
static void list_lost(struct dmarc_book *book, const struct policies *policies)
{
	char day[16];

	for (size_t i = 0; i < policies->count; i++) {
		uint64_t lost = 0;

		if (i > 0 && policies->rows[i].day == policies->rows[i - 1].day)
			continue;
		if (dmarc_book_lost(book, policies->rows[i].day, &lost) == 0 && lost != 0)
			printf("%s: %" PRIu64 " messages are in no report: max-rows was reached (section dmarc-reports), or a domain had more than "
			    "%d records that day\n", day_text(policies->rows[i].day, day), lost, DMARC_POLICIES_MAX);
	}
}

/* ---- the reports --------------------------------------------------------------------------------------------------------- */

/* @return whether there is a report to go on with; what there is none of is done with. */
static bool make(struct dmarc_sender *sender, struct arena *arena, const char *receiver, const struct dmarc_policy_row *row, bool send,
    struct dmarc_report *report)
{
	int code = dmarc_report_make(arena, sender->config, receiver, sender->book, row, send, report);

	if (code == -E_ABSENT || code == -E_SYNTAX) {
		printf("%s: there is nothing to report\n", row->domain);
		if (send && dmarc_book_finish(sender->book, row->id) != 0)
			code = -E_SYSTEM;
	}
	if (code == -E_SYSTEM) {
		tool_complain(0, "dmarc-reports: %s: the report cannot be made: %s", row->domain, dmarc_book_why(sender->book));
		sender->failed = true;
	}
	return code == 0;
}

static void work(const struct reports_command *command, struct dmarc_sender *sender, const char *receiver, const struct policies *policies)
{
	size_t i;

	for (i = 0; i < policies->count && !sender->failed; i++) {
		struct arena *arena = arena_new();
		struct dmarc_report report;

		if (command->send && slow_owners_has(&sender->slow, policies->rows[i].domain))
			sender->later++;
		else if (make(sender, arena, receiver, &policies->rows[i], command->send, &report)) {
			if (command->send)
				dmarc_report_send(sender, &report);
			else
				sender->failed = !dmarc_report_rehearse(sender, &report, command->directory);
		}
		arena_free(&arena);
	}
	if (sender->failed)
		printf("ended with report %zu of %zu\n", i, policies->count);
	else	/* a report may go to several addresses, or to none */
		printf("%zu reports; addresses: %u %s, %u later, %u not\n", policies->count, sender->sent,
		    command->send ? "sent" : "would be sent", sender->later, sender->given_up);
}

/* With resolver and suffix list, which consent needs. */
static int work_with_dns(const struct reports_command *command, struct dmarc_sender *sender, const struct policies *policies)
{
	struct check_shared shared = { 0 };
	const struct config *config = sender->config;
	const char *receiver = NULL, *fault = dmarc_report_identity(policies->arena, config, &receiver);
	char why[512] = "";

	if (fault != NULL)
		return tool_complain(EX_CONFIG, "dmarc-reports: %s", fault);
	if (config->psl_file != NULL)
		shared.psl = psl_context_new(config->psl_file, why, sizeof(why));
	if (shared.psl == NULL && config->dmarc_method == ORG_DOMAIN_PSL)
		return tool_complain(EX_CONFIG, "dmarc-reports: %s", why);
	shared.resolver = dns_resolver_new(&config->dns, why, sizeof(why));
	if (shared.resolver == NULL) {
		psl_context_free(&shared.psl);
		return tool_complain(EX_CONFIG, "dmarc-reports: %s", why);
	}
	sender->shared = &shared;
	slow_owners_begin(&sender->slow, shared.psl, config->dns_deadline_ms);
	(void)signal(SIGPIPE, SIG_IGN);
	work(command, sender, receiver, policies);
	dns_resolver_free(&shared.resolver);
	psl_context_free(&shared.psl);
	return sender->failed ? EX_IOERR : sender->later != 0 && command->send ? EX_TEMPFAIL : EX_OK;
}

static int run_book(const struct reports_command *command, const struct config *config, struct dmarc_book *book)
{
	struct dmarc_sender sender = { .config = config, .book = book, .clock = &command->dns.clock };
	struct policies policies = { .arena = arena_new() };
	int64_t before_day = (clock_wall_secs(sender.clock) - GRACE_SECS) / DAY_SECS;
	int code = EX_OK;

	if (dmarc_book_each(book, command->day, before_day, add_policy, &policies) != 0) {
		code = tool_complain(EX_IOERR, "dmarc-reports: %s", dmarc_book_why(book));
	} else {
		if (policies.too_many)
			tool_complain(0, "dmarc-reports: there are more than %d reports; the others come the next time", REPORTS_MAX);
		list_lost(book, &policies);
		if (command->send || command->directory != NULL)
			code = work_with_dns(command, &sender, &policies);
		for (size_t i = 0; i < policies.count && !command->send && command->directory == NULL; i++)
			list_one(&policies.rows[i]);
	}
	arena_free(&policies.arena);
	return code;
}

static int run(const struct reports_command *command, const struct config *config)
{
	const char *location;
	struct dmarc_book *book;
	char why[512] = "";
	int code;

	if (command->send && !config->dmarc_aggregate) {
		puts("reports are off (section dmarc-reports, aggregate): nothing is sent");
		return EX_OK;
	}
	code = record_find("dmarc-reports", config, command->database, &location);
	if (code != 0)
		return code;
	book = dmarc_book_open(location, command->send, why, sizeof(why));
	if (book == NULL)
		return tool_complain(EX_IOERR, "dmarc-reports: %s", why);
	code = run_book(command, config, book);
	dmarc_book_close(&book);
	return code;
}

int command_dmarc_reports(int argc, char **argv)
{
	struct reports_command command = { .day = -1 };
	struct config_overrides overrides;
	const struct config *config;
	int code = read_options(argc, argv, &command);

	if (code >= 0)
		return code;
	overrides = dns_options_overrides(&command.dns);
	config = load_config_with(command.config_path, &overrides);
	if (config == NULL)
		return EX_CONFIG;
	code = run(&command, config);
	config_unref(&config);
	return code;
}
