/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generated hostile messages through the whole pipeline, with a zone file for a resolver, against an oracle of the rule "not weaker
 * than the strictest that could apply". The oracle knows what the generator wrote: which domains a reader could show as the author,
 * whether SPF passes for them, what stands in the header and how often; and the configuration. It asks the code under test for
 * nothing but its decision. Of plain messages the decision has to be just that one.
 * ASSAY_ROUNDS: how many configurations; each judges MESSAGES of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "strictest_fixture.h"
#include "text_fixture.h"

enum { ROUNDS = 60, MESSAGES = 100, FIELDS_CAP = 50, BYTES_CAP = 16384, SIGNATURES_CAP = 2, OWN_FORMS = 4 };

static const char zone_text[] =
    "victim.example. 300 IN TXT \"v=spf1 ip4:203.0.113.1 -all\"\n"
    "_dmarc.victim.example. 300 IN TXT \"v=DMARC1; p=reject\"\n"
    "_dmarc.partner.example. 300 IN TXT \"v=DMARC1; p=none; sp=quarantine\"\n"
    "bank.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"		/* our client's own */
    "_dmarc.bank.example. 300 IN TXT \"v=DMARC1; p=reject\"\n";

/* What the zone asks for when DMARC fails; a domain without a record asks for nothing. */
static const enum finding_id asked[DOMAINS] = {
	[VICTIM] = FINDING_DMARC_REJECT, [PARTNER] = FINDING_DMARC_FAIL, [SUB_PARTNER] = FINDING_DMARC_QUARANTINE,
	[BANK] = FINDING_DMARC_REJECT, [OTHER] = FINDING_COUNT,
};

static const enum finding_id weighed[] = {
	FINDING_DMARC_REJECT, FINDING_DMARC_QUARANTINE, FINDING_DMARC_FAIL, FINDING_FROM_MULTIPLE, FINDING_FROM_INVALID,
	FINDING_FROM_MISSING, FINDING_LIMIT_EXCEEDED, FINDING_AUTHRES_FORGED, FINDING_DKIM_NONE, FINDING_DKIM_TOO_MANY,
	FINDING_DKIM_PERMERROR, FINDING_SPF_FAIL, FINDING_MESSAGE_MALFORMED,
};

/* What a generated message is, as the oracle sees it. */
struct said {
	domain_set recipients, authors;
	finding_set findings;		/* that have to be weighed, whatever DMARC says */
	unsigned from_fields;
	int spf_passes;			/* for this domain; -1: for none */
	bool plain;			/* nothing hidden: the decision is known to the action */
};

/* ---- the header ------------------------------------------------------------------------------------------------ */

static void say(struct said *said, enum finding_id id)
{
	finding_set_add(&said->findings, id);
}

static void field(struct message *message, struct said *said, const char *name, const char *value)
{
	message_field(message, name, value, strlen(value));
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != strlen(name))
		say(said, FINDING_MESSAGE_MALFORMED);
}

/* How an address is written: the domain in two halves, for what may stand between them. plain: as RFC 5322 has it. */
static const struct { bool plain; domain_set besides; const char *before, *between, *behind; } author_forms[] = {
	{ true, 0, " ceo@", "", "" },
	{ true, 0, " \"CEO, the\" <ceo@", "", ">" },
	{ true, 0, " =?utf-8?q?C=C3=A9o?= <ceo@", "", "> (a comment)" },
	{ true, 0, " A group: ceo@", "", ";" },
	{ false, 0, " =?utf-8?q?ceo=40", "", "?=" },
	{ false, 0, " CEO <ceo@=?utf-8?q?", "", "?=>" },
	{ false, 1u << OTHER, " =?utf-8?q?ceo=40", "", "?=@other.example" },
	{ false, 0, " ceo@", "(x)", "" },
	{ false, 0, " < <ceo@", "(x)", ">" },
	{ false, 0, " ceo@[", "", "]" },
	{ false, 0, " ceo@", "", "\xc2\xa0" },
	{ false, 0, " ceo@", "", "\xa0" },
	{ false, 0, " CEO <ceo\xef\xbc\xa0", "", ">" },
	{ false, 0, " ceo@", "\xe2\x80\x8d", "" },
	{ false, 0, " ceo@", "\b", "" },
	{ false, 1u << OTHER, " \"ceo@", "", "\"@other.example" },
	{ false, 0, " \"ceo@", "", "\":;" },
	{ false, 1u << OTHER, " ceo@", "", "@other.example" },
	{ false, 0, " ceo@", "\n ", "" },
	{ false, 1u << OTHER, " <@", "", ":ceo@other.example>" },
	{ false, 1u << OTHER, " x@other.example, \"ceo@", "", "" },
	{ false, 1u << OTHER, " <x@other.example> <ceo@", "", ">" },
	{ false, 1u << OTHER, " x@other.example (ceo@", "", "" },
};
enum { AUTHOR_FORMS = sizeof(author_forms) / sizeof(author_forms[0]), PLAIN_FORMS = 4 };

