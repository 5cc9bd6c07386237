/* SPDX-License-Identifier: BSD-2-Clause */
/* The verdict for a human: one line a check, then findings, decision, header fields. Nothing reaches the terminal raw. */
#include <string.h>

#include "assay.h"
#include "util/clean.h"

struct line {
	FILE *out;
	bool detail;	/* something stands behind the result already */
};

static struct line line_begin(FILE *out, const char *check, const char *result)
{
	fprintf(out, "%-9s %-10s", check, result);
	return (struct line){ .out = out };
}

static void line_add(struct line *line, const char *label, const char *value)
{
	if (value == NULL)
		return;
	fprintf(line->out, "%s%s%s", line->detail ? ", " : " ", label, label[0] != '\0' ? " " : "");
	clean_terminal(line->out, value);
	line->detail = true;
}

static void line_end(struct line *line)
{
	fputc('\n', line->out);
}

static void print_spf(FILE *out, const char *check, const struct spf_result *spf)
{
	struct line line;

	if (spf->result == RESULT_UNCHECKED)
		return;
	line = line_begin(out, check, result_name(spf->result));
	line_add(&line, spf->scope == SPF_SCOPE_MFROM ? "mail from" : "helo", spf->domain);
	line_add(&line, "", dns_security_name(spf->dnssec));
	line_add(&line, "", spf->reason);
	line_add(&line, "explanation:", spf->explanation);
	line_end(&line);
}

static void print_dkim(FILE *out, const struct results *results)
{
	if (results->dkim_checked && results->dkim_count == 0)
		fprintf(out, "%-9s none       no signature\n", "dkim");
	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];
		struct line line = line_begin(out, "dkim", result_name(dkim->result));
		char bits[32];

		snprintf(bits, sizeof(bits), "%u bits", dkim->key_bits);
		line_add(&line, "domain", dkim->domain);
		line_add(&line, "selector", dkim->selector);
		line_add(&line, "", dkim->algorithm);
		line_add(&line, "", dkim->key_bits != 0 ? bits : NULL);
		line_add(&line, "", dns_security_name(dkim->dnssec));
		line_add(&line, "", dkim->reason);
		line_end(&line);
	}
}

static void print_arc(FILE *out, struct arena *arena, const struct arc_result *arc)
{
	struct line line;

	if (arc->result == RESULT_UNCHECKED || arc->result == RESULT_NONE)
		return;
	line = line_begin(out, "arc", result_name(arc->result));
	line_add(&line, "sealer", arc->sealer);
	if (arc->result == RESULT_PASS)
		line_add(&line, "oldest-pass", arena_printf(arena, "%u of %zu", arc->oldest_pass, arc->set_count));
	line_add(&line, "", dns_security_name(arc->dnssec));
	line_add(&line, "", arc->reason);
	line_end(&line);
}

static void print_dmarc(FILE *out, const struct dmarc_result *dmarc)
{
	struct line line;

	if (dmarc->result == RESULT_UNCHECKED)
		return;
	line = line_begin(out, "dmarc", result_name(dmarc->result));
	line_add(&line, "author", dmarc->domain);
	if (dmarc->has_policy) {
		line_add(&line, "policy", dmarc_policy_name(dmarc->policy));
		line_add(&line, "of", dmarc->policy_domain);
	}
	line_add(&line, "", dmarc->spf_aligned ? "spf aligned" : NULL);
	line_add(&line, "", dmarc->dkim_aligned ? "dkim aligned" : NULL);
	line_add(&line, "", dns_security_name(dmarc->dnssec));
	line_add(&line, "", dmarc->reason);
	line_add(&line, "overridden", dmarc->overridden);
	line_end(&line);
}

static void print_small(FILE *out, const struct results *results)
{
	const struct adsp_result *adsp = &results->adsp;
	const struct iprev_result *iprev = &results->iprev;
	struct line line;

	if (adsp->result != RESULT_UNCHECKED) {
		line = line_begin(out, "adsp", result_name(adsp->result));
		line_add(&line, "author", adsp->domain);
		line_add(&line, "practices", adsp->practices);
		line_add(&line, "", adsp->reason);
		line_end(&line);
	}
	if (iprev->result != RESULT_UNCHECKED) {
		line = line_begin(out, "iprev", result_name(iprev->result));
		line_add(&line, "", iprev->name);
		line_add(&line, "", iprev->reason);
		line_end(&line);
	}
}

