/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text → evidence. The text comes from a database: of this program, of another version of it, or of anybody who can write the file.
 * Nothing of it is trusted: what breaks the grammar is -E_SYNTAX, what is not known here is a lack, lists have caps.
 * Pure. Thread: any.
 */
#include "policy/evidence_text.h"

#include <string.h>

#include "policy/evidence_item.h"
#include "policy/evidence_waivable.h"
#include "policy/text_part.h"
#include "util/error.h"

struct reader {
	struct arena *arena;
	struct evidence *evidence;
	unsigned char found[FINDING_COUNT];	/* 1: on insecure data, 2: on secure data */
	bool sender_absent, name_absent, listener_absent;	/* field e says so */
	uint64_t keys;				/* fields that have been read; a bit each */
};

static int read_name(struct reader *reader, const struct part *part, const char **name_r)
{
	return evidence_item_name(reader->arena, part, name_r);
}

/* As above, but nothing is NULL. */
static int read_name_or_null(struct reader *reader, const struct part *part, const char **name_r)
{
	*name_r = NULL;
	return part->length != 0 ? read_name(reader, part, name_r) : 0;
}

/* A word of another version leaves the whole without sense: it may mean anything. */
static void no_sense(struct reader *reader)
{
	reader->evidence->lacks |= EVIDENCE_LACKS_SENSE;
}

static int read_stage(struct reader *reader, struct part value)
{
	if (part_is(&value, "r"))
		reader->evidence->stage = FINDING_STAGE_ENVELOPE;
	else if (!part_is(&value, "m"))
		no_sense(reader);
	return 0;
}

static int read_letters(struct reader *reader, struct part value)
{
	for (size_t i = 0; i < value.length; i++) {
		size_t row = 0;

		while (row < evidence_letter_count && evidence_letters[row].letter != value.at[i])
			row++;
		if (row == evidence_letter_count)
			no_sense(reader);
		else
			*(bool *)((char *)reader->evidence + evidence_letters[row].offset) = true;
	}
	return 0;
}

static int read_findings(struct reader *reader, struct part value)
{
	struct part item;
	enum finding_id id;

	while (part_take(&value, ',', &item)) {
		unsigned char found = part_ends(&item, '*') ? 3 : part_ends(&item, '+') ? 2 : 1;

		if (item.length == 0)
			return -E_SYNTAX;
		if (finding_from_name(arena_strndup(reader->arena, item.at, item.length), &id) == 0)
			reader->found[id] |= found;
		else
			reader->evidence->lacks |= EVIDENCE_LACKS_FINDINGS;
	}
	return 0;
}

static void findings_store(struct reader *reader)
{
	struct evidence *evidence = reader->evidence;

	evidence->findings = arena_calloc(reader->arena, 2 * FINDING_COUNT, sizeof(*evidence->findings));
	for (int id = 0; id < FINDING_COUNT; id++) {
		for (int secure = 0; secure < 2; secure++) {
			if ((reader->found[id] >> secure & 1) != 0)
				evidence->findings[evidence->finding_count++] = (struct evidence_finding){
					.id = (enum finding_id)id, .secure = secure != 0 };
		}
	}
}

static int read_waivable(struct reader *reader, struct part value)
{
	return evidence_read_waivable(reader->arena, value, reader->evidence);
}

static int read_recipients(struct reader *reader, struct part value)
{
	struct recipient_place *places = arena_calloc(reader->arena, EVIDENCE_RECIPIENTS_MAX, sizeof(*places));
	struct part item;
	size_t count = 0;

	while (evidence_item_take(reader->evidence, EVIDENCE_LACKS_RECIPIENTS, &value, count, EVIDENCE_RECIPIENTS_MAX, &item)) {
		if (item.length == 0)
			return -E_SYNTAX;
		places[count].where = item.at[0] == '?' ? RECIPIENT_UNKNOWN : item.at[0] == '~' ? RECIPIENT_LOCAL : RECIPIENT_AT_DOMAIN;
		if (places[count].where != RECIPIENT_AT_DOMAIN)
			item = (struct part){ item.at + 1, item.length - 1 };
		if (places[count].where == RECIPIENT_UNKNOWN && item.length != 0)
			return -E_SYNTAX;
		if (read_name_or_null(reader, &item, &places[count].domain) != 0)
			return -E_SYNTAX;
		count++;
	}
	reader->evidence->recipients = places;
	reader->evidence->recipient_count = evidence_sort_places(places, count);
	return 0;
}

