# SPDX-License-Identifier: BSD-2-Clause
"""
For every cap in the schema (assay config --caps) a message just under it and one just over it: the second has a finding, and its
decision is not weaker. A cap without a case fails. Those of DNSSEC are in caps_dnssec.py, those that are no options in
test_caps_code.py.
"""
import contextlib
import dataclasses
import re

import pytest

import caps_dnssec
import dkim_signer
import hostile_dns
from caps import (ATTACKER, CASES, HOSTILE_CLIENT, SETTINGS, VICTIM, ZONE, cap, check_forgery, check_honest, forged,
                  forged_from_there, honest, judge)

FIELDS, BYTES, RECIPIENTS, SIGNATURES = 50, 16384, 3, 2
# Nothing is asked of a letter's own domain but what the case is about.
QUIET = "iprev { enabled = no } spf { check-helo = no }\n"


@pytest.fixture(autouse=True, scope="module")
def fixture_world_of_dnssec():
    yield
    caps_dnssec.close()


@cap("limits.max-header-fields", "limit-exceeded", settings=f"limits {{ max-header-fields = {FIELDS} }}", honest="tag")
def fields(letter, excess):
    """The author stands behind all of them."""
    letter.before = b"X-Junk: x\r\n" * (FIELDS - 3 + excess)


@cap("limits.max-header-size", "limit-exceeded", settings=f"limits {{ max-header-size = {BYTES} }}", honest="tag")
def header_bytes(letter, excess):
    letter.before = b"".join(b"X-%d: %s\r\n" % (i, b"x" * 900) for i in range(10, 27))
    rest = BYTES - len(letter.data.partition(b"\r\n\r\n")[0]) - 2 - len(b"X: \r\n")
    letter.before = b"X: " + b"x" * (rest + excess) + b"\r\n" + letter.before


@cap("limits.max-recipients", "limit-exceeded", settings=f"limits {{ max-recipients = {RECIPIENTS} }}", honest="tag")
def recipients(letter, excess):
    letter.recipients = [f"r{i}@rcpt.example" for i in range(RECIPIENTS + excess)]


@cap("dkim.max-signatures", "dkim-too-many", settings=f"dkim {{ max-signatures = {SIGNATURES} }}")
def signatures(letter, excess):
    letter.before = junk_signatures(SIGNATURES + excess)


def junk_signatures(count):
    return b"".join(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=s%d; h=from; bh=%s=; b=%s\r\n" %
                    (ATTACKER.encode(), i, b"A" * 43, b"B" * 340) for i in range(count))


KEYS = {bits: dkim_signer.Key.rsa(bits) for bits in (2048, 1536)}


def key_records():
    return "".join(f'k{bits}._domainkey.{domain}. 300 IN TXT "{record[:200]}" "{record[200:]}"\n'
                   for domain in (VICTIM, ATTACKER) for bits, record in ((b, k.record()) for b, k in KEYS.items()))


@cap("dkim.min-key-bits", "dkim-weak-key", settings="dkim { min-key-bits = 2048 }", zone=key_records, honest="reject")
def key_bits(letter, excess):
    """An honest letter that was forwarded, so that all hangs on its signature."""
    bits = 1536 if excess else 2048
    domain = ATTACKER if letter.forged else VICTIM
    letter.mail_from = f"joe@{ATTACKER}"
    letter.whole = dkim_signer.sign(letter.data, KEYS[bits], tags={"d": domain, "s": f"k{bits}"}, names=("from", "subject"))
    letter.client = HOSTILE_CLIENT


# ---- what an answer may take: a server that keeps some back -----------------------------------------------------------

TXT = 16


def zone_answers():
    """{(name, type): [rdata]} of the zone, TXT and A and PTR."""
    table = {}
    for line in ZONE.splitlines():
        name, _, _, rtype, value = line.split(None, 4)
        rdata = {"A": lambda v: bytes(int(part) for part in v.split(".")), "PTR": hostile_dns.wire_name,
                 "TXT": lambda v: hostile_dns.txt_rdata(v.strip('"'))}[rtype](value)
        table.setdefault((name.rstrip("."), {"A": 1, "PTR": 12, "TXT": TXT}[rtype]), []).append(rdata)
    return table


def slow_server(tries):
    """tries(name): which query for a name is answered first; 0: none is."""
    @contextlib.contextmanager
    def serve():
        table, seen = zone_answers(), {}

        def answer(query, name, rrtype, _tcp):
            seen[name, rrtype] = seen.get((name, rrtype), 0) + 1
            first = tries(name)
            if first == 0 or seen[name, rrtype] < first:
                return None
            rdatas = table.get((name, rrtype))
            if rdatas is None and name.endswith(".slow.example") and rrtype == TXT:
                rdatas = [hostile_dns.txt_rdata("v=DMARC1; p=reject; psd=n" if name.startswith("_dmarc.") else
                                                "v=spf1 ip4:203.0.113.9 ip4:192.0.2.1 -all")]
            if rdatas is None:
                return hostile_dns.message(query, rcode=3)
            return hostile_dns.message(query, [hostile_dns.rr(name, rrtype, rdata) for rdata in rdatas])
        with hostile_dns.HostileServer(answer) as server:
            yield server.port
    return serve


