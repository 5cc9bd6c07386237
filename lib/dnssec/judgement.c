/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every part of a judgement uses: fetching (each question once, bounded in number), keeping cuts alive until the
 * end, and telling the story for `assay dns`. Part of the validator. Trusts nothing that is fetched: a message is taken
 * apart here and anything unusable is -E_DNS. Thread: that of the judgement.
 */
#include "dnssec/internal.h"

#include <ldns/ldns.h>

#include "util/error.h"

enum { MAX_FETCHES = 200 };

void judgement_tell(struct judgement *j, const char *format, ...)
{
	va_list arguments;

	if (!j->explain)
		return;
	va_start(arguments, format);
	buf_puts(&j->story, arena_vprintf(j->arena, format, arguments));
	va_end(arguments);
}

struct cut *judgement_hold(struct judgement *j, struct cut *cut)
{
	struct held_cut *held = arena_alloc(j->arena, sizeof(*held));

	*held = (struct held_cut){ .cut = cut, .next = j->held };
	j->held = held;
	return cut;
}

/* @return whether the zone was not told of yet; notes that it is now. */
static bool tell_first_time(struct judgement *j, const struct cut *cut)
{
	struct name_list *item;

	for (item = j->told; item != NULL; item = item->next)
		if (dns_wire_equal(item->name, cut->name))
			return false;
	item = arena_alloc(j->arena, sizeof(*item));
	*item = (struct name_list){ .name = cut->name, .next = j->told };
	j->told = item;
	return true;
}

void judgement_tell_chain(struct judgement *j, struct cut *cut)
{
	struct cut *chain[DNS_NAME_MAX_LABELS + 2];
	unsigned count = 0;

	if (!j->explain)
		return;
	for (; cut != NULL && count < DNS_NAME_MAX_LABELS + 2; cut = cut->parent)
		chain[count++] = cut;
	while (count-- != 0)
		if (tell_first_time(j, chain[count]))
			buf_puts(&j->story, chain[count]->story);
}

const char *judgement_type_text(struct judgement *j, uint16_t type)
{
	const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);

	if (descriptor != NULL && descriptor->_name != NULL)
		return descriptor->_name;
	return j_printf(j, "TYPE%u", type);
}

void judgement_start(struct judgement *j, const uint8_t *name, uint16_t type)
{
	for (const struct fetched *item = j->fetched; item != NULL; item = item->next)
		if (item->type == type && dns_wire_equal(item->name, name))
			return;
	j->fetcher->start(j->fetcher->context, dns_wire_text(j->arena, name), type);
}

/* Asks and takes apart. @return 0 or -E_DNS. */
static int fetch(struct judgement *j, const uint8_t *name, uint16_t type, struct vmessage *message_r)
{
	const char *text = dns_wire_text(j->arena, name);
	const uint8_t *wire;
	size_t length;

	j->fetcher->start(j->fetcher->context, text, type);
	if (j->fetcher->wait(j->fetcher->context, text, type, &wire, &length) != 0)
		return -E_DNS;
	if (dnssec_message_parse(j->arena, wire, length, message_r) != 0)
		return -E_DNS;
	if (message_r->rcode != LDNS_RCODE_NOERROR && message_r->rcode != LDNS_RCODE_NXDOMAIN)
		return -E_DNS;
	return 0;
}

int judgement_fetch(struct judgement *j, const uint8_t *name, uint16_t type, struct vmessage **message_r)
{
	struct fetched *item;

	for (item = j->fetched; item != NULL; item = item->next)
		if (item->type == type && dns_wire_equal(item->name, name)) {
			*message_r = &item->message;
			return item->status;
		}
	if (++j->fetches > MAX_FETCHES) {
		j->limited = true;
		return -E_LIMIT;
	}
	item = arena_alloc(j->arena, sizeof(*item));
	*item = (struct fetched){ .name = name, .type = type, .next = j->fetched };
	item->status = fetch(j, name, type, &item->message);
	j->fetch_failed = j->fetch_failed || item->status != 0;
	j->fetched = item;
	*message_r = &item->message;
	return item->status;
}
