/* SPDX-License-Identifier: BSD-2-Clause */
#include "postgres_fixture.h"
#include "scratch.h"

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

enum { START_TRIES = 600, TRY_US = 50000 };

static struct {
	char programs[200], directory[SCRATCH_BYTES], answer[4096];
	pid_t server, owner;
	bool made;
	unsigned places;
} fixture;

static bool find_programs(void)
{
	glob_t found;

	if (fixture.programs[0] != '\0')
		return true;
	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0) {
		snprintf(fixture.programs, sizeof(fixture.programs), "%.*s", (int)(strrchr(found.gl_pathv[found.gl_pathc - 1], '/') -
		    found.gl_pathv[found.gl_pathc - 1]), found.gl_pathv[found.gl_pathc - 1]);
		globfree(&found);
	}
	return fixture.programs[0] != '\0';
}

bool postgres_is_there(void)
{
	return find_programs();
}

/* The server refuses to run as root. */
static const struct passwd *unprivileged(void)
{
	const struct passwd *user = getpwnam("postgres");

	return user != NULL ? user : getpwnam("nobody");
}

/* Runs a program of the server as an unprivileged user, its words in the directory's log. */
static pid_t program_start(const char *const words[])
{
	const struct passwd *user = unprivileged();
	char path[300], log[100];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", fixture.programs, words[0]);
	snprintf(log, sizeof(log), "%s/log", fixture.directory);
	pid = fork();
	if (pid != 0)
		return pid;
	if (getuid() == 0 && (user == NULL || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		_exit(126);
	/* after the change of user, which forgets it */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (chdir(fixture.directory) != 0 || freopen(log, "a", stdout) == NULL || dup2(1, 2) < 0)
		_exit(126);
	execv(path, (char **)(uintptr_t)words);
	_exit(127);
}

static bool program_run(const char *const words[])
{
	pid_t pid = program_start(words);
	int status = -1;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

void postgres_stop(void)
{
	int status;

	if (fixture.server <= 0)
		return;
	kill(fixture.server, SIGQUIT);
	waitpid(fixture.server, &status, 0);
	fixture.server = 0;
}

static void clean(void)
{
	if (getpid() == fixture.owner)	/* no child of the test */
		postgres_stop();
}

static bool make(char *why_r, size_t why_bytes)
{
	char data[80];
	const char *const words[] = { "initdb", "-D", data, "-U", "assay", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", NULL };
	const struct passwd *user = unprivileged();

	if (fixture.made)
		return true;
	if (!find_programs()) {
		snprintf(why_r, why_bytes, "there is no PostgreSQL server (Debian: postgresql)");
		return false;
	}
	if (fixture.directory[0] == '\0') {
		scratch_directory(fixture.directory);
		fixture.owner = getpid();
		atexit(clean);	/* after that of scratch.c, and so called before it */
	}
	if (getuid() == 0 && (user == NULL || chown(fixture.directory, user->pw_uid, user->pw_gid) != 0)) {
		snprintf(why_r, why_bytes, "there is no user to run PostgreSQL as");
		return false;
	}
	snprintf(data, sizeof(data), "%s/data", fixture.directory);
	fixture.made = program_run(words);
	if (!fixture.made)
		snprintf(why_r, why_bytes, "initdb failed: see %s/log", fixture.directory);
	return fixture.made;
}

static bool answers(void)
{
	char text[200];
	PGPing ping;

	snprintf(text, sizeof(text), "host=%s user=assay dbname=postgres", fixture.directory);
	ping = PQping(text);
	return ping == PQPING_OK;
}

bool postgres_start(char *why_r, size_t why_bytes)
{
	char data[80], sockets[100];
	const char *const words[] = { "postgres", "-D", data, "-c", "listen_addresses=", "-c", sockets, "-c", "fsync=off", "-c",
		"shared_buffers=16MB", "-c", "max_connections=80", "-c", "autovacuum=off", NULL };

	if (fixture.server > 0)
		return true;
	if (!make(why_r, why_bytes))
		return false;
	snprintf(data, sizeof(data), "%s/data", fixture.directory);
	snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", fixture.directory);
	fixture.server = program_start(words);
	for (int i = 0; fixture.server > 0 && i < START_TRIES; i++) {
		if (answers())
			return true;
		usleep(TRY_US);
	}
	snprintf(why_r, why_bytes, "PostgreSQL does not start: see %s/log", fixture.directory);
	return false;
}

static void query(const char *location, const char *sql)
{
	PGconn *connection = PQconnectdb(location);
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
		fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(connection));
		abort();
	}
	snprintf(fixture.answer, sizeof(fixture.answer), "%s",
	    PQntuples(result) > 0 && PQnfields(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	PQfinish(connection);
}

void postgres_location(char *location_r, size_t bytes)
{
	char why[300] = "", base[200], sql[64];

	if (!postgres_start(why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	snprintf(base, sizeof(base), "host=%s user=assay dbname=postgres", fixture.directory);
	snprintf(sql, sizeof(sql), "CREATE SCHEMA place%u", ++fixture.places);
	query(base, sql);
	snprintf(location_r, bytes, "%s options=-csearch_path=place%u", base, fixture.places);
}

const char *postgres_query(const char *location, const char *sql)
{
	query(location, sql);
	return fixture.answer;
}
