# SPDX-License-Identifier: BSD-2-Clause
"""
The caps on header and recipients through real MTAs, which have limits of their own: a forgery just over a cap is refused as one
just under it, an honest message is delivered, and the log names limit-exceeded. Each other cap: tests/flow/test_caps.py.
"""
import pytest

from world import delivered_fields, scenarios
from world import mail as m
from world.client import deliver
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

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


@pytest.fixture(name="behind", scope="module")
def behind_fixture(stack):
    assayd, port = stack.another_assayd("caps", mode="enforce", findings=FINDINGS, options=LIMITS)
    yield assayd, port
    assayd.stop()


def last_findings(assayd, before):
    """Of the message judged since the log had that length."""
    wait_for(lambda: " findings=" in assayd.log()[before:], "the message in the log")
    return assayd.log()[before:].rpartition(" findings=")[2].split()[0]


@pytest.mark.parametrize("over", [None, *sorted(OVER)])
def test_forgery_past_a_cap_is_refused(stack, behind, over):
    assayd, port = behind
    before = len(assayd.log())
    end = deliver(stack.mta, letter("ceo@reject.example", over), port)["end"]
    assert (end.code, end.enhanced) == (550, "5.7.26"), end
    assert ("limit-exceeded" in last_findings(assayd, before)) == (over is not None)


@pytest.mark.parametrize("over", [None, *sorted(OVER)])
def test_honest_message_past_a_cap_is_delivered(stack, behind, over):
    assayd, port = behind
    before = len(assayd.log())
    mail = letter("news@pass.example", over)
    assert deliver(stack.mta, mail, port)["end"].code == 250
    for recipient in mail.recipients:
        assert delivered_fields(stack.mta.delivered(recipient), "From") == [" <news@pass.example>"]
    assert ("limit-exceeded" in last_findings(assayd, before)) == (over is not None)


@pytest.mark.parametrize("octets", [20, 1200])
def test_long_sender_does_not_shed_spf(stack, behind, octets):
    """Postfix takes a local part of any length that fits into its line; SPF's macros do not. To Sendmail 1200 are no address."""
    mail = letter("joe@other.example", None)
    mail.mail_from, mail.client, mail.client_name = "j" * octets + "@spffail.example", "203.0.113.9", None
    last = deliver(stack.mta, mail, behind[1])["last"]
    by_sendmail = stack.mta.name == "sendmail" and octets > 256
    assert (last.code, last.enhanced) == ((553, "5.1.0") if by_sendmail else (550, "5.7.23")), last
