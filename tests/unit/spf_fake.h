/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_TESTS_SPF_FAKE_H
#define ASSAY_TESTS_SPF_FAKE_H
/*
 * A resolver for SPF tests and fuzzing: dns.h over a small table in memory, at once and in one thread, so that odd records
 * that no server would serve can be handed to the check. Linked instead of lib/dns.
 */
#include "resolver/resolver.h"

struct dns_scope *fake_new(void);
void fake_free(struct dns_scope **scope);

/* data: address, host name or text; "*.example.org" names are wildcards; names are raw octets. */
void fake_add(struct dns_scope *scope, const char *name, uint16_t type, const char *data);
void fake_add_text(struct dns_scope *scope, const char *name, const char *text, size_t length);

/* Look-ups of the type at the name fail: SERVFAIL or, with DNS_BOGUS, bogus. */
void fake_fail(struct dns_scope *scope, const char *name, uint16_t type, enum dns_security security);

/* Security of the answers for one name; INSECURE when nothing was said. */
void fake_security(struct dns_scope *scope, const char *name, enum dns_security security);

/* dns_wait() calls so far, and dns_start() and dns_start_then() calls. */
size_t fake_waits(const struct dns_scope *scope);
size_t fake_starts(const struct dns_scope *scope);

/* How often (name, type) was started or waited for. */
size_t fake_asked(const struct dns_scope *scope, const char *name, uint16_t type);

#endif
