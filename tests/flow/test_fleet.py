# SPDX-License-Identifier: BSD-2-Clause
"""
Several assayd on one PostgreSQL: greylist, TLS memory and counts are shared; and a server that is stopped, silent, slow, full, or restarted
costs no mail, no message more than its time, and no count.
"""
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import threading
import time

import pytest

from house import needs, ports
from house.postgres import Postgres, unprivileged
from house.waiting import wait_for
from milterclient import Client
from test_store_faults import HANG_SECS, Load, send

pytestmark = pytest.mark.slow
ELSEWHERE = "203.0.113.1"


class Proxy(threading.Thread):
    """
    Between assayd and the server. open: as if it were not there; delay_secs: so long in each direction, order kept; silent: takes
    connections and octets, and hands nothing on.
    """

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.port = target, ports.free_port()
        self.silent, self.delay_secs, self.ended = False, 0.0, False
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.pairs = []
        self.start()

    def run(self):
        while not self.ended:
            if select.select([self.listener], [], [], 0.05)[0]:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        if self.silent:
            self.pairs.append((client, client))
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pairs.append((client, server))
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    def copy(self, one, other):
        try:
            while not self.ended and (data := one.recv(65536)):
                time.sleep(self.delay_secs)
                while self.silent and not self.ended:
                    time.sleep(0.02)
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends every connection there is."""
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def close(self):
        self.ended = True
        self.join()
        self.cut()
        self.listener.close()


@pytest.fixture(scope="module")
def server():
    with Postgres() as made:
        yield made


@pytest.fixture
def place(server):
    """A function that gives the options of a daemon on an empty schema of the server; port: of a proxy."""
    place.number = getattr(place, "number", 0) + 1
    schema = f"place{place.number}"
    server.query(f"CREATE SCHEMA {schema}")

    def options(more="", port=None):
        connection = server.connection(port, f"options=-csearch_path={schema}")
        return f'record {{ backend = postgresql connection = "{connection}" {more} }}\n'
    options.schema = schema
    options.location = "postgresql:" + server.connection(more=f"options=-csearch_path={schema}")
    options.number = lambda sql: int(server.query(f"SET search_path={schema}; {sql}"))
    options.counted = lambda: options.number("SELECT coalesce(sum(messages),0) FROM flow")
    return options


@pytest.fixture
def proxy(server):
    made = Proxy(server.port)
    yield made
    made.close()


def started(assayd, **more):
    daemon = assayd(**more).start()
    daemon.wait_for_log("store: host=")
    return daemon


def one_message(daemon, sender="<joe@quiet.example>", address=ELSEWHERE, helo="mx.good.example"):
    client = Client(daemon.socket_spec)
    client.connect(address=address)
    client.helo(helo)
    outcome = client.message(sender, headers=(("From", f"Joe {sender}"), ("Subject", "x")))
    client.quit()
    return outcome


def test_greylist_is_one(assayd, place):
    """Who waited at one host passes at the other."""
    settings = {"mode": "enforce", "options": place(), "sections": "findings { dkim-none = greylist }\ngreylist { delay = 3s }"}
    one, other = started(assayd, **settings), started(assayd, **settings)
    assert one_message(one).reply == "y"
    wait_for(lambda: place.number("SELECT count(*) FROM greylist"), "the try to be written", 30)
    assert one_message(other, "<other@quiet.example>").reply == "y"     # nobody passes because it is another host
    wait_for(lambda: one_message(other).reply in "ac", "the retry to pass at the other host", 30, 0.5)
    wait_for(lambda: place.number("SELECT count(*) FROM greylist WHERE passed<>0") == 1, "the pass to be written", 30)
    assert one_message(one).reply in "ac"


def test_tls_memory_is_one(assay, assayd, place):
    options = place()
    sections = "findings { tls-downgrade = reject }\ntls { honor-tls-required-no = no }"
    one, other = (started(assayd, mode="enforce", options=options, sections=sections) for _ in range(2))
    send(one, 3)
    send(other, 4)

    def sessions():
        rows = assay.json("peers", "--database", place.location)
        return sum(row["sessions"] for row in (rows if isinstance(rows, list) else rows["peers"]))
    wait_for(lambda: sessions() == 2, "a session of each host", 30)
    done = assay.run("peers", "--config", one.config_path, "pin", "good.example")
    assert done.returncode == 0, done.stderr

    def refuses(daemon):
        client = Client(daemon.socket_spec)
        client.connect()
        client.helo()
        client.mail(i="Q1")
        reply, text = client.rcpt()
        client.quit()
        return reply == "y" and b"554" in text
    for daemon in (one, other):     # what was read a moment ago counts for a second
        wait_for(lambda daemon=daemon: refuses(daemon), "the pin to be seen", 30, 0.3)
        daemon.wait_for_log("tls-downgrade")


def test_counts_of_all_hosts_add_up(assay, assayd, place):
    daemons = [started(assayd, options=place()) for _ in range(3)]
    loads = [Load(daemon, pause_secs=0.002) for daemon in daemons]
    for load in loads:
        load.start()
    time.sleep(4)
    sent = sum(load.stop() for load in loads)
    assert [load.failed for load in loads] == [None] * 3
    assert [daemon.stop() for daemon in daemons] == [0] * 3      # what waits is written
    assert place.counted() == sent
    report = assay.json("report", "--database", place.location)
    assert str(sent) in str(report)
    for words in (["whatif", "--config", daemons[0].config_path, "--database", place.location], ["peers", "--database", place.location],
                  ["doctor", "--config", daemons[0].config_path]):
        done = assay.run(*words)
        assert b"PostgreSQL answers" in done.stdout if words[0] == "doctor" else done.returncode == 0, (words, done.stdout, done.stderr)


def test_server_stopped_and_started_costs_nothing(assayd, server, place):
    daemon = started(assayd, options=place())
    send(daemon, 3)
    load = Load(daemon, pause_secs=0.01)
    load.start()
    try:
        server.stop()
        daemon.wait_for_log("warning: store: host=")
        time.sleep(2)
    finally:
        server.start()
    daemon.wait_for_log("up again; since")
    sent = load.stop()
    assert load.failed is None and load.slowest_secs < HANG_SECS
    print(f"stopped: {sent} messages, the slowest {load.slowest_secs * 1000:.0f} ms")
    wait_for(lambda: place.counted() == 3 + sent, lambda: f"{3 + sent} to be counted, {place.counted()} are", 30)


@pytest.mark.parametrize("answer_ms", [100, 1000])
def test_silent_server_holds_no_message_longer_than_its_time(assayd, place, proxy, answer_ms):
    """Packets go and no answer comes: no error that anybody could see."""
    daemon = started(assayd, options=place(f"answer-timeout = {answer_ms}ms", proxy.port))
    send(daemon, 3)
    wait_for(lambda: place.counted() == 3, "three to be counted", 30)
    load = Load(daemon, pause_secs=0.01)
    load.start()
    proxy.silent = True
    daemon.wait_for_log("has not answered in time")
    time.sleep(4)
    slowest, during = load.slowest_secs, load.accepted
    proxy.cut()
    proxy.silent = False
    daemon.wait_for_log("up again; since")
    sent = load.stop()
    assert load.failed is None and during > 10
    print(f"silent, answer-timeout {answer_ms} ms: {during} messages meanwhile, the slowest {slowest * 1000:.0f} ms")
    # each of a message's questions may wait its time once; the rest is for a busy machine
    assert slowest < 3 * answer_ms / 1000 + 2
    wait_for(lambda: place.counted() == 3 + sent, lambda: f"{3 + sent} to be counted, {place.counted()} are", 30)


def test_silent_server_at_start_keeps_nobody_from_starting(assayd, place, proxy):
    proxy.silent = True
    daemon = assayd(options=place("answer-timeout = 100ms", proxy.port)).start(wait=False)
    daemon.wait_for_log("listening at", secs=60)
    assert send(daemon, 5) < HANG_SECS + 10     # the first may wait ten seconds for the database to be opened
    proxy.cut()
    proxy.silent = False
    daemon.wait_for_log("store: host=", secs=60)
    wait_for(lambda: place.counted() == 5, "five to be counted", 60)


@pytest.mark.parametrize("delay_ms, known", [(20, True), (400, False)])
def test_slow_server(assay, assayd, place, proxy, delay_ms, known):
    """What answers in time is used; what does not is done without, and written all the same."""
    sections = "findings { tls-downgrade = reject }\ntls { honor-tls-required-no = no }"
    daemon = started(assayd, mode="enforce", options=place("answer-timeout = 250ms", proxy.port), sections=sections)
    done = assay.run("peers", "--database", place.location, "pin", "good.example")
    assert done.returncode == 0, done.stderr
    proxy.delay_secs = delay_ms / 2000
    replies, slowest = set(), 0.0
    for _ in range(10):
        client = Client(daemon.socket_spec)
        client.connect()
        client.helo()
        client.mail(i="Q1")
        began = time.monotonic()
        replies.add(client.rcpt()[0])
        slowest = max(slowest, time.monotonic() - began)
        client.quit()
    print(f"slow by {delay_ms} ms: RCPT at most {slowest * 1000:.0f} ms, replies {replies}")
    assert replies == ({"y"} if known else {"c"})
    assert slowest < 3


def test_connections_that_break_lose_nothing(assayd, place, proxy):
    daemon = started(assayd, options=place(port=proxy.port))
    load = Load(daemon, pause_secs=0.005)
    load.start()
    for _ in range(4):
        time.sleep(1)
        proxy.cut()
    sent = load.stop()
    assert load.failed is None and load.slowest_secs < HANG_SECS
    wait_for(lambda: place.counted() >= sent, lambda: f"{sent} to be counted, {place.counted()} are", 60)
    # a connection that breaks while the server confirms a group leaves it unknown, and the group is written again
    assert place.counted() - sent <= 4 * 200


@pytest.fixture
def small_disk(workdir):
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts a tmpfs")
    disk = workdir / "disk"
    disk.mkdir()
    workdir.chmod(0o755)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=False).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    try:
        user = unprivileged()
        os.chown(disk, user.pw_uid, user.pw_gid)
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_full_disk_of_the_server_loses_no_mail_and_recovers(assayd, server, place, small_disk):
    server.query(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    try:
        daemon = started(assayd, options=place())
        send(daemon, 3)
        wait_for(lambda: place.counted() == 3, "three to be counted", 30)
        for table in ("flow", "kind", "part", "peer"):
            server.query(f"ALTER TABLE {place.schema}.{table} SET TABLESPACE small")
        filler = small_disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        load = Load(daemon, pause_secs=0.01)
        load.start()
        # each message its own kind, so that tables grow
        sent = 0
        while "No space left" not in daemon.log() and sent < 3000:
            for _ in range(50):
                assert one_message(daemon, f"<joe@s{sent}.example>").reply in "ac"
                sent += 1
        daemon.wait_for_log("No space left")
        sent += load.stop()
        assert load.failed is None and load.slowest_secs < HANG_SECS
        filler.unlink()
        daemon.wait_for_log("up again; since")
        wait_for(lambda: place.counted() == 3 + sent, lambda: f"{3 + sent} to be counted, {place.counted()} are", 60)
        assert daemon.stop() == 0
    finally:
        server.query(f"DROP SCHEMA {place.schema} CASCADE")
        server.query("DROP TABLESPACE small")


def test_passfile_and_tls(assayd, workdir):
    """A server that wants a password and TLS; its name is checked; the password is told nowhere."""
    needs.programs("openssl")
    workdir.chmod(0o755)
    key, cert = workdir / "key.pem", workdir / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    with Postgres() as server:
        for path in (key, cert):
            shutil.copy(path, server.data / path.name)
            if server.user:
                os.chown(server.data / path.name, server.user["user"], server.user["group"])
            os.chmod(server.data / path.name, 0o600)
        server.query("CREATE ROLE fleet LOGIN PASSWORD 'open-sesame'")
        server.query("CREATE DATABASE fleet OWNER fleet")
        server.stop()
        (server.data / "pg_hba.conf").write_text("hostssl fleet fleet 127.0.0.1/32 scram-sha-256\nhost all assay 127.0.0.1/32 trust\n")
        with open(server.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("ssl = on\nssl_key_file = 'key.pem'\nssl_cert_file = 'cert.pem'\n")
        server.start()
        passfile = workdir / "pass"
        passfile.write_text(f"localhost:{server.port}:fleet:fleet:open-sesame\n")
        passfile.chmod(0o600)
        common = f"hostaddr=127.0.0.1 port={server.port} user=fleet dbname=fleet sslmode=verify-full sslrootcert={cert} passfile={passfile}"
        good = assayd(options=f'record {{ backend = postgresql connection = "host=localhost {common}" }}\n').start()
        good.wait_for_log("store: host=localhost")
        assert "warning" not in good.log()
        send(good, 2)
        assert good.stop() == 0
        assert server.query_in("fleet", "SELECT sum(messages) FROM flow") == "2"
        assert server.query_in("fleet", "SELECT count(*) FROM peer") != "0"
        bad = assayd(options=f'record {{ backend = postgresql connection = "host=elsewhere.example {common}" }}\n').start()
        bad.wait_for_log("does not match host name")
        send(bad, 1)
        for daemon in (good, bad):
            assert "sesame" not in daemon.log()


def test_password_in_the_configuration_is_refused_and_not_told(assay, workdir):
    path = workdir / "assay.conf"
    for connection in ("host=db password=open-sesame", "postgresql://fleet:open-sesame@db/fleet"):
        path.write_text(f'record {{ backend = postgresql connection = "{connection}" }}\n')
        done = assay.run("config", path)
        words = (done.stdout + done.stderr).decode()
        assert done.returncode != 0 and "passfile" in words and "sesame" not in words, words


@pytest.mark.parametrize("record, said", [
    ("backend = postgresql", "needs a connection"),
    ('connection = "host=/run/postgresql"', "needs backend = postgresql"),
    ('backend = postgresql connection = "host"', "not a connection string"),
    ('backend = postgresql connection = "host=x connect_timeout=0"', "connect_timeout"),
    ('backend = postgresql connection = "host=x connect_timeout=600"', "connect_timeout"),
    ('backend = postgresql connection = "postgresql://x/y?connect_timeout=-1"', "connect_timeout"),
    ('backend = postgresql connection = "host=x sslkey=k sslpassword=open-sesame"', "passfile"),
    ('backend = postgres connection = "host=x"', "postgresql"),
])
def test_wrong_settings_are_told(assay, workdir, record, said):
    path = workdir / "assay.conf"
    path.write_text(f"record {{ {record} }}\n")
    done = assay.run("config", path)
    assert done.returncode != 0 and said in (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("connection, bare", [
    ("host=db.example.org", True), ("host=/run/postgresql", False), ("host=127.0.0.1", False), ("host=localhost,db.example.org", True),
    ("host=db.example.org sslmode=verify-full", False), ("postgresql://db.example.org/assay?sslmode=require", False),
    ("postgresql://db.example.org/assay", True), ("dbname=assay", False),
])
def test_connection_without_tls_to_another_machine_is_told(assay, workdir, connection, bare):
    path = pathlib.Path(workdir) / "assay.conf"
    path.write_text(f'record {{ backend = postgresql connection = "{connection}" }}\n')
    done = assay.run("config", path)
    words = (done.stdout + done.stderr).decode()
    assert done.returncode == 0 and bool(re.search("without TLS", words)) == bare, words


@pytest.mark.parametrize("name, value, bare", [
    ("PGHOST", "db.example.org", True), ("PGHOST", "/run/postgresql", False), ("PGHOSTADDR", "192.0.2.1", True),
])
def test_environment_that_names_another_machine_counts(assay, workdir, monkeypatch, name, value, bare):
    monkeypatch.setenv(name, value)
    monkeypatch.delenv("PGSSLMODE", raising=False)
    path = pathlib.Path(workdir) / "assay.conf"
    path.write_text('record { backend = postgresql connection = "dbname=assay" }\n')
    done = assay.run("config", path)
    words = (done.stdout + done.stderr).decode()
    assert done.returncode == 0 and bool(re.search("without TLS", words)) == bare, words
