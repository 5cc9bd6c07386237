/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opendkim.conf (opendkim 2.11). Assay verifies and does not sign: options of signing stay with opendkim, which then runs with
 * Mode s. Its On- actions become actions on findings, as far as there is a finding for the same thing.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/import_internal.h"

#define SIGNS FATE_SIGNING, "Assay does not sign", NULL
#define SYSTEMD FATE_DROPPED, "systemd and the options of assayd do this", NULL
#define NO_REPORTS FATE_DROPPED, "Assay sends no reports of RFC 6651; assay report tells what was judged, dmarc-reports { } is for " \
	"those of DMARC", NULL
#define LDAP FATE_DROPPED, "only for data sets of opendkim in LDAP", NULL
#define NO_SCRIPTS FATE_BY_HAND, "Assay runs no scripts; policies in assay.conf may do what yours does", NULL
#define DEBUGGING FATE_DROPPED, "log-level = debug, assay check and assay dns serve for finding faults", NULL
#define VBR FATE_DROPPED, "Assay knows no Vouch By Reference", NULL

static bool verifies(const struct import_file *file)
{
	const struct import_line *mode = import_find(file, "Mode");

	return mode == NULL || strpbrk(mode->value, "vV") != NULL;
}

/* The action in words of Assay; NULL: not known. Discarding is nothing that Assay does. */
static const char *action_of(const char *value, bool *discard_r)
{
	static const struct { const char *word, *action; } actions[] = {
		{ "accept", "none" }, { "discard", "reject" }, { "quarantine", "quarantine" }, { "reject", "reject" },
		{ "tempfail", "defer" },
	};

	*discard_r = false;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		/* each has its first letter as an abbreviation */
		if (strcasecmp(value, actions[i].word) != 0 &&
		    (value[0] == '\0' || value[1] != '\0' || (value[0] | 0x20) != actions[i].word[0]))
			continue;
		*discard_r = actions[i].word[0] == 'd';
		return actions[i].action;
	}
	return NULL;
}

static void set_action(struct import *import, const struct import_line *line, const char *finding, const char *remark)
{
	bool discard;
	const char *action = action_of(line->value, &discard), *why;

	if (!verifies(import->files[IMPORT_OPENDKIM])) {
		import_note(import, line, FATE_DROPPED, "this file does not verify (Mode)");
		return;
	}
	if (action == NULL) {
		import_note(import, line, FATE_UNKNOWN, "no action of opendkim");
		return;
	}
	why = import_set(import, line->name, "findings", finding, action);
	if (why != NULL)
		import_note(import, line, FATE_BY_HAND, "findings { %s = %s }: %s", finding, action, why);
	else
		import_note(import, line, discard || remark[0] != '\0' ? FATE_CHANGED : FATE_KEPT, "findings { %s = %s }%s%s", finding,
		    action, remark, discard ? "; Assay discards nothing in silence: the sender is told" : "");
}

static void on_bad_signature(struct import *import, const struct import_line *line)
{
	set_action(import, line, "dkim-no-pass", "; raised when no signature of the message passes, whatever the reason, "
	    "and for keys in test mode too");
}

static void on_no_signature(struct import *import, const struct import_line *line)
{
	set_action(import, line, "dkim-none", "");
}

static void on_dns_error(struct import *import, const struct import_line *line)
{
	set_action(import, line, "dkim-temperror", "");
}

static void on_key_not_found(struct import *import, const struct import_line *line)
{
	set_action(import, line, "dkim-permerror", "; raised for every signature or key record that is of no use");
}

/* On-Default stands for the others, where they are not set. */
static void on_default(struct import *import, const struct import_line *line)
{
	static const struct { const char *option; void (*apply)(struct import *, const struct import_line *); } others[] = {
		{ "On-BadSignature", on_bad_signature }, { "On-NoSignature", on_no_signature }, { "On-DNSError", on_dns_error },
		{ "On-KeyNotFound", on_key_not_found },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (import_find(import->files[IMPORT_OPENDKIM], others[i].option) == NULL)
			others[i].apply(import, line);
	}
}

