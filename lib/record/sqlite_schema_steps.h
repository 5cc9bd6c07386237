/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_SQLITE_SCHEMA_STEPS_H
#define ASSAY_RECORD_SQLITE_SCHEMA_STEPS_H
/* Steps of the schema (sqlite_schema.c), each beside the statements that use its tables: SQL, run once in the step's transaction. */

static const char sqlite_schema_flows[] = "";		/* from version 4 to 5 */

/* From version 5 to 6: traces (sqlite_traces.c). Ids count up with time; bytes are those of the data and of the row about it. */
static const char sqlite_schema_traces[] =
    "CREATE TABLE trace(id INTEGER PRIMARY KEY, reference TEXT NOT NULL, queue_id TEXT NOT NULL, time INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, length INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX trace_reference ON trace(reference);"
    "CREATE INDEX trace_queue_id ON trace(queue_id) WHERE queue_id<>'';"
    "CREATE INDEX trace_time ON trace(time);"
    "CREATE TABLE trace_total(bytes INTEGER NOT NULL);"
    "INSERT INTO trace_total VALUES(0);"
    "CREATE TRIGGER trace_comes AFTER INSERT ON trace BEGIN UPDATE trace_total SET bytes=bytes+NEW.bytes; END;"
    "CREATE TRIGGER trace_goes AFTER DELETE ON trace BEGIN UPDATE trace_total SET bytes=bytes-OLD.bytes; END;";

static const char sqlite_schema_dmarc[] = "";		/* from version 6 to 7 */
static const char sqlite_schema_failures[] = "";	/* from version 7 to 8 */

#endif
