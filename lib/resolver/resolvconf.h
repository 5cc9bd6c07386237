/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_RESOLVCONF_H
#define ASSAY_RESOLVER_RESOLVCONF_H
/* The system's list of recursive servers (resolv.conf(5)): nameserver lines, nothing else. Thread: any. */
#include "resolver/resolver.h"

#define RESOLVCONF_PATH "/etc/resolv.conf"
/* Where systemd-resolved lists the servers that it asks itself. */
#define RESOLVCONF_UPLINKS_PATH "/run/systemd/resolve/resolv.conf"

/**
 * Reads the nameserver lines; scope ids of IPv6 addresses are ignored, lines that do not parse are skipped.
 * @return number of servers written, at most max; 0 also when the file cannot be read.
 */
size_t resolvconf_read(const char *path, struct dns_server *servers_r, size_t max);

/** @return whether it is systemd-resolved's first stub, 127.0.0.53, which refuses DS and DNSKEY of single labels. */
bool resolvconf_is_stub(const struct dns_server *server);

/** @return whether the server answers a question for the root at once (a second at most). Blocks. */
bool resolvconf_answers(const struct dns_server *server);

/* Where to look, and whom to ask; for tests. */
struct resolvconf_source {
	const char *path, *uplinks_path;
	bool (*answers)(const struct dns_server *server);
};
extern const struct resolvconf_source resolvconf_system;

/**
 * The servers for a validating resolver: those of resolv.conf, but where it names nothing but systemd-resolved's first stub
 * the second one (127.0.0.54, which passes everything on), when that answers, else the servers that systemd-resolved asks.
 * @param note_r  static text: what was taken instead of the first stub, and why; NULL when nothing was.
 * @return number of servers written, at most max.
 */
size_t resolvconf_choose(const struct resolvconf_source *source, struct dns_server *servers_r, size_t max, const char **note_r);

#endif
