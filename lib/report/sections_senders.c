/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections of a report: how correspondents protect their mail, forwarders, DNS, what cannot be told. Thread: one. */
#include <stdlib.h>
#include <string.h>

#include "report/tally_internal.h"
#include "util/out_of_memory.h"

/* ---- protection -------------------------------------------------------------------------------------------------- */

/* Domains that have something for at least HAS_SHARE percent of their messages. */
enum { HAS_SHARE = 95 };

enum protection { HAS_TLS, HAS_SECRECY, HAS_CERT, HAS_SPF, HAS_DKIM, HAS_DMARC, HAS_ADSP, HAS_DNSSEC, PROTECTIONS };

static uint64_t tls_messages(const struct protection_counts *counts)
{
	return counts->graded - counts->grades[TLS_GRADE_NONE];
}

struct part { uint64_t has, of; };

static void protections(const struct protection_counts *counts, struct part parts_r[PROTECTIONS])
{
	parts_r[HAS_TLS] = (struct part){ tls_messages(counts), counts->graded };
	parts_r[HAS_SECRECY] = (struct part){ counts->forward_secrecy, counts->graded };
	parts_r[HAS_CERT] = (struct part){ counts->cert, counts->messages };
	parts_r[HAS_SPF] = (struct part){ counts->spf, counts->spf_asked };
	parts_r[HAS_DKIM] = (struct part){ counts->dkim_pass, counts->messages };
	parts_r[HAS_DMARC] = (struct part){ counts->dmarc, counts->dmarc_asked };
	parts_r[HAS_ADSP] = (struct part){ counts->adsp, counts->adsp_asked };
	parts_r[HAS_DNSSEC] = (struct part){ counts->secure, counts->messages };
}

struct protection_sums { uint64_t domains, always[PROTECTIONS], ever[PROTECTIONS]; struct part parts[PROTECTIONS]; };

static void sum_protection(void *arg, const char *name, const void *payload)
{
	struct protection_sums *sums = arg;
	struct part parts[PROTECTIONS];

	(void)name;
	protections(payload, parts);
	sums->domains++;
	for (int i = 0; i < PROTECTIONS; i++) {
		sums->parts[i].has += parts[i].has;
		sums->parts[i].of += parts[i].of;
		sums->ever[i] += parts[i].has != 0;
		sums->always[i] += parts[i].has != 0 && parts[i].has * 100 >= parts[i].of * HAS_SHARE;
	}
}

static void put_protection_sums(struct page_section *section, const struct tally *tally)
{
	static const char *const names[PROTECTIONS] = { "TLS", "forward secrecy", "a client certificate that proves itself", "SPF record",
		"DKIM pass of its own", "DMARC record", "ADSP record", "a pass on DNSSEC-secure data" };
	static const struct page_column columns[] = { { "protection", "protection", PAGE_NAME, TONE_NONE },
		{ "always", "domains, nearly always", PAGE_COUNT, TONE_NONE }, { "always_share", "share", PAGE_SHARE, TONE_NONE },
		{ "ever", "domains, at least once", PAGE_COUNT, TONE_NONE }, { "ever_share", "share", PAGE_SHARE, TONE_NONE },
		{ "messages", "messages", PAGE_COUNT, TONE_NONE }, { "messages_share", "share", PAGE_SHARE, TONE_NONE } };
	struct page_table *table = PAGE_TABLE(section, "protections", "What your correspondents have", columns);
	struct protection_sums sums = { 0 };

	table->note = "Nearly always: in 95% of the domain's messages that could show it, and more.";
	groups_each(tally->protection, sum_protection, &sums);
	for (int i = 0; i < PROTECTIONS; i++) {
		struct page_value *row = page_row(table);

		row[0] = page_name(names[i]);
		row[1] = page_count(sums.always[i]);
		row[2] = page_share(sums.always[i], sums.domains);
		row[3] = page_count(sums.ever[i]);
		row[4] = page_share(sums.ever[i], sums.domains);
		row[5] = page_count(sums.parts[i].has);
		row[6] = page_share(sums.parts[i].has, sums.parts[i].of);
	}
}

