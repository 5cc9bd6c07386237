/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failure reports: when one is due, and its fields (RFC 5965 section 3, RFC 6591 section 3, RFC 9991 section 4). A field is written
 * only of values that are checked or made here; whatever else is from outside stands in a quoted string or is left out.
 * Thread: the message's.
 */
#include "action/failure.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/evp.h>

#include "action/field.h"
#include "action/overridden.h"
#include "check/dmarc/record.h"
#include "check/memory.h"
#include "util/clean.h"
#include "util/domain.h"
#include "util/out_of_memory.h"

enum { SPF_RECORD_MAX = 900 /* as it is written: one line holds it */, ID_MAX = 255, LIKENESS_BYTES = 16 };

/* ---- when ---------------------------------------------------------------------------------------- */

static bool value_begins(const struct header_field *field, const char *word)
{
	const char *at = field->value, *end = at + field->value_length;

	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return (size_t)(end - at) >= strlen(word) && strncasecmp(at, word, strlen(word)) == 0;
}

/* Bounces, answers of programs, reports: ours may be what they speak of. */
static bool may_answer_report(const struct facts *facts)
{
	const struct header_field *automatic = facts_field(facts, "Auto-Submitted"), *type = facts_field(facts, "Content-Type");

	return facts->mail_from == NULL || facts->mail_from[0] == '\0' || (automatic != NULL && !value_begins(automatic, "no")) ||
	    (type != NULL && value_begins(type, "multipart/report"));
}

static bool signature_failed(const struct dkim_result *dkim)
{
	/* a key in test mode makes a failed signature an unsigned message (RFC 6376 section 3.6.1) */
	return dkim->domain != NULL && !dkim->test_mode && (dkim->result == RESULT_FAIL || (dkim->result == RESULT_PERMERROR &&
	    !dkim->message_alone));
}

/* The signature to tell of: one that failed, those of the author domain's own first. NULL: none did. */
static const struct dkim_result *failed_signature(const struct results *results, bool aligned_only)
{
	const char *org = results->dmarc.org_domain != NULL ? results->dmarc.org_domain : results->dmarc.domain;
	const struct dkim_result *other = NULL;

	for (size_t i = 0; i < results->dkim_count; i++) {
		const struct dkim_result *dkim = &results->dkim[i];

		if (!signature_failed(dkim))
			continue;
		if (org != NULL && domain_is_within(dkim->domain, org))
			return dkim;
		if (other == NULL)
			other = dkim;
	}
	return aligned_only ? NULL : other;
}

static bool spf_failed(const struct spf_result *spf)
{
	return spf->result == RESULT_FAIL || spf->result == RESULT_SOFTFAIL || spf->result == RESULT_PERMERROR;
}

/* Whether something that could have passed in alignment has not been found out: then it did not fail either. */
static bool is_unknown(const struct results *results)
{
	bool unknown = results->spf.result == RESULT_TEMPERROR || results->spf.result == RESULT_UNCHECKED || !results->dkim_checked;

	for (size_t i = 0; i < results->dkim_count; i++)
		unknown = unknown || results->dkim[i].result == RESULT_TEMPERROR;
	return unknown;
}

unsigned failure_due(const struct facts *facts, const struct author *author, const struct results *results)
{
	const struct dmarc_result *dmarc = &results->dmarc;
	bool failed = dmarc->result == RESULT_FAIL, half = !dmarc->spf_aligned || !dmarc->dkim_aligned;
	unsigned due = 0;

	if (dmarc->ruf == NULL || !dmarc->has_policy || author->status != AUTHOR_OK || (!failed && dmarc->result != RESULT_PASS) ||
	    may_answer_report(facts))
		return 0;
	if ((failed && (dmarc->failure_options & DMARC_FAILURE_ALL) != 0) ||
	    ((dmarc->failure_options & DMARC_FAILURE_ANY) != 0 && half && (failed || !is_unknown(results))))
		return 1u << FAILURE_DMARC;
	if ((dmarc->failure_options & DMARC_FAILURE_DKIM) != 0 && failed_signature(results, false) != NULL)
		due |= 1u << FAILURE_DKIM;
	if ((dmarc->failure_options & DMARC_FAILURE_SPF) != 0 && spf_failed(&results->spf))
		due |= 1u << FAILURE_SPF;
	return due;
}

/* ---- what ---------------------------------------------------------------------------------------- */

struct writer {
	const struct action_input *input;
	const struct redact_key *key;
	struct arena *arena;
	struct buf buf;
};

static void put_field(struct writer *writer, const char *name, const char *value)
{
	buf_printf(&writer->buf, "%s: %s\n", name, value);
}

