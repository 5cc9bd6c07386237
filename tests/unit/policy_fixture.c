/* SPDX-License-Identifier: BSD-2-Clause */
/* See policy_fixture.h. */
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct policy_fixture policy_fixture_make(const char *text)
{
	struct policy_fixture fixture = { .arena = arena_new() };

	fixture.config = config_load_buffer(text, strlen(text), "test.conf", stderr);
	assert_non_null(fixture.config);
	return fixture;
}

void policy_fixture_drop(struct policy_fixture *fixture)
{
	config_unref(&fixture->config);
	arena_free(&fixture->arena);
}

void raise_finding(struct policy_fixture *fixture, enum finding_id id, const char *domain, enum dns_security dnssec)
{
	struct results *results = &fixture->results;

	results->findings[results->finding_count++] = (struct finding){ .id = id, .domain = domain, .dnssec = dnssec };
	finding_set_add(&results->set, id);
}

/* What the results are to a policy; the author domains are those that DMARC judged. */
static struct evidence evidence_of(struct policy_fixture *fixture, enum finding_stage stage)
{
	struct facts_connection *connection = arena_calloc(fixture->arena, 1, sizeof(*connection));
	struct facts *facts = arena_calloc(fixture->arena, 1, sizeof(*facts));
	struct author *author = arena_calloc(fixture->arena, 1, sizeof(*author));
	const struct evidence_input input = { .stage = stage, .facts = facts, .author = author, .results = &fixture->results };
	struct evidence evidence;

	facts->connection = connection;
	author->domain_count = fixture->results.dmarc_author_count;
	for (size_t i = 0; i < author->domain_count; i++)
		author->domains[i] = fixture->results.dmarc_authors[i].domain;
	evidence_make(&input, fixture->arena, &evidence);
	return evidence;
}

struct decision decide_by(struct policy_fixture *fixture, const struct policy_config *policy, enum finding_stage stage)
{
	const struct evidence evidence = evidence_of(fixture, stage);
	const char *explanation = fixture->results.spf.explanation;
	const struct reply_input input = { .help_url = fixture->config->help_url,
		.explanation = explanation != NULL ? explanation : fixture->config->spf_default_explanation };
	struct decision decision;

	policy_decide(policy, &evidence, &decision);
	assert_int_equal(decision.may, decision.action);
	reply_make(&input, fixture->arena, &decision);
	return decision;
}

struct decision decide(struct policy_fixture *fixture, enum finding_stage stage)
{
	return decide_by(fixture, &fixture->config->policies[0], stage);
}
