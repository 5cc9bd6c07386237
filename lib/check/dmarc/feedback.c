/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See feedback.h. A policy is eight words; a row nine, then a word for each signature, then a new line and the comment. "-" is what is
 * not there, "<>" the null sender. Trusts nothing of names from outside, nor of text that is read.
 */
#include "check/dmarc/feedback.h"

#include <string.h>

#include "util/buf.h"
#include "util/clean.h"
#include "util/error.h"
#include "util/words.h"

const struct word feedback_disposition_words[] = {
	{ "none", FEEDBACK_NONE }, { "pass", FEEDBACK_PASS }, { "quarantine", FEEDBACK_QUARANTINE }, { "reject", FEEDBACK_REJECT }, { 0 }
};
const struct word feedback_reason_words[] = {
	{ "-", FEEDBACK_NO_REASON }, { "local_policy", FEEDBACK_LOCAL_POLICY }, { "mailing_list", FEEDBACK_MAILING_LIST },
	{ "other", FEEDBACK_OTHER }, { "policy_test_mode", FEEDBACK_POLICY_TEST_MODE },
	{ "trusted_forwarder", FEEDBACK_TRUSTED_FORWARDER }, { 0 }
};
static const struct word fault_words[] = {
	{ "-", FEEDBACK_SOUND }, { "bad-policy", FEEDBACK_BAD_POLICY }, { "repeated-tag", FEEDBACK_REPEATED_TAG }, { 0 }
};
static const struct word alignment_words[] = { { "fail", false }, { "pass", true }, { 0 } };
static const struct word strict_words[] = { { "r", false }, { "s", true }, { 0 } };
static const struct word yes_words[] = { { "n", false }, { "y", true }, { 0 } };
static const struct word method_words[] = { { "treewalk", false }, { "psl", true }, { 0 } };

/* The options that count, each once: those of the record, or the default where one of them is none (RFC 9989 section 4.7). */
static const char *fo_of(unsigned options, struct arena *arena)
{
	static const struct { enum dmarc_failure_option option; char letter; } letters[] = {
		{ DMARC_FAILURE_ALL, '0' }, { DMARC_FAILURE_ANY, '1' }, { DMARC_FAILURE_DKIM, 'd' }, { DMARC_FAILURE_SPF, 's' },
	};
	struct buf buf = buf_make(arena);

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if ((options & letters[i].option) != 0)
			buf_printf(&buf, "%s%c", buf.length != 0 ? ":" : "", letters[i].letter);
	return buf.length != 0 ? buf.data : "0";
}

struct feedback_policy feedback_policy_of(const struct dmarc_record *record, bool psl, struct arena *arena)
{
	struct feedback_policy policy = {
		.strict_dkim = record->strict_dkim, .strict_spf = record->strict_spf, .testing = record->testing, .psl = psl,
		.fault = record->repeated != NULL ? FEEDBACK_REPEATED_TAG : FEEDBACK_SOUND, .fo = fo_of(record->failure_options, arena),
	};

	if (!record->p.valid || (record->sp.present && !record->sp.valid) || (record->np.present && !record->np.valid)) {
		policy.fault = FEEDBACK_BAD_POLICY;	/* all as none (RFC 9989 section 4.10.1) */
		return policy;
	}
	policy.p = record->p.policy;
	policy.sp = record->sp.valid ? record->sp.policy : policy.p;
	policy.np = record->np.valid ? record->np.policy : policy.sp;
	return policy;
}

const char *feedback_policy_write(struct arena *arena, const struct feedback_policy *policy)
{
	return arena_printf(arena, "%s %s %s %s %s %s %s %s %s", dmarc_policy_name(policy->p), dmarc_policy_name(policy->sp),
	    dmarc_policy_name(policy->np), words_of(strict_words, policy->strict_dkim), words_of(strict_words, policy->strict_spf),
	    words_of(yes_words, policy->testing), clean_word(arena, policy->fo, FEEDBACK_WORD_MAX), words_of(method_words, policy->psl),
	    words_of(fault_words, (int)policy->fault));
}

/* A name as one word. */
static const char *word(struct arena *arena, const char *name)
{
	return name == NULL || name[0] == '\0' ? "-" : clean_word(arena, name, FEEDBACK_WORD_MAX);
}

static void write_signatures(struct buf *buf, const struct feedback_row *row)
{
	size_t start = buf->length;

	for (size_t i = 0; i < row->signature_count && i < FEEDBACK_SIGNATURES_MAX; i++) {
		const struct feedback_signature *signature = &row->signatures[i];
		const char *domain = word(buf->arena, signature->domain), *selector = word(buf->arena, signature->selector);

		/* a domain has no slash; of another text nobody knows where it would end */
		if (strchr(domain, '/') != NULL || result_name(signature->result) == NULL)
			continue;
		if (i != 0 && buf->length - start + strlen(domain) + strlen(selector) > FEEDBACK_SIGNATURES_BYTES)
			break;
		buf_printf(buf, " %s/%s/%s", result_name(signature->result), domain, selector);
	}
}

