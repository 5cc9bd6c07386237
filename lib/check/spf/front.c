/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The strict front before libspf2 1.2.10, which evaluates. libspf2 is never shown a text from the network: unguarded,
 * one TXT record overflows its stack, exhausts memory or turns a fail into a pass. So its DNS layer is ours:
 *
 *   get_spf()   fetches and strictly parses the record and hands libspf2 one rewritten (rewrite.c): short, without
 *               macros, each name a token "tN.x".
 *   lookup()    takes the token back, expands and asks for the true name, counts (walk.c), and answers with
 *               addresses or further tokens (mx hosts).
 *   get_exp()   gives nothing; explanations are made in explain.c.
 *
 * Over a limit or without an answer it says TRY_AGAIN, which ends libspf2's evaluation at once; what the result then is
 * stands in the walk. libspf2's verdict is compared with what the answers amount to (spf_frame_verdict()): they must
 * agree, or it is permerror.
 *
 * Other traps kept away: SPF_server_new_dns() aborts on host names of 64 characters, so the server is laid out here by
 * its public structure; loopback clients pass hard-wired, so client and answers are mirrored out of 127/8 and ::1; a
 * prefix of /0 is refused, so any address then becomes the client's; the default handlers print to standard output.
 *
 * Thread: that of the arena; nothing is shared between evaluations.
 */
#include <netinet/in.h>
#include <spf2/spf.h>

#include "check/spf/walk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "util/out_of_memory.h"

enum { MIRROR = 0x80 };

static void __attribute__((noreturn)) on_error(const char *file, int line, const char *text)
{
	log_error("libspf2 gives up: %s (%s:%d)", text, file != NULL ? file : "", line);
	abort();
}

static void on_message(const char *file, int line, const char *text)
{
	(void)file;
	(void)line;
	(void)text;
}

static void handlers_set(void)
{
	SPF_error_handler = on_error;
	SPF_warning_handler = on_message;
	SPF_info_handler = on_message;
	SPF_debug_handler = on_message;
}

/* ---- tokens ---- */

static struct spf_target *token_target(struct spf_walk *walk, const char *token)
{
	char *end;
	unsigned long number;

	if (token != NULL && token[0] == 't') {
		number = strtoul(token + 1, &end, 10);
		if (strcmp(end, SPF_TOKEN_DOMAIN) == 0 && number < walk->target_count)
			return walk->targets[number];
	}
	spf_walk_fail(walk, RESULT_PERMERROR, "the evaluator asked for a name it was not given");
	return NULL;
}

/* ---- answers ---- */

static SPF_dns_rr_t *rr_new(SPF_dns_server_t *layer, ns_type type, int outcome)
{
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(layer, NULL, type, 0, outcome);

	if (rr == NULL)
		out_of_memory();	/* libspf2 aborts on NULL too, with fewer words */
	return rr;
}

static SPF_dns_rr_data_t *rr_push(SPF_dns_rr_t *rr, size_t bytes)
{
	if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, bytes) != SPF_E_SUCCESS)
		out_of_memory();
	rr->herrno = NETDB_SUCCESS;
	return rr->rr[rr->num_rr++];
}

static bool mirrored(const struct spf_walk *walk)
{
	return addr_is_loopback(&walk->values.client);
}

static void rr_push_addr(const struct spf_walk *walk, SPF_dns_rr_t *rr, const struct ip_addr *addr)
{
	SPF_dns_rr_data_t *data = rr_push(rr, sizeof(*data));
	struct ip_addr shown = *addr;

	if (mirrored(walk))
		shown.bytes[0] ^= MIRROR;
	if (addr->family == AF_INET6)
		memcpy(&data->aaaa, shown.bytes, sizeof(data->aaaa));
	else
		memcpy(&data->a, shown.bytes, sizeof(data->a));
}

/* Addresses of a name for an a or mx term. */
static void answer_addresses(struct spf_walk *walk, SPF_dns_rr_t *rr, struct spf_target *target,
    const struct dns_answer *answer)
{
	const struct ip_addr *client = &walk->values.client;
	const unsigned prefix_bits = client->family == AF_INET6 ? target->term->prefix6 : target->term->prefix4;

	if (!spf_walk_void(walk, target, answer))
		return;
	for (size_t i = 0; i < answer->rr_count; i++) {
		struct ip_addr addr = dns_rr_addr(&answer->rrs[i]);

		if (addr.family != client->family)
			continue;
		if (spf_addr_match(&addr, client, prefix_bits))
			target->state->matched = true;
		if (prefix_bits == 0)
			addr = *client;
		rr_push_addr(walk, rr, &addr);
	}
}

