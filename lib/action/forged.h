/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_ACTION_FORGED_H
#define ASSAY_ACTION_FORGED_H
/* Detection of Authentication-Results fields in a given name. Pure. Thread: any. */
#include <stdbool.h>

#include "message/facts.h"

/** Whether the field is an Authentication-Results field that claims this authserv-id. */
bool forged_claims(const struct header_field *header, const char *authserv_id);

#endif
