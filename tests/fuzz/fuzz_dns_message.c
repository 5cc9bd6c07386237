/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a DNS message from the network, all the way to an answer (scan, ldns, CNAME chain, records, text).
 * The input is the message; its own question is what was asked. What the scan lets pass must parse in bounded memory,
 * and every record handed out must satisfy the readers.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/answer.h"
#include "dns/name.h"
#include "dns/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void answer_read(const struct answer *answer, uint16_t type)
{
	const struct dns_answer *head = &answer->head;
	struct arena *arena = arena_new();
	struct dns_name name;
	size_t length;

	must(head->status == DNS_STATUS_DATA ? head->rr_count != 0 : head->rr_count == 0);
	must(head->ttl_secs <= 86400);
	must(dns_name_parse(head->name, &name) == 0 && dns_name_parse(head->canonical_name, &name) == 0);
	must(answer->target == NULL || dns_name_equal(answer->target, &name));
	for (size_t i = 0; i < head->rr_count; i++) {
		must(head->rrs[i].type == type);
		dns_rr_text(&head->rrs[i], arena, &length);
		must(length <= head->rrs[i].rdata_length);
		dns_rr_name(&head->rrs[i], arena);
		dns_rr_addr(&head->rrs[i]);
		must(dns_rr_to_text(&head->rrs[i], arena) != NULL);
		/* the copied rdata, uncompressed, is well-formed by itself */
		must(scan_rdata(type, head->rrs[i].rdata, head->rrs[i].rdata_length, 0, head->rrs[i].rdata_length) == NULL);
	}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct answer_limits limits = { 86400, 900, 5, true };
	const char *why = NULL;
	struct dns_name name;
	struct answer *answer;
	size_t end = 0;
	uint16_t type;

	if (scan_message(data, size) != NULL || scan_name(data, size, 12, &end) != NULL ||
	    dns_name_from_wire(data + 12, end - 12, &name) != 0)
		return 0;
	type = (uint16_t)(data[end] << 8 | data[end + 1]);
	answer = answer_build(&name, type, data, size, &limits, &why);
	must((answer == NULL) == (why != NULL));
	if (answer != NULL)
		answer_read(answer, type);
	answer_free(&answer);
	return 0;
}
