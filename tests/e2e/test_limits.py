# SPDX-License-Identifier: BSD-2-Clause
"""
Fewer descriptors or threads than the MTA has sessions: what is judged is judged as ever, the rest is put off, the log tells of it
once when it begins and once when it is over.
"""
import collections
import json
import os
import re
import socket
import threading

import pytest

from world import Assayd, DelayProxy, scenarios
from world.client import Client
from world.processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.mta("postfix", "sendmail")]
SESSIONS = 120
ONLY_DMARC = {"dmarc-reject": "reject", "dmarc-reject-corroborated": "reject", "spf-fail": "none", "spf-temperror": "none",
              "dmarc-temperror": "none", "adsp-discardable": "none"}


def forgery(number):
    """Of a name of its own below reject.example, so that its look-ups are in no cache."""
    mail = scenarios.plain(f"n{number}.reject.example")
    mail.mail_from = f"bounce@n{number}.other.example"
    mail.client, mail.client_name = "203.0.113.9", None
    return mail


class Crowd:
    """So many clients at once, each with one forgery; every reply is counted."""

    def __init__(self, port, count, first):
        self.port, self.replies, self.lock = port, collections.Counter(), threading.Lock()
        self.connected = threading.Barrier(count)
        self.threads = [threading.Thread(target=self.run, args=(first + number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(300)

    def run(self, number):
        mail = forgery(number)
        try:
            with Client(self.port, mail.client, mail.client_name) as session:
                try:
                    self.connected.wait(20)     # all of them have a session of the milter's, or were refused one
                except threading.BrokenBarrierError:
                    pass
                reply = session.send(mail)["last"].code
        except (OSError, RuntimeError) as error:
            reply = 451 if re.search(r"\b4[25]1\b", str(error)) else str(error)
        with self.lock:
            self.replies[reply] += 1


def limited(stack, name, *wrapper, dns_port, **options):
    assayd = Assayd(stack.world, dns_port, name=name, mode="enforce", findings=ONLY_DMARC, dns_timeout="8s", **options)
    assayd.start(wrapper)
    return assayd, stack.mta.add_service(assayd.milter)


@pytest.fixture(name="slow", scope="module")
def slow_fixture(stack):
    """A resolver at a distance: each look-up holds its socket for a while."""
    stack.mta.allow_sessions(200)
    proxy = DelayProxy(stack.world, stack.dns.port, 0.1)
    yield proxy.port
    proxy.close()
    stack.mta.allow_sessions(100)


def told(assayd, what):
    return [line for line in assayd.log().splitlines() if line.startswith("warning: " + what)]


@pytest.mark.parametrize("descriptors", [64, 100, 150])
def test_few_descriptors_let_no_forgery_pass(stack, slow, descriptors):
    record = f'record {{ path = "{stack.world.path(f"limits-{descriptors}")}/assay.db" }}'
    assayd, port = limited(stack, f"limits-{descriptors}", "prlimit", f"--nofile={descriptors}", dns_port=slow, options=record)
    try:
        crowd = Crowd(port, SESSIONS, descriptors * 1000)
        print(f"{descriptors} descriptors: {dict(crowd.replies)}")
        assert set(crowd.replies) == {550, 451}, crowd.replies
        log = assayd.log()
        assert "=temperror" not in log and "dmarc=fail" in log
        assert f"limit of {descriptors}" in told(assayd, "descriptors: ")[0]
        assert len(told(assayd, "sessions: ")) == 1 and "Too many open files" not in log
        assert "notice: store: " in log and not told(assayd, "store: ")
        # nothing is left of it: as many as ever are judged afterwards, one after the other
        for number in range(20):
            mail = forgery(descriptors * 1000 + 500 + number)
            with Client(port, mail.client, mail.client_name) as session:
                assert session.send(mail)["last"].code == 550
        wait_for(lambda: len(told(assayd, "sessions: ")) == 2, "the end to be told", 40)
        count = int(re.search(r"(\d+) sessions were put off", told(assayd, "sessions: ")[1]).group(1))
        assert "there is room again" in told(assayd, "sessions: ")[1] and count > 0
    finally:
        assert assayd.stop() == 0


@pytest.mark.skipif("ASSAY_SANITIZED" in os.environ, reason="sanitizers need more address space than there is")
@pytest.mark.parametrize("space", [120, 400])
def test_little_address_space_lets_no_forgery_pass(stack, slow, space):
    assayd, port = limited(stack, f"limits-space-{space}", "prlimit", f"--as={space << 20}", dns_port=slow)
    try:
        crowd = Crowd(port, SESSIONS, space * 100000)
        # all of Sendmail's sessions are there at once, and what has no room is put off; Postfix starts its own one after the other
        assert {550} <= set(crowd.replies) <= ({550} if stack.mta.name == "postfix" else {550, 451}), crowd.replies
        assert "=temperror" not in assayd.log()
    finally:
        assert assayd.stop() == 0


def test_max_sessions_puts_off_what_is_over(stack, slow):
    status = stack.world.path("limits-max") + "/status.sock"
    assayd, port = limited(stack, "limits-max", dns_port=slow, options=f'max-sessions = 3\nstatus-socket = "{status}"')
    held = []
    try:
        for _ in range(3):      # the session by which the test saw that Postfix is up may not be over
            held.append(wait_for(lambda: opened(port), "a session to be admitted"))
        mail = forgery(1)
        for session in held:
            assert session.send(mail)["last"].code == 550
        with Client(port, mail.client, mail.client_name) as fourth:
            assert fourth.send(mail)["last"].code == 451
        assert "max-sessions" in told(assayd, "sessions: ")[0]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(status)
            outages = json.loads(client.makefile().read())["outages"]
        assert [(outage["name"], outage["affected"] > 0) for outage in outages] == [("sessions", True)]
        held.pop().quit()
        wait_for(lambda: passes_again(port, mail), "a place to be free")
    finally:
        for session in held:
            session.quit()
        assert assayd.stop() == 0


def opened(port):
    """
    @return a session that assayd serves; None when it was put off. XCLIENT begins the milter's session anew, and the one before
    may not be over then: so MAIL is tried.
    """
    try:
        session = Client(port, "203.0.113.9", None)
    except RuntimeError:    # XCLIENT is refused like all else
        return None
    if session.smtp.mail("")[0] == 250:
        session.smtp.rset()
        return session
    session.quit()
    return None


def passes_again(port, mail):
    session = opened(port)
    if session is None:
        return False
    with session:
        return session.send(mail)["last"].code == 550
