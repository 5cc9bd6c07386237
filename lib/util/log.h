/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_LOG_H
#define ASSAY_UTIL_LOG_H
/*
 * The log sink: a global, set once at start. Only edges (daemon, tools) log; the library returns reasons.
 * Lines are cleaned: control and 8-bit bytes become \xNN, so that nothing from the network can forge a line.
 * Thread: any, after log_open().
 */
#include "util/words.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
extern const struct word log_level_words[];	/* "error" "warning" "notice" "info" "debug" */
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG, LOG_TARGET_JOURNAL };

/**
 * Chooses where lines go. Before the first call they go to standard error.
 * @param facility syslog facility number (LOG_MAIL …); ignored for the other targets.
 */
void log_open(enum log_target target, enum log_level level, int facility, const char *program);

/** @return whether a line of this level would be written; saves the making of expensive lines. */
int log_wants(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The last line of a process that ends for want of memory: text as it stands, without allocating. */
void log_last(const char *text);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