static void on_internal_error(struct import *import, const struct import_line *line)
{
	bool discard;
	const char *action = action_of(line->value, &discard);

	if (action != NULL && strcmp(action, "none") == 0)
		import_keep(import, line, "", "on-error", "accept");
	else if (action != NULL && strcmp(action, "defer") == 0)
		import_keep(import, line, "", "on-error", "defer");
	else
		import_note(import, line, FATE_BY_HAND, "on-error is accept or defer");
}

static void quarantine(struct import *import, const struct import_line *line)
{
	bool on;

	if (!import_bool(line->value, &on) || !on) {
		import_note(import, line, FATE_KEPT, "nothing is quarantined for a failed signature");
		return;
	}
	if (import_set(import, line->name, "findings", "dkim-no-pass", "quarantine") == NULL)
		import_note(import, line, FATE_CHANGED, "findings { dkim-no-pass = quarantine }; raised when no signature passes");
	else
		import_note(import, line, FATE_BY_HAND, "On-BadSignature has set another action on dkim-no-pass");
}

/* Keeps a number within what Assay takes. */
static void keep_number(struct import *import, const struct import_line *line, const char *section, const char *name, long least,
    long most, const char *reason)
{
	char *end, text[32];
	long number = strtol(line->value, &end, 10), kept = number < least ? least : number > most ? most : number;
	const char *why;

	if (end == line->value || *end != '\0') {
		import_note(import, line, FATE_UNKNOWN, "not a number");
		return;
	}
	snprintf(text, sizeof(text), "%ld", kept);
	if (kept == number) {
		import_keep(import, line, section, name, text);
		return;
	}
	why = import_set(import, line->name, section, name, text);
	import_note(import, line, why == NULL ? FATE_CHANGED : FATE_BY_HAND, "%s { %s = %s }: %s", section, name, text,
	    why == NULL ? reason : why);
}

static void minimum_key_bits(struct import *import, const struct import_line *line)
{
	keep_number(import, line, "dkim", "min-key-bits", 1024, 4096, "1024 to 4096 (RFC 8301: keys under 1024 bits never count)");
}

static void maximum_signatures(struct import *import, const struct import_line *line)
{
	keep_number(import, line, "dkim", "max-signatures", 1, 100, "1 to 100");
}

/* 0 is without a limit there. */
static void maximum_headers(struct import *import, const struct import_line *line)
{
	const struct import_line most = { .name = line->name, .value = "999999999", .line = line->line };

	if (strcmp(line->value, "0") == 0)
		line = &most;
	keep_number(import, line, "limits", "max-header-size", 16384, 64 << 20, "16 KiB to 64 MiB, there is always a limit");
	import_note(import, NULL, FATE_CHANGED, "a header over the limit is not refused by itself: it raises limit-exceeded");
}

static void trust_anchor_file(struct import *import, const struct import_line *line)
{
	import_keep(import, line, "dns", "trust-anchor-files", line->value);
}

static void nameservers(struct import *import, const struct import_line *line)
{
	bool more;
	const char **servers = import_split(import->arena, line->value, ", \t", &more);

	if (*servers == NULL)
		import_note(import, line, FATE_KEPT, "none: those of /etc/resolv.conf");
	for (; *servers != NULL; servers++)
		import_keep(import, line, "dns", "servers", *servers);
}

static void internal_hosts(struct import *import, const struct import_line *line)
{
	bool more;
	const char **hosts = import_dataset(import, line, &more);

	if (hosts != NULL)
		import_hosts(import, line, hosts, more, "opendkim signs their mail, Assay does not judge it");
}

static void peer_list(struct import *import, const struct import_line *line)
{
	bool more;
	const char **hosts = import_dataset(import, line, &more);

	if (hosts != NULL)
		import_hosts(import, line, hosts, more, "clients that are not judged");
}

