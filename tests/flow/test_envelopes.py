# SPDX-License-Identifier: BSD-2-Clause
"""
The address and the arguments of MAIL, as MTAs take them and tell them: envelopes.json has what a client said, what Postfix 3.7.11
and 3.10.13 and Sendmail 8.17.1 and 8.18.1 then told a milter, and the address that they themselves had read (null: they refused).
tests/e2e/test_connects.py asks them again.
"""
import json
import pathlib
import re

import pytest

from milterclient import Client

ENVELOPES = json.loads((pathlib.Path(__file__).parent / "envelopes.json").read_text(encoding="utf-8"))
TLS = {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "cipher_bits": "256"}
DOMAINS = ("b.example", "c.example", "d.example", "r.example", "s.example", "b_x.example", "xn--bcher-kva.example", "mx.assay.example")
# each may send from nowhere, the HELO name from here: a sender that is not found shows as pass or none
ZONE = "mx.good.example A 192.0.2.1\nmx.good.example TXT \"v=spf1 a -all\"\n" + "".join(f'{name} TXT "v=spf1 -all"\n' for name in DOMAINS)


def judged(assayd, rows, telling):
    """[(row, result of SPF, its domain, "with" of our Received field)]. telling: the MTA hands {mail_addr} over."""
    daemon = assayd(zone=ZONE).start()
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo("mx.good.example", **TLS)
    found = []
    for row in rows:
        client.mail("\0".join(row["told"]), i="QID1", **({"mail_addr": row["mail_addr"]} if telling else {}))
        client.rcpt()
        client.header("From", "joe@good.example")
        client.eoh()
        outcome = client.eom(i="QID1")
        results = re.sub(r'\([^()]*\)|"', "", " ".join(outcome.header("Authentication-Results")))
        spf = re.search(r"\bspf=(\w+)[^;]*", results)
        domain = re.search(r"smtp\.mailfrom=(\S+)", spf.group(0))
        protocol = re.search(r"\bwith (\w+)", outcome.header("Received")[0]).group(1)
        found.append((row, spf.group(1), domain.group(1).rpartition("@")[2] if domain else None, protocol))
    client.quit()
    return found


def taken(mta):
    rows = [row for row in ENVELOPES if row["mta"] == mta and row["told"] is not None]
    assert len(rows) > 40
    return rows


def domain_that_was_written(row):
    """The domain of the address that the MTA read, where it stands in what the client said; else the MTA has put its own there."""
    domain = row["mail_addr"].rpartition("@")[2].lower().rstrip(".") if "@" in row["mail_addr"] else ""
    written = re.sub(r"\s", "", row["said"]).lower()
    return domain.encode("idna").decode() if domain and domain in written and not domain.startswith("[") else None


@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_domain_is_the_one_that_the_mta_reads(assayd, mta):
    wrong = []
    for row, result, domain, _ in judged(assayd, taken(mta), telling=True):
        expected = domain_that_was_written(row)
        if expected is None:
            ok = result == "none" or domain is None or row["mail_addr"] == ""
        else:
            ok = (result, domain) == ("fail", expected)
        if not ok:
            wrong.append((row["said"], row["mail_addr"], result, domain))
    assert not wrong


@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_no_domain_counts_that_the_mta_does_not_read(assayd, mta):
    """An MTA that tells nothing but what the client said. A domain that cannot be found leaves none, and never another."""
    wrong = [(row["said"], row["mail_addr"], result, domain) for row, result, domain, _ in judged(assayd, taken(mta), telling=False)
             if result not in ("none", "fail") and row["mail_addr"] != "" and domain != "mx.good.example"
             or result == "fail" and domain != domain_that_was_written(row)]
    assert not wrong


@pytest.mark.parametrize("said, mail_addr", [
    ("<user%c.example@b.example>", "user@c.example"),       # b.example is Postfix's own: so it routes, but hands on what was said
    ("< user%c.example@b.example >", "user@c.example"),
    ("<<user%c.example@b.example>>", "user@c.example"),
    ("<c.example!user@b.example>", "user@c.example"),
])
def test_address_of_a_route_is_not_that_of_the_message(assayd, said, mail_addr):
    (_, result, domain, _), = judged(assayd, [{"told": [said], "mail_addr": mail_addr}], telling=True)
    assert (result, domain) == ("fail", "b.example") or result == "none"
    assert domain is None or not domain.endswith("c.example")


@pytest.mark.parametrize("mta", ["postfix", "sendmail"])
def test_arguments_are_told_as_the_client_wrote_them(assayd, mta):
    """Case and order are the client's; a word inside an address or a value is no argument."""
    rows = taken(mta)
    for row, _, _, protocol in judged(assayd, rows, telling=True):
        assert protocol == ("UTF8SMTPS" if "SMTPUTF8" in [word.upper() for word in row["told"][1:]] else "ESMTPS"), row
    assert any("SIZE=100" in row["told"] for row in rows)


def test_requiretls_reaches_no_milter_yet():
    """Neither offers it: whoever says it is refused, and a milter does not hear of it."""
    rows = [row for row in ENVELOPES if row["said"].endswith(" REQUIRETLS")]
    assert {row["mta"]: row["told"] for row in rows} == {"postfix": None, "sendmail": None}
