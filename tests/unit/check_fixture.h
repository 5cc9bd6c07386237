/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_CHECK_FIXTURE_H
#define ASSAY_TESTS_CHECK_FIXTURE_H
/*
 * One message before one check, with DNS from master-file text (see resolver/zonefile.h: `TYPE65280 \# 0` makes a name fail) or
 * from given servers. Fill facts, connection, config and results between new() and run().
 */
#include "check/check.h"

enum { FIXTURE_FIELDS_MAX = 20, FIXTURE_DKIM_MAX = 10 };

struct check_fixture {
	struct config config;
	struct check_shared shared;
	struct facts facts;
	struct facts_connection connection;
	struct author author;
	struct results results;
	struct check_context context;
	struct header_field fields[FIXTURE_FIELDS_MAX];
	struct dkim_result dkim[FIXTURE_DKIM_MAX];
};

/** @param zone_text  NULL: every name is NXDOMAIN. */
struct check_fixture *fixture_new(const char *zone_text);
/** DNS from a server; AD bits count. */
struct check_fixture *fixture_new_server(struct dns_server server);
void fixture_free(struct check_fixture **fixture);

void fixture_field(struct check_fixture *fixture, const char *name, const char *value);
/** From field with one address of that domain. */
void fixture_from(struct check_fixture *fixture, const char *domain);
void fixture_dkim(struct check_fixture *fixture, enum result result, const char *domain, enum dns_security dnssec);
void fixture_spf(struct check_fixture *fixture, enum result result, const char *domain, enum dns_security dnssec);

/** author_parse(), then envelope(), header() and judge() of the check. */
void fixture_run(struct check_fixture *fixture, const struct check *check);

bool fixture_raised(const struct check_fixture *fixture, enum finding_id id);
/** The finding, or NULL. @param domain  NULL: any. */
const struct finding *fixture_finding(const struct check_fixture *fixture, enum finding_id id, const char *domain);

#endif
