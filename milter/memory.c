/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory before it is out. Where an allocation fails the process ends (util/out_of_memory.h), and all mail under way with it; where
 * a control group has too much the kernel kills it. So a message is begun, and its header grows, only while there is a reserve:
 * else the message is put off, which gives back what it had, and the others go on. What a large one will still take when it is
 * judged is claimed before, for many may be judged at once.
 *
 * Two limits are looked at: that on address space (ulimit -v, LimitAS=), by trying to get the reserve, and that of our control
 * group (MemoryMax=), by what is resident. What the C library keeps for itself of memory that was given back is returned to the
 * system when it gets short; it may also be enough.
 * Thread: any, after memory_watch().
 */
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "assayd.h"
#include "health.h"
#include "util/clock.h"

enum {
	RESERVE_BYTES = 16 << 20,
	PIECE_BYTES = 1 << 20,		/* free space of the heap need not be in one piece */
	TRIM_MS = 500,			/* between two times that memory is returned to the system */
};

static struct {
	bool space_is_limited;
	uint64_t group_max;		/* of our control group; UINT64_MAX: none, or we cannot see it */
	int statm;			/* kept open: there may be no descriptor when it matters */
	long page_bytes;
	atomic_int_fast64_t trimmed_ms;
	atomic_size_t claimed;
} memory = { .group_max = UINT64_MAX, .statm = -1 };

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
	struct rlimit space, data;

	memory.space_is_limited = (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) ||
	    (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY);
	memory.group_max = group_limit();
	memory.page_bytes = sysconf(_SC_PAGESIZE);
	if (memory.group_max != UINT64_MAX)
		memory.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

/* @return 0 when it cannot be told. */
static uint64_t resident_bytes(void)
{
	char text[128];
	ssize_t got = pread(memory.statm, text, sizeof(text) - 1, 0);
	unsigned long long resident = 0;

	if (got <= 0)
		return 0;
	text[got] = '\0';
	(void)sscanf(text, "%*u %llu", &resident);
	return (uint64_t)resident * (uint64_t)memory.page_bytes;
}

static bool space_is_there(size_t bytes)
{
	void *whole = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), **pieces = NULL, **piece;
	size_t got = 0;

	if (whole != MAP_FAILED) {
		(void)munmap(whole, bytes);
		return true;
	}
	for (; got < bytes && (piece = malloc(PIECE_BYTES)) != NULL; got += PIECE_BYTES) {
		*piece = pieces;
		pieces = piece;
	}
	while ((piece = pieces) != NULL) {
		pieces = *piece;
		free(piece);
	}
	return got >= bytes;
}

static size_t wanted_bytes(void)
{
	return RESERVE_BYTES + atomic_load(&memory.claimed);
}

static bool group_has_room(void)
{
	return resident_bytes() + wanted_bytes() <= memory.group_max;
}

static bool has_reserve(void)
{
	return (!memory.space_is_limited || space_is_there(wanted_bytes())) && (memory.statm < 0 || group_has_room());
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
	if (has_reserve())
		return true;
	trim();
	if (has_reserve())
		return true;
	health_note(HEALTH_MEMORY, false, memory.statm >= 0 && !group_has_room() ?
	    "MemoryMax= of the unit, or of what it is in, is nearly reached; raise it, or lower dns { cache-size } and max-sessions" :
	    "the limit on address space (ulimit -v, LimitAS=) is nearly reached; raise it, or lower dns { cache-size } and max-sessions");
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
