/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libConfuse behind a tree of plain structs.
 *
 * libConfuse stops at the first name that it does not know. So that all errors of a file are told at once, an unknown
 * name is remembered as a "stray" and the text is parsed again with the stray known (as an option, and when that does
 * not fit, as a section), until a pass comes through or something else is wrong. A pass costs microseconds, and
 * their number is capped. Every option is declared as a list of strings with a call-back, because that is the only way
 * to learn the line of a value; types and counts are checked later.
 *
 * The call-backs of libConfuse carry no context pointer: each option's def.number, which strings do not use, holds a
 * pointer to its node. Trusts nothing of the text but that it has no NUL.
 */
#include "config/source.h"

#include <confuse.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/names.h"
#include "config/schema.h"
#include "config/source_title.h"
#include "util/out_of_memory.h"

enum { MAX_PASSES = 64, MAX_DEPTH = 6 };

enum node_kind { NODE_OPTION, NODE_SECTION, NODE_TITLED };

struct parser;

/* One name that the parser knows: from the schema, or a stray. */
struct node {
	struct parser *parser;
	struct node *parent, *next, *children;
	const char *name;
	enum node_kind kind;
	bool stray;
	unsigned line, depth;	/* line of a stray: where it was met first */
};

/* Where a value stood. Newest first. */
struct mark { struct mark *next; const cfg_opt_t *option; unsigned line; };

struct parser {
	struct complaints *complaints;
	struct arena *arena;
	struct arena *pass_arena;	/* for what one pass needs */
	struct node *root;
	struct mark *marks;
	bool again;			/* this pass found a stray: parse once more */
	bool told;			/* this pass said what is wrong */
	unsigned nameless;		/* line of a name without a letter, at which libConfuse stops without a word; 0: none */
	bool duplicate_titles;		/* already complained about: let them pass */
	bool checking_end, end_seen;	/* see check_end() */
};

/* An option that no file can contain (control bytes are refused before): appended to the text it finds its end. */
static const char end_mark[] = "\x01" "end";

static struct node *node_add(struct node *parent, const char *name, enum node_kind kind)
{
	struct node *node = arena_calloc(parent->parser->arena, 1, sizeof(*node)), **end = &parent->children;

	*node = (struct node){ .parser = parent->parser, .parent = parent, .kind = kind, .depth = parent->depth + 1 };
	node->name = arena_strdup(parent->parser->arena, name);
	while (*end != NULL)
		end = &(*end)->next;
	*end = node;
	return node;
}

/* The section of the schema with its options; "" has those of the parent itself. */
static struct node *add_section(struct node *parent, const char *name)
{
	struct node *section = parent;
	const char *option;

	if (name[0] != '\0')
		section = node_add(parent, name, schema_is_titled(name) ? NODE_TITLED : NODE_SECTION);
	for (size_t i = 0; (option = names_option(name, i)) != NULL; i++)
		node_add(section, option, NODE_OPTION);
	return section;
}

static struct node *schema_tree(struct parser *parser)
{
	struct node *root = arena_calloc(parser->arena, 1, sizeof(*root)), *section;

	*root = (struct node){ .parser = parser, .name = "", .kind = NODE_SECTION };
	node_add(root, end_mark, NODE_OPTION)->stray = true;
	for (const struct section_row *row = schema_sections; row->name != NULL; row++) {
		section = add_section(root, row->name);
		if (strcmp(row->name, "policy") == 0) {
			add_section(section, "actions");
			add_section(section, "ramp");
		}
	}
	return root;
}

static struct node *node_of(const cfg_opt_t *option)
{
	return (struct node *)(intptr_t)option->def.number;
}

static struct node *find_child(struct node *section, const char *name)
{
	struct node *node = section->children;

	while (node != NULL && strcmp(node->name, name) != 0)
		node = node->next;
	return node;
}

/* Every value comes by here: remember its line. */
static int on_value(cfg_t *section, cfg_opt_t *option, const char *text, void *result)
{
	struct parser *parser = node_of(option)->parser;
	struct mark *mark = arena_alloc(parser->pass_arena, sizeof(*mark));

	if (strcmp(option->name, end_mark) == 0)
		parser->end_seen = true;
	*mark = (struct mark){ .next = parser->marks, .option = option, .line = (unsigned)section->line };
	parser->marks = mark;
	*(const char **)result = text;
	return 0;
}

/* The section in whose options array the error arose: each array starts with an option that knows its node. One that has none
 * could not be copied, and libConfuse goes on with it. */
static struct node *section_node(const cfg_t *section)
{
	if (section->opts == NULL || section->opts[0].name == NULL)
		out_of_memory();
	return node_of(&section->opts[0])->parent;
}

static bool meet_stray(struct node *section, const char *name, unsigned line)
{
	struct node *stray;

	if (section->depth >= MAX_DEPTH || find_child(section, name) != NULL)
		return false;
	stray = node_add(section, name, NODE_OPTION);
	stray->stray = true;
	stray->line = line;
	return true;
}

