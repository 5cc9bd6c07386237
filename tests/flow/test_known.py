# SPDX-License-Identifier: BSD-2-Clause
"""
Whom we know is asked about in one round trip. The DNS server of these tests answers in waves: it holds its answers until no
further question comes. What can be asked at once comes in one wave, and each step of a chain of answers is a wave of its own.
"""
import pathlib
import re
import select
import sqlite3
import threading
import time

import dns.message
import dns.rdatatype
import pytest

from house.ports import bound_pair
from milterclient import Client
from suite_dns import Zone

QUIET_SECS = 0.2    # no further question comes, if the daemon waits
CONFIG = """\
socket = "{socket}"
user = ""
log-target = stderr
log-level = info
authserv-id = "mx.test.example"
dns {{
    servers = {{ "127.0.0.1@{port}" }}
    dnssec = off
    timeout = 20s
    cache-max-ttl = 2s
    cache-negative-ttl = 2s
}}
limits {{ dns-deadline = 60s }}
{record}
"""
ADDRESS = "192.0.2.1"
HOST = "mx.c.far.example"
TREE = {
    "far.example": [{"TXT": "v=spf1 include:a.far.example -all"}, {"A": ADDRESS}, {"MX": [10, HOST]}],
    "a.far.example": [{"TXT": "v=spf1 include:b.far.example -all"}],
    "b.far.example": [{"TXT": "v=spf1 include:%{l}.u.far.example mx:c.far.example -all"}],
    "c.far.example": [{"MX": [10, HOST]}],
    "joe.u.far.example": [{"TXT": "v=spf1 -all"}],
    HOST: [{"A": ADDRESS}],
    "1.2.0.192.in-addr.arpa": [{"PTR": HOST}],
    "_dmarc.far.example": [{"TXT": "v=DMARC1; p=reject"}],
}
DEPTH = 4   # far.example, a, b, c; the host is guessed by the name that the MTA found


class WaveServer:
    """Zonedata as of suite_dns. waves: lists of the questions of each wave, as "name/TYPE"."""

    def __init__(self, zonedata):
        self.zone, self.waves, self.stopping, self.daemon = Zone(zonedata), [], False, None
        self.udp, self.tcp = bound_pair()
        self.port = self.udp.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.udp.close()
        self.tcp.close()

    def daemon_waits(self):
        """Whether each of its threads does: on a busy machine one may want to ask, and not have come to it."""
        tasks = pathlib.Path(f"/proc/{self.daemon.process.pid}/task").glob("*/stat")
        try:
            return all(path.read_text().rpartition(")")[2].split()[0] == "S" for path in tasks)
        except OSError:
            return True     # one has ended

    def serve(self):
        held = []
        while not self.stopping:
            if select.select([self.udp], [], [], QUIET_SECS)[0]:
                wire, back = self.udp.recvfrom(4096)
                held.append((dns.message.from_wire(wire), back))
                continue
            if held and not self.daemon_waits():
                continue
            if held:
                self.waves.append([f"{query.question[0].name.to_text(True).lower()}/"
                                   f"{dns.rdatatype.to_text(query.question[0].rdtype)}" for query, _ in held])
            for query, back in held:
                self.udp.sendto(self.zone.answer(query).to_wire(), back)
            held = []

    def asked(self):
        return {question for wave in self.waves for question in wave}


@pytest.fixture
def run(assayd, workdir):
    """A function that starts a daemon on a server. @return a function that sends the message and gives (verdicts, waves)."""
    def start(server, record=None):
        spec = f"unix:{workdir}/{time.monotonic_ns()}"
        daemon = assayd(socket_spec=spec, config=CONFIG.format(
            socket=spec, port=server.port, record=f'record {{ path = "{record}" }}' if record else ""))
        daemon.start()
        server.daemon = daemon

        def send(sender="<joe@far.example>"):
            server.waves = []
            client = Client(spec)
            client.connect(name=HOST, address=ADDRESS)
            client.helo(HOST)
            outcome = client.message(sender=sender, headers=[("From", "Joe <joe@far.example>"), ("Subject", "x")])
            client.quit()
            return re.sub(r"\s+", " ", " ".join(outcome.header("Authentication-Results"))), server.waves
        send.daemon = daemon
        return send
    return start


def expire():
    time.sleep(2.3)


def test_known_sender_waits_one_round_trip(run):
    with WaveServer(TREE) as server:
        send = run(server)
        first, waves = send()
        assert "spf=pass" in first and "dmarc=pass" in first and len(waves) == DEPTH
        asked = server.asked()
        expire()
        again, waves = send()
        assert again == first
        # what a macro made of the local part is no shape's: it comes when its record has come
        assert [question for wave in waves[1:] for question in wave] == ["joe.u.far.example/TXT"]
        assert server.asked() == asked


