# SPDX-License-Identifier: BSD-2-Clause
"""
Messages that cost the receiver as many DNS queries as a sender can bring about, and the zones behind them, for
test_starve.py and tests/bench/run-starve.

silentN.one has servers that never answer. X.evilN.one answers at once: its SPF record names ten domains as MX, each with
ten hosts, all of them in silent zones, so that one domain in an envelope is 111 look-ups. Each name of a message bears
the message's label, by which its queries are found again.
"""
import collections
import contextlib
import re
import socket
import sys
import time

import dns.message
import dns.rdatatype
import dns.rrset

import dnssec_tree
from world import DelayProxy
from world import mail as m

sys.path.insert(0, __file__.rsplit("/e2e/", 1)[0] + "/flow")

import milterclient  # noqa: E402  pylint: disable=wrong-import-position

FANOUT = 10             # domains of an SPF record, and hosts of each: what RFC 7208 section 4.6.4 lets pass
SIGNATURES, AUTHORS = 20, 7
LONG_LABELS = 105       # as many as leave room for a selector and the label of the message
LONG_NAMES, LONG_AUTHORS = 60, 8
KINDS = ("denied", "hashed", "wildcard", "unsigned")
BUFFER_BYTES = 32 << 20
LABEL = re.compile(r"(?:^|\.)([mq]\d+)\.")     # m: of a message, q: of a session (its HELO name)


def signature_field(domain, selector):
    """Well formed, so that its key is asked for; nothing more."""
    return ("DKIM-Signature", f"v=1; a=rsa-sha256; d={domain}; s={selector}; h=from; bh={'A' * 43}=;\r\n\tb={'B' * 342}==")


class Hostile:
    """
    One message: its envelope, and header fields whose names are asked in vain.
    label: "m" and digits. zones: how many silent ones there are. first: the one to begin with.
    """

    def __init__(self, label, zones, first=0):
        self.label = label
        self.sender = f"<x@{label}.evil{first % zones}.one>"
        self.helo = f"h.{label}.evil{first % zones}.one"
        domains = [f"{label}.silent{(first + i) % zones}.one" for i in range(max(SIGNATURES, AUTHORS))]
        authors = ", ".join(f"a@a.b.c.d.e.f{i}.{domains[i]}" for i in range(AUTHORS))
        self.fields = [signature_field(domains[i], f"k{i}") for i in range(SIGNATURES)] + [("From", authors), ("Subject", "x")]

    def open(self, address, client):
        """@return a session of that client. address: of the milter."""
        session = milterclient.Client(address, timeout=300)
        session.connect(name="[" + client + "]", address=client)
        session.helo(self.helo)
        return session

    def send(self, session, queue_id="HOSTILE"):
        """Up to the reply. @return milterclient.Outcome"""
        session.mail(self.sender, i=queue_id)
        reply = session.rcpt(f"<ann@{m.RECIPIENT_DOMAIN}>")
        if reply is not None and reply[0] != "c":
            return None
        for name, value in self.fields:
            session.header(name, value)
        session.eoh()
        session.body(b"x\r\n")
        return session.eom(i=queue_id)


Query = collections.namedtuple("Query", "time kind type name")


def label_of(name):
    """Of the hostile message or session that a query belongs to; None."""
    found = LABEL.search(name)
    return found.group(1) if found else None


# ---- names that are long, in signed zones whose answers for them bear no signature: each label has to be looked at ----

def long_name(number, kind):
    return "a." * LONG_LABELS + f"n{number}.{kind}.one"


def _long_zone_text(kind):
    """Long names, some of which chain SPF records; a wildcard answers for all in two of the kinds."""
    if kind in ("wildcard", "unsigned"):
        return '* TXT "v=spf1 -all"\n'
    lines = []
    for i in range(LONG_NAMES):
        name = long_name(i, kind)
        lines += [f'{name}. TXT "v=spf1 redirect={long_name((i + 1) % LONG_NAMES, kind)}"',
                  f'k._domainkey.{name}. TXT "v=DKIM1; p="', f'_dmarc.{name}. TXT "v=DMARC1; p=none"']
    return "\n".join(lines) + "\n"


