/* SPDX-License-Identifier: BSD-2-Clause */
/* See postfix.h. Trusts postconf(1), not its length. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "postfix.h"

enum { SERVICES_MAX = 200, SECONDS = 20 };

/* postconf with these words behind it; the words end with NULL. */
static bool postconf(struct arena *arena, const char *directory, const char *const *words, struct run_result *result_r)
{
	const char *argv[24] = { "postconf", "-c", directory };
	size_t count = directory != NULL ? 3 : 1;

	while (*words != NULL && count < 23)
		argv[count++] = *words++;
	argv[count] = NULL;
	return run_program(arena, argv, SECONDS, result_r);
}

/* Cuts the next line off; NULL at the end. */
static char *next_line(char **rest)
{
	char *line = *rest, *end;

	if (line == NULL || *line == '\0')
		return NULL;
	end = line + strcspn(line, "\n");
	*rest = *end == '\n' ? end + 1 : end;
	*end = '\0';
	return line;
}

static bool read_parameters(struct arena *arena, struct postfix *postfix, const char **why_r)
{
	static const char *const names[] = { "-hx", "mail_version", "queue_directory", "mail_owner", "smtpd_milters",
		"milter_default_action", "milter_protocol", "inet_interfaces", "inet_protocols", "smtpd_recipient_restrictions",
		"mydestination", "content_filter", "smtpd_proxy_filter", "receive_override_options", "milter_macro_daemon_name", NULL };
	const char *protocol = "", **const values[] = { &postfix->version, &postfix->queue_directory, &postfix->mail_owner,
		&postfix->milters, &postfix->default_action, &protocol, &postfix->inet_interfaces, &postfix->inet_protocols,
		&postfix->restrictions, &postfix->mydestination, &postfix->content_filter, &postfix->proxy_filter, &postfix->overrides,
		&postfix->daemon_name };
	struct run_result result;
	char *rest, *line;

	if (!postconf(arena, postfix->directory, names, &result)) {
		*why_r = arena_printf(arena, "postconf: %s", first_line(arena, result.errors));
		return false;
	}
	rest = arena_strdup(arena, result.output);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		line = next_line(&rest);
		*values[i] = line != NULL ? line : "";
	}
	postfix->protocol = (unsigned)strtoul(protocol, NULL, 10);
	return true;
}

/* What stands in main.cf itself. */
static void read_set_parameters(struct arena *arena, struct postfix *postfix)
{
	static const char *const words[] = { "-n", NULL };
	struct run_result result;
	char *rest, *line, *equals;

	postfix->raw_milters = "";
	if (!postconf(arena, postfix->directory, words, &result))
		return;
	rest = arena_strdup(arena, result.output);
	while ((line = next_line(&rest)) != NULL) {
		equals = strstr(line, " =");
		if (equals == NULL)
			continue;
		*equals = '\0';
		equals += 2;
		if (strcmp(line, "smtpd_milters") == 0) {
			postfix->milters_set = true;
			postfix->raw_milters = equals + strspn(equals, " ");
		} else if (strcmp(line, "milter_default_action") == 0) {
			postfix->default_action_set = true;
		}
	}
}

/* "smtp inet n - y - - smtpd -o x=y": the chroot column is the fifth, the program the eighth; "-" means n since Postfix 3.0. */
static void read_service(struct postfix *postfix, char *line)
{
	struct postfix_service *service = &postfix->services[postfix->service_count];
	char *words[8], *save = NULL;
	size_t count = 0;

	for (char *word = strtok_r(line, " \t", &save); word != NULL && count < 8; word = strtok_r(NULL, " \t", &save))
		words[count++] = word;
	if (count < 8 || postfix->service_count == SERVICES_MAX)
		return;
	service->postscreen = strcmp(words[7], "postscreen") == 0;
	if (strcmp(words[7], "smtpd") != 0 && !service->postscreen)
		return;
	service->name = words[0];
	service->type = words[1];
	service->chroot = words[4][0] == 'y';
	postfix->service_count++;
}

static void override(struct postfix_service *service, const char *name, const char *value)
{
	const struct { const char *name, **value; } texts[] = {
		{ "smtpd_milters", &service->milters }, { "content_filter", &service->content_filter },
		{ "smtpd_proxy_filter", &service->proxy_filter }, { "receive_override_options", &service->overrides },
		{ "milter_macro_daemon_name", &service->daemon_name },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(name, texts[i].name) == 0)
			*texts[i].value = value;
	if (strcmp(name, "smtpd_tls_wrappermode") == 0)
		service->wrapped = strcmp(value, "yes") == 0;
}