const char *feedback_row_write(struct arena *arena, const struct feedback_row *row)
{
	struct buf buf = buf_make(arena);
	bool has_spf = row->spf_domain != NULL && row->spf_domain[0] != '\0' && result_name(row->spf) != NULL;
	char comment[FEEDBACK_COMMENT_MAX + 1];

	buf_printf(&buf, "%s %s %s", word(arena, row->source_ip), word(arena, row->header_from),
	    row->envelope_from != NULL && row->envelope_from[0] == '\0' ? "<>" : word(arena, row->envelope_from));
	buf_printf(&buf, " %s %s %s %s %s %s", words_of(feedback_disposition_words, (int)row->disposition),
	    words_of(alignment_words, row->dkim_aligned), words_of(alignment_words, row->spf_aligned),
	    has_spf ? word(arena, row->spf_domain) : "-", has_spf ? result_name(row->spf) : "-", words_of(feedback_reason_words, (int)row->reason));
	write_signatures(&buf, row);
	if (row->comment != NULL && row->comment[0] != '\0') {
		clean_log_line(comment, sizeof(comment), row->comment);
		buf_printf(&buf, "\n%s", comment);
	}
	return buf.data;
}

/* The next word of the line. @return NULL when there is none. */
static const char *next_word(struct arena *arena, const char **p)
{
	size_t length = strcspn(*p, " \n");
	const char *start = *p;

	if (length == 0)
		return NULL;
	*p += length + (start[length] == ' ');
	return arena_strndup(arena, start, length);
}

/* @return whether the next word is one of the table. */
static bool next_value(struct arena *arena, const char **p, const struct word *words, int *value_r)
{
	const char *text = next_word(arena, p);

	return text != NULL && words_value(words, text, value_r) == 0;
}

int feedback_policy_read(struct arena *arena, const char *text, struct feedback_policy *policy_r)
{
	int p, sp, np, dkim, spf, testing, method, fault;
	bool good = next_value(arena, &text, dmarc_policy_words, &p) && next_value(arena, &text, dmarc_policy_words, &sp) &&
	    next_value(arena, &text, dmarc_policy_words, &np) && next_value(arena, &text, strict_words, &dkim) &&
	    next_value(arena, &text, strict_words, &spf) && next_value(arena, &text, yes_words, &testing);

	if (!good)
		return -E_SYNTAX;
	*policy_r = (struct feedback_policy){ .p = (enum dmarc_policy)p, .sp = (enum dmarc_policy)sp, .np = (enum dmarc_policy)np,
		.strict_dkim = dkim != 0, .strict_spf = spf != 0, .testing = testing != 0, .fo = next_word(arena, &text) };
	if (policy_r->fo == NULL || !next_value(arena, &text, method_words, &method) || !next_value(arena, &text, fault_words, &fault) ||
	    *text != '\0')
		return -E_SYNTAX;
	policy_r->psl = method != 0;
	policy_r->fault = (enum feedback_fault)fault;
	return 0;
}

/* "pass/example.org/s1". */
static bool read_signature(struct arena *arena, const char *text, struct feedback_signature *signature_r)
{
	const char *first = strchr(text, '/'), *second = first != NULL ? strchr(first + 1, '/') : NULL;
	int result;

	if (second == NULL || words_value(result_words, arena_strndup(arena, text, (size_t)(first - text)), &result) != 0)
		return false;
	*signature_r = (struct feedback_signature){ .domain = arena_strndup(arena, first + 1, (size_t)(second - first - 1)),
		.selector = second + 1, .result = (enum result)result };
	return signature_r->domain[0] != '\0' && signature_r->selector[0] != '\0';
}

static int read_signatures(struct arena *arena, const char **p, struct feedback_row *row)
{
	struct feedback_signature *signatures = arena_calloc(arena, FEEDBACK_SIGNATURES_MAX, sizeof(*signatures));
	const char *text;

	row->signatures = signatures;
	while ((text = next_word(arena, p)) != NULL) {
		if (row->signature_count == FEEDBACK_SIGNATURES_MAX || !read_signature(arena, text, &signatures[row->signature_count]))
			return -E_SYNTAX;
		row->signature_count++;
	}
	return 0;
}

static const char *present(const char *text)
{
	return strcmp(text, "-") == 0 ? NULL : text;
}

int feedback_row_read(struct arena *arena, const char *text, struct feedback_row *row_r)
{
	const char *ip = next_word(arena, &text), *from = next_word(arena, &text), *envelope = next_word(arena, &text), *domain, *word_;
	int disposition, dkim, spf, result = RESULT_UNCHECKED, reason;

	if (ip == NULL || from == NULL || envelope == NULL || !next_value(arena, &text, feedback_disposition_words, &disposition) ||
	    !next_value(arena, &text, alignment_words, &dkim) || !next_value(arena, &text, alignment_words, &spf))
		return -E_SYNTAX;
	domain = next_word(arena, &text);
	word_ = domain != NULL ? next_word(arena, &text) : NULL;
	if (word_ == NULL || !next_value(arena, &text, feedback_reason_words, &reason) ||
	    (present(domain) != NULL && words_value(result_words, word_, &result) != 0))
		return -E_SYNTAX;
	*row_r = (struct feedback_row){ .source_ip = ip, .header_from = from,
		.envelope_from = strcmp(envelope, "<>") == 0 ? "" : present(envelope),
		.disposition = (enum feedback_disposition)disposition, .dkim_aligned = dkim != 0, .spf_aligned = spf != 0,
		.spf_domain = present(domain), .spf = (enum result)result, .reason = (enum feedback_reason)reason, .comment = "" };
	if (read_signatures(arena, &text, row_r) != 0)
		return -E_SYNTAX;
	if (*text == '\n')
		row_r->comment = arena_strdup(arena, text + 1);
	else if (*text != '\0')
		return -E_SYNTAX;
	return 0;
}
