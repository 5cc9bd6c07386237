/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opendmarc.conf (opendmarc 1.4). opendmarc reads the verdicts of SPF and DKIM out of header fields; Assay makes them itself,
 * so that the options about whom to believe fall away. What it does is RejectFailures and HoldQuarantinedMessages together.
 */
#include <string.h>

#include "config/import_internal.h"

#define SYSTEMD FATE_DROPPED, "systemd and the options of assayd do this", NULL

static bool is_on(const struct import *import, const char *name)
{
	const struct import_line *line = import_find(import->files[IMPORT_OPENDMARC], name);
	bool on;

	return line != NULL && import_bool(line->value, &on) && on;
}

static void set_finding(struct import *import, const char *origin, const char *finding, const char *action)
{
	const char *why = import_set(import, origin, "findings", finding, action);

	if (why != NULL)
		import_note(import, NULL, FATE_BY_HAND, "findings { %s = %s }: %s", finding, action, why);
}

static void reject_failures(struct import *import, const struct import_line *line)
{
	bool on;

	if (import_bool(line->value, &on) && on)
		import_note(import, line, FATE_KEPT, "findings { dmarc-reject = reject, dmarc-reject-corroborated = reject, "
		    "dmarc-temperror = defer }; RFC 9989 section 7.4 advises against the first: quarantine is Assay's default");
	else
		import_note(import, line, FATE_KEPT, "findings { dmarc-reject = tag, dmarc-reject-corroborated = tag }");
}

static void hold_quarantined(struct import *import, const struct import_line *line)
{
	bool on;

	import_note(import, line, FATE_KEPT, "findings { dmarc-quarantine = %s }",
	    import_bool(line->value, &on) && on ? "quarantine" : "tag");
}

static void ignore_authenticated(struct import *import, const struct import_line *line)
{
	bool on;

	if (import_bool(line->value, &on))
		import_keep(import, line, "", "exempt-authenticated", on ? "yes" : "no");
	else
		import_note(import, line, FATE_UNKNOWN, "neither true nor false");
}

static void ignore_hosts(struct import *import, const struct import_line *line)
{
	bool more;
	const char **hosts = import_dataset(import, line, &more);

	if (hosts != NULL)
		import_hosts(import, line, hosts, more, "clients that are not judged");
}

static void ignore_mail_from(struct import *import, const struct import_line *line)
{
	bool more;
	const char **domains = import_split(import->arena, line->value, ", \t", &more);
	size_t kept = 0;

	for (; *domains != NULL && import->ignored_authors.count < IMPORT_VALUES_MAX; domains++) {
		if (import_fits(import, "policy", "author-domains", *domains)) {
			import->ignored_authors.domains[import->ignored_authors.count++] = *domains;
			kept++;
		}
	}
	import_note(import, line, FATE_CHANGED, "%zu in the policy ignored-authors, which is in dry-run; anybody can write these domains "
	    "into a From field", kept);
}

static void domain_whitelist(struct import *import, const struct import_line *line)
{
	bool more;
	const char **domains = import_split(import->arena, line->value, ", \t", &more);
	size_t kept = 0;

	for (; *domains != NULL; domains++)
		kept += import_set(import, line->name, "dmarc", "trusted-sealers", *domains) == NULL;
	import_note(import, line, FATE_CHANGED, "%zu in dmarc { trusted-sealers }: the whole chain has to pass, and their own results "
	    "have to say that the author passed", kept);
}

static void trusted_authserv_ids(struct import *import, const struct import_line *line)
{
	bool more;
	const char **ids = import_split(import->arena, line->value, ", \t", &more);
	size_t kept = 0;

	for (; *ids != NULL; ids++)
		kept += strcmp(*ids, "HOSTNAME") != 0 && import_set(import, line->name, "", "trusted-authserv-ids", *ids) == NULL;
	import_note(import, line, FATE_CHANGED, "Assay makes its verdicts itself and believes no field; %zu in trusted-authserv-ids, whose "
	    "fields are kept when they come from trusted-networks", kept);
}

