/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_SOURCE_TITLE_H
#define ASSAY_CONFIG_SOURCE_TITLE_H
/* A part of source.c. Thread: that of the loader. */
#include <confuse.h>

/** @return what kind of section has this title already: "an override" or "a policy". */
const char *titled_before(const cfg_t *section, const char *title);

#endif
