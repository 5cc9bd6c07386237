# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server on loopback that serves the zonedata of an SPF test suite, by UDP and TCP on one port.

Zonedata is what the suite's YAML says: {name: [{TYPE: data} | "TIMEOUT", ...]}. A query for a type that the name does not
have is not answered when the name has TIMEOUT. Type SPF is served and doubled as TXT unless the name has TXT itself
("TXT: NONE" is TXT without records).
"""
import socket
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.PTR
import dns.rdtypes.ANY.SPF
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rrset

from house.ports import bound_pair

IN = dns.rdataclass.IN
CHAIN = 20


def name_of(text):
    labels = [label for label in str(text).rstrip(".").encode("latin-1").split(b".") if label]
    return dns.name.Name(labels + [b""])


def strings_of(data):
    pieces = data if isinstance(data, list) else [data]
    out = []
    for piece in pieces:
        raw = str(piece).encode("latin-1")
        out += [raw[i:i + 255] for i in range(0, len(raw), 255)]
    return out or [b""]  # a TXT without any string cannot stand in a message


def rdata_of(rrtype, data):
    if rrtype == "A":
        return dns.rdtypes.IN.A.A(IN, dns.rdatatype.A, str(data))
    if rrtype == "AAAA":
        return dns.rdtypes.IN.AAAA.AAAA(IN, dns.rdatatype.AAAA, str(data))
    if rrtype == "MX":
        return dns.rdtypes.ANY.MX.MX(IN, dns.rdatatype.MX, int(data[0]), name_of(data[1]))
    if rrtype == "PTR":
        return dns.rdtypes.ANY.PTR.PTR(IN, dns.rdatatype.PTR, name_of(data))
    if rrtype == "CNAME":
        return dns.rdtypes.ANY.CNAME.CNAME(IN, dns.rdatatype.CNAME, name_of(data))
    if rrtype == "SPF":
        return dns.rdtypes.ANY.SPF.SPF(IN, dns.rdatatype.SPF, strings_of(data))
    assert rrtype == "TXT", rrtype
    return dns.rdtypes.ANY.TXT.TXT(IN, dns.rdatatype.TXT, strings_of(data))


class Zone:
    def __init__(self, zonedata):
        self.records = {}       # name → {type: [rdata]}
        self.silent = set()     # names with TIMEOUT
        for name, entries in zonedata.items():
            self.add(name_of(name), entries)

    def add(self, name, entries):
        records = self.records.setdefault(name, {})
        pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
        types = {rrtype for rrtype, _ in pairs}
        for entry in entries:
            if entry == "TIMEOUT":
                self.silent.add(name)
        for rrtype, data in pairs:
            for served in [rrtype] + (["TXT"] if rrtype == "SPF" and "TXT" not in types else []):
                if data != "NONE":
                    records.setdefault(dns.rdatatype.from_text(served), []).append(rdata_of(served, data))

    def exists(self, name):
        return name in self.records or any(other.is_subdomain(name) for other in self.records)

    def answer(self, query):
        """The response message; None: silence."""
        question = query.question[0]
        name, rrtype = question.name, question.rdtype
        response = dns.message.make_response(query, recursion_available=True)
        for _ in range(CHAIN):
            records = self.records.get(name, {})
            if rrtype in records:
                self.put(response, name, rrtype, records[rrtype])
                return response
            if name in self.silent:
                return None
            if dns.rdatatype.CNAME not in records:
                break
            if response.get_rrset(response.answer, name, IN, dns.rdatatype.CNAME):
                return response  # a loop
            self.put(response, name, dns.rdatatype.CNAME, records[dns.rdatatype.CNAME])
            name = records[dns.rdatatype.CNAME][0].target
        if not self.exists(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    @staticmethod
    def put(response, name, rrtype, rdatas):
        rrset = dns.rrset.RRset(name, IN, rrtype)
        for rdata in rdatas:
            rrset.add(rdata, 60)
        response.answer.append(rrset)


class SuiteServer:
    def __init__(self, zonedata):
        self.zone = Zone(zonedata)
        self.udp, self.tcp = bound_pair()
        self.port = self.udp.getsockname()[1]
        self.tcp.listen(64)
        self.stopping = False
        self.udp.settimeout(0.2)
        self.tcp.settimeout(0.2)
        self.queries = []
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self.serve_udp, self.serve_tcp)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()

    def respond(self, wire, limit):
        query = dns.message.from_wire(wire)
        self.queries.append((query.question[0].name, query.question[0].rdtype))
        response = self.zone.answer(query)
        if response is None:
            return None
        try:
            return response.to_wire(max_size=min(limit, query.payload or 512) if limit < 65535 else limit)
        except dns.exception.TooBig:
            short = dns.message.make_response(query, recursion_available=True)
            short.flags |= dns.flags.TC
            return short.to_wire()

    def serve_udp(self):
        while not self.stopping:
            try:
                wire, peer = self.udp.recvfrom(65535)
            except socket.timeout:
                continue
            answer = self.respond(wire, 4096)
            if answer is not None:
                self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while not self.stopping:
            try:
                connection, _ = self.tcp.accept()
            except socket.timeout:
                continue
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()

    def serve_connection(self, connection):
        with connection:
            connection.settimeout(5)
            stream = connection.makefile("rb")
            try:
                while True:
                    head = stream.read(2)
                    if len(head) < 2:
                        return
                    answer = self.respond(stream.read(struct.unpack("!H", head)[0]), 65535)
                    if answer is not None:
                        connection.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:
                return
