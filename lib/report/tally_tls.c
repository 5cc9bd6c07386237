/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS and AUTH as sessions and client networks use them. A network keeps a bit for each name it was seen with, so that it is known who
 * uses which names together. Part of the tally. Thread: one.
 */
#include <string.h>

#include "check/tls/cipher.h"
#include "report/tally_internal.h"

/* @return the bit of the name. Those over the cap have the last one. */
static uint64_t count_use(struct groups *groups, const char *name, const struct flow_row *row)
{
	bool is_new = groups_find(groups, name) == NULL;
	size_t count = groups_count(groups);
	struct use_counts *counts = groups_at(groups, name);

	if (is_new)
		counts->index = groups_count(groups) > count ? count : MASK_BITS - 1;
	counts->messages += row->messages;
	counts->sessions += row->sessions;
	return (uint64_t)1 << counts->index;
}

/* SASL names (RFC 4422 section 3.1), as the pipeline wrote them behind "sasl=". @return NULL: nobody authenticated. */
static const char *mechanism_of(struct arena *arena, const char *results)
{
	const char *word = strstr(results, " sasl=");
	size_t length;

	if (word == NULL)
		return NULL;
	word += strlen(" sasl=");
	length = strcspn(word, " ");
	return length != 0 ? arena_strndup(arena, word, length < MECHANISM_MAX ? length : MECHANISM_MAX) : NULL;
}

static enum secrecy secrecy_of(const struct tally_kind *kind)
{
	const struct cipher_info *cipher = cipher_find(kind->row->tls_cipher);

	if (kind->row->tls_version[0] == '\0')
		return SECRECY_CLEARTEXT;
	return cipher == NULL ? SECRECY_UNKNOWN : cipher_has_forward_secrecy(cipher) ? SECRECY_YES : SECRECY_NO;
}

static void count_mechanism(struct tally *tally, const struct tally_kind *kind, struct network_masks *network)
{
	const struct flow_row *row = kind->row;
	bool clear = row->tls_version[0] == '\0';
	const char *name = mechanism_of(tally->arena, row->results);

	if (name == NULL)
		return;
	tally->mechanism_messages += row->messages;
	tally->mechanism_clear += clear ? row->messages : 0;
	network->mechanisms |= count_use(tally->mechanisms, arena_printf(tally->arena, "%s %s", name, clear ? "without TLS" : "under TLS"), row);
}

void tally_add_tls(struct tally *tally, const struct tally_kind *kind)
{
	const struct flow_row *row = kind->row;
	struct network_masks *network;
	uint64_t *downgraded;
	enum secrecy secrecy;

	*(kind->graded ? &tally->tls.grades[kind->grade] : &tally->tls.ungraded) += row->messages;
	*(kind->graded ? &tally->grade_sessions[kind->grade] : &tally->ungraded_sessions) += row->sessions;
	if (finding_set_has(&kind->past.findings, FINDING_TLS_DOWNGRADE) || finding_set_has(&kind->past.findings, FINDING_TLS_STRIPPED)) {
		downgraded = groups_at(tally->downgraded, kind->client);
		downgraded[0] += row->messages;
		downgraded[1] += finding_set_has(&kind->past.findings, FINDING_TLS_STRIPPED) ? row->messages : 0;
	}
	if (!kind->graded)
		return;
	network = groups_at(tally->networks, row->client_network[0] != '\0' ? row->client_network : "(none)");
	network->messages += row->messages;
	network->versions |= count_use(tally->versions, row->tls_version[0] != '\0' ? row->tls_version : "(cleartext)", row);
	if (row->tls_cipher[0] != '\0')
		network->suites |= count_use(tally->suites, row->tls_cipher, row);
	secrecy = secrecy_of(kind);
	tally->secrecy[secrecy] += row->messages;
	tally->secrecy_sessions[secrecy] += row->sessions;
	network->secrecy |= (uint64_t)1 << secrecy;
	count_mechanism(tally, kind, network);
}
