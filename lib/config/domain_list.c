/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An option's values and the files that they name become one set. A file is read whole when the configuration is, so that what
 * is wrong in it keeps the configuration from being loaded, and a running daemon from losing the list it has. Trusts nothing
 * of the values or files.
 */
#include "config/domain_list.h"

#include <stdio.h>
#include <string.h>

#include "config/list_file.h"
#include "config/value.h"
#include "util/error.h"

enum { FAULTS_TOLD_MAX = 10 };	/* of one file: another kind of file is told by its first lines */

struct domain_file {
	struct domain_file *next;
	const char *path;
	enum list_form form;		/* as what it was read */
	struct list_names names;
	const struct domain_set *set;	/* of this file alone; NULL until a list is that */
};

struct loading {
	const struct option_row *row;
	struct arena *arena;
	struct complaints *complaints;
	struct domain_files *files;
	struct domain_file *file;	/* the last value, when it named one */
	const char *path;		/* of the file that is read */
	unsigned line;			/* of the configuration, where it is named */
	size_t faults;			/* lines of it that are wrong */
	struct list_names *parts;	/* of every value its names */
};

static bool is_file(const char *text)
{
	return text[0] == '@';
}

static const char *entries_word(const struct option_row *row, size_t count)
{
	if (row->type == OPTION_ADDRESSES)
		return count == 1 ? "address" : "addresses";
	return count == 1 ? "domain" : "domains";
}

const char *domain_source_path(const struct domain_source *source)
{
	return is_file(source->text) ? source->text + 1 : NULL;
}

static void tell_line(void *closure, unsigned line, const char *entry, const char *why)
{
	struct loading *loading = closure;

	if (++loading->faults <= FAULTS_TOLD_MAX)
		complain(loading->complaints, loading->line, "%s:%u: '%.100s': %s", loading->path, line, entry, why);
}

/* From the text of the whole file, which goes, to one block that holds the names alone. */
static void keep_names(struct list_names *names, struct arena *arena)
{
	size_t bytes = 0;
	char *at;

	for (size_t i = 0; i < names->count; i++)
		bytes += strlen(names->names[i]) + 1;
	at = arena_alloc(arena, bytes);
	for (size_t i = 0; i < names->count; i++) {
		size_t length = strlen(names->names[i]) + 1;

		memcpy(at, names->names[i], length);
		names->names[i] = at;
		at += length;
	}
}

/* @return whether the file's names are in names_r. */
static bool load_file(struct loading *loading, const char *path, unsigned line, struct list_names *names_r)
{
	struct complaints *complaints = loading->complaints;
	const char *why, *name = loading->row->name;
	size_t length;
	char *text;

	loading->path = path;
	loading->line = line;
	loading->faults = 0;
	if (path[0] != '/') {
		complain(complaints, line, "%s = '@%.1000s': not an absolute path behind the @", name, path);
		return false;
	}
	if (list_file_read(path, complaints->arena, &text, &length, &why) != 0) {
		complain(complaints, line, "%s = '@%.1000s': %s", name, path, why);
		return false;
	}
	if (list_parse(text, length, option_list_form(loading->row->type), complaints->arena, tell_line, loading, names_r) != 0) {
		complain(complaints, line, "%s = '@%.1000s': has more than %d entries", name, path, LIST_FILE_MAX_ENTRIES);
		return false;
	}
	if (loading->faults > FAULTS_TOLD_MAX)
		complain(complaints, line, "%s: %zu more lines are no %s", path, loading->faults - FAULTS_TOLD_MAX,
		    entries_word(loading->row, 2));
	/* an empty list would match everything in one option and nothing in another: whichever was meant, it is not this */
	if (loading->faults == 0 && names_r->count == 0)
		complain(complaints, line, "%s = '@%.1000s': lists no %s; is it being written? Replace it by renaming a finished one",
		    name, path, loading->row->type == OPTION_ADDRESSES ? "address" : "domain");
	return loading->faults == 0 && names_r->count != 0;
}

static struct domain_file *find_file(const struct loading *loading, const char *path, enum list_form form)
{
	struct domain_file *file = loading->files->first;

	while (file != NULL && (file->form != form || strcmp(file->path, path) != 0))
		file = file->next;
	return file;
}

/* As it was read before for this configuration, else now. @return NULL when it is no list. */
static struct domain_file *get_file(struct loading *loading, const char *path, unsigned line)
{
	enum list_form form = option_list_form(loading->row->type);
	struct domain_file *file = find_file(loading, path, form);
	struct list_names names;

	if (file != NULL)
		return file;
	if (!load_file(loading, path, line, &names))
		return NULL;
	keep_names(&names, loading->arena);
	file = arena_alloc(loading->complaints->arena, sizeof(*file));
	*file = (struct domain_file){ loading->files->first, arena_strdup(loading->complaints->arena, path), form, names, NULL };
	loading->files->first = file;
	return file;
}

