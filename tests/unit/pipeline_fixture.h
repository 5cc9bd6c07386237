/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_PIPELINE_FIXTURE_H
#define ASSAY_TESTS_PIPELINE_FIXTURE_H
/* An engine over a zone file, one session in it, and what is sent through it. */
#include "pipeline/pipeline.h"
#include "text_fixture.h"

struct world {
	char zone_path[FIXTURE_PATH_BYTES], config_path[FIXTURE_PATH_BYTES];
	struct engine *engine;
	struct session *session;
};

const struct config *world_load(struct world *world, const char *settings);

struct engine *world_engine(struct world *world, const char *settings, struct engine *previous);

/** A world with one session from client. */
struct world *world_new(const char *settings, const char *client);

void world_free(struct world *world);

void put_field(struct message *message, const char *name, const char *value);

struct message *begin_message(struct world *world, const char *sender);

/** Header and body of a plain message of good.example. */
const struct outcome *finish_message(struct message *message);

bool message_raised(const struct message *message, enum finding_id id);

/** The topmost field of the name: the one inserted last. */
const char *topmost_inserted(const struct outcome *outcome, const char *name);

#endif