static int read_result(struct reader *reader, struct part part, enum result *result_r, bool *secure_r)
{
	*secure_r = part_ends(&part, '+');
	*result_r = RESULT_UNCHECKED;
	if (part_is(&part, "-"))
		return 0;
	for (int result = RESULT_NONE; result < RESULT_COUNT; result++) {
		*result_r = (enum result)result;
		if (part_is(&part, result_name((enum result)result)))
			return 0;
	}
	no_sense(reader);
	return part.length != 0 ? 0 : -E_SYNTAX;
}

static int read_authors(struct reader *reader, struct part value)
{
	struct evidence_author *authors = arena_calloc(reader->arena, EVIDENCE_AUTHORS_MAX, sizeof(*authors));
	struct part item, name;
	size_t count = 0;

	while (evidence_item_take(reader->evidence, EVIDENCE_LACKS_AUTHORS, &value, count, EVIDENCE_AUTHORS_MAX, &item)) {
		if (!part_take(&item, ':', &name) || name.length == 0 || item.at == NULL ||
		    read_name(reader, &name, &authors[count].domain) != 0 ||
		    read_result(reader, item, &authors[count].dmarc, &authors[count].secure) != 0)
			return -E_SYNTAX;
		count++;
	}
	reader->evidence->authors = authors;
	reader->evidence->author_count = count;
	return 0;
}

static int read_spf(struct reader *reader, struct part value)
{
	struct evidence *evidence = reader->evidence;
	struct part name;

	if (part_is(&value, "&")) {
		evidence->lacks |= EVIDENCE_LACKS_SPF;
		return 0;
	}
	if (!part_take(&value, ':', &name) || value.at == NULL || read_name_or_null(reader, &name, &evidence->spf_domain) != 0)
		return -E_SYNTAX;
	return read_result(reader, value, &evidence->spf, &evidence->spf_secure);
}

static int read_passes(struct reader *reader, struct part value)
{
	struct evidence_pass *passes = arena_calloc(reader->arena, 2 * EVIDENCE_PASSES_MAX, sizeof(*passes));
	struct part item;
	size_t items = 0, count = 0;

	while (evidence_item_take(reader->evidence, EVIDENCE_LACKS_SIGNATURES, &value, items, EVIDENCE_PASSES_MAX, &item)) {
		bool both = part_ends(&item, '*'), secure = !both && part_ends(&item, '+');
		const char *name;

		if (item.length == 0 || read_name(reader, &item, &name) != 0)
			return -E_SYNTAX;
		items++;
		if (!secure)
			passes[count++] = (struct evidence_pass){ name, false };
		if (secure || both)
			passes[count++] = (struct evidence_pass){ name, true };
	}
	reader->evidence->passes = passes;
	reader->evidence->pass_count = count;
	return 0;
}

/* One of few words, which the check gives; the writer counts on that. */
static int read_match(struct reader *reader, struct part *part)
{
	for (size_t i = 0; i < part->length; i++) {
		if (part->at[i] != '-' && (part->at[i] < 'a' || part->at[i] > 'z'))
			return -E_SYNTAX;
	}
	return read_name_or_null(reader, part, &reader->evidence->cert.match);
}

static int read_cert(struct reader *reader, struct part value)
{
	struct evidence_cert *cert = &reader->evidence->cert;
	const char **const names[] = { &cert->subject, &cert->issuer, &cert->proven };
	struct part item;
	int status = CERT_NONE;

	cert->tlsa_unknown = part_ends(&value, '?');
	if (!part_take(&value, ':', &item))
		return -E_SYNTAX;
	while (status <= CERT_VERIFIED && !part_is(&item, cert_status_name((enum cert_status)status)))
		status++;
	if (status > CERT_VERIFIED)
		no_sense(reader);
	else
		cert->status = (enum cert_status)status;
	if (!part_take(&value, ':', &item) || read_match(reader, &item) != 0)
		return -E_SYNTAX;
	if (value.at != NULL && part_is(&value, "&")) {
		reader->evidence->lacks |= EVIDENCE_LACKS_CERT;
		return 0;
	}
	for (size_t i = 0; i < 3; i++) {
		if (!part_take(&value, ':', &item) || read_name_or_null(reader, &item, names[i]) != 0)
			return -E_SYNTAX;
	}
	return value.at == NULL ? 0 : -E_SYNTAX;
}

static int read_listener(struct reader *reader, struct part value)
{
	return read_name(reader, &value, &reader->evidence->listener);
}

static int read_client_name(struct reader *reader, struct part value)
{
	struct evidence *evidence = reader->evidence;

	evidence->client_name_secure = part_ends(&value, '+');
	evidence->client_name_is_parent = part_ends(&value, '/');
	return read_name(reader, &value, &evidence->client_name);
}

