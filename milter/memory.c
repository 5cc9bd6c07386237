/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory before it is out. Where an allocation fails the process ends (util/out_of_memory.h), and all mail under way with it; where
 * a control group has too much the kernel kills it. So a message is begun, and its header grows, only while there is a reserve:
 * else the message is put off, which gives back what it had, and the others go on. What a large one will still take when it is
 * judged is claimed before, for many may be judged at once.
 *
 * Two limits are looked at: that on address space (ulimit -v, LimitAS=), and that of our control group (MemoryMax=) by what is
 * resident. What the C library keeps for itself of memory that was given back counts as free in the first, and is returned to the
 * system when the second gets short.
 * Thread: any, after memory_begin().
 */
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "assayd.h"
#include "health.h"
#include "util/clock.h"

enum {
	RESERVE_BYTES = 16 << 20,
	TRIM_MS = 500,			/* between two times that memory is returned to the system */
};

enum shortage { SHORT_OF_NOTHING, SHORT_OF_SPACE, SHORT_OF_GROUP };

static struct {
	uint64_t space_max;		/* of address space; UINT64_MAX: none */
	uint64_t group_max;		/* of our control group; UINT64_MAX: none, or we cannot see it */
	int statm;			/* kept open: there may be no descriptor when it matters */
	uint64_t page_bytes;
	atomic_int_fast64_t trimmed_ms;
	atomic_size_t claimed;
} memory = { .space_max = UINT64_MAX, .group_max = UINT64_MAX, .statm = -1 };

/* The first line that begins so. */
static bool read_line(const char *path, const char *beginning, char *line_r, size_t line_bytes)
{
	FILE *file = fopen(path, "re");
	bool got = false;

	while (file != NULL && !got && fgets(line_r, (int)line_bytes, file) != NULL)
		got = strncmp(line_r, beginning, strlen(beginning)) == 0;
	if (file != NULL)
		fclose(file);
	if (got)
		line_r[strcspn(line_r, "\n")] = '\0';
	return got;
}

/* The lowest limit on the way from our group to the top ("0::/system.slice/assayd.service"). */
static uint64_t group_limit(void)
{
	char line[512], path[640], value[64];
	uint64_t lowest = UINT64_MAX;

	if (!read_line("/proc/self/cgroup", "0::/", line, sizeof(line)))
		return lowest;
	for (char *group = line + 3, *slash; *group != '\0'; *slash = '\0') {
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group);
		if (read_line(path, "", value, sizeof(value)) && value[0] >= '0' && value[0] <= '9') {
			uint64_t bytes = strtoull(value, NULL, 10);

			lowest = bytes < lowest ? bytes : lowest;
		}
		slash = strrchr(group, '/');
	}
	return lowest;
}

void memory_watch(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		memory.space_max = limit.rlim_cur;
	memory.group_max = group_limit();
	memory.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
}

void memory_begin(void)
{
	if (memory_limit_bytes() != UINT64_MAX)
		memory.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

uint64_t memory_limit_bytes(void)
{
	return memory.space_max < memory.group_max ? memory.space_max : memory.group_max;
}

/* @return false when it cannot be told. */
static bool sizes(uint64_t *space_r, uint64_t *resident_r)
{
	unsigned long long space, resident;
	char text[128];
	ssize_t got = pread(memory.statm, text, sizeof(text) - 1, 0);

	if (got <= 0)
		return false;
	text[got] = '\0';
	if (sscanf(text, "%llu %llu", &space, &resident) != 2)
		return false;
	*space_r = (uint64_t)space * memory.page_bytes;
	*resident_r = (uint64_t)resident * memory.page_bytes;
	return true;
}

/* Looked at only where the rest is not enough: what was given back to the C library, which may be in many small pieces. */
static uint64_t free_in_heaps(void)
{
	return mallinfo2().fordblks;
}

/* Nothing is allocated to find out: for a moment others would have less. */
static enum shortage shortage(void)
{
	uint64_t wanted = RESERVE_BYTES + atomic_load(&memory.claimed), space, resident;

	if (memory.statm < 0 || !sizes(&space, &resident))
		return SHORT_OF_NOTHING;
	if (space + wanted > memory.space_max && space + wanted > memory.space_max + free_in_heaps())
		return SHORT_OF_SPACE;
	if (resident + wanted > memory.group_max)
		return SHORT_OF_GROUP;
	return SHORT_OF_NOTHING;
}

/* Returns to the system what was given back to the C library; by one thread at a time, and not all the time. */
static void trim(void)
{
	int_fast64_t last = atomic_load(&memory.trimmed_ms), now_ms = clock_monotonic_ms();

	if (now_ms - last >= TRIM_MS && atomic_compare_exchange_strong(&memory.trimmed_ms, &last, now_ms))
		(void)malloc_trim(0);
}

bool memory_has_reserve(void)
{
	static const char *const details[] = {
		[SHORT_OF_SPACE] = "the limit on address space (ulimit -v, LimitAS=) is nearly reached; raise it, or lower max-sessions",
		[SHORT_OF_GROUP] = "MemoryMax= of the unit, or of what it is in, is nearly reached; raise it, or lower max-sessions",
	};
	enum shortage of = shortage();

	if (of != SHORT_OF_NOTHING) {
		trim();
		of = shortage();
	}
	if (of == SHORT_OF_NOTHING)
		return true;
	health_note(HEALTH_MEMORY, false, details[of]);
	health_affected(HEALTH_MEMORY, 1);
	return false;
}

bool memory_claim(size_t bytes)
{
	atomic_fetch_add(&memory.claimed, bytes);
	if (memory_has_reserve())
		return true;
	memory_release(bytes);
	return false;
}

void memory_release(size_t bytes)
{
	atomic_fetch_sub(&memory.claimed, bytes);
}
