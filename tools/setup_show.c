/* SPDX-License-Identifier: BSD-2-Clause */
/* What `assay setup postfix` would do, and why; what else is in the chain. Prints only. */
#include <stdio.h>
#include <string.h>

#include "milters.h"
#include "setup.h"

/* Filters that stand beside us, by words in their addresses: where they belong, and what they need not do any more. */
static const struct neighbour { const char *word, *name, *advice; } neighbours[] = {
	{ "opendmarc", "OpenDMARC", "does what assayd does; take it out, or give it an AuthservID of its own" },
	{ "opendkim", "OpenDKIM", "behind assayd; keep it for signing (Mode s) and let assayd verify" },
	{ "8891", "the milter at port 8891 (OpenDKIM's usual one)", "behind assayd; keep it for signing (Mode s)" },
	{ "8893", "the milter at port 8893 (OpenDMARC's usual one)", "does what assayd does; take it out" },
	{ "dkimpy", "dkimpy-milter", "behind assayd; keep it for signing (Mode s)" },
	{ "pyspf", "pyspf-milter", "does what assayd does; take it out" },
	{ "rspamd", "rspamd", "behind assayd: it may change what assayd has to see unchanged" },
	{ "11332", "rspamd (port 11332)", "behind assayd: it may change what assayd has to see unchanged" },
	{ "spamass", "spamass-milter", "behind assayd: it rewrites header fields" },
	{ "clamav", "clamav-milter", "behind assayd" },
	{ "amavis", "amavisd-milter", "behind assayd: it may rewrite the message" },
	{ "milter-greylist", "milter-greylist", "before or behind assayd; assayd can greylist by itself" },
};

static const struct neighbour *find_neighbour(const char *text)
{
	for (size_t i = 0; i < sizeof(neighbours) / sizeof(neighbours[0]); i++)
		if (strstr(text, neighbours[i].word) != NULL)
			return &neighbours[i];
	return NULL;
}

void setup_show_neighbours(const struct setup *setup)
{
	size_t count;
	struct milter_item *items = milters_split(setup->arena, setup_milters_of(setup, setup->smtpd), &count);
	const char *own = setup_present_address(setup);

	for (size_t i = 0; i < count; i++) {
		const struct neighbour *known = find_neighbour(items[i].text);

		if (own != NULL && strcmp(items[i].address, own) == 0)
			continue;
		printf("beside assayd: %s: %s\n", items[i].text, known != NULL ? known->advice :
		    "another milter; behind assayd when it changes messages or signs them");
	}
	if (strstr(setup->postfix.restrictions, "policyd-spf") != NULL)
		printf("beside assayd: check_policy_service %s in smtpd_recipient_restrictions judges SPF too; take it out when assayd "
		    "enforces\n", "policyd-spf");
	for (size_t i = 0; i < setup->postfix.service_count; i++) {
		const struct postfix_service *service = &setup->postfix.services[i];

		if (service->milters != NULL)
			printf("service %s has smtpd_milters of its own in master.cf (\"%s\"): not changed\n", service->name,
			    service->milters);
	}
}

static void show_files(const struct setup *setup, const struct setup_plan *plan)
{
	if (plan->directory != NULL)
		printf("make  %s   (owner %s, group %s, mode 2750)\n"
		    "      smtpd looks for sockets below its queue directory; what is made there gets smtpd's group\n",
		    plan->directory, setup->config->user != NULL ? setup->config->user : "root", plan->directory_group);
	if (plan->socket != NULL)
		printf("set   %s: socket = \"%s\"   (now \"%s\")\n"
		    "      and restart assayd, which makes its socket there\n",
		    setup->config_path, plan->socket, setup->config->socket);
}

void setup_show(const struct setup *setup, const struct setup_plan *plan)
{
	const struct postfix *postfix = &setup->postfix;

	printf("Postfix %s, %s/main.cf, queue in %s; smtpd (%s) is %schrooted\n", postfix->version, postfix->directory,
	    postfix->queue_directory, setup->smtpd->name, setup->smtpd->chroot ? "" : "not ");
	show_files(setup, plan);
	if (plan->milters != NULL)
		printf("set   main.cf: smtpd_milters = %s   (now \"%s\")\n"
		    "      assayd is asked first: it has to see the message as it came\n", plan->milters, postfix->raw_milters);
	if (plan->default_action != NULL)
		printf("set   main.cf: milter_default_action = %s   (now the built-in \"%s\")\n"
		    "      without an answer from assayd mail is let in unjudged; with tempfail the client tries again later\n",
		    plan->default_action, postfix->default_action);
	if (plan->protocol != NULL)
		printf("set   main.cf: milter_protocol = %s   (now %u)\n"
		    "      with an older protocol the parts of a message that signatures need do not come unchanged\n",
		    plan->protocol, postfix->protocol);
	if (plan->nothing)
		printf("nothing has to change\n");
	else
		printf("then  reload Postfix, and send a probe through smtpd to see that assayd is asked\n");
	printf("keep  macros: assayd asks Postfix for those that it reads; non_smtpd_milters: local mail needs no judgement\n");
	setup_show_neighbours(setup);
}
