/* SPDX-License-Identifier: BSD-2-Clause */
/* See evidence_random.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/schema.h"
#include "evidence_random.h"
#include "util/arena.h"
#include "util/buf.h"

enum { POLICIES_MAX = 5, NAMES = 16 };
static const int64_t FLAG_DAY_SECS = 1798761600;	/* 2027-01-01 */

/* Policies name the first six; so do most messages. */
static const char *const names[NAMES] = {
	"a.example", "sub.a.example", "b.example", "c.example", "x.c.example", "d.example", "e.example", "f.example", "g.example",
	"h.example", "i.example", "j.example", "k.example", "l.example", "xn--m-1ga.example", "_n.example",
};
static const char *const common_names[] = { "mx.a.example", "b.example", "Odd, name=%?:\xc3\xa4", "a.example", "" };
static const char *const issuers[] = { "Test CA", "Other CA", "CA & Sons, 1:2" };
static const char *const clients[] = { "192.0.2.0", "192.0.2.7", "192.0.2.64", "192.0.2.255", "198.51.100.9", "2001:db8:1:2::5",
	"2001:db8:1:2:ffff::", "2001:db8:9::1" };
static const char *const networks[] = { "192.0.2.0/24", "192.0.2.0/26", "192.0.2.7/32", "192.0.2.128/25", "192.0.0.0/16",
	"198.51.100.0/24", "2001:db8::/32", "2001:db8:1:2::/65", "2001:db8:1:2::5/128", "0.0.0.0/0" };

static const char *const client_names[] = { "mail.b.example", "b.example", "mx.b.example", "mx.c.example", "x.mail.b.example" };
/* of recipients, and in policies */
static const char *const mailboxes[] = { "ann", "bob", "ann+x", "bob+ann", "eve" };
static const char *const listeners[] = { "smtp odd=1", "mx", "submission" };

unsigned random_below(unsigned count)
{
	return (unsigned)rand() % count;
}

static bool one_in(unsigned count)
{
	return random_below(count) == 0;
}

