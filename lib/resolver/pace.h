/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RESOLVER_PACE_H
#define ASSAY_RESOLVER_PACE_H
/*
 * How many datagrams go out at once. What was sent a moment ago and is not answered may still stand in the server's receive buffer,
 * which holds some 250 of them with the kernel's default, and what comes to a full one is lost without a word. So at most PACE_MAX
 * may be so; whatever more is to be asked waits in its place (fair.h) until one of them is answered, or has stood for PACE_MS: by then
 * the server has taken it and is asking others. A server that answers at once is slowed by nothing, and one that takes long still
 * gets PACE_MAX new questions every PACE_MS. Further tries of a question do not wait, but count. I/O thread.
 */
#include <stdbool.h>

#include <uv.h>

enum { PACE_MAX = 128, PACE_MS = 20 };

struct attempt;
struct transport;

struct pace {
	struct attempt *newest, *oldest;	/* sent lately, not answered */
	unsigned count;
	uv_timer_t timer;			/* wakes the transport when the oldest has stood long enough */
};

void pace_init(struct transport *transport);
/** Closes the timer. */
void pace_close(struct transport *transport);

/** A datagram goes out. */
void pace_sent(struct transport *transport, struct attempt *attempt);
/** It was answered, or nobody waits for it; more than once is allowed. */
void pace_over(struct transport *transport, struct attempt *attempt);

/** @return whether another question may be sent; if not, the transport is woken when that may have changed. */
bool pace_has_room(struct transport *transport);

#endif