/* The grade of most of its messages. */
static const char *usual_grade(const struct protection_counts *counts)
{
	int usual = TLS_GRADE_NONE;

	for (int grade = TLS_GRADE_NONE; grade < GRADES; grade++)
		usual = counts->grades[grade] > counts->grades[usual] ? grade : usual;
	return counts->graded != 0 ? tls_grade_name((enum tls_grade)usual) : NULL;
}

static void put_protection(void *arg, const char *name, const void *payload)
{
	const struct protection_counts *counts = payload;
	struct page_value *row = page_row(arg);

	row[0] = page_name(name);
	row[1] = page_count(counts->messages);
	row[2] = page_share(tls_messages(counts), counts->graded);
	row[3] = page_name(usual_grade(counts));
	row[4] = page_share(counts->forward_secrecy, counts->graded);
	row[5] = page_share(counts->cert, counts->messages);
	row[6] = page_share(counts->spf, counts->spf_asked);
	row[7] = page_share(counts->spf_pass, counts->spf_asked);
	row[8] = page_share(counts->dkim_pass, counts->messages);
	row[9] = page_share(counts->dmarc, counts->dmarc_asked);
	row[10] = page_share(counts->dmarc_pass, counts->dmarc_asked);
	row[11] = page_share(counts->adsp, counts->adsp_asked);
	row[12] = page_share(counts->secure, counts->messages);
}

void sections_protection(const struct sections *sections)
{
	static const struct page_column columns[] = { { "domain", "author domain", PAGE_NAME, TONE_NONE },
		{ "messages", "messages", PAGE_COUNT, TONE_NONE }, { "tls", "TLS", PAGE_SHARE, TONE_NONE },
		{ "grade", "usual grade", PAGE_NAME, TONE_NONE }, { "forward_secrecy", "forward secrecy", PAGE_SHARE, TONE_NONE },
		{ "certificate", "certificate", PAGE_SHARE, TONE_NONE }, { "spf", "SPF record", PAGE_SHARE, TONE_NONE },
		{ "spf_pass", "SPF pass", PAGE_SHARE, TONE_NONE }, { "dkim_pass", "DKIM pass", PAGE_SHARE, TONE_NONE },
		{ "dmarc", "DMARC record", PAGE_SHARE, TONE_NONE }, { "dmarc_pass", "DMARC pass", PAGE_SHARE, TONE_NONE },
		{ "adsp", "ADSP", PAGE_SHARE, TONE_NONE }, { "dnssec", "on DNSSEC", PAGE_SHARE, TONE_NONE } };
	const struct tally *tally = sections->tally;
	struct page_section *section = page_section(sections->page, "protection", "How your correspondents protect their mail");
	struct protection_counts other;
	struct page_table *table;

	page_text(section, "By author domain, of mail that does not look forged; passes are those of the author's own domain, or of one above or "
	    "below it. Shares are of the messages that could show it: an SPF record of those under an envelope domain of its own, an ADSP record of "
	    "those without its signature. Mail that was forwarded counts as it came.");
	page_figure(section, "domains", "author domains", page_count(groups_count(tally->protection)));
	put_protection_sums(section, tally);
	table = PAGE_TABLE(section, "domains", "Protection by author domain", columns);
	table->other_names = groups_top(tally->protection, sections->top, put_protection, table, &other);
	if (table->other_names != 0)
		put_protection(table, "other", &other);
}

/* ---- forwarders -------------------------------------------------------------------------------------------------- */

struct forwarders { struct groups *found; };

static void find_forwarder(void *arg, const char *name, const void *payload)
{
	const struct forwarders *forwarders = arg;
	const struct client_counts *counts = payload;

	if (counts->authors >= FORWARDER_AUTHORS && counts->carried >= FORWARDER_MESSAGES)
		memcpy(groups_at(forwarders->found, name), counts, sizeof(*counts));
}

