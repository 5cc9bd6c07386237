/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_ZONEFILE_H
#define ASSAY_RESOLVER_ZONEFILE_H
/*
 * The master-file backend (`--zone FILE`, hermetic tests): one file with records of any number of zones, answered as an
 * authoritative server would: CNAME, DNAME (RFC 6672), wildcards and empty non-terminals (RFC 4592), NXDOMAIN against
 * NODATA (RFC 2308). No delegations: the file is the whole tree. Names outside are NXDOMAIN.
 *
 * A name that owns a record `TYPE65280 \# 0` fails: every look-up of it gets SERVFAIL, as a dead server would give.
 * Thread: immutable after zonefile_load(); any thread may ask.
 */
#include "dns/name.h"
#include "util/arena.h"

struct zonefile;

enum { ZONEFILE_FAIL_TYPE = 65280 };

/** @return NULL on failure, why_r says file, line and reason. */
struct zonefile *zonefile_load(const char *path, char *why_r, size_t why_bytes);
void zonefile_free(struct zonefile **zonefile);

/**
 * Makes the response message to a question.
 * @param wire_r  in the arena.
 * @return 0; -E_DNS when the name is one that fails; -E_LIMIT when the answer is longer than 16 KB.
 */
int zonefile_respond(const struct zonefile *zonefile, const struct dns_name *name, uint16_t type, struct arena *arena,
    const uint8_t **wire_r, size_t *length_r);

#endif
