/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_DOMAIN_LIST_H
#define ASSAY_CONFIG_DOMAIN_LIST_H
/*
 * Lists of domains: from the values of an option, and the files that these name, to a struct domain_list; and what there is to
 * say of the files of a snapshot. Thread: that of the arena; of a snapshot any.
 */
#include "config/advice.h"
#include "config/complaints.h"
#include "config/schema.h"
#include "config/source.h"

/* Files that were read for one configuration: each is read once, so that two lists of one name are the same list. */
struct domain_file;
struct domain_files { struct domain_file *first; };

/**
 * Fills a list. Names of files live in the arena, side by side: their text, and 19 to 30 bytes each.
 * @param files  empty at first, the same for all lists of a configuration and of the same arena.
 * What is wrong, in the option or in a line of a file, goes to complaints; the list is usable only without.
 */
void domain_list_load(const struct option_row *row, const struct source_option *option, struct arena *arena,
    struct domain_files *files, struct complaints *complaints, struct domain_list *list_r);

/** @return the path when the value names a file ("@/path"); else NULL. */
const char *domain_source_path(const struct domain_source *source);

/**
 * @param a, b  the structs at whose row->offset the lists are, of two snapshots.
 * @return whether both lists hold the same domains, wherever they are written; true when the row is not a list of domains.
 */
bool domain_lists_equal(const struct option_row *row, const void *a, const void *b);

/** Calls seen for each list of domains of the snapshot. @param where  "" or "policy NAME", for messages. */
typedef void domain_list_seen(void *closure, const char *where, const struct option_row *row, const struct domain_list *list);
void domain_lists_each(const struct config *config, domain_list_seen *seen, void *closure);

/** Tells for each file how many domains it lists: "policy staff recipient-domains: 100000 domains in /etc/assay/staff". */
void domain_lists_tell(const struct config *config, config_tell *tell, void *closure);

#endif
