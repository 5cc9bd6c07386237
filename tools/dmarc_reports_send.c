/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deliveries of a report: each address of its rua is asked for consent and mailed to by itself, so that one that fails keeps none of
 * the others waiting. What is not known now, or not possible now, is tried again later, at growing distances; what is refused is given
 * up and said. States are in the book (record/dmarc.h). Thread: one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "assay.h"
#include "check/dmarc/destination.h"
#include "dmarc_report.h"
#include "sendmail.h"
#include "text_file.h"
#include "util/clean.h"
#include "util/error.h"

enum { CLAIM_SECS = 900, SENDMAIL_SECS = 120, RETRY_SECS = 3600, RETRY_MAX_SECS = 12 * 3600, TRIES_MAX = 20, CONSENT_LOOKUPS = 100 };

static void say(const struct dmarc_report *report, const char *address, const char *what, const char *why)
{
	printf("%s %s: %s", report->domain, address, what);
	if (why != NULL && why[0] != '\0') {
		fputs(": ", stdout);
		clean_terminal(stdout, why);
	}
	putchar('\n');
	fflush(stdout);
}

/* What of the list is not mailed to at all. */
static void say_skipped(const struct dmarc_report *report, const struct dmarc_uris *uris)
{
	if (uris->malformed != 0)
		printf("%s: %zu of the rua's items are no addresses that are taken\n", report->domain, uris->malformed);
	if (uris->other_schemes != 0)
		printf("%s: %zu of the rua's URIs are not mailto, others are not served\n", report->domain, uris->other_schemes);
	if (uris->over_cap != 0)
		printf("%s: the rua has more than %d addresses, the others are not served\n", report->domain, DMARC_URIS_MAX);
}

/* @param destination_r  its texts live in the report's arena. */
static void ask(struct dmarc_sender *sender, const struct dmarc_report *report, const struct dmarc_address *address,
    struct dmarc_destination *destination_r)
{
	struct results *results = arena_calloc(report->arena, 1, sizeof(*results));
	struct check_context context = { .config = sender->config, .shared = sender->shared, .arena = report->arena, .results = results };
	int64_t begin_ms = clock_monotonic_ms();

	context.dns = dns_scope_new(sender->shared->resolver, sender->config->dns_deadline_ms, CONSENT_LOOKUPS);
	dmarc_destination_ask(&context, DMARC_REPORT_AGGREGATE, report->domain, address, destination_r);
	/* answers end with the scope; what is kept of them are copies */
	destination_r->why = arena_strdup(report->arena, destination_r->why);
	dns_scope_free(&context.dns);
	if (destination_r->consent == DMARC_CONSENT_UNKNOWN)
		slow_owners_note(&sender->slow, report->domain, clock_monotonic_ms() - begin_ms);
}

static size_t addresses_of(const struct dmarc_uris *uris, const char *addresses_r[DMARC_URIS_MAX])
{
	for (size_t i = 0; i < uris->count; i++)
		addresses_r[i] = uris->addresses[i].address;
	return uris->count;
}

static enum sendmail_outcome mail(struct dmarc_sender *sender, const struct dmarc_report *report, const struct dmarc_uris *uris,
    const char **why_r)
{
	const struct config *config = sender->config;
	bool has_sender = config->dmarc_envelope_sender != NULL && config->dmarc_envelope_sender[0] != '\0';
	const char *addresses[DMARC_URIS_MAX];
	struct sendmail_mail letter = { .command = config->dmarc_sendmail, .recipients = addresses, .timeout_secs = SENDMAIL_SECS,
		.from = has_sender ? config->dmarc_envelope_sender : config->dmarc_email };

	letter.recipient_count = addresses_of(uris, addresses);
	letter.message = dmarc_report_mail(report, addresses, letter.recipient_count, clock_wall_secs(sender->clock), &letter.message_bytes);
	return sendmail_send(report->arena, &letter, why_r);
}

