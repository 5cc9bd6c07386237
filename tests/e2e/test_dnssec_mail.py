# SPDX-License-Identifier: BSD-2-Clause
"""The same mail under secure, insecure and bogus DNS, through Postfix: three headers, three decisions.

The three domains publish the same SPF record; only the state of their zones differs (dnssec_tree.py).
"""
import contextlib
import json
import subprocess

import pytest

from test_doctor import Relay
from world import Assayd, delivered_fields, scenarios
from world.client import deliver
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

POLICIES = """
policy "secure-only" {
	reject-only-secure = yes
}
"""
FINDINGS = {"spf-fail": "reject", "dnssec-bogus": "defer"}


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
    deliver(stack.mta, mail, assayds[0])
    return delivered_fields(stack.mta.delivered(mail.recipients[0]), "Authentication-Results")[0]


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
    replies = deliver(stack.mta, failing("spfsecure.one"), assayds[1])
    assert (replies["last"].code, replies["last"].enhanced) == (550, "5.7.23"), replies["last"]


def test_insecure_fail_is_quarantined(stack, assayds):
    mail = failing("spfinsecure.one")
    assert deliver(stack.mta, mail, assayds[1])["end"].code == 250
    wait_for(lambda: stack.mta.held(mail.recipients[0]), "the message to be on hold")


def test_bogus_evidence_is_deferred(stack, assayds):
    for client in ("203.0.113.9", "192.0.2.1"):     # pass or fail: nobody knows
        mail = failing("spfbogus.one")
        mail.client = client
        last = deliver(stack.mta, mail, assayds[1])["last"]
        assert last.code == 451 and last.enhanced.startswith("4.7."), last


# What another policy would have made of mail that was recorded: secure evidence is told apart from insecure.

def replayed(stack, database, name, policies):
    """@return {action: messages} by these policies, of all that the database holds."""
    config = stack.world.write(name, "findings {\n\tspf-fail = reject\n\tadsp-nxdomain = none\n}\n" + policies)
    done = subprocess.run([Assayd.program("assay"), "report", "--json", "--since", "1d", "--database", database, "--config", config],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)["sections"]
    assert said["untold"]["figures"]["messages"] == 0, said
    return {row["action"]: row["now"] for row in said["policy"]["tables"]["actions"]["rows"]}


def test_record_tells_secure_from_insecure_evidence(stack, tree):
    database = stack.world.path("replay-dnssec/flows.db")
    assayd, port = stack.another_assayd("replay-dnssec", dns_port=tree.port, dnssec="validate", findings={"spf-fail": "tag"},
                                        options=f'record {{\n\tpath = "{database}"\n}}',
                                        dns_options=f'trust-anchor-files = {{ "{tree.anchor}" }}')
    try:
        for domain in ("spfsecure.one", "spfinsecure.one", "spfinsecure.one"):
            assert deliver(stack.mta, failing(domain), port)["end"].code == 250
    finally:
        assayd.stop()   # what is noted is written then
    assert replayed(stack, database, "replay-all.conf", "")["reject"] == 3
    careful = replayed(stack, database, "replay-secure.conf", POLICIES)
    assert (careful["reject"], careful["quarantine"]) == (1, 2), careful


# What the log says at start: whether anything can be found authentic here at all.

NO_MAIL = pytest.mark.mta("postfix", reason="no mail is sent")


def probed(stack, name, dns_port, anchor):
    assayd, _ = stack.another_assayd(name, dns_port=dns_port, dnssec="validate",
                                     dns_options=f'trust-anchor-files = {{ "{anchor}" }}')
    try:
        wait_for(lambda: "dnssec: " in assayd.log(), "the probe's word in the log")
        return next(line for line in assayd.log().splitlines() if "dnssec: " in line)
    finally:
        assayd.stop()


@NO_MAIL
def test_start_says_that_validation_works(stack, tree):
    assert "validation from the root works" in probed(stack, "probe-good", tree.port, tree.anchor)


@NO_MAIL
def test_start_says_that_the_anchor_is_not_the_roots(stack, tree):
    """As after a roll of the root's key that the package with the anchors has missed."""
    with open(tree.anchor, encoding="ascii") as file:
        anchors = file.read()
    # another key of the same form: some octets of the digest or of the key itself
    stale = stack.world.write("stale-root.key", "".join(
        line[:-9] + ("00000000" if line[-9:-1] != "00000000" else "11111111") + "\n" if not line.startswith(";") else line
        for line in anchors.splitlines(keepends=True)))
    line = probed(stack, "probe-stale", tree.port, stale)
    assert "the root is bogus" in line and "trust-anchor-files" in line, line


@NO_MAIL
def test_start_says_that_the_server_passes_no_dnssec_on(stack, tree):
    line = probed(stack, "probe-plain", stack.dns.port, tree.anchor)
    assert f"127.0.0.1@{stack.dns.port} passes no DNSSEC on" in line and "indeterminate" in line and "servers" in line, line


@NO_MAIL
def test_probe_is_repeated_until_the_server_passes_dnssec_on(stack, tree):
    """No restart is needed, and the log says each word once."""
    with contextlib.closing(Relay(stack.dns.port, "127.0.0.1")) as relay:
        assayd, _ = stack.another_assayd("probe-again", dns_port=relay.port, dnssec="validate",
                                         dns_options=f'trust-anchor-files = {{ "{tree.anchor}" }}')
        try:
            wait_for(lambda: "passes no DNSSEC on" in assayd.log(), "the first word")
            relay.upstream = tree.port
            wait_for(lambda: "validation from the root works" in assayd.log(), "the second word", 60)
            assert assayd.log().count("passes no DNSSEC on") == 1, assayd.log()
        finally:
            assayd.stop()
