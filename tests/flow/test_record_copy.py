# SPDX-License-Identifier: BSD-2-Clause
"""
A month of mail (tests/unit/month.h) on SQLite and on PostgreSQL: all that is made of the record is the same. And assay record copy, from
one to the other and back, beside an assayd that uses either. ASSAY_MESSAGES, ASSAY_DOMAINS: another size.
"""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading

import pytest

from house import build
from house.postgres import Postgres
from house.waiting import wait_for
from test_store_faults import Load, flows, send, wait_for_flows

pytestmark = pytest.mark.slow
MESSAGES = os.environ.get("ASSAY_MESSAGES", "4000")
SETTINGS = 'dmarc-reports { aggregate = yes email = "reports@us.example" keep = 60d }'
# made anew in each database, or SQLite's own
OTHERS = {"total", "flow_total", "trace_total", "sqlite_sequence"}


@pytest.fixture(scope="module")
def server():
    with Postgres() as made:
        yield made


@pytest.fixture
def place(server):
    """A function that makes an empty schema of the server. @return a connection to it."""
    def make():
        make.number += 1
        server.query(f"CREATE SCHEMA copy{make.number}")
        return server.connection(more=f"options=-csearch_path=copy{make.number}")
    make.number = 0
    yield make
    for number in range(1, make.number + 1):
        server.query(f"DROP SCHEMA copy{number} CASCADE")


