# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server on loopback that answers as no server should.

Answers are made byte by byte, because libraries refuse to make what is served here. One behaviour a name:
`behaviours[name]` is a function (question wire, name labels, type, id) → bytes, or None for silence.
"""
import socket
import struct
import threading

from house.ports import bound_pair

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA = 1, 2, 5, 6, 12, 15, 16, 28
NSEC3, TSIG = 50, 250


def wire_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            raw = label.encode("latin-1")
            out += bytes([len(raw)]) + raw
    return out + b"\0"


def txt_rdata(text):
    raw = text if isinstance(text, bytes) else text.encode("latin-1")
    out = b""
    for i in range(0, max(len(raw), 1), 255):
        piece = raw[i:i + 255]
        out += bytes([len(piece)]) + piece
    return out


def rr(name, rrtype, rdata, ttl=60, rdlength=None, raw_name=None):
    owner = raw_name if raw_name is not None else wire_name(name)
    return owner + struct.pack("!HHIH", rrtype, 1, ttl, len(rdata) if rdlength is None else rdlength) + rdata


def message(query, answers=(), rcode=0, flags=0x8180, authority=(), additional=(), counts=None, identifier=None):
    """A response to the query, with its question; counts may lie."""
    end = 12
    while query[end] != 0:
        end += query[end] + 1
    question = query[12:end + 5]
    number = struct.unpack("!H", query[:2])[0] if identifier is None else identifier
    counts = counts or (1, len(answers), len(authority), len(additional))
    return struct.pack("!HHHHHH", number, flags | rcode, *counts) + question + b"".join(answers) + b"".join(
        authority) + b"".join(additional)


def parse_question(query):
    labels, at = [], 12
    while query[at] != 0:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
        at += query[at] + 1
    return ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])[0]


class HostileServer:
    """UDP and TCP on one loopback port. `answer(query, name, rrtype, tcp)` gives bytes, a list of bytes, or None."""

    def __init__(self, answer):
        self.answer = answer
        self.queries = []
        self.udp, self.tcp = bound_pair()
        self.tcp.listen(64)
        self.port = self.udp.getsockname()[1]
        self.stopping = False
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        try:
            self.tcp.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        wake = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        wake.sendto(b"", ("127.0.0.1", self.port))
        wake.close()
        for thread in self.threads:
            thread.join(2)
        self.udp.close()
        self.tcp.close()

    def _replies(self, query, tcp):
        try:
            name, rrtype = parse_question(query)
        except IndexError:
            return []
        self.queries.append((name, rrtype, tcp))
        replies = self.answer(query, name, rrtype, tcp)
        if replies is None:
            return []
        return replies if isinstance(replies, list) else [replies]

    def _serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(65535)
            if self.stopping:
                return
            for reply in self._replies(query, False):
                if len(reply) > 1232:  # what does not fit is truncated as the protocol says
                    reply = message(query, flags=0x8380)
                self.udp.sendto(reply, peer)

    def _serve_tcp(self):
        while not self.stopping:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                while True:
                    length = connection.recv(2)
                    if len(length) < 2:
                        return
                    query = connection.recv(struct.unpack("!H", length)[0])
                    for reply in self._replies(query, True):
                        connection.sendall(struct.pack("!H", min(len(reply), 65535)) + reply[:65535])
            except OSError:
                return