static const char *alignment(const struct dmarc_result *dmarc)
{
	if (dmarc->spf_aligned)
		return dmarc->dkim_aligned ? "none" : "dkim";
	return dmarc->dkim_aligned ? "spf" : "dkim,spf";
}

/* The word of RFC 6591 section 3.3 for why a signature failed. */
static const char *signature_failure(const struct dkim_result *dkim)
{
	if (dkim->reason != NULL && strstr(dkim->reason, "body") != NULL)
		return "bodyhash";
	return dkim->reason != NULL && strstr(dkim->reason, "revoked") != NULL ? "revoked" : "signature";
}

static const char *delivery(const struct decision *decision)
{
	if (!decision->enforced)
		return "delivered";
	switch (decision->action) {
	case ACTION_REJECT:
		return "reject";
	case ACTION_QUARANTINE:
		return "policy";
	default:
		return "delivered";
	}
}

static enum dmarc_policy carried_out(const struct decision *decision)
{
	if (!decision->enforced || decision->action < ACTION_QUARANTINE)
		return DMARC_POLICY_NONE;
	return decision->action == ACTION_QUARANTINE ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_REJECT;
}

/*
 * `reason="mailing_list: override lists" `, where an override is why less was done than the domain asks for; else "". It failed all the
 * same, so the report is sent; without the reason its reader would take mail of a list that we know for a forgery that got through.
 * The word is that of aggregate reports. By which evidence it held is not told: that could tell one message from another.
 */
static const char *override_reason(const struct writer *writer)
{
	const struct dmarc_result *dmarc = &writer->input->results->dmarc;
	const struct decision *decision = writer->input->decision;
	const struct dmarc_override *override = policy_honoured(writer->input->config, decision->policy, dmarc);

	if (override == NULL || dmarc->result != RESULT_FAIL || carried_out(decision) >= dmarc->disposition)
		return "";
	return arena_printf(writer->arena, "reason=%s\n\t", field_quoted(writer->arena, arena_printf(writer->arena, "%s: override %s",
	    words_of(feedback_reason_words, (int)overridden_reason(override->kind)), override->name)));
}

/* One method only (RFC 6591 section 3.1), and nothing of the sender's but domains. */
static void put_results(struct writer *writer, enum failure_kind kind, const struct dkim_result *dkim)
{
	const struct results *results = writer->input->results;
	const char *id = field_id(writer->arena, writer->input->authserv_id);
	const char *property = results->spf.scope == SPF_SCOPE_HELO ? "smtp.helo" : "smtp.mailfrom", *text = NULL;

	switch (kind) {
	case FAILURE_DMARC:
		text = arena_printf(writer->arena, "dmarc=%s %sheader.from=%s", result_name(results->dmarc.result), override_reason(writer),
		    field_value(writer->arena, results->dmarc.domain));
		break;
	case FAILURE_DKIM:
		text = arena_printf(writer->arena, "dkim=%s header.d=%s", result_name(dkim->result), field_value(writer->arena, dkim->domain));
		break;
	case FAILURE_SPF:
		text = results->spf.domain == NULL ? arena_printf(writer->arena, "spf=%s", result_name(results->spf.result)) :
		    arena_printf(writer->arena, "spf=%s %s=%s", result_name(results->spf.result), property,
		    field_value(writer->arena, results->spf.domain));
		break;
	case FAILURE_KINDS:
		break;
	}
	put_field(writer, "Authentication-Results", arena_printf(writer->arena, "%s;\n\t%s", id, text));
}

static bool is_shown(const char *text)
{
	return text != NULL && text[0] != '\0' && strlen(text) <= ID_MAX && clean_span(text, CLEAN_NAME) == strlen(text);
}

static void put_signature(struct writer *writer, const struct dkim_result *dkim)
{
	const char *at = dkim->identity != NULL ? strrchr(dkim->identity, '@') : NULL, *identity = NULL;

	if (!is_shown(dkim->domain))
		return;
	if (at != NULL && is_shown(at + 1))
		identity = at == dkim->identity ? at : arena_printf(writer->arena, "%s%s", redact_local(writer->arena, writer->key,
		    dkim->identity, (size_t)(at - dkim->identity)), at);
	put_field(writer, "DKIM-Domain", dkim->domain);
	put_field(writer, "DKIM-Identity", identity != NULL ? identity : arena_printf(writer->arena, "@%s", dkim->domain));
	if (is_shown(dkim->selector))
		put_field(writer, "DKIM-Selector", dkim->selector);
}

