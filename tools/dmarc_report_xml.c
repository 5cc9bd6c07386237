/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XML of an aggregate report, in the order of RFC 9990 section 3.1.1. libxml2 writes and escapes it; what comes from outside is
 * printable ASCII by then (check/dmarc/feedback.c), what the configuration says is made valid UTF-8 here.
 */
#include <inttypes.h>
#include <string.h>

#include <libxml/xmlwriter.h>

#include "build-config.h"
#include "dmarc_report.h"
#include "util/clean.h"
#include "util/error.h"

#define NAMESPACE "urn:ietf:params:xml:ns:dmarc-2.0"

enum { TEXT_MAX = 500 };

/* A writer that remembers whether anything failed. */
struct out {
	xmlTextWriterPtr writer;
	struct arena *arena;
	bool failed;
};

static void begin(struct out *out, const char *name)
{
	out->failed |= xmlTextWriterStartElement(out->writer, BAD_CAST name) < 0;
}

static void end(struct out *out)
{
	out->failed |= xmlTextWriterEndElement(out->writer) < 0;
}

/* NULL writes nothing. */
static void text(struct out *out, const char *name, const char *value)
{
	if (value != NULL)
		out->failed |= xmlTextWriterWriteElement(out->writer, BAD_CAST name, BAD_CAST clean_field(out->arena, value, TEXT_MAX)) < 0;
}

static void number(struct out *out, const char *name, uint64_t value)
{
	out->failed |= xmlTextWriterWriteFormatElement(out->writer, BAD_CAST name, "%" PRIu64, value) < 0;
}

/* What a domain owner should know of his record, and what is missing here. NULL: nothing. */
static const char *error_text(const struct dmarc_report *report)
{
	static const char *const faults[] = {
		[FEEDBACK_SOUND] = "",
		[FEEDBACK_BAD_POLICY] = "p, sp or np of the record is missing or invalid, so it counts as p=none. ",
		[FEEDBACK_REPEATED_TAG] = "The record has a tag twice, of which the first counts. ",
	};
	const char *fault = faults[report->policy.fault];

	if (report->left_out != 0)
		return arena_printf(report->arena, "%s%" PRIu64 " messages of this day are not in this report: they would have taken more records "
		    "than it may have.", fault, report->left_out);
	return fault[0] != '\0' ? arena_strndup(report->arena, fault, strlen(fault) - 1) : NULL;
}

static void write_metadata(struct out *out, const struct dmarc_report *report)
{
	begin(out, "report_metadata");
	text(out, "org_name", report->organization);
	text(out, "email", report->email);
	text(out, "extra_contact_info", report->extra_contact);
	text(out, "report_id", report->names.report_id);
	begin(out, "date_range");
	number(out, "begin", (uint64_t)report->begin_secs);
	number(out, "end", (uint64_t)report->end_secs);
	end(out);
	text(out, "error", error_text(report));
	text(out, "generator", "Assay " PACKAGE_VERSION);
	end(out);
}

static void write_policy(struct out *out, const struct dmarc_report *report)
{
	const struct feedback_policy *policy = &report->policy;

	begin(out, "policy_published");
	text(out, "domain", report->domain);
	text(out, "discovery_method", policy->psl ? "psl" : "treewalk");
	text(out, "p", dmarc_policy_name(policy->p));
	text(out, "sp", dmarc_policy_name(policy->sp));
	text(out, "np", dmarc_policy_name(policy->np));
	text(out, "fo", policy->fo);
	text(out, "adkim", policy->strict_dkim ? "s" : "r");
	text(out, "aspf", policy->strict_spf ? "s" : "r");
	text(out, "testing", policy->testing ? "y" : "n");
	end(out);
}

static void write_row(struct out *out, const struct report_row *counted)
{
	const struct feedback_row *row = &counted->row;

	begin(out, "row");
	text(out, "source_ip", row->source_ip);
	number(out, "count", counted->messages);
	begin(out, "policy_evaluated");
	text(out, "disposition", words_of(feedback_disposition_words, (int)row->disposition));
	text(out, "dkim", row->dkim_aligned ? "pass" : "fail");
	text(out, "spf", row->spf_aligned ? "pass" : "fail");
	if (row->reason != FEEDBACK_NO_REASON) {
		begin(out, "reason");
		text(out, "type", words_of(feedback_reason_words, (int)row->reason));
		text(out, "comment", row->comment[0] != '\0' ? row->comment : NULL);
		end(out);
	}
	end(out);
	end(out);
}

static void write_record(struct out *out, const struct report_row *counted)
{
	const struct feedback_row *row = &counted->row;

	begin(out, "record");
	write_row(out, counted);
	begin(out, "identifiers");
	text(out, "header_from", row->header_from);
	text(out, "envelope_from", row->envelope_from);
	end(out);
	begin(out, "auth_results");
	for (size_t i = 0; i < row->signature_count; i++) {
		begin(out, "dkim");
		text(out, "domain", row->signatures[i].domain);
		text(out, "selector", row->signatures[i].selector);
		text(out, "result", result_name(row->signatures[i].result));
		end(out);
	}
	if (row->spf_domain != NULL) {
		begin(out, "spf");
		text(out, "domain", row->spf_domain);
		text(out, "scope", "mfrom");
		text(out, "result", result_name(row->spf));
		end(out);
	}
	end(out);
	end(out);
}

static void write_report(struct out *out, const struct dmarc_report *report)
{
	out->failed |= xmlTextWriterSetIndent(out->writer, 1) < 0;
	out->failed |= xmlTextWriterStartDocument(out->writer, NULL, "UTF-8", NULL) < 0;
	out->failed |= xmlTextWriterStartElementNS(out->writer, NULL, BAD_CAST "feedback", BAD_CAST NAMESPACE) < 0;
	text(out, "version", "1.0");
	write_metadata(out, report);
	write_policy(out, report);
	for (size_t i = 0; i < report->row_count; i++)
		write_record(out, &report->rows[i]);
	out->failed |= xmlTextWriterEndDocument(out->writer) < 0;
}

int dmarc_report_xml(struct dmarc_report *report)
{
	struct out out = { .arena = report->arena };
	xmlBufferPtr buffer = xmlBufferCreate();

	out.writer = buffer != NULL ? xmlNewTextWriterMemory(buffer, 0) : NULL;
	if (out.writer != NULL) {
		write_report(&out, report);
		xmlFreeTextWriter(out.writer);	/* flushes */
	}
	if (out.writer == NULL || out.failed) {
		xmlBufferFree(buffer);
		return -E_SYSTEM;
	}
	report->xml_bytes = (size_t)xmlBufferLength(buffer);
	report->xml = arena_strndup(report->arena, (const char *)xmlBufferContent(buffer), report->xml_bytes);
	xmlBufferFree(buffer);
	return 0;
}
