/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay check: the pipeline on one message file, or on a connection and envelope without a message. Facts come from the
 * options instead of an MTA; everything behind them is the daemon's code.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "assay.h"
#include "util/error.h"

enum { RECIPIENTS_MAX = 1000 };

struct check_options {
	const char *config_path, *client, *helo, *mail_from, *tls, *cert, *auth, *listener, *message;
	const char *recipients[RECIPIENTS_MAX];
	size_t recipient_count;
	struct dns_options dns;
	bool json;
};

static void usage(FILE *out)
{
	fputs("usage: assay check [OPTION]... [MESSAGE|-]\n"
	    "  judges a message as the daemon would; without MESSAGE, connection and envelope only\n"
	    "  --config F                   configuration (default " DEFAULT_CONFIG ")\n"
	    "  --client IP[,NAME]           SMTP client\n"
	    "  --helo NAME                  HELO name\n"
	    "  --mail-from ADDR             envelope sender; default the null sender\n"
	    "  --rcpt ADDR                  recipient; may be repeated\n"
	    "  --tls VERSION,CIPHER,BITS    TLS session, as the MTA names it\n"
	    "  --cert SUBJECT,ISSUER        client certificate\n"
	    "  --auth MECHANISM,USER        SMTP AUTH\n"
	    "  --listener NAME              the MTA's name of the socket where it comes in\n"
	    "  --resolver ADDR[@PORT]       DNS server\n"
	    "  --trust-anchor F             DNSSEC trust anchors\n"
	    "  --dnssec validate|trust-ad|off\n"
	    "  --zone F                     answers come from this zone file, not from the network\n"
	    "  --time EPOCH                 judge as if it were this time\n"
	    "  --json                       print one JSON object\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "client", required_argument, NULL, 'C' },
	{ "helo", required_argument, NULL, 'H' }, { "mail-from", required_argument, NULL, 'f' },
	{ "rcpt", required_argument, NULL, 'r' }, { "tls", required_argument, NULL, 't' },
	{ "cert", required_argument, NULL, 'e' }, { "auth", required_argument, NULL, 'a' },
	{ "listener", required_argument, NULL, 'L' },
	{ "resolver", required_argument, NULL, 'R' }, { "trust-anchor", required_argument, NULL, 'T' },
	{ "dnssec", required_argument, NULL, 'D' }, { "zone", required_argument, NULL, 'z' },
	{ "time", required_argument, NULL, 'M' }, { "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' }, { 0 },
};

static int bad_value(const char *option, const char *value, const char *form)
{
	return tool_complain(EX_USAGE, "check: --%s '%s' is not of the form %s", option, value, form);
}

/* @return -1 to go on, else the exit code. */
static int take_dns_option(int option, const char *value, struct dns_options *dns)
{
	switch (option) {
	case 'R': return take_resolver("check", value, dns);
	case 'D':
		dns->has_dnssec = true;
		return parse_dnssec(value, &dns->dnssec) == 0 ? -1 : bad_value("dnssec", value, "validate|trust-ad|off");
	case 'M':
		return parse_time(value, &dns->clock.fixed_secs) == 0 ? -1 : bad_value("time", value, "EPOCH (seconds)");
	case 'T': dns->trust_anchor = value; return -1;
	default: dns->zone_file = value; return -1;
	}
}

static int take_option(int option, const char *value, struct check_options *options)
{
	switch (option) {
	case 'c': options->config_path = value; return -1;
	case 'C': options->client = value; return -1;
	case 'H': options->helo = value; return -1;
	case 'f': options->mail_from = value; return -1;
	case 't': options->tls = value; return -1;
	case 'e': options->cert = value; return -1;
	case 'a': options->auth = value; return -1;
	case 'L': options->listener = value; return -1;
	case 'j': options->json = true; return -1;
	case 'R': case 'D': case 'M': case 'T': case 'z': return take_dns_option(option, value, &options->dns);
	case 'h': usage(stdout); return EX_OK;
	case 'r':
		if (options->recipient_count == RECIPIENTS_MAX)
			return tool_complain(EX_USAGE, "check: more than %d recipients", RECIPIENTS_MAX);
		options->recipients[options->recipient_count++] = value;
		return -1;
	default: return EX_USAGE;
	}
}

static int read_options(int argc, char **argv, struct check_options *options)
{
	int option, code = -1;

	while (code < 0 && (option = tool_getopt(argc, argv, long_options)) != -1)
		code = take_option(option, optarg, options);
	if (code >= 0)
		return code;
	if (optind < argc)
		options->message = argv[optind++];
	if (optind < argc)
		return tool_unexpected("check", argv[optind], long_options);
	return -1;
}

/* "first,rest" → both; rest NULL without a comma. */
static const char *split(struct arena *arena, const char *text, char separator, const char **rest_r)
{
	const char *at = strchr(text, separator);

	*rest_r = at != NULL ? at + 1 : NULL;
	return at != NULL ? arena_strndup(arena, text, (size_t)(at - text)) : text;
}

/* Subject and issuer; in the /C=../CN=.. form the names themselves may hold commas, so the cut is at ",/". */
static void take_cert(struct arena *arena, const char *text, struct facts_tls *tls)
{
	const char *cut = text[0] == '/' ? strstr(text, ",/") : NULL;

	if (cut != NULL) {
		tls->cert_subject = arena_strndup(arena, text, (size_t)(cut - text));
		tls->cert_issuer = cut + 1;
		return;
	}
	tls->cert_subject = split(arena, text, ',', &tls->cert_issuer);
}

static int take_tls(struct arena *arena, const char *text, struct facts_tls *tls)
{
	const char *rest, *bits;
	char *end = NULL;

	tls->version = split(arena, text, ',', &rest);
	if (tls->version[0] == '\0')
		return -E_SYNTAX;
	if (rest == NULL)
		return 0;
	tls->cipher = split(arena, rest, ',', &bits);
	if (bits == NULL)
		return 0;
	tls->bits = (unsigned)strtoul(bits, &end, 10);
	return *bits >= '0' && *bits <= '9' && *end == '\0' && tls->bits <= 1000000 ? 0 : -E_SYNTAX;
}

static int fill_connection(const struct check_options *options, struct session *session)
{
	struct facts_connection *connection = session_connection(session);
	struct arena *arena = session_arena(session);

	if (options->client != NULL) {
		const char *address = split(arena, options->client, ',', &connection->client_name);

		if (addr_parse_written(address, &connection->client) != 0)
			return bad_value("client", options->client, strchr(address, '%') != NULL ?
			    "IP[,NAME], the address without a zone (%)" : "IP[,NAME]");
	}
	connection->helo = options->helo;
	if (options->tls != NULL && take_tls(arena, options->tls, &connection->tls) != 0)
		return bad_value("tls", options->tls, "VERSION,CIPHER,BITS");
	if (options->cert != NULL)
		take_cert(arena, options->cert, &connection->tls);
	connection->daemon_name = options->listener;
	if (options->auth != NULL)
		connection->auth.mechanism = split(arena, options->auth, ',', &connection->auth.user);
	return 0;
}

static FILE *open_message(const char *path, int *code_r)
{
	struct stat status;
	FILE *in;

	*code_r = 0;
	if (strcmp(path, "-") == 0)
		return stdin;
	in = fopen(path, "r");
	if (in == NULL || (fstat(fileno(in), &status) == 0 && S_ISDIR(status.st_mode))) {
		*code_r = tool_complain(EX_NOINPUT, "%s: %s", path, in == NULL ? strerror(errno) : "is a directory");
		if (in != NULL)
			fclose(in);
		return NULL;
	}
	return in;
}

static int judge(const struct check_options *options, struct session *session, FILE *in)
{
	struct message *message = message_new(session, options->mail_from != NULL ? options->mail_from : "",
	    &options->dns.clock);
	struct verdict verdict = { .message = message, .connection = session_connection(session) };
	int code = 0;

	/* At RCPT the daemon may refuse one of them; here the question is the whole message. */
	for (size_t i = 0; i < options->recipient_count; i++)
		message_recipient_keep(message, options->recipients[i]);
	if (in != NULL)
		code = message_read(in, options->message, message);
	if (code == 0) {
		verdict.envelope_only = in == NULL;
		verdict.outcome = in != NULL ? message_judge(message) : message_judge_envelope(message);
		if (options->json)
			verdict_print_json(&verdict, stdout);
		else
			verdict_print_text(&verdict, stdout);
	}
	message_free(&message);
	return code;
}

static int run(const struct check_options *options, const struct config *config, FILE *in)
{
	char why[512] = "";
	struct engine *engine;
	struct session *session;
	int code = dns_options_check(&options->dns);

	if (code != 0)
		return code;
	engine = engine_new(config, NULL, why, sizeof(why));
	if (engine == NULL)
		return tool_complain(EX_CONFIG, "%s", why);
	session = session_new(engine);
	code = fill_connection(options, session);
	if (code == 0)
		code = judge(options, session, in);
	session_free(&session);
	engine_unref(&engine);
	return code;
}

int command_check(int argc, char **argv)
{
	struct check_options options = { .config_path = NULL };
	struct config_overrides overrides;
	const struct config *config;
	FILE *in = NULL;
	int code = read_options(argc, argv, &options);

	if (code >= 0)
		return code;
	if (options.message != NULL) {
		in = open_message(options.message, &code);
		if (in == NULL)
			return code;
	}
	overrides = dns_options_overrides(&options.dns);
	/* whoever asks about one message wants to know, though the daemon spares a look-up that no policy uses */
	overrides.every_check = true;
	config = load_config_with(options.config_path, &overrides);
	code = config != NULL ? run(&options, config, in) : EX_CONFIG;
	config_unref(&config);
	if (in != NULL && in != stdin)
		fclose(in);
	return code;
}
