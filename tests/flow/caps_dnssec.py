# SPDX-License-Identifier: BSD-2-Clause
"""
The caps of validation: signed zones in memory, behind a server on loopback, one pair for each cap. The zone of a hostile letter's
sender goes over the cap, so that what he says of himself is worth nothing; the author's zone is as it should be. An honest
letter comes from the zone that goes over.

Keys and signatures are dnspython's; records come in the order in which they stand here, bad ones first.
"""
import base64
import contextlib
import functools
import os
import tempfile
import time

import dns.dnssec
import dns.name
import dns.rdata
import dns.rrset
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import hostile_dns
from caps import Case, cap

ED25519, TTL, LIFETIME = 15, 300, 86400
A, CNAME, SOA, TXT, DS, RRSIG, DNSKEY, NSEC3 = 1, 5, 6, 16, 43, 46, 48, 50
SPF = '"v=spf1 ip4:203.0.113.9 ip4:192.0.2.1 -all"'


class Zone:
    """One zone with one key; add() makes answers. decoys(zone): further keys, which stand before the real one."""

    def __init__(self, world, name, decoys=None, fake_ds=0):
        self.world, self.name = world, dns.name.from_text(name)
        while True:
            self.key = ed25519.Ed25519PrivateKey.generate()
            self.dnskey = dns.dnssec.make_dnskey(self.key.public_key(), ED25519, flags=257)
            if decoys is None or len(twins(self.dnskey)) > 4:
                break
        keys = [dns.rdata.from_text("IN", "DNSKEY", f"257 3 {ED25519} {key}") for key in decoys(self.dnskey)] if decoys else []
        self.serve(name, DNSKEY, self.signed(name, "DNSKEY", [*keys, self.dnskey]))
        if name != ".":
            real = dns.dnssec.make_ds(self.name, self.dnskey, "SHA256")
            fakes = [dns.rdata.from_text("IN", "DS", f"{i} {ED25519} 2 {'00' * 32}") for i in range(fake_ds)]
            self.serve(name, DS, world.root.signed(name, "DS", [*fakes, real]))

    def serve(self, name, rtype, records, rcode=0, authority=()):
        self.world.answers[name.rstrip("."), rtype] = (records, rcode, authority)

    def signed(self, name, rtype, rdatas, bad=0):
        """@return records in wire form: the set, as many signatures that do not verify, then the good one."""
        rdatas = [dns.rdata.from_text("IN", rtype, r) if isinstance(r, str) else r for r in rdatas]
        rrset = dns.rrset.from_rdata_list(dns.name.from_text(name), TTL, rdatas)
        signature = dns.dnssec.sign(rrset, self.key, self.name, self.dnskey, lifetime=LIFETIME,
                                    inception=time.time() - 3600).to_wire()
        wrong = [signature[:-1] + bytes([signature[-1] ^ (i + 1)]) for i in range(bad)]
        return ([hostile_dns.rr(name, rdata.rdtype, rdata.to_wire(), ttl=TTL) for rdata in rdatas] +
                [hostile_dns.rr(name, RRSIG, wire, ttl=TTL) for wire in [*wrong, signature]])

    def add(self, name, rtype, *rdatas, bad=0):
        self.serve(name, dns.rdatatype.from_text(rtype), self.signed(name, rtype, rdatas, bad))

    def publish(self, policy=True, spf=SPF, bad=0):
        """SPF, and a DMARC record that ends the walk here: nothing else is asked."""
        name = self.name.to_text()
        self.add(name, "TXT", spf, bad=bad)
        if policy:
            self.add("_dmarc." + name, "TXT", '"v=DMARC1; p=reject; psd=n"')

    def deny(self, name, iterations):
        """One NSEC3 record, of the apex, that covers everything else."""
        apex = self.name.to_text()
        digest = dns.dnssec.nsec3_hash(apex, "", iterations, 1)
        record = self.signed(f"{digest}.{apex}".lower(), "NSEC3", [f"1 0 {iterations} - {digest} SOA TXT RRSIG DNSKEY"])
        soa = self.signed(apex, "SOA", [f"ns.{apex} root.{apex} 1 2 3 4 300"])
        for rtype in (A, TXT):
            self.serve(name, rtype, [], 3, [*soa, *record])


def twins(dnskey):
    """Keys with the tag of this one that sort before it: the tag is a sum of 16-bit words, whatever their order."""
    words = [dnskey.key[i:i + 2] for i in range(0, len(dnskey.key), 2)]
    turned = [[words[i], *words[1:i], words[0], *words[i + 1:]] for i in range(1, len(words)) if words[i] < words[0]]
    return [base64.b64encode(b"".join(key)).decode() for key in turned]


