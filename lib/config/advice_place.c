/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places: the user and group, files that are read, the directories of database and socket. They are judged as the user
 * that assayd runs as, from owner and mode, because whoever asks is often root. What cannot be seen is not told.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/advice_internal.h"
#include "config/domain_list.h"
#include "util/connection.h"

enum { GROUPS_MAX = 256, NAME_BYTES = 64, PATH_BYTES = 1100 };

enum { MAY_READ = 4, MAY_WRITE = 2, MAY_SEARCH = 1 };

/* Who assayd will be. */
struct identity {
	bool known;
	uid_t uid;
	gid_t gid, groups[GROUPS_MAX];
	int group_count;
	char user[NAME_BYTES], group[NAME_BYTES];
};

static const char *user_name(uid_t uid, char name[NAME_BYTES])
{
	const struct passwd *passwd = getpwuid(uid);

	if (passwd != NULL)
		snprintf(name, NAME_BYTES, "%s", passwd->pw_name);
	else
		snprintf(name, NAME_BYTES, "user %lu", (unsigned long)uid);
	return name;
}

/* Fills names in any case; a configured user or group that does not exist is nobody yet: known stays false. */
static void identity_find(const struct config *config, struct identity *identity)
{
	const struct passwd *passwd = config->user != NULL ? getpwnam(config->user) : getpwuid(geteuid());
	const struct group *group;

	memset(identity, 0, sizeof(*identity));
	identity->known = config->user == NULL || passwd != NULL;
	identity->uid = passwd != NULL ? passwd->pw_uid : geteuid();
	identity->gid = passwd != NULL ? passwd->pw_gid : getegid();
	if (config->user != NULL)
		snprintf(identity->user, sizeof(identity->user), "%s", config->user);
	else
		user_name(identity->uid, identity->user);
	group = config->group != NULL ? getgrnam(config->group) : getgrgid(identity->gid);
	if (group != NULL)
		identity->gid = group->gr_gid;
	identity->known = identity->known && (config->group == NULL || group != NULL);
	if (config->group != NULL || !identity->known)
		snprintf(identity->group, sizeof(identity->group), "%s", config->group != NULL ? config->group : identity->user);
	else if (group != NULL)
		snprintf(identity->group, sizeof(identity->group), "%s", group->gr_name);
	else
		snprintf(identity->group, sizeof(identity->group), "%lu", (unsigned long)identity->gid);
	identity->group_count = GROUPS_MAX;
	if (getgrouplist(identity->user, identity->gid, identity->groups, &identity->group_count) < 0)
		identity->group_count = 0;
}

static bool in_group(const struct identity *identity, gid_t gid)
{
	if (gid == identity->gid)
		return true;
	for (int i = 0; i < identity->group_count; i++) {
		if (identity->groups[i] == gid)
			return true;
	}
	return false;
}

/* Owner and mode alone: an access list (acl(5)) may say otherwise, but hardly does for these places. */
static bool mode_allows(const struct identity *identity, const struct stat *status, unsigned may)
{
	unsigned bits = (unsigned)status->st_mode;

	if (identity->uid == 0)
		return true;
	if (status->st_uid == identity->uid)
		bits >>= 6;
	else if (in_group(identity, status->st_gid))
		bits >>= 3;
	return (bits & may) == may;
}

/* "/a/b/c" → "/a/b"; "/a" → "/". */
static void parent_of(const char *path, char parent_r[PATH_BYTES])
{
	char *slash;

	snprintf(parent_r, PATH_BYTES, "%s", path);
	slash = strrchr(parent_r, '/');
	if (slash != NULL)
		slash[slash == parent_r ? 1 : 0] = '\0';
}

/* The first directory above the path that the user cannot pass. @return whether there is one. */
static bool closed_above(const struct identity *identity, const char *path, char closed_r[PATH_BYTES])
{
	struct stat status;

	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(closed_r, PATH_BYTES, "%.*s", (int)(slash - path), path);
		if (stat(closed_r, &status) == 0 && !mode_allows(identity, &status, MAY_SEARCH))
			return true;
	}
	return false;
}

