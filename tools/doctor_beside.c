/* SPDX-License-Identifier: BSD-2-Clause */
/* assay doctor: filters that take mail out of Postfix and hand it back, and what assayd sees of it there. */
#include <string.h>

#include "doctor.h"
#include "setup.h"

static const char *own_or(const char *own, const char *main)
{
	return own != NULL ? own : main;
}

/* One smtpd in front of a proxy: milters there see the envelope and never a message. */
static void say_proxy(struct doctor *doctor, const struct setup *setup)
{
	const char *filter = own_or(setup->smtpd->proxy_filter, setup->postfix.proxy_filter);

	if (filter[0] != '\0')
		doctor_say(doctor, "beside", DOCTOR_WARNING, "ask assayd at the smtpd behind the filter, if that says XCLIENT, or let the filter run as "
		    "content_filter or milter: \"Assay beside other software\" in assayd(8)",
		    "the smtpd %s asks assayd and has smtpd_proxy_filter = %s: milters see no message there, and nothing is judged",
		    setup->smtpd->name, filter);
}

static bool has_content_filter(const struct postfix *postfix)
{
	bool found = postfix->content_filter[0] != '\0';

	for (size_t i = 0; i < postfix->service_count; i++)
		found = found || own_or(postfix->services[i].content_filter, "")[0] != '\0';
	return found;
}

static bool is_listed(const struct string_list *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->items[i], name) == 0)
			return true;
	}
	return false;
}

/* One smtpd that takes mail back, which one can tell by its having no content_filter where others have. */
static void say_return(struct doctor *doctor, const struct setup *setup)
{
	const struct postfix_service *smtpd = setup->smtpd;
	const char *name = own_or(smtpd->daemon_name, setup->postfix.daemon_name);
	const char *overrides = own_or(smtpd->overrides, setup->postfix.overrides);

	if (smtpd->content_filter == NULL || smtpd->content_filter[0] != '\0' || !has_content_filter(&setup->postfix) ||
	    strstr(overrides, "no_milters") != NULL)
		return;
	if (is_listed(&doctor->config->reinjection_daemons, name))
		doctor_say(doctor, "beside", DOCTOR_OK, NULL, "the smtpd %s takes mail back from content_filter; its verdicts are kept "
		    "(reinjection-daemons has %s)", smtpd->name, name);
	else
		doctor_say(doctor, "beside", DOCTOR_WARNING, "give it -o receive_override_options=no_milters, or -o milter_macro_daemon_name=NAME and list "
		    "NAME in reinjection-daemons",
		    "the smtpd %s takes mail back from content_filter and asks assayd again: the verdict of the first time is removed", smtpd->name);
}

/* A name that is not one listener's alone: there any trusted client could bring verdicts in our name. */
static void say_common_name(struct doctor *doctor, const struct setup *setup)
{
	const char *name = setup->postfix.daemon_name;

	if (is_listed(&doctor->config->reinjection_daemons, name))
		doctor_say(doctor, "beside", DOCTOR_ERROR, "give the smtpd behind the filter a name of its own, -o milter_macro_daemon_name=NAME, and list that",
		    "reinjection-daemons has %s, by which Postfix calls every smtpd: any trusted client can bring verdicts in our name", name);
}

void doctor_beside(struct doctor *doctor, const struct setup *setup)
{
	struct setup each = *setup;

	say_common_name(doctor, setup);
	for (size_t i = 0; i < setup->postfix.service_count; i++) {
		each.smtpd = &setup->postfix.services[i];
		if (each.smtpd->postscreen || setup_present_address(&each) == NULL)
			continue;
		say_proxy(doctor, &each);
		say_return(doctor, &each);
	}
}