/* The hosts of an mx term, as tokens. */
static void answer_hosts(struct spf_walk *walk, SPF_dns_rr_t *rr, struct spf_target *target,
    const struct dns_answer *answer)
{
	const size_t term = (size_t)(target->term - target->frame->record.terms);

	if (!spf_walk_void(walk, target, answer))
		return;
	if (answer->rr_count > SPF_MAX_MX) {
		spf_walk_fail(walk, RESULT_PERMERROR, "over %d MX hosts at %s of %s", SPF_MAX_MX,
		    spf_term_describe(walk->arena, target->term), target->frame->domain);
		return;
	}
	for (size_t i = 0; i < answer->rr_count; i++) {
		const char *host = dns_rr_name(&answer->rrs[i], walk->arena);
		char token[SPF_TOKEN_BYTES];

		/* a null MX (RFC 7505) names no host */
		if (host == NULL || host[0] == '\0' || strcmp(host, ".") == 0)
			continue;
		if (spf_target_add(walk, target->frame, term, host) == NULL)
			return;
		spf_token_make(walk->target_count - 1, token);
		strcpy(rr_push(rr, sizeof(token))->mx, token);
	}
}

static void answer_exists(struct spf_walk *walk, SPF_dns_rr_t *rr, struct spf_target *target, bool exists)
{
	const struct ip_addr any = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };

	target->state->matched = exists;
	if (exists)
		rr_push_addr(walk, rr, &any);
}

static void answer_term(struct spf_walk *walk, SPF_dns_rr_t *rr, struct spf_target *target)
{
	const struct dns_answer *answer;
	char name[SPF_NAME_BYTES];

	if (!spf_walk_count(walk, target))
		return;
	/* what is no name does not exist: no match, and nothing was asked for (suite: invalid-domain) */
	if (spf_walk_name(walk, target->frame, target->term, name) != 0 || walk->error != RESULT_UNCHECKED)
		return;
	switch (target->term->kind) {
	case SPF_TERM_A:
		answer = spf_walk_ask(walk, name, spf_walk_addr_type(walk));
		if (answer != NULL)
			answer_addresses(walk, rr, target, answer);
		return;
	case SPF_TERM_MX:
		answer = spf_walk_ask(walk, name, DNS_TYPE_MX);
		if (answer != NULL)
			answer_hosts(walk, rr, target, answer);
		return;
	case SPF_TERM_PTR:
		answer_exists(walk, rr, target, spf_walk_ptr_match(walk, target, name));
		return;
	default:	/* exists: type A for IPv6 clients too (section 5.7) */
		answer = spf_walk_ask(walk, name, DNS_TYPE_A);
		if (answer != NULL && spf_walk_void(walk, target, answer))
			answer_exists(walk, rr, target, answer->status == DNS_STATUS_DATA);
		return;
	}
}

static SPF_dns_rr_t *front_lookup(SPF_dns_server_t *layer, const char *domain, ns_type type, int should_cache)
{
	struct spf_walk *walk = layer->hook;
	SPF_dns_rr_t *rr = rr_new(layer, type, NO_DATA);
	struct spf_target *target = token_target(walk, domain);
	const struct dns_answer *answer;

	(void)should_cache;
	walk->personal = spf_target_is_personal(target);
	if (walk->error == RESULT_UNCHECKED && target->term == NULL)
		spf_walk_fail(walk, RESULT_PERMERROR, "the evaluator asked for an address of the sender");
	if (walk->error == RESULT_UNCHECKED && target->host == NULL) {
		answer_term(walk, rr, target);
	} else if (walk->error == RESULT_UNCHECKED) {
		answer = spf_walk_ask_presented(walk, target->host, spf_walk_addr_type(walk));
		if (answer != NULL)
			answer_addresses(walk, rr, target, answer);
	}
	if (walk->error != RESULT_UNCHECKED) {
		SPF_dns_rr_free(rr);
		rr = rr_new(layer, type, TRY_AGAIN);
	}
	return rr;
}

/* ---- records ---- */

