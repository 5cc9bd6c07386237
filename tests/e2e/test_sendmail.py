# SPDX-License-Identifier: BSD-2-Clause
"""The same daemon behind a real Sendmail: other macros ({verify}, queue id at MAIL), other order of callbacks."""
import re
import subprocess

import pytest

from world import Assayd, STRICT, delivered_fields, scenarios, sendmail
from world import mail as m
from world.client import Client, tls_context
from world.processes import wait_for


class Behind:
    """Sendmail in front of an assayd that trusts no network, so that loopback clients are judged."""

    def __init__(self, stack):
        # Sendmail knows no XCLIENT: the client is 127.0.0.1, for which no SPF record passes
        self.assayd = Assayd(stack.world, stack.dns.port, name="behind-sendmail", mode="enforce", trusted="",
                             options=f'status-socket = "{stack.world.path("behind-status.sock")}"',
                             findings={**STRICT, "spf-fail": "tag"})
        self.assayd.start()
        sink = stack.postfix.add_service("")
        self.mta = sendmail.Sendmail(stack.world, sink, stack.authority, self.assayd.milter)
        self.mta.start()


@pytest.fixture(name="behind", scope="module")
def behind_fixture(stack):
    reason = sendmail.why_not()
    if reason:
        pytest.skip(reason)
    behind = Behind(stack)
    yield behind
    behind.mta.stop()
    behind.assayd.stop()


def send(behind, mail, **options):
    with Client(behind.mta.port, helo=mail.helo, **options) as session:
        return session.send(mail)


def test_signed_mail_passes(stack, behind):
    mail = scenarios.signed(stack.keys, "two.example", "rsa", "ed")
    assert send(behind, mail)["end"].code == 250
    verdicts = scenarios.seen_verdicts(stack.postfix.delivered(mail.recipients[0]))
    assert verdicts["dkim"] == ["pass", "pass"] and verdicts["dmarc"] == "pass"


def test_simple_canonicalization_survives(stack, behind):
    mail = scenarios.plain("simple.example")
    mail.data = m.message("news@simple.example", extra=b"X-Odd:   three\r\nX-Tab:\tone\r\n", body=b"  a\r\n\r\n\r\n")
    mail.data = stack.keys.sign(mail.data, "simple.example", "rsa", canonicalize=(b"simple", b"simple"),
                                headers=m.SIGNED_HEADERS + [b"X-Odd", b"X-Tab"])
    assert send(behind, mail)["end"].code == 250
    assert scenarios.seen_verdicts(stack.postfix.delivered(mail.recipients[0]))["dkim"] == ["pass"]


def test_rejected_with_code_and_reason(stack, behind):
    mail = scenarios.plain("adsp.example")
    end = send(behind, mail)["end"]
    assert (end.code, end.enhanced) == (550, "5.7.22") and "adsp.example" in end.text


def test_forged_fields_are_removed(stack, behind):
    forged = b"".join(b"Authentication-Results: mx.assay.example; dkim=pass header.d=f%d.example\r\n" % i for i in range(5))
    mail = scenarios.signed(stack.keys, "forged.example", "rsa", extra=forged)
    assert send(behind, mail)["end"].code == 250
    raw = stack.postfix.delivered(mail.recipients[0])
    assert not re.search(rb"header\.d=f\d\.example", raw)
    first, second = delivered_fields(raw, "Authentication-Results")
    assert "dkim=pass" in first and "x-tls=" not in first and "x-tls=" in second
    # side by side, and above Sendmail's own trace
    names = [name for name, _ in m.split_fields(raw)]
    place = names.index("Authentication-Results")
    assert names[place:place + 3] == ["Authentication-Results", "Authentication-Results", "Received"], names


def test_disguised_forged_fields_are_removed(stack, behind):
    texts = ["=?utf-8?q?mx.assay.example?=", "=?utf-8?b?bXguYXNzYXkuZXhhbXBsZQ==?=", "mx..assay.example", "'mx.assay.example'", "mx．assay．example",
             '" mx.assay.example "']
    forged = "".join(f"Authentication-Results: {text}; dkim=pass header.d=f{i}.example\r\n" for i, text in enumerate(texts))
    mail = scenarios.signed(stack.keys, "forged.example", "rsa", extra=forged.encode())
    assert send(behind, mail)["end"].code == 250
    assert not re.search(rb"header\.d=f\d\.example", stack.postfix.delivered(mail.recipients[0]))


