# SPDX-License-Identifier: BSD-2-Clause
"""
The mails that scripts/demo shows and tests/e2e checks: zone, message, expected verdicts and expected reply in enforce
mode. Expectations come from the RFCs named at each, not from what assayd printed.
"""
import dataclasses

from . import mail as m
from .dns import BLACK_HOLE


@dataclasses.dataclass
class Scenario:
    name: str
    mail: m.Mail
    expected: dict              # method → result, or list of results in the order of the signatures (None: absent)
    enforced: str = "250"       # "250", "hold", or "CODE ENHANCED finding domain stage" of the refusal
    received_tls: bool = False  # the Received field has to carry the tls clause
    why: str = ""


def publish(dns, keys):
    """Zone and keys of all scenarios."""
    for domain in ("pass.example", "ed.example", "two.example", "body.example", "tls.example", "forged.example"):
        dns.add(domain, "TXT", "v=spf1 ip4:192.0.2.1 -all")
        dns.add(domain, "A", "192.0.2.1")
        dns.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")
    for domain in ("pass.example", "two.example", "body.example", "tls.example", "forged.example"):
        keys.publish_rsa(dns, domain)
    for domain in ("ed.example", "two.example"):
        keys.publish_ed25519(dns, domain)
    dns.add("1.2.0.192.in-addr.arpa", "PTR", "mail.pass.example.")
    dns.add("mail.pass.example", "A", "192.0.2.1")
    dns.add("mail.pass.example", "TXT", "v=spf1 a -all")

    dns.add("spffail.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    dns.add("spffail.example", "A", "192.0.2.1")
    dns.add("adsp.example", "A", "192.0.2.1")
    dns.add("adsp.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    dns.add("_adsp._domainkey.adsp.example", "TXT", "dkim=discardable")
    dns.add("other.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    for policy in ("quarantine", "reject"):
        dns.add(f"{policy}.example", "A", "192.0.2.1")
        dns.add(f"{policy}.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
        dns.add(f"_dmarc.{policy}.example", "TXT", f"v=DMARC1; p={policy}")


def plain(domain, **options):
    address = f"news@{domain}"
    return m.Mail(m.message(address, **options), address)


def signed(keys, domain, *selectors, **options):
    mail = plain(domain, **options)
    for selector in selectors:
        mail.data = keys.sign(mail.data, domain, selector)
    return mail


def make(keys):
    """Fresh messages (fresh recipients) for one run."""
    scenarios = []

    def add(name, mail, expected, **more):
        scenarios.append(Scenario(name, mail, expected, **more))

    add("clean, RSA", signed(keys, "pass.example", "rsa"),
        {"spf": "pass", "dkim": ["pass"], "dmarc": "pass", "iprev": "pass"})
    add("clean, Ed25519", signed(keys, "ed.example", "ed"), {"spf": "pass", "dkim": ["pass"], "dmarc": "pass"})
    add("clean, two signatures", signed(keys, "two.example", "rsa", "ed"),
        {"spf": "pass", "dkim": ["pass", "pass"], "dmarc": "pass"})

    mail = plain("spffail.example")
    mail.client, mail.client_name = "203.0.113.9", None
    add("SPF fail", mail, {"spf": "fail", "dkim": "none", "dmarc": "none"}, enforced="550 5.7.23 spf-fail spffail.example RCPT",
        why="RFC 7208 8.4, RFC 7372 3.2")

    mail = signed(keys, "body.example", "rsa")
    mail.data = mail.data.replace(b"The end.", b"The End.")
    add("body changed", mail, {"spf": "pass", "dkim": ["fail"], "dmarc": "pass"},
        why="DMARC passes by aligned SPF alone (RFC 9989)")

    add("unsigned, ADSP discardable", plain("adsp.example"),
        {"spf": "pass", "dkim": "none", "dkim-adsp": "discard"},
        enforced="550 5.7.22 adsp-discardable adsp.example end", why="RFC 5617 3.1, 5.4")

    mail = plain("quarantine.example")
    mail.mail_from = "bounce@other.example"
    add("DMARC quarantine", mail, {"spf": "pass", "dkim": "none", "dmarc": "fail"}, enforced="hold",
        why="SPF passes, but not in alignment")

    mail = plain("reject.example")
    mail.mail_from = "bounce@other.example"
    add("DMARC reject, alone", mail, {"spf": "pass", "dkim": "none", "dmarc": "fail"}, enforced="hold",
        why="not rejected for p=reject alone (RFC 9989 7.4)")

    mail = plain("reject.example")
    mail.mail_from = "bounce@softfail.example"
    mail.client, mail.client_name = "203.0.113.9", None
    mail.mail_from = "news@reject.example"
    add("DMARC reject, SPF fails too", mail, {"spf": "fail", "dkim": "none", "dmarc": "fail"},
        enforced="550 5.7.23 spf-fail reject.example RCPT")

    forged = (f"Authentication-Results: {m.AUTHSERV_ID}; dkim=pass header.d=forged.example\r\n"
              f"Authentication-Results: (x) \"{m.AUTHSERV_ID.upper()}\" 1; spf=pass\r\n"
              f"Authentication-Results: =?utf-8?q?{m.AUTHSERV_ID}?=; dkim=pass header.d=forged.example\r\n"
              f"Authentication-Results: '{m.AUTHSERV_ID}..'; dkim=pass header.d=forged.example\r\n"
              f"Authentication-Results: {m.AUTHSERV_ID.replace('.', '．')}; dkim=pass header.d=forged.example\r\n"
              "Authentication-Results: elsewhere.example; dkim=pass header.d=kept.example\r\n").encode()
    add("forged Authentication-Results", signed(keys, "forged.example", extra=forged),
        {"spf": "pass", "dkim": "none", "dmarc": "pass"}, why="RFC 8601 section 5: removed; the foreign one stays")

    mail = signed(keys, "two.example", "rsa", "ed")
    mail.data = b"Subject: Pay this invoice\r\n" + mail.data
    mail.mail_from = "bounce@other.example"
    add("replayed with another Subject", mail, {"spf": "pass", "dkim": ["pass", "pass"], "dmarc": "fail"}, enforced="hold",
        why="RFC 6376 section 8.15: what was put on top of a signed field is not the signer's")

    mail = signed(keys, "pass.example", "rsa")
    mail.data = b"From: The Boss <ceo@pass.example>\r\nSubject: Pay\r\n" + mail.data
    mail.mail_from = "bounce@other.example"
    add("replayed with another From", mail, {"spf": "pass", "dkim": ["pass"], "dmarc": "fail"},
        enforced="550 5.7.1 from-multiple - end", why="two From fields are no message")

    mail = signed(keys, "pass.example", extra=b"From: <ceo@reject.example>\r\n")
    add("two From fields", mail, {"spf": "pass", "dkim": "none", "dmarc": "fail"},
        enforced="550 5.7.1 from-multiple - end", why="each author domain is judged, the strictest counts (RFC 9989)")

    mail = plain("slow." + BLACK_HOLE)
    add("DNS time-out", mail, {"spf": "temperror", "dkim": "none", "dmarc": "temperror"},
        enforced=f"451 4.7.24 spf-temperror slow.{BLACK_HOLE} RCPT")

    mail = plain("reject.example")
    mail.client, mail.client_name, mail.helo = "203.0.113.77", None, "laptop.example"
    mail.login = ("alice", "wonderland")
    add("authenticated client", mail, {"auth": "pass", "spf": None, "dmarc": None})

    mail = signed(keys, "tls.example", "rsa")
    mail.tls = True
    add("STARTTLS", mail, {"spf": "pass", "dkim": ["pass"], "dmarc": "pass", "x-tls": "pass"}, received_tls=True)
    return scenarios


def seen_verdicts(raw):
    """{method: result or [results of dkim]} from the Authentication-Results fields that are ours; None without one."""
    ours = our_results(raw)
    verdicts = {method: rows[0]["result"] for results in reversed(ours) for method, rows in results.items()}
    if ours and verdicts.get("dkim", "none") != "none":
        verdicts["dkim"] = [row["result"] for row in ours[0]["dkim"]]
    return verdicts if ours else None


def our_results(raw):
    """{method: rows}, as m.parse_authres() has it, of each Authentication-Results field in our name, from the top."""
    parsed = [m.parse_authres(value) for value in m.delivered_fields(raw, "Authentication-Results")]
    return [results for authserv_id, results in parsed if authserv_id.lower() == m.AUTHSERV_ID]


def verdict_differences(scenario, raw):
    """Lines that say where the delivered message is not as expected."""
    wrong = []
    ours = our_results(raw)
    if len(ours) != 2 or "x-tls" in ours[0] or list(ours[1]) != ["x-tls"]:
        wrong.append(f"Authentication-Results fields of {m.AUTHSERV_ID} other than one of registered methods and one of x-tls: {ours}")
    seen = seen_verdicts(raw) or {}
    for method, result in scenario.expected.items():
        if seen.get(method) != result:
            wrong.append(f"{method}: expected {result}, seen {seen.get(method)}")
    if scenario.received_tls:
        received = m.delivered_fields(raw, "Received")
        if not any("tls TLS_" in value.replace("\n", " ") for value in received):
            wrong.append("no Received field with a tls clause")
    return wrong
