# SPDX-License-Identifier: BSD-2-Clause
"""Validation behind other people's recursive servers: the same verdicts through each, cold, warm, and when a client without
EDNS has filled its cache. Behind one that passes no DNSSEC on, every answer is indeterminate and the probe says why.

Talks to tests/unit/resolver_driver.
"""
import json
import subprocess

import dns.exception
import dns.message
import dns.query
import pytest

import dnssec_tree
from dnssec_driver import Resolver
from dnssec_tree import HOST, OTHER_SERVER, Zone
from house import build
from other_resolvers import KINDS

ALIASES = """
c4 CNAME nx.far
c41 CNAME www.far
*.w CNAME nx.far
d DNAME far
sel2._domainkey CNAME key.far
"""


def alias_zones(name, server="nsd", **how):
    """A signed zone and an unsigned one below it. server: of the latter; another than the first one's cannot add its proofs."""
    return [Zone(name, HOST + ALIASES, **how), Zone("far." + name, HOST, signed=False, server=server)]


def zones():
    return [
        Zone(".", "", algorithm=8, keys=2), Zone("one", "plain TXT \"tld\"\n", keys=2),
        Zone("nsec.one", HOST), Zone("nsec3.one", HOST, nsec3=(1, "ab")), Zone("optout.one", HOST, nsec3=(0, ""), opt_out=True),
        Zone("signed.optout.one", HOST), Zone("unsigned.optout.one", HOST, signed=False), Zone("unsigned.one", HOST, signed=False),
        Zone("expired.one", HOST, dates=(-60 * dnssec_tree.DAY, -30 * dnssec_tree.DAY)),
        Zone("dsnokey.one", HOST, ds=dnssec_tree.fake_ds("12345 13 2 " + "ab" * 32)),
        Zone("stripped.one", HOST, spoil=dnssec_tree.drop_signatures()),
        Zone("bigkey.one", HOST, algorithm=8, bits=4096, keys=3), Zone("wildapex.one", "* TXT \"anything\"\nreal A 192.0.2.9\n"),
        Zone("dname.one", HOST + "d DNAME nsec.one.\nu DNAME unsigned.one.\nx DNAME expired.one.\n"),
        Zone("toall.one", "s CNAME www.nsec.one.\ni CNAME www.unsigned.one.\nb CNAME www.expired.one.\nn CNAME no.nsec.one.\n"),
        *alias_zones("p.one"), *alias_zones("p3.one", nsec3=(1, "ab")), *alias_zones("po.one", nsec3=(0, ""), opt_out=True),
        *alias_zones("q.one", OTHER_SERVER), *alias_zones("q3.one", OTHER_SERVER, nsec3=(1, "ab")),
        *alias_zones("qo.one", OTHER_SERVER, nsec3=(0, ""), opt_out=True),
    ]


def of_kind(zone):
    """Questions of one kind of proofs. @return (name, type, security, status)"""
    absent = "insecure" if zone == "optout.one" else "secure"
    return [("www." + zone, "A", "secure", "NOERROR"), (zone, "TXT", "secure", "NOERROR"),
            ("nope." + zone, "A", absent, "NXDOMAIN"), ("x.y.z." + zone, "A", absent, "NXDOMAIN"),
            ("www." + zone, "MX", "secure", "NODATA"), ("b.c.empty." + zone, "A", "secure", "NODATA"),
            ("n.wild." + zone, "TXT", absent, "NOERROR"), ("alias." + zone, "A", "secure", "NOERROR")]


def of_aliases(zone):
    return [("c4." + zone, "A", "insecure", "NXDOMAIN"), ("c41." + zone, "A", "insecure", "NOERROR"),
            ("c41." + zone, "TLSA", "insecure", "NODATA"), ("c5.w." + zone, "A", "insecure", "NXDOMAIN"),
            ("nx.d." + zone, "A", "insecure", "NXDOMAIN"), ("www.d." + zone, "TLSA", "insecure", "NODATA"),
            ("sel2._domainkey." + zone, "A", "insecure", "NXDOMAIN")]


