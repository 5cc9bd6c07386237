/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MESSAGE_SENDER_H
#define ASSAY_MESSAGE_SENDER_H
/*
 * The address of MAIL. MTAs take more than RFC 5321 allows, and hand it to milters as the client wrote it: < a@b.example >,
 * (x)<a@b.example>, <@relay:a@b.example>, <a%b.example>, with Sendmail <a@b.example>x too, are all mail from a@b.example. Who looks
 * behind the last @ finds no domain there, or one that the client wants to be found.
 */
#include "util/arena.h"

/**
 * @param given     argument of MAIL, with or without <>.
 * @param resolved  what the MTA made of it, {mail_addr}; "" for the null sender; NULL: it does not say.
 * @return the address without <>, "" for the null sender, in the arena or one of the arguments. Where nobody can tell which of
 *         its @ counts it comes between < and >, so that no domain is found in it. Thread: any.
 */
const char *sender_find_address(struct arena *arena, const char *given, const char *resolved);

#endif
