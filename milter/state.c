/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon's threads share: the engine in force, and counts of sessions and messages under way.
 * Because messages under way are counted, SIGTERM can wait for them: libmilter's own stop would drop each message that is
 * between two commands.
 * Thread: any; one lock, held for a few instructions.
 */
#include <errno.h>

#include "assayd.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t drained;
	struct engine *engine;
	unsigned sessions;
	uint64_t sessions_begun;	/* ever */
	unsigned messages;	/* under way */
	uint64_t messages_begun;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .drained = PTHREAD_COND_INITIALIZER };

void state_set_engine(struct engine *engine)
{
	struct engine *old;

	pthread_mutex_lock(&state.lock);
	old = state.engine;
	state.engine = engine;
	pthread_mutex_unlock(&state.lock);
	engine_unref(&old);
}

struct engine *state_get_engine(void)
{
	struct engine *engine;

	pthread_mutex_lock(&state.lock);
	engine = state.engine != NULL ? engine_ref(state.engine) : NULL;
	pthread_mutex_unlock(&state.lock);
	return engine;
}

void state_session_began(void)
{
	pthread_mutex_lock(&state.lock);
	state.sessions++;
	state.sessions_begun++;
	pthread_mutex_unlock(&state.lock);
}

void state_session_ended(void)
{
	pthread_mutex_lock(&state.lock);
	state.sessions--;
	pthread_mutex_unlock(&state.lock);
}

unsigned state_session_count(void)
{
	unsigned count;

	pthread_mutex_lock(&state.lock);
	count = state.sessions;
	pthread_mutex_unlock(&state.lock);
	return count;
}

uint64_t state_sessions_begun(void)
{
	uint64_t count;

	pthread_mutex_lock(&state.lock);
	count = state.sessions_begun;
	pthread_mutex_unlock(&state.lock);
	return count;
}

void state_message_began(void)
{
	pthread_mutex_lock(&state.lock);
	state.messages++;
	state.messages_begun++;
	pthread_mutex_unlock(&state.lock);
}

void state_message_ended(void)
{
	pthread_mutex_lock(&state.lock);
	if (--state.messages == 0)
		pthread_cond_signal(&state.drained);
	pthread_mutex_unlock(&state.lock);
}

uint64_t state_messages_begun(void)
{
	uint64_t begun;

	pthread_mutex_lock(&state.lock);
	begun = state.messages_begun;
	pthread_mutex_unlock(&state.lock);
	return begun;
}

bool state_wait_drained(unsigned timeout_ms)
{
	struct timespec until;
	bool drained;
	int result = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&state.lock);
	while (state.messages != 0 && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&state.drained, &state.lock, &until);
	drained = state.messages == 0;
	pthread_mutex_unlock(&state.lock);
	return drained;
}