QUESTIONS = [
    *of_kind("nsec.one"), *of_kind("nsec3.one"), *of_kind("optout.one"),
    *of_aliases("p.one"), *of_aliases("p3.one"), *of_aliases("po.one"),
    *of_aliases("q.one"), *of_aliases("q3.one"), *of_aliases("qo.one"),
    ("www.signed.optout.one", "A", "secure", "NOERROR"), ("www.unsigned.optout.one", "A", "insecure", "NOERROR"),
    ("www.unsigned.one", "A", "insecure", "NOERROR"), ("nope.unsigned.one", "A", "insecure", "NXDOMAIN"),
    ("www.expired.one", "A", "bogus", "SERVFAIL"), ("www.dsnokey.one", "A", "bogus", "SERVFAIL"),
    ("www.stripped.one", "A", "bogus", "SERVFAIL"),
    ("www.bigkey.one", "A", "secure", "NOERROR"), ("bigkey.one", "DNSKEY", "secure", "NOERROR"),
    ("any.wildapex.one", "TXT", "secure", "NOERROR"), ("any.wildapex.one", "A", "secure", "NODATA"),
    ("www.d.dname.one", "A", "secure", "NOERROR"), ("www.u.dname.one", "A", "insecure", "NOERROR"),
    ("www.x.dname.one", "A", "bogus", "SERVFAIL"),
    ("s.toall.one", "A", "secure", "NOERROR"), ("i.toall.one", "A", "insecure", "NOERROR"),
    ("b.toall.one", "A", "bogus", "SERVFAIL"), ("n.toall.one", "A", "secure", "NXDOMAIN"),
    ("nope", "A", "secure", "NXDOMAIN"), (".", "DNSKEY", "secure", "NOERROR"), ("one", "DS", "secure", "NOERROR"),
]

# what ends in the zone all of whose signatures have expired
EXPIRED = {"www.expired.one", "www.x.dname.one", "b.toall.one"}


@pytest.fixture(name="tree", scope="module")
def tree_fixture():
    with dnssec_tree.started(zones()) as tree:
        yield tree


def ask_all(tree, port, what):
    """@return the probe's word and the differences."""
    resolver = Resolver(port, tree.anchor, 3000)
    try:
        probe = resolver.probe()
        told = [(name, rtype, *resolver.ask(name, rtype)) for name, rtype, _, _ in QUESTIONS]
    finally:
        resolver.close()
    return probe, [(what, name, rtype, security, status, why) for name, rtype, security, (status, _, _), why in told]


def fill_without_edns(port):
    for name, rtype, _, _ in QUESTIONS:
        try:
            dns.query.udp(dns.message.make_query(name, rtype, use_edns=False), "127.0.0.1", port=port, timeout=3)
        except (dns.exception.DNSException, OSError):
            pass    # some refuse, or say nothing, where validation fails: it is the cache that counts


def wanted(kind, index):
    """@return the securities and the statuses that are right"""
    name, _, security, status = QUESTIONS[index]
    if not kind.full:
        return ("indeterminate",), ("NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL")
    if kind.loses_rcode and security == "insecure" and status == "NXDOMAIN":     # no proof tells the two apart
        return (security,), ("NXDOMAIN", "NODATA")
    if name in EXPIRED and kind.silent_on_expired():
        return (security, "indeterminate"), (status,)
    return (security,), (status,)


def check(kind, probe, told):
    outcome, what, why = probe
    assert (outcome == "passes") == kind.full, (what, why)
    wrong = []
    for index, (when, name, rtype, security, status, reason) in enumerate(told):
        want_securities, want_statuses = wanted(kind, index)
        if security not in want_securities or status not in want_statuses:
            wrong.append(f"{when}: {name} {rtype}: {security} {status} instead of {want_securities} {want_statuses}: {reason}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_verdicts_behind(tree, kind):
    child, port = kind.start(tree)
    try:
        check(kind, *ask_all(tree, port, "cold"))
        check(kind, *ask_all(tree, port, "warm"))
    finally:
        tree.world.processes.stop(child)
    child, port = kind.start(tree)
    try:
        fill_without_edns(port)
        check(kind, *ask_all(tree, port, "after a client without EDNS"))
    finally:
        tree.world.processes.stop(child)


@pytest.mark.parametrize("option, bogus", [("yes", False), ("no", True)])
def test_private_client(tree, option, bogus):
    """Unbound answers the reverse zone of 10/8 itself, and the tree's root has signed that there is none."""
    config = tree.world.write("local.conf", f"dns {{ insecure-local-zones = {option} }}\n")
    out = subprocess.run([build.program("assay"), "check", "--json", "--config", config, "--client", "10.0.0.5", "--resolver",
                          f"127.0.0.1@{tree.port}", "--trust-anchor", tree.anchor], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    assert ("dnssec-bogus" in json.loads(out.stdout)["findings"]) == bogus, out.stdout
