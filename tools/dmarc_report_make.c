/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a policy in the book to a report: its names, its rows, and as many of them as the size allows. The names hang on what the report
 * is about, so that a repeat, a rehearsal or a second machine gives the same ones.
 * Trusts nothing of the database's texts: a row that cannot be read is counted as left out.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "check/dmarc/uri.h"
#include "dmarc_report.h"
#include "util/error.h"

enum { DAY_SECS = 86400, ID_BYTES = 16, ROWS_FIRST = 64 };

const char *dmarc_report_identity(struct arena *arena, const struct config *config, const char **receiver_r)
{
	const char *const addresses[] = { config->dmarc_email, config->dmarc_envelope_sender };
	struct dmarc_uris uris;

	if (config->dmarc_email == NULL || config->dmarc_email[0] == '\0')
		return "section dmarc-reports: email is not set; reports need an address that they come from";
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		if (addresses[i] == NULL || addresses[i][0] == '\0')
			continue;
		dmarc_uri_list_read(arena, arena_printf(arena, "mailto:%s", addresses[i]), &uris);
		/* one that reads as another, by an escape say, is not what the admin means */
		if (uris.count != 1 || strcmp(uris.addresses[0].address, addresses[i]) != 0)
			return arena_printf(arena, "section dmarc-reports: '%.100s' is not an address like dmarc-reports@example.org (letters, digits "
			    "and ._+=~- before the @, the domain in small letters)", addresses[i]);
		if (i == 0)
			*receiver_r = uris.addresses[0].host;
	}
	return NULL;
}

/* RFC 9990 sections 3.5.1 and 3.5.2: Report-ID and unique-id are the same, letters and digits. */
static int make_names(const struct dmarc_policy_row *policy, struct dmarc_report *report)
{
	const char *about = arena_printf(report->arena, "%s\n%lld\n%s\n%s\n%s", report->receiver, (long long)policy->day, policy->domain,
	    policy->policy, policy->rua);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	char *id = report->names.report_id;

	if (EVP_Digest(about, strlen(about), digest, &length, EVP_sha256(), NULL) != 1 || length < ID_BYTES)
		return -E_SYSTEM;
	for (int i = 0; i < ID_BYTES; i++)
		snprintf(id + 2 * i, 3, "%02x", digest[i]);
	/* two domains of 253 characters fit */
	return snprintf(report->names.file, sizeof(report->names.file), "%s!%s!%lld!%lld!%.32s.xml.gz", report->receiver, report->domain,
	    (long long)report->begin_secs, (long long)report->end_secs, id) < (int)sizeof(report->names.file) ? 0 : -E_SYSTEM;
}

struct gathered {
	struct arena *arena;
	struct report_row *rows;
	size_t count, room, max;
	uint64_t messages, left_out;
};

static void grow(struct gathered *gathered)
{
	size_t room = gathered->room != 0 ? 2 * gathered->room : ROWS_FIRST;
	struct report_row *rows = arena_calloc(gathered->arena, room + 1, sizeof(*rows));

	if (gathered->count != 0)
		memcpy(rows, gathered->rows, gathered->count * sizeof(*rows));
	gathered->rows = rows;
	gathered->room = room;
}

static void gather(void *arg, const char *text, uint64_t messages)
{
	struct gathered *gathered = arg;
	struct report_row *row;

	if (gathered->count == gathered->room && gathered->room < gathered->max)
		grow(gathered);
	row = &gathered->rows[gathered->count];
	if (gathered->count == gathered->max || feedback_row_read(gathered->arena, arena_strdup(gathered->arena, text), &row->row) != 0) {
		gathered->left_out += messages;
		return;
	}
	row->messages = messages;
	gathered->messages += messages;
	gathered->count++;
}

/* Fewer rows, the most frequent of them, until the mail is small enough. */
static int fit(struct dmarc_report *report, size_t max_bytes)
{
	int code;

	for (;;) {
		size_t half = report->row_count / 2;

		code = dmarc_report_xml(report);
		if (code == 0)
			code = dmarc_report_gzip(report);
		if (code != 0 || dmarc_report_mail_bytes(report) <= max_bytes || half == 0)
			return code;
		for (size_t i = half; i < report->row_count; i++) {
			report->messages -= report->rows[i].messages;
			report->left_out += report->rows[i].messages;
		}
		report->row_count = half;
	}
}

/* What is said of it but its rows. @return -E_SYNTAX: its text cannot be read; -E_SYSTEM: it has no names. */
static int begin(struct arena *arena, const struct config *config, const char *receiver, const struct dmarc_policy_row *policy,
    struct dmarc_report *report_r)
{
	*report_r = (struct dmarc_report){ .arena = arena, .policy_id = policy->id, .begin_secs = policy->day * DAY_SECS,
		.end_secs = policy->day * DAY_SECS + DAY_SECS - 1, .domain = arena_strdup(arena, policy->domain),
		.rua = arena_strdup(arena, policy->rua), .receiver = receiver, .email = config->dmarc_email, .names = policy->names };
	report_r->organization = config->dmarc_organization != NULL && config->dmarc_organization[0] != '\0' ?
	    config->dmarc_organization : receiver;
	report_r->extra_contact = config->dmarc_extra_contact != NULL && config->dmarc_extra_contact[0] != '\0' ?
	    config->dmarc_extra_contact : NULL;
	if (feedback_policy_read(arena, policy->policy, &report_r->policy) != 0)
		return -E_SYNTAX;
	return report_r->names.report_id[0] != '\0' ? 0 : make_names(policy, report_r);
}

int dmarc_report_make(struct arena *arena, const struct config *config, const char *receiver, struct dmarc_book *book,
    const struct dmarc_policy_row *policy, bool freeze, struct dmarc_report *report_r)
{
	struct gathered gathered = { .arena = arena, .max = config->dmarc_records_max };
	int code = begin(arena, config, receiver, policy, report_r);

	/* before the rows are read: what comes in between would be in no report */
	if (code == 0 && freeze)
		code = dmarc_book_freeze(book, policy->id, &report_r->names);
	if (code != 0)
		return code;
	if (dmarc_book_rows_each(book, policy->id, SIZE_MAX, gather, &gathered) != 0)
		return -E_SYSTEM;
	if (gathered.count == 0)
		return -E_ABSENT;
	report_r->rows = gathered.rows;
	report_r->row_count = gathered.count;
	report_r->messages = gathered.messages;
	report_r->left_out = gathered.left_out + (freeze ? report_r->names.lost : policy->lost);
	return fit(report_r, config->dmarc_report_bytes);
}
