/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tolerant reader beside the strict one: it knows what a statement should look like, tells how each one differs, and goes on
 * behind it. Its verdict counts only where the strict parser has refused the text too. Two tokens are held ahead: a
 * statement is known by them.
 */
#include "config/slips.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "config/names.h"
#include "config/schema.h"
#include "config/token.h"

enum { DEPTH_MAX = 8, SHOWN_MAX = 60, NAME_MAX_BYTES = 64 };

struct slips {
	struct token_reader reader;
	struct token now, ahead;	/* the one under the reader, and the one behind it */
	unsigned last_line;		/* where the token before it began */
	const char *sections[DEPTH_MAX];	/* of the schema; NULL: an unknown one */
	unsigned opened[DEPTH_MAX];	/* where they begin */
	size_t depth;
	struct complaints *complaints;
	unsigned told_line;		/* of the last of them */
	bool lost;			/* a string or comment without end: what follows cannot be told from it */
};

/* One sentence a line: what is wrong behind the first slip of a line is hard to tell from its consequences. */
static void __attribute__((format(printf, 3, 4))) slip(struct slips *slips, unsigned line, const char *format, ...)
{
	va_list arguments;

	if (slips->complaints->count != 0 && line <= slips->told_line)
		return;
	slips->told_line = line;
	va_start(arguments, format);
	complain(slips->complaints, line, "%s", arena_vprintf(slips->complaints->arena, format, arguments));
	va_end(arguments);
}

static void step(struct slips *slips)
{
	slips->last_line = slips->now.line;
	slips->now = slips->ahead;
	slips->ahead = token_next(&slips->reader);
	if (slips->now.broken && !slips->lost) {
		slips->lost = true;
		slip(slips, slips->now.line, "the quote that begins in this line does not end in it: a \" or ' is missing");
	}
	if (slips->now.kind == TOKEN_END && slips->reader.comment_line != 0 && !slips->lost) {
		slips->lost = true;
		slip(slips, slips->reader.comment_line, "the comment that begins in this line has no closing */");
	}
}

static const char *shown(struct slips *slips, const struct token *token)
{
	size_t length = token->length < SHOWN_MAX ? token->length : SHOWN_MAX;

	return arena_strndup(slips->complaints->arena, token->text, length);
}

static void skip_line(struct slips *slips, unsigned line)
{
	while (slips->now.kind != TOKEN_END && slips->now.line == line && !token_is(&slips->now, '{') && !token_is(&slips->now, '}'))
		step(slips);
}

