# SPDX-License-Identifier: BSD-2-Clause
"""
One private mail world for the whole run: DNS, assayd twice (dry-run and enforce), Postfix in front of them and, for tests that ask for
it, Sendmail. What a test says by the marker `mta` is told in tests/README.md.
"""
import os
import shlex

import pytest

import dnssec_tree
from house import needs
from world import Assayd, Dns, Keys, Postfix, World, scenarios, sendmail_mta


MTAS = ("postfix", "sendmail")


class Stack:
    """
    dns, keys, authority; mta: as world/mta.py has it; dry and enforce: assayd, with dry_port and enforce_port the listeners in front
    of them. postfix: the same as mta, where that is Postfix.
    """

    def __init__(self, world):
        self.world, self.dns, self.keys = world, Dns(world), Keys()
        scenarios.publish(self.dns, self.keys)
        publish_extra(self.dns, self.keys)
        self.dns.start()
        self._start_assayds()
        self.mta = self.postfix = Postfix(world, self.dry.milter)
        self.authority = self.postfix.authority
        self._listen()

    def _start_assayds(self):
        self.dry = Assayd(self.world, self.dns.port, name="dry")
        self.enforce = Assayd(self.world, self.dns.port, mode="enforce", policies=POLICIES, name="enforce")
        self.dry.start()
        self.enforce.start()

    def _listen(self):
        self.dry_port = self.mta.plain
        self.enforce_port = self.mta.add_service(self.enforce.milter)
        self.mta.start()

    def another_assayd(self, name, **options):
        """@return (assayd, port); the caller stops it."""
        assayd = Assayd(self.world, options.pop("dns_port", self.dns.port), name=name, **options)
        assayd.start()
        return assayd, self.mta.add_service(assayd.milter)

    def report_world(self, name):
        """(database, sendmail) for an assayd that reports by mail: a directory NAME with the sendmail command of this MTA."""
        directory = self.world.path(name)
        os.makedirs(directory)
        sendmail = os.path.join(directory, "sendmail")
        with open(sendmail, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nexec {shlex.join(self.mta.sendmail_command())} "$@"\n')
        os.chmod(sendmail, 0o755)
        return os.path.join(directory, "assay.db"), sendmail


class SendmailStack(Stack):
    """
    The same with the same DNS and keys, behind Sendmail, in a directory of its own. There is no postfix in it: a test that names it
    is not one for both.
    """

    def __init__(self, world, stack):  # pylint: disable=super-init-not-called
        self.world, self.dns, self.keys, self.authority = world, stack.dns, stack.keys, stack.authority
        self._start_assayds()
        self.mta = sendmail_mta.SendmailMta(world, self.dry.milter, self.authority)
        self._listen()


POLICIES = """
policy "lenient" {
	recipient-domains = { "lenient.example" }
	actions {
		spf-fail = none
		dmarc-reject-corroborated = tag
		dmarc-reject = tag
	}
}
policy "by-network" {
	client-networks = { "203.0.113.200/32" }
	actions {
		spf-fail = defer
	}
}
policy "by-author" {
	author-domains = { "author.example" }
	actions {
		dkim-none = reject
	}
}
"""


def publish_extra(dns, keys):
    for domain in ("author.example", "simple.example", "big.example"):
        dns.add(domain, "TXT", "v=spf1 ip4:192.0.2.1 -all")
        dns.add(domain, "A", "192.0.2.1")
        keys.publish_rsa(dns, domain)
    keys.publish_rsa(dns, "simple.example", "weak", bits=1024)
    # wants reports, at an address of another organization, which agrees, and at one that does not
    dns.add("reported.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    dns.add("_dmarc.reported.example", "TXT", "v=DMARC1; p=reject; rua=mailto:dmarc-in@rcpt.example,mailto:dmarc-in@lenient.example")
    dns.add("reported.example._report._dmarc.rcpt.example", "TXT", "v=DMARC1")
    keys.publish_rsa(dns, "reported.example")
    # the same for failure reports
    dns.add("failing.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    dns.add("_dmarc.failing.example", "TXT", "v=DMARC1; p=none; ruf=mailto:failures@rcpt.example,mailto:failures@lenient.example")
    dns.add("failing.example._report._dmarc.rcpt.example", "TXT", "v=DMARC1")
    dns.add("xn--bcher-kva.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    dns.add("xn--bcher-kva.example", "A", "192.0.2.1")
    dns.add("_dmarc.xn--bcher-kva.example", "TXT", "v=DMARC1; p=reject")
    keys.publish_rsa(dns, "xn--bcher-kva.example")
    dns.add("explain.example", "TXT", "v=spf1 -all exp=why.explain.example")
    dns.add("why.explain.example", "TXT", "%{i} is not one of ours")


def pytest_generate_tests(metafunc):
    """The marker nearest to the test says which MTAs it runs with; fewer than all need a reason. Without one: Postfix."""
    marker = metafunc.definition.get_closest_marker("mta")
    if marker is None:
        return
    if not marker.args or set(marker.args) - set(MTAS) or (set(marker.args) != set(MTAS) and not marker.kwargs.get("reason")):
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: mta({', '.join(map(repr, MTAS))}), or one of them and reason=")
    if "stack" in metafunc.fixturenames:
        metafunc.parametrize("stack", marker.args, indirect=True, scope="module")


@pytest.fixture(scope="session")
def postfix_stack():
    if os.geteuid() != 0:
        pytest.skip("needs root: Postfix starts as root")
    needs.programs("postfix", "nsd", "unbound")
    with World() as world:
        yield Stack(world)


@pytest.fixture(scope="session")
def sendmail_stack(postfix_stack):
    reason = sendmail_mta.why_not()
    if reason:
        pytest.skip(reason)
    with World() as world:
        yield SendmailStack(world, postfix_stack)


@pytest.fixture(scope="session")
def stack(request):
    return request.getfixturevalue(getattr(request, "param", "postfix") + "_stack")


@pytest.fixture(scope="module")
def tree():
    """A signed tree of zones behind NSD and a non-validating Unbound."""
    with dnssec_tree.started() as made:
        yield made
