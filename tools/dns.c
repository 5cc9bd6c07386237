/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay dns: one look-up through the resolver of the daemon, with the reason for its DNSSEC verdict. The first line of
 * output is the verdict, so that scripts can read it.
 */
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "json_text.h"
#include "util/buf.h"
#include "util/clean.h"

struct dns_command {
	const char *config_path, *name;
	uint16_t type;
	struct dns_options dns;
	bool json;
};

static void usage(FILE *out)
{
	fputs("usage: assay dns [OPTION]... NAME [TYPE]\n"
	    "  --resolver ADDR[@PORT]   DNS server\n"
	    "  --trust-anchor F         DNSSEC trust anchors\n"
	    "  --dnssec validate|trust-ad|off\n"
	    "  --zone F                 answers come from this zone file\n"
	    "  --time EPOCH             judge signatures as if it were this time\n"
	    "  --config F               configuration (default " DEFAULT_CONFIG ")\n"
	    "  --json                   print one JSON object\n"
	    "  TYPE                     default TXT\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "resolver", required_argument, NULL, 'R' },
	{ "trust-anchor", required_argument, NULL, 'T' }, { "dnssec", required_argument, NULL, 'D' },
	{ "zone", required_argument, NULL, 'z' }, { "time", required_argument, NULL, 'M' },
	{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

static int bad_value(const char *option, const char *value, const char *form)
{
	return tool_complain(EX_USAGE, "dns: --%s '%s' is not of the form %s", option, value, form);
}

/* @return -1 to go on, else the exit code. */
static int take_option(int option, struct dns_command *command)
{
	struct dns_options *dns = &command->dns;

	switch (option) {
	case 'c': command->config_path = optarg; return -1;
	case 'T': dns->trust_anchor = optarg; return -1;
	case 'z': dns->zone_file = optarg; return -1;
	case 'j': command->json = true; return -1;
	case 'h': usage(stdout); return EX_OK;
	case 'R': return take_resolver("dns", optarg, dns);
	case 'D':
		dns->has_dnssec = true;
		return parse_dnssec(optarg, &dns->dnssec) == 0 ? -1 : bad_value("dnssec", optarg, "validate|trust-ad|off");
	case 'M':
		return parse_time(optarg, &dns->clock.fixed_secs) == 0 ? -1 : bad_value("time", optarg, "EPOCH (seconds)");
	default: return EX_USAGE;
	}
}

static int read_options(int argc, char **argv, struct dns_command *command)
{
	int option, code = -1;

	command->type = DNS_TYPE_TXT;
	while (code < 0 && (option = tool_getopt(argc, argv, long_options)) != -1)
		code = take_option(option, command);
	if (code >= 0)
		return code;
	if (optind == argc)
		return tool_complain(EX_USAGE, "dns: which name? assay dns [OPTION]... NAME [TYPE], for example assay dns example.org MX");
	command->name = argv[optind++];
	if (optind < argc) {
		command->type = dns_type_from_name(argv[optind]);
		if (command->type == 0)
			return tool_complain(EX_USAGE, "dns: '%s' is not a record type; for example A, AAAA, MX, TXT, PTR or TYPE257", argv[optind]);
		optind++;
	}
	if (optind < argc)
		return tool_unexpected("dns", argv[optind], long_options);
	if (strcmp(command->name, ".") != 0 && !dns_name_valid(command->name))
		return tool_complain(EX_USAGE, "dns: '%s' is not a domain name", command->name);
	return -1;
}

/* Rdata in a form for reading: text, name or address for the types we know, else RFC 3597 hex. */
static const char *rdata_text(const struct dns_rr *rr, struct arena *arena)
{
	char address[ADDR_TEXT_BYTES];
	struct ip_addr addr;
	const char *name;
	struct buf hex;

	if (rr->type == DNS_TYPE_A || rr->type == DNS_TYPE_AAAA) {
		addr = dns_rr_addr(rr);
		return arena_strdup(arena, addr_format(&addr, address));
	}
	if (rr->type == DNS_TYPE_TXT)
		return arena_printf(arena, "\"%s\"", dns_rr_text(rr, arena, NULL));
	name = rr->type == DNS_TYPE_MX || rr->type == DNS_TYPE_PTR || rr->type == DNS_TYPE_CNAME || rr->type == DNS_TYPE_NS ?
	    dns_rr_name(rr, arena) : NULL;
	if (name != NULL)
		return rr->type == DNS_TYPE_MX ? arena_printf(arena, "%u %s", dns_rr_preference(rr), name) : name;
	hex = buf_make(arena);
	buf_printf(&hex, "\\# %u ", rr->rdata_length);
	for (unsigned i = 0; i < rr->rdata_length; i++)
		buf_printf(&hex, "%02x", rr->rdata[i]);
	return hex.data;
}

/* What the verdict means for mail, and what can be done. mode: as the resolver works. */
static const char *meaning(const struct dns_answer *answer, enum dnssec_mode mode)
{
	if (answer->security == DNS_BOGUS)
		return "The answer is not used: a check that needs it ends as temperror and raises dnssec-bogus. Either the zone is "
		    "broken, then its owner has to mend it; or somebody changes DNS on the way here. To tell the two apart, ask "
		    "through another server (--resolver). negative-trust-anchors takes a zone that is known to be broken as unsigned.";
	if (answer->status == DNS_STATUS_FAIL)
		return "The answer, or what is needed to judge it, could not be had. A check that needs it ends as temperror; mail is "
		    "judged anew when it is tried again.";
	if (mode == DNSSEC_OFF)
		return "DNSSEC is off here: nothing was checked.";
	if (mode == DNSSEC_TRUST_AD)
		return answer->security == DNS_SECURE ?
		    "The recursive server says that it validated this (AD bit). Whoever can forge its answers can forge that too." :
		    "The recursive server does not say that it validated this (no AD bit, or it is not on loopback). The checks use it "
		    "as unauthenticated.";
	switch (answer->security) {
	case DNS_SECURE:
		return "Every signature from the trust anchor down to here holds: this is what the zone's owner published.";
	case DNS_INSECURE:
		return "It is proven that this part of the tree is not signed. The checks use the answer, but whoever stood on its "
		    "way could have changed it. Policies can ask for more (require-secure).";
	default:
		return "It could not be found out whether this part of the tree is signed: no trust anchor is above the name, or none "
		    "was reached through this server. The checks use the answer as unauthenticated. See whether the server passes "
		    "DNSSEC on: assay dns . DNSKEY";
	}
}

/* One line after another, indented, of at most so many columns. */
static void print_wrapped(const char *text, struct arena *arena)
{
	enum { COLUMNS = 98 };

	while (*text != '\0') {
		size_t length = strlen(text);

		if (length > COLUMNS)
			for (length = COLUMNS; length > 1 && text[length] != ' '; length--)
				;
		printf("  %s\n", arena_strndup(arena, text, length));
		text += length;
		text += strspn(text, " ");
	}
}

static void print_text(const struct dns_answer *answer, const char *explanation, enum dnssec_mode mode, struct arena *arena)
{
	char type[16];

	printf("%s\n%s", dns_security_name(answer->security),
	    answer->security == DNS_BOGUS ? "not used" : dns_status_name(answer->status));
	if (strcmp(answer->name, answer->canonical_name) != 0) {
		fputs(" (alias of ", stdout);
		clean_terminal(stdout, answer->canonical_name);
		putchar(')');
	}
	putchar('\n');
	for (size_t i = 0; i < answer->rr_count; i++) {
		const struct dns_rr *rr = &answer->rrs[i];

		clean_terminal(stdout, rr->owner);
		printf(" %u %s ", rr->ttl_secs, dns_type_name(rr->type, type));
		clean_terminal(stdout, rdata_text(rr, arena));
		putchar('\n');
	}
	clean_terminal(stdout, answer->why);
	putchar('\n');
	if (answer->remark != NULL) {
		fputs("the recursive server adds: ", stdout);
		clean_terminal(stdout, answer->remark);
		putchar('\n');
	}
	for (const char *line = explanation; line != NULL && *line != '\0';) {
		size_t length = strcspn(line, "\n");

		fputs("  ", stdout);
		clean_terminal(stdout, arena_strndup(arena, line, length));
		putchar('\n');
		line += length + (line[length] != '\0');
	}
	puts("What this means:");
	print_wrapped(meaning(answer, mode), arena);
}

static void print_json(const struct dns_answer *answer, const char *explanation, enum dnssec_mode mode, struct arena *arena)
{
	json_t *object = json_object(), *records = json_array();
	char type[16];

	for (size_t i = 0; i < answer->rr_count; i++) {
		const struct dns_rr *rr = &answer->rrs[i];

		json_array_append_new(records, json_pack("{s:o, s:i, s:s, s:o}", "name", json_text(arena, rr->owner),
		    "ttl", (int)rr->ttl_secs, "type", dns_type_name(rr->type, type),
		    "data", json_text(arena, rdata_text(rr, arena))));
	}
	json_object_set_new(object, "security", json_string(dns_security_name(answer->security)));
	json_object_set_new(object, "status", json_string(dns_status_name(answer->status)));
	json_object_set_new(object, "rcode", json_integer(answer->rcode));
	json_object_set_new(object, "name", json_text(arena, answer->name));
	json_object_set_new(object, "canonical_name", json_text(arena, answer->canonical_name));
	json_object_set_new(object, "records", records);
	json_object_set_new(object, "why", json_text(arena, answer->why));
	json_object_set_new(object, "extended_error", answer->remark != NULL ? json_text(arena, answer->remark) : json_null());
	json_object_set_new(object, "explanation", json_text(arena, explanation));
	json_object_set_new(object, "meaning", json_string(meaning(answer, mode)));
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

static int look_up(const struct dns_command *command, const struct config *config)
{
	struct dns_resolver *resolver;
	struct dns_scope *scope;
	const struct dns_answer *answer;
	const char *explanation = NULL;
	struct arena *arena;
	char why[512] = "";
	enum dnssec_mode mode;

	mode = config->dns.zone_file != NULL ? DNSSEC_OFF : config->dns.dnssec;	/* a master file has no signatures */
	resolver = dns_resolver_new(&config->dns, why, sizeof(why));
	if (resolver == NULL)
		return tool_complain(EX_CONFIG, "%s", why);
	arena = arena_new();
	scope = dns_scope_new(resolver, config->dns_deadline_ms, config->max_dns_lookups);
	answer = dns_explain(scope, command->name, command->type, &explanation);
	if (command->json)
		print_json(answer, explanation, mode, arena);
	else
		print_text(answer, explanation, mode, arena);
	dns_scope_free(&scope);
	arena_free(&arena);
	dns_resolver_free(&resolver);
	return EX_OK;
}

int command_dns(int argc, char **argv)
{
	struct dns_command command = { .config_path = NULL };
	struct config_overrides overrides;
	const struct config *config;
	int code = read_options(argc, argv, &command);

	if (code >= 0)
		return code;
	overrides = dns_options_overrides(&command.dns);
	config = load_config_with(command.config_path, &overrides);
	if (config == NULL)
		return EX_CONFIG;
	code = dns_options_check(&command.dns);
	if (code == 0)
		code = look_up(&command, config);
	config_unref(&config);
	return code;
}
