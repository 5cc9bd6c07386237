/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replays files through a fuzz target where there is no libFuzzer: the seed and regression corpora run with every
 * `make check`. usage: fuzz_X FILE-OR-DIRECTORY…; without arguments the corpus $srcdir/tests/fuzz/corpus/X.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long inputs;

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, room = 0, got;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	do {
		if (room - size < 4096) {
			room = room * 2 + 8192;
			data = realloc(data, room);
			if (data == NULL)
				abort();
		}
		got = fread(data + size, 1, room - size, file);
		size += got;
	} while (got != 0);
	fclose(file);
	/* an exact copy, so that ASAN sees a read past the end */
	uint8_t *exact = malloc(size != 0 ? size : 1);
	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	inputs++;
}

static void replay(const char *path)
{
	struct stat status;
	struct dirent *entry;
	DIR *directory;

	if (stat(path, &status) != 0) {
		perror(path);
		exit(1);
	}
	if (!S_ISDIR(status.st_mode)) {
		replay_file(path);
		return;
	}
	directory = opendir(path);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char child[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		replay(child);
	}
	if (directory != NULL)
		closedir(directory);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = strstr(argv[0], "fuzz_");
	char path[4096];

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1 && name != NULL) {
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir != NULL ? srcdir : ".", name + strlen("fuzz_"));
		replay(path);
	}
	printf("%s: %lu inputs\n", argv[0], inputs);
	return inputs == 0;
}
