# SPDX-License-Identifier: BSD-2-Clause
"""
Read-ahead below libmilter with real MTAs, by unix socket and by TCP: what they send comes through as it was signed, message after
message in a session, and is not read packet by packet.
"""
import pathlib
import re

import pytest

from house import build
from house.ports import free_port
from world import Assayd, STRICT, delivered_fields, scenarios, sendmail
from world import mail as m
from world.client import Client
from world.processes import tcp_answers, wait_for

pytestmark = pytest.mark.mta("postfix", reason="Sendmail is made here, for it has to reach us by TCP too")

PACKETS = 400       # header fields of each message


class UnixAssayd(Assayd):
    @property
    def sendmail_milter(self):
        """Each MTA has its own way to write it."""
        return self.milter


class TcpAssayd(Assayd):
    """The same on a TCP socket of loopback."""

    def __init__(self, *arguments, **options):
        self.port = free_port()
        super().__init__(*arguments, **options)

    @property
    def milter(self):
        return f"inet:127.0.0.1:{self.port}"

    @property
    def sendmail_milter(self):
        return f"inet:{self.port}@127.0.0.1"

    def write_config(self):
        path = super().write_config()
        text = pathlib.Path(path).read_text(encoding="utf-8")
        text = text.replace(f'socket = "unix:{self.socket}"', f'socket = "inet:{self.port}@127.0.0.1"')
        return self.world.write(self.name + ".conf", text)

    def start(self, wrapper=()):
        self.child = self.world.processes.start(self.name, [*wrapper, self.program(), "-f", "-c", self.write_config()])
        wait_for(lambda: self.world.processes.alive(self.child) and tcp_answers(self.port), "assayd's socket")


def reads(assayd):
    """read() of all kinds without recv(), which libmilter does not know."""
    return int(re.search(r"^syscr: (\d+)", pathlib.Path(f"/proc/{assayd.child.pid}/io").read_text(encoding="ascii"), re.M).group(1))


def signed(stack, number, body):
    """Many fields, a body of several pieces; not a blank may change."""
    mail = scenarios.plain("simple.example")
    extra = b"".join(b"X-Field-%d:%s\r\n" % (i, b" " * (i % 4) + b"y" * (i * number % 90)) for i in range(PACKETS))
    own_name = m.AUTHSERV_ID.encode()
    forged = b"".join(b"Authentication-Results: %s; dkim=pass header.d=f%d.example\r\n" % (own_name, i) for i in range(5))
    mail.data = m.message(mail.mail_from, extra=extra, body=body)
    mail.data = forged + stack.keys.sign(mail.data, "simple.example", "rsa", canonicalize=(b"simple", b"simple"),
                                         headers=m.SIGNED_HEADERS + [b"X-Field-%d" % i for i in range(0, PACKETS, 7)])
    return mail


BODIES = [b"", b"short\r\n", b"0123456789abcdef\r\n" * 60000, b"last\r\n" * 9000]


def check_session(stack, assayd, session):
    before = reads(assayd)
    for number, body in enumerate(BODIES):
        mail = signed(stack, number, body)
        assert session.send(mail)["end"].code == 250
        raw = stack.postfix.delivered(mail.recipients[0])
        assert scenarios.seen_verdicts(raw)["dkim"] == ["pass"]
        assert len(delivered_fields(raw, "Authentication-Results")) == 2      # registered methods, and the others
    if build.has_read_ahead():
        assert reads(assayd) - before < PACKETS     # of four messages with so many packets each, which were two reads each


@pytest.fixture(name="assayd", params=[UnixAssayd, TcpAssayd])
def assayd_fixture(stack, request):
    made = request.param(stack.world, stack.dns.port, name=f"ahead-{request.param.__name__}", mode="enforce", trusted="",
                         findings={**STRICT, "spf-fail": "tag"})
    made.start()
    yield made
    made.stop()


def test_postfix(stack, assayd):
    mail = scenarios.plain("simple.example")
    with Client(stack.postfix.add_service(assayd.milter), mail.client, mail.client_name) as session:
        check_session(stack, assayd, session)


def test_sendmail(stack, assayd):
    reason = sendmail.why_not()
    if reason:
        pytest.skip(reason)
    mta = sendmail.Sendmail(stack.world, stack.postfix.add_service(""), stack.authority, assayd.sendmail_milter,
                            name=f"sendmail-{assayd.name}")
    mta.start()
    try:
        with Client(mta.port, helo="mail.pass.example") as session:
            check_session(stack, assayd, session)
    finally:
        mta.stop()