static void required_headers(struct import *import, const struct import_line *line)
{
	bool on;

	if (!import_bool(line->value, &on) || !on) {
		import_note(import, line, FATE_KEPT, "nothing is refused for the form of its header");
		return;
	}
	(void)import_set(import, line->name, "findings", "from-missing", "reject");
	import_note(import, line, FATE_CHANGED, "findings { from-missing = reject }; Date and other fields are not counted");
}

static void mode(struct import *import, const struct import_line *line)
{
	if (strpbrk(line->value, "sS") == NULL)
		import_note(import, line, FATE_DROPPED, "Assay verifies: opendkim is not needed any more, take its socket out of the MTA");
	else if (strpbrk(line->value, "vV") == NULL)
		import_note(import, line, FATE_SIGNING, "it signs only; leave it as it is");
	else
		import_note(import, line, FATE_BY_HAND, "write Mode s, see below");
}

static void own_socket(struct import *import, const struct import_line *line)
{
	const struct import_line *modes = import_find(import->files[IMPORT_OPENDKIM], "Mode");

	if (modes == NULL || strpbrk(modes->value, "sS") != NULL)
		import_note(import, line, FATE_SIGNING, "where it signs; assayd has a socket of its own");
	else
		import_socket(import, line);
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
	{ "AllowSHA1Only", FATE_DROPPED, "rsa-sha1 never counts (RFC 8301)", NULL },
	{ "AlwaysAddARHeader", FATE_KEPT, "Assay always adds Authentication-Results", NULL },
	{ "AuthservID", FATE_KEPT, NULL, import_authserv_id },
	{ "AuthservIDWithJobID", FATE_DROPPED, "the log line has the queue id", NULL },
	{ "AutoRestart", SYSTEMD }, { "AutoRestartCount", SYSTEMD }, { "AutoRestartRate", SYSTEMD }, { "Background", SYSTEMD },
	{ "BaseDirectory", SYSTEMD }, { "BodyLengthDB", SIGNS },
	{ "BogusKey", FATE_CHANGED, "an answer that fails DNSSEC is never used: temperror, and the finding dnssec-bogus", NULL },
	{ "CaptureUnknownErrors", FATE_DROPPED, "on-error is accept or defer", NULL },
	{ "Canonicalization", SIGNS }, { "ChangeRootDirectory", SYSTEMD },
	{ "ClockDrift", FATE_DROPPED, "Assay has its own allowance", NULL },
	{ "Diagnostics", SIGNS }, { "DiagnosticDirectory", DEBUGGING }, { "DisableCryptoInit", SYSTEMD },
	{ "DNSConnect", FATE_DROPPED, "Assay asks over TCP when an answer is cut", NULL },
	{ "DNSTimeout", FATE_DROPPED, "Assay waits limits { dns-deadline } for all answers of a message together, 20s", NULL },
	{ "Domain", SIGNS }, { "DomainKeysCompat", FATE_DROPPED, "DomainKeys is historic (RFC 4870)", NULL }, { "DontSignMailTo", SIGNS },
	{ "EnableCoredumps", SYSTEMD },
	{ "ExemptDomains", FATE_BY_HAND, "mail is not left unjudged for a name that anybody can write; a policy with author-domains "
	    "and client-networks may take other actions", NULL },
	{ "ExternalIgnoreList", SIGNS }, { "FinalPolicyScript", NO_SCRIPTS },
	{ "FixCRLF", FATE_DROPPED, "the body is hashed as the MTA hands it over", NULL }, { "IdentityHeader", SIGNS },
	{ "IdentityHeaderRemove", SIGNS },
	{ "IgnoreMalformedMail", FATE_DROPPED, "malformed messages raise message-malformed, whose action is none unless set", NULL },
	{ "Include", FATE_BY_HAND, "not followed: translate that file too", NULL },
	{ "InternalHosts", FATE_KEPT, NULL, internal_hosts },
	{ "KeepAuthResults", FATE_CHANGED, "a field in our own name is forged and always removed", NULL },
	{ "KeepTemporaryFiles", DEBUGGING }, { "KeyFile", SIGNS }, { "KeyTable", SIGNS },
	{ "LDAPAuthMechanism", LDAP }, { "LDAPAuthName", LDAP }, { "LDAPAuthRealm", LDAP }, { "LDAPAuthUser", LDAP },
	{ "LDAPBindPassword", LDAP }, { "LDAPBindUser", LDAP }, { "LDAPDisableCache", LDAP }, { "LDAPKeepaliveIdle", LDAP },
	{ "LDAPKeepaliveInterval", LDAP }, { "LDAPKeepaliveProbes", LDAP }, { "LDAPSoftStart", LDAP }, { "LDAPTimeout", LDAP },
	{ "LDAPUseTLS", LDAP },
	{ "LogResults", FATE_KEPT, "the log line of a message has all results", NULL },
	{ "LogWhy", FATE_DROPPED, "log-level = debug says more", NULL }, { "MacroList", SIGNS },
	{ "MaximumHeaders", FATE_KEPT, NULL, maximum_headers },
	{ "MaximumSignaturesToVerify", FATE_KEPT, NULL, maximum_signatures }, { "MaximumSignedBytes", SIGNS },
	{ "MilterDebug", DEBUGGING },
	{ "Minimum", FATE_CHANGED, "a signature that covers a part of the body never counts as pass; finding dkim-partial-body", NULL },
	{ "MinimumKeyBits", FATE_KEPT, NULL, minimum_key_bits },
	{ "Mode", FATE_BY_HAND, NULL, mode }, { "MTA", SIGNS }, { "MTACommand", NO_REPORTS }, { "MultipleSignatures", SIGNS },
	{ "MustBeSigned", FATE_DROPPED, "no finding tells which fields a signature covers", NULL },
	{ "Nameservers", FATE_KEPT, NULL, nameservers },
	{ "NoHeaderB", FATE_DROPPED, "signatures are told apart as RFC 8601 says", NULL }, { "OmitHeaders", SIGNS },
	{ "On-BadSignature", FATE_KEPT, NULL, on_bad_signature }, { "On-Default", FATE_KEPT, NULL, on_default },
	{ "On-DNSError", FATE_KEPT, NULL, on_dns_error }, { "On-InternalError", FATE_KEPT, NULL, on_internal_error },
	{ "On-KeyNotFound", FATE_KEPT, NULL, on_key_not_found }, { "On-NoSignature", FATE_KEPT, NULL, on_no_signature },
	{ "On-Security", FATE_BY_HAND, "message-malformed and limit-exceeded are the findings that come near", NULL },
	{ "On-SignatureError", SIGNS }, { "OversignHeaders", SIGNS }, { "PeerList", FATE_KEPT, NULL, peer_list }, { "PidFile", SYSTEMD },
	{ "POPDBFile", SIGNS }, { "Quarantine", FATE_KEPT, NULL, quarantine },
	{ "QueryCache", FATE_KEPT, "Assay keeps answers as long as their TTL says", NULL },
	{ "RedirectFailuresTo", FATE_BY_HAND, "the action quarantine puts a message on hold in the MTA's queue", NULL },
	{ "RemoveARAll", FATE_CHANGED, "fields in our own name are always removed, others never", NULL },
	{ "RemoveARFrom", FATE_CHANGED, "fields in our own name are always removed, others never", NULL },
	{ "RemoveOldSignatures", SIGNS }, { "ReplaceHeaders", SIGNS }, { "ReplaceRules", SIGNS }, { "ReportAddress", NO_REPORTS },
	{ "ReportBccAddress", NO_REPORTS }, { "RequestReports", SIGNS }, { "RequiredHeaders", FATE_KEPT, NULL, required_headers },
	{ "RequireSafeKeys", SIGNS }, { "ResignAll", SIGNS }, { "ResignMailTo", SIGNS },
	{ "ResolverConfiguration", FATE_BY_HAND, "name the servers in dns { servers }; Assay validates by itself", NULL },
	{ "ResolverTracing", DEBUGGING }, { "ScreenPolicyScript", NO_SCRIPTS }, { "SelectCanonicalizationHeader", SIGNS },
	{ "Selector", SIGNS }, { "SenderHeaders", SIGNS }, { "SenderMacro", SIGNS }, { "SendReports", NO_REPORTS },
	{ "SetupPolicyScript", NO_SCRIPTS }, { "SignatureAlgorithm", SIGNS }, { "SignatureTTL", SIGNS }, { "SignHeaders", SIGNS },
	{ "SigningTable", SIGNS },
	{ "SingleAuthResult", FATE_KEPT, "there is one Authentication-Results field of the registered methods", NULL },
	{ "SMTPURI", NO_REPORTS }, { "Socket", FATE_DROPPED, NULL, own_socket },
	{ "SoftStart", LDAP }, { "SoftwareHeader", FATE_DROPPED, "Assay names itself in no field of its own", NULL },
	{ "Statistics", FATE_CHANGED, "record { path }, and assay report", NULL }, { "StatisticsName", NO_REPORTS },
	{ "StatisticsPolicyScript", NO_SCRIPTS }, { "StatisticsPrefix", NO_REPORTS },
	{ "StrictHeaders", FATE_DROPPED, "see from-missing, from-multiple and message-malformed", NULL }, { "StrictTestMode", DEBUGGING },
	{ "SubDomains", SIGNS }, { "Syslog", FATE_KEPT, NULL, sys_log }, { "SyslogFacility", FATE_KEPT, NULL, import_facility },
	{ "SyslogName", FATE_DROPPED, "the name is assayd", NULL },
	{ "SyslogSuccess", FATE_KEPT, "each message has its line at level info", NULL }, { "TemporaryDirectory", SYSTEMD },
	{ "TestDNSData", DEBUGGING }, { "TestPublicKeys", DEBUGGING }, { "TrustAnchorFile", FATE_KEPT, NULL, trust_anchor_file },
	{ "TrustSignaturesFrom", FATE_DROPPED, "DMARC says whose signature counts for an author domain", NULL },
	{ "UMask", SYSTEMD },
	{ "UnprotectedKey", FATE_BY_HAND, "a policy's require-secure-domains asks for DNSSEC, by domain", NULL },
	{ "UserID", FATE_DROPPED, "assayd runs as user assay", NULL }, { "VBR-Certifiers", VBR }, { "VBR-PurgeFields", VBR },
	{ "VBR-TrustedCertifiers", VBR }, { "VBR-TrustedCertifiersOnly", VBR }, { "VBR-Type", VBR },
	{ "WeakSyntaxChecks", FATE_KEPT, "a mangled From field raises from-invalid, and signatures are verified all the same", NULL },
	{ 0 },
};

static void finish(struct import *import, const struct import_file *file)
{
	const struct import_line *signs = import_find(file, "Mode");

	if (verifies(file)) {
		if (import_find(file, "On-DNSError") == NULL && import_find(file, "On-Default") == NULL &&
		    import_set(import, "the default of On-DNSError (tempfail)", "findings", "dkim-temperror", "defer") == NULL)
			import_note(import, NULL, FATE_KEPT, "opendkim's default of On-DNSError: findings { dkim-temperror = defer }");
		if (import_find(file, "On-InternalError") == NULL &&
		    import_set(import, "the default of On-InternalError (tempfail)", "", "on-error", "defer") == NULL)
			import_note(import, NULL, FATE_KEPT, "opendkim's default of On-InternalError: on-error = defer");
	}
	if (signs == NULL || strpbrk(signs->value, "sS") != NULL)
		import_note(import, NULL, FATE_BY_HAND, "Assay does not sign. Where this opendkim signs, let it go on with Mode s in its "
		    "configuration, and put it behind assayd: smtpd_milters = unix:assay/assay.sock, then opendkim's. With Mode sv it "
		    "would take away the Authentication-Results field that Assay has written in the same name.");
}

const struct import_table import_opendkim = { "opendkim", options, finish };
