/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_CONFIG_CONFIG_H
#define ASSAY_CONFIG_CONFIG_H
/*
 * The configuration: an immutable, reference-counted snapshot. Made by the loader from one schema table (schema.c),
 * from which the manual page's option list and the sample config are checked too. A session keeps the snapshot it
 * began with; SIGHUP swaps in a new one, or keeps the old one when the file is broken. Outside of the loader it is const.
 * Thread: a snapshot may be read by any thread that holds a reference.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/findings.h"
#include "config/override.h"
#include "config/ramp.h"
#include "dnssec/validator.h"
#include "resolver/resolver.h"
#include "util/addr.h"
#include "util/domain.h"
#include "util/log.h"

enum run_mode { MODE_DRY_RUN, MODE_ENFORCE };
extern const struct word run_mode_words[];
/** @return "dry-run" or "enforce". */
static inline const char *run_mode_name(enum run_mode mode)
{
	return words_of(run_mode_words, (int)mode);
}

/* Whose decision counts at the end of a message with recipients under different policies. */
enum several_recipients { SEVERAL_STRICTEST, SEVERAL_LENIENT };
extern const struct word several_recipients_words[];
/** @return "strictest" or "lenient". */
static inline const char *several_recipients_name(enum several_recipients several)
{
	return words_of(several_recipients_words, (int)several);
}

enum on_error { ON_ERROR_ACCEPT, ON_ERROR_DEFER };
enum dns_outage { DNS_OUTAGE_ACCEPT, DNS_OUTAGE_DEFER_PRESSED, DNS_OUTAGE_DEFER };
enum org_domain_method { ORG_DOMAIN_TREE_WALK, ORG_DOMAIN_PSL };	/* RFC 9989 / RFC 7489 */
enum partial_body { PARTIAL_BODY_POLICY, PARTIAL_BODY_PASS };	/* a signature with l= that leaves body unsigned */
enum record_backend { RECORD_SQLITE, RECORD_POSTGRESQL };
#define RECORD_POSTGRESQL_PREFIX "postgresql:"
enum traces { TRACES_OFF, TRACES_FAILURES, TRACES_ALL };	/* of which messages a trace is kept (pipeline/trace.h) */
enum adsp_use { ADSP_NO, ADSP_AUTO, ADSP_YES };
enum authenticated { AUTHENTICATED_ANY, AUTHENTICATED_YES, AUTHENTICATED_NO };	/* for which sessions a policy is */
enum hide_client { HIDE_CLIENT_NO, HIDE_CLIENT_AUTHENTICATED, HIDE_CLIENT_YES };	/* in our own Received field */

enum smtp_mailfrom { SMTP_MAILFROM_DOMAIN, SMTP_MAILFROM_ADDRESS };	/* of spf in Authentication-Results */
enum unregistered { UNREGISTERED_SECOND_FIELD, UNREGISTERED_OMIT };	/* methods without a place in IANA's registry */

struct string_list { const char *const *items; size_t count; };
struct network_list { const struct ip_network *items; size_t count; };

/* One value of a list of domains as the file has it: a domain, or "@" with the path of a file of domains. */
struct domain_source {
	const char *text;
	size_t entries;		/* lines with a domain in that file; 1 for a domain */
};

/* A list of domains, those in files among them. Asked by domain_set_has(list.set, name). */
struct domain_list {
	size_t count;			/* different entries; 0: the list is not set, for a file without any is an error */
	const struct domain_set *set;	/* NULL when count is 0 */
	const struct domain_source *sources;	/* in the order of the file */
	size_t source_count;
};

/* When enforcement of a finding falls back to tag by itself (policy/ramp.h, report/brakes.h). */
struct brake_config {
	unsigned wanted;	/* messages that look wanted and were held back, in the window; 0: there is no brake */
	unsigned percent;	/* and they are so much of all that was held back */
	unsigned window_secs;	/* whole hours */
};

