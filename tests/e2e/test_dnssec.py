# SPDX-License-Identifier: BSD-2-Clause
"""The validator on real servers: a signed tree (dnssec_tree.py) behind NSD and a non-validating Unbound.

Talks to tests/unit/validate_driver (the validator alone) and resolver_driver, not to assayd.
"""
import os
import random
import subprocess

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import pytest

import dnssec_tree
from dnssec_driver import LABELS, Driver, fixture_driver  # noqa: F401  pylint: disable=unused-import
from house import build
from house.ports import free_port

# (name, type, security, a word of the reason)
CASES = [
    # algorithms
    ("www.rsa256.one", "A", "secure", "RSASHA256"),
    ("www.rsa512.one", "A", "secure", "RSASHA512"),
    ("www.rsa1024.one", "A", "secure", "RSASHA256"),
    ("www.p256.one", "A", "secure", "ECDSAP256SHA256"),
    ("www.p384.one", "A", "secure", "ECDSAP384SHA384"),
    ("www.ed25519.one", "A", "secure", "ED25519"),
    ("www.ed448.one", "A", "secure", "ED448"),
    # every kind of rdata with names in it, and case
    ("mail.p256.one", "MX", "secure", "signed"),
    ("srv.p256.one", "SRV", "secure", "signed"),
    ("naptr.p256.one", "NAPTR", "secure", "signed"),
    ("mIxEdCaSe.P256.one", "PTR", "secure", "signed"),
    ("p256.one", "SOA", "secure", "signed"),
    ("p256.one", "NS", "secure", "signed"),
    (".", "NS", "secure", "signed"),
    ("p256.one", "DS", "secure", "zone one"),
    ("p256.one", "DNSKEY", "secure", "zone p256.one"),
    # cuts
    ("www.deep.p256.one", "AAAA", "secure", "zone deep.p256.one"),
    ("www.very.much.deeper.p256.one", "A", "secure", "zone very.much.deeper.p256.one"),
    ("much.deeper.p256.one", "A", "secure", "below it"),
    ("www.unsigned.one", "A", "insecure", "has no DS"),
    ("nope.unsigned.one", "A", "insecure", "has no DS"),
    ("www.sub.unsigned.one", "A", "insecure", "has no DS"),
    ("www.island.one", "A", "insecure", "has no DS"),
    ("www.unsigned.nsec3.one", "A", "insecure", "has no DS"),
    # NSEC
    ("nope.nsec.one", "A", "secure", "does not exist"),
    ("x.y.z.nsec.one", "A", "secure", "does not exist"),
    ("www.nsec.one", "MX", "secure", "no such type"),
    ("empty.nsec.one", "A", "secure", "below it"),
    ("b.c.empty.nsec.one", "TXT", "secure", "below it"),
    ("x.wild.nsec.one", "TXT", "secure", "signed"),
    ("x.y.wild.nsec.one", "TXT", "secure", "signed"),
    ("x.wild.nsec.one", "A", "secure", "at the wildcard"),
    ("exact.wild.nsec.one", "TXT", "secure", "no such type"),
    ("zz.wildapex.one", "TXT", "secure", "signed"),
    ("zz.wildapex.one", "MX", "secure", "at the wildcard"),
    # NSEC3
    ("nope.nsec3.one", "A", "secure", "does not exist"),
    ("x.y.z.nsec3.one", "A", "secure", "does not exist"),
    ("www.nsec3.one", "MX", "secure", "no such type"),
    ("empty.nsec3.one", "A", "secure", "no such type"),
    ("x.wild.nsec3.one", "TXT", "secure", "signed"),
    ("x.wild.nsec3.one", "A", "secure", "at the wildcard"),
    ("zz.wildapex3.one", "TXT", "secure", "signed"),
    ("zz.wildapex3.one", "MX", "secure", "at the wildcard"),
    # opt-out
    ("www.optout.one", "A", "secure", "signed"),
    ("www.optout.one", "MX", "secure", "no such type"),
    ("nope.optout.one", "A", "insecure", "opt-out"),
    ("www.signed.optout.one", "A", "secure", "zone signed.optout.one"),
    ("www.unsigned.optout.one", "A", "insecure", "opt-out"),
    ("unsigned.optout.one", "DS", "insecure", "opt-out"),
    ("www.x.ent.optout.one", "A", "insecure", "opt-out"),
    ("ent.optout.one", "A", "insecure", "opt-out"),
    ("www.signed.two", "A", "secure", "zone signed.two"),
    ("www.unsigned.two", "A", "insecure", "opt-out"),
    ("nope.two", "A", "insecure", "opt-out"),
    # iterations
    ("nope.iter150.one", "A", "secure", "does not exist"),
    ("www.iter151.one", "A", "secure", "signed"),
    ("nope.iter151.one", "A", "insecure", "151 iterations"),
    ("www.signed.iter151.one", "A", "secure", "zone signed.iter151.one"),
    ("www.unsigned.iter151.one", "A", "insecure", "151 iterations"),
    # time
    ("www.expired.one", "A", "bogus", "expired"),
    ("www.future.one", "A", "bogus", "not valid before"),
    # DS
    ("www.dsnokey.one", "A", "bogus", "matches its DS"),
    ("www.dsdigest.one", "A", "insecure", "unsupported"),
    ("www.dsalgorithm.one", "A", "insecure", "unsupported"),
    ("www.dssome.one", "A", "secure", "signed"),
    ("www.dssha1.one", "A", "secure", "signed"),
    ("www.dssha384.one", "A", "secure", "signed"),
    ("www.dsboth.one", "A", "secure", "signed"),
    ("www.dsempty.odd.one", "A", "bogus", "matches its DS"),
    ("www.rollover.one", "A", "secure", "signed"),
    # spoilt
    ("www.stripped.one", "A", "bogus", "no signature"),
    ("www.stripone.one", "A", "bogus", "has no signature, and nothing shows that it needs none"),
    ("mail.stripone.one", "MX", "secure", "signed"),
    ("nope.nonsec.one", "A", "bogus", "without any proof, and nothing shows that it needs none"),
    ("www.nonsec.one", "MX", "bogus", "no NSEC"),
    ("nope.nonsec3.one", "A", "bogus", "no NSEC"),
    ("www.nonsec.one", "A", "secure", "signed"),
    ("victim.forged.one", "TXT", "bogus", "not proven"),
    ("t.altered.one", "TXT", "bogus", "does not verify"),
    ("source.replay.one", "TXT", "secure", "signed"),
    ("target.replay.one", "TXT", "bogus", "does not verify"),
    ("f.wild.frozen.one", "TXT", "bogus", "without proof"),
    ("www.badkey.one", "A", "bogus", "no signature"),
    ("www.manysigs.one", "A", "bogus", "limit"),
    ("few.manysigs.one", "TXT", "secure", "ECDSAP384SHA384"),
    # aliases
    ("alias.p256.one", "A", "secure", "signed"),
    ("to.tosecure.one", "A", "secure", "www.p256.one"),
    ("absent.tosecure.one", "A", "secure", "does not exist"),
    ("to.toinsecure.one", "A", "insecure", "unsigned.one"),
    ("to.tobogus.one", "A", "bogus", "expired"),
    ("to.frominsecure.one", "A", "insecure", "frominsecure.one"),
    ("x.w.wildalias.one", "A", "secure", "www.p256.one"),
    ("x.w.wildalias3.one", "A", "secure", "www.p256.one"),
    ("www.d.dname.one", "A", "secure", "www.p256.one"),
    ("nope.d.dname.one", "A", "secure", "does not exist"),
    ("d.dname.one", "DNAME", "secure", "signed"),
    ("www.u.dname.one", "A", "insecure", "unsigned.one"),
    ("www.x.dname.one", "A", "bogus", "expired"),
    # what cannot be validated
    ("www.p256.one", "RRSIG", "indeterminate", "not signed"),
    ("a.loop.one", "A", "indeterminate", "server failed"),
]


