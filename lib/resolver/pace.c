/* SPDX-License-Identifier: BSD-2-Clause */
/* See pace.h: the attempts that were sent lately, in that order, as a list through themselves. Cannot fail. Thread: I/O thread. */
#include "resolver/pace.h"

#include "resolver/query.h"
#include "util/clock.h"

static void on_timer(uv_timer_t *timer)
{
	struct transport *transport = timer->data;

	uv_async_send(&transport->wake);
}

void pace_init(struct transport *transport)
{
	uv_timer_init(&transport->loop, &transport->pace.timer);
	transport->pace.timer.data = transport;
}

void pace_close(struct transport *transport)
{
	uv_close((uv_handle_t *)&transport->pace.timer, NULL);
}

void pace_sent(struct transport *transport, struct attempt *attempt)
{
	struct pace *pace = &transport->pace;

	attempt->is_paced = true;
	attempt->newer = NULL;
	attempt->older = pace->newest;
	*(attempt->older != NULL ? &attempt->older->newer : &pace->oldest) = attempt;
	pace->newest = attempt;
	pace->count++;
}

void pace_over(struct transport *transport, struct attempt *attempt)
{
	struct pace *pace = &transport->pace;

	if (!attempt->is_paced)
		return;
	attempt->is_paced = false;
	*(attempt->newer != NULL ? &attempt->newer->older : &pace->newest) = attempt->older;
	*(attempt->older != NULL ? &attempt->older->newer : &pace->oldest) = attempt->newer;
	pace->count--;
}

bool pace_has_room(struct transport *transport)
{
	struct pace *pace = &transport->pace;
	int64_t now_ms = clock_monotonic_ms();

	while (pace->oldest != NULL && pace->oldest->sent_ms + PACE_MS <= now_ms)
		pace_over(transport, pace->oldest);
	if (pace->count < PACE_MAX)
		return true;
	uv_timer_start(&pace->timer, on_timer, (uint64_t)(pace->oldest->sent_ms + PACE_MS - now_ms), 0);
	return false;
}
