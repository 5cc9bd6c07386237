# SPDX-License-Identifier: BSD-2-Clause
"""DMARC, and what tells of it, from the message to the fields: one row a case. The rules by themselves: tests/unit/test_dmarc.c."""
import json
import re

import pytest

from dkim_signer import Key, sign, zone_text

CLIENT = ["--client", "192.0.2.1,mx.good.example", "--helo", "mx.good.example"]
# section 7.4 of RFC 9989: an alumni address that is forwarded, by a host with nothing wrong about it but that it is not the author's
FORWARDER = ["--client", "198.51.100.7,relay.alumni.example", "--helo", "relay.alumni.example"]
NAMELESS = ["--client", "203.0.113.9", "--helo", "somewhere"]
ZONE = """\
good.example.              300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
mx.good.example.           300 IN A 192.0.2.1
1.2.0.192.in-addr.arpa.    300 IN PTR mx.good.example.
relay.alumni.example.      300 IN A 198.51.100.7
7.100.51.198.in-addr.arpa. 300 IN PTR relay.alumni.example.
_dmarc.good.example.       300 IN TXT "v=DMARC1; p=reject"
_dmarc.test.good.example.  300 IN TXT "v=DMARC1; p=reject; t=y"
keen.example.              300 IN TXT "v=spf1 -all"
_dmarc.keen.example.       300 IN TXT "v=DMARC1; p=reject"
_adsp._domainkey.keen.example. 300 IN TXT "dkim=discardable"
_dmarc.twice.example.      300 IN TXT "v=DMARC1; p=reject; p=none"
_dmarc.bad.example.        300 IN TXT "v=DMARC1; p=rejekt"
_dmarc.fails.example.      300 IN TYPE65280 \\# 0
"""
KEY = Key.ed25519()


@pytest.fixture
def judge(assay, workdir):
    """judge(message, *options, config=text): the verdict."""
    (workdir / "zone").write_text(ZONE + zone_text({"sel._domainkey.good.example": KEY.record()}))

    def run(message, *options, config=""):
        (workdir / "conf").write_text('authserv-id = "mx.test.example"\nmode = enforce\n' + config)
        return assay.json("check", "--config", workdir / "conf", "--zone", workdir / "zone", *options, "-", stdin=message)
    return run


def letter(*froms, rest=b""):
    return "".join(f"From: {author}\r\n" for author in froms).encode() + rest + b"Subject: x\r\n\r\nHello.\r\n"


def field(verdict, name="Authentication-Results"):
    found = [text for text in verdict["headers"] if text.startswith(name + ":")]
    return " ".join(found[0].split()) if found else ""


MANY = ", ".join(f"a@d{number}.example" for number in range(11))
FROM_GOOD = ["--mail-from", "joe@good.example"]

# name: (message, options, result, policy.dmarc, action by default, findings, not findings)
CASES = {
    "passes": (letter("joe@good.example"), CLIENT + FROM_GOOD, "pass", "none", "none", [], ["dmarc-permerror"]),
    "forwarded": (letter("joe@good.example"), FORWARDER + FROM_GOOD, "fail", "reject", "quarantine",
                  ["spf-fail", "dmarc-reject"], ["dmarc-reject-corroborated", "iprev-fail"]),
    "no reverse DNS": (letter("joe@good.example"), NAMELESS + FROM_GOOD, "fail", "reject", "reject",
                       ["dmarc-reject", "iprev-fail", "dmarc-reject-corroborated"], []),
    "ADSP discardable": (letter("joe@keen.example"), FORWARDER + ["--mail-from", "joe@keen.example"], "fail", "reject", "reject",
                         ["adsp-discardable", "dmarc-reject-corroborated"], ["iprev-fail"]),
    "repeated From": (letter("joe@good.example", "joe@good.example"), CLIENT + FROM_GOOD, "permerror", "none", "none",
                      ["from-multiple"], ["dmarc-reject"]),
    "t=y": (letter("joe@test.good.example"), FORWARDER, "fail", "quarantine", "quarantine", ["dmarc-quarantine"], ["dmarc-reject"]),
    "an answer is missing": (letter("joe@fails.example"), FORWARDER, "temperror", "none", "none", ["dmarc-temperror"], []),
    "tag twice": (letter("joe@twice.example"), FORWARDER, "fail", "reject", "quarantine", ["dmarc-permerror", "dmarc-reject"], []),
    "unusable": (letter("joe@bad.example"), FORWARDER, "permerror", None, "none", ["dmarc-permerror"], ["dmarc-reject"]),
    "no record": (letter("joe@nothing.example"), FORWARDER, "none", None, "none", ["dmarc-none"], ["dmarc-permerror"]),
    "many authors": (letter(MANY), FORWARDER, "permerror", None, "quarantine", ["from-too-many"], ["dmarc-reject-corroborated"]),
    "many authors, no reverse DNS": (letter(MANY), NAMELESS, "permerror", None, "reject",
                                     ["from-too-many", "dmarc-reject-corroborated"], []),
    # whoever is forged at the end of a crowd fares as if he stood alone
    "victim behind many authors": (letter(MANY + ", joe@good.example"), NAMELESS, "permerror", None, "reject",
                                   ["from-too-many", "dmarc-reject-corroborated"], []),
}


@pytest.mark.parametrize("name", CASES)
def test_dmarc(judge, name):
    message, options, result, policy, action, raised, silent = CASES[name]
    verdict = judge(message, *options)
    assert verdict["dmarc"]["result"] == result
    assert re.search(r"dmarc=(\w+)", field(verdict)).group(1) == result
    shown = re.search(r"policy\.dmarc=(\w+)", field(verdict))
    assert (shown and shown.group(1)) == policy, field(verdict)
    assert set(raised) <= set(verdict["findings"]) and not set(silent) & set(verdict["findings"])
    assert verdict["decision"]["action"] == action


