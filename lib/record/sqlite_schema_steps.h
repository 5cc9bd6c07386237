/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_SQLITE_SCHEMA_STEPS_H
#define ASSAY_RECORD_SQLITE_SCHEMA_STEPS_H
/* Steps of the schema (sqlite_schema.c), each beside the statements that use its tables: SQL, run once in the step's transaction. */

/*
 * From version 4 to 5: flows by kind. A kind is what messages that are alike have in common, as five parts (flow_parts.h), each a
 * text that is kept once and found by its hash; a flow is a kind in an hour, or in a day once that is past keep-hours. What nothing
 * refers to any more is counted by triggers and goes in time. Rows of before stay in flow_plain and flow_old until they are too old.
 * Of a day in "crowded" it is not known yet whether it has too many kinds.
 */
static const char sqlite_schema_flows[] =
    "ALTER TABLE flow RENAME TO flow_plain;"
    "CREATE TABLE part(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, kinds INTEGER NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX part_hash ON part(hash);"
    "CREATE INDEX part_unused ON part(id) WHERE kinds=0;"
    "CREATE TABLE kind(id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, outcome INTEGER NOT NULL, sender INTEGER NOT NULL,"
    " recipients INTEGER NOT NULL, client INTEGER NOT NULL, tls INTEGER NOT NULL, UNIQUE(sender,client,recipients,outcome,tls));"
    "CREATE INDEX kind_unused ON kind(id) WHERE rows=0;"
    "CREATE TABLE flow(hour INTEGER NOT NULL, kind INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " sessions INTEGER NOT NULL, PRIMARY KEY(hour,kind)) WITHOUT ROWID;"
    "CREATE TABLE flow_day(day INTEGER NOT NULL, kind INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " sessions INTEGER NOT NULL, PRIMARY KEY(day,kind)) WITHOUT ROWID;"
    "CREATE TABLE crowded(day INTEGER PRIMARY KEY NOT NULL);"
    "CREATE TABLE flow_total(hours INTEGER NOT NULL, days INTEGER NOT NULL);"
    "INSERT INTO flow_total VALUES(0,0);"
    "CREATE TRIGGER kind_comes AFTER INSERT ON kind BEGIN"
    " UPDATE part SET kinds=kinds+1 WHERE id IN (NEW.outcome,NEW.sender,NEW.recipients,NEW.client,NEW.tls); END;"
    "CREATE TRIGGER kind_goes AFTER DELETE ON kind BEGIN"
    " UPDATE part SET kinds=kinds-1 WHERE id IN (OLD.outcome,OLD.sender,OLD.recipients,OLD.client,OLD.tls); END;"
    "CREATE TRIGGER flow_comes AFTER INSERT ON flow BEGIN"
    " UPDATE kind SET rows=rows+1 WHERE id=NEW.kind; UPDATE flow_total SET hours=hours+1; END;"
    "CREATE TRIGGER flow_goes AFTER DELETE ON flow BEGIN"
    " UPDATE kind SET rows=rows-1 WHERE id=OLD.kind; UPDATE flow_total SET hours=hours-1; END;"
    "CREATE TRIGGER flow_day_comes AFTER INSERT ON flow_day BEGIN"
    " UPDATE kind SET rows=rows+1 WHERE id=NEW.kind; UPDATE flow_total SET days=days+1; END;"
    "CREATE TRIGGER flow_day_goes AFTER DELETE ON flow_day BEGIN"
    " UPDATE kind SET rows=rows-1 WHERE id=OLD.kind; UPDATE flow_total SET days=days-1; END;";

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

/*
 * From version 6 to 7: aggregate reports of DMARC (sqlite_dmarc.c). A policy is one as it was published, at one name on one day (number
 * of days since 1970, UTC); it becomes one report. Its rows count messages. report_id: "" until the report is made, from when on nothing
 * is added to it; closed: nothing more is to be done about it, and its rows are gone. Of a day "lost" are messages of policies for which
 * there was no room, of a policy those of rows.
 */
static const char sqlite_schema_dmarc[] =
    "CREATE TABLE dmarc_day(day INTEGER PRIMARY KEY, rows INTEGER NOT NULL, lost INTEGER NOT NULL);"
    "CREATE TABLE dmarc_policy(id INTEGER PRIMARY KEY, day INTEGER NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL,"
    " rua TEXT NOT NULL, rows INTEGER NOT NULL, lost INTEGER NOT NULL, report_id TEXT NOT NULL, file TEXT NOT NULL,"
    " closed INTEGER NOT NULL, UNIQUE(day,domain,policy,rua));"
    "CREATE TABLE dmarc_row(policy INTEGER NOT NULL, row TEXT NOT NULL, messages INTEGER NOT NULL,"
    " PRIMARY KEY(policy,row)) WITHOUT ROWID;"
    "CREATE TABLE dmarc_delivery(policy INTEGER NOT NULL, address TEXT NOT NULL, state INTEGER NOT NULL, tries INTEGER NOT NULL,"
    " next INTEGER NOT NULL, claimed INTEGER NOT NULL, PRIMARY KEY(policy,address)) WITHOUT ROWID;";

/* From version 7 to 8: failures to report (sqlite_failures.c). state 0 waits, 1 was sent, 2 was given up. An id is used once, for it is
 * in the report's Message-ID. */
static const char sqlite_schema_failures[] =
    "CREATE TABLE failure(id INTEGER PRIMARY KEY AUTOINCREMENT, day INTEGER NOT NULL, domain TEXT NOT NULL, alike TEXT NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, incidents INTEGER NOT NULL, state INTEGER NOT NULL, tries INTEGER NOT NULL,"
    " due INTEGER NOT NULL, ruf TEXT NOT NULL, fields TEXT NOT NULL, header TEXT NOT NULL, UNIQUE(day,domain,alike));"
    "CREATE INDEX failure_waiting ON failure(first) WHERE state=0;"
    "CREATE TABLE failure_day(day INTEGER NOT NULL, domain TEXT NOT NULL, reports INTEGER NOT NULL, beyond INTEGER NOT NULL,"
    " PRIMARY KEY(day,domain)) WITHOUT ROWID;";

/* From version 8 to 9: brakes (sqlite_brakes.c). lifted 0: it is on. held and wanted: what it was set for. */
static const char sqlite_schema_brakes[] =
    "CREATE TABLE brake(policy TEXT NOT NULL, finding TEXT NOT NULL, since INTEGER NOT NULL, lifted INTEGER NOT NULL,"
    " held INTEGER NOT NULL, wanted INTEGER NOT NULL, PRIMARY KEY(policy,finding,since)) WITHOUT ROWID;";

#endif
