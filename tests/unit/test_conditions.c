/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions of policies: what each holds for, and generated policies against an oracle that has the manual's rules written anew. The
 * oracle knows no "unknown": it tries all that a value could be, and all that it comes to has to be marked; where everything is known
 * just that. ASSAY_ROUNDS: how many configurations; each judges MESSAGES messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "message/recipient.h"
#include "policy/match.h"
#include "policy/policy.h"
#include "text_fixture.h"
#include "util/arena.h"
#include "util/buf.h"

enum { ROUNDS = 400, MESSAGES = 40, POLICIES_FEW = 5, POLICIES_MANY = 40, VALUES_MAX = 2 };

/* What a message is in one reading of it. NULL: there is none. */
struct reading {
	const char *user, *whose;	/* as written, and whose mailbox that is */
	const char *domain, *author, *sender, *name, *listener;
	bool authenticated, near;	/* near: the client is in 192.0.2.0/24 */
};

/* ---- one by one -------------------------------------------------------------------------------------------------- */

/* The first policy under each of some readings, by its name; "p?" where it may be. */
static const char *marks_of(const struct config *config, const struct evidence *evidence, struct arena *arena)
{
	const struct policy_set set = policy_set_of(config);
	unsigned char *marks = arena_alloc(arena, set.count);
	const char *names = "";

	policy_select(&set, evidence, marks);
	for (size_t i = 0; i < set.count; i++) {
		if (marks[i] != POLICY_OUT)
			names = arena_printf(arena, "%s%s%s", names, names[0] != '\0' ? " " : "", set.policies[i].name);
	}
	return names;
}

struct row { const char *settings, *recipient; struct evidence evidence; const char *marks; };

static void check_recipients(const struct row *rows, size_t count)
{
	struct arena *arena = arena_new();

	for (size_t i = 0; i < count; i++) {
		const struct config *config = text_config(rows[i].settings);
		struct evidence evidence = rows[i].evidence;
		struct recipient_place place = recipient_find_place(arena, rows[i].recipient, NULL);
		const char *marks;

		evidence.stage = FINDING_STAGE_MESSAGE;
		evidence.recipients = &place;
		evidence.recipient_count = 1;
		evidence.authors_unknown = true;
		marks = marks_of(config, &evidence, arena);
		if (strcmp(marks, rows[i].marks) != 0)
			fail_msg("%s with %s: %s instead of %s", rows[i].settings, rows[i].recipient, marks, rows[i].marks);
		config_unref(&config);
	}
	arena_free(&arena);
}

#define RECIPIENTS "policy p { recipients = { \"Ann@A.example\", \"bob@.b.example\", \"abuse@\", \"x+y@a.example\" } }"
#define LOCAL "local-domains = { a.example, l.example }\n"

