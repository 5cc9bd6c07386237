# SPDX-License-Identifier: BSD-2-Clause
"""
The same forged message to two customers of different policy in one transaction, through a real MTA: refused to one at RCPT and
delivered tagged to the other; at the end of the message by either rule; and an author whom an earlier policy protects.
"""
import re

import pytest

from world import delivered_fields, scenarios
from world import mail as m
from world.client import deliver

pytestmark = pytest.mark.mta("postfix", "sendmail")

FINDINGS = {"spf-fail": "none", "dmarc-reject": "none", "dmarc-reject-corroborated": "none"}
PARTNER = """policy partner {
	author-domains = "pass.example"
	actions { spf-fail = tag dmarc-reject = tag dmarc-reject-corroborated = tag }
}
"""
POLICIES = """{before}
policy gold {{ recipient-domains = "rcpt.example" actions {{ {gold} }} }}
policy silver {{ recipient-domains = "lenient.example" actions {{ {silver} }} }}
"""
AT_RCPT = ("spf-fail",)
AT_END = ("dmarc-reject", "dmarc-reject-corroborated")


def forged(domain="reject.example"):
    """@return (mail, gold recipient, silver recipient), from a host of somebody else."""
    mail = scenarios.plain(domain)
    mail.client, mail.client_name = "203.0.113.9", None
    gold, silver = m.recipient("gold"), m.recipient("silver").replace(m.RECIPIENT_DOMAIN, "lenient.example")
    mail.recipients = [gold, silver]
    return mail, gold, silver


def results(raw):
    return " ".join(" ".join(value.split()) for value in delivered_fields(raw, "Authentication-Results"))


def logged(assayd, mail):
    """The last line of that message, as words."""
    return [line for line in assayd.log().splitlines() if f"from=<{mail.mail_from}>" in line][-1].split()


@pytest.fixture(name="customers", scope="module")
def fixture_customers(stack):
    """A function (rule, findings, what stands before) → (assayd, port)."""
    made = {}

    def make(rule, findings, before=""):
        key = rule, findings, before
        if key not in made:
            gold, silver = (" ".join(f"{finding} = {action}" for finding in findings) for action in ("reject", "tag"))
            made[key] = stack.another_assayd(f"several{len(made)}", mode="enforce", findings=FINDINGS,
                                             policies=POLICIES.format(before=before, gold=gold, silver=silver),
                                             options=f"several-recipients = {rule}")
        return made[key]

    yield make
    for assayd, _ in made.values():
        assayd.stop()


def test_refused_to_one_and_delivered_tagged_to_the_other(stack, customers):
    assayd, port = customers("strictest", AT_RCPT)
    mail, gold, silver = forged()
    replies = deliver(stack.mta, mail, port)
    assert (replies[gold].code, replies[gold].enhanced) == (550, "5.7.23")
    assert (replies[silver].code, replies["end"].code) == (250, 250)
    assert re.search(r"\(?tag: spf-fail", results(stack.mta.delivered(silver)))
    assert stack.mta.delivered_now(gold) is None
    lines = [line for line in assayd.log().splitlines() if f"from=<{mail.mail_from}>" in line]
    assert len(lines) == 2 and "policy=gold" in lines[0] and "decision=reject" in lines[0] and f"rcpt=<{gold}>" in lines[0]
    assert "policy=silver" in lines[1] and "decision=tag" in lines[1]


def test_strictest_at_the_end(stack, customers):
    assayd, port = customers("strictest", AT_END)
    mail, gold, silver = forged()
    replies = deliver(stack.mta, mail, port)
    assert [replies[name].code for name in (gold, silver, "end")] == [250, 250, 550]
    assert {"policy=gold", "policies=2", "rule=strictest", "decision=reject"} <= set(logged(assayd, mail))
    assert stack.mta.delivered_now(silver) is None
    # alone the other customer gets it
    mail, _, silver = forged()
    mail.recipients = [silver]
    assert deliver(stack.mta, mail, port)["end"].code == 250
    assert "tag: dmarc-reject" in results(stack.mta.delivered(silver))


def test_most_lenient_at_the_end(stack, customers):
    assayd, port = customers("lenient", AT_END)
    mail, gold, silver = forged()
    assert deliver(stack.mta, mail, port)["end"].code == 250
    for address in (gold, silver):
        assert re.search(r"tag: dmarc-reject[a-z-]*; policy silver, the most lenient of 2", results(stack.mta.delivered(address)))
    assert {"policy=silver", "policies=2", "rule=lenient", "decision=tag"} <= set(logged(assayd, mail))
    # alone the stricter customer does not
    mail, gold, _ = forged()
    mail.recipients = [gold]
    assert deliver(stack.mta, mail, port)["end"].code == 550


def test_author_whom_an_earlier_policy_protects(stack, customers):
    _, port = customers("strictest", AT_RCPT, before=PARTNER)
    mail, gold, _ = forged("pass.example")
    replies = deliver(stack.mta, mail, port)
    assert (replies[gold].code, replies["end"].code) == (250, 250)
    assert "tag: " in results(stack.mta.delivered(gold))
    # of anybody else it is refused all the same, at the end
    mail, gold, silver = forged()
    mail.recipients = [gold]
    replies = deliver(stack.mta, mail, port)
    assert (replies[gold].code, replies["end"].code, replies["end"].enhanced) == (250, 550, "5.7.23")
