# SPDX-License-Identifier: BSD-2-Clause
"""Zones whose proofs are signed as they are asked for: PowerDNS and Knot DNS, and a server of our own that says by NXNAME that a
name does not exist (compact denial, RFC 9824), or leaves that word out as older signers do.
"""
import contextlib
import json
import os
import socket
import subprocess
import threading
import time

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataset
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dnssec_driver import Resolver
from dnssec_tree import HOST
from house import build, needs
from house.ports import free_port
from world import World
from world.processes import wait_for

TTL = 300
SOA = "ns.one. hostmaster.one. 1 3600 600 86400 60"
DMARC = '"v=DMARC1; p=none; sp=none; np=reject"'


class Compact:
    """A root zone signed on the fly, on a UDP port. marks: whether NXNAME is said; restores: NXDOMAIN in spite of DO."""

    def __init__(self, world, marks, restores=False):
        self.marks, self.restores, self.stopping = marks, restores, False
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.dnskey = dns.dnssec.make_dnskey(self.key.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)
        self.records = {}
        self.add(".", "SOA", SOA)
        self.add(".", "NS", "ns.one.")
        self.add("good.one", "A", "192.0.2.1")
        self.add("_dmarc.good.one", "TXT", DMARC)
        self.records[dns.name.root][dns.rdatatype.DNSKEY] = dns.rdataset.from_rdata(TTL, self.dnskey)
        self.anchor = world.write(f"compact{marks:d}{restores:d}.key", f". {TTL} IN DNSKEY {self.dnskey.to_text()}\n")
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(0.2)
        self.port = self.udp.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def add(self, name, rtype, text):
        types = self.records.setdefault(dns.name.from_text(name), {})
        types[dns.rdatatype.from_text(rtype)] = dns.rdataset.from_text("IN", rtype, TTL, text)

    def signed(self, name, rdataset):
        """@return the RRset and its signature."""
        now = time.time()
        rrsig = dns.dnssec.sign((name, rdataset), self.key, dns.name.root, self.dnskey, inception=now - 3600, expiration=now + 3600)
        rrset = dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        return [rrset, dns.rrset.from_rdata(name, rdataset.ttl, rrsig)]

    def absence(self, name):
        """NSEC of the name itself, whether it is there or not."""
        types = self.records.get(name, {})
        exists = bool(types) or any(other.is_subdomain(name) for other in self.records)
        words = [dns.rdatatype.to_text(rtype) for rtype in types] + ["RRSIG", "NSEC"]
        if not exists and self.marks:
            words.append("TYPE128")
        following = dns.name.Name((b"\0",) + name.labels)
        nsec = dns.rdataset.from_text("IN", "NSEC", TTL, f"{following} {' '.join(words)}")
        return exists, self.signed(dns.name.root, self.records[dns.name.root][dns.rdatatype.SOA]) + self.signed(name, nsec)

    def reply(self, question):
        reply = dns.message.make_response(question, recursion_available=True)
        reply.flags |= dns.flags.AA
        name, rtype = question.question[0].name, question.question[0].rdtype
        name = dns.name.from_text(name.to_text().lower())
        found = self.records.get(name, {}).get(rtype)
        if found is not None:
            reply.answer = self.signed(name, found)
            return reply
        exists, reply.authority = self.absence(name)
        if not exists and self.restores:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply

    def run(self):
        while not self.stopping:
            with contextlib.suppress(OSError, dns.exception.DNSException):
                wire, client = self.udp.recvfrom(65535)
                self.udp.sendto(self.reply(dns.message.from_wire(wire)).to_wire(), client)

    def close(self):
        self.stopping = True
        self.thread.join(5)
        self.udp.close()


@pytest.fixture(name="world", scope="module")
def world_fixture():
    with World() as world:
        yield world


@pytest.fixture(name="compact", scope="module", params=[(True, False), (True, True), (False, False)],
                ids=["nxname", "nxname-nxdomain", "older"])
def compact_fixture(request, world):
    with contextlib.closing(Compact(world, *request.param)) as server:
        yield server


def ask(port, anchor, *questions):
    resolver = Resolver(port, anchor, 3000)
    try:
        return [(name, rtype, *resolver.ask(name, rtype)) for name, rtype in questions]
    finally:
        resolver.close()


def test_names_of_a_compact_signer(compact):
    absent = "NXDOMAIN" if compact.marks else "NODATA"
    wanted = [("good.one", "A", "NOERROR"), ("good.one", "MX", "NODATA"), ("one", "A", "NODATA"), ("nope.good.one", "A", absent),
              ("x.y.z.good.one", "TXT", absent), ("_dmarc.nope.good.one", "TXT", absent)]
    told = ask(compact.port, compact.anchor, *[(name, rtype) for name, rtype, _ in wanted])
    assert [(name, rtype, status) for name, rtype, _, (status, _, _), _ in told] == wanted, told
    assert all(security == "secure" for _, _, security, _, _ in told), told


