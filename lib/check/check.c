/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks in the order of judgement, as CHECKS_TABLE has them. Thread: any; constant. */
#include "check/check.h"

#define CHECK_POINTER(id, name, traits, is_off, why) [CHECK_##id] = &check_##name,
const struct check *const checks_table[CHECK_COUNT] = { CHECKS_TABLE(CHECK_POINTER) };
#undef CHECK_POINTER