/* The name as the schema would write it: lower case, '-' for '_', without what stands behind a colon. */
static const char *plain_name(struct slips *slips, const struct token *token)
{
	size_t length = token->length < NAME_MAX_BYTES ? token->length : NAME_MAX_BYTES;
	char *name = arena_strndup(slips->complaints->arena, token->text, length);

	name[strcspn(name, ":")] = '\0';
	for (char *c = name; *c != '\0'; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	return name;
}

static const char *section_here(const struct slips *slips)
{
	return slips->depth == 0 ? "" : slips->sections[slips->depth - 1];
}

static bool is_option(const struct slips *slips, const char *name)
{
	const char *section = section_here(slips), *option;

	for (size_t i = 0; section != NULL && (option = names_option(section, i)) != NULL; i++) {
		if (strcmp(option, name) == 0)
			return true;
	}
	return false;
}

/* The schema's own word for a section that may stand here; NULL: none. */
static const char *section_name(const struct slips *slips, const char *name)
{
	if (slips->depth == 1 && slips->sections[0] != NULL && strcmp(slips->sections[0], "policy") == 0)
		return strcmp(name, "actions") == 0 ? "actions" : strcmp(name, "ramp") == 0 ? "ramp" : NULL;
	for (const struct section_row *row = schema_sections; slips->depth == 0 && row->name != NULL; row++) {
		if (row->name[0] != '\0' && strcmp(row->name, name) == 0)
			return row->name;
	}
	return NULL;
}

static void enter(struct slips *slips, const char *name, unsigned line)
{
	if (slips->depth < DEPTH_MAX) {
		slips->opened[slips->depth] = line;
		slips->sections[slips->depth] = section_name(slips, name);
		slips->depth++;
	} else {
		slips->lost = true;
	}
}

/* "write 'mode = enforce'" for a known name; for others the name is the first thing to mend. */
static void complain_form(struct slips *slips, const struct token *token, const char *value, const char *why)
{
	const char *name = plain_name(slips, token), *section = section_here(slips), *hint;
	size_t length;

	if (is_option(slips, name)) {
		slip(slips, token->line, "write '%s = %s': %s", name, value, why);
		return;
	}
	hint = section != NULL ? names_suggest(section, name, slips->complaints->arena) : "";
	length = strcspn(shown(slips, token), ":");
	slip(slips, token->line, "unknown option '%.*s'%s (options are written NAME = VALUE)", (int)length, token->text, hint);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void read_list(struct slips *slips, const char *name, unsigned line)
{
	bool value_before = false;

	while (!token_is(&slips->now, '}') && !slips->lost) {
		if (slips->now.kind == TOKEN_END || token_is(&slips->ahead, '=')) {
			slip(slips, line, "the list of '%s' has no closing '}'", name);
			slips->lost = true;
		} else if (slips->now.kind == TOKEN_WORD && slips->now.length > 0 && slips->now.text[slips->now.length - 1] == ';') {
			slip(slips, slips->now.line, "the values of '%s' are separated by ',', not by ';'", name);
			value_before = false;
		} else if (token_is_text(&slips->now) && value_before) {
			slip(slips, slips->now.line, "a ',' is missing before '%s' in the list of '%s'",
			    shown(slips, &slips->now), name);
		} else {
			value_before = token_is_text(&slips->now);
		}
		if (!slips->lost)
			step(slips);
	}
	if (!slips->lost)
		step(slips);
}

/* What follows a value in its line: nothing, or the next statement, or a slip. */
static void read_behind_value(struct slips *slips, const char *name, const struct token *value)
{
	const struct token *now = &slips->now;

	if (now->line != value->line || now->kind == TOKEN_END)
		return;
	if (token_is(now, ',') && (slips->ahead.line != value->line || !token_is_text(&slips->ahead))) {
		slip(slips, value->line, "no ',' at the end of an option");
	} else if (token_is(now, ',')) {
		slip(slips, value->line, "several values stand in braces: write '%s = { %s, ... }'", name,
		    shown(slips, value));
	} else if (token_is(now, '=')) {
		slip(slips, value->line, "a value that contains '=' stands in quotes");
	} else if (now->kind == TOKEN_WORD && now->text[0] == ';') {
		slip(slips, value->line, "no ';' at the end of an option");
	} else if (token_is_text(now) && now->text[now->length > 0 ? now->length - 1 : 0] != ':' &&
	    (slips->ahead.line != value->line || slips->ahead.kind == TOKEN_END)) {
		slip(slips, value->line, "a value with spaces stands in quotes: write '%s = \"%s %s\"'", name,
		    shown(slips, value), shown(slips, now));
	} else {
		return;
	}
	skip_line(slips, value->line);
}

/* Behind "NAME =". */
static void read_value(struct slips *slips, const char *name, unsigned line)
{
	struct token value = slips->now;

	if (token_is(&value, '{')) {
		step(slips);
		read_list(slips, name, line);
		return;
	}
	if (value.kind == TOKEN_WORD && value.text[0] == ';') {
		slip(slips, line, "'%s' has no value behind its '='", name);
		skip_line(slips, line);
	} else if (token_is(&value, '=')) {
		slip(slips, line, "write one '=' behind '%s'", name);
		skip_line(slips, line);
	} else if (token_is(&value, '(') || (value.kind == TOKEN_WORD && value.text[0] == '[')) {
		slip(slips, line, "several values stand in braces: write '%s = { ..., ... }'", name);
		skip_line(slips, line);
	} else if (!token_is_text(&value) || (value.line != line && token_is(&slips->ahead, '='))) {
		slip(slips, line, "'%s' has no value behind its '='", name);
	} else {
		if (value.kind == TOKEN_WORD && value.length > 1 && value.text[value.length - 1] == ';')
			slip(slips, value.line, "no ';' at the end of an option: write '%s = %.*s'", name,
			    (int)(value.length < SHOWN_MAX ? value.length - 1 : SHOWN_MAX), value.text);
		step(slips);
		read_behind_value(slips, name, &value);
	}
}

/* ---- statements --------------------------------------------------------------------------------------------------- */

/* "name: value", "name:", "name : value", "name := value", name:value; the name is still under the reader. */
static void read_colon(struct slips *slips, const struct token *name)
{
	const char *plain = plain_name(slips, name), *colon = memchr(name->text, ':', name->length);
	const char *value = "VALUE";
	unsigned line = name->line;

	step(slips);
	if (colon != NULL && colon + 1 < name->text + name->length)
		value = arena_strndup(slips->complaints->arena, colon + 1, (size_t)(name->text + name->length - colon - 1));
	while (slips->now.line == line && (token_is(&slips->now, '=') || (slips->now.kind == TOKEN_WORD && slips->now.text[0] == ':')))
		step(slips);
	if (slips->now.line == line && token_is_text(&slips->now))
		value = shown(slips, &slips->now);
	if (section_name(slips, plain) != NULL)
		slip(slips, line, "write '%s { ... }': a section's options stand in braces", plain);
	else
		complain_form(slips, name, value, "'=' stands between name and value, not ':'");
	skip_line(slips, line);
	if (slips->now.line == line && token_is(&slips->now, '{')) {
		enter(slips, plain, line);
		step(slips);
	}
}

/* A statement that is no statement at all: lines of other formats. @return whether it was one. */
static bool read_foreign(struct slips *slips, unsigned last_line)
{
	const struct token *name = &slips->now;
	unsigned line = name->line;

	if (name->kind != TOKEN_WORD)
		return false;
	if (name->text[0] == ';' && last_line == line)
		slip(slips, line, "no ';' at the end of an option");
	else if (name->text[0] == ';')
		slip(slips, line, "a comment begins with '#', not with ';'");
	else if (name->text[0] == '[')
		slip(slips, line, "'%s': a section is written NAME { ... }", shown(slips, name));
	else if (strspn(name->text, "-") >= name->length)
		slip(slips, line, "'%s': options are written NAME = VALUE, lists NAME = { VALUE, VALUE }",
		    shown(slips, name));
	else
		return false;
	skip_line(slips, line);
	return true;
}

/* Behind "NAME {". */
static void read_opening(struct slips *slips, const struct token *name)
{
	const char *plain = plain_name(slips, name);

	step(slips);
	if (section_name(slips, plain) == NULL && is_option(slips, plain)) {
		slip(slips, name->line, "write '%s = { ... }': a list stands behind '='", plain);
		read_list(slips, plain, name->line);
		return;
	}
	enter(slips, plain, name->line);
}

static void read_equals(struct slips *slips, const struct token *name)
{
	const char *plain = plain_name(slips, name);

	step(slips);
	if (token_is(&slips->now, '{') && section_name(slips, plain) != NULL) {
		slip(slips, name->line, "write '%s { ... }': a section has no '='", plain);
		enter(slips, plain, name->line);
		step(slips);
		return;
	}
	read_value(slips, shown(slips, name), name->line);
}

static void read_statement(struct slips *slips)
{
	struct token name = slips->now, ahead = slips->ahead;

	if (read_foreign(slips, slips->last_line))
		return;
	if ((name.kind == TOKEN_WORD && memchr(name.text, ':', name.length) != NULL) ||
	    (ahead.kind == TOKEN_WORD && ahead.text[0] == ':' && ahead.line == name.line)) {
		read_colon(slips, &name);
		return;
	}
	step(slips);
	if (token_is(&slips->now, '=')) {
		read_equals(slips, &name);
	} else if (token_is(&slips->now, '{')) {
		read_opening(slips, &name);
	} else if (token_is_text(&slips->now) && token_is(&slips->ahead, '{')) {
		step(slips);
		read_opening(slips, &name);
	} else if (section_name(slips, plain_name(slips, &name)) != NULL) {
		slip(slips, name.line, "write '%s { ... }': a section's options stand in braces",
		    plain_name(slips, &name));
		skip_line(slips, name.line);
	} else {
		complain_form(slips, &name, slips->now.line == name.line && token_is_text(&slips->now) ?
		    shown(slips, &slips->now) : "VALUE", "'=' stands between name and value");
		skip_line(slips, name.line);
	}
}

static void read_text(struct slips *slips)
{
	while (slips->now.kind != TOKEN_END && !slips->lost) {
		if (token_is_text(&slips->now)) {
			read_statement(slips);
			continue;
		}
		if (token_is(&slips->now, '{')) {
			slip(slips, slips->now.line, "'{' without a section's name before it");
			enter(slips, "", slips->now.line);
		} else if (token_is(&slips->now, '}') && slips->depth > 0) {
			slips->depth--;
		}
		step(slips);
	}
	if (slips->depth > 0 && !slips->lost)
		slip(slips, slips->opened[slips->depth - 1], "the section that begins in this line has no closing '}'");
}

/* Errors of the lines before the first slip stand; of those behind it the parser has not read what was meant. */
static void replace_from(struct complaints *complaints, const struct complaints *slips)
{
	unsigned first = slips->items[0].line;
	size_t kept = 0;

	for (size_t i = 0; i < slips->count; i++)
		first = slips->items[i].line < first ? slips->items[i].line : first;
	for (size_t i = 0; i < complaints->count; i++) {
		if (complaints->items[i].line != 0 && complaints->items[i].line < first)
			complaints->items[kept++] = complaints->items[i];
	}
	complaints->count = kept;
	complaints->dropped = slips->dropped;
	for (size_t i = 0; i < slips->count; i++)
		complain(complaints, slips->items[i].line, "%s", slips->items[i].text);
}

void slips_explain(const char *text, struct complaints *complaints)
{
	struct complaints found = { .arena = complaints->arena };
	struct slips slips = { .reader = { text, 1, 0 }, .complaints = &found };

	slips.ahead = token_next(&slips.reader);
	step(&slips);
	read_text(&slips);
	if (found.count != 0)
		replace_from(complaints, &found);
}
