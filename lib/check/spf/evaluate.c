/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF of one identity: from what the client said to a result. Decides who is judged (RFC 7208 sections 2.3, 2.4, 4.3),
 * lets libspf2 evaluate behind the front (front.c) and puts reason and explanation to it. What cannot be judged is
 * none; nothing unknown is ever pass. Thread: that of the arena; blocks for DNS.
 */
#include "check/spf/spf.h"

#include <string.h>

#include "check/spf/identity.h"
#include "check/spf/walk.h"
#include "util/buf.h"
#include "util/error.h"

/* ---- identity ---- */

static bool is_label_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool spf_domain_valid(const char *domain)
{
	size_t length = strlen(domain), label = 0, dots = 0;
	bool digits_only = true;

	if (length != 0 && domain[length - 1] == '.')
		length--;
	if (length == 0 || length >= SPF_NAME_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (domain[i] == '.' ? label == 0 : !is_label_octet(domain[i]) || label == 63)
			return false;
		if (domain[i] == '.') {
			dots++;
			label = 0;
			digits_only = true;
			continue;
		}
		label++;
		digits_only &= domain[i] >= '0' && domain[i] <= '9';
	}
	return label != 0 && dots != 0 && !digits_only;
}

static struct ip_addr addr_unmap(const struct ip_addr *addr)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	struct ip_addr unmapped = { .family = AF_INET };

	if (addr->family != AF_INET6 || memcmp(addr->bytes, mapped, sizeof(mapped)) != 0)
		return *addr;
	memcpy(unmapped.bytes, addr->bytes + sizeof(mapped), 4);
	return unmapped;
}

static bool too_long(const char *text)
{
	return text != NULL && strnlen(text, SPF_IDENTITY_BYTES) == SPF_IDENTITY_BYTES;
}

/*
 * A local part that is cut from its beginning, so that all of it fits. It only fills macros, whose outcome is cut in the same way
 * (section 7.3); and whoever writes so long a name sheds no policy of the domain.
 */
static const char *fitting(const char *sender)
{
	size_t length = strlen(sender);
	const char *at = strrchr(sender, '@');

	if (length < SPF_IDENTITY_BYTES || at == NULL || strlen(at) >= SPF_IDENTITY_BYTES - 1)
		return sender;
	return sender + length - (SPF_IDENTITY_BYTES - 1);
}

int spf_identity_make(const struct spf_request *request, struct arena *arena, struct spf_identity *identity_r)
{
	const char *sender = request->mail_from != NULL ? fitting(request->mail_from) : NULL, *at, *domain;
	struct spf_macro_values *values = &identity_r->values;

	*identity_r = (struct spf_identity){ .scope = SPF_SCOPE_MFROM };
	values->client = addr_unmap(&request->client);
	values->helo = request->helo != NULL && !too_long(request->helo) ? request->helo : "";
	values->receiver = too_long(request->receiver) ? NULL : request->receiver;
	values->time_secs = request->time_secs;
	if (sender == NULL || sender[0] == '\0')
		identity_r->scope = SPF_SCOPE_HELO;
	if (values->client.family != AF_INET && values->client.family != AF_INET6)
		identity_r->reason = "the client has no IP address";
	if (too_long(sender) || (identity_r->scope == SPF_SCOPE_HELO && too_long(request->helo)))
		identity_r->reason = "the sender's name is too long";
	if (identity_r->reason != NULL)
		return -E_ABSENT;
	at = identity_r->scope == SPF_SCOPE_MFROM ? strrchr(sender, '@') : NULL;
	domain = identity_r->scope == SPF_SCOPE_HELO ? values->helo : at != NULL ? at + 1 : "";
	if (!spf_domain_valid(domain)) {
		identity_r->reason = "not a domain name that SPF could be asked for";
		return -E_ABSENT;
	}
	/* section 4.3: no local part is "postmaster" */
	values->sender_local = at != NULL && at != sender ? arena_strndup(arena, sender, (size_t)(at - sender)) : "postmaster";
	values->sender_domain = arena_strndup(arena, domain, strlen(domain) - (domain[strlen(domain) - 1] == '.'));
	values->domain = values->sender_domain;
	return 0;
}

/* ---- evaluation ---- */

static bool has_8bit(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 0x7f)
			return true;
	return false;
}

static struct spf_walk *walk_new(const struct spf_identity *identity, struct dns_scope *scope, struct arena *arena)
{
	struct spf_walk *walk = arena_alloc(arena, sizeof(*walk));

	memset(walk, 0, offsetof(struct spf_walk, targets));
	walk->target_count = 0;
	walk->names_known = false;
	walk->name_count = 0;
	memset(walk->names, 0, sizeof(walk->names));
	walk->scope = scope;
	walk->arena = arena;
	walk->values = identity->values;
	walk->values.validated_name = spf_walk_validated_name;
	walk->values.context = walk;
	walk->domain = identity->values.domain;
	walk->sender_8bit = has_8bit(identity->values.sender_local);
	return walk;
}

static const char *verdict_reason(struct spf_walk *walk, enum result result)
{
	struct buf reason = buf_make(walk->arena);

	if (walk->reason != NULL)
		return walk->reason;
	if (result != RESULT_NEUTRAL)
		buf_puts(&reason, "matched ");
	spf_frame_verdict(walk, walk->root, &reason);
	return reason.data;
}

void spf_evaluate(const struct spf_request *request, struct dns_scope *scope, struct arena *arena,
    struct spf_result *result_r)
{
	struct spf_identity identity;
	struct spf_walk *walk;

	*result_r = (struct spf_result){ .result = RESULT_NONE, .dnssec = DNS_INDETERMINATE };
	if (spf_identity_make(request, arena, &identity) != 0) {
		result_r->scope = identity.scope;
		result_r->reason = identity.reason;
		return;
	}
	walk = walk_new(&identity, scope, arena);
	result_r->scope = identity.scope;
	result_r->domain = identity.values.domain;
	result_r->result = spf_front_run(walk);
	result_r->reason = verdict_reason(walk, result_r->result);
	if (walk->root != NULL && result_r->result != RESULT_NONE && result_r->result != RESULT_TEMPERROR &&
	    result_r->result != RESULT_PERMERROR)
		result_r->mechanism = spf_frame_mechanism(walk, walk->root);
	if (walk->answered)
		result_r->dnssec = walk->security;
	if (result_r->result == RESULT_FAIL)
		result_r->explanation = spf_explain(walk, request->default_explanation);
}
