/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay peers: what is remembered of senders' TLS. Lists and shows by reading; forget, pin and unpin change one row, while
 * the daemon may be running.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sysexits.h>

#include "assay.h"
#include "check/memory.h"
#include "json_text.h"
#include "record/peer.h"
#include "record/store.h"
#include "util/addr.h"
#include "util/clean.h"
#include "util/clock.h"
#include "util/domain.h"
#include "util/error.h"

enum { LIST_DEFAULT = 50 };

struct peers_command {
	const char *config_path, *database, *action, *peer;
	size_t limit;
	bool json, headed;
	struct arena *arena;
	struct peer_rules rules;
	json_t *list;
	const char *name;	/* of what is in the list: "peer" or "host" */
};

static void usage(FILE *out)
{
	fputs("usage: assay peers [OPTION]... [list [TEXT] | show PEER | forget PEER | pin PEER | unpin PEER]\n"
	    "  list     peers whose name contains TEXT, the last seen first (default)\n"
	    "  show     one peer and its hosts\n"
	    "  forget   removes a peer from memory\n"
	    "  pin      TLS is required of this peer from now on: a session without it is a tls-downgrade\n"
	    "  unpin    back to the peer's own habit\n"
	    "  --config F     configuration (default " DEFAULT_CONFIG ")\n"
	    "  --database F   database instead of the configured one\n"
	    "  --limit N      list at most N peers or hosts (default 50)\n"
	    "  --json         print JSON\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' },
	{ "limit", required_argument, NULL, 'n' }, { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 },
};

static const char *day_text(int64_t secs, char text[16])
{
	return secs == 0 ? "never" : clock_text(text, 16, CLOCK_DAY, secs);
}

/* Names and certificates come from the network. */
static json_t *peer_json(const char *name, const char *peer, const struct peer_memory *memory, const struct peer_rules *rules)
{
	struct arena *arena = arena_new();
	json_t *json = json_pack("{s:o, s:b, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
	    name, json_text(arena, peer), "habit", peer_has_tls_habit(memory, rules), "pinned", memory->pinned,
	    "usual", tls_grade_name((enum tls_grade)peer_usual_grade(memory, rules)),
	    "best", tls_grade_name((enum tls_grade)memory->best_grade),
	    "sessions", (json_int_t)memory->sessions, tls_grade_name(TLS_GRADE_NONE), (json_int_t)memory->grades[TLS_GRADE_NONE],
	    tls_grade_name(TLS_GRADE_WEAK), (json_int_t)memory->grades[TLS_GRADE_WEAK], tls_grade_name(TLS_GRADE_OK), (json_int_t)memory->grades[TLS_GRADE_OK],
	    tls_grade_name(TLS_GRADE_STRONG), (json_int_t)memory->grades[TLS_GRADE_STRONG], "days", (json_int_t)memory->days,
	    "tls_days", (json_int_t)memory->tls_days, "first", (json_int_t)memory->first_secs,
	    "last", (json_int_t)memory->last_secs, "last_tls", (json_int_t)memory->last_tls_secs,
	    "changed", (json_int_t)memory->changed_secs, "changed_sessions", (json_int_t)memory->changed_sessions,
	    "settled", (json_int_t)memory->settled_secs, "cert", json_text(arena, memory->last_cert));

	arena_free(&arena);
	return json;
}

/* Once, and not above what cannot be read. */
static void print_heading(struct peers_command *command)
{
	if (!command->headed)
		printf("%-40s %9s %5s %6s %-6s %-6s %-10s\n", command->name, "sessions", "days", "TLS", "usual", "habit", "last");
	command->headed = true;
}

static void print_row(void *arg, const char *peer, const struct peer_memory *memory)
{
	struct peers_command *command = arg;
	char last[16], changed[16];

	if (command->json) {
		json_array_append_new(command->list, peer_json(command->name, peer, memory, &command->rules));
		return;
	}
	print_heading(command);
	printf("%-40s %9" PRIu64 " %5u %5.1f%% %-6s %-6s %-10s%s%s%s\n", clean_word(command->arena, peer, DOMAIN_MAX_LENGTH),
	    memory->sessions, memory->days,
	    memory->sessions != 0 ? 100.0 * (double)(memory->sessions - memory->grades[0]) / (double)memory->sessions : 0.0,
	    tls_grade_name((enum tls_grade)peer_usual_grade(memory, &command->rules)),
	    peer_has_tls_habit(memory, &command->rules) ? "habit" : "-", day_text(memory->last_secs, last),
	    memory->pinned ? " pinned" : "", memory->changed_secs != 0 ? " changed since " : "",
	    memory->changed_secs != 0 ? day_text(memory->changed_secs, changed) : "");
}

static int list_peers(struct peers_command *command, struct store *store)
{
	int code;

	command->list = json_array();
	code = store_peers_each(store, command->peer, command->limit, print_row, command);
	if (code == 0 && command->json) {
		json_dumpf(command->list, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (code == 0) {
		print_heading(command);
	}
	json_decref(command->list);
	return code;
}

static int show_json(struct peers_command *command, struct store *store, const struct peer_memory *memory)
{
	json_t *json = peer_json("peer", command->peer, memory, &command->rules);
	int code;

	command->list = json_array();
	code = store_hosts_each(store, command->peer, command->limit, print_row, command);
	json_object_set_new(json, "hosts", command->list);
	if (code == 0) {
		json_dumpf(json, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(json);
	return code;
}

static int show_peer(struct peers_command *command, struct store *store)
{
	struct peer_memory memory;
	int code = store_peer_get(store, command->peer, &memory);
	char first[16], last[16], tls[16], changed[16];

	if (code != 0)
		return code;
	command->name = "host";
	if (command->json)
		return show_json(command, store, &memory);
	printf("%s\n  first %s, last %s, last with TLS %s\n", command->peer, day_text(memory.first_secs, first),
	    day_text(memory.last_secs, last), day_text(memory.last_tls_secs, tls));
	printf("  %" PRIu64 " sessions on %u days (%u with TLS): none %" PRIu64 ", weak %" PRIu64 ", ok %" PRIu64 ", strong %"
	    PRIu64 "\n", memory.sessions, memory.days, memory.tls_days, memory.grades[0], memory.grades[1], memory.grades[2],
	    memory.grades[3]);
	printf("  usual grade %s, best %s, %s%s\n", tls_grade_name((enum tls_grade)peer_usual_grade(&memory, &command->rules)),
	    tls_grade_name((enum tls_grade)memory.best_grade),
	    peer_has_tls_habit(&memory, &command->rules) ? "habit of TLS" : "no habit of TLS",
	    memory.pinned ? ", pinned by hand" : "");
	if (memory.last_cert[0] != '\0') {
		fputs("  last certificate ", stdout);
		clean_terminal(stdout, memory.last_cert);
		putchar('\n');
	}
	if (memory.changed_secs != 0)
		printf("  %" PRIu64 " weaker sessions and no others since %s\n", memory.changed_sessions,
		    day_text(memory.changed_secs, changed));
	if (memory.settled_secs != 0)
		printf("  gave up its earlier habit on %s\n", day_text(memory.settled_secs, changed));
	code = store_hosts_each(store, command->peer, command->limit, print_row, command);
	if (code == 0)
		print_heading(command);
	return code;
}

/*
 * As assayd names peers: a domain in normal form, or the network of an address. @return NULL when it is neither.
 */
static const char *peer_name(struct arena *arena, const char *text)
{
	size_t length = strcspn(text, "/");
	struct ip_addr address;

	if (addr_parse_written(arena_strndup(arena, text, length), &address) == 0) {
		const char *network = memory_network_name(arena, &address);

		return text[length] == '\0' || strcmp(text + length, strchr(network, '/')) == 0 ? network : NULL;
	}
	return domain_normalize(arena, text, strlen(text));
}

/* A name that nobody comes under would require TLS of nobody, and nobody would notice. Before the first pin there may be no tables. */
static int pin(struct peers_command *command, struct store *store)
{
	struct peer_memory memory;
	int code = store_peer_pin(store, command->peer, true);

	if (code == 0 && store_peer_get(store, command->peer, &memory) == 0 && memory.sessions == 0)
		tool_complain(0, "peers: '%s' has not been seen yet: it is pinned for when it comes. A peer is the organizational domain of a "
		    "client's confirmed name, else its network", command->peer);
	return code;
}

static int run_action(struct peers_command *command, struct store *store)
{
	if (strcmp(command->action, "list") == 0)
		return list_peers(command, store);
	if (strcmp(command->action, "show") == 0)
		return show_peer(command, store);
	if (strcmp(command->action, "forget") == 0)
		return store_peer_forget(store, command->peer);
	return strcmp(command->action, "pin") == 0 ? pin(command, store) : store_peer_pin(store, command->peer, false);
}

static int run_named(struct peers_command *command, struct store *store)
{
	const char *name = command->peer;
	struct peer_memory memory;

	if (strcmp(command->action, "list") == 0)
		return run_action(command, store);
	/* what stands in the record under such a name all the same can be looked at and go */
	if (strcmp(command->action, "pin") != 0 && store_peer_get(store, name, &memory) == 0)
		return run_action(command, store);
	command->peer = peer_name(command->arena, name);
	if (command->peer == NULL && strcmp(command->action, "pin") == 0)
		return tool_complain(EX_USAGE, "peers: '%s' is no domain, and no address or network of the size that peers have", name);
	if (command->peer == NULL)
		command->peer = name;
	return run_action(command, store);
}

static int run(struct peers_command *command)
{
	const struct config *config = load_config(command->config_path);
	struct store *store;
	int code;

	if (config == NULL)
		return EX_CONFIG;
	command->rules = (struct peer_rules){ config->habit_min_sessions, config->habit_min_days,
		config->habit_min_share_percent, config->habit_settle_secs / 86400 };
	code = record_open("peers", config, command->database, &store);
	config_unref(&config);
	if (code != 0)
		return code;
	command->arena = arena_new();
	code = run_named(command, store);
	arena_free(&command->arena);
	if (code == -E_ABSENT)
		code = tool_complain(EX_DATAERR, "peers: '%s' is not known", command->peer);
	else if (code < 0)
		code = record_failed("peers", store);
	store_close(&store);
	return code;
}

static bool action_known(const char *action)
{
	static const char *const names[] = { "list", "show", "forget", "pin", "unpin" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(action, names[i]) == 0)
			return true;
	return false;
}

int command_peers(int argc, char **argv)
{
	struct peers_command command = { .action = "list", .name = "peer", .limit = LIST_DEFAULT };
	int option;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'c': command.config_path = optarg; break;
		case 'd': command.database = optarg; break;
		case 'j': command.json = true; break;
		case 'h': usage(stdout); return EX_OK;
		case 'n':
			if (take_rows("peers", "--limit", optarg, &command.limit) >= 0)
				return EX_USAGE;
			break;
		default: return EX_USAGE;
		}
	}
	if (optind < argc)
		command.action = argv[optind++];
	if (optind < argc)
		command.peer = argv[optind++];
	if (!action_known(command.action))
		return tool_complain(EX_USAGE, "peers: no action '%s'; valid: list, show, forget, pin, unpin", command.action);
	if (command.peer == NULL && strcmp(command.action, "list") != 0)
		return tool_complain(EX_USAGE, "peers: %s which peer? assay peers list shows their names", command.action);
	if (optind < argc)
		return tool_unexpected("peers", argv[optind], long_options);
	return run(&command);
}
