# SPDX-License-Identifier: BSD-2-Clause
"""assay doctor says which brakes are on, whichever kind of database holds the record, and why where that cannot be read."""
import json
import sqlite3

import pytest

from house.postgres import Postgres

ROWS = ["('gold', 'dmarc-reject', 1764410400, 0, 9, 8)", "('gold', 'spf-fail', 1764410400, 1764414000, 9, 8)",
        "('silver', 'spf-fail', 1764410400, 0, 9, 8)"]
INSERT = "INSERT INTO brake (policy, finding, since, lifted, held, wanted) VALUES " + ", ".join(ROWS)


@pytest.fixture(name="record", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def fixture_record(request, workdir):
    """(options of a record, a function that runs SQL in it, why it cannot be read once the table of brakes is gone)."""
    if request.param == "sqlite":
        path = workdir / "assay.db"

        def query(sql):
            with sqlite3.connect(path) as connection:
                connection.execute(sql)
        yield f'record {{ path = "{path}" }}\n', query, "no such table"
    else:
        with Postgres() as server:
            yield f'record {{ backend = postgresql connection = "{server.connection()}" }}\n', server.query, '"brake" does not exist'


def brakes(assay, config):
    done = assay.run("doctor", "--json", "--config", config)
    return [line for line in json.loads(done.stdout)["checks"] if line["check"] == "brakes"]


def test_brakes_that_are_on_are_named(assay, assayd, record):
    options, query, why = record
    daemon = assayd(options=options).start()
    daemon.wait_for_log("store: ")
    assert daemon.stop() == 0
    assert brakes(assay, daemon.config_path) == []
    query(INSERT)
    line, = brakes(assay, daemon.config_path)
    assert line["level"] == "warning" and line["text"] == "2 brakes are on: findings that are only tagged, for what was held back " \
        "looked wanted: policy gold on dmarc-reject, silver on spf-fail"
    query("DELETE FROM brake WHERE policy = 'silver'")
    assert brakes(assay, daemon.config_path)[0]["text"].startswith("1 brake is on: ")
    query("DROP TABLE brake")
    line, = brakes(assay, daemon.config_path)
    assert line["level"] == "warning" and "which brakes are on cannot be read: " in line["text"] and why in line["text"]
