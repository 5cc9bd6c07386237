/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_PIPELINE_KNOWN_H
#define ASSAY_PIPELINE_KNOWN_H
/* Whom we know is asked about at once: see known.c. Thread: the message's. */
#include "pipeline/internal.h"

/** At MAIL FROM, behind the checks' own beginnings: guesses the questions that the sender's last message asked. Never waits. */
void known_begin(struct message *message);

/** At the end of a message: keeps what it asked for the next one of the sender. Before the message's DNS scope goes. */
void known_end(struct message *message);

#endif
