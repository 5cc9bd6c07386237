/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_NETWORKS_H
#define ASSAY_CONFIG_NETWORKS_H
/* What a list of networks comes to as a whole. Pure. Thread: that of the arena. */
#include "config/config.h"
#include "util/arena.h"

/**
 * @return whether all clients that can come from the Internet by IPv4, or all by IPv6, are in one of the networks: alone
 * ("0.0.0.0/0") or in pieces ("0.0.0.0/1", "128.0.0.0/1"). Private and reserved addresses need not be among them.
 */
bool networks_are_everywhere(const struct network_list *networks, struct arena *arena);

#endif
