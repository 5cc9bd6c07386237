/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections of a report: TLS and AUTH by messages, sessions and servers; peers and downgrades. Thread: one. */
#include <string.h>

#include "check/tls/cipher.h"
#include "report/tally_internal.h"
#include "util/buf.h"

/* ---- uses -------------------------------------------------------------------------------------------------------- */

/* A table of names that networks use. */
struct uses {
	const struct tally *tally;
	struct page_table *table;
	size_t mask;		/* offset of the networks' mask */
	uint64_t bits, found;	/* of the row: whose networks are counted */
	uint64_t shown;		/* bits of the rows so far */
	bool secrecy;		/* rows say whether the suite has forward secrecy */
};

static void count_network(void *arg, const char *name, const void *counts)
{
	struct uses *uses = arg;
	uint64_t mask;

	(void)name;
	memcpy(&mask, (const char *)counts + uses->mask, sizeof(mask));
	uses->found += (mask & uses->bits) != 0;
}

static uint64_t networks_with(struct uses *uses, uint64_t bits)
{
	uses->bits = bits;
	uses->found = 0;
	groups_each(uses->tally->networks, count_network, uses);
	return uses->found;
}

static uint64_t graded_messages(const struct tally *tally)
{
	return tally->all.messages - tally->tls.ungraded;
}

static void put_use_row(struct uses *uses, const char *name, uint64_t bits, const struct use_counts *counts)
{
	const struct tally *tally = uses->tally;
	struct page_value *row = page_row(uses->table);
	uint64_t networks = networks_with(uses, bits);
	const struct cipher_info *cipher = uses->secrecy ? cipher_find(name) : NULL;

	row[0] = page_name(name);
	row[1] = page_count(counts->messages);
	row[2] = page_share(counts->messages, graded_messages(tally));
	row[3] = page_count(counts->sessions);
	row[4] = page_share(counts->sessions, tally->sessions - tally->ungraded_sessions);
	row[5] = page_count(networks);
	row[6] = page_share(networks, groups_count(tally->networks));
	if (uses->secrecy)
		row[7] = page_name(cipher == NULL ? NULL : cipher_has_forward_secrecy(cipher) ? "yes" : "no");
}

static void put_use(void *arg, const char *name, const void *counts)
{
	struct uses *uses = arg;
	uint64_t bits = (uint64_t)1 << ((const struct use_counts *)counts)->index;

	uses->shown |= bits;
	put_use_row(uses, name, bits, counts);
}

#define USE_COLUMNS(key, title) \
	{ key, title, PAGE_NAME, TONE_NONE }, { "messages", "messages", PAGE_COUNT, TONE_NONE }, \
	{ "messages_share", "share", PAGE_SHARE, TONE_NONE }, { "sessions", "sessions", PAGE_COUNT, TONE_NONE }, \
	{ "sessions_share", "share", PAGE_SHARE, TONE_NONE }, { "servers", "servers", PAGE_COUNT, TONE_NONE }, \
	{ "servers_share", "share", PAGE_SHARE, TONE_NONE }

static void put_uses(const struct sections *sections, struct page_table *table, const struct groups *groups, size_t mask, bool secrecy)
{
	struct uses uses = { .tally = sections->tally, .table = table, .mask = mask, .secrecy = secrecy };
	struct use_counts other;

	table->other_names = groups_top(groups, sections->top, put_use, &uses, &other);
	if (table->other_names != 0)
		put_use_row(&uses, "other", ~uses.shown, &other);
}

/* ---- which names go together ------------------------------------------------------------------------------------- */

struct names { const char *names[MASK_BITS]; };

static void take_name(void *arg, const char *name, const void *counts)
{
	((struct names *)arg)->names[((const struct use_counts *)counts)->index] = name;
}

struct combinations { struct groups *sets; const struct names *names; struct arena *arena; size_t mask; };

