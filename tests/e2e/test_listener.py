# SPDX-License-Identifier: BSD-2-Clause
"""Policies by listener: its name, a profile that the MTA hands over, AUTH, and single recipients."""
import pytest

from world import mail as m
from world import scenarios
from world.client import deliver

pytestmark = pytest.mark.mta("postfix", "sendmail")

POLICIES = """
policy "base" { template = yes  actions { spf-fail = tag dmarc-reject = none dmarc-reject-corroborated = none adsp-all = none } }
policy "one" { inherits = "base"  recipients = "vip@rcpt.example"  listeners = { "partners", "by-profile" }
	actions { spf-fail = reject } }
policy "partners" { inherits = "base"  listeners = "partners" }
policy "by-profile" { inherits = "one"  listeners = "by-profile"  actions { spf-fail = defer } }
"""


@pytest.fixture(name="listening", scope="module")
def listening_fixture(stack):
    """assayd behind three sockets: one with a name, one with a profile, one with neither."""
    assayd, plain = stack.another_assayd("listening", mode="enforce", policies=POLICIES)
    named = stack.mta.add_listener(assayd.milter, name="partners")
    profile = stack.mta.add_listener(assayd.milter, profile="by-profile")
    yield assayd, {"plain": plain, "partners": named, "by-profile": profile}
    assayd.stop()


def failing(recipient=None):
    mail = scenarios.plain("spffail.example")
    mail.client, mail.client_name = "203.0.113.9", None
    if recipient:
        mail.recipients = [recipient]
    return mail


@pytest.mark.parametrize("port, vip, code", [("plain", False, 550), ("partners", False, 250), ("partners", True, 550),
                                             ("by-profile", False, 451), ("by-profile", True, 550), ("plain", True, 550)])
def test_policy_by_listener(stack, listening, port, vip, code):
    assayd, ports = listening
    mail = failing(f"vip@{m.RECIPIENT_DOMAIN}" if vip else None)
    replies = deliver(stack.mta, mail, ports[port])
    assert replies["last"].code == code if replies["end"] is None else replies["end"].code == code, (replies, assayd.log()[-800:])
