/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_OVERRIDE_H
#define ASSAY_CONFIG_OVERRIDE_H
/*
 * Sections `override "name" { }`: whose mail is let in although it fails DMARC, by evidence that its sender cannot forge. What a
 * section says is struct override_config (config.h); whether it holds for a message is check/dmarc/override_sections.c's.
 * Thread: that of the loader.
 */
#include <stdbool.h>

#include "util/words.h"

struct arena;
struct complaints;
struct config;
struct source_section;

/* For whom an override stands up. SEALER: the one that dmarc { trusted-sealers } makes, by the name of OVERRIDE_ARC. */
enum override_kind { OVERRIDE_UNSET, OVERRIDE_FORWARDER, OVERRIDE_MAILING_LIST, OVERRIDE_KNOWN_SENDER, OVERRIDE_SEALER };
extern const struct word override_kind_words[];	/* "forwarder" "mailing-list" "known-sender": of sections */

#define OVERRIDE_ARC "arc"	/* no section may have this name */

/**
 * Room for the sections, each with its name; what is wrong with their number and names goes to complaints.
 * @return the first of config_r->override_count; NULL: there is none.
 */
struct override_config *overrides_begin(const struct source_section *root, struct arena *arena, struct complaints *complaints,
    struct config *config_r);

/** When all sections have been read: what they lack, and which override each policy honours (policy_config.honours). */
void overrides_end(const struct source_section *root, struct arena *arena, struct complaints *complaints, struct config *config);

#endif