def late(name):
    """Names below say how many tries they take."""
    return next((tries for label, tries in (("never", 0), ("second", 2), ("third", 3)) if label in name.split(".")), 1)


@cap("dns.timeout", "spf-temperror", settings=QUIET + "dns { dnssec = off timeout = 1s rounds = 1 }", serve=slow_server(late))
def timeout(letter, excess):
    letter.send_from(f"{'never' if excess else 'first'}.slow.example")


@cap("dns.rounds", "spf-temperror", settings=QUIET + "dns { dnssec = off timeout = 700ms rounds = 2 }", serve=slow_server(late))
def rounds(letter, excess):
    """With so short a time-out a try is one datagram."""
    letter.send_from(f"{'third' if excess else 'second'}.slow.example")


@cap("limits.dns-deadline", "spf-temperror",
     settings=QUIET + "dns { dnssec = off timeout = 10s rounds = 1 } limits { dns-deadline = 1500ms }", serve=slow_server(late))
def deadline(letter, excess):
    """The sender's servers use it all up; the author's have answered by then."""
    letter.send_from(f"{'never' if excess else 'first'}.slow.example")


@cap("dns.max-inflight", "spf-temperror",
     settings=QUIET + "dns { dnssec = off timeout = 100ms rounds = 1 max-inflight = 16 }", serve=slow_server(late))
def inflight(letter, excess):
    """More silent questions than the table holds, and the author's behind them."""
    letter.before = b"".join(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s.d%d.slow.example; s=s; h=from; bh=%s=; "
                             b"b=%s\r\n" % (b"never", i, b"A" * 43, b"B" * 340) for i in range(20 if excess else 0))
    letter.before = letter.before.replace(b"s=s;", b"s=never;")
    letter.send_from(f"{'never' if excess else 'first'}.slow.example")


@cap("limits.max-dns-lookups", "limit-exceeded", settings=QUIET + "limits { max-dns-lookups = 20 }\ndkim { max-signatures = 100 }",
     honest="tag")
def lookups(letter, excess):
    letter.before = junk_signatures(60 if excess else 2)


@cap("limits.max-edits", "authres-too-many", settings='authserv-id = "mx.rcpt.example"\nlimits { max-edits = 10 }', honest="reject")
def edits(letter, excess):
    letter.before = b"Authentication-Results: mx.rcpt.example; dmarc=pass\r\n" * (10 + excess)


@cap("limits.max-dns-queries", "limit-exceeded", settings=QUIET + "limits { max-dns-queries = 50 }\ndkim { max-signatures = 100 }",
     honest="tag")
def queries(letter, excess):
    """Ten percent of them are for signatures."""
    letter.before = junk_signatures(5 + excess)


# ---- the tests -------------------------------------------------------------------------------------------------------

def ids(case):
    return f"{case.cap}-{case.make.__name__}"


PARAMS = [pytest.param(case, id=ids(case), marks=pytest.mark.xfail(reason=f"waits for {case.waiting}", strict=True)
                       if case.waiting else ()) for case in CASES]


def test_every_cap_has_a_case(assay):
    done = assay.run("config", "--caps")
    assert done.returncode == 0, done.stderr
    known = {".".join(match) for match in re.findall(r"^([a-z]+) \{ ([a-z0-9-]+) = .* \}$", done.stdout.decode(), re.M)}
    assert len(known) > 15
    assert known == {case.cap for case in CASES if "." in case.cap}


@pytest.mark.parametrize("case", PARAMS)
@pytest.mark.parametrize("which", sorted(SETTINGS))
def test_forgery_past_the_cap_is_refused_all_the_same(case, which):
    check_forgery(case, which)


@pytest.mark.parametrize("case", PARAMS)
def test_honest_letter_past_the_cap(case):
    check_honest(case)


@pytest.mark.parametrize("case", [pytest.param(case, id=ids(case)) for case in CASES if case.serve])
def test_forgery_of_a_domain_whose_policy_cannot_be_had_is_deferred(case):
    """Who forges the very domain whose answers go past the cap profits from it, unless the admin defers such messages."""
    defer = dataclasses.replace(case, settings=(case.settings if isinstance(case.settings, str) else case.settings()) +
                                "dns-outage = defer\n")
    under, over = judge(defer, forged_from_there(), 0), judge(defer, forged_from_there(), 1)
    assert (under.action, over.action, over.enforced) == ("reject", "defer", True), over.raw["decision"]


def test_zone_of_too_many_iterations_counts_as_unsigned():
    """RFC 9276: who asks for secure evidence does not get it from there."""
    under, over = judge(caps_dnssec.ITERATIONS, honest(), 0), judge(caps_dnssec.ITERATIONS, honest(), 1)
    assert (under.action, over.action, over.raw["decision"]["finding"]) == ("none", "tag", "insecure-pass"), over.raw
    for excess in (0, 1):
        assert judge(caps_dnssec.ITERATIONS, forged(), excess).action == "reject"