static void put_off(const struct dmarc_sender *sender, struct dmarc_delivery *delivery)
{
	int64_t wait_secs = RETRY_SECS;

	for (unsigned i = 0; i < delivery->tries && wait_secs < RETRY_MAX_SECS; i++)
		wait_secs *= 2;
	if (wait_secs > RETRY_MAX_SECS)
		wait_secs = RETRY_MAX_SECS;
	delivery->next_secs = clock_wall_secs(sender->clock) + wait_secs;
	if (++delivery->tries >= TRIES_MAX)
		delivery->state = DMARC_DELIVERY_GIVEN_UP;
}

/* By the time that it is now: a run may take longer than a claim lasts. */
static int claim(struct dmarc_sender *sender, const struct dmarc_report *report, const char *address, struct dmarc_delivery *delivery_r)
{
	int64_t now_secs = clock_wall_secs(sender->clock);

	*delivery_r = (struct dmarc_delivery){ .state = DMARC_DELIVERY_SENT };	/* of a report that somebody else has finished */
	return dmarc_book_claim(sender->book, report->policy_id, address, now_secs, now_secs + CLAIM_SECS, delivery_r);
}

static void complain(struct dmarc_sender *sender)
{
	tool_complain(0, "dmarc-reports: %s", dmarc_book_why(sender->book));
	sender->failed = true;
}

/*
 * Of the addresses that stand for the one asked about, those that have not got the report: other addresses may lead to them, too. Each
 * is claimed like one of the list. @return whether some of those that are left out still wait for it.
 */
static bool keep_new(struct dmarc_sender *sender, const struct dmarc_report *report, const char *asked, struct dmarc_uris *uris)
{
	struct dmarc_delivery delivery;
	size_t kept = 0;
	bool waits = false;

	for (size_t i = 0; i < uris->count; i++) {
		int code = strcmp(uris->addresses[i].address, asked) == 0 ? 0 : claim(sender, report, uris->addresses[i].address, &delivery);

		if (code == -E_SYSTEM)
			complain(sender);
		if (code == 0)
			uris->addresses[kept++] = uris->addresses[i];
		else
			waits |= code == -E_SYSTEM || delivery.state == DMARC_DELIVERY_WAITING;
	}
	uris->count = kept;
	return waits;
}

/* What became of the address asked about became of those that stand for it. */
static void settle_others(struct dmarc_sender *sender, const struct dmarc_report *report, const char *asked, const struct dmarc_uris *uris,
    const struct dmarc_delivery *delivery)
{
	for (size_t i = 0; i < uris->count; i++)
		if (strcmp(uris->addresses[i].address, asked) != 0 &&
		    dmarc_book_settle(sender->book, report->policy_id, uris->addresses[i].address, delivery) != 0)
			complain(sender);
}

/* One delivery that is claimed. */
static void try(struct dmarc_sender *sender, const struct dmarc_report *report, const struct dmarc_address *address,
    struct dmarc_delivery *delivery)
{
	struct dmarc_destination destination;
	enum sendmail_outcome outcome = SENDMAIL_LATER;
	const char *why;

	ask(sender, report, address, &destination);
	why = destination.why;
	if (destination.consent == DMARC_CONSENT_REFUSED) {
		delivery->state = DMARC_DELIVERY_GIVEN_UP;
		say(report, address->address, "not sent", why);
		return;
	}
	if (destination.consent == DMARC_CONSENT_GIVEN) {
		bool waits = keep_new(sender, report, address->address, &destination.uris);

		outcome = waits ? SENDMAIL_LATER : SENDMAIL_SENT;
		why = waits ? "the addresses that stand for it wait for another try" : "the addresses that stand for it have got it already";
		if (destination.uris.count != 0)
			outcome = mail(sender, report, &destination.uris, &why);
	}
	if (outcome == SENDMAIL_SENT) {
		delivery->state = DMARC_DELIVERY_SENT;
		say(report, address->address, "sent", why);
	} else if (outcome == SENDMAIL_REFUSED) {
		delivery->state = DMARC_DELIVERY_GIVEN_UP;
		say(report, address->address, "not sent", why);
	} else {
		put_off(sender, delivery);
		say(report, address->address, delivery->state == DMARC_DELIVERY_GIVEN_UP ? "given up" : "later", why);
	}
	settle_others(sender, report, address->address, &destination.uris, delivery);
}

