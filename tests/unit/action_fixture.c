/* SPDX-License-Identifier: BSD-2-Clause */
/* See action_fixture.h. */
#include "action_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "util/log_field.h"
#include "text_fixture.h"

int action_setup_with(void **state, const char *text)
{
	struct action_fixture *f;
	struct arena *arena = arena_new();

	f = arena_calloc(arena, 1, sizeof(*f));
	f->arena = arena;
	f->config = text_config(text);
	addr_parse("192.0.2.1", &f->connection.client);
	f->connection.helo = "mail.example.org";
	f->facts = (struct facts){ .arena = arena, .connection = &f->connection, .mail_from = "a@example.org",
	    .mail_from_domain = "example.org", .fields = f->fields };
	f->decision = (struct decision){ .finding = FINDING_COUNT, .code = 250, .policy = "default" };
	f->input = (struct action_input){ f->config, &f->facts, &f->author, &f->results, &f->decision, "mx.example.net",
	    NULL, 0, NULL, NULL };
	*state = f;
	return 0;
}

int action_setup(void **state)
{
	return action_setup_with(state, "");
}

int action_teardown(void **state)
{
	struct action_fixture *f = *state;
	struct arena *arena = f->arena;

	config_unref(&f->config);
	arena_free(&arena);
	return 0;
}

void action_add_field(struct action_fixture *f, const char *name, const char *value)
{
	unsigned occurrence = 1;

	for (size_t i = 0; i < f->facts.field_count; i++)
		occurrence += strcasecmp(f->fields[i].name, name) == 0;
	f->fields[f->facts.field_count] = (struct header_field){ name, value, strlen(name), strlen(value), occurrence,
	    (unsigned)f->facts.field_count + 1 };
	f->facts.field_count++;
}

struct authres authres_parsed(struct action_fixture *f, const char *text)
{
	struct authres authres;

	assert_int_equal(authres_parse(text, strlen(text), f->arena, &authres), 0);
	return authres;
}

const char *authres_property(const struct authres_method *method, const char *name)
{
	char joined[64];

	for (size_t i = 0; i < method->property_count; i++) {
		snprintf(joined, sizeof(joined), "%s.%s", method->properties[i].ptype, method->properties[i].property);
		if (strcmp(joined, name) == 0)
			return method->properties[i].value;
	}
	return NULL;
}

const char *log_line_field(struct action_fixture *f, const char *key)
{
	struct log_record *record = arena_alloc(f->arena, sizeof(*record));
	const char *line = log_line_build(&f->input);

	assert_int_equal(log_record_parse(line, strlen(line), f->arena, record), 0);
	return log_record_get(record, key);
}