static void advise_identity(struct advisor *advisor)
{
	const struct config *config = advisor->config;

	if (config->user != NULL && getpwnam(config->user) == NULL)
		advise(advisor, "user \"%s\" does not exist: make it (adduser --system --group %s), or name another with the option user",
		    config->user, config->user);
	if (config->group != NULL && getgrnam(config->group) == NULL)
		advise(advisor, "group \"%s\" does not exist: make it (addgroup --system %s), or name another with the option group",
		    config->group, config->group);
}

/* A file that assayd reads at start. */
static void advise_file(struct advisor *advisor, const struct identity *identity, const char *option, const char *path,
    const char *remedy)
{
	char closed[PATH_BYTES], owner[NAME_BYTES];
	struct stat status;

	if (stat(path, &status) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			advise(advisor, "%s: file %s does not exist%s", option, path, remedy);
	} else if (S_ISDIR(status.st_mode)) {
		advise(advisor, "%s: %s is a directory, not a file", option, path);
	} else if (identity->known && closed_above(identity, path, closed)) {
		advise(advisor, "%s: user %s cannot read %s: directory %s is closed to it", option, identity->user, path, closed);
	} else if (identity->known && !mode_allows(identity, &status, MAY_READ)) {
		advise(advisor, "%s: file %s belongs to %s, and user %s cannot read it", option, path,
		    user_name(status.st_uid, owner), identity->user);
	}
}

struct list_advice {
	struct advisor *advisor;
	const struct identity *identity;
};

/* Files of domains were read as whoever asks; a reload reads them as the user that assayd runs as. */
static void advise_list(void *closure, const char *where, const struct option_row *row, const struct domain_list *list)
{
	const struct list_advice *advice = closure;
	char option[160];

	snprintf(option, sizeof(option), "%s%s", where, row->name);
	for (size_t i = 0; i < list->source_count; i++) {
		if (domain_source_path(&list->sources[i]) != NULL)
			advise_file(advice->advisor, advice->identity, option, domain_source_path(&list->sources[i]), "");
	}
}

static void advise_files(struct advisor *advisor, const struct identity *identity)
{
	const struct config *config = advisor->config;
	const char *const *anchor = config->dns.trust_anchor_files;

	for (; config->dns.dnssec == DNSSEC_VALIDATE && anchor != NULL && *anchor != NULL; anchor++)
		advise_file(advisor, identity, "trust-anchor-files", *anchor,
		    ": validation has nothing to start from (package dns-root-data)");
	if (config->psl_file != NULL)
		advise_file(advisor, identity, "psl-file", config->psl_file, config->dmarc_method == ORG_DOMAIN_PSL ?
		    " (package publicsuffix)" : " (package publicsuffix): no suffix is kept from counting as an organization in DMARC");
	if (config->dns.zone_file != NULL)
		advise_file(advisor, identity, "zone-file", config->dns.zone_file, "");
	domain_lists_each(config, advise_list, &(struct list_advice){ advisor, identity });
}

/* The file itself, when there is one already: made by hand as root it stays root's. */
static void advise_database_file(struct advisor *advisor, const struct identity *identity, const char *path)
{
	char owner[NAME_BYTES];
	struct stat status;

	if (stat(path, &status) != 0)
		return;
	if (S_ISDIR(status.st_mode))
		advise(advisor, "database %s is a directory: name a file in it", path);
	else if (!mode_allows(identity, &status, MAY_READ | MAY_WRITE))
		advise(advisor, "database %s belongs to %s, and user %s cannot write to it: nothing can be remembered; "
		    "run: chown %s:%s %s*", path, user_name(status.st_uid, owner), identity->user, identity->user,
		    identity->group, path);
}

static void advise_connection(struct advisor *advisor, const char *connection)
{
	if (connection_is_bare(connection))
		advise(advisor, "the connection to PostgreSQL goes to another machine and may do so without TLS: who listens reads whom your "
		    "users write to, and who sits between can pose as the server; add sslmode=verify-full and sslrootcert=FILE");
}

