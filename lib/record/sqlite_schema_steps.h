/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_SQLITE_SCHEMA_STEPS_H
#define ASSAY_RECORD_SQLITE_SCHEMA_STEPS_H
/* Steps of the schema (sqlite_schema.c), each beside the statements that use its tables: SQL, run once in the step's transaction. */

static const char sqlite_schema_flows[] = "";		/* from version 4 to 5 */
static const char sqlite_schema_traces[] = "";		/* from version 5 to 6 */
static const char sqlite_schema_dmarc[] = "";		/* from version 6 to 7 */
static const char sqlite_schema_failures[] = "";	/* from version 7 to 8 */

#endif
