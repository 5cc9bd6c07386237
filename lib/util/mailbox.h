/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_MAILBOX_H
#define ASSAY_UTIL_MAILBOX_H
/*
 * Mailboxes as policies compare them: the local part of an address, and sets of addresses. Only the MTA that delivers knows whether
 * Ann and ann are one mailbox (RFC 5321 section 2.4); nearly all say so, and so do we: ASCII letters are compared without case.
 * Thread: any. Trusts nothing of the texts.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/domain.h"

enum { MAILBOX_MAX_LENGTH = 255 };	/* octets of a local part that is compared; RFC 5321 has 64 */

/**
 * @param text  a local part as written, quoted or not.
 * @return it in lower case without quotes, in the arena; NULL: nobody can tell what mailbox it is (too long, quoted in part, an "@" or
 * a control character in it).
 */
const char *mailbox_read(struct arena *arena, const char *text, size_t length);

/**
 * Brings an entry of a set to the form in which it is looked up, in place and as long as it was: "ann@example.org" that address,
 * "ann@.example.org" there and at all domains below, "ann@" at any domain.
 * @return what is wrong, in words for an admin (static); NULL: nothing.
 */
const char *mailbox_entry(char *text, size_t length);

/** @return the local part of such an entry, a part of it. */
const char *mailbox_entry_local(const char *entry);

/**
 * @param set     made of entries; NULL holds nobody.
 * @param local   by mailbox_read().
 * @param domain  in normal form; NULL: not known, only entries for any domain hold it.
 */
bool mailbox_set_has(const struct domain_set *set, const char *local, const char *domain);

#endif