static void test_match_recipients(void **state)
{
	static const struct row rows[] = {
		{ RECIPIENTS, "ann@a.example", { 0 }, "p" }, { RECIPIENTS, "ANN@a.Example", { 0 }, "p" }, { RECIPIENTS, "\"ann\"@a.example", { 0 }, "p" },
		{ RECIPIENTS, "\"an\\n\"@a.example", { 0 }, "p" }, { RECIPIENTS, "ann@x.a.example", { 0 }, "default" },
		{ RECIPIENTS, "bob@b.example", { 0 }, "p" }, { RECIPIENTS, "bob@x.y.b.example", { 0 }, "p" },
		{ RECIPIENTS, "bob@bb.example", { 0 }, "default" }, { RECIPIENTS, "eve@a.example", { 0 }, "default" },
		{ RECIPIENTS, "b.bob@b.example", { 0 }, "default" }, { RECIPIENTS, "abuse@any.example", { 0 }, "p" },
		{ RECIPIENTS, "abuse", { 0 }, "p" },
		/* an extension may be one or not */
		{ RECIPIENTS, "ann+list@a.example", { 0 }, "p default" }, { RECIPIENTS, "x+y@a.example", { 0 }, "p" },
		{ RECIPIENTS, "x@a.example", { 0 }, "default" }, { RECIPIENTS, "+ann@a.example", { 0 }, "default" },
		{ "recipient-delimiters = \"\"\n" RECIPIENTS, "ann+list@a.example", { 0 }, "default" },
		{ "recipient-delimiters = \"-+\"\n" RECIPIENTS, "ann-list@a.example", { 0 }, "p default" },
		/* nobody can tell who that is: he may be anybody */
		{ RECIPIENTS, "ann%a.example@mx.example", { 0 }, "p default" }, { RECIPIENTS, "\"a\"nn@a.example", { 0 }, "p default" },
		{ RECIPIENTS, "\"z.bob@b.example\"@c.example", { 0 }, "p default" }, { RECIPIENTS, "ann@", { 0 }, "p default" },
		/* the same mailbox in all local domains */
		{ LOCAL RECIPIENTS, "ann@l.example", { 0 }, "p default" }, { LOCAL RECIPIENTS, "ann", { 0 }, "p default" },
		{ LOCAL RECIPIENTS, "ann@other.example", { 0 }, "default" }, { LOCAL RECIPIENTS, "eve@l.example", { 0 }, "default" },
		{ LOCAL "policy p { recipients = ann@elsewhere.example }", "ann@l.example", { 0 }, "default" },
		{ RECIPIENTS, "ann", { 0 }, "p default" }, { RECIPIENTS, "eve", { 0 }, "default" },
	};

	(void)state;
	check_recipients(rows, sizeof(rows) / sizeof(rows[0]));
}

#define SENDERS "policy p { envelope-domains = { \"<>\", .a.example } }"
#define NAMES "policy p { client-names = { mx.a.example, .b.example } }"
#define LISTENERS "policy p { listeners = { mx, \"port 25\" } }"

static void test_match_session(void **state)
{
	static const struct row rows[] = {
		{ SENDERS, "x@y.example", { .null_sender = true }, "p" }, { SENDERS, "x@y.example", { .envelope_domain = "x.a.example" }, "p" },
		{ SENDERS, "x@y.example", { .envelope_domain = "c.example" }, "default" }, { SENDERS, "x@y.example", { 0 }, "p default" },
		{ "policy p { envelope-domains = a.example }", "x@y.example", { .null_sender = true }, "default" },
		{ NAMES, "x@y.example", { .client_name = "mx.a.example" }, "p" }, { NAMES, "x@y.example", { .client_name = "b.example" }, "p" },
		{ NAMES, "x@y.example", { .client_name = "my.a.example" }, "default" }, { NAMES, "x@y.example", { 0 }, "default" },
		{ NAMES, "x@y.example", { .client_name_unknown = true }, "p default" },
		{ LISTENERS, "x@y.example", { .listener = "port 25" }, "p" }, { LISTENERS, "x@y.example", { .listener = "MX" }, "default" },
		{ LISTENERS, "x@y.example", { 0 }, "p default" },
		{ "policy p { authenticated = yes }", "x@y.example", { .authenticated = true }, "p" },
		{ "policy p { authenticated = yes }", "x@y.example", { 0 }, "default" },
		{ "policy p { authenticated = no }", "x@y.example", { .authenticated = true }, "default" },
		{ "policy p { authenticated = no }", "x@y.example", { 0 }, "p" },
		/* all have to hold */
		{ "policy p { authenticated = no listeners = mx recipients = ann@a.example }", "ann@a.example", { .listener = "mx" }, "p" },
		{ "policy p { authenticated = no listeners = mx recipients = ann@a.example }", "ann@a.example", { .listener = "my" }, "default" },
		{ "policy p { authenticated = no listeners = mx recipients = ann@a.example }", "ann@a.example", { 0 }, "p default" },
	};

	(void)state;
	check_recipients(rows, sizeof(rows) / sizeof(rows[0]));
}

