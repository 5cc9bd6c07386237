/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_SPF_EVALUATE_FIXTURE_H
#define ASSAY_TESTS_SPF_EVALUATE_FIXTURE_H
/* DNS records for SPF, and one client judged by them. */
#include "check/spf/spf.h"
#include "spf_fake.h"
#include "spf_handed.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, spf_setup, spf_teardown)

/* Of the case: its arena, its DNS, and what was judged last. */
extern struct arena *arena;
extern struct dns_scope *scope;
extern struct spf_result result;

int spf_setup(void **state);

int spf_teardown(void **state);

void put_txt(const char *name, const char *text);

void put_address(const char *name, const char *address);

enum result judge_as(const char *client, const char *helo, const char *mail_from);

enum result judge(const char *client);

/** One record at example.org. */
enum result judge_record(const char *record, const char *client);

#endif
