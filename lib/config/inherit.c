/* SPDX-License-Identifier: BSD-2-Clause */
/* Who inherits from whom, see inherit.h. "default" may be inherited where no section has that name: it is what stands outside then. */
#include "config/inherit.h"

#include <string.h>
#include <strings.h>

#include "util/buf.h"
#include "util/distance.h"

enum { CIRCLE_SHOWN_MAX = 8 };

struct family {
	const struct source_section *const *sections;
	size_t count;
	struct complaints *complaints;
	struct lineage *lineage;
};

static const struct source_option *find_inherits(const struct source_section *section)
{
	for (size_t i = 0; i < section->option_count; i++) {
		if (strcmp(section->options[i].name, "inherits") == 0 && section->options[i].value_count == 1)
			return &section->options[i];
	}
	return NULL;
}

static size_t find_section(const struct family *family, const char *name)
{
	for (size_t i = 0; i < family->count; i++) {
		if (strcmp(family->sections[i]->title, name) == 0)
			return i;
	}
	return INHERITS_NOTHING;
}

/* @return "; did you mean 'gold'?", or "". */
static const char *suggest(const struct family *family, const char *name)
{
	unsigned best = text_worth_suggesting(name) + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < family->count; i++) {
		const char *title = family->sections[i]->title;
		unsigned apart = strcasecmp(title, name) == 0 ? 0 : text_distance(name, title);

		if (apart >= best)
			continue;
		best = apart;
		nearest = title;
	}
	return nearest != NULL ? arena_printf(family->complaints->arena, "; did you mean '%s'?", nearest) : "";
}

static size_t find_parent(const struct family *family, const struct source_section *section)
{
	const struct source_option *inherits = find_inherits(section);
	const char *name = inherits != NULL ? inherits->values[0].text : "";
	size_t parent;

	if (name[0] == '\0')
		return INHERITS_NOTHING;
	parent = find_section(family, name);
	if (parent == INHERITS_NOTHING && strcmp(name, "default") != 0)
		complain(family->complaints, inherits->values[0].line, "policy '%s' inherits from '%.100s', and there is no such policy%s",
		    section->title, name, suggest(family, name));
	return parent;
}

/* The circle that begins and ends at a section. */
static void complain_circle(const struct family *family, size_t start)
{
	struct buf way = buf_make(family->complaints->arena);
	size_t at = start, shown = 0;

	do {
		if (++shown <= CIRCLE_SHOWN_MAX)
			buf_printf(&way, "%s -> ", family->sections[at]->title);
		else if (shown == CIRCLE_SHOWN_MAX + 1)
			buf_puts(&way, "... -> ");
		at = family->lineage[at].parent;
	} while (at != start);
	complain(family->complaints, find_inherits(family->sections[start])->values[0].line, "policy '%s' inherits from itself: %s%s",
	    family->sections[start]->title, way.data, family->sections[start]->title);
}

/* Who is neither placed nor below one that is belongs to a circle, or hangs on one. */
static void break_circles(struct family *family, const bool *placed)
{
	for (size_t i = 0; i < family->count; i++) {
		size_t at = i, steps = 0;

		/* whoever walks to his parents for as many steps as there are sections is in the circle then */
		for (; at != INHERITS_NOTHING && !placed[at] && steps < family->count; steps++)
			at = family->lineage[at].parent;
		if (at == INHERITS_NOTHING || placed[at])
			continue;
		complain_circle(family, at);
		family->lineage[at].parent = INHERITS_NOTHING;
	}
}

/* One round: all whose parent has been placed. @return whether there was one. */
static bool place_some(struct family *family, bool *placed, size_t *done)
{
	bool any = false;

	for (size_t i = 0; i < family->count; i++) {
		size_t parent = family->lineage[i].parent;

		if (placed[i] || (parent != INHERITS_NOTHING && !placed[parent]))
			continue;
		placed[i] = any = true;
		family->lineage[(*done)++].next = i;
	}
	return any;
}

void inherit_resolve(const struct source_section *const *sections, size_t count, struct complaints *complaints,
    struct lineage *lineage_r)
{
	struct family family = { sections, count, complaints, lineage_r };
	bool *placed = arena_calloc(complaints->arena, count + 1, sizeof(*placed));
	size_t done = 0;

	for (size_t i = 0; i < count; i++)
		lineage_r[i].parent = find_parent(&family, sections[i]);
	while (done < count) {
		if (!place_some(&family, placed, &done))
			break_circles(&family, placed);
	}
}
