/* SPDX-License-Identifier: BSD-2-Clause */
/* See served_world.h. */
#include "served_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "resolver/internal.h"

enum { FLAG_TC = 2, RCODE_REFUSED = 5 };

struct served served;

int served_setup(void **state)
{
	struct reply *ds;

	memset(&served, 0, sizeof(served));
	served.world = world_new(NULL);
	served.root = world_root(served.world);
	served.tld = zone_new(served.root, "test.", LDNS_SIGN_ED25519);
	served.zone = zone_new(served.tld, "zone.test.", LDNS_SIGN_ED25519);
	ds = reply_new(served.world, "plain.test.", LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);
	reply_add(ds, SECTION_AUTHORITY, "plain.test. 300 IN NSEC zone.test. NS RRSIG NSEC", served.tld);
	reply_serve(ds);
	return fixture_setup(state);
}

int served_teardown(void **state)
{
	int status = fixture_teardown(state);

	world_free(&served.world);
	return status;
}

/* The answer as a server passes it on that knows nothing of DNSSEC. @return its length. */
static size_t wire_without_signatures(const struct reply *reply, uint8_t *wire_r, size_t room)
{
	ldns_rr_list *kept = ldns_rr_list_new(), *all;
	uint8_t *wire = NULL;
	size_t length = 0;
	ldns_pkt *packet;

	assert_int_equal(ldns_wire2pkt(&packet, reply->wire, reply->length), LDNS_STATUS_OK);
	all = ldns_pkt_answer(packet);
	for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(all, i)) != LDNS_RR_TYPE_RRSIG)
			ldns_rr_list_push_rr(kept, ldns_rr_clone(ldns_rr_list_rr(all, i)));
	ldns_rr_list_deep_free(all);
	ldns_pkt_set_answer(packet, kept);
	ldns_pkt_set_ancount(packet, (uint16_t)ldns_rr_list_rr_count(kept));
	assert_int_equal(ldns_pkt2wire(&wire, packet, &length), LDNS_STATUS_OK);
	assert_true(length <= room);
	memcpy(wire_r, wire, length);
	free(wire);
	ldns_pkt_free(packet);
	return length;
}

void serve_world(void *context, const char *name, uint16_t type, bool tcp, struct fake_dns_reply *reply)
{
	const struct reply *found = world_find(served.world, name, type);
	const char *dropped = served.dropped;

	(void)context, (void)tcp;
	if (strncmp(name, "flood", 5) == 0 || (dropped != NULL && strcmp(name, dropped) == 0 && type == served.dropped_type)) {
		reply->drop = true;
		return;
	}
	if (found == NULL || (type == DNS_TYPE_TXT && served.rcode != 0)) {
		reply->rcode_set = true;
		reply->rcode = found == NULL ? RCODE_REFUSED : served.rcode;
		return;
	}
	if (type == DNS_TYPE_DNSKEY && served.unsigned_keys) {
		reply->raw = served.wire;
		reply->raw_length = wire_without_signatures(found, served.wire, sizeof(served.wire));
		return;
	}
	memcpy(served.wire, found->wire, found->length);
	if (type == DNS_TYPE_TXT && served.truncate)
		served.wire[2] |= FLAG_TC;
	reply->raw = served.wire;
	reply->raw_length = found->length;
}

struct resolver_fixture *served_start_mode(void **state, enum dnssec_mode mode)
{
	const char *anchors[] = { served.world->anchor_path, NULL };
	struct dns_config config = { .dnssec = mode, .trust_anchor_files = anchors, .clock = &served.world->clock,
		.timeout_ms = 300, .rounds = 1 };

	return fixture_start_callback(state, serve_world, NULL, config);
}

struct resolver_fixture *served_start(void **state)
{
	return served_start_mode(state, DNSSEC_VALIDATE);
}

struct reply *reply_to(const char *name, ldns_pkt_rcode rcode)
{
	return reply_new(served.world, name, LDNS_RR_TYPE_TXT, rcode);
}

void serve_txt(const char *name, unsigned ttl, struct zone *signer)
{
	struct reply *reply = reply_to(name, LDNS_RCODE_NOERROR);

	reply_add(reply, SECTION_ANSWER, arena_printf(served.world->arena, "%s %u IN TXT \"v=spf1 -all\"", name, ttl), signer);
	reply_serve(reply);
}

void deny_ds(const char *name)
{
	struct reply *ds = reply_new(served.world, name, LDNS_RR_TYPE_DS, LDNS_RCODE_NOERROR);

	reply_add(ds, SECTION_AUTHORITY, arena_printf(served.world->arena, "%s 300 IN NSEC zone.test. TXT RRSIG NSEC", name),
	    served.zone);
	reply_serve(ds);
}

const struct dns_answer *ask(struct resolver_fixture *dns, const char *name)
{
	return dns_wait(fixture_scope(dns, 10000, 50), name, DNS_TYPE_TXT);
}

void assert_answer(struct resolver_fixture *dns, const char *name, enum dns_status status, enum dns_security security)
{
	const struct dns_answer *answer = ask(dns, name);

	print_message("# %s: %s, %s, %s\n", name, dns_status_name(answer->status), dns_security_name(answer->security),
	    answer->why);
	assert_int_equal(answer->status, status);
	assert_int_equal(answer->security, security);
}