def month(more=""):
    done = subprocess.run([build.program("tests/unit/month_driver"), MESSAGES, os.environ.get("ASSAY_DOMAINS", "60"), SETTINGS + more],
                          capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


@pytest.fixture(scope="module")
def on_sqlite():
    directory = month()
    yield directory
    shutil.rmtree(directory)


def said(assay, directory, location):
    """All that the tools make of a record, but for the place of their configuration and the time at which it is read."""
    config = f"{directory}/dry.conf"
    texts = []
    for words in (["report", "--json", "--since", "60d"], ["report", "--policy", "default", "--json"], ["whatif", "--json", "--since", "60d"],
                  ["whatif", "--policy", "default", "--everywhere", "--json"], ["peers", "--json", "--limit", "1000"]):
        done = assay.run(*words, "--config", config, "--database", location)
        assert done.returncode == 0, (words, done.stderr)
        json.loads(done.stdout)
        texts.append(re.sub(r'"(since|until)": \d+', "", done.stdout.decode().replace(directory, "DIRECTORY")))
    # peers that were seen last at the same second come in no order
    texts[-1] = sorted(texts[-1].split("}"))
    return texts


def reports(directory, location, out):
    """The aggregate reports that would be mailed, but for what each run names anew. @return {(to, subject): rows}"""
    out.mkdir()
    done = subprocess.run([build.program("assay"), "dmarc-reports", "--config", f"{directory}/dry.conf", "--database", location, "--dry-run", out],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(re.sub(r"<report_id>.*?</report_id>", "", path.read_text()) for path in out.glob("*.xml"))


def tables(database):
    """Every row of every table, sorted."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        names = [name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type='table'") if name not in OTHERS]
        return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}"))) for name in names}


def copy(assay, source, target):
    done = assay.run("record", "copy", "--from", source, "--to", target)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_month_on_postgresql_is_the_same(assay, on_sqlite, place, tmp_path):
    """The same messages through two pipelines: what is noted, and what is read, differs in nothing."""
    connection = place()
    directory = month(f'\nrecord {{ backend = postgresql connection = "{connection}" answer-timeout = 5s }}')
    try:
        location = f"postgresql:{connection}"
        assert said(assay, directory, location) == said(assay, on_sqlite, f"{on_sqlite}/dry.db")
        made = reports(directory, location, tmp_path / "one")
        assert made == reports(on_sqlite, f"{on_sqlite}/dry.db", tmp_path / "other") and len(made) > 100
    finally:
        shutil.rmtree(directory)


def test_copy_there_and_back(assay, on_sqlite, place, tmp_path):
    there, back = f"postgresql:{place()}", f"{tmp_path}/back.db"
    code, out, err = copy(assay, f"sqlite:{on_sqlite}/dry.db", there)
    assert (code, err) == (0, ""), err
    assert f"flows of {MESSAGES} messages; all was read back and is the same" in out
    assert said(assay, on_sqlite, there) == said(assay, on_sqlite, f"{on_sqlite}/dry.db")
    code, _, err = copy(assay, there, f"sqlite:{back}")
    assert (code, err) == (0, ""), err
    assert tables(back) == tables(f"{on_sqlite}/dry.db")
    assert said(assay, on_sqlite, back) == said(assay, on_sqlite, f"{on_sqlite}/dry.db")


def test_copy_complains_to_an_admin(assay, on_sqlite, place, tmp_path):
    connection = place()
    record = f"{on_sqlite}/dry.db"
    for source, target, code, sentence in (
            (f"{tmp_path}/none.db", f"{tmp_path}/x.db", 66, "none.db does not exist"),
            (record, "mysql:host=x", 64, "there is no such kind of database"),
            (record, "sqlite:", 64, "no place is named"),
            (record, f"{tmp_path}/none/x.db", 73, "unable to open"),
            (record, record, 65, "it is not empty"),
            (record, "postgresql:host=127.0.0.1 port=1 password=secret77", 73, "password"),
            (record, "postgresql:host=127.0.0.1 port=1 user=assay", 73, "refused"),
            (f"postgresql:{connection}", f"{tmp_path}/x.db", 66, "no Assay schema yet")):
        got, out, err = copy(assay, source, target)
        assert (got, sentence in err, out) == (code, True, ""), (source, target, got, err)
        assert err.count("\n") == 1 and "secret77" not in err
    for words in (["copy", "--to", record], ["copy", "--from", record], ["move"], [], ["copy", "--from", record, "--to", record, "more"]):
        assert assay.run("record", *words).returncode == 64, words


def test_copy_while_assayd_writes_the_source(assay, assayd, place, tmp_path):
    """It has the record as it was at one moment, and stops nobody."""
    database = tmp_path / "assay.db"
    daemon = assayd(options=f'record {{ path = "{database}" }}\n').start()
    send(daemon, 5)
    wait_for_flows(database, 5)
    load = Load(daemon, pause_secs=0.002)
    load.start()
    counts = []
    for _ in range(5):
        code, out, err = copy(assay, f"sqlite:{database}", f"postgresql:{place()}")
        assert code == 0, err
        counts.append(int(re.search(r"flows of (\d+) messages", out).group(1)))
    sent = load.stop()
    assert load.failed is None
    assert counts == sorted(counts) and 5 <= counts[0] < counts[-1] <= 5 + sent
    wait_for_flows(database, 5 + sent)


def test_copy_into_what_assayd_uses(assay, assayd, server, on_sqlite, place):
    """Until it is done assayd cannot write, and then writes all that it has noted: nothing is lost, and nobody waits."""
    connection = place()
    daemon = assayd(options=f'record {{ backend = postgresql connection = "{connection}" }}\n').start()
    daemon.wait_for_log("store: host=")
    schema = re.search(r"search_path=(\w+)", connection).group(1)
    result = []
    copying = threading.Thread(target=lambda: result.append(copy(assay, f"{on_sqlite}/dry.db", f"postgresql:{connection}")))
    copying.start()
    wait_for(lambda: not copying.is_alive() or server.query(
        f"SELECT count(*) FROM pg_locks WHERE relation='{schema}.assay_schema'::regclass AND mode='RowShareLock'") != "0", "the copy to begin", 30)
    send(daemon, 20)
    copying.join()
    assert result[0][0] == 0, result

    def counted():
        return int(server.query(f"SET search_path={schema}; SELECT (SELECT coalesce(sum(messages),0) FROM flow)+"
                                "(SELECT coalesce(sum(messages),0) FROM flow_day)"))
    wait_for(lambda: counted() == int(MESSAGES) + 20, lambda: f"{int(MESSAGES) + 20} to be counted, {counted()} are", 60)
    code, _, err = copy(assay, f"{on_sqlite}/dry.db", f"postgresql:{connection}")
    assert code == 65 and "it is not empty" in err
    assert counted() == int(MESSAGES) + 20 and flows(f"{on_sqlite}/dry.db") > 0
