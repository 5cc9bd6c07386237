# SPDX-License-Identifier: BSD-2-Clause
"""One private mail world for the whole run: DNS, Postfix, and assayd twice (dry-run and enforce)."""
import os

import pytest

import dnssec_tree
from house import needs
from world import Assayd, Dns, Keys, Postfix, World, scenarios


class Stack:
    """dns, keys, authority, postfix; dry and enforce: (assayd, port of the smtpd in front of it)."""

    def __init__(self, world):
        self.world, self.dns, self.keys = world, Dns(world), Keys()
        scenarios.publish(self.dns, self.keys)
        publish_extra(self.dns, self.keys)
        self.dns.start()
        self.dry = Assayd(world, self.dns.port, name="dry")
        self.enforce = Assayd(world, self.dns.port, mode="enforce", policies=POLICIES, name="enforce")
        self.dry.start()
        self.enforce.start()
        self.postfix = Postfix(world, self.dry.milter)
        self.authority = self.postfix.authority
        self.dry_port = self.postfix.plain
        self.enforce_port = self.postfix.add_service(self.enforce.milter)
        self.postfix.start()

    def another_assayd(self, name, **options):
        """@return (assayd, port); the caller stops it."""
        assayd = Assayd(self.world, options.pop("dns_port", self.dns.port), name=name, **options)
        assayd.start()
        return assayd, self.postfix.add_service(assayd.milter)

    def report_world(self, name):
        """(database, sendmail) for an assayd that reports by mail: a directory NAME with the sendmail command of this Postfix."""
        directory = self.world.path(name)
        os.makedirs(directory)
        sendmail = os.path.join(directory, "sendmail")
        with open(sendmail, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nexec /usr/sbin/sendmail -C {self.postfix.config} "$@"\n')
        os.chmod(sendmail, 0o755)
        return os.path.join(directory, "assay.db"), sendmail


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


@pytest.fixture(scope="session")
def stack():
    if os.geteuid() != 0:
        pytest.skip("needs root: Postfix starts as root")
    needs.programs("postfix", "nsd", "unbound")
    with World() as world:
        yield Stack(world)


@pytest.fixture(scope="module")
def tree():
    """A signed tree of zones behind NSD and a non-validating Unbound."""
    with dnssec_tree.started() as made:
        yield made
