/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_FINDING_SETS_H
#define ASSAY_TESTS_FINDING_SETS_H
/* Sets of findings in tests: SET_OF(FINDING_A, FINDING_B), SET_NONE, and an assertion that names what differs. Include behind cmocka.h. */
#include "config/findings.h"

static inline finding_set finding_set_of(const enum finding_id *ids, size_t count)
{
	finding_set set = { { 0 } };

	for (size_t i = 0; i < count; i++)
		finding_set_add(&set, ids[i]);
	return set;
}

#define SET_OF(...)                                                                                                     \
	finding_set_of((const enum finding_id[]){ __VA_ARGS__ }, sizeof((const enum finding_id[]){ __VA_ARGS__ }) / sizeof(enum finding_id))
#define SET_NONE ((finding_set){ { 0 } })

static inline void assert_findings(finding_set found, finding_set expected)
{
	for (int id = 0; id < FINDING_COUNT; id++) {
		if (finding_set_has(&found, (enum finding_id)id) != finding_set_has(&expected, (enum finding_id)id))
			fail_msg("%s: %s", findings_table[id].name, finding_set_has(&found, (enum finding_id)id) ? "raised" : "not raised");
	}
}

#endif