/* A stray that was taken for an option, or for a section without title, turns out to be more. */
static bool promote_stray(struct node *section, const char *name, enum node_kind from)
{
	struct node *stray = find_child(section, name);

	if (stray == NULL || !stray->stray || stray->kind != from)
		return false;
	stray->kind = from == NODE_OPTION ? NODE_SECTION : NODE_TITLED;
	return true;
}

static void __attribute__((format(printf, 3, 0))) say_syntax_error(struct parser *parser, const cfg_t *section,
    const char *format, va_list arguments)
{
	const char *what = arena_vprintf(parser->arena, format, arguments);

	if (strncmp(what, "premature end of file", 21) == 0)
		what = "the file ends where a value, list or string should end";
	complain(parser->complaints, (unsigned)section->line, "%s", what);
}

/* Takes libConfuse's messages apart by their format; one that is not known here is passed on as it is. */
static void __attribute__((format(printf, 2, 0))) on_error(cfg_t *section, const char *format, va_list arguments)
{
	struct node *node = section_node(section);
	struct parser *parser = node->parser;
	va_list again;
	const char *name;

	parser->told = true;
	if (parser->checking_end)
		return;
	va_copy(again, arguments);
	if (strcmp(format, "no such option '%s'") == 0) {
		name = va_arg(again, const char *);
		parser->again = meet_stray(node, name, (unsigned)section->line);
	} else if (strcmp(format, "missing equal sign after option '%s'") == 0) {
		name = va_arg(again, const char *);
		parser->again = promote_stray(node, name, NODE_OPTION);
	} else if (strcmp(format, "missing opening brace for section '%s'") == 0) {
		name = va_arg(again, const char *);
		parser->again = promote_stray(node, name, NODE_SECTION);
	} else if (strcmp(format, "found duplicate title '%s'") == 0) {
		name = va_arg(again, const char *);
		complain(parser->complaints, (unsigned)section->line, "there is %s '%s' already", titled_before(section, name), name);
		parser->again = parser->duplicate_titles = true;
	}
	va_end(again);
	if (!parser->again)
		say_syntax_error(parser, section, format, arguments);
}

static cfg_opt_t *make_options(struct node *section)
{
	cfg_opt_t *options, option_end = CFG_END();
	size_t count = 1, i = 0;

	/* never empty: the first option tells the section's node; no text can contain this name */
	if (section->children == NULL)
		node_add(section, "{", NODE_OPTION)->stray = true;
	for (struct node *node = section->children; node != NULL; node = node->next)
		count++;
	options = arena_calloc(section->parser->pass_arena, count, sizeof(*options));
	for (struct node *node = section->children; node != NULL; node = node->next, i++) {
		cfg_opt_t option = CFG_STR_LIST_CB(node->name, NULL, CFGF_NODEFAULT, on_value);
		cfg_opt_t subsection = CFG_SEC(node->name, NULL, CFGF_NONE);

		if (node->kind != NODE_OPTION) {
			option = subsection;
			option.subopts = make_options(node);
		}
		if (node->kind == NODE_TITLED) {
			option.flags = CFGF_MULTI | CFGF_TITLE;
			if (!node->stray && !node->parser->duplicate_titles)
				option.flags |= CFGF_NO_TITLE_DUPES;
		}
		option.def.number = (long)(intptr_t)node;
		options[i] = option;
	}
	options[i] = option_end;
	return options;
}

/* After a repeated title the marks of the policy that was dropped may name the memory of the one that replaced it. */
static bool may_be_reused(const cfg_opt_t *option)
{
	const struct node *node = node_of(option);

	while (node != NULL && node->kind != NODE_TITLED)
		node = node->parent;
	return node != NULL && node->parser->duplicate_titles;
}

/* The values of an option with their lines; marks are newest first, so that the last values are met first. */
static void read_values(struct parser *parser, const cfg_opt_t *option, struct source_option *option_r)
{
	struct source_value *values = arena_calloc(parser->arena, option->nvalues + 1, sizeof(*values));
	size_t left = option->nvalues, marks = 0;
	unsigned first_line = 0;

	for (const struct mark *mark = parser->marks; mark != NULL; mark = mark->next) {
		if (mark->option != option)
			continue;
		marks++;
		first_line = mark->line;
		if (left == 0)
			continue;
		left--;
		values[left] = (struct source_value){ arena_strdup(parser->arena, option->values[left]->string), mark->line };
	}
	option_r->values = values;
	option_r->value_count = option->nvalues;
	option_r->line = option->nvalues != 0 ? values[0].line : first_line;
	if (marks > option->nvalues && !may_be_reused(option))	/* where {} stands nobody says */
		complain(parser->complaints, option_r->line, option->nvalues != 0 ? "'%s' is already set in line %u" :
		    "'%s' is set in line %u, and to {} behind", option->name, first_line);
}

static void read_section(struct parser *parser, const cfg_t *from, struct source_section *section_r);

