/* SPDX-License-Identifier: BSD-2-Clause */
/* A trace for a human: what came, what was found, what was asked of DNS, what the policies made of it. Nothing reaches the terminal raw. */
#include <string.h>

#include "explain.h"
#include "util/clean.h"
#include "util/clock.h"

enum { TIME_BYTES = 32 };

static void print_label(FILE *out, const char *label)
{
	fprintf(out, "%-10s", label);
}

/* A key as words: "key_bits" is "key bits". */
static void print_key(FILE *out, const char *key)
{
	for (; *key != '\0'; key++)
		fputc(*key == '_' ? ' ' : *key, out);
}

static bool is_among(const char *key, const char *const *keys)
{
	for (; keys != NULL && *keys != NULL; keys++)
		if (strcmp(key, *keys) == 0)
			return true;
	return false;
}

/* All that the line says, but for those keys: "domain example.org, dnssec secure". @param some  whether anything stands before. */
static void print_fields(FILE *out, const struct trace_line *line, const char *const *but, bool some)
{
	for (size_t i = 0; i < line->count; i++) {
		const struct log_field *field = &line->fields[i];

		if (is_among(field->key, but))
			continue;
		fputs(some ? ", " : "", out);
		some = true;
		print_key(out, field->key);
		if (strcmp(field->value, "yes") != 0) {
			fputc(' ', out);
			clean_terminal(out, field->value);
		}
		fputs(field->cut ? " (cut)" : "", out);
	}
	fputc('\n', out);
}

/* Prints a value behind some words; nothing without it. */
static void print_value(FILE *out, const char *before, const char *value)
{
	if (value == NULL)
		return;
	fputs(before, out);
	clean_terminal(out, value);
}

static void print_message(FILE *out, const struct explained *explained)
{
	const struct trace_line *line = trace_find(&explained->trace, "message");
	const char *stage = line != NULL ? trace_get(line, "stage") : NULL;
	char text[TIME_BYTES];

	print_label(out, "message");
	clean_terminal(out, explained->reference);
	print_value(out, ", queue id ", explained->queue_id[0] != '\0' ? explained->queue_id : NULL);
	fprintf(out, ", %s", clock_text(text, sizeof(text), CLOCK_SECOND_UTC, explained->time_secs));
	print_value(out, ", not judged: ", line != NULL ? trace_get(line, "exempt") : NULL);
	if (stage != NULL && strcmp(stage, "refused-at-rcpt") == 0)
		fputs(", all of its recipients were refused: what it said was not seen", out);
	else if (stage != NULL && strcmp(stage, "given-up") == 0)
		fputs(", given up before its end, by the client, the MTA or another filter", out);
	fputc('\n', out);
}

static void print_recipient(FILE *out, const struct trace_line *line)
{
	static const char *const but[] = { "to", "state", "action", "finding", NULL };

	print_label(out, "recipient");
	print_value(out, "", trace_get(line, "to"));
	print_value(out, ": ", trace_get(line, "state"));
	print_value(out, " for ", trace_get(line, "finding"));
	print_fields(out, line, but, true);
}

static void print_header(FILE *out, const struct trace_line *line)
{
	print_label(out, "header");
	print_value(out, "", trace_get(line, "name"));
	print_value(out, ":", trace_get(line, "value"));
	fputc('\n', out);
}

static void print_result(FILE *out, const struct trace_line *line)
{
	static const char *const but[] = { "check", "result", NULL };
	const char *check = trace_get(line, "check"), *result = trace_get(line, "result");

	/* a label is padded by the octet: what is no word is none */
	print_label(out, check != NULL && check[clean_span(check, CLEAN_NAME)] == '\0' ? check : "?");
	print_value(out, "", result);
	print_fields(out, line, but, result != NULL);
}

static void print_dns(FILE *out, const struct trace_line *line)
{
	static const char *const but[] = { "name", "type", "status", "used", "for", NULL };
	const char *used = trace_get(line, "used"), *status = trace_get(line, "status");

	print_label(out, "dns");
	print_value(out, "", trace_get(line, "name"));
	print_value(out, " ", trace_get(line, "type"));
	print_value(out, ", for ", trace_get(line, "for"));
	print_value(out, ": ", status != NULL ? status : used != NULL && strcmp(used, "not-needed") == 0 ? "nobody waited for it" :
	    "no answer in the message's time");
	if (status != NULL && used != NULL && strcmp(used, "yes") != 0)
		print_value(out, ", ", strcmp(used, "not-needed") == 0 ? "which nobody needed" : "not in the message's time");
	print_fields(out, line, but, true);
}

static void print_record(FILE *out, const struct trace_line *line)
{
	print_value(out, "            ", trace_get(line, "data"));
	fputc('\n', out);
}

static void print_finding(FILE *out, const struct trace_line *line)
{
	print_label(out, "finding");
	print_value(out, "", trace_get(line, "name"));
	print_value(out, " of ", trace_get(line, "about"));
	print_value(out, ": ", trace_get(line, "detail"));
	print_value(out, ", evidence ", trace_get(line, "dnssec"));
	print_value(out, ", override ", trace_get(line, "overrides"));
	print_value(out, ", asks for ", trace_get(line, "asks"));
	fputc('\n', out);
}

