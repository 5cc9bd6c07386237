/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is told of other filters: at start, of those whose configuration stands on this machine; while running, of what their work on
 * messages shows. Each is told once until the configuration is loaded again, and counted for the status: a sender can make us say a
 * line, and not two. A field in our name above all that senders write is a neighbour's or a forger's, and a single message does not
 * say whose; that several strangers bring one says it.
 * Thread: any; one lock.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assayd.h"
#include "config/namesake.h"

enum {
	STRANGERS = 5,		/* client networks; five forgers at once who know our name, or one neighbour */
	IPV4_BITS = 24, IPV6_BITS = 48,
	HOST_BYTES = 256,
};

static struct {
	pthread_mutex_t lock;
	struct beside_counts counts;
	bool told_field, told_neighbour, told_unjudged, told_twice, told_relayed, told_stranger;
	struct ip_network strangers[STRANGERS];
	size_t stranger_count;
} beside = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- at start ----------------------------------------------------------------------------------------------------- */

/* Only what is a file: to open a pipe that nobody writes to would be to wait for ever, before anybody is served. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)))
		return fd;
	close(fd);
	return -1;
}

static char *read_file(const char *path, struct arena *arena, size_t *length_r)
{
	char *text = arena_alloc(arena, NAMESAKE_FILE_MAX);
	int fd = open_file(path);
	ssize_t got = 0;

	*length_r = 0;
	if (fd < 0)
		return NULL;
	while (*length_r < NAMESAKE_FILE_MAX && (got = read(fd, text + *length_r, NAMESAKE_FILE_MAX - *length_r)) > 0)
		*length_r += (size_t)got;
	close(fd);
	return got < 0 ? NULL : text;
}

static void tell_namesakes(const struct config *config)
{
	static const char *const paths[NAMESAKE_PROGRAMS] = { "/etc/opendkim.conf", "/etc/opendmarc.conf" };
	struct namesake_files files = { 0 };
	struct namesake found[NAMESAKE_PROGRAMS];
	struct arena *arena = arena_new();
	char host[HOST_BYTES] = "";
	size_t count;

	(void)gethostname(host, sizeof(host) - 1);
	files.main_cf.text = read_file("/etc/postfix/main.cf", arena, &files.main_cf.length);
	files.sendmail_cf.text = read_file("/etc/mail/sendmail.cf", arena, &files.sendmail_cf.length);
	for (size_t i = 0; i < NAMESAKE_PROGRAMS; i++)
		files.programs[i].text = read_file(paths[i], arena, &files.programs[i].length);
	count = namesakes_find(&files, config->authserv_id, host, arena, found);
	for (size_t i = 0; i < count; i++)
		log_warning("%s is a milter of this MTA too and calls itself \"%s\" in Authentication-Results, as assayd does (%s): one removes "
		    "or believes the other's results; give it another AuthservID, or let it only sign (OpenDKIM: Mode s)",
		    found[i].program, found[i].name, paths[found[i].which]);
	arena_free(&arena);
}

void beside_begin(const struct config *config)
{
	pthread_mutex_lock(&beside.lock);
	beside.told_field = beside.told_neighbour = beside.told_unjudged = beside.told_twice = false;
	beside.told_relayed = beside.told_stranger = false;
	beside.stranger_count = 0;
	pthread_mutex_unlock(&beside.lock);
	tell_namesakes(config);
}

/* ---- while running ------------------------------------------------------------------------------------------------ */

/* Lock held. @return whether that flag was not set yet. */
static bool first_time(bool *told)
{
	bool first = !*told;

	*told = true;
	return first;
}

/* Lock held. @return whether enough networks have brought a field in our name to say that it is no forger. */
static bool many_strangers(const struct ip_addr *client)
{
	struct ip_network network = { .addr = *client, .prefix_bits = client->family == AF_INET ? IPV4_BITS : IPV6_BITS };

	for (size_t i = 0; i < beside.stranger_count; i++) {
		if (network_contains(&beside.strangers[i], client))
			return false;
	}
	if (beside.stranger_count < STRANGERS && client->family != AF_UNSPEC)
		beside.strangers[beside.stranger_count++] = network;
	return beside.stranger_count == STRANGERS && first_time(&beside.told_neighbour);
}

