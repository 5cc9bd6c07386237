/* SPDX-License-Identifier: BSD-2-Clause */
#include "postgres_fixture.h"
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

enum { START_TRIES = 600, TRY_US = 50000 };

static struct {
	char programs[200], directory[SCRATCH_BYTES], answer[4096];
	pid_t server, owner;
	pid_t thawer;			/* waits for its pipe to end */
	int thaw;
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

/* The server and its children, to which only it can add. */
static size_t processes(pid_t server, pid_t *pids, size_t room)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	size_t count = 1;

	pids[0] = server;
	while (directory != NULL && (entry = readdir(directory)) != NULL && count < room) {
		char path[300];
		FILE *file;
		int parent;

		snprintf(path, sizeof(path), "/proc/%.200s/stat", entry->d_name);
		file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "r") : NULL;
		if (file == NULL)
			continue;
		/* the name, in which a parenthesis may be, is "postgres" for all that matter */
		if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == server)
			pids[count++] = (pid_t)atoi(entry->d_name);
		fclose(file);
	}
	if (directory != NULL)
		closedir(directory);
	return count;
}

void postgres_freeze(void)
{
	pid_t pids[200];
	size_t count;
	int ends[2];
	char octet;

	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();
	kill(fixture.server, SIGSTOP);	/* it makes no more of them */
	count = processes(fixture.server, pids, sizeof(pids) / sizeof(pids[0]));
	for (size_t i = 1; i < count; i++)
		kill(pids[i], SIGSTOP);
	fixture.thaw = ends[1];
	fixture.thawer = fork();
	if (fixture.thawer != 0) {
		close(ends[0]);
		return;
	}
	close(ends[1]);
	while (read(ends[0], &octet, 1) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < count; i++)
		kill(pids[i], SIGCONT);
	_exit(0);
}

void postgres_thaw(void)
{
	int status;

	if (fixture.thawer <= 0)
		return;
	close(fixture.thaw);
	waitpid(fixture.thawer, &status, 0);
	fixture.thawer = 0;
}

void postgres_stop(void)
{
	int status;

	postgres_thaw();
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

/* ---- the way that takes its time ----------------------------------------------------------------------------------- */

enum { PROXY_CONNECTIONS_MAX = 64, PROXY_LOOK_MS = 20 };

struct postgres_proxy {
	_Atomic int answer_ms;
	_Atomic bool ended;
	int listener;
	pthread_t thread, threads[PROXY_CONNECTIONS_MAX];
	unsigned count;
};

struct proxied { struct postgres_proxy *proxy; int client; };

static struct sockaddr_un socket_of(const char *directory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", directory);
	return address;
}

/* @return whether there is more to come. */
static bool hand_on(struct postgres_proxy *proxy, int from, int to, bool answer)
{
	char octets[65536];
	ssize_t count = recv(from, octets, sizeof(octets), 0);

	if (count <= 0)
		return false;
	for (int left_ms = proxy->answer_ms; answer && left_ms > 0 && !proxy->ended; left_ms -= PROXY_LOOK_MS)
		usleep((useconds_t)(left_ms < PROXY_LOOK_MS ? left_ms : PROXY_LOOK_MS) * 1000);
	return send(to, octets, (size_t)count, MSG_NOSIGNAL) == count;
}

static void *proxy_connection(void *arg)
{
	struct proxied *proxied = arg;
	struct postgres_proxy *proxy = proxied->proxy;
	struct sockaddr_un address = socket_of(fixture.directory);
	int client = proxied->client, server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool more = connect(server, (struct sockaddr *)&address, sizeof(address)) == 0;

	free(proxied);
	while (more && !proxy->ended) {
		struct pollfd fds[] = { { .fd = client, .events = POLLIN }, { .fd = server, .events = POLLIN } };

		if (proxy->answer_ms < 0) {
			usleep(PROXY_LOOK_MS * 1000);
			continue;
		}
		if (poll(fds, 2, PROXY_LOOK_MS) <= 0)
			continue;
		if (fds[0].revents != 0)
			more = hand_on(proxy, client, server, false);
		if (more && fds[1].revents != 0)
			more = hand_on(proxy, server, client, true);
	}
	close(client);
	close(server);
	return NULL;
}

static void *proxy_run(void *arg)
{
	struct postgres_proxy *proxy = arg;

	while (!proxy->ended) {
		struct pollfd fd = { .fd = proxy->listener, .events = POLLIN };
		struct proxied *proxied;

		if (poll(&fd, 1, PROXY_LOOK_MS) <= 0 || proxy->count == PROXY_CONNECTIONS_MAX)
			continue;
		proxied = calloc(1, sizeof(*proxied));
		if (proxied == NULL)
			abort();
		*proxied = (struct proxied){ proxy, accept(proxy->listener, NULL, NULL) };
		if (pthread_create(&proxy->threads[proxy->count++], NULL, proxy_connection, proxied) != 0)
			abort();
	}
	return NULL;
}

struct postgres_proxy *postgres_proxy_start(const char *directory)
{
	struct postgres_proxy *proxy = calloc(1, sizeof(*proxy));
	struct sockaddr_un address = socket_of(directory);

	if (proxy == NULL)
		abort();
	proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(proxy->listener, 64) != 0 ||
	    pthread_create(&proxy->thread, NULL, proxy_run, proxy) != 0)
		abort();
	return proxy;
}

void postgres_proxy_delay(struct postgres_proxy *proxy, int answer_ms)
{
	proxy->answer_ms = answer_ms;
}

void postgres_proxy_stop(struct postgres_proxy **proxy_p)
{
	struct postgres_proxy *proxy = *proxy_p;

	proxy->ended = true;
	pthread_join(proxy->thread, NULL);
	for (unsigned i = 0; i < proxy->count; i++)
		pthread_join(proxy->threads[i], NULL);
	close(proxy->listener);
	free(proxy);
	*proxy_p = NULL;
}
