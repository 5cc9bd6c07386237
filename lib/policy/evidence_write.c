/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evidence → text. What does not fit (too many, too long) is left out and said to be; a part that is cut weighs nothing that the
 * reader could take for the whole. Pure; cannot fail. Thread: any. Trusts nothing of the names, which senders choose: what is not a
 * plain character is written as %XX.
 */
#include "policy/evidence_text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "check/memory.h"
#include "policy/internal.h"
#include "util/buf.h"
#include "util/clean.h"

const struct evidence_letter evidence_letters[] = {
	{ 'a', offsetof(struct evidence, authenticated) }, { 'c', offsetof(struct evidence, over_cap_but_for_refused) },
	{ 'n', offsetof(struct evidence, tls_not_required) },
	{ 'o', offsetof(struct evidence, recipients_over_cap) }, { 'p', offsetof(struct evidence, dns_pressed) },
	{ 'u', offsetof(struct evidence, authors_unknown) }, { 'x', offsetof(struct evidence, exempt) },
};
const size_t evidence_letter_count = sizeof(evidence_letters) / sizeof(evidence_letters[0]);

struct writer {
	struct arena *arena;
	struct buf out;
	size_t names_bytes;
};

/* @return the name as it stands in the text; NULL: it does not fit. */
static const char *name_text(struct writer *writer, const char *name)
{
	struct buf buf = buf_make(writer->arena);
	size_t length = strlen(name);

	if (length > EVIDENCE_NAME_MAX)
		return NULL;
	while (*name != '\0') {
		size_t plain = clean_span(name, CLEAN_NAME);

		buf_append(&buf, name, plain);
		name += plain;
		if (*name != '\0')
			buf_printf(&buf, "%%%02X", (unsigned char)*name++);
	}
	if (writer->names_bytes + buf.length > EVIDENCE_NAMES_MAX)
		return NULL;
	writer->names_bytes += buf.length;
	return buf.data;
}

static void put_key(struct writer *writer, char key)
{
	buf_putc(&writer->out, ' ');
	buf_putc(&writer->out, key);
	buf_putc(&writer->out, '=');
}

/* A list under way: its key goes out with the first item. */
struct list { char key; unsigned count, max; bool more; };

static void list_item(struct writer *writer, struct list *list, const char *text)
{
	if (list->count == 0)
		put_key(writer, list->key);
	buf_join(&writer->out, list->count++ != 0 ? "," : "", text, NULL);
}

/* One name with what stands before and behind it; what does not fit is "more". */
static void list_name(struct writer *writer, struct list *list, const char *before, const char *name, const char *behind)
{
	const char *text = list->count < list->max ? name_text(writer, name) : NULL;

	if (text == NULL)
		list->more = true;
	else
		list_item(writer, list, arena_concat(writer->arena, before, text, behind));
}

