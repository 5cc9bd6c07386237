/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_UTIL_CONNECTION_H
#define ASSAY_UTIL_CONNECTION_H
/*
 * Connection strings of PostgreSQL, as an admin writes them ("host=db.example.org dbname=assay" or "postgresql://…"): looked at, not
 * used. libpq takes them apart. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>

/**
 * @return what is wrong with it, a constant sentence without a word of it; NULL: nothing. A password in it is wrong: the text
 * stands in configurations, logs and reports.
 */
const char *connection_fault(const char *text);

/** @return whether it goes to another machine, and neither it nor the environment asks for TLS so that there is none without. */
bool connection_is_bare(const char *text);

#endif