static bool load_value(struct loading *loading, const struct source_value *given, struct list_names *names_r)
{
	union value value;
	const char *why;

	loading->file = NULL;
	if (is_file(given->text) && !value_has_control(given->text)) {
		loading->file = get_file(loading, given->text + 1, given->line);
		if (loading->file != NULL)
			*names_r = loading->file->names;
		return loading->file != NULL;
	}
	if (value_parse(loading->row, given->text, loading->arena, &value, &why) != 0) {
		complain(loading->complaints, given->line, "%s = '%.100s': %s", loading->row->name, given->text, why);
		return false;
	}
	*names_r = (struct list_names){ arena_alloc(loading->complaints->arena, sizeof(char *)), 1 };
	names_r->names[0] = value.text;
	return true;
}

static const struct domain_set *make_set(struct loading *loading, size_t parts)
{
	size_t total = 0, count = 0;
	const char **all;

	for (size_t i = 0; i < parts; i++)
		total += loading->parts[i].count;
	all = arena_calloc(loading->complaints->arena, total + 1, sizeof(*all));
	for (size_t i = 0; i < parts; i++) {
		memcpy(all + count, loading->parts[i].names, loading->parts[i].count * sizeof(*all));
		count += loading->parts[i].count;
	}
	return domain_set_make(loading->arena, all, count);
}

/* Lists that are one file and nothing else are one set. */
static const struct domain_set *get_set(struct loading *loading, size_t parts)
{
	struct domain_file *file = parts == 1 ? loading->file : NULL;

	if (file == NULL)
		return make_set(loading, parts);
	if (file->set == NULL)
		file->set = make_set(loading, parts);
	return file->set;
}

void domain_list_load(const struct option_row *row, const struct source_option *option, struct arena *arena,
    struct domain_files *files, struct complaints *complaints, struct domain_list *list_r)
{
	size_t count = option->value_count;
	struct domain_source *sources = arena_calloc(arena, count + 1, sizeof(*sources));
	struct loading loading = { .row = row, .arena = arena, .complaints = complaints, .files = files };
	bool good = true;

	loading.parts = arena_calloc(complaints->arena, count + 1, sizeof(*loading.parts));
	for (size_t i = 0; i < count; i++) {
		struct list_names *names = &loading.parts[i];

		if (!load_value(&loading, &option->values[i], names)) {
			good = false;
			continue;
		}
		sources[i].entries = names->count;
		/* an address is another text in the set than in the file */
		sources[i].text = is_file(option->values[i].text) || row->type == OPTION_ADDRESSES ?
		    arena_strdup(arena, option->values[i].text) : names->names[0];
	}
	if (!good)
		return;
	list_r->set = get_set(&loading, count);
	list_r->count = domain_set_count(list_r->set);
	list_r->sources = sources;
	list_r->source_count = count;
}

static const struct domain_list *list_at(const struct option_row *row, const void *base)
{
	return (const void *)((const char *)base + row->offset);
}

bool domain_lists_equal(const struct option_row *row, const void *a, const void *b)
{
	return !option_is_domain_list(row->type) || domain_set_equal(list_at(row, a)->set, list_at(row, b)->set);
}

static void each_of(const void *base, const char *section, const char *where, domain_list_seen *seen, void *closure)
{
	for (size_t i = 0; i < schema_count; i++) {
		const struct option_row *row = &schema_table[i];
		bool is_here = schema_is_titled(row->section) ? strcmp(row->section, section) == 0 : section[0] == '\0';

		if (option_is_domain_list(row->type) && is_here)
			seen(closure, where, row, list_at(row, base));
	}
}

void domain_lists_each(const struct config *config, domain_list_seen *seen, void *closure)
{
	char where[96];

	each_of(config, "", "", seen, closure);
	for (size_t i = 0; i < config->override_count; i++) {
		snprintf(where, sizeof(where), "override %s ", config->overrides[i].name);
		each_of(&config->overrides[i], "override", where, seen, closure);
	}
	for (size_t i = 0; i < config->policy_count; i++) {
		snprintf(where, sizeof(where), "policy %s ", config->policies[i].name);
		each_of(&config->policies[i], "policy", where, seen, closure);
	}
	for (size_t i = 0; i < config->template_count; i++) {
		snprintf(where, sizeof(where), "policy %s ", config->templates[i].name);
		each_of(&config->templates[i], "policy", where, seen, closure);
	}
}

struct telling {
	config_tell *tell;
	void *closure;
};

static void tell_files(void *closure, const char *where, const struct option_row *row, const struct domain_list *list)
{
	const struct telling *telling = closure;
	char text[4200];	/* a path is no longer than a line of the configuration */

	for (size_t i = 0; i < list->source_count; i++) {
		const char *path = domain_source_path(&list->sources[i]);

		if (path == NULL)
			continue;
		snprintf(text, sizeof(text), "%s%s: %zu %s in %s", where, row->name, list->sources[i].entries,
		    entries_word(row, list->sources[i].entries), path);
		telling->tell(telling->closure, text);
	}
}

void domain_lists_tell(const struct config *config, config_tell *tell, void *closure)
{
	struct telling telling = { tell, closure };

	domain_lists_each(config, tell_files, &telling);
}
