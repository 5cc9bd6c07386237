# SPDX-License-Identifier: BSD-2-Clause
"""The same mail under secure, insecure and bogus DNS, through Postfix: three headers, three decisions.

The three domains publish the same SPF record; only the state of their zones differs (dnssec_tree.py).
"""
import os
import shutil

import pytest

import dnssec_tree
from world import World, delivered_fields, scenarios
from world.client import deliver
from world.processes import wait_for

os.environ["PATH"] += ":/usr/sbin"
POLICIES = """
policy "secure-only" {
	reject-only-secure = yes
}
"""
FINDINGS = {"spf-fail": "reject", "dnssec-bogus": "defer"}


@pytest.fixture(scope="module")
def tree(stack):
    for program in ("ldns-signzone", "ldns-keygen"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (scripts/setup installs it)")
    with World(keep=bool(os.environ.get("ASSAY_KEEP"))) as world:
        made = dnssec_tree.Tree(world)
        made.start()
        yield made


@pytest.fixture(scope="module")
def assayds(stack, tree):
    """@return (port with dry-run, port with enforce)"""
    options = {"dns_port": tree.port, "dnssec": "validate", "findings": FINDINGS, "policies": POLICIES,
               "dns_options": f'trust-anchor-files = {{ "{tree.anchor}" }}'}
    dry, dry_port = stack.another_assayd("dnssec-dry", **options)
    enforce, enforce_port = stack.another_assayd("dnssec-enforce", mode="enforce", **options)
    yield dry_port, enforce_port
    dry.stop()
    enforce.stop()


def authres(stack, assayds, domain, client="192.0.2.1"):
    mail = scenarios.plain(domain)
    mail.client, mail.client_name = client, None
    deliver(stack.postfix, mail, assayds[0])
    return delivered_fields(stack.postfix.delivered(mail.recipients[0]), "Authentication-Results")[0]


@pytest.mark.parametrize("domain,result,comment", [
    ("spfsecure.one", "spf=pass", "dnssec: secure"),
    ("spfinsecure.one", "spf=pass", "dnssec: insecure"),
    ("spfbogus.one", "spf=temperror", "dnssec: bogus"),
])
def test_header_tells_the_security(stack, assayds, domain, result, comment):
    value = authres(stack, assayds, domain)
    spf = next(part for part in value.split(";") if "spf=" in part)
    assert result in spf and comment in spf, value


def failing(domain):
    mail = scenarios.plain(domain)
    mail.client, mail.client_name = "203.0.113.9", None
    return mail


def test_secure_fail_is_rejected(stack, assayds):
    replies = deliver(stack.postfix, failing("spfsecure.one"), assayds[1])
    assert (replies["last"].code, replies["last"].enhanced) == (550, "5.7.23"), replies["last"]


def test_insecure_fail_is_quarantined(stack, assayds):
    mail = failing("spfinsecure.one")
    assert deliver(stack.postfix, mail, assayds[1])["end"].code == 250
    wait_for(lambda: stack.postfix.held(mail.recipients[0]), "the message to be on hold")


def test_bogus_evidence_is_deferred(stack, assayds):
    for client in ("203.0.113.9", "192.0.2.1"):     # pass or fail: nobody knows
        mail = failing("spfbogus.one")
        mail.client = client
        last = deliver(stack.postfix, mail, assayds[1])["last"]
        assert last.code == 451 and last.enhanced.startswith("4.7."), last
