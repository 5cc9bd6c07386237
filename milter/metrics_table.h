/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_MILTER_METRICS_TABLE_H
#define ASSAY_MILTER_METRICS_TABLE_H
/*
 * All metrics: ID, name, type, help. Each is on the page, with HELP and TYPE, whether it has samples now or not. Their labels
 * stand in assayd(8), which tests/flow/test_metrics.py holds against the page, as it does the dashboard.
 */
#define METRICS_TABLE(X)                                                                                                \
	X(BUILD_INFO, "assay_build_info", GAUGE, "The version of assayd, as a label; always 1.")                        \
	X(UPTIME, "assay_uptime_seconds", GAUGE, "Time since assayd was started.")                                      \
	X(CONFIG_GENERATION, "assay_config_generation", GAUGE, "Configurations in force until now: 1 since the start, one more for each reload.") \
	X(CONFIG_RELOADS, "assay_config_reloads_total", COUNTER, "Reloads, by what came of them.")                      \
	X(CONFIG_ENFORCING, "assay_config_enforcing", GAUGE, "1 when the global mode is enforce, 0 in dry-run.")        \
	X(OUTAGE, "assay_outage", GAUGE, "1 while this outage is on, as the log tells of it, else 0.")                  \
	X(SESSIONS, "assay_sessions_total", COUNTER, "Sessions of the MTA that began, those put off included.")         \
	X(SESSIONS_OPEN, "assay_sessions_open", GAUGE, "Sessions of the MTA that are open.")                            \
	X(SESSIONS_PUT_OFF, "assay_sessions_put_off_total", COUNTER, "Sessions all of whose messages got a temporary failure, by what was short.") \
	X(MESSAGES_BEGUN, "assay_messages_begun_total", COUNTER, "Messages that began (MAIL FROM), whatever became of them.") \
	X(MESSAGES_PUT_OFF, "assay_messages_put_off_total", COUNTER, "Messages that got a temporary failure because memory was short.") \
	X(MESSAGES, "assay_messages_total", COUNTER, "Messages judged at their end, by the action decided and whether it was carried out.") \
	X(MESSAGES_EXEMPT, "assay_messages_exempt_total", COUNTER, "Messages that are not judged, by reason; they are in assay_messages_total with the action none.") \
	X(MESSAGES_DNS_FAILURE, "assay_messages_dns_failure_total", COUNTER, "Messages that lacked a DNS answer, by why there was none; one message may count under several.") \
	X(RECIPIENTS_REFUSED, "assay_recipients_refused_total", COUNTER, "Recipients refused at RCPT, by action.")      \
	X(FINDINGS, "assay_findings_total", COUNTER, "Messages judged in which this finding was present.")              \
	X(DECISIONS, "assay_finding_decisions_total", COUNTER, "Messages judged whose action this finding decided, by whether it was carried out.") \
	X(POLICY_MESSAGES, "assay_policy_messages_total", COUNTER, "Messages judged that this policy decided on, by action and whether it was carried out.") \
	X(BESIDE, "assay_beside_messages_total", COUNTER, "Messages judged that show another filter of the same mail, by what they show.") \
	X(MESSAGE_SECONDS, "assay_message_seconds", HISTOGRAM, "Time from the end of a message to its verdict.")        \
	X(DNS_WAIT_SECONDS, "assay_message_dns_wait_seconds", HISTOGRAM, "Time for which a message waited for DNS, at RCPT and at its end, validation included.") \
	X(DNS_LOOKUPS, "assay_dns_lookups_total", COUNTER, "DNS questions of messages and of validation, by whether the cache had the answer.") \
	X(DNS_QUERIES, "assay_dns_queries_total", COUNTER, "Queries sent to recursive servers, those over TCP and second tries included.") \
	X(DNS_RETRIES, "assay_dns_retries_total", COUNTER, "Queries sent that were a further try of the same question.") \
	X(DNS_TCP, "assay_dns_tcp_total", COUNTER, "Queries sent over TCP.")                                            \
	X(DNS_TIMEOUTS, "assay_dns_timeouts_total", COUNTER, "Queries that got no answer in time; most are tried again.")                \
	X(DNS_ANSWERS, "assay_dns_answers_total", COUNTER, "Answers of recursive servers that could be used.")          \
	X(DNS_REJECTED, "assay_dns_rejected_answers_total", COUNTER, "Messages from DNS servers that were thrown away, by why.") \
	X(DNS_CANCELLED, "assay_dns_cancelled_total", COUNTER, "Queries that ended because nobody waited for them any more.") \
	X(DNS_UNASKED, "assay_dns_unasked_total", COUNTER, "Questions that were not asked, by why.")                    \
	X(DNS_VERDICTS, "assay_dns_verdicts_total", COUNTER, "Answers that DNSSEC validation has judged, by verdict; from the cache they are not judged again.") \
	X(DNS_INFLIGHT, "assay_dns_inflight", GAUGE, "Queries under way.")                                              \
	X(DNS_CACHE_BYTES, "assay_dns_cache_bytes", GAUGE, "Memory taken by cached answers.")                           \
	X(DNS_CACHE_ENTRIES, "assay_dns_cache_entries", GAUGE, "Cached answers.")                                       \
	X(DNS_SERVERS, "assay_dns_servers", GAUGE, "Recursive servers, by whether they answer.")                        \
	X(BRAKES, "assay_brakes", GAUGE, "Brakes that are on: findings on which a policy only tags, for what it held back looked wanted.") \
	X(STORE_UP, "assay_store_up", GAUGE, "1 while the database can be used, else 0; absent when nothing is remembered.") \
	X(STORE_NOTES, "assay_store_notes_total", COUNTER, "Notes for the record, by what became of them: written; dropped, the queue was full; lost, the database failed; refused, the database takes others.") \
	X(STORE_QUEUE, "assay_store_queued_notes", GAUGE, "Notes that wait to be written.")                             \
	X(STORE_COMMITS, "assay_store_commits_total", COUNTER, "Transactions with notes that were committed.")          \
	X(STORE_READ_FAILURES, "assay_store_read_failures_total", COUNTER, "Questions to the database that got no answer.") \
	X(STORE_TRIMMED, "assay_store_trimmed_rows_total", COUNTER, "Rows that were let go because there were too many, by kind.") \
	X(HTTP_REQUESTS, "assay_http_requests_total", COUNTER, "Requests that this server has answered, by status code.") \
	X(PROCESS_CPU, "process_cpu_seconds_total", COUNTER, "Processor time that the process has used.")               \
	X(PROCESS_RESIDENT, "process_resident_memory_bytes", GAUGE, "Memory of the process that is in RAM.")            \
	X(PROCESS_VIRTUAL, "process_virtual_memory_bytes", GAUGE, "Address space of the process.")                      \
	X(PROCESS_FDS, "process_open_fds", GAUGE, "Open file descriptors.")                                             \
	X(PROCESS_MAX_FDS, "process_max_fds", GAUGE, "The limit on file descriptors.")                                  \
	X(PROCESS_THREADS, "process_threads", GAUGE, "Threads of the process.")                                         \
	X(PROCESS_START, "process_start_time_seconds", GAUGE, "When the process was started, in seconds since 1970.")

enum metric_id {
#define METRICS_ID(id, name, type, help) METRIC_ID_##id,
	METRICS_TABLE(METRICS_ID)
#undef METRICS_ID
	METRIC_COUNT
};

#endif
