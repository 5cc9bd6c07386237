/* SPDX-License-Identifier: BSD-2-Clause */
/* A forecast for programs. Names of domains come from messages (json_text()). Thread: one. */
#include <jansson.h>
#include <math.h>

#include "json_text.h"
#include "whatif.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *count_json(const struct whatif_count *count)
{
	json_t *json = json_object();

	json_object_set_new(json, "messages", number(count->messages));
	for (int look = 0; look < LOOK_COUNT; look++)
		json_object_set_new(json, look_name((enum look)look), number(count->looks[look]));
	return json;
}

struct domains { json_t *list; struct arena *arena; };

static void add_domain(void *arg, const struct whatif_domain *domain)
{
	struct domains *domains = arg;
	json_t *json = count_json(&domain->count);

	json_object_set_new(json, "domain", json_text(domains->arena, domain->name));
	json_array_append_new(domains->list, json);
}

static json_t *kind_json(struct whatif *whatif, enum whatif_kind kind, size_t top, struct arena *arena)
{
	const struct whatif_totals *totals = whatif_totals(whatif);
	json_t *json = count_json(&totals->kinds[kind]), *signs = json_object(), *other;
	struct domains domains = { .list = json_array(), .arena = arena };
	struct whatif_count rest;
	size_t count = whatif_domains(whatif, kind, top, add_domain, &domains, &rest);

	for (int sign = 0; sign < SIGN_COUNT; sign++)
		json_object_set_new(signs, sign_name((enum sign)sign), number(totals->signs[kind][sign]));
	json_object_set_new(json, "signs", signs);
	json_object_set_new(json, "domains", domains.list);
	other = count_json(&rest);
	json_object_set_new(other, "domains", number(count));
	json_object_set_new(json, "other", other);
	return json;
}

static json_t *actions_json(const struct whatif_totals *totals)
{
	json_t *actions = json_object();

	for (int action = 0; action < ACTION_COUNT; action++)
		json_object_set_new(actions, action_name((enum action)action), json_pack("{s:{s:o, s:o}, s:{s:o, s:o}}",
		    "then", "carried_out", number(totals->then_enforced[action]), "dry_run", number(totals->then_dry[action]),
		    "whatif", "carried_out", number(totals->now_enforced[action]), "dry_run", number(totals->now_dry[action])));
	return actions;
}

static json_t *fates_json(const struct whatif_totals *totals)
{
	json_t *fates = json_object();

	for (int then = 0; then < FATE_COUNT; then++) {
		json_t *row = json_object();

		for (int now = 0; now < FATE_COUNT; now++)
			json_object_set_new(row, fate_name((enum fate)now), number(totals->fates[then][now]));
		json_object_set_new(fates, fate_name((enum fate)then), row);
	}
	return fates;
}

static json_t *untold_json(const struct whatif_totals *totals)
{
	json_t *untold = json_object();

	for (int why = UNTOLD_NOT + 1; why < UNTOLD_COUNT; why++)
		if (totals->untold[why] != 0)
			json_object_set_new(untold, untold_name((enum untold)why), number(totals->untold[why]));
	return untold;
}

static json_t *brakes_json(const struct brakes *brakes, struct arena *arena)
{
	json_t *list = json_array();

	for (size_t i = 0; brakes != NULL && i < brakes->count; i++)
		json_array_append_new(list, json_pack("{s:o, s:s, s:I, s:o, s:b}", "policy", json_text(arena, brakes->items[i].policy),
		    "finding", findings_table[brakes->items[i].finding].name, "since", (json_int_t)brakes->items[i].since_secs, "until",
		    brakes->items[i].until_secs != 0 ? json_integer(brakes->items[i].until_secs) : json_null(), "sure", !brakes->items[i].unsure));
	return list;
}

static json_t *refused_by_json(const struct whatif_totals *totals)
{
	json_t *json = json_object();

	for (int id = 0; id < FINDING_COUNT; id++)
		if (totals->refused_by[id] != 0)
			json_object_set_new(json, findings_table[id].name, number(totals->refused_by[id]));
	return json;
}

static json_t *share(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static json_t *step_json(const struct whatif_step *step)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:f, s:f, s:f, s:o, s:o, s:o}",
	    "finding", findings_table[step->finding].name, "action", action_name(step->action), "seen", number(step->seen),
	    "newly_refused", count_json(&step->newly), "quarantined", number(step->quarantined), "untold", number(step->untold),
	    "pays", whatif_pays_name(step->pays), "gain_low", step->gain_low, "gain", step->gain, "gain_high", step->gain_high,
	    "mail_ready", share(step->mail_ready), "senders_ready", share(step->senders_ready), "mail_needed", share(step->needed));
}

static json_t *steps_json(struct whatif *whatif, const struct whatif_page *page)
{
	struct whatif_step steps[FINDING_COUNT];
	size_t count = whatif_steps(whatif, &page->weights, page->days, steps);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, step_json(&steps[i]));
	return list;
}

void whatif_print_json(struct whatif *whatif, const struct whatif_page *page, FILE *out)
{
	static const char *const names[WHATIF_KINDS] = { "newly_refused", "newly_quarantined", "newly_delayed", "newly_let_in", "exposed" };
	const struct whatif_totals *totals = whatif_totals(whatif);
	struct arena *arena = arena_new();
	json_t *json = json_pack("{s:o, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o}", "policies", json_text(arena, page->policies),
	    "since", (json_int_t)page->since_secs, "until", (json_int_t)page->until_secs, "first", (json_int_t)totals->first_secs,
	    "last", (json_int_t)totals->last_secs, "days", page->days, "messages", number(totals->messages),
	    "flows", number(totals->rows), "told", number(totals->told), "actions", actions_json(totals));

	json_object_set_new(json, "fates", fates_json(totals));
	json_object_set_new(json, "all", count_json(&totals->all));
	for (int kind = 0; kind < WHATIF_KINDS; kind++)
		json_object_set_new(json, names[kind], kind_json(whatif, (enum whatif_kind)kind, page->top, arena));
	json_object_set_new(json, "refused_by", refused_by_json(totals));
	json_object_set_new(json, "brakes", brakes_json(whatif_brakes(whatif), arena));
	json_object_set_new(json, "next_flag_day", page->flag_day_secs != 0 ? json_integer((json_int_t)page->flag_day_secs) : json_null());
	json_object_set_new(json, "partly_refused", number(totals->partly));
	json_object_set_new(json, "untold", untold_json(totals));
	json_object_set_new(json, "untold_old", number(totals->untold_old));
	json_object_set_new(json, "wanted_senders", number(totals->senders));
	json_object_set_new(json, "weights", json_pack("{s:f, s:f, s:f}", "good", page->weights.good, "forged", page->weights.forged,
	    "upkeep", page->weights.upkeep));
	json_object_set_new(json, "steps", steps_json(whatif, page));
	json_dumpf(json, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(json);
	arena_free(&arena);
}