/* One `override "name" { }` section: all that is set has to hold. One of the first four at least is; none of the others is evidence. */
struct override_config {
	const char *name;
	enum override_kind kind;
	struct network_list client_networks;
	struct domain_list client_names;		/* forward-confirmed */
	struct domain_list authenticated_domains;	/* of SPF of the envelope, or of a DKIM signature */
	struct domain_list dkim_domains;
	struct domain_list author_domains;
	bool list_id;		/* only mail with a List-Id field */
	bool secure;		/* only on evidence that DNSSEC secures; an address needs none */
};

/* Where the file sets an option. */
struct config_place { const char *section, *name; unsigned line; };
struct config_places { const struct config_place *items; size_t count; };

/* One `policy "name" { }` section. Conditions that are not set match everything; all others must hold. */
struct policy_config {
	const char *name;
	unsigned line;				/* of the section in the file; 0: it is not there */
	const char *inherits;			/* policy whose settings hold where this one sets none; NULL */
	const struct policy_config *base;	/* that policy; NULL: none, or one that the file does not have */
	struct config_places places;		/* what the section itself sets */
	bool is_template;			/* among config.templates, not among config.policies */

	/* conditions; never inherited */
	struct domain_list recipient_domains;	/* "example.org", or ".example.org" for it and all below; lower case */
	struct domain_list recipients;		/* entries of util/mailbox.h */
	struct domain_list author_domains;
	struct domain_list envelope_domains;	/* "<>": the null sender */
	struct network_list client_networks;
	struct domain_list client_names;	/* forward-confirmed */
	struct string_list listeners;
	enum authenticated authenticated;
	/* made of them */
	const struct domain_set *local_users;	/* of recipients: local parts of entries that may be at a local domain; NULL: none */
	const struct domain_set *client_parents;	/* of client_names: what stands behind the first label; NULL */

	/* settings */
	enum run_mode mode;			/* the section's own, else the global one */
	enum dns_outage dns_outage;		/* the section's own, else the global one */
	enum action actions[FINDING_COUNT];	/* the section's own, else `findings { }`, else the table's default */
	struct ramp_config ramps[FINDING_COUNT];	/* the section's own, else the one beside `findings { }` */
	struct brake_config brake;		/* the section's own, else the global one */
	bool reject_only_secure;		/* reject on insecure evidence becomes quarantine */
	struct domain_list require_secure_domains;	/* insecure passes of these domains count as none */
	bool require_cert;			/* sessions without an acceptable client certificate: tls-cert-required */
	struct domain_list require_cert_names;	/* acceptable common names; none: the name must fit the client or author */
	struct string_list require_cert_issuers;	/* common names of acceptable issuers; none: any the MTA trusts */
	struct string_list overrides;		/* as in the file: "all", "none", or names */
	struct string_list honours;		/* what that comes to: names of overrides that are there, OVERRIDE_ARC among them */
	bool honor_tls_not_required;		/* the global one: lack of TLS is no matter where the message says so */
};

struct config {
	bool sets_nothing;		/* a file was read that sets no option: hardly meant */
	unsigned generation;		/* which one of a running daemon: 1 since its start, one more for each reload; 0: of none */

	/* daemon */
	const char *socket, *user, *group, *pid_file, *status_socket;
	unsigned umask_bits;
	enum log_target log_target;
	enum log_level log_level;
	int log_facility;
	enum on_error on_error;
	enum dns_outage dns_outage;
	unsigned milter_timeout_secs;
	unsigned max_sessions;		/* of the MTA, judged at once; 2000 */

	/* who */
	const char *recipient_delimiters;	/* NULL: none */
	const char *authserv_id;	/* NULL: the MTA's {j}, else the host name */
	struct domain_list local_domains;	/* in which the MTA has the same mailboxes; lower case */
	const char *const *local_samples;	/* of the local domains that fall under the same policies, one each */
	size_t local_sample_count;
	struct network_list trusted_networks;	/* exempt from judgement */
	struct string_list trusted_authserv_ids;	/* their fields are not deleted when they come from trusted networks */
	bool exempt_authenticated;
	struct string_list reinjection_daemons;	/* {daemon_name} of listeners where filters hand back what was judged */

