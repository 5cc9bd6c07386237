/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ASSAY_RECORD_PG_SCHEMA_STEPS_H
#define ASSAY_RECORD_PG_SCHEMA_STEPS_H
/*
 * Steps of the schema (pg_schema.c): SQL, run once in the step's transaction. Tables and columns are those of SQLite at the same
 * version (sqlite_schema_steps.h says what they mean); what is different:
 *
 *   COLLATE "C"   texts are compared by their octets, as SQLite does, and an index does not break when the system's tables of
 *                 languages change
 *   total, trace_total   have any number of rows, whose sum counts: a trigger adds a row, since changing the same
 *                 one a thousand times in one transaction gets slower each time; expiry adds them up (pg_expiry.c)
 */

/* The first that there was: version 8 of SQLite's, its first part TLS memory and greylist. */
static const char pg_schema_memory[] =
    "CREATE TABLE assay_schema(version BIGINT NOT NULL);"
    "INSERT INTO assay_schema VALUES(0);"
    "CREATE TABLE peer(peer TEXT COLLATE \"C\" NOT NULL, host TEXT COLLATE \"C\" NOT NULL, first BIGINT NOT NULL,"
    " last BIGINT NOT NULL, none BIGINT NOT NULL, weak BIGINT NOT NULL, ok BIGINT NOT NULL, strong BIGINT NOT NULL,"
    " days BIGINT NOT NULL, tls_days BIGINT NOT NULL, last_tls BIGINT NOT NULL, changed BIGINT NOT NULL,"
    " changed_sessions BIGINT NOT NULL, settled BIGINT NOT NULL, best BIGINT NOT NULL, pinned BIGINT NOT NULL,"
    " cert TEXT COLLATE \"C\" NOT NULL, PRIMARY KEY(peer,host));"
    "CREATE INDEX peer_seen ON peer(last) WHERE host='' AND pinned=0;"
    "CREATE INDEX host_seen ON peer(last) WHERE host<>'';"
    "CREATE TABLE greylist(key TEXT COLLATE \"C\" PRIMARY KEY, first BIGINT NOT NULL, last BIGINT NOT NULL,"
    " passed BIGINT NOT NULL, tries BIGINT NOT NULL);"
    "CREATE INDEX greylist_passed ON greylist(last) WHERE passed<>0;"
    "CREATE INDEX greylist_waiting ON greylist(last) WHERE passed=0;"
    "CREATE TABLE total(peers BIGINT NOT NULL, hosts BIGINT NOT NULL, waiting BIGINT NOT NULL, passed BIGINT NOT NULL);"
    "CREATE FUNCTION assay_peer_comes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO total VALUES((NEW.host='')::INT,(NEW.host<>'')::INT,0,0); RETURN NULL; END $$;"
    "CREATE TRIGGER peer_comes AFTER INSERT ON peer FOR EACH ROW EXECUTE FUNCTION assay_peer_comes();"
    "CREATE FUNCTION assay_peer_goes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO total SELECT -count(*) FILTER (WHERE host=''),-count(*) FILTER (WHERE host<>''),0,0 FROM gone; RETURN NULL; END $$;"
    "CREATE TRIGGER peer_goes AFTER DELETE ON peer REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
    " EXECUTE FUNCTION assay_peer_goes();"
    "CREATE FUNCTION assay_greylist_comes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO total VALUES(0,0,(NEW.passed=0)::INT,(NEW.passed<>0)::INT); RETURN NULL; END $$;"
    "CREATE TRIGGER greylist_comes AFTER INSERT ON greylist FOR EACH ROW EXECUTE FUNCTION assay_greylist_comes();"
    "CREATE FUNCTION assay_greylist_goes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO total SELECT 0,0,-count(*) FILTER (WHERE passed=0),-count(*) FILTER (WHERE passed<>0) FROM gone; RETURN NULL; END $$;"
    "CREATE TRIGGER greylist_goes AFTER DELETE ON greylist REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
    " EXECUTE FUNCTION assay_greylist_goes();"
    "CREATE FUNCTION assay_greylist_passes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO total VALUES(0,0,(NEW.passed=0)::INT-(OLD.passed=0)::INT,(NEW.passed<>0)::INT-(OLD.passed<>0)::INT); RETURN NULL; END $$;"
    "CREATE TRIGGER greylist_passes AFTER UPDATE OF passed ON greylist FOR EACH ROW WHEN ((NEW.passed=0)<>(OLD.passed=0))"
    " EXECUTE FUNCTION assay_greylist_passes();"
    "CREATE TABLE shape(key TEXT COLLATE \"C\" PRIMARY KEY, questions TEXT COLLATE \"C\" NOT NULL, noted BIGINT NOT NULL);"
    "CREATE INDEX shape_noted ON shape(noted);"
    "CREATE TABLE trace(id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference TEXT COLLATE \"C\" NOT NULL,"
    " queue_id TEXT COLLATE \"C\" NOT NULL, time BIGINT NOT NULL, bytes BIGINT NOT NULL, length BIGINT NOT NULL,"
    " data BYTEA NOT NULL);"
    "ALTER TABLE trace ALTER data SET STORAGE EXTERNAL;"	/* it is compressed already */
    "CREATE INDEX trace_reference ON trace(reference);"
    "CREATE INDEX trace_queue_id ON trace(queue_id) WHERE queue_id<>'';"
    "CREATE INDEX trace_time ON trace(time);"
    "CREATE TABLE trace_total(bytes BIGINT NOT NULL);"
    "CREATE FUNCTION assay_trace_comes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO trace_total VALUES(NEW.bytes); RETURN NULL; END $$;"
    "CREATE TRIGGER trace_comes AFTER INSERT ON trace FOR EACH ROW EXECUTE FUNCTION assay_trace_comes();"
    "CREATE FUNCTION assay_trace_goes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO trace_total SELECT -coalesce(sum(bytes),0) FROM gone; RETURN NULL; END $$;"
    "CREATE TRIGGER trace_goes AFTER DELETE ON trace REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
    " EXECUTE FUNCTION assay_trace_goes();";

/* From version 8 to 9: brakes (pg_brakes.c). lifted 0: it is on. held and wanted: what it was set for. */
static const char pg_schema_brakes[] =
    "CREATE TABLE brake(policy TEXT COLLATE \"C\" NOT NULL, finding TEXT COLLATE \"C\" NOT NULL, since BIGINT NOT NULL,"
    " lifted BIGINT NOT NULL, held BIGINT NOT NULL, wanted BIGINT NOT NULL, PRIMARY KEY(policy,finding,since));";

#endif
