/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CHECK_SIGNATURE_READER_H
#define ASSAY_CHECK_SIGNATURE_READER_H
/*
 * A signature field on its way through the steps that read it. For signature.c and arc_tags.c only.
 */
#include "check/signature/signature.h"

struct dkim_reader {
	struct arena *arena;
	struct dkim_taglist list;
	struct dkim_signature *signature;
};

/* Steps: each reads what it is named for. @return NULL, or a static text: why the signature is unusable. */
const char *dkim_read_arc_instance(struct dkim_reader *reader);
const char *dkim_read_arc_message(struct dkim_reader *reader);
const char *dkim_read_arc_seal(struct dkim_reader *reader);

#endif
