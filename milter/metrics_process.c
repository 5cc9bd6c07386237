/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the process takes, as the kernel tells it in /proc/self. Trusts the kernel; what cannot be read is said to be unknown.
 * Thread: any.
 */
#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "metrics_internal.h"

/* @return whether the file was read; text_r ends in NUL. */
static bool read_file(const char *path, char *text_r, size_t bytes)
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (file == NULL)
		return false;
	length = fread(text_r, 1, bytes - 1, file);
	fclose(file);
	text_r[length] = '\0';
	return length != 0;
}

static uint64_t count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint64_t count = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count - 1;	/* without the directory's own */
}

/* proc(5): field 20 of /proc/self/stat is the number of threads. */
static bool read_threads(uint64_t *threads_r)
{
	char text[2048], *behind;

	if (!read_file("/proc/self/stat", text, sizeof(text)))
		return false;
	behind = strrchr(text, ')');	/* the name may have anything in it */
	return behind != NULL && sscanf(behind + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
	    threads_r) == 1;
}

static uint64_t microseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

void metrics_process_read(struct metrics_process *process_r)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size, resident;
	struct rusage usage;
	struct rlimit limit;
	char text[256];

	memset(process_r, 0, sizeof(*process_r));
	if (!read_file("/proc/self/statm", text, sizeof(text)) || sscanf(text, "%" SCNu64 " %" SCNu64, &size, &resident) != 2 ||
	    !read_threads(&process_r->threads) || getrusage(RUSAGE_SELF, &usage) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	process_r->virtual_bytes = size * page;
	process_r->resident_bytes = resident * page;
	process_r->cpu_us = microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime);
	process_r->fds = count_fds();
	process_r->max_fds = limit.rlim_cur;
	process_r->known = true;
}
