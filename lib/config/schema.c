/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema table: every option with its default, limits and help. Defaults are written as an admin would write them
 * and go through the same parser (a unit test loads them all). Constant; thread: any.
 */
#include "config/schema.h"

#include <syslog.h>

#include "config/schema_override.h"

/* dnssec = … when the file does not say. */
#define DEFAULT_DNSSEC "validate"

const struct word run_mode_words[] = { { "dry-run", MODE_DRY_RUN }, { "enforce", MODE_ENFORCE }, { 0 } };
const struct word several_recipients_words[] = { { "strictest", SEVERAL_STRICTEST }, { "lenient", SEVERAL_LENIENT }, { 0 } };
static const struct word words_on_error[] = { { "accept", ON_ERROR_ACCEPT }, { "defer", ON_ERROR_DEFER }, { 0 } };
static const struct word words_dns_outage[] = {
	{ "accept", DNS_OUTAGE_ACCEPT }, { "defer-pressed", DNS_OUTAGE_DEFER_PRESSED }, { "defer", DNS_OUTAGE_DEFER }, { 0 }
};
static const struct word words_log_target[] = {
	{ "syslog", LOG_TARGET_SYSLOG }, { "journal", LOG_TARGET_JOURNAL }, { "stderr", LOG_TARGET_STDERR }, { 0 }
};
static const struct word words_facility[] = {
	{ "mail", LOG_MAIL }, { "daemon", LOG_DAEMON }, { "auth", LOG_AUTH }, { "user", LOG_USER },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 }, { "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 }, { 0 }
};
static const struct word words_org_domain[] = {
	{ "tree-walk", ORG_DOMAIN_TREE_WALK }, { "psl", ORG_DOMAIN_PSL }, { 0 }
};
static const struct word words_adsp[] = { { "no", ADSP_NO }, { "auto", ADSP_AUTO }, { "yes", ADSP_YES }, { 0 } };
static const struct word words_hide_client[] = {
	{ "no", HIDE_CLIENT_NO }, { "authenticated", HIDE_CLIENT_AUTHENTICATED }, { "yes", HIDE_CLIENT_YES }, { 0 }
};
static const struct word words_smtp_mailfrom[] = { { "domain", SMTP_MAILFROM_DOMAIN }, { "address", SMTP_MAILFROM_ADDRESS }, { 0 } };
static const struct word words_unregistered[] = { { "second-field", UNREGISTERED_SECOND_FIELD }, { "omit", UNREGISTERED_OMIT }, { 0 } };
/* What may speak against a message beside its author domain's p=reject: findings that are raised before it is asked. */
static const struct word words_corroborate[] = {
	{ "iprev-fail", FINDING_IPREV_FAIL }, { "adsp-discardable", FINDING_ADSP_DISCARDABLE }, { "tls-downgrade", FINDING_TLS_DOWNGRADE },
	{ "adsp-all", FINDING_ADSP_ALL }, { "adsp-nxdomain", FINDING_ADSP_NXDOMAIN }, { "spf-fail", FINDING_SPF_FAIL }, { 0 }
};
static const struct word words_authenticated[] = {
	{ "any", AUTHENTICATED_ANY }, { "yes", AUTHENTICATED_YES }, { "no", AUTHENTICATED_NO }, { 0 }
};
static const struct word words_backend[] = { { "sqlite", RECORD_SQLITE }, { "postgresql", RECORD_POSTGRESQL }, { 0 } };
static const struct word words_traces[] = { { "off", TRACES_OFF }, { "failures", TRACES_FAILURES }, { "all", TRACES_ALL }, { 0 } };
static const struct word words_partial_body[] = { { "policy", PARTIAL_BODY_POLICY }, { "pass", PARTIAL_BODY_PASS }, { 0 } };

#define CONFIG(field) offsetof(struct config, field)
#define POLICY(field) offsetof(struct policy_config, field)
#define YES_NO 0, 1, NULL, NUMBER_NONE
#define LIST 0, 0, NULL, NUMBER_NONE
#define CONDITION 0, 0, NULL, NUMBER_CONDITION
#define CONDITION_OF_TEXT(length) 0, length, NULL, NUMBER_CONDITION
#define CONDITION_WORD(words) 0, 0, words, NUMBER_CONDITION
#define LIST_OF_TEXT(length) 0, length, NULL, NUMBER_NONE
#define TEXT(length) 0, length, NULL, NUMBER_NONE
#define WORD(words) 0, 0, words, NUMBER_NONE
#define CAP(least, most) least, most, NULL, NUMBER_CAP
#define BOUND(least, most) least, most, NULL, NUMBER_BOUND
#define TUNING(least, most) least, most, NULL, NUMBER_TUNING