static const char *const from_names[] = { "From", "from", "FROM", "From ", "From\t", "Fr\xc2\xa0om", " From" };

/* One more author. The name of the field, and what is around the domain, may be such as no reader should take and some do. */
static void add_from(struct message *message, struct said *said)
{
	unsigned domain = below(DOMAINS), form = below(2) == 0 ? below(PLAIN_FORMS) : below(AUTHOR_FORMS);
	unsigned name = below(3) == 0 ? below(7) : below(3);
	int half = 1 + (int)below((unsigned)strlen(domains[domain]) - 1);
	char value[512];

	snprintf(value, sizeof(value), "%s%.*s%s%s%s", author_forms[form].before, half, domains[domain], author_forms[form].between,
	    domains[domain] + half, author_forms[form].behind);
	field(message, said, from_names[name], value);
	said->from_fields++;
	said->authors |= 1u << domain | author_forms[form].besides;
	if (!author_forms[form].plain || name >= 3) {
		said->plain = false;
		/* a quoted local part and the like can be read; what some show of it is judged none the less */
		if (strcmp(author_forms[form].behind, "\"@other.example") != 0 || name >= 3)
			say(said, FINDING_FROM_INVALID);
	}
}

static void add_many_authors(struct message *message, struct said *said)
{
	char value[1024] = "";

	for (unsigned i = 0; i < AUTHOR_MAX_DOMAINS; i++)
		snprintf(value + strlen(value), sizeof(value) - strlen(value), " a@d%u.example,", i);
	strcat(value, " ceo@victim.example");
	field(message, said, "From", value);
	said->from_fields++;
	said->authors |= 1u << VICTIM | 1u << OTHER;
	said->plain = false;
	say(said, FINDING_FROM_INVALID);
	say(said, FINDING_LIMIT_EXCEEDED);
}

/* So many that there is no room for another one, wherever it stands. */
static void add_too_many_froms(struct message *message, struct said *said)
{
	for (unsigned i = 0; i < 2 * FIELDS_CAP + 1; i++)
		field(message, said, "From", " x@other.example");
	said->from_fields += 2 * FIELDS_CAP + 1;
	said->authors |= 1u << OTHER;
	said->plain = false;
	say(said, FINDING_LIMIT_EXCEEDED);
}

static void add_authors(struct message *message, struct said *said)
{
	unsigned kind = below(40), count = below(8) == 0 ? 2 : below(16) == 0 ? 0 : 1;

	if (kind == 0)
		add_many_authors(message, said);
	if (kind == 1)
		add_too_many_froms(message, said);
	while (count-- > 0)
		add_from(message, said);
	if (said->from_fields == 0) {
		say(said, FINDING_FROM_MISSING);
		said->plain = false;
	}
	if (said->from_fields > 1)
		say(said, FINDING_FROM_MULTIPLE);
}

/* Other fields in front of those that matter: up to the caps, or over one of them. */
static void add_junk(struct message *message, struct said *said)
{
	unsigned count = below(4) == 0 ? FIELDS_CAP - 5 + below(60) : below(10);
	char value[800];

	if (below(30) == 0) {		/* few, but long */
		memset(value, 'x', sizeof(value));
		value[0] = ' ';
		for (unsigned i = 0; i < BYTES_CAP / sizeof(value) + 1; i++)
			message_field(message, "X-Long", value, sizeof(value));
		count = 0;
		say(said, FINDING_LIMIT_EXCEEDED);
		said->plain = false;
	}
	for (unsigned i = 0; i < count; i++)
		field(message, said, "X-Junk", " x");
	if (count > FIELDS_CAP)
		say(said, FINDING_LIMIT_EXCEEDED);
	if (count > FIELDS_CAP - 20)	/* whether it is reached hangs on the rest */
		said->plain = false;
}