def judged(compact, domain):
    """`assay check` on a message of an author there."""
    message = f"From: Somebody <x@{domain}>\r\nSubject: s\r\nDate: Sat, 1 Aug 2026 10:00:00 +0000\r\n\r\nbody\r\n"
    out = subprocess.run([build.program("assay"), "check", "--config", os.devnull, "--json", "--client", "192.0.2.200", "--resolver",
                          f"127.0.0.1@{compact.port}", "--trust-anchor", compact.anchor, "-"], input=message, capture_output=True,
                         text=True, check=False)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def test_np_and_adsp_behind_a_compact_signer(compact):
    there = judged(compact, "good.one")
    assert there["dmarc"]["policy"] == "none" and there["adsp"]["result"] != "nxdomain", there["dmarc"]
    nobody = judged(compact, "nope.good.one")
    assert nobody["dmarc"]["policy"] == ("reject" if compact.marks else "none"), nobody["dmarc"]
    assert (nobody["adsp"]["result"] == "nxdomain") == compact.marks, nobody["adsp"]


# ---- other people's signers, each with an island that is its own anchor ----

ZONE = f"$ORIGIN online.one.\n$TTL {TTL}\n@ SOA {SOA}\n@ NS ns.example.\nfar NS ns.example.\n{HOST}"


def knot(world):
    needs.programs("knotd")
    port = free_port()
    directory = world.path("knot")
    world.write("knot/online.one.zone", ZONE)
    conf = world.write("knot/knot.conf", f"""
server:
    rundir: "{directory}"
    listen: 127.0.0.1@{port}
database:
    storage: "{directory}"
zone:
  - domain: online.one
    storage: "{directory}"
    file: online.one.zone
    module: mod-onlinesign
""")
    return world.processes.start("knot", ["knotd", "-c", conf]), port


def powerdns(*commands):
    def start(world):
        needs.programs("pdns_server", "pdnsutil")
        port, name = free_port(), "pdns" + str(len(commands))
        directory = world.path(name)
        world.write(name + "/online.one.zone", ZONE)
        bind = world.write(name + "/named.conf", f'zone "online.one" {{ type master; file "{directory}/online.one.zone"; }};\n')
        world.write(name + "/pdns.conf", f"""
launch=bind
bind-config={bind}
bind-dnssec-db={directory}/keys.db
local-address=127.0.0.1
local-port={port}
socket-dir={directory}
daemon=no
guardian=no
security-poll-suffix=
""")
        for command in (["create-bind-db", directory + "/keys.db"], ["secure-zone", "online.one"], *commands):
            subprocess.run(["pdnsutil", "--config-dir=" + directory, *command], check=True, capture_output=True)
        return world.processes.start(name, ["pdns_server", "--config-dir=" + directory]), port
    return start


def dnskeys(port):
    try:
        reply = dns.query.udp(dns.message.make_query("online.one.", "DNSKEY"), "127.0.0.1", port=port, timeout=1)
    except (dns.exception.DNSException, OSError):
        return None
    return next((rrset for rrset in reply.answer if rrset.rdtype == dns.rdatatype.DNSKEY), None)


@pytest.mark.parametrize("start", [knot, powerdns(), powerdns(["set-nsec3", "online.one", "1 0 0 -", "narrow"])],
                         ids=["knot", "powerdns-nsec", "powerdns-nsec3-narrow"])
def test_online_signer(world, start):
    child, port = start(world)
    try:
        keys = wait_for(lambda: world.processes.alive(child) and dnskeys(port), "the signer's keys")
        anchor = world.write(child.name + ".key", keys.to_text() + "\n")
        compact = start is knot     # denies names as types of theirs, with or without NXNAME
        absent = ("NXDOMAIN", "NODATA") if compact else ("NXDOMAIN",)
        wanted = [("www", "A", ("NOERROR",)), ("www", "MX", ("NODATA",)), ("nope", "A", absent), ("x.y.z", "A", absent),
                  ("b.c.empty", "A", ("NODATA",)), ("n.wild", "TXT", ("NOERROR",)), ("n.wild", "A", ("NODATA",)),
                  ("alias", "A", ("NOERROR",)), ("_dmarc", "TXT", ("NOERROR",)), ("_dmarc.nope", "TXT", absent)]
        told = ask(port, anchor, *[(name + ".online.one", rtype) for name, rtype, _ in wanted])
        wrong = [line for line, (_, _, statuses) in zip(told, wanted) if line[2] != "secure" or line[3][0] not in statuses]
        assert not wrong, "\n".join(map(str, wrong))
    finally:
        world.processes.stop(child)