/* What the record keeps of a name decides what it can; the rest hangs on the host. */
static void test_match_client_name_of_a_record(void **state)
{
	static const struct { const char *kept; enum match match; } rows[] = {
		{ "b.example", MATCH_YES }, { "x.b.example", MATCH_YES }, { "a.example", MATCH_LACKS }, { "mx.a.example", MATCH_NO },
		{ "c.example", MATCH_LACKS }, { "example", MATCH_LACKS }, { "d.example", MATCH_NO },
	};
	const struct config *config = text_config("policy p { client-names = { mx.a.example, .b.example, .x.c.example } }");
	struct evidence evidence = { .lacks = EVIDENCE_LACKS_CLIENT_NAME, .client_name_is_parent = true };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		evidence.client_name = rows[i].kept;
		assert_int_equal(match_policy(&config->policies[0], &(struct match_who){ .evidence = &evidence }), rows[i].match);
	}
	evidence.client_name = NULL;
	assert_int_equal(match_policy(&config->policies[0], &(struct match_who){ .evidence = &evidence }), MATCH_LACKS);
	config_unref(&config);
}

/* ---- the oracle -------------------------------------------------------------------------------------------------- */

static const char *const domains[] = { "a.example", "sub.a.example", "b.example", "c.example", "other.example" };
static const char *const users[] = { "ann", "bob", "eve", "ann+x" };
static const char *const senders[] = { "<>", "a.example", "sub.a.example", "other.example" };
static const char *const names[] = { "mx.b.example", "b.example", "other.example", NULL };
static const char *const listeners[] = { "mx", "submission", "other" };
static const char *const local_domains[] = { "a.example", "b.example" };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A policy as it was written. NULL: not set. */
struct written {
	char recipient_domains[VALUES_MAX][64], recipients[VALUES_MAX][64], authors[VALUES_MAX][64], senders[VALUES_MAX][64];
	char names[VALUES_MAX][64], listeners[VALUES_MAX][64];
	const char *authenticated, *network;
};

static unsigned below(unsigned count)
{
	return (unsigned)rand() % count;
}

static void write_pattern(char *out, const char *const *from, size_t count)
{
	const char *name = from[below((unsigned)count)];

	while (name == NULL)
		name = from[below((unsigned)count)];
	snprintf(out, 64, "%s%s", strchr(name, '.') != NULL && below(3) == 0 ? "." : "", name);
}

static void write_address(char *out, const char *const *from, size_t count)
{
	snprintf(out, 64, "%s@%s%s", users[below(COUNT(users))], below(4) == 0 ? "." : "", from[below((unsigned)count)]);
	if (below(5) == 0)
		*(strchr(out, '@') + 1) = '\0';
}

typedef void write_value(char *out, const char *const *from, size_t count);

static void write_list(struct buf *text, const char *option, char values[VALUES_MAX][64], write_value *write, const char *const *from,
    size_t count)
{
	if (below(3) != 0)
		return;
	for (int i = 0; i < VALUES_MAX; i++)
		write(values[i], from, count);
	buf_printf(text, " %s = { \"%s\", \"%s\" }", option, values[0], values[1]);
}

static void write_policy(struct buf *text, struct written *written)
{
	*written = (struct written){ .network = below(4) == 0 ? "192.0.2.0/24" : NULL };
	if (below(4) == 0)
		written->authenticated = below(2) == 0 ? "yes" : "no";
	write_list(text, "recipient-domains", written->recipient_domains, write_pattern, domains, 4);
	write_list(text, "recipients", written->recipients, write_address, domains, 4);
	write_list(text, "author-domains", written->authors, write_pattern, domains, 4);
	write_list(text, "envelope-domains", written->senders, write_pattern, senders, 3);
	write_list(text, "client-names", written->names, write_pattern, names, 2);
	write_list(text, "listeners", written->listeners, write_pattern, listeners, 2);
	if (written->network != NULL)
		buf_printf(text, " client-networks = %s", written->network);
	if (written->authenticated != NULL)
		buf_printf(text, " authenticated = %s", written->authenticated);
}

static bool pattern_holds(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	if (name == NULL)
		return false;
	if (pattern[0] != '.')
		return strcmp(pattern, name) == 0;
	return strcmp(pattern + 1, name) == 0 || (strlen(name) > length && strcmp(name + strlen(name) - length, pattern) == 0);
}

static bool list_holds(char values[VALUES_MAX][64], const char *name)
{
	return values[0][0] == '\0' || pattern_holds(values[0], name) || pattern_holds(values[1], name);
}