	/* what */
	enum run_mode mode;
	enum several_recipients several_recipients;
	const char *help_url;		/* appended to replies; %s becomes the finding's name, %d the domain; NULL: none */
	const struct policy_config *policies;	/* file order, first match wins; the last one matches all ("default") */
	size_t policy_count;
	const struct override_config *overrides;	/* in the order of the file */
	size_t override_count;
	const struct policy_config *templates;	/* that match nothing; file order */
	size_t template_count;
	const struct policy_index *policy_index;	/* of policies, by their domains; NULL: not worth it */
	bool policies_name_mailboxes;	/* some policy is for recipients, not only for domains */
	struct config_places places;	/* what the file sets outside of policies */
	enum action finding_actions[FINDING_COUNT];	/* `findings { }`; policies have their own copy */
	struct ramp_config finding_ramps[FINDING_COUNT];	/* likewise */
	struct brake_config brake;			/* likewise */

	/* headers */
	bool add_authentication_results, add_received_spf, add_received_tls, add_headers_in_dry_run;
	enum hide_client hide_client;
	enum smtp_mailfrom smtp_mailfrom;
	enum unregistered unregistered_methods;

	/* checks */
	bool spf_enabled, spf_check_helo, dkim_enabled, arc_enabled, dmarc_enabled, adsp_enabled, iprev_enabled;
	enum adsp_use adsp_use;		/* as configured; adsp_enabled is already settled: yes, or auto and used by a policy */
	bool adsp_when_used;		/* adsp = auto: only when a policy uses it */
	bool adsp_corroborates;		/* … and none does; asked only where it may make a dmarc-reject a corroborated one */
	const char *spf_default_explanation;	/* text for fail without exp=; NULL */
	unsigned dkim_min_key_bits;	/* 1024 */
	unsigned dkim_max_signatures;	/* 20 */
	enum partial_body dkim_partial_body;
	enum org_domain_method dmarc_method;
	finding_set dmarc_corroborate;	/* which findings turn a dmarc-reject into a corroborated one, too */
	const char *psl_file;		/* /usr/share/publicsuffix/public_suffix_list.dafsa or .dat */
	struct domain_list trusted_forwarders;	/* domains whose aligned pass speaks against a corroborated reject */
	struct domain_list trusted_sealers;	/* whose word in an ARC chain that passes overrides a DMARC failure */
	bool trusted_sealers_secure;	/* … only when all of its keys are secure */

	/* tls: versions and cipher suites whose grade the admin sets, against the table */
	struct string_list tls_weak, tls_ok, tls_strong;
	bool tls_honor_not_required;	/* TLS-Required: No (RFC 8689); TLS findings are then weighed at end of message only */

	/* record: what is remembered between messages */
	const char *record_location;	/* where that is: a path, or RECORD_POSTGRESQL_PREFIX and a connection; NULL: nothing is remembered */
	const char *record_path;	/* SQLite database; NULL */
	enum record_backend record_backend;
	const char *record_connection;	/* as for libpq, without a password; NULL */
	unsigned record_answer_ms;	/* how long a message waits for an answer of a server */
	unsigned flow_keep_secs, hour_keep_secs, peer_keep_secs, greylist_keep_secs;
	unsigned flows_max, kinds_max, peers_max, peer_hosts_max, greylist_max;	/* 0: any number */
	enum traces traces;
	unsigned trace_keep_secs;
	size_t traces_max_bytes;
	unsigned habit_min_sessions, habit_min_days, habit_min_share_percent, habit_settle_secs;