static void reject_multi_from(struct import *import, const struct import_line *line)
{
	bool on;

	if (import_bool(line->value, &on) && on) {
		set_finding(import, line->name, "from-multiple", "reject");
		import_note(import, line, FATE_KEPT, "findings { from-multiple = reject }");
	} else {
		import_note(import, line, FATE_CHANGED, "each author domain is judged, the strictest counts");
	}
}

static void required_headers(struct import *import, const struct import_line *line)
{
	bool on;

	if (import_bool(line->value, &on) && on) {
		set_finding(import, line->name, "from-missing", "reject");
		set_finding(import, line->name, "from-invalid", "reject");
		import_note(import, line, FATE_CHANGED, "findings { from-missing = reject, from-invalid = reject }; Date and other fields are "
		    "not counted");
	} else {
		import_note(import, line, FATE_KEPT, "nothing is refused for the form of its header");
	}
}

/* They tell strangers of one's mail: nothing is switched on by a translation. */
static void failure_reports(struct import *import, const struct import_line *line)
{
	bool on;

	if (import_bool(line->value, &on) && on)
		import_note(import, line, FATE_BY_HAND, "dmarc-reports { failure = yes } notes failures, redacted, and "
		    "assay-failure-reports.timer sends them; set email there");
	else
		import_note(import, line, FATE_KEPT, "none are sent, as by default");
}

static void reports_sent_by(struct import *import, const struct import_line *line)
{
	import_keep(import, line, "dmarc-reports", "email", line->value);
}

static void sys_log(struct import *import, const struct import_line *line)
{
	bool on;

	if (import_bool(line->value, &on) && !on)
		import_note(import, line, FATE_DROPPED, "Assay always logs; log-level = warning for little");
	else
		import_keep(import, line, "", "log-target", "syslog");
}

