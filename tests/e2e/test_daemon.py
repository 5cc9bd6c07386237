# SPDX-License-Identifier: BSD-2-Clause
"""assayd as an admin treats it while mail flows: reload, restart, kill, end. No mail is lost, none passes unjudged."""
import collections
import itertools
import os
import re
import signal
import threading
import time

import pytest

from world import delivered_fields, scenarios
from world import mail as m
from world.client import Client, deliver
from world.mail import AUTHSERV_ID
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")
SERIAL = itertools.count()


class Senders:
    """Threads that send signed mail until stopped, each message until it was accepted."""

    def __init__(self, stack, port, count=3):
        self.stack, self.port = stack, port
        self.stopping = threading.Event()
        self.accepted, self.replies = [], collections.Counter()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stopping.is_set():
            mail = scenarios.signed(self.stack.keys, "ed.example", "ed")
            try:
                last = deliver(self.stack.mta, mail, self.port)["last"]
            except OSError as error:
                with self.lock:
                    self.replies[type(error).__name__] += 1
                continue
            with self.lock:
                self.replies[last.code] += 1
                if last.code == 250:
                    self.accepted.append(mail.recipients[0])

    def wait(self, count, seconds=60):
        end = time.monotonic() + seconds
        goal = len(self.accepted) + count
        while len(self.accepted) < goal:
            assert time.monotonic() < end, f"no progress: {self.replies}"
            time.sleep(0.02)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)


@pytest.fixture(name="own")
def own_fixture(stack, request):
    """An assayd of the test's own: (assayd, port)."""
    # a short name: its directory holds a unix socket, whose path has room for 106 octets
    assayd, port = stack.another_assayd(f"own{next(SERIAL)}-" + re.sub(r"\W", "", request.node.name)[:30], mode="enforce")
    yield assayd, port
    if assayd.child is not None:
        assayd.stop()


def assert_all_judged(stack, addresses):
    for address in addresses:
        raw = stack.mta.delivered(address, 60)
        fields = [value for value in delivered_fields(raw, "Authentication-Results") if AUTHSERV_ID in value]
        assert len(fields) == 2, f"{address}: {fields}"


def test_reload_under_traffic(stack, own):
    assayd, port = own
    senders = Senders(stack, port)
    try:
        for round_number in range(6):
            senders.wait(5)
            assayd.findings["dkim-none"] = "reject" if round_number % 2 else "none"
            assayd.reload()
        senders.wait(5)
    finally:
        senders.stop()
    assert set(senders.replies) == {250}
    assert_all_judged(stack, senders.accepted)
    assert deliver(stack.mta, scenarios.plain("pass.example"), port)["last"].code == 550


def test_session_keeps_the_configuration_it_began_with(stack, own):
    assayd, port = own
    with Client(port, "192.0.2.1", "mail.pass.example") as session:
        assert session.send(scenarios.plain("pass.example"))["last"].code == 250
        assayd.findings["dkim-none"] = "reject"
        assayd.reload()
        assert session.send(scenarios.plain("pass.example"))["last"].code == 250
    assert deliver(stack.mta, scenarios.plain("pass.example"), port)["last"].code == 550


def test_reload_of_a_broken_file_keeps_the_old_one_and_says_why(stack, own):
    assayd, port = own
    assayd.options = 'no-such-option = "x"'
    assayd.reload()
    assert "no-such-option" in assayd.log()
    assert deliver(stack.mta, scenarios.plain("adsp.example"), port)["last"].code == 550


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_restart_under_load_loses_nothing(stack, own, sign):
    assayd, port = own
    senders = Senders(stack, port)
    try:
        for _ in range(3):
            senders.wait(5)
            assayd.stop(sign)
            time.sleep(0.3)
            assayd.start()
        senders.wait(5)
    finally:
        senders.stop()
    assert set(senders.replies) <= {250, 451, 421}, senders.replies
    assert senders.replies[250] == len(senders.accepted)
    assert_all_judged(stack, senders.accepted)


def test_sigterm_finishes_the_running_message(stack, own):
    assayd, port = own
    assayd.findings.update({"spf-temperror": "none", "dmarc-temperror": "none"})
    assayd.dns_port = stack.dns.black_port
    assayd.restart()
    mail = scenarios.plain(f"term-{stack.mta.name}.example")
    result = {}
    thread = threading.Thread(target=lambda: result.update(deliver(stack.mta, mail, port)))
    thread.start()
    # it is under way, and its look-ups time out after more than a second
    wait_for(lambda: stack.dns.was_swallowed(f"term-{stack.mta.name}.example"), "a look-up of the message")
    assert assayd.stop() == 0
    thread.join(30)
    assert result["end"].code == 250, result
    assert scenarios.seen_verdicts(stack.mta.delivered(mail.recipients[0]))["spf"] == "temperror"


def test_dead_resolver_defers_or_accepts_but_never_passes(stack, request):
    dead = stack.dns.black_port
    assayd, port = stack.another_assayd("dead-resolver", dns_port=dead, mode="enforce")
    try:
        mail = scenarios.signed(stack.keys, "pass.example", "rsa")
        last = deliver(stack.mta, mail, port)["last"]
        assert (last.code, last.enhanced) == (451, "4.7.24")
    finally:
        assayd.stop()


def test_memory_returns_to_its_level(stack, own):
    """
    A thousand messages over few connections: growth after warming up stays under 4 MB. AddressSanitizer holds back what was
    freed (256 MiB) with what surrounds it; its leak check sees the rest.
    """
    assayd, port = own
    mail = scenarios.signed(stack.keys, "pass.example", "rsa")

    def send(count):
        with Client(port, mail.client, mail.client_name) as session:
            for _ in range(count):
                mail.recipients = [m.recipient("mem")]
                assert session.send(mail)["end"].code == 250
    send(200)
    before = assayd.rss_bytes()
    for _ in range(4):
        send(200)
    assert assayd.rss_bytes() - before < (600 if os.environ.get("ASSAY_SANITIZED") else 4) << 20