enum news { NEWS_NONE, NEWS_FIELD, NEWS_NEIGHBOUR, NEWS_UNJUDGED, NEWS_TWICE, NEWS_RELAYED };

/* Lock held. */
static enum news note(const struct beside *seen, const struct ip_addr *client)
{
	switch (seen->returned) {
	case RETURNED_KEPT:
		beside.counts.kept++;
		return NEWS_NONE;
	case RETURNED_UNJUDGED:
		beside.counts.unjudged++;
		return first_time(&beside.told_unjudged) ? NEWS_UNJUDGED : NEWS_NONE;
	case RETURNED_TWICE:
		beside.counts.twice++;
		return first_time(&beside.told_twice) ? NEWS_TWICE : NEWS_NONE;
	case RETURNED_NO:
		break;
	}
	if (seen->relayed) {
		beside.counts.relayed++;
		return first_time(&beside.told_relayed) ? NEWS_RELAYED : NEWS_NONE;
	}
	if (!seen->own_on_top)
		return NEWS_NONE;
	beside.counts.own_on_top++;
	if (many_strangers(client))
		return NEWS_NEIGHBOUR;
	return first_time(&beside.told_field) ? NEWS_FIELD : NEWS_NONE;
}

static void tell(enum news news, const char *id, const char *client)
{
	switch (news) {
	case NEWS_NONE:
		break;
	case NEWS_FIELD:
		log_notice("%s: from %s, with Authentication-Results in our own name above all that a sender writes, which is removed: forged, or of "
		    "another filter before assayd that has the same authserv-id (`assay doctor` looks for one); told once", id, client);
		break;
	case NEWS_NEIGHBOUR:
		log_warning("%s: mail of %d networks came with Authentication-Results in our own name above all that a sender writes: another filter "
		    "before assayd has the same authserv-id, and its results are removed; give it another one, or put assayd first; told once",
		    id, (int)STRANGERS);
		break;
	case NEWS_UNJUDGED:
		log_warning("%s: mail comes back to this MTA from %s and nobody has judged it, as behind smtpd_proxy_filter; see \"Assay beside other "
		    "software\" in assayd(8); told once, then counted (returned=unjudged, `assay doctor`)", id, client);
		break;
	case NEWS_TWICE:
		log_warning("%s: mail that was judged comes back to this MTA from %s, and the verdict of the first time is removed: behind "
		    "content_filter give that smtpd a name and list it in reinjection-daemons (assayd(8), \"Assay beside other software\"); told once, "
		    "then counted (returned=twice, `assay doctor`)", id, client);
		break;
	case NEWS_RELAYED:
		log_notice("%s: %s is in trusted-networks and hands on mail that it has from elsewhere: it passes unjudged; told once, then counted "
		    "(`assay doctor`)", id, client);
		break;
	}
}

/* The admin's listener for what filters hand back, and a client that he does not trust: its mail is judged as any other. */
static bool is_stranger_at_listener(const struct config *config, const struct facts_connection *connection)
{
	for (size_t i = 0; connection->daemon_name != NULL && i < config->reinjection_daemons.count; i++) {
		if (strcmp(config->reinjection_daemons.items[i], connection->daemon_name) == 0)
			return !beside_is_reinjected(config, connection);
	}
	return false;
}

void beside_note_message(const struct connection *connection)
{
	const struct facts_connection *facts = session_connection(connection->session);
	bool stranger = is_stranger_at_listener(session_config(connection->session), facts);
	char client[ADDR_TEXT_BYTES];
	enum news news;

	pthread_mutex_lock(&beside.lock);
	news = note(message_beside(connection->message), &facts->client);
	stranger = stranger && first_time(&beside.told_stranger);
	pthread_mutex_unlock(&beside.lock);
	addr_format(&facts->client, client);
	tell(news, connection_queue_id(connection), client);
	if (stranger)
		log_warning("%s: %s is not in trusted-networks but comes to a listener of reinjection-daemons: its mail is judged as any other; told once",
		    connection_queue_id(connection), client);
}

struct beside_counts beside_counts(void)
{
	struct beside_counts counts;

	pthread_mutex_lock(&beside.lock);
	counts = beside.counts;
	pthread_mutex_unlock(&beside.lock);
	return counts;
}