static void list_end(struct writer *writer, struct list *list)
{
	if (list->more)
		list_item(writer, list, "&");
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static void write_letters(struct writer *writer, const struct evidence *evidence)
{
	const char *before = " q=";

	for (size_t i = 0; i < evidence_letter_count; i++) {
		if (!*(const bool *)((const char *)evidence + evidence_letters[i].offset))
			continue;
		buf_puts(&writer->out, before);
		buf_putc(&writer->out, evidence_letters[i].letter);
		before = "";
	}
}

static void write_findings(struct writer *writer, const struct evidence *evidence)
{
	struct list list = { .key = 'f', .more = (evidence->lacks & EVIDENCE_LACKS_FINDINGS) != 0 };

	for (size_t i = 0; i < evidence->finding_count; i++) {
		const struct evidence_finding *finding = &evidence->findings[i];
		bool both = i + 1 < evidence->finding_count && finding[1].id == finding->id;

		list_item(writer, &list, arena_concat(writer->arena, findings_table[finding->id].name,
		    both ? "*" : finding->secure ? "+" : "", ""));
		i += both;
	}
	list_end(writer, &list);
}

static bool evidence_lacks_waived(const struct evidence *evidence)
{
	for (size_t i = 0; i < evidence->finding_count; i++)
		if (evidence->findings[i].id == FINDING_DMARC_OVERRIDDEN)
			return false;
	return (evidence->lacks & EVIDENCE_LACKS_OVERRIDES) != 0;
}

/* @return one finding with its overrides; NULL: it does not fit. */
static const char *waivable_text(struct writer *writer, const struct evidence_waivable *waivable)
{
	struct buf item = buf_make(writer->arena);

	buf_printf(&item, "%s%s", findings_table[waivable->as_is.id].name, waivable->as_is.secure ? "+" : "");
	writer->names_bytes += item.length;
	for (size_t i = 0; i < waivable->override_count; i++) {
		const struct evidence_override *override = &waivable->overrides[i];
		const char *name = name_text(writer, override->name);

		if (name == NULL)
			return NULL;
		buf_printf(&item, "%c%s%s", i == 0 ? ':' : '/', name, override->unknown ? "?" : override->secure ? "+" : "");
		writer->names_bytes += 2;
	}
	return item.data;
}

/* Whole items only: one override fewer is another decision. What was read without any says so by its findings. */
static void write_waivable(struct writer *writer, const struct evidence *evidence)
{
	struct list list = { .key = 'o', .more = evidence_lacks_waived(evidence) };

	for (size_t i = 0; i < evidence->waivable_count; i++) {
		const char *text = list.count < EVIDENCE_WAIVABLE_MAX ? waivable_text(writer, &evidence->waivable[i]) : NULL;

		if (text != NULL && writer->names_bytes <= EVIDENCE_NAMES_MAX)
			list_item(writer, &list, text);
		else
			list.more = true;
	}
	list_end(writer, &list);
}

/* A certificate one of whose names does not fit has none of them, and says so. */
static void write_cert(struct writer *writer, const struct evidence *evidence)
{
	const struct evidence_cert *cert = &evidence->cert;
	const char *const names[] = { cert->subject, cert->issuer, cert->proven };
	const char *texts[3];
	bool lacks = (evidence->lacks & EVIDENCE_LACKS_CERT) != 0;

	if (cert->status == CERT_NONE && !cert->tlsa_unknown && !lacks)
		return;
	for (size_t i = 0; i < 3; i++) {
		texts[i] = names[i] != NULL ? name_text(writer, names[i]) : "";
		lacks = lacks || texts[i] == NULL;
	}
	buf_printf(&writer->out, " c=%s:%s", cert_status_name(cert->status), cert->match != NULL ? cert->match : "");
	if (lacks)
		buf_puts(&writer->out, ":&");
	for (size_t i = 0; i < 3 && !lacks; i++)
		buf_printf(&writer->out, ":%s", texts[i]);
	if (cert->tlsa_unknown)
		buf_puts(&writer->out, "?");
}

static void write_name(struct writer *writer, char key, const char *name, const char *behind)
{
	const char *text = name != NULL ? name_text(writer, name) : NULL;

	if (text == NULL)
		return;
	put_key(writer, key);
	buf_join(&writer->out, text, behind, NULL);
}

/* Hosts of one sender are many; the record knows them by their network, and by what their names have in common. */
static void write_client(struct writer *writer, const struct evidence *evidence)
{
	const char *network = memory_network_name(writer->arena, &evidence->client.addr);
	const char *name = evidence->client_name, *dot = name != NULL ? strchr(name, '.') : NULL;
	bool cut = name != NULL && !evidence->client_name_is_parent && dot != NULL && strchr(dot + 1, '.') != NULL;

	write_name(writer, 'l', evidence->listener, "");
	write_name(writer, 'h', cut ? dot + 1 : name, cut || evidence->client_name_is_parent ?
	    evidence->client_name_secure ? "/+" : "/" : evidence->client_name_secure ? "+" : "");
	if (network != NULL)
		buf_join(&writer->out, " n=", network, NULL);
}

/* What is not there, and was not left out either. */
static void write_absent(struct writer *writer, const struct evidence *evidence)
{
	bool sender = evidence->envelope_domain == NULL && !evidence_lacks(evidence, EVIDENCE_LACKS_ENVELOPE);
	bool client = evidence->client_name == NULL && !evidence_lacks(evidence, EVIDENCE_LACKS_CLIENT_NAME);
	bool listener = evidence->listener == NULL && !evidence_lacks(evidence, EVIDENCE_LACKS_LISTENER);

	if (sender || client || listener)
		buf_printf(&writer->out, " e=%s%s%s", !sender ? "" : evidence->null_sender ? "n" : "d",
		    !client ? "" : evidence->client_name_unknown ? "u" : "c", listener ? "l" : "");
}

static const char *result_word(enum result result)
{
	const char *name = result_name(result);

	return name != NULL ? name : "-";
}

static void write_spf(struct writer *writer, const struct evidence *evidence)
{
	const char *domain = evidence->spf_domain != NULL ? name_text(writer, evidence->spf_domain) : "";
	bool lacks = (evidence->lacks & EVIDENCE_LACKS_SPF) != 0 || domain == NULL;

	write_name(writer, 'm', evidence->envelope_domain, "");
	if (lacks)
		buf_puts(&writer->out, " p=&");
	else if (evidence->spf != RESULT_UNCHECKED)
		buf_join(&writer->out, " p=", domain, ":", result_word(evidence->spf), evidence->spf_secure ? "+" : "", NULL);
}

static int compare_authors(const void *a, const void *b)
{
	return strcmp(((const struct evidence_author *)a)->domain, ((const struct evidence_author *)b)->domain);
}

static void write_authors(struct writer *writer, const struct evidence *evidence)
{
	struct list list = { .key = 'a', .max = EVIDENCE_AUTHORS_MAX, .more = (evidence->lacks & EVIDENCE_LACKS_AUTHORS) != 0 };
	size_t count = evidence->author_count;
	struct evidence_author *authors = count != 0 ? arena_memdup(writer->arena, evidence->authors, count * sizeof(*authors)) : NULL;

	if (count > 1)
		qsort(authors, count, sizeof(*authors), compare_authors);
	for (size_t i = 0; i < count; i++)
		list_name(writer, &list, "", authors[i].domain, arena_concat(writer->arena, ":", result_word(authors[i].dmarc),
		    authors[i].secure ? "+" : ""));
	list_end(writer, &list);
}

static int compare_passes(const void *left, const void *right)
{
	const struct evidence_pass *a = left, *b = right;
	int order = strcmp(a->domain, b->domain);

	return order != 0 ? order : (int)a->secure - (int)b->secure;
}

/* Each domain once: "*" for one that passes on secure data and on insecure data. */
static void write_passes(struct writer *writer, const struct evidence *evidence)
{
	struct list list = { .key = 'd', .max = EVIDENCE_PASSES_MAX, .more = (evidence->lacks & EVIDENCE_LACKS_SIGNATURES) != 0 };
	size_t count = evidence->pass_count, next;
	struct evidence_pass *passes = count != 0 ? arena_memdup(writer->arena, evidence->passes, count * sizeof(*passes)) : NULL;

	if (count > 1)
		qsort(passes, count, sizeof(*passes), compare_passes);
	for (size_t i = 0; i < count; i = next) {
		for (next = i + 1; next < count && strcmp(passes[next].domain, passes[i].domain) == 0; next++)
			;
		list_name(writer, &list, "", passes[i].domain, passes[i].secure ? "+" : passes[next - 1].secure ? "*" : "");
	}
	list_end(writer, &list);
}

/* All that it was meant for: other policies may refuse others at RCPT. */
static void write_recipients(struct writer *writer, const struct evidence *evidence)
{
	struct list list = { .key = 'r', .max = EVIDENCE_RECIPIENTS_MAX,
		.more = (evidence->lacks & EVIDENCE_LACKS_RECIPIENTS) != 0 };
	size_t count = evidence->recipient_count;
	struct recipient_place *all = arena_calloc(writer->arena, count + evidence->refused_count + 1, sizeof(*all));

	if (count != 0)
		memcpy(all, evidence->recipients, count * sizeof(*all));
	if (evidence->refused_count != 0)
		memcpy(all + count, evidence->refused, evidence->refused_count * sizeof(*all));
	count += evidence->refused_count;
	for (size_t i = 0; i < count; i++)	/* who they are is nobody's business later */
		all[i].mailbox = NULL;
	count = evidence_sort_places(all, count);
	for (size_t i = 0; i < count; i++)
		list_name(writer, &list, all[i].where == RECIPIENT_UNKNOWN ? "?" : all[i].where == RECIPIENT_LOCAL ? "~" : "",
		    all[i].domain != NULL ? all[i].domain : "", "");
	list_end(writer, &list);
}

const char *evidence_write(const struct evidence *evidence, struct arena *arena)
{
	struct writer writer = { .arena = arena, .out = buf_make(arena) };

	/* in the order of what would be missed most, should there be no room for all names */
	buf_puts(&writer.out, evidence->stage == FINDING_STAGE_ENVELOPE ? "1 s=r" : "1 s=m");
	write_letters(&writer, evidence);
	write_findings(&writer, evidence);
	write_waivable(&writer, evidence);
	write_recipients(&writer, evidence);
	write_authors(&writer, evidence);
	write_spf(&writer, evidence);
	write_passes(&writer, evidence);
	write_cert(&writer, evidence);
	write_client(&writer, evidence);
	write_absent(&writer, evidence);
	return writer.out.data;
}