def _unsign_texts(lines, _zone):
    """The answers lose their signatures, the proofs of what is absent keep theirs."""
    return [line for line in lines if line.split()[3:5] != ["RRSIG", "TXT"]]


def long_zones():
    return [dnssec_tree.Zone(kind + ".one", _long_zone_text(kind), signed=kind != "unsigned", spoil=_unsign_texts,
                             nsec3=(0, "") if kind == "hashed" else None) for kind in KINDS]


def long_message(kind, numbers):
    """Envelope and fields with long names of their own, 15 KB."""
    names = iter([long_name(i, kind) for i in numbers])
    fields = [signature_field(next(names), "k") for _ in range(SIGNATURES)]
    fields.append(("From", ", ".join("a@" + next(names) for _ in range(LONG_AUTHORS))))
    return f"<x@{next(names)}>", fields


class Chain(Hostile):
    """Fifteen kilobytes of long names below a wildcard, each of which says that there might be a zone at any of its labels."""

    def __init__(self, label, zones, first=0):
        super().__init__(label, zones, first)
        names = [f"{'a.' * LONG_LABELS}n{i}.{label}.wildcard.one" for i in range(SIGNATURES + LONG_AUTHORS + 2)]
        self.fields = [signature_field(name, "k") for name in names[:SIGNATURES]]
        self.fields.append(("From", ", ".join("a@" + name for name in names[SIGNATURES:-2])))
        self.helo, self.sender = names[-1], f"<x@{names[-2]}>"


class Front(DelayProxy):
    """A recursive server's front: silent for the silent zones, the attacker's server for evil ones, else it forwards."""

    def __init__(self, world, upstream_port, zones=1, delay_secs=0):
        self.zones, self.queries = zones, []
        self.held = None        # a function name → True for what is not answered either
        super().__init__(world, upstream_port, delay_secs)
        with contextlib.suppress(PermissionError):
            self.front.setsockopt(socket.SOL_SOCKET, 33, BUFFER_BYTES)      # SO_RCVBUFFORCE

    def arrived(self, question):
        name, rtype = parse_question(question)
        zone = re.search(r"(?:^|\.)(evil|silent)(\d+)\.one$", name)
        at_cut = zone is not None and zone.start() == 0 and rtype == dns.rdatatype.DS
        kind = "f" if zone is None or at_cut else zone.group(1)[0]
        if self.held is not None and self.held(name):
            kind = "s"
        self.queries.append(Query(time.monotonic(), kind, rtype, name))
        if kind == "f":
            return None
        return b"" if kind == "s" else self._evil(question, name, rtype, int(zone.group(2)))

    def _evil(self, question, name, rtype, number):
        response = dns.message.make_response(dns.message.from_wire(question), recursion_available=True)
        below = name.rsplit(".", 2)[0]
        records = []
        if rtype == dns.rdatatype.TXT and name.count(".") > 1 and name[0] != "_":
            pieces = ["v=spf1"] + [f" mx:x{i}.{name}" for i in range(FANOUT)] + [" -all"]
            records = [" ".join(f'"{piece}"' for piece in pieces)]
        elif rtype == dns.rdatatype.MX and name[0] == "x":
            records = [f"{i} h{i}.{below}.silent{(number + i) % self.zones}.one." for i in range(FANOUT)]
        if records:
            response.answer.append(dns.rrset.from_text(name + ".", 60, "IN", rtype, *records))
        return response.to_wire()

    def of(self, label):
        """The queries of one hostile message."""
        return [query for query in list(self.queries) if label_of(query.name) == label]


def parse_question(wire):
    labels, at = [], 12
    while wire[at] != 0:
        labels.append(wire[at + 1:at + 1 + wire[at]].decode("latin-1").lower())
        at += wire[at] + 1
    return ".".join(labels), int.from_bytes(wire[at + 1:at + 3], "big")


def read_log(path):
    """Of dnsfront."""
    with open(path, encoding="latin-1") as file:
        for line in file:
            when, kind, rtype, name = line.split()
            yield Query(float(when), kind, int(rtype), name.rstrip("."))
