# SPDX-License-Identifier: BSD-2-Clause
"""
DNS goes away and comes back, behind real Postfix in enforce mode: what becomes of forgeries and of honest mail, by policy, and
what the log says: once when it begins, once when it is over, and with how many messages.
"""
import re

import pytest

from world import Assayd, scenarios
from world.client import deliver
from world.dns import DelayProxy
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

ATTACKER = "203.0.113.9"
REJECT = {"dmarc-reject": "reject", "dmarc-reject-corroborated": "reject"}
BY_AUTHOR = """
policy "ours" {
	author-domains = { "pass.example" }
	dns-outage = defer
}
"""


class Switch(DelayProxy):
    """A recursive server that can be silenced, for all names or for some."""

    def __init__(self, world, upstream_port):
        self.silent_for = None
        super().__init__(world, upstream_port, 0)

    def arrived(self, question):
        return b"" if self.silent_for is not None and self.silent_for(question) else None


@pytest.fixture(name="make")
def make_fixture(stack):
    """A function that gives (switch, assayd, port)."""
    made = []

    def make(name, **settings):
        switch = Switch(stack.world, stack.dns.port)
        settings.setdefault("findings", REJECT)
        settings["options"] = settings.get("options", "") + "\nlimits { dns-deadline = 5s }"
        assayd, port = stack.another_assayd("outage-" + name, dns_port=switch.port, mode="enforce", dns_timeout="150ms", **settings)
        made.append((assayd, switch))
        return switch, assayd, port

    yield make
    for assayd, switch in made:
        assayd.stop()
        switch.close()


def forged(domain="pass.example"):
    mail = scenarios.plain(domain)
    mail.mail_from, mail.client, mail.client_name, mail.helo = f"x@{domain}", ATTACKER, None, "mail.attacker.example"
    return mail


def lines(assayd, word):
    return [line for line in assayd.log().splitlines() if re.search(rf"warning: {word}|resolver: ", line) and word in line]


def end_of(stack, mail, port):
    replies = deliver(stack.mta, mail, port)
    return replies["end"] or replies["last"]


@pytest.mark.parametrize("outage, code", [("accept", 250), ("defer", 451)])
def test_outage_is_told_once_and_its_end(stack, make, outage, code):
    switch, assayd, port = make(outage, options=f"dns-outage = {outage}")
    assert end_of(stack, forged(), port).code == 550
    switch.silent_for = lambda question: True
    for i in range(4):
        assert end_of(stack, forged(f"d{i}.pass.example"), port).code == code
    wait_for(lambda: lines(assayd, "has answered nothing"), "the outage to be told")
    affected = 3
    for i in range(affected):
        mail = forged(f"e{i}.pass.example")
        end = end_of(stack, mail, port)
        assert (end.code, end.enhanced) == (code, {250: "2.0.0", 451: "4.7.26"}[code]), end
    assert "dns-unavailable" in assayd.log().splitlines()[-1]
    switch.silent_for = None
    wait_for(lambda: lines(assayd, "it answers again"), "the end to be told")
    began, ended = lines(assayd, "has answered nothing"), lines(assayd, "it answers again")
    assert len(began) == len(ended) == 1, assayd.log()
    assert f"127.0.0.1@{switch.port} has answered nothing for " in began[0]
    assert int(re.search(r"(\d+) messages could not be judged", ended[0]).group(1)) >= affected, ended
    wait_for(lambda: end_of(stack, forged(), port).code == 550, "forgeries to be refused again")


def test_policy_of_some_authors_defers_and_other_mail_flows(stack, make):
    switch, _, port = make("author", policies=BY_AUTHOR)
    switch.silent_for = lambda question: True
    assert end_of(stack, forged(), port).code == 451
    assert end_of(stack, forged("author.example"), port).code == 250


def test_silence_of_one_domain_is_no_outage(stack, make):
    """Its mail is deferred where a forgery would be refused; the log does not speak of the resolver."""
    switch, assayd, port = make("silent", options="dns-outage = defer")
    switch.silent_for = lambda question: b"\x04pass" in question
    for _ in range(2):
        assert end_of(stack, forged(), port).code == 451
    assert end_of(stack, forged("author.example"), port).code == 250
    assert not lines(assayd, "has answered nothing") and "dns-unavailable" not in assayd.log()


def test_dry_run_tells_what_would_be_deferred(stack, make):
    switch, assayd, port = make("dry", options="dns-outage = defer", policies='policy "dry" { mode = dry-run }')
    switch.silent_for = lambda question: True
    mail = forged()
    assert end_of(stack, mail, port).code == 250
    stack.mta.delivered(mail.recipients[0])
    wait_for(lambda: "decision=defer" in assayd.log(), "the line about it")
