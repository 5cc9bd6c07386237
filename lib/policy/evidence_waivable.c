/* SPDX-License-Identifier: BSD-2-Clause */
/* See evidence_waivable.h; a part of evidence_read.c, which says what is trusted: nothing. */
#include "policy/evidence_waivable.h"

#include "policy/evidence_item.h"
#include "policy/evidence_text.h"
#include "util/arena.h"
#include "util/error.h"

/* "lists+", "uni?" */
static int read_override(struct arena *arena, struct part part, struct evidence_override *override_r)
{
	override_r->unknown = part_ends(&part, '?');
	override_r->secure = !override_r->unknown && part_ends(&part, '+');
	return part.length != 0 ? evidence_item_name(arena, &part, &override_r->name) : -E_SYNTAX;
}

/* One item. @return whether it can be kept, or -E_SYNTAX. */
static int read_item(struct arena *arena, struct part item, struct evidence_waivable *waivable_r)
{
	struct evidence_override *overrides = arena_calloc(arena, EVIDENCE_OVERRIDES_MAX, sizeof(*overrides));
	struct part finding, part;
	size_t count = 0;

	if (!part_take(&item, ':', &finding) || item.at == NULL)
		return -E_SYNTAX;
	waivable_r->as_is.secure = part_ends(&finding, '+');
	if (finding_from_name(arena_strndup(arena, finding.at, finding.length), &waivable_r->as_is.id) != 0)
		return 0;
	while (part_take(&item, '/', &part)) {
		if (count == EVIDENCE_OVERRIDES_MAX)
			return 0;
		if (read_override(arena, part, &overrides[count++]) != 0)
			return -E_SYNTAX;
	}
	evidence_set_waivable(waivable_r, overrides, count);
	return 1;
}

int evidence_read_waivable(struct arena *arena, struct part value, struct evidence *evidence)
{
	struct evidence_waivable *items = arena_calloc(arena, EVIDENCE_WAIVABLE_MAX, sizeof(*items));
	struct part item;

	evidence->waivable = items;
	while (evidence_item_take(evidence, EVIDENCE_LACKS_OVERRIDES, &value, evidence->waivable_count, EVIDENCE_WAIVABLE_MAX, &item)) {
		int kept = read_item(arena, item, &items[evidence->waivable_count]);

		if (kept < 0)
			return kept;
		if (kept == 0)
			evidence->lacks |= EVIDENCE_LACKS_OVERRIDES;
		evidence->waivable_count += (size_t)kept;
	}
	return 0;
}
