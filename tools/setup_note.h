/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TOOLS_SETUP_NOTE_H
#define ASSAY_TOOLS_SETUP_NOTE_H
/*
 * The note beside assay.conf of what `assay setup postfix --apply` found and made, from which --undo puts everything back:
 * whole files, so that they come back to the octet, and single parameters for the case that somebody has edited since.
 * It lies in assay.conf's directory, where only root writes, and not in assayd's own: root acts on it.
 */
#include <jansson.h>

#include "setup.h"

/** @return its path, in the arena. */
const char *setup_note_path(const struct setup *setup);
/** @return the note of an earlier --apply (json_decref() it), or NULL: there is none, or it cannot be read (then why_r is set). */
json_t *setup_note_read(const struct setup *setup, const char **why_r);
/** @return NULL, or why it could not be written. */
const char *setup_note_write(const struct setup *setup, json_t *note);

/** Text of a member that is a text, else NULL. Borrowed from the note. */
const char *setup_note_text(const json_t *note, const char *section, const char *name);

#endif