def others(count):
    """So many keys of any tag."""
    def make(_dnskey):
        return [base64.b64encode(os.urandom(32)).decode() for _ in range(count)]
    return make


class World:
    """The root, the victim's zone and those that the cases ask for."""

    def __init__(self):
        self.answers, self.root = {}, None
        self.root = Zone(self, ".")
        Zone(self, "victim.example.").publish(spf='"v=spf1 ip4:192.0.2.1 -all"')
        self.directory = tempfile.TemporaryDirectory(prefix="caps-")    # pylint: disable=consider-using-with
        self.anchor = os.path.join(self.directory.name, "anchor")
        with open(self.anchor, "w", encoding="ascii") as file:
            file.write(f". {TTL} IN DS {dns.dnssec.make_ds('.', self.root.dnskey, 'SHA256').to_text()}\n")

    def answer(self, query, name, rrtype, _tcp):
        records, rcode, authority = self.answers.get((name, rrtype), ([], 3, []))
        return hostile_dns.message(query, records, rcode=rcode, authority=authority)


@functools.cache
def world():
    return World()


def close():
    """Removes what the world wrote."""
    if world.cache_info().currsize:
        world().directory.cleanup()


@contextlib.contextmanager
def serve():
    with hostile_dns.HostileServer(world().answer) as server:
        yield server.port


def settings(text, more=""):
    def make():
        return (f'iprev {{ enabled = no }} spf {{ check-helo = no }} adsp {{ enabled = no }} {more}\n'
                f'dns {{ trust-anchor-files = "{world().anchor}" timeout = 5s {text} }}\n')
    return make


def dnssec_cap(option, value, finding="dnssec-bogus", more=""):
    """Registers a case. The function makes the zone of that name, in which SPF passes."""
    def register(make):
        made = set()

        def case(letter, excess):
            name = f"{make.__name__.replace('_', '-')}-{'over' if excess else 'under'}.example"
            if name not in made:
                made.add(name)
                make(name + ".", excess)
            letter.send_from(name)
        case.__name__ = make.__name__
        return cap("dns." + option, finding, settings=settings(f"{option} = {value}", more), serve=serve)(case)
    return register


@dnssec_cap("max-keys-per-signature", 2)
def keys_of_one_tag(name, excess):
    Zone(world(), name, decoys=lambda key: twins(key)[:1 + excess]).publish()


@dnssec_cap("max-signatures-per-rrset", 2)
def signatures_of_a_set(name, excess):
    Zone(world(), name).publish(bad=1 + excess)


@dnssec_cap("max-crypto-per-rrset", 2)
def verifications_of_a_set(name, excess):
    Zone(world(), name).publish(bad=1 + excess)


@dnssec_cap("max-crypto-per-lookup", 4)
def verifications_of_a_look_up(name, excess):
    """The zone's own keys and the DS records above count as well, where they are not known yet."""
    Zone(world(), name).publish(bad=4 * excess)


@dnssec_cap("max-failed-crypto-per-lookup", 2)
def failures_of_a_look_up(name, excess):
    Zone(world(), name).publish(bad=1 + excess)


@dnssec_cap("max-ds", 2)
def ds_records(name, excess):
    Zone(world(), name, fake_ds=1 + excess).publish()


@dnssec_cap("max-dnskeys", 3)
def keys(name, excess):
    Zone(world(), name, decoys=others(2 + excess)).publish()


@dnssec_cap("max-chain", 2)
def links(name, excess):
    zone = Zone(world(), name)
    zone.publish()
    names = [name, *(f"c{i}.{name}" for i in range(2 + excess))]
    records = [record for i in range(len(names) - 1) for record in zone.signed(names[i], "CNAME", [names[i + 1]])]
    zone.serve(name, TXT, records + zone.signed(names[-1], "TXT", [SPF]))


def absent(name, label, iterations):
    """A name that is proven not to be is asked for before SPF passes."""
    zone = Zone(world(), name)
    zone.publish(spf=f'"v=spf1 exists:{label}.{name} {SPF[8:]}')
    zone.deny(f"{label}.{name}", iterations)


@dnssec_cap("max-nsec3-work", 150)
def hashes(name, excess):
    absent(name, "a.b.c.d.e.f.g.h.i.j.k.l" if excess else "absent", 20)


ITERATIONS = Case("dns.max-nsec3-iterations", None, None, serve=serve, settings=settings(
    "max-nsec3-iterations = 5", 'policy strict { recipient-domains = "rcpt.example" require-secure-domains = ".example" }'))


def iterations(letter, excess):
    """No cap, but what makes a zone count as unsigned."""
    name = f"iterations-{5 + excess}.example"
    absent(name + ".", "absent", 5 + excess)
    letter.send_from(name)


ITERATIONS.make = iterations