static void add_authres(struct message *message, struct said *said)
{
	static const char *const ours[] = {
		" mx.test.example; dmarc=pass", " MX.Test.Example 1; spf=pass", " \"mx.test.example\"; none", " (x)mx.test.example; none",
		"\n mx.test.example; none", " =?utf-8?q?mx=2Etest=2Eexample?=; none", " =?utf-8?b?bXgudGVzdC5leGFtcGxl?=; none",
		" mx..test.example; none", " .mx.test.example; none", " mx.test.example.; none", " \" mx.test.example \"; none",
		" 'mx.test.example'; none", " mx\xef\xbc\x8etest\xef\xbc\x8e" "example; none",
	};
	static const char *const names[] = { "Authentication-Results", "authentication-results", "Authentication-Results " };
	unsigned count = below(3) == 0 ? 1 : 0;

	if (below(100) == 0)		/* more of others' than are kept: the one behind is read by nobody */
		for (unsigned i = 0; i < 2 * FIELDS_CAP; i++) {
			field(message, said, names[below(2)], " relay.example; none");
			count = 1;
			said->plain = false;
		}
	if (count == 0)
		return;
	field(message, said, names[below(3)], ours[below(sizeof(ours) / sizeof(ours[0]))]);
	say(said, FINDING_AUTHRES_FORGED);
}

/* None of them can pass. */
static void add_signatures(struct message *message, struct said *said)
{
	static const char *const values[] = {
		" v=1; a=rsa-sha256; d=victim.example; s=none; h=from; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAA",
		" v=1; a=rsa-sha256; d=other.example; s=s; h=from; b=AAAA", " v=2; d=victim.example", " v=1; a=rsa-sha256; a=rsa-sha256", " ",
	};
	unsigned count = below(3) == 0 ? below(SIGNATURES_CAP + 3) : 0;

	for (unsigned i = 0; i < count; i++)
		field(message, said, below(4) == 0 ? "DKIM-Signature " : "DKIM-Signature", values[below(5)]);
	say(said, count == 0 ? FINDING_DKIM_NONE : FINDING_DKIM_PERMERROR);
	if (count > SIGNATURES_CAP)
		say(said, FINDING_DKIM_TOO_MANY);
}

/* ---- the oracle ------------------------------------------------------------------------------------------------ */

/* What has to be weighed for one author: each that a reader could show is judged, and the message gets the worst. */
static finding_set findings_of(const struct said *said)
{
	finding_set all = said->findings;

	for (unsigned domain = 0; domain < DOMAINS; domain++) {
		if ((said->authors >> domain & 1) != 0 && asked[domain] != FINDING_COUNT && said->spf_passes != (int)domain)
			finding_set_add(&all, asked[domain]);
	}
	return all;
}

static unsigned oracle(const struct config *config, const struct said *said, const struct ip_addr *client)
{
	finding_set findings = findings_of(said);
	unsigned strictest = 0;

	for (unsigned r = 0; r < DOMAINS; r++) {
		for (unsigned a = 0; a < DOMAINS; a++) {
			const struct policy_config *policy;
			unsigned rank;

			/* without an author it may be anybody's */
			if ((said->recipients >> r & 1) == 0 || (said->authors != 0 && (said->authors >> a & 1) == 0))
				continue;
			policy = first_policy(config, domains[r], domains[a], client);
			rank = policy_rank(policy, &findings);
			if (rank > strictest)
				strictest = rank;
		}
	}
	return strictest;
}

/* ---- one message ----------------------------------------------------------------------------------------------- */

static struct message *begin(struct session *session, struct said *said)
{
	static const struct { const char *sender; int passes; bool fails; } envelopes[] = {
		{ "<joe@other.example>", -1, false }, { "<joe@bank.example>", BANK, false }, { "<joe@victim.example>", -1, true },
		{ "<>", -1, false },
	};
	unsigned which = below(4);
	struct message *message;
	char sender[1600];

	snprintf(sender, sizeof(sender), "%s", envelopes[which].sender);
	if (which == 2 && below(8) == 0) {	/* longer than SPF's macros can be */
		memset(sender, 'j', 1200);
		sender[0] = '<';
		strcpy(sender + 1200, "@victim.example>");
	}
	message = message_new(session, sender, NULL);
	said->spf_passes = envelopes[which].passes;
	if (envelopes[which].fails)
		say(said, FINDING_SPF_FAIL);
	return message;
}

