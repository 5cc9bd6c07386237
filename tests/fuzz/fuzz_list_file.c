/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of domains or addresses of any bytes (the first says which kind of list): whatever is taken is one in normal form, stands in
 * the set that is made of it, and reads the same again; every other line is told, or empty.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/list_file.h"
#include "util/buf.h"
#include "util/domain.h"
#include "util/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note_fault(void *closure, unsigned line, const char *entry, const char *why)
{
	unsigned *last = closure;

	/* in order, each line once, with something to show unless a NUL hides it */
	if (line <= *last || why[0] == '\0' || entry == NULL)
		abort();
	*last = line;
}

/* As a recipient at that address would be asked for; and as the file has it. */
static void check_addresses(const struct list_names *list, struct arena *arena, struct buf *again)
{
	const struct domain_set *set = domain_set_make(arena, list->names, list->count);

	for (size_t i = 0; i < list->count; i++) {
		const char *user = mailbox_entry_local(list->names[i]);
		const char *domain = arena_strndup(arena, list->names[i], (size_t)(user - 1 - list->names[i]));
		const char *name = domain + (domain[0] == '.'), *read = mailbox_read(arena, user, strlen(user));

		if (domain[0] != '\0' && domain_fault(name, strlen(name)) != NULL)
			abort();
		if (read == NULL || strcmp(read, user) != 0 || !mailbox_set_has(set, user, domain[0] != '\0' ? name : "any.example"))
			abort();
		if (domain[0] == '.' && !mailbox_set_has(set, user, arena_printf(arena, "x.%s", name)))
			abort();
		buf_printf(again, "%s@%s\n", user, domain);
	}
}

static void check_names(const struct list_names *list, enum list_form form, struct arena *arena, struct buf *again)
{
	const struct domain_set *set = domain_set_make(arena, list->names, list->count);
	bool patterns = form != LIST_OF_DOMAINS;

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->names[i] + (patterns && list->names[i][0] == '.');

		if (form == LIST_OF_SENDERS && strcmp(name, "<>") == 0) {
			buf_puts(again, "<>\n");
			continue;
		}
		if (domain_fault(name, strlen(name)) != NULL || !domain_set_has(set, name))
			abort();
		if (domain_set_has(set, arena_printf(arena, "x.%s", name)) < (name != list->names[i]))
			abort();
		buf_printf(again, "%s\n", list->names[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct buf again = buf_make(arena);
	struct list_names list, second;
	unsigned last = 0, lines = 1;
	enum list_form form = size > 0 && data[0] % 2 == 0 ? LIST_OF_PATTERNS : LIST_OF_DOMAINS;

	if (size > 0 && data[0] >= 'A' && data[0] <= 'Z')
		form = data[0] % 2 == 0 ? LIST_OF_SENDERS : LIST_OF_ADDRESSES;

	if (size > 0) {
		data++;
		size--;
	}
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	/* so that a local part that is a byte order mark does not stand where one is dropped */
	buf_puts(&again, "#\n");
	if (list_parse(arena_strndup(arena, (const char *)data, size), size, form, arena, note_fault, &last, &list) != 0)
		abort();
	if (list.count > lines || last > lines)
		abort();
	if (form == LIST_OF_ADDRESSES)
		check_addresses(&list, arena, &again);
	else
		check_names(&list, form, arena, &again);
	last = 0;
	if (list_parse(arena_strndup(arena, again.data, again.length), again.length, form, arena, note_fault, &last, &second) != 0)
		abort();
	if (last != 0 || second.count != list.count)
		abort();
	for (size_t i = 0; i < list.count; i++) {
		if (strcmp(list.names[i], second.names[i]) != 0)
			abort();
	}
	arena_free(&arena);
	return 0;
}