static void put_forwarder(void *arg, const char *name, const void *payload)
{
	const struct client_counts *counts = payload;
	struct page_value *row = page_row(arg);

	row[0] = page_name(name);
	row[1] = page_count(counts->carried);
	row[2] = page_count(counts->authors);
	row[3] = page_count(counts->kept);
	row[4] = page_count(counts->rewritten);
	row[5] = page_count(counts->messages);
	for (int look = 0; look < LOOK_COUNT; look++)
		row[6 + look] = page_count(counts->looks[look]);
}

static void put_override(void *arg, const char *name, const void *payload)
{
	const struct override_counts *counts = payload;
	struct page_value *row = page_row(arg);

	row[0] = page_name(name);
	row[1] = page_count(counts->messages);
	for (int look = 0; look < LOOK_COUNT; look++)
		row[2 + look] = page_count(counts->looks[look]);
}

static void put_overrides(const struct sections *sections, struct page_section *section)
{
	static const struct page_column columns[] = { { "override", "override", PAGE_NAME, TONE_NONE },
		{ "messages", "messages", PAGE_COUNT, TONE_NONE }, LOOK_COLUMNS };
	struct page_table *table = PAGE_TABLE(section, "overrides", "Overrides that held for mail that fails DMARC", columns);
	struct override_counts other;

	table->other_names = groups_top(sections->tally->overrides, sections->top, put_override, table, &other);
	if (table->other_names != 0)
		put_override(table, "other", &other);
}

void sections_forwarders(const struct sections *sections)
{
	static const struct page_column columns[] = { { "client", "client", PAGE_NAME, TONE_NONE },
		{ "carried", "handed on", PAGE_COUNT, TONE_NONE }, { "authors", "author domains", PAGE_COUNT, TONE_NONE },
		{ "kept", "SPF fails", PAGE_COUNT, TONE_NONE }, { "rewritten", "own envelope", PAGE_COUNT, TONE_NONE },
		{ "messages", "all its messages", PAGE_COUNT, TONE_NONE }, LOOK_COLUMNS };
	struct page_section *section = page_section(sections->page, "forwarders", "Forwarders and lists that were found");
	struct forwarders forwarders = { groups_new(sizeof(struct client_counts) / sizeof(uint64_t), NAMES_MAX) };
	struct client_counts other;
	struct page_table *table;

	groups_each(sections->tally->clients, find_forwarder, &forwarders);
	page_text(section, "A client counts as one when it brought at least %d messages of at least %d author domains that the author's own DKIM "
	    "signature proves, while SPF fails for his domain, or passes for another one. Those that you know belong into sections "
	    "override, or into trusted-forwarders of the section dmarc; see that little of their other mail looks forged.", FORWARDER_MESSAGES, FORWARDER_AUTHORS);
	page_figure(section, "found", "forwarders found", page_count(groups_count(forwarders.found)));
	table = PAGE_TABLE(section, "clients", "Forwarders, by client", columns);
	table->other_names = groups_top(forwarders.found, sections->top, put_forwarder, table, &other);
	for (size_t i = 0; i < table->row_count; i++)
		table->values[i * table->column_count].u.name = arena_strdup(sections->arena, table->values[i * table->column_count].u.name);
	if (table->other_names != 0) {
		put_forwarder(table, "other", &other);
		table->values[(table->row_count - 1) * table->column_count + 2].absent = true;	/* authors of several are not told apart */
	}
	groups_free(&forwarders.found);
	put_overrides(sections, section);
}

/* ---- DNS --------------------------------------------------------------------------------------------------------- */

static void put_dns_domain(void *arg, const char *name, const void *counts)
{
	const uint64_t *messages = counts;
	struct page_value *row = page_row(arg);

	row[0] = page_name(name);
	row[1] = page_count(messages[0]);
	row[2] = page_count(messages[1]);
}