static size_t read_subsections(struct parser *parser, const cfg_opt_t *option, struct source_section *sections_r)
{
	size_t count = 0;

	for (unsigned i = 0; i < option->nvalues; i++) {
		if (option->values[i]->section == NULL)
			continue;
		read_section(parser, option->values[i]->section, &sections_r[count]);
		sections_r[count++].name = node_of(option)->name;
	}
	return count;
}

static void read_section(struct parser *parser, const cfg_t *from, struct source_section *section_r)
{
	size_t options = 0, sections = 0;
	struct source_section *section;
	struct source_option *option;

	if (from->opts == NULL)		/* it could not be copied */
		out_of_memory();
	memset(section_r, 0, sizeof(*section_r));
	section_r->name = "";
	section_r->title = arena_strdup(parser->arena, from->title);
	section_r->line = (unsigned)from->line;
	for (const cfg_opt_t *o = from->opts; o->name != NULL; o++) {
		options++;
		sections += o->type == CFGT_SEC ? o->nvalues : 0;
	}
	section_r->options = option = arena_calloc(parser->arena, options + 1, sizeof(*option));
	section_r->sections = section = arena_calloc(parser->arena, sections + 1, sizeof(*section));
	for (const cfg_opt_t *o = from->opts; o->name != NULL; o++) {
		if (node_of(o)->stray || (o->flags & CFGF_MODIFIED) == 0)
			continue;
		if (o->type == CFGT_SEC) {
			section_r->section_count += read_subsections(parser, o, section + section_r->section_count);
			continue;
		}
		option->name = node_of(o)->name;
		read_values(parser, o, option);
		if (option->line == 0)
			option->line = (unsigned)from->line;
		if (option->line < section_r->line)
			section_r->line = option->line;
		option++;
	}
	section_r->option_count = (size_t)(option - section_r->options);
}

/* Names inside of an unknown section are not worth a line of their own. */
static void complain_about_strays(struct node *section)
{
	struct complaints *complaints = section->parser->complaints;

	for (struct node *node = section->children; node != NULL; node = node->next) {
		const char *what = node->kind == NODE_OPTION ? "option" : "section", *hint, *where;

		if (!node->stray && node->kind != NODE_OPTION)
			complain_about_strays(node);
		if (!node->stray || node->line == 0)
			continue;
		if (node->kind == NODE_OPTION && (strcmp(section->name, "findings") == 0 || strcmp(section->name, "actions") == 0))
			what = "finding";
		hint = names_suggest(section->name, node->name, complaints->arena);
		where = section->name[0] == '\0' ? "" : arena_printf(complaints->arena, " in section '%s'", section->name);
		complain(complaints, node->line, "unknown %s '%s'%s%s", what, node->name, where, hint);
	}
}

static cfg_t *parse_once(struct parser *parser, const char *text)
{
	cfg_t *cfg;

	parser->again = parser->told = false;
	parser->marks = NULL;
	arena_reset(parser->pass_arena);
	cfg = cfg_init(make_options(parser->root), CFGF_NONE);
	if (cfg == NULL)
		out_of_memory();
	cfg_set_error_function(cfg, on_error);
	/* fmemopen(), which is below, refuses an empty buffer */
	errno = 0;
	if (cfg_parse_buf(cfg, text[0] != '\0' ? text : "\n") != CFG_SUCCESS && !parser->told) {
		if (errno == ENOMEM)	/* what it has read by then is not whole */
			out_of_memory();
		parser->nameless = (unsigned)cfg->line;
	}
	return cfg;
}

/* libConfuse takes the end of the file for the end of all open sections and comments. Is an option behind it still
 * one of the top level? */
static void check_end(struct parser *parser, const char *text)
{
	unsigned lines = 1;

	for (const char *c = text; *c != '\0'; c++)
		lines += c[0] == '\n' && c[1] != '\0';
	parser->checking_end = true;
	cfg_free(parse_once(parser, arena_printf(parser->arena, "%s\n%s = yes\n", text, end_mark)));
	if (!parser->end_seen)
		complain(parser->complaints, lines, "the file ends inside of a section or comment");
}

const struct source_section *source_parse(const char *text, struct complaints *complaints)
{
	struct parser parser = { .complaints = complaints, .arena = complaints->arena };
	struct source_section *root = arena_calloc(complaints->arena, 1, sizeof(*root));
	cfg_t *cfg;

	parser.pass_arena = arena_new();
	parser.root = schema_tree(&parser);
	for (unsigned pass = 1;; pass++) {
		cfg = parse_once(&parser, text);
		if (!parser.again || pass == MAX_PASSES)
			break;
		cfg_free(cfg);
	}
	read_section(&parser, cfg, root);
	cfg_free(cfg);
	complain_about_strays(parser.root);
	if (parser.nameless != 0)
		complain(complaints, parser.nameless, "unknown option ''");
	if (complaints->count == 0)
		check_end(&parser, text);
	arena_free(&parser.pass_arena);
	return root;
}