static bool is_user(const char *entry, size_t length, const char *user)
{
	return strlen(user) == length && strncmp(user, entry, length) == 0;
}

static bool addresses_hold(char values[VALUES_MAX][64], const struct reading *reading)
{
	for (int i = 0; i < VALUES_MAX; i++) {
		const char *at = strchr(values[i], '@');

		if (at == NULL)
			return true;
		if ((is_user(values[i], (size_t)(at - values[i]), reading->user) || is_user(values[i], (size_t)(at - values[i]), reading->whose)) &&
		    (at[1] == '\0' || pattern_holds(at + 1, reading->domain)))
			return true;
	}
	return false;
}

static bool policy_holds(struct written *written, const struct reading *reading)
{
	return list_holds(written->recipient_domains, reading->domain) && addresses_hold(written->recipients, reading) &&
	    list_holds(written->authors, reading->author) && list_holds(written->senders, reading->sender) &&
	    list_holds(written->names, reading->name) && list_holds(written->listeners, reading->listener) &&
	    (written->network == NULL || reading->near) &&
	    (written->authenticated == NULL || (strcmp(written->authenticated, "yes") == 0) == reading->authenticated);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/* What is said of a message: an index, or count for "not known". */
struct said { size_t user, domain, author, sender, name, listener, near; bool authenticated, local, exact; };

static size_t say(size_t count, unsigned unknown)
{
	return below(unknown) == 0 ? count : below((unsigned)count);
}

static bool is_local(const char *domain)
{
	return strcmp(domain, local_domains[0]) == 0 || strcmp(domain, local_domains[1]) == 0;
}

static void make_message(struct said *said, bool locals, struct evidence *evidence, struct recipient_place *place,
    struct evidence_author *author)
{
	unsigned unknown = below(2) == 0 ? 1000000 : 6;

	*said = (struct said){ say(COUNT(users), unknown), say(COUNT(domains), unknown), say(COUNT(domains), unknown),
		say(COUNT(senders), unknown), say(COUNT(names), unknown), say(COUNT(listeners), unknown), say(2, unknown), below(2) == 0, false, true };
	if (said->domain == COUNT(domains))
		said->user = COUNT(users);	/* whose domain cannot be told has no mailbox either */
	said->local = locals && said->domain != COUNT(domains) && is_local(domains[said->domain]);
	said->exact = unknown == 1000000 && !said->local && said->user != 3;
	*place = (struct recipient_place){ .where = said->domain == COUNT(domains) ? RECIPIENT_UNKNOWN : RECIPIENT_AT_DOMAIN,
		.domain = said->domain == COUNT(domains) ? NULL : domains[said->domain],
		.mailbox = said->user == COUNT(users) ? NULL : users[said->user] };
	*author = (struct evidence_author){ .domain = said->author == COUNT(domains) ? NULL : domains[said->author] };
	*evidence = (struct evidence){ .stage = FINDING_STAGE_MESSAGE, .recipients = place, .recipient_count = 1, .authors = author,
		.author_count = author->domain != NULL, .authors_unknown = author->domain == NULL, .authenticated = said->authenticated,
		.listener = said->listener == COUNT(listeners) ? NULL : listeners[said->listener],
		.client_name = said->name == COUNT(names) ? NULL : names[said->name], .client_name_unknown = said->name == COUNT(names),
		.null_sender = said->sender == 0,
		.envelope_domain = said->sender == COUNT(senders) || said->sender == 0 ? NULL : senders[said->sender],
		.client = { .addr.family = AF_UNSPEC } };
	if (said->near != 2)
		assert_int_equal(network_parse(said->near == 0 ? "198.51.100.7" : "192.0.2.7", &evidence->client), 0);
}

/* All that a value could be: itself, or each. */
#define EACH(i, said, count) for (size_t i = (said) == (count) ? 0 : (said); i < ((said) == (count) ? (count) : (said) + 1); i++)

struct oracle { struct written *policies; size_t count; bool *found; };

static void first_of(struct oracle *oracle, const struct reading *reading)
{
	size_t i = 0;

	while (i < oracle->count && !policy_holds(&oracle->policies[i], reading))
		i++;
	oracle->found[i] = true;
}

/* The mailbox of ann+x may be ann's, and one of a local domain is that in the others. */
static void each_recipient(struct oracle *oracle, const struct said *said, struct reading reading)
{
	EACH(user, said->user, COUNT(users)) {
		EACH(domain, said->domain, COUNT(domains)) {
			for (size_t l = 0; l < (said->local ? COUNT(local_domains) : 1); l++) {
				reading.domain = said->local ? local_domains[l] : domains[domain];
				reading.user = reading.whose = users[user];
				first_of(oracle, &reading);
				reading.whose = "ann";
				if (strcmp(users[user], "ann+x") == 0)
					first_of(oracle, &reading);
			}
		}
	}
}

static void each_reading(struct oracle *oracle, const struct said *said)
{
	struct reading reading = { .authenticated = said->authenticated };

	EACH(author, said->author, COUNT(domains)) EACH(sender, said->sender, COUNT(senders)) EACH(name, said->name, COUNT(names))
	EACH(listener, said->listener, COUNT(listeners)) EACH(near, said->near, 2) {
		reading.author = domains[author];
		reading.sender = senders[sender];
		reading.name = names[name];
		reading.listener = listeners[listener];
		reading.near = near == 1;
		each_recipient(oracle, said, reading);
	}
}

static void check_message(const struct config *config, struct written *policies, size_t count, bool locals, unsigned *exact)
{
	const struct policy_set set = policy_set_of(config);
	unsigned char marks[POLICIES_MANY + 1];
	bool found[POLICIES_MANY + 1] = { false };
	struct oracle oracle = { policies, count, found };
	struct recipient_place place;
	struct evidence_author author;
	struct evidence evidence;
	struct said said;

	make_message(&said, locals, &evidence, &place, &author);
	each_reading(&oracle, &said);
	policy_select(&set, &evidence, marks);
	for (size_t i = 0; i < set.count; i++) {
		if ((found[i] && marks[i] == POLICY_OUT) || (said.exact && !found[i] && marks[i] != POLICY_OUT)) {
			config_print(config, stderr);
			fail_msg("policy %zu marked %u, but %s: %s@%s", i, marks[i], found[i] ? "it could apply" : "it does not apply",
			    place.mailbox, place.domain);
		}
	}
	*exact += said.exact;
}

static void test_policy_select_never_misses_what_could_apply(void **state)
{
	const char *rounds_text = getenv("ASSAY_ROUNDS");
	unsigned rounds = rounds_text != NULL ? (unsigned)strtoul(rounds_text, NULL, 10) : ROUNDS, exact = 0;
	struct arena *arena = arena_new();

	(void)state;
	srand(77);
	for (unsigned round = 0; round < rounds; round++) {
		struct written policies[POLICIES_MANY];
		unsigned wanted = below(4) == 0 ? POLICIES_MANY : 1 + below(POLICIES_FEW);
		bool locals = below(2) == 0;
		struct buf text = buf_make(arena);
		size_t count = 0;
		const struct config *config;

		if (locals)
			buf_printf(&text, "local-domains = { %s, %s }\n", local_domains[0], local_domains[1]);
		while (count < wanted) {
			struct buf conditions = buf_make(arena);

			write_policy(&conditions, &policies[count]);
			if (conditions.length == 0)
				continue;
			buf_printf(&text, "policy p%zu {%s }\n", count++, conditions.data);
		}
		config = text_config(text.data);
		assert_int_equal(config->policy_count, count + 1);
		assert_true((config->policy_index != NULL) == (count == POLICIES_MANY));
		for (unsigned i = 0; i < MESSAGES; i++)
			check_message(config, policies, count, locals, &exact);
		config_unref(&config);
		arena_reset(arena);
	}
	print_message("%u messages, %u of them known in all\n", rounds * MESSAGES, exact);
	assert_true(exact > rounds * MESSAGES / 10);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match_recipients),
		cmocka_unit_test(test_match_session),
		cmocka_unit_test(test_match_client_name_of_a_record),
		cmocka_unit_test(test_policy_select_never_misses_what_could_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
