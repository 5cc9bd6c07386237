/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_INHERIT_H
#define ASSAY_CONFIG_INHERIT_H
/*
 * Which policy section inherits from which, and in what order they can be read: parents before their heirs, wherever they stand in
 * the file. Thread: that of the complaints' arena. Trusts nothing of the names.
 */
#include "config/complaints.h"
#include "config/source.h"

#define INHERITS_NOTHING ((size_t)-1)

struct lineage {
	size_t parent;		/* number of a section; INHERITS_NOTHING: the settings outside of policies */
	size_t next;		/* in this order each comes behind its parent: number of the section to be read at this place */
};

/**
 * @param sections   policy sections in file order.
 * @param lineage_r  count of them. A name that no section has, and a circle, are complaints; who is part of one inherits nothing.
 */
void inherit_resolve(const struct source_section *const *sections, size_t count, struct complaints *complaints,
    struct lineage *lineage_r);

#endif