#define PICK(array) ((array)[random_below(sizeof(array) / sizeof((array)[0]))])

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static const char *random_name(struct arena *arena, bool wide)
{
	char label[61];

	if (!wide || one_in(2))
		return names[random_below(one_in(3) ? NAMES : 6)];
	memset(label, 'a' + (int)random_below(26), sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	return one_in(2) ? names[random_below(NAMES)] : arena_printf(arena, "%s.%s.%s.a.example", label, label, label);
}

static enum dns_security random_security(void)
{
	return one_in(2) ? DNS_SECURE : (enum dns_security)random_below(4);
}

static struct recipient_place random_place(struct arena *arena, bool wide)
{
	struct recipient_place place = { .where = RECIPIENT_AT_DOMAIN, .domain = random_name(arena, wide) };

	if (one_in(12))
		place = (struct recipient_place){ .where = RECIPIENT_UNKNOWN };
	else if (one_in(6))
		place = (struct recipient_place){ .where = RECIPIENT_LOCAL, .domain = one_in(2) ? place.domain : NULL };
	if (place.where != RECIPIENT_UNKNOWN && !one_in(10))
		place.mailbox = PICK(mailboxes);
	return place;
}

static void add_findings(struct model *model)
{
	struct results *results = &model->results;

	for (unsigned i = random_below(6); i > 0; i--) {
		enum finding_id id = (enum finding_id)random_below(FINDING_COUNT);

		results->findings[results->finding_count++] = (struct finding){ .id = id, .domain = one_in(3) ? NULL : PICK(names),
			.dnssec = random_security() };
		finding_set_add(&results->set, id);
	}
}

/* Some overrides of which policies may know, and one that no section makes. */
static const char *const overrides[] = { OVERRIDE_ARC, "o1", "o2", "gone" };
enum { OVERRIDES = sizeof(overrides) / sizeof(overrides[0]) };

/* As the DMARC check raises them: what an override that holds waives is not among the findings. */
static void add_waivable(struct model *model, struct arena *arena)
{
	static const enum finding_id ids[] = { FINDING_DMARC_FAIL, FINDING_DMARC_QUARANTINE, FINDING_DMARC_REJECT,
		FINDING_DMARC_REJECT_CORROBORATED };
	struct results *results = &model->results;

	for (unsigned i = one_in(2) ? 0 : random_below(4); i > 0; i--) {
		struct dmarc_override *list = arena_calloc(arena, OVERRIDES, sizeof(*list));
		struct waivable waivable = { .finding = { .id = PICK(ids), .domain = PICK(names), .dnssec = random_security() },
			.overrides = list };
		bool held = false;

		for (size_t j = 0; j < OVERRIDES; j++)
			if (one_in(2))
				list[waivable.override_count++] = (struct dmarc_override){ .name = overrides[j], .unknown = one_in(3),
					.dnssec = random_security() };
		for (size_t j = 0; j < waivable.override_count; j++)
			held = held || !list[j].unknown;
		if (waivable.override_count == 0)
			continue;
		if (held)
			results_raise(results, FINDING_DMARC_OVERRIDDEN, waivable.finding.domain, NULL, DNS_SECURE);
		else if (one_in(2))
			results_raise(results, waivable.finding.id, waivable.finding.domain, NULL, waivable.finding.dnssec);
		results_waive(results, &waivable);
	}
}

static void add_authors(struct model *model, struct arena *arena, bool wide)
{
	struct author *author = &model->author;
	unsigned count = one_in(4) ? random_below(wide ? AUTHOR_MAX_DOMAINS + 1 : 4) : 1;

	author->status = one_in(8) ? AUTHOR_INVALID : count == 1 ? AUTHOR_OK : AUTHOR_MULTIPLE;
	author->domains_truncated = one_in(30);
	model->facts.fields_truncated = one_in(30);
	while (author->domain_count < count) {
		const char *name = random_name(arena, wide);

		author->domains[author->domain_count] = name;
		for (size_t i = 0; i < author->domain_count; i++)
			if (strcmp(author->domains[i], name) == 0)
				author->domains[author->domain_count] = arena_printf(arena, "o%zu.example", author->domain_count);
		author->domain_count++;
	}
	for (size_t i = 0; i < author->domain_count; i++)
		model->dmarc[i] = (struct dmarc_result){ .result = one_in(2) ? RESULT_PASS : (enum result)random_below(RESULT_COUNT),
			.domain = author->domains[i], .dnssec = random_security() };
	model->results.dmarc_authors = model->dmarc;
	model->results.dmarc_author_count = one_in(8) ? 0 : author->domain_count;
}

static void add_signatures(struct model *model, struct arena *arena, bool wide)
{
	struct results *results = &model->results;

	results->dkim_count = random_below(wide && one_in(2) ? MODEL_SIGNATURES + 1 : 4);
	results->dkim = model->dkim;
	for (size_t i = 0; i < results->dkim_count; i++)
		model->dkim[i] = (struct dkim_result){ .result = one_in(4) ? (enum result)random_below(RESULT_COUNT) : RESULT_PASS,
			.domain = one_in(20) ? NULL : random_name(arena, wide), .dnssec = random_security(),
			.added_field = one_in(5) ? "Subject" : NULL };
}

static void add_tls(struct model *model)
{
	static const char *const matches[] = { NULL, "client-name", "helo", "author-domain", "tlsa" };
	struct tls_result *tls = &model->results.tls;

	tls->not_required = one_in(4);
	if (one_in(2))
		return;
	tls->cert_status = (enum cert_status)random_below(CERT_VERIFIED + 1);
	tls->cert_subject = PICK(common_names);
	tls->cert_issuer = PICK(issuers);
	tls->cert_match = PICK(matches);
	tls->tlsa = (enum tlsa_status)random_below(TLSA_MATCH + 1);
	tls->tlsa_name = one_in(2) ? "mx.a.example" : "b.example";
}

/* What a run knows at RCPT: no message, no author, no signature; of DNS nobody has counted the failures. */
static void results_at_rcpt(const struct results *all, struct results *known_r)
{
	*known_r = (struct results){ .spf = all->spf, .iprev = all->iprev, .tls = all->tls, .exempt = all->exempt };
	known_r->tls.not_required = false;
	if (all->tls.cert_match != NULL && strcmp(all->tls.cert_match, "author-domain") == 0)
		known_r->tls.cert_match = NULL;
	for (size_t i = 0; i < all->finding_count; i++) {
		if (findings_table[all->findings[i].id].stage == FINDING_STAGE_ENVELOPE)
			known_r->findings[known_r->finding_count++] = all->findings[i];
	}
}

const char *random_policy_name(void)
{
	static const char *const policies[] = { "p1", "p2", "p3", "p4", "p5", "default", "default" };

	return PICK(policies);
}

/* Around a flag day; brakes come on and are lifted at whole hours. */
static void add_time(struct model *model)
{
	enum { HOUR_SECS = 3600, HOURS = 60 };

	model->facts.time_secs = FLAG_DAY_SECS + (int64_t)random_below(HOURS * HOUR_SECS);
	model->brakes = (struct brakes){ .items = model->brake, .count = one_in(2) ? MODEL_BRAKES : 0, .unknown = one_in(20) };
	for (size_t i = 0; i < model->brakes.count; i++) {
		int64_t since_secs = FLAG_DAY_SECS + (int64_t)random_below(one_in(2) ? 2 : HOURS) * HOUR_SECS;

		model->brake[i] = (struct brake){ .policy = random_policy_name(), .since_secs = since_secs,
			.finding = model->results.finding_count == 0 ? FINDING_SPF_FAIL :
			    model->results.findings[random_below((unsigned)model->results.finding_count)].id,
			.until_secs = one_in(3) ? since_secs + (int64_t)(1 + random_below(HOURS)) * HOUR_SECS : 0 };
	}
}

void model_random(struct model *model, struct arena *arena, bool wide)
{
	*model = (struct model){ .place_count = 1 + random_below(one_in(2) ? 1 : wide ? MODEL_RECIPIENTS : 5) };
	model->facts.connection = &model->connection;
	model->facts.mail_from_domain = one_in(5) ? NULL : random_name(arena, wide);
	model->facts.mail_from = model->facts.mail_from_domain != NULL || one_in(3) ? "joe@a.example" : "";
	model->connection.daemon_name = one_in(6) ? NULL : PICK(listeners);
	if (!one_in(12))
		assert_int_equal(addr_parse(PICK(clients), &model->connection.client), 0);
	model->connection.auth.mechanism = one_in(8) ? "PLAIN" : NULL;
	model->results.exempt = one_in(10);
	model->results.dns_failures = one_in(4) ? 1u << DNS_FAILURE_PRESSURE : 0;
	model->results.spf = (struct spf_result){ .result = one_in(2) ? RESULT_PASS : (enum result)random_below(RESULT_COUNT),
		.domain = one_in(8) ? NULL : random_name(arena, wide), .dnssec = random_security() };
	model->results.iprev.name = one_in(2) ? PICK(client_names) : NULL;
	model->results.iprev.result = model->results.iprev.name != NULL ? RESULT_PASS : (enum result)random_below(RESULT_COUNT);
	if (model->results.iprev.name == NULL && model->results.iprev.result == RESULT_PASS)
		model->results.iprev.result = RESULT_FAIL;
	for (size_t i = 0; i < model->place_count; i++)
		model->places[i] = random_place(arena, wide);
	model->hidden_count = wide && one_in(6) ? 1 + random_below(MODEL_HIDDEN) : 0;
	for (size_t i = 0; i < model->hidden_count; i++)
		model->hidden[i] = random_place(arena, false);
	add_findings(model);
	add_time(model);
	add_waivable(model, arena);
	add_authors(model, arena, wide);
	add_signatures(model, arena, wide);
	add_tls(model);
	results_at_rcpt(&model->results, &model->at_rcpt);
}

static void shuffle(void *items, size_t count, size_t bytes)
{
	char spare[512], *base = items;

	assert_true(bytes <= sizeof(spare));
	for (size_t i = count; i > 1; i--) {
		size_t j = random_below((unsigned)i);

		memcpy(spare, base + (i - 1) * bytes, bytes);
		memcpy(base + (i - 1) * bytes, base + j * bytes, bytes);
		memcpy(base + j * bytes, spare, bytes);
	}
}

void model_shuffle(struct model *model)
{
	shuffle(model->places, model->place_count, sizeof(model->places[0]));
	shuffle(model->results.findings, model->results.finding_count, sizeof(model->results.findings[0]));
	shuffle(model->results.waivable, model->results.waivable_count, sizeof(model->results.waivable[0]));
	shuffle(model->dkim, model->results.dkim_count, sizeof(model->dkim[0]));
}

/* ---- configurations ---------------------------------------------------------------------------------------------- */

static void put_patterns(struct buf *text)
{
	buf_printf(text, "{ \"%s%s\", \"%s%s\" }", one_in(3) ? "." : "", names[random_below(6)], one_in(3) ? "." : "",
	    names[random_below(6)]);
}

static void put_networks(struct buf *text)
{
	buf_printf(text, "{ \"%s\", \"%s\" }", PICK(networks), PICK(networks));
}

static void put_mailbox(struct buf *text)
{
	buf_printf(text, "%s@%s%s", PICK(mailboxes), one_in(5) ? "" : one_in(3) ? "." : "", names[random_below(6)]);
}

static void put_addresses(struct buf *text)
{
	buf_puts(text, "{ \"");
	put_mailbox(text);
	buf_puts(text, "\", \"");
	if (one_in(4))
		buf_printf(text, "%s@", PICK(mailboxes));
	else
		put_mailbox(text);
	buf_puts(text, "\" }");
}

static void put_senders(struct buf *text)
{
	buf_printf(text, "{ \"%s\", \"%s%s\" }", one_in(4) ? "<>" : names[random_below(6)], one_in(3) ? "." : "", names[random_below(6)]);
}

static void put_client_names(struct buf *text)
{
	static const char *const patterns[] = { "mail.b.example", ".b.example", "b.example", ".mail.b.example", "mx.c.example", "c.example" };

	buf_printf(text, "{ \"%s\", \"%s\" }", PICK(patterns), PICK(patterns));
}

static void put_listeners(struct buf *text)
{
	buf_printf(text, "\"%s\"", PICK(listeners));
}

static void put_authenticated(struct buf *text)
{
	buf_puts(text, one_in(2) ? "yes" : "no");
}

static void put_issuers(struct buf *text)
{
	buf_printf(text, "\"%s\"", PICK(issuers));
}

static void put_yes_no(struct buf *text)
{
	buf_puts(text, one_in(2) ? "yes" : "no");
}

static void put_mode(struct buf *text)
{
	buf_puts(text, one_in(3) ? "dry-run" : "enforce");
}

static void put_outage(struct buf *text)
{
	static const char *const words[] = { "accept", "defer-pressed", "defer" };

	buf_puts(text, PICK(words));
}

static void put_wanted(struct buf *text)
{
	buf_puts(text, one_in(3) ? "0" : "5");
}

static void put_percent(struct buf *text)
{
	buf_printf(text, "%u", random_below(101));
}

static void put_window(struct buf *text)
{
	buf_puts(text, "12h");
}

static void put_overrides(struct buf *text)
{
	static const char *const words[] = { "all", "none", "arc", "{ \"o1\", \"arc\" }", "o2", "{}" };

	buf_puts(text, PICK(words));
}

/* Each option that a policy has, and how often it is set: one time in so many. */
static const struct generator { const char *name; unsigned often; void (*put)(struct buf *); } generators[] = {
	{ "recipient-domains", 2, put_patterns }, { "author-domains", 3, put_patterns }, { "client-networks", 4, put_networks },
	{ "recipients", 6, put_addresses }, { "envelope-domains", 6, put_senders }, { "client-names", 6, put_client_names },
	{ "listeners", 6, put_listeners }, { "authenticated", 6, put_authenticated },
	{ "mode", 2, put_mode }, { "dns-outage", 3, put_outage }, { "reject-only-secure", 3, put_yes_no },
	{ "require-secure-domains", 3, put_patterns }, { "require-cert", 3, put_yes_no }, { "require-cert-names", 3, put_patterns },
	{ "require-cert-issuers", 5, put_issuers }, { "brake-wanted", 2, put_wanted }, { "brake-percent", 4, put_percent },
	{ "brake-window", 5, put_window }, { "overrides", 2, put_overrides },
};

static const struct generator *find_generator(const char *name)
{
	for (size_t i = 0; i < sizeof(generators) / sizeof(generators[0]); i++)
		if (strcmp(generators[i].name, name) == 0)
			return &generators[i];
	fail_msg("no generator for the policy option %s", name);
	return NULL;
}

static void put_actions(struct buf *text, const char *section, bool in_policy)
{
	unsigned often = one_in(2) ? 3 : 12;

	buf_printf(text, " %s {", section);
	for (int id = 0; id < FINDING_COUNT; id++)
		if (one_in(often))
			buf_printf(text, " %s = %s", schema_finding_row((enum finding_id)id, in_policy).name,
			    action_name((enum action)random_below(ACTION_COUNT)));
	buf_puts(text, " }\n");
}

/* Dates on both sides of the messages' times, and on some in between. */
static void put_ramps(struct buf *text)
{
	static const char *const froms[] = { "2027-01-01T12", "2027-01-02", "2027-01-02T07", "2027-01-03", "2026-12-01", "2027-06-30" };

	for (int id = 0; id < FINDING_COUNT; id++) {
		if (!one_in(4))
			continue;
		buf_printf(text, " ramp \"%s\" {", findings_table[id].name);
		if (one_in(2))
			buf_printf(text, " from = %s", PICK(froms));
		if (one_in(2))
			buf_printf(text, " share = %u.%u%%", random_below(100), random_below(100));
		if (one_in(2))
			buf_printf(text, " before = %s", action_name((enum action)random_below(ACTION_COUNT)));
		buf_puts(text, " }\n");
	}
}

static void put_policy(struct buf *text, unsigned number)
{
	buf_printf(text, "policy p%u {", number);
	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];
		const struct generator *generator;

		if (strcmp(row->section, "policy") != 0 || strcmp(row->name, "template") == 0)
			continue;
		if (strcmp(row->name, "inherits") == 0) {	/* from one behind it, or what stands outside */
			if (one_in(4))
				buf_printf(text, " inherits = %s%u", number > 1 ? "p" : "default #", number > 1 ? 1 + random_below(number - 1) : 0);
			buf_puts(text, "\n");
			continue;
		}
		generator = find_generator(row->name);
		/* without any condition it would have to be the last */
		if (!one_in(generator->often) && strcmp(row->name, number % 2 == 0 ? "recipient-domains" : "client-networks") != 0)
			continue;
		buf_printf(text, " %s = ", row->name);
		generator->put(text);
	}
	put_actions(text, "actions", true);
	if (one_in(2))
		put_ramps(text);
	buf_puts(text, "}\n");
}

