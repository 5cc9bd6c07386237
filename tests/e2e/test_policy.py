# SPDX-License-Identifier: BSD-2-Clause
"""Policies of several recipients, trusted clients, quarantine, deferral, mail that never came by SMTP."""
import re

import pytest

from world import delivered_fields, scenarios
from world import mail as m
from world.client import Client, deliver, tls_context
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")


def spf_failing(domain="spffail.example"):
    mail = scenarios.plain(domain)
    mail.client, mail.client_name = "203.0.113.9", None
    return mail


def test_each_recipient_has_its_own_policy_at_rcpt(stack):
    mail = spf_failing()
    strict, lenient = mail.recipients[0], m.recipient("l").replace(m.RECIPIENT_DOMAIN, "lenient.example")
    mail.recipients = [strict, lenient]
    replies = deliver(stack.mta, mail, stack.enforce_port)
    assert (replies[strict].code, replies[strict].enhanced) == (550, "5.7.23")
    assert replies[lenient].code == 250
    assert replies["end"].code == 250
    stack.mta.delivered(lenient)
    assert stack.mta.delivered_now(strict) is None


def test_strictest_recipient_counts_at_end_of_message(stack):
    mail = scenarios.plain("adsp.example")
    mail.recipients = [m.recipient("l").replace(m.RECIPIENT_DOMAIN, "lenient.example"), m.recipient()]
    end = deliver(stack.mta, mail, stack.enforce_port)["end"]
    assert (end.code, end.enhanced) == (550, "5.7.22")


def test_policy_by_author_domain(stack):
    mail = scenarios.plain("author.example")
    end = deliver(stack.mta, mail, stack.enforce_port)["end"]
    assert (end.code, end.enhanced) == (550, "5.7.20")
    signed = scenarios.signed(stack.keys, "author.example", "rsa")
    assert deliver(stack.mta, signed, stack.enforce_port)["end"].code == 250


def test_policy_by_network_defers_with_4xx(stack):
    mail = spf_failing()
    mail.client = "203.0.113.200"
    replies = deliver(stack.mta, mail, stack.enforce_port)
    assert replies["last"].code == 451 and replies["last"].enhanced.startswith("4.7."), replies["last"]
    assert replies["end"] is None


def test_trusted_network_is_not_judged(stack):
    mail = spf_failing("reject.example")
    mail.client = "198.51.100.7"
    assert deliver(stack.mta, mail, stack.enforce_port)["end"].code == 250
    verdicts = scenarios.seen_verdicts(stack.mta.delivered(mail.recipients[0])) or {}
    assert "fail" not in verdicts.values()


def test_quarantined_message_keeps_its_header_and_can_be_released(stack):
    mail = scenarios.plain("quarantine.example")
    mail.mail_from = "bounce@other.example"
    deliver(stack.mta, mail, stack.enforce_port)
    address = mail.recipients[0]
    wait_for(lambda: stack.mta.held(address), "the message to be on hold")
    queue_id = stack.mta.queue_id_of(address)
    held = stack.mta.queued_message(queue_id)
    assert b"dmarc=fail" in held.replace(b"\n", b" ")
    stack.mta.release(queue_id)
    raw = stack.mta.delivered(address)
    assert scenarios.seen_verdicts(raw)["dmarc"] == "fail"


@pytest.mark.mta("sendmail", reason="Postfix logs it from 3.10 on: test_tls_hybrid.py")
def test_quarantine_is_logged_with_our_reason(stack):
    mail = scenarios.plain("quarantine.example")
    mail.mail_from = "bounce@other.example"
    reply = deliver(stack.mta, mail, stack.enforce_port)["end"]
    line = wait_for(lambda: next((line for line in stack.mta.log().splitlines()
                                  if f"{reply.queue_id}: " in line and "quarantine=" in line and "milter=" in line), None), "the log")
    assert "dmarc-quarantine" in line


def test_local_submission_is_not_judged(stack):
    address = m.recipient("local")
    stack.mta.submit_local("root@reject.example", address, m.message("root@reject.example"))
    verdicts = scenarios.seen_verdicts(stack.mta.delivered(address)) or {}
    assert "fail" not in verdicts.values() and "softfail" not in verdicts.values()


def test_authenticated_client_is_exempt_in_enforce_mode(stack):
    port = stack.mta.add_service(stack.enforce.milter)
    mail = spf_failing("reject.example")
    mail.tls, mail.login = True, ("alice", "wonderland")
    assert deliver(stack.mta, mail, port)["end"].code == 250
    raw = stack.mta.delivered(mail.recipients[0])
    _, results = m.parse_authres(delivered_fields(raw, "Authentication-Results")[0])
    assert results["auth"][0]["result"] == "pass"
    assert results["auth"][0]["properties"]["smtp.auth"] == "alice"


def test_second_message_of_a_session_is_judged_by_itself(stack):
    good = scenarios.signed(stack.keys, "pass.example", "rsa")
    bad = scenarios.plain("adsp.example")
    again = scenarios.signed(stack.keys, "two.example", "rsa", "ed")
    with Client(stack.enforce_port, "192.0.2.1", "mail.pass.example", tls=tls_context()) as session:
        assert session.send(good)["end"].code == 250
        assert session.send(bad)["end"].code == 550
        session.smtp.mail("news@pass.example")
        session.smtp.rset()
        assert session.send(again)["end"].code == 250
    assert scenarios.seen_verdicts(stack.mta.delivered(again.recipients[0]))["dkim"] == ["pass", "pass"]


def test_size_of_a_body_that_nobody_reads(stack):
    mail = scenarios.plain("other.example")
    for size in (300, 300_000):
        mail.mail_from = f"size{size}@other.example"
        mail.data = m.message(mail.mail_from, body=b"") + b"".join([b"y" * 98 + b"\r\n"] * (size // 100))
        mail.recipients = [m.recipient()]
        assert deliver(stack.mta, mail, stack.enforce_port)["end"].code == 250
        stack.mta.delivered(mail.recipients[0])
        logged, = re.findall(rf"from=<{mail.mail_from}> .*? (bytes\w*)=(\d+) ", stack.enforce.log())
        # the header comes without the blank line behind it
        assert logged == ("bytes", str(len(mail.data) - 2))
