/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_ADSP_RECORD_H
#define ASSAY_CHECK_ADSP_RECORD_H
/* An ADSP record (RFC 5617 section 4.2.1). Pure. Thread: any. */
#include <stddef.h>

#include "util/words.h"

enum adsp_practice { ADSP_UNKNOWN, ADSP_ALL, ADSP_DISCARDABLE };
extern const struct word adsp_practice_words[];

/**
 * Parses the text of one TXT record.
 * @return 0; -E_ABSENT when it is no valid ADSP record and must be ignored. Any other practice than the two that are
 *         known counts as "unknown".
 */
int adsp_record_parse(const char *text, size_t length, enum adsp_practice *practice_r);

#endif
