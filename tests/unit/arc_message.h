/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_ARC_MESSAGE_H
#define ASSAY_TESTS_ARC_MESSAGE_H
/*
 * A letter that two domains sealed, and messages through the DKIM and ARC checks as the pipeline would do it. For unit tests and
 * the fuzz target.
 */
#include "dkim_message.h"

/* Signed by author.example (selector s), sealed by one.example and then two.example (selector s), all by dkimpy 1.1.4. */
extern const char arc_letter[];
#define ARC_KEY_ONE "s._domainkey.one.example"
#define ARC_KEY_TWO "s._domainkey.two.example"
#define ARC_KEY_AUTHOR "s._domainkey.author.example"	/* the record is ARC_RECORD_ONE, too */
#define ARC_RECORD_ONE \
	"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC2SxLwFJdu9xBq+G6ct4L8uRmq2bS9ysJiRsteXqprn9QZBTyoZJNh" \
	"wE6pltMbhPvg4JLwhFldcsPfZlp743ubhquPMLVK7GBaB64ev7nmkIPB0jNZSrcLz+BH1U+X+CgL0V4+ADxYAtDClY/jMgQobZ1d8JXxIdfvte" \
	"Slo3LKcQIDAQAB"
#define ARC_RECORD_TWO \
	"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC9Fy81C+flxeecdOSM1+0jIaP0JuUXntVKDJQrOa3UsOU1dXF0Uw9R" \
	"FKs5dS0HsxAJryCjTGv3tAuIxSyjDJ8eK01ZQmIAzSEJbytmtoeDw8P2ESoD1BkpdpJNt2qUn31M/eKH4dPI3u9SOqvdXWeapgTPefgr8ELsBM" \
	"Tw7WMUFQIDAQAB"

/** As dkim_case_run(); results.arc is set too. @return whether ARC had to feed the hashes of the body itself. */
bool arc_case_run(struct dkim_case *test, const char *message, size_t length);

#endif
