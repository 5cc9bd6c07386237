/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One failure report on its way: each destination is asked for its consent, by DNS, just before it is mailed to, and gets a mail of its
 * own. What DNS or sendmail could not do now is left for another time. Trusts the record for nothing: an address is read again.
 */
#include <errno.h>
#include <string.h>

#include "failure_reports.h"
#include "sendmail.h"
#include "text_file.h"
#include "util/clean.h"

enum { LOOKUPS_MAX = 60, SENDMAIL_SECS = 60, NAME_MAX_CHARS = 120 };

enum mailed { DONE, REFUSED, LATER };

static void tell(const char *domain, const char *address, const char *what, const char *why)
{
	fputs("assay: failure-reports: ", stderr);
	clean_terminal(stderr, domain);
	fprintf(stderr, ": %s to ", what);
	clean_terminal(stderr, address);
	fputs(": ", stderr);
	clean_terminal(stderr, why);
	fputc('\n', stderr);
}

static enum mailed write_mail(const struct failure_run *run, const struct failure_row *row, const char *address, const char *mail,
    struct arena *arena)
{
	const char *path = arena_printf(arena, "%s/failure-%lld-%.*s.eml", run->directory, (long long)row->id, NAME_MAX_CHARS, address);

	if (text_file_make(arena, path, mail, strlen(mail), 0666) == 0)
		return DONE;
	tool_complain(0, "failure-reports: %s: %s", path, strerror(errno));
	return LATER;
}

static enum mailed hand_over(const struct failure_run *run, const struct failure_row *row, const char *address, struct arena *arena)
{
	const char *mail = failure_mail(row, &run->sender, address, arena), *why;
	const char *envelope = run->config->dmarc_envelope_sender;
	struct sendmail_mail letter = { .command = run->config->dmarc_sendmail, .from = envelope != NULL ? envelope : run->sender.from,
		.recipients = &address, .recipient_count = 1, .message = mail, .timeout_secs = SENDMAIL_SECS };

	if (mail == NULL) {
		tell(row->domain, address, "no report", "what the record holds of it was not written by assayd");
		return REFUSED;
	}
	if (run->directory != NULL)
		return write_mail(run, row, address, mail, arena);
	letter.message_bytes = strlen(mail);
	switch (sendmail_send(arena, &letter, &why)) {
	case SENDMAIL_SENT:
		return DONE;
	case SENDMAIL_LATER:
		tell(row->domain, address, "not now", why);
		return LATER;
	case SENDMAIL_REFUSED:
		break;
	}
	tell(row->domain, address, "no report", why);
	return REFUSED;
}

/* Whether nobody has got the report there yet: other addresses may lead to the same one. Those for which there is no room get none. */
static bool is_new(struct dmarc_uris *mailed, const struct dmarc_address *address)
{
	size_t before = mailed->count;

	dmarc_uris_add(mailed, address);
	return mailed->count != before;
}

/* Asks, and mails to those that stand for the address and are not among the mailed. */
static enum mailed report_to(struct failure_run *run, const struct failure_row *row, const struct dmarc_address *address,
    struct dmarc_uris *mailed, struct arena *arena)
{
	struct check_shared shared = { .resolver = run->resolver, .psl = run->psl };
	struct check_context context = { .config = run->config, .shared = &shared, .arena = arena,
		.results = arena_calloc(arena, 1, sizeof(struct results)),
		.dns = dns_scope_new(run->resolver, run->config->dns_deadline_ms, LOOKUPS_MAX) };
	struct dmarc_destination destination;
	enum mailed outcome = REFUSED, each;
	int64_t begin_ms = clock_monotonic_ms();

	dmarc_destination_ask(&context, DMARC_REPORT_FAILURE, row->domain, address, &destination);
	if (destination.consent != DMARC_CONSENT_GIVEN)
		tell(row->domain, address->address, destination.consent == DMARC_CONSENT_UNKNOWN ? "not now" : "no report", destination.why);
	if (destination.consent == DMARC_CONSENT_UNKNOWN) {
		slow_owners_note(&run->slow, row->domain, clock_monotonic_ms() - begin_ms);
		outcome = LATER;
	}
	for (size_t i = 0; destination.consent == DMARC_CONSENT_GIVEN && i < destination.uris.count; i++) {
		if (!is_new(mailed, &destination.uris.addresses[i])) {
			outcome = outcome == REFUSED ? DONE : outcome;
			continue;
		}
		each = hand_over(run, row, destination.uris.addresses[i].address, arena);
		run->mails += each == DONE;
		outcome = each == LATER || outcome == LATER ? LATER : each == DONE ? DONE : outcome;
	}
	dns_scope_free(&context.dns);
	return outcome;
}

unsigned failure_send(struct failure_run *run, const struct failure_row *row, struct arena *arena, const char **left_r)
{
	struct buf left = buf_make(arena), list = buf_make(arena);
	unsigned before = run->mails;
	struct dmarc_uris uris, mailed = { 0 };

	/* the record has them without the scheme */
	for (const char *p = row->ruf, *comma; *p != '\0'; p = *comma != '\0' ? comma + 1 : comma) {
		comma = strchrnul(p, ',');
		buf_printf(&list, "%smailto:%.*s", list.length != 0 ? "," : "", (int)(comma - p), p);
	}
	dmarc_uri_list_read(arena, list.data, &uris);
	for (size_t i = 0; i < uris.count; i++) {
		enum mailed outcome = slow_owners_has(&run->slow, row->domain) ? LATER :
		    report_to(run, row, &uris.addresses[i], &mailed, arena);

		run->refused += outcome == REFUSED;
		run->later += outcome == LATER;
		if (outcome == LATER)
			buf_printf(&left, "%s%s", left.length != 0 ? "," : "", uris.addresses[i].address);
	}
	*left_r = left.length != 0 ? left.data : "";
	return run->mails - before;
}