@pytest.mark.parametrize("listed,action", [("", "quarantine"), ('"iprev-fail"', "reject"), ('"adsp-discardable"', "quarantine")])
def test_the_admin_says_what_corroborates(judge, listed, action):
    verdict = judge(letter("joe@good.example"), *NAMELESS, *FROM_GOOD, config=f"dmarc {{ corroborate = {{ {listed} }} }}\n")
    assert verdict["decision"]["action"] == action


def test_spf_corroborates_for_whom_wants_it(judge):
    verdict = judge(letter("joe@good.example"), *FORWARDER, *FROM_GOOD, config='dmarc { corroborate = { "spf-fail" } }\n')
    assert "dmarc-reject-corroborated" in verdict["findings"]


def test_what_cannot_corroborate_is_refused(assay, workdir):
    (workdir / "conf").write_text('dmarc { corroborate = { "dkim-none" } }\n')
    done = assay.run("config", workdir / "conf")
    assert done.returncode != 0 and b"corroborate = 'dkim-none': valid: iprev-fail" in done.stderr


# ---- dnssec = off ----------------------------------------------------------------------------------------------------

QUIET = [
    (letter("joe@good.example"), CLIENT + FROM_GOOD), (sign(letter("joe@good.example"), KEY, tags={"d": "good.example"}), CLIENT),
    (letter(), FORWARDER), (letter("joe@"), NAMELESS), (letter(MANY), NAMELESS), (letter("joe@good.example"), []),
    (letter("a@good.example", "b@good.example"), CLIENT + FROM_GOOD), (letter("joe@keen.example"), FORWARDER),
    (letter("joe@good.example"), ["--client", "192.0.2.1", "--helo", "[192.0.2.1]", "--mail-from", ""]),
]


@pytest.mark.parametrize("config", ["", "dkim { enabled = no }", "spf { enabled = no }", 'dmarc { org-domain = psl }',
                                    "adsp { enabled = yes }", "adsp { enabled = yes }\ndkim { enabled = no }"])
def test_nothing_is_secure_without_dnssec(judge, config):
    for message, options in QUIET:
        verdict = judge(message, *options, config="dns { dnssec = off }\n" + config)
        assert not re.search(r"\bsecure\b", json.dumps(verdict)), (options, verdict)


# ---- Received-SPF ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("record,shown", [
    ("v=spf1 ip4:192.0.2.0/24 -all", 'mechanism="ip4:192.0.2.0/24";'), ("v=spf1 -all", "mechanism=all;"), ("v=spf1 a", "mechanism=default;"),
    ("v=spf1 include:good.example -all", 'mechanism="include:good.example";'), ("v=spf1 ?moo", None), ("none", None)])
def test_received_spf_mechanism(judge, workdir, record, shown):
    (workdir / "zone").write_text(ZONE + zone_text({"asks.example": record}))
    verdict = judge(letter("joe@good.example"), *CLIENT, "--mail-from", "joe@asks.example", config="headers { received-spf = yes }\n")
    text = field(verdict, "Received-SPF")
    assert text and (shown in text if shown else "mechanism=" not in text), text


# ---- what a signature leaves alone -----------------------------------------------------------------------------------

TYPED = letter("joe@good.example", rest=b"To: ann@test.example\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700\r\nContent-Type: text/plain\r\n")


@pytest.mark.parametrize("names,left", [
    (("from", "to", "subject", "date", "content-type"), None),
    (("from", "to", "subject", "date"), "Content-Type"),
    (("from", "subject", "content-type"), "Date, To"),
    (("From",), "Subject, Date, To, Content-Type"),
])
def test_unsigned_fields_are_told(judge, names, left):
    verdict = judge(sign(TYPED, KEY, names=names, tags={"d": "good.example"}), *CLIENT)
    details = [item["detail"] for item in verdict["finding_details"] if item["name"] == "dkim-header-unsigned"]
    assert verdict["dkim"][0]["result"] == "pass" and verdict["decision"]["action"] == "none"
    assert details == ([f"s=sel: {left}"] if left else [])


def test_fields_that_are_not_there_are_not_told(judge):
    verdict = judge(sign(letter("joe@good.example"), KEY, names=("from", "subject"), tags={"d": "good.example"}), *CLIENT)
    assert "dkim-header-unsigned" not in verdict["findings"]


def test_of_a_signature_that_fails_nothing_is_told(judge):
    verdict = judge(sign(TYPED, KEY, names=("from",), tags={"d": "good.example"}).replace(b"Hello", b"Hullo"), *CLIENT)
    assert "dkim-fail" in verdict["findings"] and "dkim-header-unsigned" not in verdict["findings"]


@pytest.mark.parametrize("worth,result,dmarc", [("policy", "policy", "fail"), ("pass", "pass", "pass")])
def test_partial_body_is_worth_what_the_admin_says(judge, worth, result, dmarc):
    message = sign(TYPED, KEY, tags={"d": "good.example", "l": "3"})
    verdict = judge(message, *FORWARDER, config=f"dkim {{ partial-body = {worth} }}\n")
    assert (verdict["dkim"][0]["result"], verdict["dmarc"]["result"]) == (result, dmarc)
    assert verdict["dkim"][0]["partial_body"] and "dkim-partial-body" in verdict["findings"]


def test_partial_body_forgives_nothing_else(judge):
    message = sign(TYPED, KEY, tags={"d": "good.example", "l": "3", "t": "1000", "x": "2000"})
    verdict = judge(message, *FORWARDER, config="dkim { partial-body = pass }\n")
    assert verdict["dkim"][0]["result"] == "policy"