static void print_tls(FILE *out, const struct tls_result *tls)
{
	struct line line;

	if (!tls->checked)
		return;
	line = line_begin(out, "tls", tls_grade_name(tls->grade));
	line_add(&line, "", tls->version);
	line_add(&line, "", tls->cipher);
	if (tls->version != NULL)
		line_add(&line, "certificate", cert_status_name(tls->cert_status));
	line_add(&line, "subject", tls->cert_subject);
	line_add(&line, "", tls->reason);
	line_end(&line);
}

static void print_findings(FILE *out, const struct results *results)
{
	if (results->finding_count == 0)
		fputs("findings  none\n", out);
	for (size_t i = 0; i < results->finding_count; i++) {
		const struct finding *finding = &results->findings[i];

		fprintf(out, "finding   %s", findings_table[finding->id].name);
		if (finding->domain != NULL) {
			fputs(" of ", out);
			clean_terminal(out, finding->domain);
		}
		if (finding->detail != NULL) {
			fputs(": ", out);
			clean_terminal(out, finding->detail);
		}
		fputc('\n', out);
	}
}

static void print_decision(FILE *out, const struct verdict *verdict)
{
	const struct decision *decision = &verdict->outcome->decision;
	const struct results *results = message_results(verdict->message);

	if (results->exempt) {
		fprintf(out, "decision  none (exempt: %s)\n", results->exempt_reason);
		return;
	}
	fprintf(out, "decision  %s", action_name(decision->action));
	if (decision->finding != FINDING_COUNT)
		fprintf(out, " for %s by policy \"%s\"%s", findings_table[decision->finding].name,
		    decision->policy != NULL ? decision->policy : "default",
		    decision->enforced ? "" : " (dry-run: not carried out)");
	if (decision->by_rule)
		fprintf(out, ", the %s of %zu policies of its recipients", decision->rule == SEVERAL_LENIENT ? "most lenient" : "strictest",
		    decision->weighed);
	fputc('\n', out);
	if (decision->code != 250) {
		fputs("reply     ", out);
		clean_terminal(out, reply_line(decision, message_arena(verdict->message)));
		fputc('\n', out);
	}
}

/* A header field with its folds as lines. */
static void print_field(FILE *out, struct arena *arena, const char *name, const char *value)
{
	fprintf(out, "  %s:", name);
	while (*value != '\0') {
		size_t length = strcspn(value, "\n");
		char *part = arena_strndup(arena, value, length);

		for (char *tab = strchr(part, '\t'); tab != NULL; tab = strchr(tab, '\t'))
			*tab = ' ';
		clean_terminal(out, part);
		value += length;
		if (*value == '\n') {
			fputs("\n     ", out);
			value++;
		}
	}
	fputc('\n', out);
}

static void print_edits(FILE *out, const struct verdict *verdict)
{
	const struct edits *edits = &verdict->outcome->edits;

	if (edits->count != 0)
		fputs("header\n", out);
	for (size_t i = 0; i < edits->count; i++) {
		if (edits->items[i].kind == EDIT_DELETE)
			fprintf(out, "  (field %u of name %s is removed)\n", edits->items[i].index, edits->items[i].name);
	}
	/* as they will stand, from the top: what is inserted last is the topmost */
	for (size_t i = edits->count; i-- > 0;) {
		if (edits->items[i].kind == EDIT_INSERT)
			print_field(out, message_arena(verdict->message), edits->items[i].name, edits->items[i].value);
	}
}

void verdict_print_text(const struct verdict *verdict, FILE *out)
{
	const struct results *results = message_results(verdict->message);

	print_spf(out, "spf", &results->spf);
	print_spf(out, "spf-helo", &results->spf_helo);
	print_dkim(out, results);
	print_arc(out, message_arena(verdict->message), &results->arc);
	print_dmarc(out, &results->dmarc);
	print_small(out, results);
	print_tls(out, &results->tls);
	print_findings(out, results);
	print_decision(out, verdict);
	print_edits(out, verdict);
}