@pytest.mark.parametrize("name,rtype,security,word", CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_validator_verdict(driver, name, rtype, security, word):
    got, _, _, _, why = driver.judge(name, rtype)
    assert (got, word in why) == (security, True), f"{got}: {why}"


def test_validator_zone_of_many_keys_with_one_tag(driver):
    """18 keys of one tag and algorithm, two more than digests are computed for."""
    security, _, _, _, why = driver.judge("www.sametag.one", "A")
    assert security == "bogus" and "sametag.one" in why, why


def test_validator_takes_no_sha1_beside_a_better_digest(driver):
    """RFC 4509 section 3. Both digests are right here: what shows is by which the key was found. Unbound 1.17 takes either."""
    lines = driver.explain("www.dsboth.one", "A")
    assert any("SHA-1 beside a better digest" in line for line in lines), lines
    assert not any("SHA-1" in line and "matches" in line for line in lines), lines


def test_validator_explains_from_the_root_down(driver):
    driver.reset()
    lines = driver.explain("www.deep.p256.one", "A")
    order = [next(i for i, line in enumerate(lines) if line.startswith(zone + ": ") and "DNSKEY set" in line)
             for zone in (".", "one", "p256.one", "deep.p256.one")]
    assert order == sorted(order), lines
    assert lines[-1].startswith("www.deep.p256.one A signed by key"), lines
    lines = driver.explain("www.dsnokey.one", "A")
    assert any("matches no key" in line for line in lines), lines


def test_validator_clock_is_injectable(tree):
    """The expired zone is good in its own time, when the others are not valid yet."""
    past = Driver(tree.port, tree.anchor, str(dnssec_tree.NOW - 45 * dnssec_tree.DAY))
    assert past.judge("www.p256.one", "A")[0] == "bogus"
    past.close()


def test_validator_negative_anchor(tree):
    with_anchor = Driver(tree.port, tree.anchor, "0", "expired.one")
    assert with_anchor.judge("www.expired.one", "A")[0] == "insecure"
    assert with_anchor.judge("www.future.one", "A")[0] == "bogus"
    with_anchor.close()


SAMPLE = [case for case in CASES if case[2] != "indeterminate"][::9]


@pytest.mark.parametrize("name,rtype,security,word", SAMPLE, ids=[f"{c[0]}-{c[1]}" for c in SAMPLE])
def test_assay_dns_verdict(tree, name, rtype, security, word):
    """The same through the resolver: `assay dns`."""
    program = build.program("assay")
    done = subprocess.run([program, "dns", "--dnssec", "validate", "--resolver", f"127.0.0.1@{tree.port}",
                           "--trust-anchor", tree.anchor, name, rtype], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[:1] == [security], done.stdout + done.stderr
    assert word in done.stdout, done.stdout
    meaning = done.stdout.split("What this means:")[1]
    assert {"secure": "signature from the trust anchor", "insecure": "not signed", "bogus": "not used"}[security] in meaning
    # data that must not be used is not shown as if it were the answer
    assert (done.stdout.splitlines()[1] == "not used") == (security == "bogus"), done.stdout


TYPES = ["A", "AAAA", "TXT", "MX", "NS", "SOA", "CNAME", "DS", "DNSKEY", "PTR", "SRV", "TLSA", "DNAME", "NSEC3PARAM"]

# Disagreements with Debian's Unbound 1.17.1, each by RFC: names under this zone, ours, theirs, why ours is right.
EXPLAINED = [
    ("x.ent.optout.one", "insecure", "bogus",
     "RFC 5155 section 8.6: the answer to DS of x.ent proves with opt-out that the delegation is unsigned; Unbound gives "
     "up one label higher, at an empty non-terminal for which NSD sends an incomplete proof"),
    ("target.replay.one", "bogus", "secure",
     "RFC 4035 section 5.4: the server's NODATA for a name that the zone denies is a forgery; Unbound does not show it but "
     "answers DS from NSEC records that it has in its cache (RFC 8198)"),
    ("*.wild.wildapex.one", "secure", "bogus",
     "RFC 4592 section 3.3 and RFC 4035 section 5.3.2: a name that itself begins with an asterisk was answered from the "
     "wildcard above it; Unbound does not put the owner back to the wildcard that was signed"),
    ("*.wild.wildapex3.one", "secure", "bogus", "as for *.wild.wildapex.one"),
    ("www.d.dname.one", "secure", "bogus",
     "RFC 6672 section 2.3: a DNAME does not redirect its owner, so DNAME asked for below it is redirected as any other type; "
     "Unbound takes the DNAME in the answer for an answer to its DS query"),
]


def explained(name, ours, theirs):
    return any((name == zone or name.endswith("." + zone)) and (ours, theirs) == (our_word, their_word)
               for zone, our_word, their_word, _ in EXPLAINED)


def questions(tree, count):
    """Existing names and others, of every zone, in a reproducible order."""
    chance = random.Random(20231)
    every = []
    for zone in tree.zones.values():
        for label in LABELS:
            owner = (label + "." if label else "") + zone.origin.lstrip(".")
            for rtype in TYPES:
                if (owner, rtype) != ("dsempty.odd.one.", "DS"):    # dnspython cannot read that record
                    every.append((owner.rstrip(".") or ".", rtype))
    chance.shuffle(every)
    return every[:count]


def answer_data(message):
    """What a user of the answer sees: rcode and records, not their order or TTL, nor signatures."""
    records = {(rrset.name.canonicalize().to_text(), rrset.rdtype, rr.to_digestable())
               for rrset in message.answer if rrset.rdtype != dns.rdatatype.RRSIG for rr in rrset}
    return message.rcode(), records


def ask_validating(port, name, rtype):
    """@return (security, data) as Unbound's validator sees it."""
    question = dns.message.make_query(name, rtype, want_dnssec=True)
    question.flags |= dns.flags.AD
    answer = dns.query.udp_with_fallback(question, "127.0.0.1", port=port, timeout=10)[0]
    if answer.rcode() == dns.rcode.SERVFAIL:
        return "bogus", None
    return "secure" if answer.flags & dns.flags.AD else "insecure", answer_data(answer)


def test_validator_agrees_with_unbound(tree, driver):
    count = int(os.environ.get("ASSAY_DNSSEC_QUESTIONS", "2500"))
    port = free_port()
    unbound = tree.start_unbound("unbound-validating", port, "validator iterator")
    different, securities, told = [], {}, 0
    for name, rtype in questions(tree, count):
        ours, rcode, _, message, why = driver.judge(name, rtype)
        theirs, data = ask_validating(port, name, rtype)
        securities[ours] = securities.get(ours, 0) + 1
        if ours == "indeterminate" and rcode == dns.rcode.SERVFAIL and theirs == "bogus":
            continue    # the servers themselves fail: no validator has a say
        if explained(name, ours, theirs):
            told += 1
        elif ours != theirs or (data is not None and data != answer_data(message)):
            different.append((name, rtype, ours, theirs, why))
    tree.world.processes.stop(unbound)
    print(f"{count} questions: {securities}, {told} disagreements explained, {len(different)} not")
    for item in different[:60]:
        print(*item)
    assert min(securities.get(word, 0) for word in ("secure", "insecure", "bogus")) > 100
    assert not different
