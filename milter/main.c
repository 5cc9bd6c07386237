/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assayd: start-up. Reads options and config, makes the socket, drops privileges for good, makes the engine, serves.
 * Everything that can be wrong is found here, said on standard error, and told by the exit code (sysexits.h).
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "assayd.h"
#include "build-config.h"
#include "config/advice.h"
#include "config/domain_list.h"
#include "health.h"
#include "metrics.h"
#include "util/standard.h"

enum { WHY_BYTES = 512 };

#define DEFAULT_CONFIG SYSCONFDIR "/assay/assay.conf"
#define VALID_OPTIONS "-c CONFIG, -f, -n, -p SOCKET, -P PIDFILE, -t SECONDS, -v, -h, -V (--help, --version)"

static char absolute_config[PATH_MAX];
static struct clock daemon_clock;	/* set once, before any thread */

struct options {
	const char *config_path;	/* NULL: defaults only (no file at the default place) */
	const char *socket, *pid_file;
	bool foreground, check_only, verbose;
};

static void usage(FILE *out)
{
	fputs("usage: assayd [-fnvhV] [-c CONFIG] [-p SOCKET] [-P PIDFILE] [-t SECONDS]\n"
	    "  -c CONFIG   configuration file (default " DEFAULT_CONFIG ")\n"
	    "  -f          stay in the foreground\n"
	    "  -n          check the configuration, print the effective values, and end\n"
	    "  -p SOCKET   listen here instead of the configured socket: unix:/path, inet:PORT@HOST, inet6:PORT@HOST\n"
	    "  -P PIDFILE  write the process id here\n"
	    "  -t SECONDS  judge as if it were so many seconds later (for tests)\n"
	    "  -v          log more\n"
	    "  -h          this help (also --help)\n"
	    "  -V          the version (also --version)\n", out);
}

/* @return the exit code. */
static int bad_option(int problem, const char *argument)
{
	if (problem == ':')
		fprintf(stderr, "assayd: option -%c needs a value; valid: " VALID_OPTIONS "\n", optopt);
	else if (optopt != 0)
		fprintf(stderr, "assayd: no option '-%c'; valid: " VALID_OPTIONS "\n", optopt);
	else
		fprintf(stderr, "assayd: no option '%s'; valid: " VALID_OPTIONS "\n", argument);
	return EX_USAGE;
}

/* @return -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, struct options *options_r)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { 0 },
	};
	char *end;
	int option;

	*options_r = (struct options){ .config_path = NULL };
	opterr = 0;	/* its messages would not say what is valid */
	while ((option = getopt_long(argc, argv, ":c:fnp:P:t:vhV", long_options, NULL)) != -1) {
		switch (option) {
		case 'c': options_r->config_path = optarg; break;
		case 'f': options_r->foreground = true; break;
		case 'n': options_r->check_only = true; break;
		case 'p': options_r->socket = optarg; break;
		case 'P': options_r->pid_file = optarg; break;
		case 't':
			daemon_clock.shift_secs = strtoll(optarg, &end, 10);
			if (end != optarg && *end == '\0' && daemon_clock.shift_secs <= CLOCK_LAST_SECS &&
			    daemon_clock.shift_secs >= -CLOCK_LAST_SECS)
				break;
			fprintf(stderr, "assayd: -t: '%s' is not a number of seconds\n", optarg);
			return EX_USAGE;
		case 'v': options_r->verbose = true; break;
		case 'h': usage(stdout); return EX_OK;
		case 'V': puts("assayd " PACKAGE_VERSION); return EX_OK;
		default: return bad_option(option, argv[optind - 1]);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "assayd: unexpected argument '%s'; valid: " VALID_OPTIONS "\n", argv[optind]);
		return EX_USAGE;
	}
	if (options_r->config_path == NULL && access(DEFAULT_CONFIG, F_OK) == 0)
		options_r->config_path = DEFAULT_CONFIG;
	/* A reload must find it when we are at home in "/". A path that leads nowhere is the loader's to complain about. */
	if (options_r->config_path != NULL && realpath(options_r->config_path, absolute_config) != NULL)
		options_r->config_path = absolute_config;
	return -1;
}

void log_open_config(const struct config *config, bool verbose)
{
	log_open(config->log_target, verbose ? LOG_LEVEL_DEBUG : config->log_level, config->log_facility, "assayd");
}

void log_store_state(enum store_news news, const char *text)
{
	status_note_store(news, text);
	service_store_news(news, text);
	switch (news) {
	case STORE_UP:
		if (health_note(HEALTH_STORE, true, text) == HEALTH_NOTHING_NEW)
			log_notice("store: %s", text);
		break;
	case STORE_DOWN:
		if (health_note(HEALTH_STORE, false, text) == HEALTH_NOTHING_NEW)
			log_warning("store: still down: %s", text);
		break;
	case STORE_WARNING:
		log_warning("store: %s", text);
		break;
	case STORE_REFUSED:
		log_error("store: %s", text);
		break;
	}
}

const struct config *daemon_load_config(const char *path, unsigned generation, FILE *errors)
{
	struct config_overrides overrides = { .generation = generation, .clock = daemon_clock.shift_secs != 0 ? &daemon_clock : NULL };

	resources_bound(&overrides);
	return config_load_with(path, &overrides, errors);
}

static void log_one_advice(void *closure, const char *text)
{
	(void)closure;
	log_warning("config: %s", text);
}