static int read_envelope(struct reader *reader, struct part value)
{
	return read_name(reader, &value, &reader->evidence->envelope_domain);
}

/* Letters of another version leave the whole without sense. */
static int read_absent(struct reader *reader, struct part value)
{
	struct evidence *evidence = reader->evidence;

	for (size_t i = 0; i < value.length; i++) {
		switch (value.at[i]) {
		case 'n': evidence->null_sender = reader->sender_absent = true; break;
		case 'd': reader->sender_absent = true; break;
		case 'c': reader->name_absent = true; break;
		case 'u': evidence->client_name_unknown = reader->name_absent = true; break;
		case 'l': reader->listener_absent = true; break;
		default: no_sense(reader);
		}
	}
	return 0;
}

/* What stands nowhere and is not said to be absent is lacking. */
static void find_lacks(struct reader *reader)
{
	struct evidence *evidence = reader->evidence;

	if (evidence->envelope_domain == NULL && !reader->sender_absent)
		evidence->lacks |= EVIDENCE_LACKS_ENVELOPE;
	if (evidence->client_name == NULL ? !reader->name_absent : evidence->client_name_is_parent)
		evidence->lacks |= EVIDENCE_LACKS_CLIENT_NAME;
	if (evidence->listener == NULL && !reader->listener_absent)
		evidence->lacks |= EVIDENCE_LACKS_LISTENER;
	evidence->lacks |= EVIDENCE_LACKS_MAILBOXES;
	/* every message has a recipient and, at its end, an author or a reason for having none */
	if (evidence->recipient_count == 0)
		evidence->lacks |= EVIDENCE_LACKS_RECIPIENTS;
	if (evidence->stage == FINDING_STAGE_MESSAGE && evidence->author_count == 0 && !evidence->authors_unknown)
		evidence->lacks |= EVIDENCE_LACKS_AUTHORS;
}

static int read_network(struct reader *reader, struct part value)
{
	return network_parse(arena_strndup(reader->arena, value.at, value.length), &reader->evidence->client);
}

static int read_field(struct reader *reader, struct part field)
{
	static const struct { char key; int (*read)(struct reader *, struct part); } fields[] = {
		{ 's', read_stage }, { 'q', read_letters }, { 'f', read_findings }, { 'r', read_recipients }, { 'a', read_authors },
		{ 'm', read_envelope }, { 'p', read_spf }, { 'd', read_passes }, { 'c', read_cert }, { 'l', read_listener },
		{ 'h', read_client_name }, { 'n', read_network }, { 'e', read_absent }, { 'o', read_waivable },
	};

	if (field.length < 2 || field.at[1] != '=')
		return -E_SYNTAX;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (field.at[0] != fields[i].key)
			continue;
		if ((reader->keys >> i & 1) != 0)
			return -E_SYNTAX;
		reader->keys |= (uint64_t)1 << i;
		return fields[i].read(reader, (struct part){ field.at + 2, field.length - 2 });
	}
	no_sense(reader);
	return 0;
}

static bool is_printable(const char *text)
{
	while (*text >= 0x20 && *text < 0x7f)
		text++;
	return *text == '\0';
}

static int read_fields(struct reader *reader, const char *text)
{
	size_t length = strnlen(text, EVIDENCE_TEXT_MAX + 1);
	struct part rest = { text, length }, field;
	int code = length <= EVIDENCE_TEXT_MAX && is_printable(text) ? 0 : -E_SYNTAX;

	if (code != 0 || !part_take(&rest, ' ', &field) || field.length == 0 || field.at[strspn(field.at, "0123456789")] != ' ')
		return -E_SYNTAX;
	if (!part_is(&field, "1")) {
		no_sense(reader);
		return 0;
	}
	while (code == 0 && part_take(&rest, ' ', &field))
		code = read_field(reader, field);
	return (reader->keys & 1) != 0 ? code : -E_SYNTAX;	/* without its stage it is nothing */
}

int evidence_read(const char *text, struct arena *arena, struct evidence *evidence_r)
{
	struct reader reader = { .arena = arena, .evidence = evidence_r };
	int code;

	*evidence_r = (struct evidence){ .stage = FINDING_STAGE_MESSAGE, .client.addr.family = AF_UNSPEC };
	code = read_fields(&reader, text);
	if (code != 0)
		evidence_r->lacks |= EVIDENCE_LACKS_SENSE;
	find_lacks(&reader);
	if (reader.found[FINDING_DMARC_OVERRIDDEN] != 0)	/* in place of what, older versions did not say */
		evidence_r->lacks |= EVIDENCE_LACKS_OVERRIDES;
	findings_store(&reader);
	return code;
}