def test_known_sender_after_a_restart(run, workdir):
    with WaveServer(TREE) as server:
        send = run(server, workdir / "db")
        first, _ = send()
        assert send.daemon.stop() == 0
        database = sqlite3.connect(workdir / "db")
        rows = dict(database.execute("SELECT key, questions FROM shape"))
        database.close()
        assert "e 15 c.far.example\n" in rows["far.example"] and "m 16 _dmarc.far.example\n" in rows["far.example"]
        assert not any("joe" in row or "in-addr" in row for row in rows.values())
        send = run(server, workdir / "db")
        send.daemon.wait_for_log("serving at")
        again, waves = send()
        assert again == first
        assert {"far.example/TXT", "a.far.example/TXT", "c.far.example/MX", HOST + "/A", "_dmarc.far.example/TXT"} <= set(waves[0])
        assert len(waves) == 2


def test_what_ptr_found_of_the_client_is_no_shapes(run, workdir):
    tree = dict(TREE)
    tree["far.example"] = [{"TXT": "v=spf1 ptr -all"}, {"A": ADDRESS}, {"MX": [10, HOST]}]
    with WaveServer(tree) as server:
        send = run(server, workdir / "db")
        assert "spf=pass" in send()[0]
        assert send.daemon.stop() == 0
        assert HOST + "/A" in server.asked()
    database = sqlite3.connect(workdir / "db")
    rows = dict(database.execute("SELECT key, questions FROM shape"))
    database.close()
    assert "m 16 _dmarc.far.example\n" in rows["far.example"]
    assert not any(f"e 1 {HOST}\n" in row for row in rows.values())


def test_changed_tree_is_judged_as_by_a_stranger_and_the_old_one_forgotten(run):
    tree = dict(TREE)
    tree["a.far.example"] = [{"TXT": "v=spf1 include:d.far.example -all"}]
    tree["d.far.example"] = [{"TXT": "v=spf1 ip4:192.0.2.77 -all"}]
    with WaveServer(tree) as server:
        expected, _ = run(server)()
    assert "spf=fail" in expected
    with WaveServer(TREE) as server:
        send = run(server)
        first, _ = send()
        assert "spf=pass" in first
        server.zone = Zone(tree)
        expire()
        assert send()[0] == expected
        assert "b.far.example/TXT" in server.asked()    # the wrong guess
        for _ in range(8):      # the part that was wrong is doubted for a while, then the new tree is known
            expire()
            again, waves = send()
            assert again == expected
            assert not any(question.startswith(("b.far", "c.far")) for question in server.asked())
        assert len(waves) == 1


@pytest.mark.parametrize("questions", [
    "".join(f"e 16 x{i}.elsewhere.example\n" for i in range(24)),
    "".join(f"e 16 x{i}.elsewhere.example\n" for i in range(400)),
    "e 16 far.example", "e 999 far.example\n", "e 16 \n", "z 16 far.example\n", "\x01\n" * 9, "e 16 " + "a" * 9000 + "\n",
    "m 1 far.example\ne 16 _dmarc.far.example\n"], ids=range(9))
def test_verdict_is_the_same_with_a_hostile_shape(run, workdir, questions):
    with WaveServer(TREE) as server:
        send = run(server, workdir / "db")
        first, _ = send()
        assert send.daemon.stop() == 0
        asked = len(server.asked())
        database = sqlite3.connect(workdir / "db")
        database.execute("UPDATE shape SET questions=?", (questions,))
        database.commit()
        database.close()
        send = run(server, workdir / "db")
        again, waves = send()
        assert again == first
        # each once: on a slow machine one whose two seconds are over is asked again
        assert len({question for wave in waves for question in wave}) <= asked + 24
        if "elsewhere" in questions and len(questions) < 1000:
            assert any("elsewhere" in question for question in server.asked())     # it was believed, once
            expire()
            again, waves = send()
            assert again == first and not any("elsewhere" in question for question in server.asked())


def test_unknown_sender_costs_nothing_extra(run):
    tree = dict(TREE)
    tree["other.example"] = TREE["far.example"]
    with WaveServer(tree) as server:
        send = run(server)
        send("<joe@other.example>")
        asked = [question for wave in server.waves for question in wave]
        assert len(asked) == len(set(asked))
        assert not any(question.startswith("x") for question in asked)
