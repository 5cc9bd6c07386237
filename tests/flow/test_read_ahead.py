# SPDX-License-Identifier: BSD-2-Clause
"""
Read-ahead and write-behind below libmilter: however the MTA's octets come, assayd hears and answers the same; and it asks the
system seldom enough. tests/unit/test_readahead*.c and test_writebehind.c have it
octet for octet.
"""
import os
import pathlib
import random
import re
import threading
import time

import pytest

from house import build
from milterclient import Client

pytestmark = pytest.mark.slow
FIELDS = [("From", "Joe <joe@good.example>"), ("Subject", "x" * 900), *((f"X-Field-{i}", "y" * (i % 70)) for i in range(200))]
BODY = b"0123456789abcdef\r\n" * 9000


class Recorder(Client):
    """Keeps back what it sends, and puts it on the wire in the pieces that it is told; replies are waited for as always."""

    def __init__(self, address, pieces):
        self.pieces, self.waiting, self.lock = None, b"", threading.Lock()
        super().__init__(address)
        self.pieces = pieces

    def send(self, code, payload=b""):
        if self.pieces is None:
            super().send(code, payload)
            return
        self.waiting += (len(payload) + 1).to_bytes(4, "big") + code.encode() + payload

    def flush(self):
        with self.lock:
            data, self.waiting = self.waiting, b""
        while data:
            count = self.pieces(len(data))
            self.socket.sendall(data[:count])
            data = data[count:]

    def receive(self):
        self.flush()
        return super().receive()

    def quit(self):
        self.send("Q")
        self.flush()
        self.socket.close()


def told(outcome):
    """Without what differs from one message to the next: the time."""
    return (outcome.reply, outcome.text, outcome.deleted, outcome.quarantine,
            [(index, name, re.sub(r";\s+\w{3}, \d+ \w{3} .*", "", value, flags=re.S)) for index, name, value in outcome.inserted])


def session(daemon, pieces, body=BODY):
    """Two messages, the first with forged fields that are deleted, and one that is given up in between."""
    client = Recorder(daemon.socket_spec, pieces)
    client.connect()
    client.helo()
    forged = [("Authentication-Results", f"mx.test.example; dkim=pass header.d=f{i}.example") for i in range(5)]
    seen = [told(client.message(headers=FIELDS + forged, body=body))]
    client.mail(i="Q2")
    client.rcpt()
    client.header("From", "Ann <ann@good.example>")
    client.abort()
    seen.append(told(client.message(headers=FIELDS[:3], body=b"short\r\n")))
    client.quit()
    return seen


def whole(rest):
    return rest


def single(_rest):
    return 1


def random_pieces(seed):
    generator = random.Random(seed)
    return lambda rest: min(rest, generator.choice([1, 3, 5, 100, 4096, 16384, 16389, 70000]))


@pytest.fixture(params=["unix", "inet"])
def daemon(request, assayd, free_port):
    spec = None if request.param == "unix" else f"inet:{free_port()}@127.0.0.1"
    made = assayd(socket_spec=spec).start()
    if spec:
        made.socket_spec = ("127.0.0.1", int(re.search(r"\d+", spec).group()))
    return made


def test_any_pieces_give_the_same(daemon):
    expected = session(daemon, whole)
    assert expected[0][0] == "c" and len(expected[0][2]) == 5
    for seed in range(12):
        assert session(daemon, random_pieces(seed)) == expected, seed


def test_single_octets_give_the_same(daemon):
    assert session(daemon, single, body=b"0123456789\r\n" * 20)[1:] == session(daemon, whole)[1:]


def test_pauses_past_the_pool_of_threads_give_the_same(daemon):
    """libmilter puts a session aside after a millisecond; in the middle of a packet it waits."""
    def pieces(rest):
        time.sleep(0.003)
        return min(rest, 20011)

    assert session(daemon, pieces) == session(daemon, whole)


def test_messages_at_once_without_waiting_for_a_reply(daemon):
    client = Recorder(daemon.socket_spec, whole)
    client.connect()
    client.helo()
    for i in range(30):
        client.macros("M", i=f"Q{i}")
        client.send("M", b"<joe@good.example>\0")
        client.rcpt()
        client.header("From", f"Joe <joe{i}@good.example>")
        client.eoh()
        client.send("B", b"Hello\r\n" * (i * 100 + 1))
        client.send("E")
    sender = threading.Thread(target=client.flush)      # who only sends, and does not read meanwhile, is not read either
    sender.start()
    # what is answered there is MAIL, and the end: our two fields, and the reply
    codes = "".join(client.receive()[0] for _ in range(30 * 4))
    sender.join()
    assert codes == "ciic" * 30
    client.quit()
    assert re.findall(r" author=joe(\d+)@good", daemon.log()) == [str(i) for i in range(30)]


def test_end_in_the_middle_leaves_nothing_to_the_next(daemon):
    """Sessions that end with something read ahead, and the next ones, which get their descriptors."""
    expected = session(daemon, whole)
    for cut in (1, 4, 5, 9, 300, 5000, 20000, 90000):
        client = Recorder(daemon.socket_spec, whole)
        client.connect()
        client.helo()
        client.mail(i="CUT")
        client.rcpt()
        for name, value in FIELDS:
            client.header(name, value)
        client.eoh()
        client.body(BODY)
        client.waiting = client.waiting[:-cut]
        client.flush()
        client.socket.close()
        assert session(daemon, whole) == expected, cut


# ---- what it is for -------------------------------------------------------------------------------------------------


def io_count(daemon, name):
    """read() and write() of all kinds, without recv() and sendmsg(), which libmilter does not know."""
    return int(re.search(rf"^{name}: (\d+)", pathlib.Path(f"/proc/{daemon.process.pid}/io").read_text(), re.M).group(1))


@pytest.mark.skipif(not build.has_read_ahead(), reason="built with --disable-read-ahead")
def test_packets_are_not_read_one_by_one(daemon):
    session(daemon, whole)
    before = io_count(daemon, "syscr"), io_count(daemon, "syscw")
    session(daemon, whole)
    # over 200 packets in two reads each, were it not for the read-ahead; five deletions and some fields in a write each
    assert io_count(daemon, "syscr") - before[0] < 60
    assert io_count(daemon, "syscw") - before[1] < 20


@pytest.mark.skipif(bool(os.environ.get("ASSAY_SANITIZED")), reason="sanitizers take memory and threads of their own")
def test_idle_sessions_hold_no_memory_and_no_threads(assayd):
    daemon = assayd(options="max-sessions = 3000").start()
    clients = [Client(daemon.socket_spec) for _ in range(2000)]
    for client in clients:
        client.connect()
        client.helo()

    def busy(mine):
        for client in mine:
            assert client.message(headers=FIELDS[:20], body=BODY).reply == "c"

    threads = [threading.Thread(target=busy, args=(clients[i:200:20],)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def status(name):
        text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1))

    assert status("VmRSS") <= 60 * 1024
    assert status("Threads") < 60
    for client in clients:
        client.close()