static void count_combination(void *arg, const char *network, const void *counts)
{
	const struct combinations *combinations = arg;
	const struct network_masks *masks = counts;
	struct buf buf = buf_make(combinations->arena);
	uint64_t mask, *set;

	(void)network;
	memcpy(&mask, (const char *)counts + combinations->mask, sizeof(mask));
	if (mask == 0)
		return;
	for (size_t i = 0; i < MASK_BITS; i++)
		if ((mask >> i & 1) != 0)
			buf_printf(&buf, "%s%s", buf.length != 0 ? " + " : "", combinations->names->names[i] != NULL ?
			    combinations->names->names[i] : "others");
	set = groups_at(combinations->sets, buf.data);
	set[0]++;
	set[1] += masks->messages;
}

static void put_combination(void *arg, const char *name, const void *counts)
{
	const uint64_t *set = counts;
	struct page_value *row = page_row(arg);

	row[0] = page_name(name);
	row[1] = page_count(set[0]);
	row[2] = page_count(set[1]);
}

/* The sets are the tally's names in an arena of their own, for there may be many networks. */
static void put_combinations(const struct sections *sections, struct page_section *section, const struct groups *groups, size_t mask,
    const char *key, const char *title)
{
	static const struct page_column columns[] = { { "set", "used together", PAGE_NAME, TONE_NONE },
		{ "servers", "servers", PAGE_COUNT, TONE_NONE }, { "messages", "their messages", PAGE_COUNT, TONE_NONE } };
	struct names names = { { NULL } };
	struct arena *arena = arena_new();
	struct combinations combinations = { groups_new(2, 1000), &names, arena, mask };
	struct page_table *table = PAGE_TABLE(section, key, title, columns);
	uint64_t other[2];

	groups_each(groups, take_name, &names);
	groups_each(sections->tally->networks, count_combination, &combinations);
	table->other_names = groups_top(combinations.sets, sections->top, put_combination, table, other);
	for (size_t i = 0; i < table->row_count; i++)	/* the sets go, the page stays */
		table->values[i * table->column_count].u.name = arena_strdup(sections->arena, table->values[i * table->column_count].u.name);
	if (table->other_names != 0)
		put_combination(table, "other", other);
	groups_free(&combinations.sets);
	arena_free(&arena);
}

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

static void put_grades(struct page_section *section, const struct tally *tally)
{
	static const struct page_column columns[] = { { "grade", "grade", PAGE_NAME, TONE_NONE }, { "messages", "messages", PAGE_COUNT, TONE_NONE },
		{ "messages_share", "share", PAGE_SHARE, TONE_NONE }, { "sessions", "sessions", PAGE_COUNT, TONE_NONE } };
	struct page_table *table = PAGE_TABLE(section, "grades", "Grades of sessions (RFC 9325)", columns);

	for (int grade = TLS_GRADE_STRONG; grade >= TLS_GRADE_NONE - 1; grade--) {
		struct page_value *row = page_row(table);
		bool judged = grade >= TLS_GRADE_NONE;
		uint64_t messages = judged ? tally->tls.grades[grade] : tally->tls.ungraded;

		row[0] = page_name(!judged ? "(not judged)" : grade == TLS_GRADE_NONE ? "none (cleartext)" :
		    tls_grade_name((enum tls_grade)grade));
		row[1] = page_count(messages);
		row[2] = page_share(messages, tally->all.messages);
		row[3] = page_count(judged ? tally->grade_sessions[grade] : tally->ungraded_sessions);
	}
}

static void put_grade_days(struct page_section *section, const struct tally *tally)
{
	static const struct page_column columns[] = { { "day", "day (UTC)", PAGE_DAY, TONE_NONE }, { "strong", "strong", PAGE_COUNT, TONE_1 },
		{ "ok", "ok", PAGE_COUNT, TONE_2 }, { "weak", "weak", PAGE_COUNT, TONE_5 }, { "none", "cleartext", PAGE_COUNT, TONE_6 },
		{ "not_judged", "not judged", PAGE_COUNT, TONE_UNKNOWN } };
	struct page_table *table = PAGE_TABLE(section, "days", "TLS by day, messages", columns);

	table->plot = true;
	for (size_t i = 0; i < tally->day_count; i++) {
		const struct day_counts *day = &tally->days[i];
		struct page_value *row;
		int64_t secs = (tally->first_day + (int64_t)i) * DAY_SECS;

		if (secs + DAY_SECS <= tally->first_secs || secs > tally->last_secs)
			continue;
		row = page_row(table);
		row[0] = page_day(secs);
		row[1] = page_count(day->grades[TLS_GRADE_STRONG]);
		row[2] = page_count(day->grades[TLS_GRADE_OK]);
		row[3] = page_count(day->grades[TLS_GRADE_WEAK]);
		row[4] = page_count(day->grades[TLS_GRADE_NONE]);
		row[5] = page_count(day->ungraded);
	}
}

