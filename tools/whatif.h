/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_WHATIF_H
#define ASSAY_TOOLS_WHATIF_H
/* What the files of assay whatif share. Thread: one. */
#include "report/whatif_text.h"

/* Which policies are asked. */
struct whatif_choice {
	const char *policy;	/* NULL: all of the configuration */
	bool everywhere;	/* that policy alone, for all mail */
	bool as_configured;	/* modes as the configuration has them; else what is asked is asked as if enforced */
};

/**
 * The policies to ask, in the arena, which borrow from the config.
 * @param command  in whose name it complains.
 * @return 0, or an exit code after a complaint that names the policies there are.
 */
int whatif_choose(const struct config *config, const char *command, const struct whatif_choice *choice, struct arena *arena,
    struct policy_set *set_r);

/** Reads "good=10,forged=1,upkeep=1", each part may be absent. @return 0, or EX_USAGE after a complaint. */
int whatif_take_weights(const char *text, struct whatif_weights *weights);

/** The forecast as JSON; assay(1) lists the keys. */
void whatif_print_json(struct whatif *whatif, const struct whatif_page *page, FILE *out);

#endif
