/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report as a page at "/": a file that `assay report --html --output` has made (a timer does) is handed out as it is. It is not
 * made here: that takes a processor for seconds and tens of megabytes, which belong to mail. Trusts the file's place, which the
 * admin has named, and nothing else: what is no regular file, or is too long, is not read.
 * Thread: the server's.
 */
#include "metrics_report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assayd.h"

enum { REPORT_MAX_BYTES = 64 << 20 };

static int refuse(FILE *why, const char *path, const char *what)
{
	fprintf(why, "%s: %s\nassay report --html --output %s makes it, as the user that assayd runs as; assay-report.timer does so "
	    "every hour, once it is enabled\n", path, what, path);
	return -1;
}

static int open_report(const char *path, FILE *why, uint64_t *bytes_r)
{
	struct stat stat_buf;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong = NULL;

	if (fd < 0)
		return refuse(why, path, errno == ENOENT ? "no report has been made yet" : strerror(errno));
	if (fstat(fd, &stat_buf) != 0 || !S_ISREG(stat_buf.st_mode))
		wrong = "this is no file";
	else if (stat_buf.st_size == 0 || stat_buf.st_size > REPORT_MAX_BYTES)
		wrong = stat_buf.st_size == 0 ? "it is empty" : "it is longer than 64 MB";
	if (wrong == NULL) {
		*bytes_r = (uint64_t)stat_buf.st_size;
		return fd;
	}
	close(fd);
	return refuse(why, path, wrong);
}

int metrics_report_open(FILE *why, uint64_t *bytes_r)
{
	struct engine *engine = state_get_engine();
	const char *path = engine != NULL ? engine_config(engine)->metrics_report : NULL;
	int fd = -1;

	if (path != NULL)
		fd = open_report(path, why, bytes_r);
	engine_unref(&engine);
	return path == NULL ? METRICS_REPORT_OFF : fd;
}