const struct option_row schema_table[] = {
	/* daemon */
	{ "", "socket", OPTION_SOCKET, CONFIG(socket), "unix:/run/assay/assay.sock", TEXT(255),
	    "where the MTA reaches assayd: unix:PATH, inet:PORT@HOST or inet6:PORT@HOST" },
	{ "", "user", OPTION_NAME, CONFIG(user), "assay", TEXT(32),
	    "user to run as when started by root" },
	{ "", "group", OPTION_NAME, CONFIG(group), "", TEXT(32),
	    "group to run as and of the socket; empty: the user's own group" },
	{ "", "umask", OPTION_OCTAL, CONFIG(umask_bits), "007", TUNING(0, 0777),
	    "file mode bits taken from the unix socket (octal)" },
	{ "", "pid-file", OPTION_PATH, CONFIG(pid_file), "", TEXT(1024),
	    "file for the process id; empty: none" },
	{ "", "status-socket", OPTION_PATH, CONFIG(status_socket), "/run/assay/status.sock", TEXT(107),
	    "unix socket at which assayd tells assay doctor how it fares; empty: none" },
	{ "", "log-target", OPTION_WORD, CONFIG(log_target), "syslog", WORD(words_log_target),
	    "where log lines go" },
	{ "", "log-level", OPTION_WORD, CONFIG(log_level), "info", WORD(log_level_words),
	    "lines less important than this are not written" },
	{ "", "log-facility", OPTION_WORD, CONFIG(log_facility), "mail", WORD(words_facility),
	    "syslog facility" },
	{ "", "on-error", OPTION_WORD, CONFIG(on_error), "accept", WORD(words_on_error),
	    "what happens to a message when assayd itself fails" },
	{ "", "milter-timeout", OPTION_SECONDS, CONFIG(milter_timeout_secs), "7210s", TUNING(10, 86400),
	    "how long to wait for the MTA before the connection is dropped" },
	{ "", "max-sessions", OPTION_COUNT, CONFIG(max_sessions), "2000", BOUND(1, 100000),
	    "sessions of the MTA judged at once; further ones get a temporary failure" },
	/* who */
	{ "", "authserv-id", OPTION_NAME, CONFIG(authserv_id), "", TEXT(255),
	    "our name in Authentication-Results; empty: what the MTA calls itself" },
	{ "", "recipient-delimiters", OPTION_STRING, CONFIG(recipient_delimiters), "+", TEXT(8),
	    "characters behind which an extension begins: ann+x@ may be the mailbox of ann@; empty: none" },
	{ "", "local-domains", OPTION_DOMAINS, CONFIG(local_domains), "", LIST,
	    "domains of the MTA's own mailboxes: a recipient in one of them, or without a domain, falls under the policies of all" },
	{ "", "trusted-networks", OPTION_NETWORKS, CONFIG(trusted_networks), "127.0.0.0/8, ::1", LIST,
	    "clients that are not judged, and whose Authentication-Results fields may be kept" },
	{ "", "trusted-authserv-ids", OPTION_FEW_DOMAINS, CONFIG(trusted_authserv_ids), "", LIST,
	    "Authentication-Results in these names are kept when they come from trusted networks" },
	{ "", "exempt-authenticated", OPTION_BOOL, CONFIG(exempt_authenticated), "yes", YES_NO,
	    "do not judge clients that authenticated (SMTP AUTH)" },
	{ "", "reinjection-daemons", OPTION_STRINGS, CONFIG(reinjection_daemons), "", LIST_OF_TEXT(255),
	    "listeners of the MTA ({daemon_name}) where a filter of trusted-networks hands mail back: its verdict is kept" },
	/* what */
	{ "", "mode", OPTION_WORD, CONFIG(mode), "dry-run", WORD(run_mode_words),
	    "dry-run: judge and tell, but let every message pass; enforce: carry out the actions" },
	{ "", "several-recipients", OPTION_WORD, CONFIG(several_recipients), "strictest", WORD(several_recipients_words),
	    "whose decision counts at the end of a message to recipients of different policies: the strictest or the most lenient" },
	{ "", "dns-outage", OPTION_WORD, CONFIG(dns_outage), "defer-pressed", WORD(words_dns_outage),
	    "what happens to a message that cannot be judged for want of DNS answers, where a forgery would be refused" },
	{ "", "help-url", OPTION_STRING, CONFIG(help_url), "", TEXT(150),
	    "added to replies; %s becomes the finding's name, %d the domain; empty: none" },

	{ "", "brake-wanted", OPTION_COUNT, CONFIG(brake.wanted), "0", TUNING(0, 1000000),
	    "messages held back by a finding that look wanted, after which its enforcement falls back to tag; 0: never" },
	{ "", "brake-percent", OPTION_COUNT, CONFIG(brake.percent), "0", TUNING(0, 100),
	    "and so many percent, at least, of what the finding held back have to look wanted" },
	{ "", "brake-window", OPTION_SECONDS, CONFIG(brake.window_secs), "24h", TUNING(3600, 30 * 86400LL),
	    "in which they are counted, in whole hours; shorter than keep-hours of section record" },

	{ "spf", "enabled", OPTION_BOOL, CONFIG(spf_enabled), "yes", YES_NO,
	    "check SPF (RFC 7208); DMARC needs it" },
	{ "spf", "check-helo", OPTION_BOOL, CONFIG(spf_check_helo), "yes", YES_NO,
	    "check the HELO name too" },
	{ "spf", "default-explanation", OPTION_STRING, CONFIG(spf_default_explanation), "", TEXT(200),
	    "text for an SPF failure of a domain that gives none itself" },

	{ "dkim", "enabled", OPTION_BOOL, CONFIG(dkim_enabled), "yes", YES_NO,
	    "verify DKIM signatures (RFC 6376); DMARC needs it" },
	{ "dkim", "min-key-bits", OPTION_COUNT, CONFIG(dkim_min_key_bits), "1024", CAP(1024, 4096),
	    "RSA keys with fewer bits do not count (RFC 8301)" },
	{ "dkim", "max-signatures", OPTION_COUNT, CONFIG(dkim_max_signatures), "20", CAP(1, 100),
	    "signatures judged a message" },
	{ "dkim", "partial-body", OPTION_WORD, CONFIG(dkim_partial_body), "policy", WORD(words_partial_body),
	    "what a signature that leaves a part of the body unsigned (l=) is worth: policy does not count, pass does" },

	{ "arc", "enabled", OPTION_BOOL, CONFIG(arc_enabled), "yes", YES_NO,
	    "validate chains of seals (RFC 8617)" },

	{ "dmarc", "enabled", OPTION_BOOL, CONFIG(dmarc_enabled), "yes", YES_NO,
	    "judge DMARC (RFC 9989)" },
	{ "dmarc", "org-domain", OPTION_WORD, CONFIG(dmarc_method), "tree-walk", WORD(words_org_domain),
	    "how record and organizational domain are found: tree-walk (RFC 9989) or psl (as RFC 7489; the rest stays RFC 9989)" },
	{ "dmarc", "psl-file", OPTION_PATH, CONFIG(psl_file), "/usr/share/publicsuffix/public_suffix_list.dafsa", TEXT(1024),
	    "public suffix list: for org-domain = psl, and so that no suffix is taken for an organization; empty: none" },
	{ "dmarc", "corroborate", OPTION_FINDINGS, CONFIG(dmarc_corroborate), "iprev-fail, adsp-discardable, tls-downgrade",
	    WORD(words_corroborate), "what makes a DMARC failure under p=reject a dmarc-reject-corroborated" },
	{ "dmarc", "trusted-forwarders", OPTION_PATTERNS, CONFIG(trusted_forwarders), "", LIST,
	    "domains whose passing SPF or DKIM, or whose verified seal, speaks for forwarded mail: no corroborated reject" },
	{ "dmarc", "trusted-sealers", OPTION_PATTERNS, CONFIG(trusted_sealers), "", LIST,
	    "domains whose word in a verified ARC chain overrides a DMARC failure" },
	{ "dmarc", "trusted-sealers-secure", OPTION_BOOL, CONFIG(trusted_sealers_secure), "no", YES_NO,
	    "only when all keys of the chain are DNSSEC-secure" },

	{ "adsp", "enabled", OPTION_WORD, CONFIG(adsp_use), "auto", WORD(words_adsp),
	    "check ADSP (RFC 5617, historic); auto: when a policy uses one of its findings" },

	{ "iprev", "enabled", OPTION_BOOL, CONFIG(iprev_enabled), "yes", YES_NO,
	    "check whether the client's reverse DNS leads back to its address (RFC 8601)" },

	{ "headers", "authentication-results", OPTION_BOOL, CONFIG(add_authentication_results), "yes", YES_NO,
	    "add Authentication-Results (RFC 8601)" },
	{ "headers", "smtp-mailfrom", OPTION_WORD, CONFIG(smtp_mailfrom), "domain", WORD(words_smtp_mailfrom),
	    "what its spf result tells of the sender" },
	{ "headers", "unregistered-methods", OPTION_WORD, CONFIG(unregistered_methods), "second-field", WORD(words_unregistered),
	    "methods that are not registered with IANA (x-tls): in a field of their own, or not at all" },
	{ "headers", "received-spf", OPTION_BOOL, CONFIG(add_received_spf), "no", YES_NO,
	    "add Received-SPF (RFC 7208)" },
	{ "headers", "received-tls", OPTION_BOOL, CONFIG(add_received_tls), "yes", YES_NO,
	    "add a Received field that records TLS and the client certificate (RFC 8314)" },
	{ "headers", "hide-client", OPTION_WORD, CONFIG(hide_client), "no", WORD(words_hide_client),
	    "that field names neither the client nor its certificate; authenticated: after AUTH alone" },
	{ "headers", "in-dry-run", OPTION_BOOL, CONFIG(add_headers_in_dry_run), "yes", YES_NO,
	    "add the fields in dry-run too; forged ones are always removed" },

	{ "dns", "servers", OPTION_SERVERS, CONFIG(dns), "", LIST,
	    "recursive servers, ADDRESS or ADDRESS@PORT; empty: those of /etc/resolv.conf" },
	{ "dns", "zone-file", OPTION_PATH, CONFIG(dns.zone_file), "", TEXT(1024),
	    "answer from this master file instead of the network (for tests)" },
	{ "dns", "dnssec", OPTION_WORD, CONFIG(dns.dnssec), DEFAULT_DNSSEC, WORD(dnssec_mode_words),
	    "validate: check signatures ourselves; trust-ad: believe a server on loopback; off" },
	{ "dns", "trust-anchor-files", OPTION_PATH_ARRAY, CONFIG(dns.trust_anchor_files), "/usr/share/dns/root.key", LIST,
	    "files with DS or DNSKEY records to start validation from" },
	{ "dns", "negative-trust-anchors", OPTION_DOMAIN_ARRAY, CONFIG(dns.negative_trust_anchors), "", LIST,
	    "domains taken as unsigned, with all below them" },
	{ "dns", "insecure-local-zones", OPTION_BOOL, CONFIG(dns.local_zones_insecure), "yes", YES_NO,
	    "take zones that resolvers answer themselves as unsigned (RFC 6303, 6761 ...)" },
	{ "dns", "timeout", OPTION_MILLISECONDS, CONFIG(dns.timeout_ms), "2s", CAP(10, 60000),
	    "for one try at one server; doubled in each further round" },
	{ "dns", "rounds", OPTION_COUNT, CONFIG(dns.rounds), "3", CAP(1, 10),
	    "how often the list of servers is gone through" },
	{ "dns", "edns-size", OPTION_BYTES, CONFIG(dns.edns_bytes), "1232", BOUND(512, 4096),
	    "largest UDP answer asked for" },
	{ "dns", "cache-size", OPTION_LARGE_BYTES, CONFIG(dns.cache_bytes), "64M", BOUND(65536, 1LL << 36),
	    "memory for cached answers" },
	{ "dns", "cache-max-ttl", OPTION_SECONDS, CONFIG(dns.cache_max_ttl_secs), "1d", BOUND(1, 604800),
	    "longest time an answer is kept" },
	{ "dns", "cache-negative-ttl", OPTION_SECONDS, CONFIG(dns.cache_negative_ttl_secs), "15m", BOUND(1, 86400),
	    "longest time an absence is kept" },
	{ "dns", "fail-ttl", OPTION_SECONDS, CONFIG(dns.fail_ttl_secs), "5s", TUNING(1, 300),
	    "how long a failed look-up is not tried again" },
	{ "dns", "max-inflight", OPTION_COUNT, CONFIG(dns.max_inflight), "4096", CAP(16, 65536),
	    "queries under way at once" },
	{ "dns", "allow-sha1", OPTION_BOOL, CONFIG(dns_validator.allow_sha1), "no", YES_NO,
	    "DNSSEC: let signatures with SHA-1 count; else their zones are insecure (RFC 9905)" },
	/* caps of validation (KeyTrap and its kin) */
	{ "dns", "max-keys-per-signature", OPTION_COUNT, CONFIG(dns_validator.max_keys_per_rrsig), "4", CAP(1, 64),
	    "DNSSEC: keys tried for one signature" },
	{ "dns", "max-signatures-per-rrset", OPTION_COUNT, CONFIG(dns_validator.max_rrsigs_per_rrset), "8", CAP(1, 64),
	    "DNSSEC: signatures looked at for one set of records" },
	{ "dns", "max-crypto-per-rrset", OPTION_COUNT, CONFIG(dns_validator.max_crypto_per_rrset), "8", CAP(1, 256),
	    "DNSSEC: signature verifications for one set of records" },
	{ "dns", "max-crypto-per-lookup", OPTION_COUNT, CONFIG(dns_validator.max_crypto_per_lookup), "64", CAP(4, 1024),
	    "DNSSEC: signature verifications for one look-up with its chain" },
	{ "dns", "max-failed-crypto-per-lookup", OPTION_COUNT, CONFIG(dns_validator.max_crypto_failed_per_lookup), "16", CAP(1, 1024),
	    "DNSSEC: verifications that fail, for one look-up with its chain" },
	{ "dns", "max-ds", OPTION_COUNT, CONFIG(dns_validator.max_ds), "16", CAP(1, 256),
	    "DNSSEC: DS records of one delegation" },
	{ "dns", "max-dnskeys", OPTION_COUNT, CONFIG(dns_validator.max_dnskeys), "64", CAP(1, 256),
	    "DNSSEC: keys of one zone" },
	{ "dns", "max-nsec3-iterations", OPTION_COUNT, CONFIG(dns_validator.max_nsec3_iterations), "150", TUNING(1, 2500),
	    "DNSSEC: above it a zone counts as insecure (RFC 9276)" },
	{ "dns", "max-nsec3-work", OPTION_COUNT, CONFIG(dns_validator.max_nsec3_work), "5000", CAP(100, 100000),
	    "DNSSEC: hash operations for one response" },
	{ "dns", "max-chain", OPTION_COUNT, CONFIG(dns_validator.max_chain), "10", CAP(1, 32),
	    "DNSSEC: CNAME and DNAME links followed" },
	{ "dns", "max-cached-cuts", OPTION_LARGE_COUNT, CONFIG(dns_validator.max_cached_cuts), "20000", BOUND(100, 10000000),
	    "DNSSEC: zone cuts whose state is kept" },

	{ "tls", "weak", OPTION_STRINGS, CONFIG(tls_weak), "", LIST_OF_TEXT(64),
	    "TLS versions and cipher suites (OpenSSL or IANA names) that are graded weak whatever the table says" },
	{ "tls", "ok", OPTION_STRINGS, CONFIG(tls_ok), "", LIST_OF_TEXT(64),
	    "those that are graded ok whatever the table says" },
	{ "tls", "strong", OPTION_STRINGS, CONFIG(tls_strong), "", LIST_OF_TEXT(64),
	    "those that are graded strong whatever the table says" },
	{ "tls", "honor-tls-required-no", OPTION_BOOL, CONFIG(tls_honor_not_required), "yes", YES_NO,
	    "a message that says TLS-Required: No is not refused for lack of TLS (RFC 8689); TLS findings then act at its end" },

	{ "record", "backend", OPTION_WORD, CONFIG(record_backend), "sqlite", WORD(words_backend),
	    "what keeps it: sqlite, a file of this machine (path), or postgresql, a server that several machines share (connection)" },
	{ "record", "path", OPTION_PATH, CONFIG(record_path), "", TEXT(1024),
	    "SQLite database of flows, TLS memory and greylist; empty: nothing is remembered" },
	{ "record", "connection", OPTION_CONNECTION, CONFIG(record_connection), "", TEXT(800),
	    "PostgreSQL database, as libpq takes it, but no password: host=H dbname=D user=U sslmode=verify-full passfile=F" },
	{ "record", "answer-timeout", OPTION_MILLISECONDS, CONFIG(record_answer_ms), "250ms", TUNING(10, 10000),
	    "how long a message waits for an answer of PostgreSQL; after that it is judged without memory" },
	{ "record", "keep-flows", OPTION_SECONDS, CONFIG(flow_keep_secs), "400d", BOUND(86400, 4000 * 86400LL),
	    "how long counts of judged messages are kept" },
	{ "record", "max-flows", OPTION_COUNT, CONFIG(flows_max), "5000000", BOUND(0, 1000000000),
	    "rows of such counts, each a kind of messages in an hour or a day; above it the oldest go, however young; 0: any number" },
	{ "record", "keep-hours", OPTION_SECONDS, CONFIG(hour_keep_secs), "72h", BOUND(3600, 4000 * 86400LL),
	    "how long such counts are kept by the hour; a day that ended before is kept as one" },
	{ "record", "max-kinds", OPTION_COUNT, CONFIG(kinds_max), "50000", BOUND(0, 1000000000),
	    "kinds of messages kept apart of a day whose hours became one; the rarest are counted together; 0: any number" },
	{ "record", "keep-peers", OPTION_SECONDS, CONFIG(peer_keep_secs), "180d", BOUND(86400, 4000 * 86400LL),
	    "how long a peer is remembered that does not come any more" },
	{ "record", "max-peers", OPTION_COUNT, CONFIG(peers_max), "1000000", BOUND(0, 1000000000),
	    "peers remembered; above it those seen longest ago go, but not pinned ones; 0: any number" },
	{ "record", "max-peer-hosts", OPTION_COUNT, CONFIG(peer_hosts_max), "1000", BOUND(0, 1000000000),
	    "hosts remembered of one peer; above it those seen longest ago go; 0: any number" },
	{ "record", "keep-greylist", OPTION_SECONDS, CONFIG(greylist_keep_secs), "36d", BOUND(86400, 400 * 86400LL),
	    "how long a greylisted sender that passed need not wait again" },
	{ "record", "max-greylist", OPTION_COUNT, CONFIG(greylist_max), "1000000", BOUND(0, 1000000000),
	    "greylisted senders remembered; above it those that came longest ago go; 0: any number" },
	{ "record", "traces", OPTION_WORD, CONFIG(traces), "off", WORD(words_traces),
	    "of which messages all that was seen is kept for assay explain, addresses too: off, failures, all" },
	{ "record", "keep-traces", OPTION_SECONDS, CONFIG(trace_keep_secs), "14d", BOUND(3600, 400 * 86400LL),
	    "how long it is kept" },
	{ "record", "max-trace-bytes", OPTION_LARGE_BYTES, CONFIG(traces_max_bytes), "64M", BOUND(1 << 20, 1LL << 36),
	    "bytes that it takes on disk, about; above it the oldest goes, however young" },
	{ "record", "habit-min-sessions", OPTION_COUNT, CONFIG(habit_min_sessions), "10", TUNING(1, 1000000),
	    "sessions with TLS before it counts as a peer's habit" },
	{ "record", "habit-min-days", OPTION_COUNT, CONFIG(habit_min_days), "3", TUNING(1, 1000),
	    "distinct days with TLS before it counts as a peer's habit" },
	{ "record", "habit-min-share", OPTION_COUNT, CONFIG(habit_min_share_percent), "95", TUNING(50, 100),
	    "percent of a peer's sessions with TLS before it counts as a habit" },
	{ "record", "habit-settle", OPTION_SECONDS, CONFIG(habit_settle_secs), "14d", TUNING(86400, 400 * 86400LL),
	    "a peer that comes only without TLS for so long has changed its habit" },

	{ "greylist", "delay", OPTION_SECONDS, CONFIG(greylist_delay_secs), "5m", TUNING(1, 86400),
	    "a retry after this passes" },
	{ "greylist", "window", OPTION_SECONDS, CONFIG(greylist_window_secs), "2d", TUNING(60, 30 * 86400LL),
	    "a retry later than this after the first try starts anew" },
	{ "greylist", "exempt-networks", OPTION_NETWORKS, CONFIG(greylist_exempt_networks), "", LIST,
	    "clients that are never greylisted" },
	{ "greylist", "exempt-domains", OPTION_PATTERNS, CONFIG(greylist_exempt_domains), "", LIST,
	    "senders that are never greylisted: domain that passes SPF, or of the forward-confirmed client name" },

	{ "dmarc-reports", "aggregate", OPTION_BOOL, CONFIG(dmarc_aggregate), "no", YES_NO,
	    "count messages for aggregate reports (RFC 9990), which assay dmarc-reports sends; needs a record" },
	{ "dmarc-reports", "email", OPTION_STRING, CONFIG(dmarc_email), "", TEXT(254),
	    "address that reports come from, and that they name as contact; its domain is who reports; must pass DMARC" },
	{ "dmarc-reports", "envelope-sender", OPTION_STRING, CONFIG(dmarc_envelope_sender), "", TEXT(254),
	    "address to which reports return that cannot be delivered; empty: email" },
	{ "dmarc-reports", "organization", OPTION_STRING, CONFIG(dmarc_organization), "", TEXT(200),
	    "who reports, as a name; empty: the domain of email" },
	{ "dmarc-reports", "extra-contact", OPTION_STRING, CONFIG(dmarc_extra_contact), "", TEXT(200),
	    "further contact that reports tell, a page say; empty: none" },
	{ "dmarc-reports", "sendmail", OPTION_PATH, CONFIG(dmarc_sendmail), "/usr/sbin/sendmail", TEXT(1024),
	    "command by which reports are mailed" },
	{ "dmarc-reports", "max-records", OPTION_COUNT, CONFIG(dmarc_records_max), "10000", BOUND(1, 1000000),
	    "records of a report; messages beyond them are counted and told in it" },
	{ "dmarc-reports", "max-size", OPTION_BYTES, CONFIG(dmarc_report_bytes), "10M", BOUND(4096, 64 << 20),
	    "size of a report as it is mailed; one that is larger is made with fewer records, and says so" },
	{ "dmarc-reports", "max-rows", OPTION_COUNT, CONFIG(dmarc_rows_max), "100000", BOUND(1, 10000000),
	    "records of all reports of a day together" },
	{ "dmarc-reports", "keep", OPTION_SECONDS, CONFIG(dmarc_keep_secs), "7d", BOUND(2 * 86400, 60 * 86400LL),
	    "how long a report is tried that cannot be sent; then its day goes" },
	{ "dmarc-reports", "failure", OPTION_BOOL, CONFIG(failure_reports), "no", YES_NO,
	    "note failures, redacted, for domains that ask (RFC 9991); assay failure-reports sends them" },
	{ "dmarc-reports", "failure-per-domain", OPTION_COUNT, CONFIG(failure_domain_max), "20", BOUND(1, 1000),
	    "failure reports of one domain a day (UTC); like failures are one report, what is beyond is only counted" },
	{ "dmarc-reports", "failure-per-day", OPTION_COUNT, CONFIG(failure_day_max), "500", BOUND(1, 10000),
	    "failure reports of all domains a day" },
	{ "dmarc-reports", "failure-wait", OPTION_SECONDS, CONFIG(failure_wait_secs), "15m", TUNING(1, 86400),
	    "how long like failures are gathered before they are reported as one" },

	{ "morning", "to", OPTION_STRING, CONFIG(morning_to), "", TEXT(254),
	    "who gets the mail of assay report --mail" },
	{ "morning", "from", OPTION_STRING, CONFIG(morning_from), "", TEXT(254),
	    "from whom it comes; empty: from who gets it" },

	{ "metrics", "listen", OPTION_LISTEN, CONFIG(metrics_listen), "", TEXT(255),
	    "where metrics and health are served (HTTP), on this machine only: unix:PATH, inet:PORT@127.0.0.1, inet6:PORT@[::1]" },
	{ "metrics", "report", OPTION_PATH, CONFIG(metrics_report), "", TEXT(1024),
	    "file of assay report --html that is served at / there; empty: none. assay-report.timer makes it each hour" },

	{ "limits", "max-header-fields", OPTION_COUNT, CONFIG(max_header_fields), "2000", CAP(50, 100000),
	    "header fields judged a message" },
	{ "limits", "max-header-size", OPTION_BYTES, CONFIG(max_header_bytes), "512K", CAP(16384, 64 << 20),
	    "bytes of header fields judged a message" },
	{ "limits", "max-recipients", OPTION_COUNT, CONFIG(max_recipients), "1000", CAP(1, 100000),
	    "recipients whose policies are weighed" },
	{ "limits", "max-edits", OPTION_COUNT, CONFIG(max_edits), "100", CAP(10, 10000),
	    "forged Authentication-Results fields removed from a message" },
	{ "limits", "max-dns-lookups", OPTION_COUNT, CONFIG(max_dns_lookups), "330", CAP(20, 10000),
	    "distinct DNS questions a message" },
	{ "limits", "max-dns-queries", OPTION_COUNT, CONFIG(max_dns_queries), "440", CAP(50, 20000),
	    "DNS queries sent for a message, those for validation, retries and TCP included" },
	{ "limits", "dns-deadline", OPTION_MILLISECONDS, CONFIG(dns_deadline_ms), "20s", CAP(100, 250000),
	    "waited for all DNS answers of a message together, at RCPT at most half of it" },

	OVERRIDE_ROWS

	{ "policy", "inherits", OPTION_STRING, POLICY(inherits), "", TEXT(64),
	    "policy whose settings hold where this one has none of its own; conditions are never inherited" },
	{ "policy", "template", OPTION_BOOL, POLICY(is_template), "no", YES_NO,
	    "only there to be inherited: it matches no mail" },
	{ "policy", "recipient-domains", OPTION_PATTERNS, POLICY(recipient_domains), "", CONDITION,
	    "matches recipients of these domains; \".example.org\" is it and all below" },
	{ "policy", "recipients", OPTION_ADDRESSES, POLICY(recipients), "", CONDITION,
	    "matches these recipients; ann@.example.org is there and at all domains below, ann@ at any domain" },
	{ "policy", "author-domains", OPTION_PATTERNS, POLICY(author_domains), "", CONDITION,
	    "matches author (From) domains; they are not known yet at RCPT" },
	{ "policy", "envelope-domains", OPTION_SENDERS, POLICY(envelope_domains), "", CONDITION,
	    "matches domains of the envelope sender (MAIL FROM); <> is the null sender" },
	{ "policy", "client-networks", OPTION_NETWORKS, POLICY(client_networks), "", CONDITION,
	    "matches client addresses" },
	{ "policy", "client-names", OPTION_PATTERNS, POLICY(client_names), "", CONDITION,
	    "matches names of the client that lead back to its address (iprev)" },
	{ "policy", "listeners", OPTION_STRINGS, POLICY(listeners), "", CONDITION_OF_TEXT(255),
	    "matches sockets of the MTA by what it calls them: {assay_profile}, else {daemon_name}" },
	{ "policy", "authenticated", OPTION_WORD, POLICY(authenticated), "any", CONDITION_WORD(words_authenticated),
	    "matches sessions by whether the client has authenticated (SMTP AUTH)" },
	{ "policy", "mode", OPTION_WORD, POLICY(mode), NULL, WORD(run_mode_words),
	    "as the global mode, for this policy" },
	{ "policy", "dns-outage", OPTION_WORD, POLICY(dns_outage), NULL, WORD(words_dns_outage),
	    "as the global dns-outage, for this policy" },
	{ "policy", "brake-wanted", OPTION_COUNT, POLICY(brake.wanted), NULL, TUNING(0, 1000000),
	    "as the global brake-wanted, for this policy" },
	{ "policy", "brake-percent", OPTION_COUNT, POLICY(brake.percent), NULL, TUNING(0, 100),
	    "as the global brake-percent, for this policy" },
	{ "policy", "brake-window", OPTION_SECONDS, POLICY(brake.window_secs), NULL, TUNING(3600, 30 * 86400LL),
	    "as the global brake-window, for this policy" },
	{ "policy", "reject-only-secure", OPTION_BOOL, POLICY(reject_only_secure), "no", YES_NO,
	    "a reject whose DNS evidence is not DNSSEC-secure becomes quarantine" },
	{ "policy", "require-secure-domains", OPTION_PATTERNS, POLICY(require_secure_domains), "", LIST,
	    "a DMARC, DKIM or SPF pass of these domains on insecure DNS raises insecure-pass" },
	{ "policy", "require-cert", OPTION_BOOL, POLICY(require_cert), "no", YES_NO,
	    "sessions without an acceptable verified client certificate raise tls-cert-required" },
	{ "policy", "require-cert-names", OPTION_PATTERNS, POLICY(require_cert_names), "", LIST,
	    "common names that are acceptable; empty: one that fits the client's name, HELO or the author domain" },
	{ "policy", "require-cert-issuers", OPTION_STRINGS, POLICY(require_cert_issuers), "", LIST_OF_TEXT(200),
	    "common names of issuers that are acceptable; empty: every issuer that the MTA trusts" },
	{ "policy", "overrides", OPTION_STRINGS, POLICY(overrides), "all", LIST_OF_TEXT(64),
	    "overrides of a DMARC failure that count here: all, none, or names of them; arc is that of trusted-sealers" },
};
const size_t schema_count = sizeof(schema_table) / sizeof(schema_table[0]);
