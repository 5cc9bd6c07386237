/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_RESOLVCONF_H
#define ASSAY_RESOLVER_RESOLVCONF_H
/* The system's list of recursive servers (resolv.conf(5)): nameserver lines, nothing else. Thread: any. */
#include "resolver/resolver.h"

#define RESOLVCONF_PATH "/etc/resolv.conf"

/**
 * Reads the nameserver lines; scope ids of IPv6 addresses are ignored, lines that do not parse are skipped.
 * @return number of servers written, at most max; 0 also when the file cannot be read.
 */
size_t resolvconf_read(const char *path, struct dns_server *servers_r, size_t max);

#endif