static void put_secrecy(const struct sections *sections, struct page_section *section)
{
	static const char *const names[SECRECY_COUNT] = { "yes", "no", "not known (unknown suite)", "cleartext" };
	static const struct page_column columns[] = { USE_COLUMNS("secrecy", "forward secrecy") };
	const struct tally *tally = sections->tally;
	struct uses uses = { .tally = tally, .table = PAGE_TABLE(section, "forward_secrecy", "Forward secrecy", columns),
		.mask = offsetof(struct network_masks, secrecy) };

	for (int i = 0; i < SECRECY_COUNT; i++)
		put_use_row(&uses, names[i], (uint64_t)1 << i, &(struct use_counts){ tally->secrecy[i], tally->secrecy_sessions[i], 0 });
}

void sections_tls(const struct sections *sections)
{
	static const struct page_column versions[] = { USE_COLUMNS("version", "version") },
	    suites[] = { USE_COLUMNS("suite", "cipher suite"), { "forward_secrecy", "forward secrecy", PAGE_NAME, TONE_NONE } },
	    mechanisms[] = { USE_COLUMNS("mechanism", "mechanism") };
	const struct tally *tally = sections->tally;
	struct page_section *section = page_section(sections->page, "tls", "TLS and AUTH");

	page_figure(section, "share", "messages under TLS", page_share(graded_messages(tally) - tally->tls.grades[TLS_GRADE_NONE],
	    graded_messages(tally)));
	page_figure(section, "servers", "servers (client networks)", page_count(groups_count(tally->networks)));
	if (groups_over(tally->networks))
		page_text(section, "There were more networks than are told apart; figures of servers leave the others out.");
	page_text(section, "A server is a client network; one that uses several names counts in each row, so servers do not add up.");
	put_grade_days(section, tally);
	put_grades(section, tally);
	put_uses(sections, PAGE_TABLE(section, "versions", "Protocol versions", versions), tally->versions,
	    offsetof(struct network_masks, versions), false);
	put_combinations(sections, section, tally->versions, offsetof(struct network_masks, versions), "version_sets",
	    "Versions that a server uses");
	put_uses(sections, PAGE_TABLE(section, "suites", "Cipher suites", suites), tally->suites, offsetof(struct network_masks, suites), true);
	put_secrecy(sections, section);
	page_figure(section, "authenticated", "recorded messages of clients that authenticated", page_count(tally->mechanism_messages));
	page_figure(section, "authenticated_clear", "of these without TLS", page_count(tally->mechanism_clear));
	page_text(section, "Mail of clients that authenticate is exempt from judgement, and recorded only where the authentication itself is found "
	    "wanting; so these figures are of that part.");
	put_uses(sections, PAGE_TABLE(section, "mechanisms", "AUTH mechanisms", mechanisms), tally->mechanisms,
	    offsetof(struct network_masks, mechanisms), false);
	put_combinations(sections, section, tally->mechanisms, offsetof(struct network_masks, mechanisms), "mechanism_sets",
	    "AUTH mechanisms that a server uses");
}

/* ---- peers ------------------------------------------------------------------------------------------------------- */

/* Weaker sessions stand in tables that have them. */
static void put_peer(void *arg, const char *name, const void *counts)
{
	const uint64_t *peer = counts;
	struct page_table *table = arg;
	struct page_value *row = page_row(table);
	size_t last = table->column_count - 1;

	row[0] = page_name(name);
	row[1] = page_count(peer[0]);
	row[last - 1] = page_count(peer[1]);
	row[last] = page_day((int64_t)peer[2]);
}

