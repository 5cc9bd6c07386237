/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assay explain: finds the trace of a message by what people have of it (the reference of a reply, a header or the log, or the MTA's
 * queue id) and tells all that was seen of it. What is pasted is hostile: it is read by reference_find() alone. Only reads.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "explain.h"
#include "record/store.h"
#include "report/brakes.h"
#include "util/buf.h"
#include "util/clean.h"
#include "util/error.h"
#include "util/reference.h"

enum { TRACES_MAX = 20, QUEUE_ID_MAX = 64, READ_BYTES = 4096 };

struct explain_command {
	const char *config_path, *database;
	const char *text;		/* what was pasted */
	bool json;
};

static void usage(FILE *out)
{
	fputs("usage: assay explain [OPTION]... REFERENCE|QUEUE-ID|REPLY\n"
	    "  tells what was seen of a message and why it was decided as it was; a whole reply may be pasted, - reads it from\n"
	    "  standard input. Traces must be kept: traces in section record of the configuration.\n"
	    "  --config F     judge it again by the policies of this configuration, and say what changes and why\n"
	    "  --database F   database instead of the configured one\n"
	    "  --json         print one JSON object\n", out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' }, { 0 },
};

/* ---- finding it -------------------------------------------------------------------------------------------------- */

/* What was found under one name: the newest whole, of the others who they are. */
struct found {
	struct arena *arena;
	struct trace_note newest;
	const char *others[TRACES_MAX];
	size_t count;
	const struct brakes *brakes;
};

static void keep(void *arg, const struct trace_note *note)
{
	struct found *found = arg;

	if (found->count == 0)
		found->newest = (struct trace_note){ .reference = arena_strdup(found->arena, note->reference),
			.queue_id = arena_strdup(found->arena, note->queue_id), .time_secs = note->time_secs,
			.text = arena_strdup(found->arena, note->text) };
	else if (found->count <= TRACES_MAX)
		found->others[found->count - 1] = arena_strdup(found->arena, note->reference);
	found->count++;
}

/* The text without what stands around a word: the MTA's log has a colon behind the queue id. @return NULL: it is no single word. */
static const char *single_word(struct arena *arena, const char *text)
{
	static const char around[] = " \t\r\n<>()[]{}:;,.'\"";
	size_t first = strspn(text, around), last = strlen(text);

	while (last > first && strchr(around, text[last - 1]) != NULL)
		last--;
	if (last == first || last - first > QUEUE_ID_MAX || clean_span(text + first, CLEAN_GRAPH) < last - first)
		return NULL;
	return arena_strndup(arena, text + first, last - first);
}

/* @return 0, -E_ABSENT or -E_SYSTEM; -E_SYNTAX: there is nothing to look for. name_r: by what was looked for last. */
static int find(struct store *store, const char *text, struct found *found_r, const char **name_r)
{
	char reference[REFERENCE_BYTES];
	const char *queue_id = single_word(found_r->arena, text);
	int code = -E_SYNTAX;

	if (reference_find(text, strlen(text), reference)) {
		*name_r = arena_strdup(found_r->arena, reference);
		code = store_traces_each(store, STORE_TRACE_BY_REFERENCE, reference, TRACES_MAX, keep, found_r);
	}
	/* a queue id may look like a reference */
	if ((code == -E_ABSENT || code == -E_SYNTAX) && queue_id != NULL) {
		if (code == -E_SYNTAX)
			*name_r = queue_id;
		code = store_traces_each(store, STORE_TRACE_BY_QUEUE_ID, queue_id, TRACES_MAX, keep, found_r);
	}
	return code;
}

static const char *days_text(struct arena *arena, unsigned secs)
{
	return secs % 86400 == 0 ? arena_printf(arena, "%u days", secs / 86400) : arena_printf(arena, "%u hours", secs / 3600);
}

static int complain_absent(const struct config *config, const char *name, struct arena *arena)
{
	const char *keep = days_text(arena, config->trace_keep_secs);

	if (config->traces == TRACES_OFF)
		return tool_complain(EX_NOINPUT, "explain: no trace of %s: traces are off; set traces = failures in the section record of the "
		    "configuration, then messages to come have one", name);
	return tool_complain(EX_NOINPUT, "explain: no trace of %s: they are kept for %s%s, and fewer when max-trace-bytes is reached; "
	    "its line in the log may still be there", name, keep, config->traces == TRACES_FAILURES ?
	    ", of messages only that something was done to (traces = failures)" : "");
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* @param again_by  NULL: it is not judged again. */
static int tell(const struct explain_command *command, const struct config *again_by, const struct found *found)
{
	struct explained explained = { .reference = found->newest.reference, .queue_id = found->newest.queue_id,
		.time_secs = found->newest.time_secs, .others = found->others,
		.other_count = found->count - 1 < TRACES_MAX ? found->count - 1 : TRACES_MAX };
	struct again again;
	int code = found->newest.text == NULL ? -E_SYNTAX : trace_read(found->newest.text, found->arena, &explained.trace);

	if (code == -E_ABSENT)
		return tool_complain(EX_DATAERR, "explain: the trace of %s was written by another version of Assay, in a form that this one "
		    "does not know", explained.reference);
	if (code != 0)
		return tool_complain(EX_DATAERR, "explain: the trace of %s is damaged", explained.reference);
	if (again_by != NULL) {
		explain_again(&explained.trace, again_by, command->config_path, found->brakes, found->arena, &again);
		explained.again = &again;
	}
	(command->json ? explain_print_json : explain_print_text)(&explained, found->arena, stdout);
	return EX_OK;
}

static int look_up(const struct explain_command *command, const struct config *config, const struct config *again_by)
{
	struct found found = { 0 };
	struct store *store;
	const char *name = NULL;
	int code = record_open("explain", config, command->database, &store);

	if (code != 0)
		return code;
	found.arena = arena_new();
	code = find(store, command->text, &found, &name);
	if (code == 0)
		code = brakes_read(store, found.arena, &found.brakes);
	if (code == 0)
		code = tell(command, again_by, &found);
	else if (code == -E_ABSENT)
		code = complain_absent(config, name, found.arena);
	else if (code == -E_SYNTAX)
		code = tool_complain(EX_USAGE, "explain: that has no reference, which looks like k7m9-qxw2-rtbh, and is no queue id");
	else
		code = record_failed("explain", store);
	store_close(&store);
	arena_free(&found.arena);
	return code;
}

/* The database is where the system's configuration says; another one, that is only to be tried, need not say. */
static int run(const struct explain_command *command)
{
	const struct config *again_by = command->config_path != NULL ? load_config(command->config_path) : NULL;
	const struct config *config = NULL;
	int code = EX_CONFIG;

	if (command->config_path != NULL && again_by == NULL)
		return EX_CONFIG;
	if (again_by != NULL && (again_by->record_location != NULL || command->database != NULL))
		config = config_ref(again_by);
	else
		config = load_config(NULL);
	if (config != NULL)
		code = look_up(command, config, again_by);
	config_unref(&config);
	config_unref(&again_by);
	return code;
}

/* ---- what was pasted --------------------------------------------------------------------------------------------- */

static const char *read_input(struct arena *arena)
{
	struct buf buf = buf_make(arena);
	char block[READ_BYTES];
	size_t got;

	while (buf.length < REFERENCE_PASTED_BYTES && (got = fread(block, 1, sizeof(block), stdin)) != 0)
		buf_append(&buf, block, got);
	for (size_t i = 0; i < buf.length; i++)
		if (buf.data[i] == '\0')
			buf.data[i] = ' ';
	return buf.data;
}

/* All words together: a reply need not be quoted for the shell. */
static const char *join(struct arena *arena, int argc, char **argv)
{
	struct buf buf = buf_make(arena);

	for (int i = 0; i < argc; i++) {
		buf_puts(&buf, i != 0 ? " " : "");
		buf_puts(&buf, argv[i]);
	}
	return buf.data;
}

int command_explain(int argc, char **argv)
{
	struct explain_command command = { .json = false };
	struct arena *arena;
	int option, code;

	while ((option = tool_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'c': command.config_path = optarg; break;
		case 'd': command.database = optarg; break;
		case 'j': command.json = true; break;
		case 'h': usage(stdout); return EX_OK;
		default: return EX_USAGE;
		}
	}
	if (optind == argc)
		return tool_complain(EX_USAGE, "explain: which message? Give the reference that its reply, header or log line has, or its "
		    "queue id");
	arena = arena_new();
	command.text = optind + 1 == argc && strcmp(argv[optind], "-") == 0 ? read_input(arena) :
	    join(arena, argc - optind, argv + optind);
	code = run(&command);
	arena_free(&arena);
	return code;
}