static void count(struct dmarc_sender *sender, const struct dmarc_delivery *delivery)
{
	sender->sent += delivery->state == DMARC_DELIVERY_SENT;
	sender->given_up += delivery->state == DMARC_DELIVERY_GIVEN_UP;
	sender->later += delivery->state == DMARC_DELIVERY_WAITING;
}

/* @return whether nothing is left to do for the address. */
static bool deliver(struct dmarc_sender *sender, const struct dmarc_report *report, const struct dmarc_address *address)
{
	struct dmarc_delivery delivery;
	int code = claim(sender, report, address->address, &delivery);

	if (code == -E_ABSENT && delivery.state == DMARC_DELIVERY_WAITING)
		sender->later++;
	if (code == -E_ABSENT)
		return delivery.state != DMARC_DELIVERY_WAITING;
	if (code == 0) {
		try(sender, report, address, &delivery);
		code = dmarc_book_settle(sender->book, report->policy_id, address->address, &delivery);
		count(sender, &delivery);
	}
	if (code != 0)
		complain(sender);
	return code == 0 && delivery.state != DMARC_DELIVERY_WAITING;
}

void dmarc_report_send(struct dmarc_sender *sender, struct dmarc_report *report)
{
	struct dmarc_uris uris;
	bool done = true;

	if (sender->failed)
		return;
	dmarc_uri_list_read(report->arena, report->rua, &uris);
	say_skipped(report, &uris);
	for (size_t i = 0; i < uris.count; i++) {
		if (slow_owners_has(&sender->slow, report->domain)) {
			sender->later += (unsigned)(uris.count - i);
			done = false;
			break;
		}
		done &= deliver(sender, report, &uris.addresses[i]);
	}
	if (done && dmarc_book_finish(sender->book, report->policy_id) != 0)
		complain(sender);
}

static bool write_file(const struct dmarc_report *report, const char *directory, const char *suffix, const void *data, size_t bytes)
{
	const char *path = arena_printf(report->arena, "%s/%s%s", directory, report->names.report_id, suffix);

	if (text_file_make(report->arena, path, data, bytes, 0640) == 0)
		return true;
	tool_complain(0, "dmarc-reports: %s: %s", path, strerror(errno));
	return false;
}

bool dmarc_report_rehearse(struct dmarc_sender *sender, struct dmarc_report *report, const char *directory)
{
	static const char *const words[] = { [DMARC_CONSENT_REFUSED] = "would not be sent", [DMARC_CONSENT_GIVEN] = "would be sent",
		[DMARC_CONSENT_UNKNOWN] = "later" };
	const char *to[DMARC_URIS_MAX], *mail_text;
	struct dmarc_uris uris, agreed = { 0 };
	size_t bytes;

	dmarc_uri_list_read(report->arena, report->rua, &uris);
	say_skipped(report, &uris);
	for (size_t i = 0; i < uris.count; i++) {
		struct dmarc_destination destination;

		ask(sender, report, &uris.addresses[i], &destination);
		for (size_t j = 0; j < destination.uris.count && agreed.count < DMARC_URIS_MAX; j++)
			agreed.addresses[agreed.count++] = destination.uris.addresses[j];
		say(report, uris.addresses[i].address, words[destination.consent], destination.why);
		sender->sent += destination.consent == DMARC_CONSENT_GIVEN;
		sender->later += destination.consent == DMARC_CONSENT_UNKNOWN;
		sender->given_up += destination.consent == DMARC_CONSENT_REFUSED;
	}
	if (!write_file(report, directory, ".xml", report->xml, report->xml_bytes))
		return false;
	if (agreed.count == 0)	/* a mail that is not to be sent does not lie about as if it were */
		return true;
	mail_text = dmarc_report_mail(report, to, addresses_of(&agreed, to), clock_wall_secs(sender->clock), &bytes);
	return write_file(report, directory, ".eml", mail_text, bytes);
}
