/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace as one JSON object: a key a word of the trace, with an object or, where there may be several, a list of them. Values are
 * strings, as in the trace (pipeline/trace_text.h); the keys named in assay(1) are promised.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "json_text.h"

static json_t *line_json(struct arena *arena, const struct trace_line *line)
{
	json_t *object = json_object();

	for (size_t i = 0; i < line->count; i++)
		json_object_set_new(object, line->fields[i].key, json_text(arena, line->fields[i].value));
	return object;
}

static void set_one(json_t *object, struct arena *arena, const struct trace *trace, const char *word)
{
	const struct trace_line *line = trace_find(trace, word);

	json_object_set_new(object, word, line != NULL ? line_json(arena, line) : json_null());
}

static void set_list(json_t *object, struct arena *arena, const struct trace *trace, const char *word, const char *key)
{
	json_t *list = json_array();

	for (size_t i = 0; i < trace->count; i++)
		if (strcmp(trace->lines[i].word, word) == 0)
			json_array_append_new(list, line_json(arena, &trace->lines[i]));
	json_object_set_new(object, key, list);
}

/* Each question with its records in it. */
static void set_dns(json_t *object, struct arena *arena, const struct trace *trace)
{
	json_t *list = json_array(), *records = NULL;

	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_line *line = &trace->lines[i];
		json_t *question;

		if (strcmp(line->word, "rr") == 0 && records != NULL)
			json_array_append_new(records, json_text(arena, trace_get(line, "data")));
		if (strcmp(line->word, "dns") != 0)
			continue;
		question = line_json(arena, line);
		records = json_array();
		json_object_set_new(question, "records", records);
		json_array_append_new(list, question);
	}
	json_object_set_new(object, "dns", list);
}

static json_t *reasons_json(struct arena *arena, const struct again *again)
{
	json_t *list = json_array();

	for (size_t i = 0; i < again->reason_count; i++) {
		const struct policy_reason *reason = &again->reasons[i];

		json_array_append_new(list, json_pack("{s:o, s:s, s:b, s:o, s:s, s:o}", "name", json_text(arena, reason->policy->name),
		    "mode", run_mode_name(reason->policy->mode), "sure", reason->sure, "match", json_text(arena, reason->match),
		    "action", action_name(reason->decision.action), "rule", json_text(arena, reason->rule)));
	}
	return list;
}

static json_t *again_json(struct arena *arena, const struct again *again)
{
	const struct decision *decision = &again->decision;
	bool told = again->untold == NULL, decided = told && decision->finding < FINDING_COUNT;
	json_t *whys = json_array(), *object;

	for (size_t i = 0; i < again->why_count; i++)
		json_array_append_new(whys, json_text(arena, again->whys[i]));
	object = json_pack("{s:o, s:o, s:o, s:o, s:o}", "config", json_text(arena, again->config_path),
	    "untold", json_text(arena, again->untold), "action", told ? json_string(action_name(decision->action)) : json_null(),
	    "finding", decided ? json_string(findings_table[decision->finding].name) : json_null(),
	    "policy", told ? json_text(arena, decision->policy) : json_null());
	json_object_set_new(object, "enforced", told ? json_boolean(decision->enforced) : json_null());
	json_object_set_new(object, "changes", told ? json_boolean(again->changes) : json_null());
	json_object_set_new(object, "partly_refused", json_boolean(again->partly));
	json_object_set_new(object, "greylist_passed", json_boolean(again->greylist_passed));
	json_object_set_new(object, "why", whys);
	json_object_set_new(object, "policies", reasons_json(arena, again));
	return object;
}

void explain_print_json(const struct explained *explained, struct arena *arena, FILE *out)
{
	static const char *const single[] = { "message", "client", "tls", "envelope", "author", "decision", "evidence" };
	static const struct { const char *word, *key; } lists[] = { { "recipient", "recipients" }, { "header", "header" },
		{ "result", "results" }, { "finding", "findings" }, { "policy", "policies" } };
	const struct trace *trace = &explained->trace;
	json_t *object = json_object(), *others = json_array();

	json_object_set_new(object, "reference", json_text(arena, explained->reference));
	json_object_set_new(object, "queue_id", explained->queue_id[0] != '\0' ? json_text(arena, explained->queue_id) : json_null());
	json_object_set_new(object, "time", json_integer((json_int_t)explained->time_secs));
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		set_one(object, arena, trace, single[i]);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		set_list(object, arena, trace, lists[i].word, lists[i].key);
	set_dns(object, arena, trace);
	for (size_t i = 0; i < explained->other_count; i++)
		json_array_append_new(others, json_text(arena, explained->others[i]));
	json_object_set_new(object, "older", others);
	json_object_set_new(object, "left_out", json_integer(trace->left_out != NULL ? atoll(trace->left_out) : 0));
	json_object_set_new(object, "again", explained->again != NULL ? again_json(arena, explained->again) : json_null());
	json_dumpf(object, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(object);
}