/* spf-dns of RFC 6591 section 4. The record is public, and in lines, for it may be long. */
static void put_spf_record(struct writer *writer, const char *record)
{
	struct buf quoted = buf_make(writer->arena);
	size_t column = 0;

	for (size_t i = 0; quoted.length < SPF_RECORD_MAX && record[i] != '\0'; i++, column++) {
		char c = clean_smtp_char(record[i]);

		if (c == ' ' && column > 60) {
			buf_puts(&quoted, "\n\t");
			column = 0;
			continue;
		}
		if (c == '"' || c == '\\')
			buf_putc(&quoted, '\\');
		buf_putc(&quoted, c);
	}
	put_field(writer, "SPF-DNS", arena_printf(writer->arena, "txt : %s :\n\t\"%s\"", writer->input->results->spf.domain, quoted.data));
}

static const char *mail_date(struct arena *arena, int64_t secs)
{
	time_t value = (time_t)secs;
	struct tm tm;
	char text[64];

	/* in C's own locale, whatever that of the process is: names of days and months are English */
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

	if (gmtime_r(&value, &tm) == NULL)
		return "Thu, 1 Jan 1970 00:00:00 +0000";
	strftime(text, sizeof(text), "%H:%M:%S +0000", &tm);
	return arena_printf(arena, "%s, %d %s %d %s", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, text);
}

static const char *reported_domain(const struct results *results, enum failure_kind kind, const struct dkim_result *dkim)
{
	const char *domain = kind == FAILURE_DKIM ? dkim->domain : kind == FAILURE_SPF ? results->spf.domain : NULL;

	return is_shown(domain) ? domain : results->dmarc.domain;
}

static bool spf_aligned_failure(const struct results *results)
{
	const char *org = results->dmarc.org_domain != NULL ? results->dmarc.org_domain : results->dmarc.domain;

	return spf_failed(&results->spf) && results->spf.domain != NULL && domain_is_within(results->spf.domain, org);
}

/* The fields, but for what tells one message from another that is alike. */
static void put_failure(struct writer *writer, enum failure_kind kind, const char *spf_record)
{
	const struct results *results = writer->input->results;
	const struct dkim_result *dkim = failed_signature(results, kind == FAILURE_DMARC);
	const char *const words[FAILURE_KINDS] = { [FAILURE_DMARC] = "dmarc", [FAILURE_SPF] = "spf",
		[FAILURE_DKIM] = dkim != NULL ? signature_failure(dkim) : "signature" };

	put_field(writer, "Feedback-Type", "auth-failure");
	put_field(writer, "Version", "1");
	put_field(writer, "Auth-Failure", words[kind]);
	put_results(writer, kind, dkim);
	put_field(writer, "Identity-Alignment", alignment(&results->dmarc));
	put_field(writer, "Delivery-Result", delivery(writer->input->decision));
	if (dkim != NULL && kind != FAILURE_SPF)
		put_signature(writer, dkim);
	if (spf_record != NULL && is_shown(results->spf.domain) && (kind == FAILURE_SPF || (kind == FAILURE_DMARC &&
	    spf_aligned_failure(results))))
		put_spf_record(writer, spf_record);
	put_field(writer, "Reported-Domain", reported_domain(results, kind, dkim));
}

/* Half of a SHA-256 in hex: as good as the text itself, and short enough for a key. */
static const char *likeness(struct arena *arena, const char *fields, const char *network)
{
	const char *text = arena_printf(arena, "%s%s", fields, network != NULL ? network : "");
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf hex = buf_make(arena);

	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
		out_of_memory();
	for (size_t i = 0; i < LIKENESS_BYTES; i++)
		buf_printf(&hex, "%02x", digest[i]);
	return hex.data;
}

void failure_write(const struct action_input *input, enum failure_kind kind, const struct redact_key *key, const char *spf_record,
    struct failure_text *text_r)
{
	const struct facts *facts = input->facts;
	struct arena *arena = facts->arena;
	struct writer writer = { .input = input, .key = key, .arena = arena, .buf = buf_make(arena) };
	const struct ip_addr *client = &facts->connection->client;
	char address[ADDR_TEXT_BYTES];

	put_failure(&writer, kind, spf_record);
	text_r->alike = likeness(arena, writer.buf.data, memory_network_name(arena, client));
	put_field(&writer, "Original-Mail-From", redact_address(arena, key, facts->mail_from));
	put_field(&writer, "Arrival-Date", mail_date(arena, facts->time_secs));
	if (client->family != AF_UNSPEC)
		put_field(&writer, "Source-IP", addr_format(client, address));
	text_r->fields = writer.buf.data;
	text_r->header = redact_header(arena, key, facts);
}
