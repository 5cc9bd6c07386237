# SPDX-License-Identifier: BSD-2-Clause
"""
The store under faults, behind a serving assayd: killed in the middle of load, disk full, locked, corrupt, missing. Mail
goes on, nothing is delayed, and what was committed is there. ASSAY_LOCK_SECS=60 holds the lock for the issue's minute.
"""
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from house import ports
from house.waiting import wait_for
from metricsclient import LISTEN, Page
from milterclient import Client

pytestmark = pytest.mark.slow
LOCK_SECS = float(os.environ.get("ASSAY_LOCK_SECS", 15))
# What catches a message that waits for the store. It needs milliseconds, on any machine; the lock lasts longer than this.
HANG_SECS = 12.0


def options(database):
    return f'record {{ path = "{database}" }}\n'


def flows(database):
    """Messages counted in the database: the sum over its flow rows."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT coalesce(sum(messages), 0) FROM flow").fetchone()[0]


def wait_for_flows(database, count, secs=30):
    def counted():
        seen = flows(database)
        assert seen <= count, f"{seen} counted, {count} sent"
        return seen == count
    wait_for(counted, lambda: f"{count} to be counted, of which {flows(database)} are", secs, 0.1)


def wait_until_rows(database, count, secs=30, table="flow"):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        def left():
            rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            assert rows >= count, f"{rows} rows, {count} may stay"
            return rows == count
        wait_for(left, f"{count} rows to be left", secs, 0.1)


class Load(threading.Thread):
    """
    Sessions with messages, one after the other, until stopped. slowest_secs: of a whole message. pause_secs: before each,
    so that a fast machine does not make more notes (two a message) than the daemon keeps in memory (20,000).
    """

    def __init__(self, daemon, pause_secs=0.0):
        super().__init__(daemon=True)
        self.spec, self.accepted, self.slowest_secs, self.failed = daemon.socket_spec, 0, 0.0, None
        self.pause_secs = pause_secs
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                client = Client(self.spec)
                client.connect(address="192.0.2.1")
                client.helo()
                for _ in range(20):
                    time.sleep(self.pause_secs)
                    began = time.monotonic()
                    assert client.message().reply == "c"
                    self.accepted += 1
                    self.slowest_secs = max(self.slowest_secs, time.monotonic() - began)
                client.quit()
        except Exception as error:  # pylint: disable=broad-except
            self.failed = error

    def stop(self):
        self.stopping.set()
        self.join(30)
        return self.accepted


def send(daemon, count):
    client = Client(daemon.socket_spec)
    client.connect(address="192.0.2.1")
    client.helo()
    slowest = 0.0
    for _ in range(count):
        began = time.monotonic()
        assert client.message().reply == "c"
        slowest = max(slowest, time.monotonic() - began)
    client.quit()
    return slowest


def test_database_is_made_and_counts(assayd, workdir):
    database = workdir / "assay.db"
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("store: " + str(database))
    send(daemon, 25)
    wait_for_flows(database, 25)


def test_stop_writes_what_was_noted(assayd, workdir):
    database = workdir / "assay.db"
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("store: " + str(database))
    send(daemon, 7)
    assert daemon.stop() == 0
    assert flows(database) == 7


def test_flows_above_their_number_go_oldest_first(assayd, workdir):
    database, hours, cap = workdir / "assay.db", 5000, 200
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("store: " + str(database))
    assert daemon.stop() == 0
    now = int(time.time()) // 3600 * 3600
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "INSERT INTO flow VALUES(?, ?, 1, 1, 1)", ((now - (hours - i) * 3600, i + 1) for i in range(hours)))
    again = assayd(options=f'record {{ path = "{database}" max-flows = {cap} keep-hours = 300d }}\n').start()
    again.wait_for_log(f"max-flows = {cap} is reached")
    wait_until_rows(database, cap)
    send(again, 5)
    assert again.stop() == 0
    with sqlite3.connect(database) as connection:
        oldest, = connection.execute("SELECT min(hour) FROM flow").fetchone()
        assert oldest in (now - cap * 3600, now - (cap - 1) * 3600)     # a step may come after the five
        assert connection.execute("SELECT sum(messages) FROM flow WHERE hour >= ?", (now,)).fetchone() == (5,)
    assert again.log().count("is reached") == 1


def test_peers_and_greylist_above_their_number_go(assayd, workdir):
    database, rows, cap = workdir / "assay.db", 5000, 200
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("store: " + str(database))
    assert daemon.stop() == 0
    now = int(time.time())
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "INSERT INTO peer VALUES(?, ?, ?, ?, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 3, ?, '')",
            [(f"p{i}.example", host, now - rows + i, now - rows + i, i == 7 and host == "")
             for i in range(rows) for host in ("", "192.0.2.9")])
        connection.executemany("INSERT INTO greylist VALUES(?, ?, ?, ?, 1)",
                               [(f"k{i}", now - rows + i, now - rows + i, int(i < 5)) for i in range(rows)])
    again = assayd(options=f'record {{ path = "{database}" max-peers = {cap} max-greylist = {cap} }}\n').start()
    again.wait_for_log(f"warning: store: {database}: max-peers = {cap} is reached")
    again.wait_for_log(f"warning: store: {database}: max-greylist = {cap} is reached")
    wait_until_rows(database, 2 * cap, table="peer")
    wait_until_rows(database, cap, table="greylist")
    assert again.stop() == 0
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT peer FROM peer WHERE host = '' ORDER BY last LIMIT 2").fetchall() == [
            ("p7.example",), (f"p{rows - cap + 1}.example",)]       # the pinned one stays in spite of its age
        assert connection.execute("SELECT key FROM greylist ORDER BY last LIMIT 6").fetchall() == [
            ("k0",), ("k1",), ("k2",), ("k3",), ("k4",), (f"k{rows - cap + 5}",)]
    assert again.log().count("is reached") == 2


def committed_since(database, accepted, secs=30):
    """Waits until what was accepted so far is committed, while more comes. @return what is committed then."""
    end = time.monotonic() + secs
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        while True:
            seen, = connection.execute("SELECT coalesce(sum(messages), 0) FROM flow").fetchone()
            if seen >= accepted:
                return seen
            assert time.monotonic() < end, f"{seen} of {accepted} committed after {secs} s"
            time.sleep(0.005)


@pytest.mark.parametrize("after_secs", [0.35, 1.0, 1.6])
def test_kill_9_under_load_loses_the_last_group_at_most(assayd, workdir, after_secs):
    database = workdir / "assay.db"
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("store: " + str(database))
    loads = [Load(daemon) for _ in range(4)]
    for load in loads:
        load.start()
    time.sleep(after_secs)
    settled = committed_since(database, sum(load.accepted for load in loads))
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    for load in loads:
        load.stop()
        assert load.failed is not None      # the connection broke, nothing else
    counted = flows(database)
    assert settled <= counted <= sum(load.accepted for load in loads) + len(loads)
    again = assayd(options=options(database)).start()
    again.wait_for_log("store: " + str(database))
    send(again, 5)
    wait_for_flows(database, counted + 5)


def test_locked_database_delays_and_loses_nothing(assayd, workdir):
    database = workdir / "assay.db"
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("store: " + str(database))
    send(daemon, 3)
    wait_for_flows(database, 3)
    load = Load(daemon, pause_secs=0.01)
    with sqlite3.connect(database, isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        load.start()
        time.sleep(LOCK_SECS)
        assert load.failed is None and load.accepted > 20
        connection.execute("COMMIT")
    sent = load.stop()
    assert load.failed is None and load.slowest_secs < HANG_SECS, load.slowest_secs
    assert "database is locked" in daemon.log()
    daemon.wait_for_log(f"store: {database}: up again; since")
    wait_for_flows(database, 3 + sent)
    send(daemon, 1)


def test_greylist_does_not_wait_while_tries_cannot_be_written(assayd, workdir):
    database = workdir / "assay.db"
    daemon = assayd(mode="enforce", options=options(database), sections="findings { dkim-none = greylist }").start()
    daemon.wait_for_log("store: " + str(database))

    def end_of_message(sender):
        client = Client(daemon.socket_spec)
        client.connect(address="203.0.113.1")
        client.helo()
        outcome = client.message(sender, headers=(("From", f"Joe {sender}"), ("Subject", "x")))
        client.quit()
        return outcome
    first = end_of_message("<a@quiet.example>")
    assert (first.reply, first.text[:9]) == ("y", "451 4.7.1"), (first.reply, first.text)
    with sqlite3.connect(database, isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        end_of_message("<b@quiet.example>")
        daemon.wait_for_log("database is locked")
        assert end_of_message("<c@quiet.example>").reply == "c"
        connection.execute("COMMIT")


def test_first_message_waits_for_a_database_that_is_being_opened(assayd, workdir):
    """Somebody else reads the database at start: it is opened a moment later. Nobody passes the greylist meanwhile."""
    database = workdir / "assay.db"
    with sqlite3.connect(database, isolation_level=None) as connection:     # no schema yet: opening it means writing
        connection.execute("VACUUM")
        connection.execute("BEGIN EXCLUSIVE")
        daemon = assayd(mode="enforce", options=options(database), sections="findings { dkim-none = greylist }").start()
        replies = []

        def one_message():
            client = Client(daemon.socket_spec)
            client.connect(address="203.0.113.1")
            client.helo()
            replies.append(client.message("<a@quiet.example>", headers=(("From", "a@quiet.example"),)).reply)
            client.quit()
        early = threading.Thread(target=one_message)
        early.start()
        early.join(0.3)
        connection.execute("ROLLBACK")
    early.join(30)
    assert replies == ["y"], daemon.log()
    assert "store: " + str(database) + "\n" in daemon.log(), "the lock outlasted what the writer waits: " + daemon.log()


def file_modes(database):
    return {suffix: oct(os.stat(str(database) + suffix).st_mode & 0o777) for suffix in ("", "-wal", "-shm")}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_database_files_are_nobody_elses_whatever_the_umask(assayd, workdir, umask):
    database = workdir / "assay.db"
    before = os.umask(umask)
    try:
        daemon = assayd(options=options(database)).start()
    finally:
        os.umask(before)
    send(daemon, 1)
    wait_for_flows(database, 1)
    assert set(file_modes(database).values()) == {"0o640"}


@pytest.mark.parametrize("mode, repaired", [(0o644, "0o640"), (0o666, "0o640"), (0o600, "0o600"), (0o604, "0o600")])
def test_database_files_of_an_older_version_are_closed_to_others(assayd, workdir, mode, repaired):
    database = workdir / "assay.db"
    daemon = assayd(options=options(database)).start()
    send(daemon, 1)
    wait_for_flows(database, 1)
    daemon.signal(signal.SIGKILL)       # so that -wal and -shm stay
    daemon.process.wait()
    for suffix in ("", "-wal", "-shm"):
        os.chmod(str(database) + suffix, mode)
    daemon.start(wait=False)
    daemon.wait_for_log("listening at", count=2)
    send(daemon, 1)
    wait_for_flows(database, 2)
    assert set(file_modes(database).values()) == {repaired}


def test_refused_notes_are_told_and_hold_up_no_other(assayd, workdir):
    """A trigger that somebody made refuses the peer of each message: the log names the message, and messages are counted."""
    database, port = workdir / "assay.db", ports.free_port()
    daemon = assayd(options=options(database), sections=LISTEN.format(port)).start()
    daemon.wait_for_log("store: " + str(database))
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TRIGGER mine BEFORE INSERT ON peer BEGIN SELECT RAISE(ABORT, 'no peers, please'); END")
    client = Client(daemon.socket_spec)
    client.connect(address="192.0.2.1")
    client.helo()
    for _ in range(5):
        assert client.message().reply == "c"
    client.quit()
    wait_for_flows(database, 5)
    daemon.wait_for_log("error: store: " + str(database))
    refusal, = [line for line in daemon.log().splitlines() if "the database refuses a note" in line]
    assert "no peers, please" in refusal and "kind=peer id=QID1" in refusal and "not Assay's" in refusal, refusal
    page = Page(port)
    assert page.get("assay_store_notes_total", result="refused") == 1 and page.get("assay_store_up") == 1
    assert page.get("assay_store_notes_total", result="dropped") == page.get("assay_store_notes_total", result="lost") == 0
    assert daemon.stop() == 0


@pytest.fixture
def small_disk(workdir):
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts a tmpfs")
    place = workdir / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_disk_full_loses_no_mail_and_recovers(assayd, small_disk):
    database = small_disk / "assay.db"
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("store: " + str(database))
    send(daemon, 5)
    wait_for_flows(database, 5)
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    load = Load(daemon, pause_secs=0.01)
    load.start()
    daemon.wait_for_log("is full")
    time.sleep(3)
    sent = load.stop()
    assert load.failed is None and load.slowest_secs < HANG_SECS, load.slowest_secs
    filler.unlink()
    send(daemon, 1)
    daemon.wait_for_log(f"store: {database}: up again; since")
    wait_for_flows(database, 5 + sent + 1)


@pytest.mark.parametrize("content", [b"this is not a database\n" * 1000, None], ids=["other-file", "torn"])
def test_corrupt_database_is_said_and_mail_goes_on(assayd, workdir, content):
    database = workdir / "assay.db"
    if content is None:     # a real one with its middle overwritten
        daemon = assayd(options=options(database)).start()
        daemon.wait_for_log("store: " + str(database))
        send(daemon, 40)
        assert daemon.stop() == 0
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = bytearray(database.read_bytes())
        assert len(content) > 3 * 4096
        content[4096:] = b"\xa5" * (len(content) - 4096)
    database.write_bytes(content)
    daemon = assayd(options=options(database)).start()
    assert send(daemon, 30) < HANG_SECS
    daemon.wait_for_log("malformed" if content[:6] == b"SQLite" else "not a database")
    assert "memory" in daemon.log()
    assert database.read_bytes()[:64] == bytes(content[:64])      # it is the admin's to look at, never overwritten


def test_missing_directory_is_said_and_found_again(assayd, workdir):
    database = workdir / "later" / "assay.db"
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("unable to open database file")
    assert send(daemon, 10) < HANG_SECS
    database.parent.mkdir()
    send(daemon, 1)
    daemon.wait_for_log(f"store: {database}: up again; since")
    wait_for_flows(database, 11)
    # told once and once, with the number, however many messages there were
    assert daemon.log().count("mail is judged without memory") == 1
    assert re.search(r" (10|11) messages were judged without memory", daemon.log())


def test_database_removed_under_the_daemon(assayd, workdir):
    database = workdir / "assay.db"
    daemon = assayd(options=options(database)).start()
    daemon.wait_for_log("store: " + str(database))
    send(daemon, 2)
    wait_for_flows(database, 2)
    for path in workdir.glob("assay.db*"):
        pathlib.Path(path).unlink()
    assert send(daemon, 10) < HANG_SECS
    daemon.wait_for_log("removed")
    send(daemon, 1)
    daemon.wait_for_log(f"store: {database}: up again; since")
    wait_for_flows(database, 11)
