# SPDX-License-Identifier: BSD-2-Clause
"""
The caps on header and recipients through real MTAs, which have limits of their own: a forgery just over a cap is refused as one
just under it, an honest message is delivered, and the log names limit-exceeded. Each other cap: tests/flow/test_caps.py.
"""
import pytest

from world import Assayd, delivered_fields, scenarios, sendmail
from world import mail as m
from world.client import Client, deliver
from world.processes import wait_for

FIELDS, BYTES, RECIPIENTS = 100, 16384, 3
LIMITS = f"limits {{ max-header-fields = {FIELDS} max-header-size = {BYTES} max-recipients = {RECIPIENTS} }}"
FINDINGS = {"dmarc-reject": "reject", "dmarc-reject-corroborated": "reject", "spf-fail": "reject", "from-invalid": "none"}
OVER = {
    "fields": lambda mail: junk(mail, b"X-Many: y\r\n" * (FIELDS + 1)),
    "size": lambda mail: junk(mail, b"X-Long: " + b"y" * 900 + b"\r\n", BYTES // 900 + 2),
    "recipients": lambda mail: mail.recipients.extend(m.recipient("caps") for _ in range(RECIPIENTS)),
}


def junk(mail, field, times=1):
    mail.data = field * times + mail.data


def letter(author, over):
    mail = scenarios.plain("pass.example")
    mail.data = mail.data.replace(b"<news@pass.example>", b"<%s>" % author.encode(), 1)
    if over is not None:
        OVER[over](mail)
    return mail


@pytest.fixture(name="behind_postfix", scope="module")
def behind_postfix_fixture(stack):
    assayd, port = stack.another_assayd("caps", mode="enforce", findings=FINDINGS, options=LIMITS)
    yield assayd, port
    assayd.stop()


@pytest.fixture(name="behind_sendmail", scope="module")
def behind_sendmail_fixture(stack):
    if sendmail.why_not():
        pytest.skip(sendmail.why_not())
    assayd = Assayd(stack.world, stack.dns.port, name="caps-sendmail-assayd", mode="enforce", trusted="", options=LIMITS,
                    findings={**FINDINGS, "spf-fail": "none"})
    assayd.start()
    mta = sendmail.Sendmail(stack.world, stack.postfix.add_service(""), stack.authority, assayd.milter, name="caps-sendmail")
    mta.start()
    yield assayd, mta
    mta.stop()
    assayd.stop()


def last_findings(assayd, before):
    """Of the message judged since the log had that length."""
    wait_for(lambda: " findings=" in assayd.log()[before:], "the message in the log")
    return assayd.log()[before:].rpartition(" findings=")[2].split()[0]


@pytest.mark.parametrize("over", [None, *sorted(OVER)])
def test_postfix_forgery_past_a_cap_is_refused(stack, behind_postfix, over):
    assayd, port = behind_postfix
    before = len(assayd.log())
    end = deliver(stack.postfix, letter("ceo@reject.example", over), port)["end"]
    assert (end.code, end.enhanced) == (550, "5.7.26"), end
    assert ("limit-exceeded" in last_findings(assayd, before)) == (over is not None)


@pytest.mark.parametrize("over", [None, *sorted(OVER)])
def test_postfix_honest_message_past_a_cap_is_delivered(stack, behind_postfix, over):
    assayd, port = behind_postfix
    before = len(assayd.log())
    mail = letter("news@pass.example", over)
    assert deliver(stack.postfix, mail, port)["end"].code == 250
    for recipient in mail.recipients:
        assert delivered_fields(stack.postfix.delivered(recipient), "From") == [" <news@pass.example>"]
    assert ("limit-exceeded" in last_findings(assayd, before)) == (over is not None)


@pytest.mark.parametrize("over", [None, *sorted(OVER)])
def test_sendmail_forgery_past_a_cap_is_refused(behind_sendmail, over):
    assayd, mta = behind_sendmail
    before = len(assayd.log())
    mail = letter("ceo@reject.example", over)
    with Client(mta.port, helo=mail.helo) as session:
        end = session.send(mail)["end"]
    assert (end.code, end.enhanced) == (550, "5.7.26"), end
    assert ("limit-exceeded" in last_findings(assayd, before)) == (over is not None)


@pytest.mark.parametrize("octets", [20, 1200])
def test_postfix_long_sender_does_not_shed_spf(stack, behind_postfix, octets):
    """Postfix takes a local part of any length that fits into its line; SPF's macros do not."""
    mail = letter("joe@other.example", None)
    mail.mail_from, mail.client, mail.client_name = "j" * octets + "@spffail.example", "203.0.113.9", None
    last = deliver(stack.postfix, mail, behind_postfix[1])["last"]
    assert (last.code, last.enhanced) == (550, "5.7.23"), last