void log_advice(const struct config *config)
{
	(void)config_advise(config, log_one_advice, NULL);
}

static void log_list(void *closure, const char *text)
{
	(void)closure;
	log_notice("config: %s", text);
}

static void say_advice(void *closure, const char *text)
{
	(void)closure;
	fprintf(stderr, "assayd: %s\n", text);
}

static int fail(int code, const char *why)
{
	fprintf(stderr, "assayd: %s\n", why);
	return code;
}

static int check_only(const struct config *config)
{
	char why[WHY_BYTES] = "";
	const struct engine_share share = resources_share(config);
	struct engine *engine = engine_new_sharing(config, &share, NULL, why, sizeof(why));

	config_print(config, stdout);
	(void)fflush(stdout);
	domain_lists_tell(config, say_advice, NULL);
	(void)config_advise(config, say_advice, NULL);
	if (engine == NULL)
		return fail(EX_CONFIG, why);
	if (!resources_text(config, why, sizeof(why)))
		fprintf(stderr, "assayd: started from here: %s\n", why);
	engine_unref(&engine);
	return EX_OK;
}

/* Pid file and socket, with the rights we were started with; then those rights go. */
static int take_place(const struct options *options, const struct config *config, char *why_r)
{
	const char *pid_file = options->pid_file != NULL ? options->pid_file : config->pid_file;
	struct process_user user;
	int code = process_find_user(config->user, config->group, &user, why_r, WHY_BYTES);

	if (code == 0 && pid_file != NULL && *pid_file != '\0')
		code = process_write_pid_file(pid_file, why_r, WHY_BYTES);
	if (code == 0)
		code = listen_open(options->socket != NULL ? options->socket : config->socket, config->umask_bits,
		    user.change ? user.uid : (uid_t)-1, user.gid, why_r, WHY_BYTES);
	if (code == 0)
		status_open(config->status_socket, options->config_path,
		    options->socket != NULL ? options->socket : config->socket, user.change ? user.uid : (uid_t)-1, user.gid);
	if (code == 0)
		metrics_open(config->metrics_listen, user.change ? user.uid : (uid_t)-1, user.gid);
	if (code == 0)
		code = process_drop_privileges(&user, why_r, WHY_BYTES);
	return code;
}

static int start(const struct options *options, const struct config *config)
{
	char why[WHY_BYTES] = "";
	struct engine *engine;
	int code = resources_check(config, why, sizeof(why));

	if (code == 0 && !options->foreground)
		code = process_background(why, sizeof(why));
	if (code != 0)
		return fail(code, why);
	memory_begin();
	signals_block();
	if (threads_serve() != 0)
		return fail(EX_OSERR, "no thread can be started; raise the limits on threads (ulimit -u) or memory (ulimit -v)");
	(void)smfi_settimeout((int)config->milter_timeout_secs);
	if (smfi_register(assayd_callbacks) != MI_SUCCESS)
		return fail(EX_UNAVAILABLE, "libmilter does not take our registration (another version?)");
	code = take_place(options, config, why);
	if (code == 0) {
		const struct engine_share share = resources_share(config);

		engine = engine_new_sharing(config, &share, NULL, why, sizeof(why));
		code = engine == NULL || engine_open_store(engine, NULL, log_store_state, why, sizeof(why)) != 0 ? EX_CONFIG : 0;
		if (code != 0 && !threads_can_be_made())	/* the configuration is not to blame */
			code = EX_OSERR;
	}
	if (code != 0) {
		status_close();
		metrics_close();
		listen_close();
		process_remove_pid_file();
		return fail(code, why);
	}
	metrics_note_config(config);
	state_set_engine(engine);
	if (chdir("/") != 0)
		return fail(EX_OSERR, strerror(errno));
	log_open_config(config, options->verbose);
	domain_lists_tell(config, log_list, NULL);
	log_advice(config);
	/* whoever starts it by hand looks at the terminal, not into the log */
	if (!options->foreground && config->log_target != LOG_TARGET_STDERR)
		(void)config_advise(config, say_advice, NULL);
	resources_open(config);
	log_notice("listening at %s, mode %s", options->socket != NULL ? options->socket : config->socket,
	    run_mode_name(config->mode));
	service_begin(options->socket != NULL ? options->socket : config->socket, engine);
	process_ready(config->log_target == LOG_TARGET_STDERR);
	status_start();
	metrics_start();
	probe_dnssec(engine);
	beside_begin(config);
	return signals_serve(options->config_path, options->socket, options->verbose);
}

/* Who does not get what was printed has to hear it. @return the exit code. */
static int end_printing(int code)
{
	const char *why = standard_output_end();

	if (why == NULL)
		return code;
	fprintf(stderr, "assayd: standard output: %s\n", why);
	return code == EX_OK ? EX_IOERR : code;
}

int main(int argc, char **argv)
{
	struct options options;
	const struct config *config;
	int code;

	standard_hold();
	threads_prepare();
	memory_watch();
	resources_begin();
	code = read_options(argc, argv, &options);

	if (code >= 0)
		return end_printing(code);
	config = daemon_load_config(options.config_path, 1, stderr);
	if (config == NULL)
		return EX_CONFIG;
	code = options.check_only ? end_printing(check_only(config)) : start(&options, config);
	config_unref(&config);
	return code;
}