/* "smtps/inet/smtpd_tls_wrappermode = yes" */
static void read_override(struct postfix *postfix, char *line)
{
	char *equals = strstr(line, " ="), *name, *type;

	if (equals == NULL)
		return;
	*equals = '\0';
	equals += 2;
	equals += strspn(equals, " ");
	name = strrchr(line, '/');
	if (name == NULL)
		return;
	*name++ = '\0';
	type = strrchr(line, '/');
	if (type == NULL)
		return;
	*type++ = '\0';
	for (size_t i = 0; i < postfix->service_count; i++) {
		struct postfix_service *service = &postfix->services[i];

		if (strcmp(service->name, line) == 0 && strcmp(service->type, type) == 0)
			override(service, name, equals);
	}
}

static bool read_services(struct arena *arena, struct postfix *postfix, const char **why_r)
{
	static const char *const list[] = { "-M", NULL }, *const overrides[] = { "-P", NULL };
	struct run_result result;
	char *rest, *line;

	postfix->services = arena_calloc(arena, SERVICES_MAX + 1, sizeof(*postfix->services));
	if (!postconf(arena, postfix->directory, list, &result)) {
		*why_r = arena_printf(arena, "postconf -M: %s", first_line(arena, result.errors));
		return false;
	}
	rest = arena_strdup(arena, result.output);
	while ((line = next_line(&rest)) != NULL)
		read_service(postfix, line);
	if (!postconf(arena, postfix->directory, overrides, &result))
		return true;	/* older than 2.11: no service is known to differ */
	rest = arena_strdup(arena, result.output);
	while ((line = next_line(&rest)) != NULL)
		read_override(postfix, line);
	return true;
}

int postfix_read(struct arena *arena, const char *directory, struct postfix *postfix_r, const char **why_r)
{
	static const char *const words[] = { "-h", "config_directory", NULL };
	struct run_result result;

	*postfix_r = (struct postfix){ .directory = directory };
	if (!postconf(arena, directory, words, &result)) {
		*why_r = result.status < 0 ? "Postfix is not installed: there is no postconf(1)"
					   : arena_printf(arena, "postconf: %s", first_line(arena, result.errors));
		return result.status < 0 ? EX_UNAVAILABLE : EX_CONFIG;
	}
	if (directory == NULL)
		postfix_r->directory = first_line(arena, result.output);
	if (!read_parameters(arena, postfix_r, why_r) || !read_services(arena, postfix_r, why_r))
		return EX_CONFIG;
	read_set_parameters(arena, postfix_r);
	return 0;
}

const struct postfix_service *postfix_front(const struct postfix *postfix)
{
	for (size_t i = 0; i < postfix->service_count; i++)
		if (strcmp(postfix->services[i].type, "inet") == 0 && !postfix->services[i].wrapped)
			return &postfix->services[i];
	return NULL;
}

const struct postfix_service *postfix_smtpd(const struct postfix *postfix)
{
	const struct postfix_service *front = postfix_front(postfix);

	if (front == NULL || !front->postscreen)
		return front;
	for (size_t i = 0; i < postfix->service_count; i++)
		if (strcmp(postfix->services[i].type, "pass") == 0)
			return &postfix->services[i];
	return NULL;
}

bool postfix_running(struct arena *arena, const struct postfix *postfix)
{
	const char *const argv[] = { "postfix", "-c", postfix->directory, "status", NULL };
	struct run_result result;

	return run_program(arena, argv, SECONDS, &result);
}

static const char *change(struct arena *arena, const char *const *argv)
{
	struct run_result result;

	if (run_program(arena, argv, SECONDS, &result))
		return NULL;
	return arena_printf(arena, "%s: %s", argv[0], first_line(arena, result.errors));
}

const char *postfix_set(struct arena *arena, const struct postfix *postfix, const char *name, const char *value)
{
	const char *const argv[] = { "postconf", "-c", postfix->directory, "-e", arena_printf(arena, "%s=%s", name, value), NULL };

	return change(arena, argv);
}

const char *postfix_unset(struct arena *arena, const struct postfix *postfix, const char *name)
{
	const char *const argv[] = { "postconf", "-c", postfix->directory, "-X", name, NULL };

	return change(arena, argv);
}

const char *postfix_reload(struct arena *arena, const struct postfix *postfix)
{
	const char *const argv[] = { "postfix", "-c", postfix->directory, "reload", NULL };

	return change(arena, argv);
}