static void put_peers(const struct sections *sections, struct page_section *section, const struct groups *groups, const char *key,
    const char *title, const struct page_column *columns, size_t column_count)
{
	struct page_table *table = page_table(section, key, title, columns, column_count);
	uint64_t other[3];

	table->other_names = groups_top(groups, sections->top, put_peer, table, other);
	if (table->other_names == 0)
		return;
	put_peer(table, "other", other);
	table->values[table->row_count * column_count - 1].absent = true;	/* they have no one day */
}

static void put_downgraded(void *arg, const char *name, const void *counts)
{
	const uint64_t *messages = counts;
	struct page_value *row = page_row(arg);

	row[0] = page_name(name);
	row[1] = page_count(messages[0]);
	row[2] = page_count(messages[1]);
}

void sections_peers(const struct sections *sections)
{
	static const struct page_column changed[] = { { "peer", "peer", PAGE_NAME, TONE_NONE }, { "weaker", "weaker sessions since", PAGE_COUNT,
		TONE_NONE }, { "sessions", "as usual before", PAGE_COUNT, TONE_NONE }, { "since", "since", PAGE_DAY, TONE_NONE } },
	    settled[] = { { "peer", "peer", PAGE_NAME, TONE_NONE }, { "sessions", "sessions since", PAGE_COUNT, TONE_NONE },
		{ "on", "gave up its habit on", PAGE_DAY, TONE_NONE } },
	    pinned[] = { { "peer", "peer", PAGE_NAME, TONE_NONE }, { "sessions", "sessions as usual", PAGE_COUNT, TONE_NONE },
		{ "last", "last seen", PAGE_DAY, TONE_NONE } },
	    downgraded[] = { { "client", "client", PAGE_NAME, TONE_NONE }, { "messages", "messages", PAGE_COUNT, TONE_NONE },
		{ "stripped", "with STARTTLS mangled", PAGE_COUNT, TONE_NONE } },
	    usual[] = { { "grade", "usual grade", PAGE_NAME, TONE_NONE }, { "peers", "peers", PAGE_COUNT, TONE_NONE },
		{ "share", "share", PAGE_SHARE, TONE_NONE } };
	const struct tally *tally = sections->tally;
	const struct peer_counts *peers = &tally->peers;
	struct page_section *section = page_section(sections->page, "peers", "Peers and downgrades");
	struct page_table *table;
	uint64_t other[2];

	page_figure(section, "peers", "peers remembered", page_count(peers->peers));
	page_figure(section, "sessions", "sessions that are their habit", page_count(peers->sessions));
	page_figure(section, "habit", "with a habit of TLS", page_count(peers->habit));
	page_figure(section, "changed", "come weaker than their habit now", page_count(peers->changed));
	page_figure(section, "settled", "have given up a habit", page_count(peers->settled));
	page_figure(section, "pinned", "pinned by hand", page_count(peers->pinned));
	page_text(section, "Peers are what is remembered today, over all the time that peers are kept, and not of this period alone. "
	    "Sessions weaker than a habit, and those before it was given up, are no part of it.");
	table = PAGE_TABLE(section, "downgraded", "Messages of sessions weaker than usual (tls-downgrade, tls-stripped), by client", downgraded);
	table->other_names = groups_top(tally->downgraded, sections->top, put_downgraded, table, other);
	if (table->other_names != 0)
		put_downgraded(table, "other", other);
	table = PAGE_TABLE(section, "usual", "What peers usually reach", usual);
	for (int grade = GRADES - 1; grade >= 0; grade--) {
		struct page_value *row = page_row(table);

		row[0] = page_name(grade == TLS_GRADE_NONE ? "none (cleartext)" : tls_grade_name((enum tls_grade)grade));
		row[1] = page_count(peers->usual[grade]);
		row[2] = page_share(peers->usual[grade], peers->peers);
	}
	put_peers(sections, section, tally->changed, "changed", "Peers that come weaker than their habit", changed, 4);
	put_peers(sections, section, tally->settled, "settled", "Peers that have given up their habit of TLS", settled, 3);
	put_peers(sections, section, tally->pinned, "pinned", "Peers pinned by hand", pinned, 3);
}