	/* greylist */
	unsigned greylist_delay_secs, greylist_window_secs;
	struct network_list greylist_exempt_networks;
	struct domain_list greylist_exempt_domains;	/* SPF domain or client name's domain */

	/* dmarc-reports; see assay.conf(5) */
	bool dmarc_aggregate;
	const char *dmarc_email, *dmarc_envelope_sender, *dmarc_organization, *dmarc_extra_contact, *dmarc_sendmail;	/* NULL: "" */
	unsigned dmarc_records_max, dmarc_report_bytes, dmarc_rows_max, dmarc_keep_secs;
	bool failure_reports;		/* failures are noted for reports (RFC 9991) */
	unsigned failure_domain_max, failure_day_max;	/* such reports of one policy domain and of all, in a UTC day */
	unsigned failure_wait_secs;	/* how long like failures are gathered before one is reported */

	const char *morning_to, *morning_from;	/* of the morning's mail (assay report --mail); NULL */

	const char *metrics_report;	/* a file of `assay report --html` to serve at "/"; NULL: none */
	const char *metrics_listen;	/* HTTP for Prometheus, a place of listen_place_parse(); NULL: off */

	/* dns */
	struct dns_config dns;		/* dns.validator points to the next */
	struct validator_config dns_validator;	/* caps only */

	/* limits */
	unsigned max_header_fields;	/* 2000 */
	unsigned max_header_bytes;	/* 512 KiB */
	unsigned max_recipients;	/* kept and weighed; 1000 */
	unsigned max_edits;		/* forged fields removed; 100 */
	unsigned max_dns_lookups;	/* distinct questions a message; 330 */
	unsigned max_dns_queries;	/* sent for them; 440 */
	unsigned dns_deadline_ms;	/* waited for DNS, for all checks of a message together; 20000 */
};

/* What a command line says instead of the file, and what the process can bear: all that there is to say is said to the loader, for
 * nothing writes into a snapshot afterwards. Strings are copied. Zero or NULL: as the file says. */
struct config_overrides {
	const struct dns_server *resolver;	/* the only server, and no zone file */
	const char *zone_file, *trust_anchor_file;
	const enum dnssec_mode *dnssec;
	const struct clock *clock;		/* for DNSSEC; borrowed for the life of the snapshot */
	size_t cache_bytes_max;			/* a larger dns { cache-size } is lowered to this */
	size_t cached_cuts_max;			/* likewise dns { max-cached-cuts } */
	bool every_check;			/* checks, too, that run only where a policy uses them */
	unsigned generation;			/* what the snapshot is to say of itself */
};

/**
 * Reads a file. @param path NULL: every default.
 * @param errors  where file:line messages with the nearest valid name go (all that were found, not the first only).
 * @return a snapshot with one reference; NULL when there was an error.
 */
const struct config *config_load_with(const char *path, const struct config_overrides *overrides, FILE *errors)
	__attribute__((warn_unused_result));

/** The same without overrides. */
const struct config *config_load(const char *path, FILE *errors) __attribute__((warn_unused_result));

/** As config_load(), from memory. @param name  what the messages call the file. */
const struct config *config_load_buffer(const char *text, size_t length, const char *name, FILE *errors)
	__attribute__((warn_unused_result));

/** @return whether all options of a section are the same ("dns": may a reload keep the resolver?). */
bool config_section_equal(const struct config *a, const struct config *b, const char *section);

const struct config *config_ref(const struct config *config);
/** Drops a reference and sets *config to NULL; the last one frees. */
void config_unref(const struct config **config);

/** Writes all effective values in the syntax of the file (it loads again to the same snapshot). */
void config_print(const struct config *config, FILE *out);

/** Writes the caps on what a message may hold or cost, one a line, as "limits { max-recipients = 1000 }". */
void config_print_caps(const struct config *config, FILE *out);

/** Prints the schema as a sample config with every option, its default, unit and help, commented out. */
void config_print_sample(FILE *out);

#endif