static void put_passes(struct page_section *section, const struct tally *tally)
{
	static const char *const names[] = { "SPF", "DKIM", "DMARC" };
	static const struct page_column columns[] = { { "method", "method", PAGE_NAME, TONE_NONE }, { "passes", "passes", PAGE_COUNT, TONE_NONE },
		{ "secure", "on secure data", PAGE_COUNT, TONE_NONE }, { "insecure", "on insecure data", PAGE_COUNT, TONE_NONE },
		{ "secure_share", "share secure", PAGE_SHARE, TONE_NONE } };
	struct page_table *table = PAGE_TABLE(section, "passes", "How much of what passes stands on DNSSEC", columns);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct page_value *row = page_row(table);

		row[0] = page_name(names[i]);
		row[1] = page_count(tally->passes[i]);
		row[2] = page_count(tally->secure_passes[i]);
		row[3] = page_count(tally->passes[i] - tally->secure_passes[i]);
		row[4] = page_share(tally->secure_passes[i], tally->passes[i]);
	}
}

void sections_dns(const struct sections *sections)
{
	static const struct page_column findings[] = { { "finding", "finding", PAGE_NAME, TONE_NONE },
		{ "messages", "messages", PAGE_COUNT, TONE_NONE }, { "share", "share of all", PAGE_SHARE, TONE_NONE } },
	    domains[] = { { "domain", "author domain", PAGE_NAME, TONE_NONE }, { "messages", "messages", PAGE_COUNT, TONE_NONE },
		{ "bogus", "with bogus data", PAGE_COUNT, TONE_NONE } };
	const struct tally *tally = sections->tally;
	struct page_section *section = page_section(sections->page, "dns", "DNS and DNSSEC");
	struct page_table *table;
	uint64_t other[2];

	page_figure(section, "failed", "messages for which DNS failed somewhere", page_count(tally->dns_failed));
	page_figure(section, "share", "share of all", page_share(tally->dns_failed, tally->all.messages));
	page_figure(section, "pressed", "of them under pressure: too much was being asked", page_count(tally->dns_pressed));
	table = PAGE_TABLE(section, "findings", "What DNS failed at", findings);
	for (int id = 0; id < FINDING_COUNT; id++) {
		struct page_value *row = finding_is_of_dns((enum finding_id)id) ? page_row(table) : NULL;

		if (row == NULL)
			continue;
		row[0] = page_name(findings_table[id].name);
		row[1] = page_count(tally->findings[id].present);
		row[2] = page_share(tally->findings[id].present, tally->all.messages);
	}
	table = PAGE_TABLE(section, "domains", "For whose mail DNS failed", domains);
	table->other_names = groups_top(tally->dns_domains, sections->top, put_dns_domain, table, other);
	if (table->other_names != 0)
		put_dns_domain(table, "other", other);
	put_passes(section, tally);
}

/* ---- what cannot be told ----------------------------------------------------------------------------------------- */

void sections_untold(const struct sections *sections)
{
	static const struct page_column columns[] = { { "reason", "what was not recorded", PAGE_NAME, TONE_NONE },
		{ "messages", "messages", PAGE_COUNT, TONE_NONE }, { "share", "share of all", PAGE_SHARE, TONE_NONE } };
	const struct tally *tally = sections->tally;
	struct page_section *section = page_section(sections->page, "untold", "What cannot be told");
	struct page_table *table;

	page_text(section, "Nothing is guessed: where a decision hangs on something that was not recorded, the messages count here, and nowhere "
	    "above as any action.");
	page_figure(section, "messages", "messages", page_count(tally->all.untold));
	page_figure(section, "older", "of these recorded by an earlier version", page_count(tally->untold_old));
	table = PAGE_TABLE(section, "reasons", "Why it cannot be told", columns);
	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++) {
		struct page_value *row = tally->untold[why] != 0 ? page_row(table) : NULL;

		if (row == NULL)
			continue;
		row[0] = page_name(untold_name((enum untold)why));
		row[1] = page_count(tally->untold[why]);
		row[2] = page_share(tally->untold[why], tally->all.messages);
	}
}