@pytest.mark.parametrize("added", [b"Subject: Pay this invoice\r\n", b"To: all@pass.example\r\n", b"From: The Boss <ceo@pass.example>\r\n"])
def test_signature_below_an_added_field_does_not_count(stack, behind, added):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa")
    mail.data = added + mail.data
    mail.mail_from = f"replay-{added[:4].decode().strip(': ').lower()}@pass.example"
    send(behind, mail)
    line = wait_for(lambda: next((line for line in behind.assayd.log().splitlines()
                                  if f"from=<{mail.mail_from}>" in line and "dkim-field-added" in line), None), "the message")
    assert " dkim=pass:pass.example:" in line and " dmarc=fail " in line and "dmarc-reject" in line
    assert " decision=reject " in line or " decision=quarantine " in line


def test_verified_client_certificate_is_told_apart(stack, behind):
    certificate = stack.authority.issue("partner.example")
    mail = scenarios.signed(stack.keys, "tls.example", "rsa")
    assert send(behind, mail, tls=tls_context(*certificate))["end"].code == 250
    raw = stack.postfix.delivered(mail.recipients[0])
    received = [re.sub(r"\s+", " ", v) for v in delivered_fields(raw, "Received") if re.search(r"tls\s+TLS_", v)]
    assert len(received) == 1
    assert "partner.example" in received[0] and re.search(r"verif", received[0], re.I), received[0]


def test_tls_without_certificate(stack, behind):
    mail = scenarios.signed(stack.keys, "tls.example", "rsa")
    assert send(behind, mail, tls=tls_context())["end"].code == 250
    raw = stack.postfix.delivered(mail.recipients[0])
    assert any("tls TLS_" in re.sub(r"\s+", " ", v) for v in delivered_fields(raw, "Received"))


def test_size_of_a_body_that_nobody_reads(stack, behind):
    mail = scenarios.plain("other.example")
    mail.mail_from = "size@other.example"
    mail.data = m.message(mail.mail_from, body=(b"y" * 70 + b"\r\n") * 3000)
    assert send(behind, mail)["end"].code == 250
    stack.postfix.delivered(mail.recipients[0])
    size, = re.findall(r"from=<size@other\.example> .*? bytes=(\d+) ", behind.assayd.log())
    # the header comes without the blank line behind it
    assert int(size) == len(mail.data) - 2, size


def test_setup_check_sends_a_probe(behind, stack):
    """assay setup sendmail: shows lines, writes nothing; --check proves that this Sendmail asks."""
    program = Assayd.program("assay")
    conf = stack.world.path("behind-sendmail.conf")
    shown = subprocess.run([program, "setup", "sendmail", "--config", conf, "--sendmail-cf", behind.mta.cf], check=True,
                           capture_output=True, text=True).stdout
    assert f"INPUT_MAIL_FILTER(`assay', `S=unix:{behind.assayd.socket}," in shown and "names assayd at this socket" in shown
    checked = subprocess.run([program, "setup", "sendmail", "--check", "--config", conf, "--sendmail-cf", behind.mta.cf],
                             check=False, capture_output=True, text=True)
    assert checked.returncode == 0 and f"port {behind.mta.port} asks assayd" in checked.stdout, checked.stdout
    refused = subprocess.run([program, "setup", "sendmail", "--apply"], check=False, capture_output=True, text=True)
    assert refused.returncode == 64 and "nothing is written" in refused.stderr


def test_setup_check_tells_of_a_sendmail_that_does_not_ask(behind, stack):
    other = stack.world.write("other-sendmail.cf", "O DaemonPortOptions=Name=MTA, Port=25\n")
    checked = subprocess.run([Assayd.program("assay"), "setup", "sendmail", "--check", "--config",
                              stack.world.path("behind-sendmail.conf"), "--sendmail-cf", other], check=False,
                             capture_output=True, text=True)
    assert checked.returncode == 69 and f"{other} does not name assayd" in checked.stdout