static void advise_database(struct advisor *advisor, const struct identity *identity, const char *path)
{
	char directory[PATH_BYTES], closed[PATH_BYTES], owner[NAME_BYTES];
	struct stat status;

	if (strncmp(path, RECORD_POSTGRESQL_PREFIX, strlen(RECORD_POSTGRESQL_PREFIX)) == 0) {
		advise_connection(advisor, path + strlen(RECORD_POSTGRESQL_PREFIX));
		return;
	}
	parent_of(path, directory);
	if (stat(directory, &status) != 0) {
		if (errno == ENOENT)
			advise(advisor, "database directory %s does not exist: nothing can be remembered; assayd runs as user %s, so run: "
			    "install -d -o %s -g %s -m 0750 %s", directory, identity->user, identity->user, identity->group, directory);
	} else if (!S_ISDIR(status.st_mode)) {
		advise(advisor, "database directory %s is not a directory", directory);
	} else if (!identity->known) {
		return;
	} else if (closed_above(identity, directory, closed)) {
		advise(advisor, "database directory %s cannot be reached by user %s: directory %s, above it, is closed to it",
		    directory, identity->user, closed);
	} else if (!mode_allows(identity, &status, MAY_READ | MAY_WRITE | MAY_SEARCH)) {
		advise(advisor, "database directory %s belongs to %s, and user %s, which assayd runs as, cannot write there: "
		    "nothing can be remembered; run: chown %s:%s %s", directory, user_name(status.st_uid, owner), identity->user,
		    identity->user, identity->group, directory);
	} else if (identity->uid == geteuid() && access(directory, W_OK) != 0) {
		advise(advisor, "database directory %s cannot be written to: %s", directory, strerror(errno));
	} else {
		advise_database_file(advisor, identity, path);
	}
}

/* "unix:/x", "local:/x", "/x" → "/x"; NULL: a port. */
static const char *socket_path(const char *spec)
{
	if (strncasecmp(spec, "unix:", 5) == 0 || strncasecmp(spec, "local:", 6) == 0)
		spec = strchr(spec, ':') + 1;
	return spec[0] == '/' ? spec : NULL;
}

/* Directories right below /run come and go with the service (RuntimeDirectory=, tmpfiles.d): only others are told. */
static bool made_at_start(const char *directory)
{
	return strncmp(directory, "/run/", 5) == 0 && strchr(directory + 5, '/') == NULL;
}

/* Below Postfix's queue the directory is Postfix's to enter, and hands its group on to the socket. */
static bool is_below_postfix(const char *directory)
{
	return strstr(directory, "/spool/postfix/") != NULL;
}

static void advise_socket(struct advisor *advisor, const struct identity *identity)
{
	const char *path = socket_path(advisor->config->socket);
	char directory[PATH_BYTES];
	struct stat status;

	if (path == NULL)
		return;
	parent_of(path, directory);
	if (stat(directory, &status) == 0 || errno != ENOENT || made_at_start(directory))
		return;
	if (is_below_postfix(directory))
		advise(advisor, "socket directory %s does not exist: assayd cannot start; assay setup postfix --apply makes it, or "
		    "install -d -o %s -g postfix -m 2750 %s", directory, identity->user, directory);
	else
		advise(advisor, "socket directory %s does not exist: assayd cannot start; run: install -d -o %s -g %s -m 0750 %s", directory,
		    identity->user, identity->group, directory);
}

void advise_places(struct advisor *advisor)
{
	struct identity identity;

	identity_find(advisor->config, &identity);
	advise_identity(advisor);
	advise_files(advisor, &identity);
	if (advisor->config->record_location != NULL)
		advise_database(advisor, &identity, advisor->config->record_location);
	advise_socket(advisor, &identity);
}

size_t config_advise_database(const struct config *config, const char *path, config_tell *tell, void *closure)
{
	struct advisor advisor = { .config = config, .tell = tell, .closure = closure };
	struct identity identity;

	identity_find(config, &identity);
	advise_database(&advisor, &identity, path);
	return advisor.count;
}
