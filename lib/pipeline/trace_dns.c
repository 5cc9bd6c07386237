/* SPDX-License-Identifier: BSD-2-Clause */
/* What a message asked of DNS and what came, as lines of its trace. Thread: the message's. */
#include "pipeline/trace_write.h"

#include <string.h>
#include <strings.h>

#include "util/clean.h"

enum { RECORDS_SHOWN = 20 };	/* of one answer */

/* "spf,dkim": on whose behalf. */
static const char *purposes_text(struct arena *arena, unsigned opened)
{
	static const char *const names[DNS_PURPOSE_COUNT] = { [DNS_FOR_AUTHOR] = "author", [DNS_FOR_SPF] = "spf",
		[DNS_FOR_HELO] = "helo", [DNS_FOR_DKIM] = "dkim", [DNS_FOR_ARC] = "arc", [DNS_FOR_ALIGNMENT] = "alignment",
		[DNS_FOR_CLIENT] = "client" };
	struct buf buf = buf_make(arena);

	_Static_assert(DNS_FOR_GUESS == 7 && DNS_PURPOSE_COUNT == 8, "each purpose has a name, but for guesses, which are the last");
	for (size_t i = 0; i < DNS_FOR_GUESS; i++)
		if ((opened >> i & 1) != 0) {
			buf_puts(&buf, buf.length != 0 ? "," : "");
			buf_puts(&buf, names[i]);
		}
	return buf.length != 0 ? buf.data : NULL;
}

static void put_answer(struct trace_writer *writer, const struct dns_answer *answer)
{
	trace_put(writer, "status", answer->security == DNS_BOGUS ? "bogus" : dns_status_name(answer->status));
	trace_put(writer, "security", dns_security_name(answer->security));
	trace_put_count(writer, "ttl", answer->ttl_secs);
	trace_put_flag(writer, "cached", answer->from_cache);
	if (strcasecmp(answer->name, answer->canonical_name) != 0)
		trace_put(writer, "alias_of", answer->canonical_name);
	trace_put(writer, "why", answer->why);
	trace_put(writer, "remark", answer->remark);
}

/* All strings of a TXT record as one, as in a zone file. */
static void put_text(struct buf *buf, const struct dns_rr *rr, struct arena *arena)
{
	size_t length;
	const char *text = dns_rr_text(rr, arena, &length);

	buf_putc(buf, '"');
	for (size_t i = 0; i < length && buf->length < TRACE_VALUE_MAX;) {
		size_t plain = i;

		while (plain < length && clean_is(text[plain], CLEAN_PLAIN))
			plain++;
		buf_append(buf, text + i, plain - i);
		i = plain;
		if (i < length && clean_is(text[i], CLEAN_TEXT))
			buf_printf(buf, "\\%c", text[i++]);
		else if (i < length)
			buf_printf(buf, "\\%03u", (unsigned char)text[i++]);
	}
	buf_putc(buf, '"');
}

static void put_name(struct buf *buf, const char *name)
{
	buf_puts(buf, name);
	buf_puts(buf, strcmp(name, ".") == 0 ? "" : ".");
}

/* In zone file form. The types that nearly all are of are written here: ldns takes longer for one than all else of a trace does. */
static const char *record_text(const struct dns_rr *rr, struct arena *arena)
{
	struct buf buf = buf_make(arena);
	struct ip_addr address = dns_rr_addr(rr);
	const char *name = NULL;
	char text[ADDR_TEXT_BYTES], type[16];

	if (rr->type == DNS_TYPE_MX || rr->type == DNS_TYPE_PTR || rr->type == DNS_TYPE_CNAME || rr->type == DNS_TYPE_NS)
		name = dns_rr_name(rr, arena);
	if (name == NULL && address.family == AF_UNSPEC && rr->type != DNS_TYPE_TXT)
		return dns_rr_to_text(rr, arena);
	put_name(&buf, rr->owner);
	buf_putc(&buf, ' ');
	buf_put_uint(&buf, rr->ttl_secs);
	buf_join(&buf, " IN ", dns_type_name(rr->type, type), " ", NULL);
	if (rr->type == DNS_TYPE_TXT)
		put_text(&buf, rr, arena);
	else if (address.family != AF_UNSPEC)
		buf_puts(&buf, addr_format(&address, text));
	if (rr->type == DNS_TYPE_MX) {
		buf_put_uint(&buf, dns_rr_preference(rr));
		buf_putc(&buf, ' ');
	}
	if (name != NULL)
		put_name(&buf, name);
	return buf.data;
}

/* Under the scope's lock. What was only guessed, and wanted by nobody, says nothing of the message. */
static void put_question(void *arg, const struct dns_told *told)
{
	struct trace_writer *writer = arg;
	const struct dns_answer *answer = told->answer;
	const char *purposes = purposes_text(writer->arena, told->opened);
	char type[16];

	if (purposes == NULL)
		return;
	trace_begin(writer, "dns");
	trace_put(writer, "name", told->name);
	trace_put(writer, "type", dns_type_name(told->type, type));
	trace_put(writer, "for", purposes);
	trace_put(writer, "used", told->used ? "yes" : told->awaited != 0 ? "not-in-time" : "not-needed");
	if (answer != NULL)
		put_answer(writer, answer);
	if (!trace_finish(writer) || answer == NULL)
		return;
	for (size_t i = 0; i < answer->rr_count && i < RECORDS_SHOWN; i++) {
		trace_begin(writer, "rr");
		trace_put(writer, "data", record_text(&answer->rrs[i], writer->arena));
		(void)trace_finish(writer);
	}
	writer->left_out += answer->rr_count > RECORDS_SHOWN ? answer->rr_count - RECORDS_SHOWN : 0;
}

void trace_questions(struct trace_writer *writer, struct dns_scope *scope)
{
	dns_scope_tell(scope, put_question, writer);
}
