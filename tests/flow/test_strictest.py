# SPDX-License-Identifier: BSD-2-Clause
"""The strictest policy that could apply counts: in assay check, and in assayd by what the MTA says of recipients."""
import pytest

from milterclient import Client
from programs import ZONE

POLICIES = """
policy "lenient" {
	author-domains = "good.example"
	actions { dkim-none = none from-multiple = none }
}
policy "victim" {
	author-domains = "quiet.example"
	actions { dkim-none = reject }
}
policy "strict" {
	recipient-domains = "rcpt.example"
	actions { dkim-none = quarantine }
}
"""
ENVELOPE = ("--client", "192.0.2.1,mx.good.example", "--mail-from", "joe@good.example")


@pytest.mark.parametrize("authors, policy", [
    ("a@good.example", "lenient"),
    ("a@quiet.example", "victim"),
    ("a@good.example, b@quiet.example", "victim"),
    ("b@quiet.example, a@other.example", "victim"),
    ("a@good.example, b@other.example", "strict"),
    ("a@good.example <", "victim"),
])
def test_check_weighs_every_author(assay, workdir, authors, policy):
    (workdir / "zone").write_text(ZONE)
    (workdir / "conf").write_text("dns { dnssec = off }\n" + POLICIES)
    verdict = assay.json("check", "--config", workdir / "conf", "--zone", workdir / "zone", *ENVELOPE, "--rcpt", "ann@rcpt.example",
                         "-", stdin=f"From: {authors}\n\nHello\n".encode())
    assert verdict["decision"]["policy"] == policy, verdict["decision"]


@pytest.mark.parametrize("recipient, policy", [
    ("ann@rcpt.example", "strict"), ("ann@other.example", "default"), ("ann", "strict"), ("c%rcpt.example", "strict"),
    ('"d@rcpt.example"', "strict"), ("@other.example:ann@rcpt.example", "strict"), (None, "strict"),
])
def test_check_weighs_the_strictest_where_no_domain_is_known(assay, workdir, recipient, policy):
    (workdir / "zone").write_text(ZONE)
    (workdir / "conf").write_text("dns { dnssec = off }\n" + POLICIES)
    verdict = assay.json("check", "--config", workdir / "conf", "--zone", workdir / "zone", *ENVELOPE,
                         *(("--rcpt", recipient) if recipient else ()), "-", stdin=b"From: a@third.example\n\nHello\n")
    assert verdict["decision"]["policy"] == policy, verdict["decision"]


@pytest.mark.parametrize("recipient, resolved, host, policy", [
    ("<c%rcpt.example>", "c@rcpt.example", "mx", "strict"),         # as Postfix says it
    ('<"d@rcpt.example"@other.example>', "d@rcpt.example@other.example", "mx", "default"),
    ("<ann@other.example>", "ann", "", "default"),                  # as Sendmail does, of its own mailboxes
    ("<ann>", "ann", "", "strict"),
    ("<c%rcpt.example@other.example>", None, None, "strict"),       # by an MTA that says nothing
])
def test_daemon_goes_by_what_the_mta_resolved(assayd, recipient, resolved, host, policy):
    daemon = assayd(sections=POLICIES).start()
    client = Client(daemon.socket_spec)
    assert {"{rcpt_addr}", "{rcpt_host}"} <= set(client.symbols[3].split())
    client.connect()
    client.helo()
    client.mail("<joe@good.example>", i="Q1")
    macros = {"rcpt_addr": resolved, "rcpt_host": host} if resolved else {}
    client.rcpt(recipient, **macros)
    client.header("From", "a@third.example")
    client.eoh()
    client.body(b"x\r\n")
    client.eom(i="Q1")
    client.quit()
    daemon.wait_for_log("id=Q1")
    assert f" policy={policy} " in daemon.log()
