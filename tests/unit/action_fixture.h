/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_ACTION_FIXTURE_H
#define ASSAY_TESTS_ACTION_FIXTURE_H
/* One message as the actions see it: its results, its decision, its header fields. */
#include "action/action.h"
#include "message/authres_parse.h"

enum { ACTION_FIELDS_MAX = 10 };

struct action_fixture {
	struct arena *arena;
	const struct config *config;
	struct facts_connection connection;
	struct header_field fields[ACTION_FIELDS_MAX];
	struct facts facts;
	struct author author;
	struct results results;
	struct decision decision;
	struct action_input input;
};

#define TEST(name) cmocka_unit_test_setup_teardown(name, action_setup, action_teardown)

int action_setup_with(void **state, const char *text);

int action_setup(void **state);

int action_teardown(void **state);

void action_add_field(struct action_fixture *f, const char *name, const char *value);

struct authres authres_parsed(struct action_fixture *f, const char *text);

const char *authres_property(const struct authres_method *method, const char *name);

/** What a field of the line is read back as. */
const char *log_line_field(struct action_fixture *f, const char *key);

#endif