const struct config *config_random(void)
{
	struct arena *arena = arena_new();
	struct buf text = buf_make(arena);
	const struct config *config;

	buf_printf(&text, "mode = %s\n", one_in(3) ? "dry-run" : "enforce");
	buf_printf(&text, "several-recipients = %s\n", one_in(2) ? "strictest" : "lenient");
	if (one_in(2))
		buf_printf(&text, "local-domains = { \"%s\", \"%s\" }\n", names[random_below(6)], names[random_below(6)]);
	buf_puts(&text, "dns-outage = ");
	put_outage(&text);
	buf_printf(&text, "\ntls { honor-tls-required-no = %s }\n", one_in(2) ? "yes" : "no");
	buf_puts(&text, "dmarc { trusted-sealers = a.example }\noverride o1 { kind = forwarder client-networks = 192.0.2.1 }\n"
	    "override o2 { kind = mailing-list dkim-domains = a.example }\n");
	put_actions(&text, "findings", false);
	buf_puts(&text, "record { path = \"/nonexistent/record.db\" }\n");
	if (one_in(3))
		put_ramps(&text);
	for (unsigned i = random_below(POLICIES_MAX + 1); i > 0; i--)
		put_policy(&text, i);
	config = config_load_buffer(text.data, text.length, "random.conf", stderr);
	if (config == NULL)
		fail_msg("cannot be loaded:\n%s", text.data);
	arena_free(&arena);
	return config;
}
