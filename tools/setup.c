/* SPDX-License-Identifier: BSD-2-Clause */
/* assay setup: options, and what they ask for. */
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "assay.h"
#include "setup.h"

enum action_asked { ACTION_SHOW, ACTION_APPLY, ACTION_UNDO, ACTION_CHECK };

static void usage(FILE *out)
{
	fputs("usage: assay setup postfix [--apply | --undo | --check] [--config F] [--postfix-config DIR]\n"
	    "       assay setup sendmail [--check] [--config F] [--sendmail-cf F]\n"
	    "  shows what has to change so that the MTA asks assayd, and why\n"
	    "  --apply   changes it, reloads, and sends a probe to see that assayd is asked (Postfix)\n"
	    "  --undo    puts everything back as it was before --apply\n"
	    "  --check   says in one sentence what is wrong when mail passes unjudged\n"
	    "  --config F            assayd's configuration (default " DEFAULT_CONFIG ")\n"
	    "  --postfix-config DIR  of main.cf (default: Postfix's own)\n"
	    "  --sendmail-cf F       Sendmail's configuration as it runs (default " SENDMAIL_CF ")\n", out);
}

static int print_check(const struct setup_check *check)
{
	printf("%s: %s\n", check->good ? "ok" : "wrong", check->sentence);
	if (check->remedy != NULL)
		printf("remedy: %s\n", check->remedy);
	return check->good ? EX_OK : EX_UNAVAILABLE;
}

static int check_postfix(const struct setup *setup)
{
	struct setup_check check;

	setup_check(setup, &check);
	return print_check(&check);
}

static int show(const struct setup *setup, const struct setup_plan *plan)
{
	setup_show(setup, plan);
	if (!plan->nothing)
		printf("nothing was changed; `assay setup postfix --apply` does it, --undo puts it back\n");
	return EX_OK;
}

/* Carries out, reads everything anew, and proves it. */
static int apply(struct setup *setup, const struct setup_plan *plan)
{
	const char *why = NULL;
	int code = setup_apply(setup, plan);

	if (code != EX_OK)
		return code;
	config_unref(&setup->config);
	setup->config = load_config(setup->config_path);
	if (setup->config == NULL)
		return EX_CONFIG;
	code = postfix_read(setup->arena, setup->postfix.directory, &setup->postfix, &why);
	if (code != 0)
		return tool_complain(code, "setup: %s", why);
	setup->smtpd = postfix_smtpd(&setup->postfix);
	setup_show_neighbours(setup);
	return check_postfix(setup);
}

static int run_postfix(struct setup *setup, const char *directory, enum action_asked action)
{
	const char *why = NULL;
	struct setup_plan plan;
	int code = postfix_read(setup->arena, directory, &setup->postfix, &why);

	if (code != 0)
		return tool_complain(code, "setup: %s", why);
	setup->smtpd = postfix_smtpd(&setup->postfix);
	if (action == ACTION_APPLY || action == ACTION_UNDO)	/* who closes our output does not stop us half-way */
		(void)signal(SIGPIPE, SIG_IGN);
	if (action == ACTION_UNDO)
		return setup_undo(setup);
	if (action == ACTION_CHECK)
		return check_postfix(setup);
	if (setup->smtpd == NULL)
		return tool_complain(EX_CONFIG, "setup: master.cf of %s has no smtpd: Postfix takes no mail by SMTP here",
		    setup->postfix.directory);
	setup_plan(setup, setup_directory_right(setup, arena_printf(setup->arena, "%s/assay", setup->postfix.queue_directory)), &plan);
	if (plan.address == NULL)
		return tool_complain(EX_CONFIG, "setup: Postfix cannot be led to socket = \"%s\"", setup->config->socket);
	return action == ACTION_APPLY ? apply(setup, &plan) : show(setup, &plan);
}

static int run_sendmail(const struct setup *setup, enum action_asked action)
{
	struct setup_check check;

	if (action == ACTION_APPLY || action == ACTION_UNDO)
		return tool_complain(EX_USAGE, "setup: sendmail.mc is yours: the lines are shown, nothing is written (no --apply, --undo)");
	if (action == ACTION_SHOW)
		return setup_sendmail(setup);
	setup_check_sendmail(setup, &check);
	return print_check(&check);
}

static const struct option long_options[] = {
	{ "apply", no_argument, NULL, 'a' }, { "undo", no_argument, NULL, 'u' }, { "check", no_argument, NULL, 'k' },
	{ "config", required_argument, NULL, 'c' }, { "postfix-config", required_argument, NULL, 'p' },
	{ "sendmail-cf", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' }, { 0 },
};

int command_setup(int argc, char **argv)
{
	struct setup setup = { .config_path = DEFAULT_CONFIG, .sendmail_cf = SENDMAIL_CF };
	enum action_asked action = ACTION_SHOW;
	const char *directory = NULL;
	int option, code;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'a': action = ACTION_APPLY; break;
		case 'u': action = ACTION_UNDO; break;
		case 'k': action = ACTION_CHECK; break;
		case 'c': setup.config_path = optarg; break;
		case 'p': directory = optarg; break;
		case 's': setup.sendmail_cf = optarg; break;
		case 'h': usage(stdout); return EX_OK;
		default: return EX_USAGE;
		}
	}
	if (optind + 1 != argc)
		return tool_complain(EX_USAGE, "setup: name one MTA: postfix or sendmail");
	setup.config = load_config(access(setup.config_path, F_OK) == 0 ? setup.config_path : NULL);
	if (setup.config == NULL)
		return EX_CONFIG;
	setup.arena = arena_new();
	if (strcmp(argv[optind], "postfix") == 0)
		code = run_postfix(&setup, directory, action);
	else if (strcmp(argv[optind], "sendmail") == 0)
		code = run_sendmail(&setup, action);
	else
		code = tool_complain(EX_USAGE, "setup: no MTA '%s' is known; postfix or sendmail", argv[optind]);
	arena_free(&setup.arena);
	config_unref(&setup.config);
	return code;
}
