/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_REFERENCE_H
#define ASSAY_UTIL_REFERENCE_H
/*
 * The reference of a message: what the log, the header and the SMTP reply name it by, so that whoever has one of them can be told of
 * the message. Random, 60 bits of the system's, so that none can be guessed or counted on from another, and it tells nothing about
 * the message. Three groups of four for reading aloud, "k7m9-qxw2-rtbh": digits and small letters without i, l, o and u, which look
 * like others or make words. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>

enum {
	REFERENCE_BYTES = 15,			/* with its NUL */
	REFERENCE_PASTED_BYTES = 65536		/* of a pasted text: a whole bounce is shorter; what is behind is not looked at */
};

/** Makes a new one. @return 0; -E_SYSTEM: the system gives no random bits. */
int reference_make(char reference_r[REFERENCE_BYTES]);

/**
 * Finds a reference in what somebody pasted: alone, with punctuation around it, a line of a log, a whole reply or bounce. Read as
 * people write: in any case, with o for 0, i or l for 1. One behind the word "ref" goes before others, the last before earlier
 * ones: what a sender may have put into a reply stands before ours. The hyphens may be missing only where the text is nothing else.
 * @param text  hostile; need not be terminated.
 * @return whether there is one; reference_r is as reference_make() writes it.
 */
bool reference_find(const char *text, size_t length, char reference_r[REFERENCE_BYTES]);

#endif