static void print_policy(FILE *out, const struct trace_line *line)
{
	const char *applies = trace_get(line, "applies");

	print_label(out, "policy");
	print_value(out, "", trace_get(line, "name"));
	print_value(out, " (", trace_get(line, "mode"));
	fprintf(out, "), %s ", applies != NULL && strcmp(applies, "yes") == 0 ? "takes" : "may take, so it is weighed,");
	print_value(out, "", trace_get(line, "match"));
	print_value(out, ": ", trace_get(line, "action"));
	print_value(out, ", of ", trace_get(line, "about"));
	print_value(out, ", by ", trace_get(line, "rule"));	/* the last, for it may be a sentence */
	fputc('\n', out);
}

static void print_decision(FILE *out, const struct trace_line *line)
{
	static const char *const but[] = { "action", "finding", "about", "policy", "mode", "reply", NULL };
	const char *mode = trace_get(line, "mode");

	print_label(out, "decision");
	print_value(out, "", trace_get(line, "action"));
	print_value(out, " for ", trace_get(line, "finding"));
	print_value(out, " of ", trace_get(line, "about"));
	print_value(out, ", by policy ", trace_get(line, "policy"));
	fputs(mode != NULL && strcmp(mode, run_mode_name(MODE_DRY_RUN)) == 0 ? ", in dry-run: not carried out" : "", out);
	print_fields(out, line, but, true);
	if (trace_get(line, "reply") == NULL)
		return;
	print_label(out, "reply");
	print_value(out, "", trace_get(line, "reply"));
	fputc('\n', out);
}

static void print_plain(FILE *out, const struct trace_line *line)
{
	print_label(out, line->word);
	print_fields(out, line, NULL, false);
}

/* The order of the page; a word that is not here is of a later version, and shown as it is. */
static const struct page { const char *word; void (*print)(FILE *out, const struct trace_line *line); } pages[] = {
	{ "client", print_plain }, { "tls", print_plain }, { "envelope", print_plain }, { "recipient", print_recipient },
	{ "author", print_plain }, { "header", print_header }, { "result", print_result }, { "dns", print_dns }, { "rr", NULL },
	{ "finding", print_finding }, { "policy", print_policy }, { "decision", print_decision },
	{ "evidence", NULL }, { "message", NULL },
};
enum { PAGES = sizeof(pages) / sizeof(pages[0]) };

static const struct page *page_of(const char *word)
{
	for (size_t i = 0; i < PAGES; i++)
		if (strcmp(pages[i].word, word) == 0)
			return &pages[i];
	return NULL;
}

static void print_page(FILE *out, const struct trace *trace, const struct page *page)
{
	for (size_t i = 0; page->print != NULL && i < trace->count; i++) {
		if (strcmp(trace->lines[i].word, page->word) != 0)
			continue;
		page->print(out, &trace->lines[i]);
		while (page->print == print_dns && i + 1 < trace->count && strcmp(trace->lines[i + 1].word, "rr") == 0)
			print_record(out, &trace->lines[++i]);
	}
}

static void print_again(FILE *out, const struct again *again)
{
	const struct decision *decision = &again->decision;

	fputs("\njudged again by ", out);
	clean_terminal(out, again->config_path);
	fputs(" (its policies; what the checks found is of then)\n", out);
	for (size_t i = 0; i < again->reason_count; i++) {
		const struct policy_reason *reason = &again->reasons[i];

		fprintf(out, "policy    %s (%s), %s %s: %s", reason->policy->name, run_mode_name(reason->policy->mode),
		    reason->sure ? "takes" : "may take, so it is weighed,", reason->match, action_name(reason->decision.action));
		print_value(out, ", by ", reason->rule);
		fputc('\n', out);
	}
	if (again->untold != NULL) {
		fprintf(out, "decision  cannot be told: %s\n", again->untold);
		return;
	}
	fprintf(out, "decision  %s", action_name(decision->action));
	if (decision->finding < FINDING_COUNT)
		fprintf(out, " for %s", findings_table[decision->finding].name);
	print_value(out, ", by policy ", decision->policy);
	fputs(decision->enforced || decision->action == ACTION_NONE ? "" : ", in dry-run: not carried out", out);
	fputs(again->partly ? "; some of its recipients would be refused at RCPT" : "", out);
	fputs(again->greylist_passed ? "; it had waited, or vouched for itself, and would pass as it did" : "", out);
	fprintf(out, "\nchange    %s\n", again->changes ? "another outcome than then" : "none: the same outcome as then");
	for (size_t i = 0; i < again->why_count; i++) {
		print_value(out, "why       ", again->whys[i]);
		fputc('\n', out);
	}
}

void explain_print_text(const struct explained *explained, struct arena *arena, FILE *out)
{
	const struct trace *trace = &explained->trace;

	(void)arena;
	print_message(out, explained);
	for (size_t i = 0; i < PAGES; i++)
		print_page(out, trace, &pages[i]);
	for (size_t i = 0; i < trace->count; i++)
		if (page_of(trace->lines[i].word) == NULL)
			print_plain(out, &trace->lines[i]);
	if (trace->left_out != NULL) {
		fputs("          (", out);
		clean_terminal(out, trace->left_out);
		fputs(" lines more found no room in the trace)\n", out);
	}
	for (size_t i = 0; i < explained->other_count; i++) {
		print_value(out, i == 0 ? "older     traces with this name: " : ", ", explained->others[i]);
		fputs(i + 1 == explained->other_count ? "\n" : "", out);
	}
	if (explained->again != NULL)
		print_again(out, explained->again);
}