static void write_header(struct message *message, struct said *said)
{
	void (*const parts[])(struct message *, struct said *) = { add_junk, add_authres, add_signatures, add_authors };
	unsigned first = below(4);

	for (unsigned i = 0; i < 4; i++)
		parts[(first + i) % 4](message, said);
	if (below(50) == 0) {
		message_field(message, "X-Odd", " a\0b", 4);
		say(said, FINDING_MESSAGE_MALFORMED);
	}
}

struct tally { unsigned messages, plain, acted, caps; };

static void tell_findings(const char *head, finding_set findings)
{
	print_error("%s:", head);
	FINDING_SET_EACH(&findings, id)
		print_error(" %s", findings_table[id].name);
	print_error("\n");
}

static void tell(const struct said *said, struct message *message, const struct decision *decision, unsigned got, unsigned wanted)
{
	const struct facts *facts = message_facts(message);

	for (size_t i = 0, shown = 0; i < facts->field_count && shown < 8; i++) {
		if (facts->fields[i].name[0] == 'X')
			continue;
		print_error("%s:%s\n", facts->fields[i].name, facts->fields[i].value);
		shown++;
	}
	tell_findings("has to be weighed", findings_of(said));
	tell_findings("was found", message_results(message)->set);
	fail_msg("policy %s: %s, rank %u, but it has to be %u; authors %x, recipients %x%s", decision->policy,
	    action_name(decision->action), got, wanted, said->authors, said->recipients, said->plain ? ", plain" : "");
}

static void judge_one(struct session *session, const struct config *config, struct tally *tally)
{
	struct said said = { .plain = true, .spf_passes = -1 };
	struct message *message = begin(session, &said);
	const struct decision *decision;
	unsigned wanted, got;

	said.recipients = add_recipients(message, &said.plain);
	if (said.recipients != 0) {
		write_header(message, &said);
		decision = &message_judge(message)->decision;
		wanted = oracle(config, &said, &session_connection(session)->client);
		got = decision_rank(decision);
		if (got < wanted || (said.plain && got > wanted))
			tell(&said, message, decision, got, wanted);
		tally->messages++;
		tally->plain += said.plain;
		tally->acted += decision->action != ACTION_NONE;
		tally->caps += finding_set_has(&said.findings, FINDING_LIMIT_EXCEEDED);
	}
	message_free(&message);
}

static struct engine *make_engine(const char *zone_path)
{
	char settings[512];

	snprintf(settings, sizeof(settings), "authserv-id = \"mx.test.example\"\n"
	    "limits { max-recipients = %d max-header-fields = %d max-header-size = %d } dkim { max-signatures = %d }\n"
	    "dns { zone-file = \"%s\" dnssec = off } iprev { enabled = no } adsp { enabled = no } spf { check-helo = no }\n",
	    RECIPIENTS_CAP, FIELDS_CAP, BYTES_CAP, SIGNATURES_CAP, zone_path);
	return random_engine(settings, weighed, sizeof(weighed) / sizeof(weighed[0]));
}

static void test_message_judge_is_never_weaker_than_the_strictest(void **state)
{
	const char *rounds_text = getenv("ASSAY_ROUNDS");
	unsigned rounds = rounds_text != NULL ? (unsigned)strtoul(rounds_text, NULL, 10) : ROUNDS;
	char zone_path[FIXTURE_PATH_BYTES];
	struct tally tally = { .messages = 0 };

	(void)state;
	text_file(zone_path, zone_text);
	srand(7411);
	for (unsigned round = 0; round < rounds; round++) {
		struct engine *engine = make_engine(zone_path);
		struct session *session = session_new(engine);

		assert_int_equal(addr_parse("192.0.2.1", &session_connection(session)->client), 0);
		session_connection(session)->helo = "mail.other.example";
		for (unsigned i = 0; i < MESSAGES; i++)
			judge_one(session, engine_config(engine), &tally);
		session_free(&session);
		engine_unref(&engine);
	}
	unlink(zone_path);
	print_message("%u decisions, %u of plain messages, %u with an action, %u past a cap\n", tally.messages, tally.plain, tally.acted,
	    tally.caps);
	/* else it would show nothing */
	assert_true(tally.plain > tally.messages / 10 && tally.plain < tally.messages && tally.acted > tally.messages / 4 &&
	    tally.caps > tally.messages / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_judge_is_never_weaker_than_the_strictest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