static const struct import_option options[] = {
	{ "AuthservID", FATE_KEPT, NULL, import_authserv_id },
	{ "AuthservIDWithJobID", FATE_DROPPED, "the log line has the queue id", NULL },
	{ "AutoRestart", SYSTEMD }, { "AutoRestartCount", SYSTEMD }, { "AutoRestartRate", SYSTEMD }, { "Background", SYSTEMD },
	{ "BaseDirectory", SYSTEMD }, { "ChangeRootDirectory", SYSTEMD },
	{ "CopyFailuresTo", FATE_DROPPED, "Assay adds no recipients; assay report and the log tell what failed", NULL },
	{ "DomainWhitelist", FATE_CHANGED, NULL, domain_whitelist },
	{ "DomainWhitelistFile", FATE_BY_HAND, "put its domains into dmarc { trusted-sealers }", NULL },
	{ "DomainWhitelistSize", FATE_DROPPED, "lists have no set size", NULL },
	{ "DNSTimeout", FATE_DROPPED, "Assay waits limits { dns-deadline } for all answers of a message together, 20s", NULL },
	{ "EnableCoredumps", SYSTEMD }, { "FailureReports", FATE_BY_HAND, NULL, failure_reports },
	{ "FailureReportsBcc", FATE_DROPPED, "no copies of reports are sent; assay failure-reports lists what is due", NULL },
	{ "FailureReportsOnNone", FATE_DROPPED, "a report is for whoever asks for it in his record (ruf, fo)", NULL },
	{ "FailureReportsSentBy", FATE_KEPT, NULL, reports_sent_by },
	{ "HistoryFile", FATE_CHANGED, "record { path } and assay report; dmarc-reports { aggregate = yes } with assay-dmarc-reports.timer "
	    "sends aggregate reports of it", NULL },
	{ "HoldQuarantinedMessages", FATE_KEPT, NULL, hold_quarantined },
	{ "IgnoreAuthenticatedClients", FATE_KEPT, NULL, ignore_authenticated },
	{ "IgnoreHosts", FATE_KEPT, NULL, ignore_hosts }, { "IgnoreMailFrom", FATE_CHANGED, NULL, ignore_mail_from },
	{ "IgnoreMailTo", FATE_DROPPED, "this concerned the history file", NULL },
	{ "MilterDebug", FATE_DROPPED, "log-level = debug, assay check and assay dns serve for finding faults", NULL },
	{ "PidFile", SYSTEMD },
	{ "PublicSuffixList", FATE_CHANGED, "RFC 9989 finds the organizational domain without a list; dmarc { org-domain = psl } is the old "
	    "way, with psl-file", NULL },
	{ "RecordAllMessages", FATE_KEPT, "every judged message is counted", NULL },
	{ "RejectFailures", FATE_KEPT, NULL, reject_failures }, { "RejectMultiValueFrom", FATE_KEPT, NULL, reject_multi_from },
	{ "RejectString", FATE_DROPPED, "replies are those of assay findings; help-url adds a page of yours", NULL },
	{ "ReportCommand", FATE_CHANGED, "dmarc-reports { sendmail }, the path of a program", NULL },
	{ "RequiredHeaders", FATE_KEPT, NULL, required_headers },
	{ "Socket", FATE_DROPPED, NULL, import_socket },
	{ "SoftwareHeader", FATE_DROPPED, "Assay names itself in no field of its own", NULL },
	{ "SPFIgnoreResults", FATE_KEPT, "Assay always checks SPF itself and believes no field", NULL },
	{ "SPFSelfValidate", FATE_KEPT, "Assay always checks SPF itself and believes no field", NULL },
	{ "Syslog", FATE_KEPT, NULL, sys_log }, { "SyslogFacility", FATE_KEPT, NULL, import_facility },
	{ "TrustedAuthservIDs", FATE_CHANGED, NULL, trusted_authserv_ids }, { "UMask", SYSTEMD },
	{ "UserID", FATE_DROPPED, "assayd runs as user assay", NULL },
	{ 0 },
};

/* What failing messages meet, whether the file says it or leaves it to opendmarc's defaults. */
static void finish(struct import *import, const struct import_file *file)
{
	bool rejects = is_on(import, "RejectFailures"), holds = is_on(import, "HoldQuarantinedMessages");
	const char *reject_origin = import_find(file, "RejectFailures") != NULL ? "RejectFailures" : "the default of RejectFailures (false)";
	const char *hold_origin = import_find(file, "HoldQuarantinedMessages") != NULL ? "HoldQuarantinedMessages" :
	    "the default of HoldQuarantinedMessages (false)";

	set_finding(import, reject_origin, "dmarc-reject", rejects ? "reject" : "tag");
	set_finding(import, reject_origin, "dmarc-reject-corroborated", rejects ? "reject" : "tag");
	if (rejects)
		set_finding(import, reject_origin, "dmarc-temperror", "defer");
	set_finding(import, hold_origin, "dmarc-quarantine", holds ? "quarantine" : "tag");
	if (import_find(file, "RejectFailures") == NULL)
		import_note(import, NULL, FATE_KEPT, "opendmarc refuses nothing unless RejectFailures is set: dmarc-reject = tag; Assay's own "
		    "default is quarantine, and reject where other evidence agrees");
	if (import_find(file, "IgnoreAuthenticatedClients") == NULL)
		import_note(import, NULL, FATE_CHANGED, "opendmarc judges authenticated clients unless told otherwise, Assay does not: "
		    "exempt-authenticated = no is the old way");
	import_note(import, NULL, FATE_BY_HAND, "Assay checks SPF itself: an SPF policy daemon (check_policy_service in Postfix's main.cf) or "
	    "SPF milter is not needed any more");
}

const struct import_table import_opendmarc = { "opendmarc", options, finish };