static SPF_errcode_t front_get_spf(SPF_server_t *server, SPF_request_t *request, SPF_response_t *response,
    SPF_record_t **record_r)
{
	struct spf_walk *walk = server->resolver->hook;
	struct spf_target *target = token_target(walk, request->cur_dom);
	struct spf_frame *frame = walk->error == RESULT_UNCHECKED ? spf_frame_open(walk, target) : NULL;
	SPF_errcode_t error;
	unsigned mechanisms;

	*record_r = NULL;
	if (frame == NULL)
		return walk->error == RESULT_TEMPERROR ? SPF_E_DNS_ERROR : SPF_E_NOT_SPF;
	error = SPF_record_compile(server, response, record_r, spf_frame_rewrite(walk, frame, &mechanisms));
	/* libspf2 drops terms that do not fit without a word */
	if (error == SPF_E_SUCCESS && (*record_r)->num_mech == mechanisms && (*record_r)->num_mod == 0)
		return SPF_E_SUCCESS;
	spf_walk_fail(walk, RESULT_PERMERROR, "the evaluator did not take the record at %s", frame->domain);
	return SPF_E_INTERNAL_ERROR;
}

/* *buffer belongs to libspf2 and holds the exp= domain; our records have no exp=, so this is never asked. */
static SPF_errcode_t front_get_exp(SPF_server_t *server, const char *domain, char **buffer, size_t *buffer_bytes)
{
	(void)server;
	(void)domain;
	(void)buffer;
	(void)buffer_bytes;
	return SPF_E_NOT_SPF;
}

/* ---- the evaluation ---- */

static void client_set(const struct spf_walk *walk, SPF_request_t *request)
{
	struct ip_addr client = walk->values.client;
	struct in6_addr ip6;
	struct in_addr ip4;

	if (mirrored(walk))
		client.bytes[0] ^= MIRROR;
	if (client.family == AF_INET6) {
		memcpy(&ip6, client.bytes, sizeof(ip6));
		SPF_request_set_ipv6(request, ip6);
	} else {
		memcpy(&ip4, client.bytes, sizeof(ip4));
		SPF_request_set_ipv4(request, ip4);
	}
}

static enum result result_translate(SPF_result_t result)
{
	switch (result) {
	case SPF_RESULT_PASS:
		return RESULT_PASS;
	case SPF_RESULT_FAIL:
		return RESULT_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return RESULT_SOFTFAIL;
	case SPF_RESULT_NEUTRAL:
		return RESULT_NEUTRAL;
	default:
		return RESULT_UNCHECKED;
	}
}

static enum result libspf2_query(SPF_server_t *server, const struct spf_walk *walk)
{
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;
	enum result result = RESULT_UNCHECKED;
	char sender[SPF_TOKEN_BYTES + sizeof("s@")] = "s@";

	if (request == NULL)
		out_of_memory();
	spf_token_make(0, sender + 2);
	client_set(walk, request);
	if (SPF_request_set_helo_dom(request, "h.x") != SPF_E_SUCCESS || SPF_request_set_env_from(request, sender) != 0)
		out_of_memory();
	if (SPF_request_query_mailfrom(request, &response) == SPF_E_SUCCESS && response != NULL)
		result = result_translate(SPF_response_result(response));
	if (response != NULL)
		SPF_response_free(response);
	SPF_request_free(request);
	return result;
}

enum result spf_front_run(struct spf_walk *walk)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	SPF_dns_server_t layer = {
		.lookup = front_lookup, .get_spf = front_get_spf, .get_exp = front_get_exp, .name = "assay", .hook = walk,
	};
	char receiver[] = "r.x";
	/* the library's own limits must never be the ones that end it: they count anew in every include */
	SPF_server_t server = {
		.resolver = &layer, .rec_dom = receiver, .max_dns_mech = 1000, .max_dns_ptr = 1000, .max_dns_mx = 1000,
		.sanitize = 1,
	};
	enum result result;

	pthread_once(&once, handlers_set);
	spf_target_add(walk, NULL, 0, NULL);
	result = libspf2_query(&server, walk);
	if (walk->error != RESULT_UNCHECKED)
		return walk->error;
	if (result == RESULT_UNCHECKED || walk->root == NULL || spf_frame_verdict(walk, walk->root, NULL) != result) {
		spf_walk_fail(walk, RESULT_PERMERROR, "the evaluator's verdict does not follow from the answers");
		return walk->error;
	}
	return result;
}
