# SPDX-License-Identifier: BSD-2-Clause
"""The validator, and the whole resolver, in processes of their own (tests/unit/validate_driver, resolver_driver)."""
import subprocess

import dns.exception
import dns.message
import dns.rdata
import dns.rdatatype
import pytest

from house import build


class Driver:
    """The validator in a process of its own, on one recursive server."""

    def __init__(self, port, anchor, *more):
        self.child = subprocess.Popen([build.program("tests/unit/validate_driver"), str(port), anchor, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _send(self, line):
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

    def judge(self, name, rtype):
        """@return (security, rcode, ttl, message or None, why)"""
        self._send(f"{name} {int(dns.rdatatype.from_text(rtype))}")
        line = self.child.stdout.readline().decode()
        assert line, f"validate_driver ended with {self.child.wait()} on {name} {rtype}"
        security, rcode, ttl, wire, why = line.rstrip("\n").split("\t")
        try:    # a record that is broken is left out: it may be an RRSIG that nobody needs
            message = dns.message.from_wire(bytes.fromhex(wire), ignore_trailing=True, continue_on_error=True) if wire else None
            if message is not None and int(rcode) != message.rcode() & 15:      # what is proven goes before what nobody signed
                message.set_rcode(int(rcode))
        except dns.exception.DNSException:
            message = None
        return security, int(rcode), int(ttl), message, why

    def explain(self, name, rtype):
        self._send(f"explain {name} {int(dns.rdatatype.from_text(rtype))}")
        lines = []
        while True:
            line = self.child.stdout.readline().decode()
            if line in ("\n", ""):
                return lines
            lines.append(line.rstrip("\n"))

    def reset(self):
        self._send("reset")

    def close(self):
        self.child.stdin.close()
        assert self.child.wait(10) == 0
        self.child.stdout.close()


class Resolver(Driver):
    """The whole resolver in a process of its own."""

    def __init__(self, port, anchor, timeout_ms):   # pylint: disable=super-init-not-called
        self.child = subprocess.Popen([build.program("tests/unit/resolver_driver"), str(port), anchor, str(timeout_ms)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def probe(self):
        """@return (outcome, what, why) of resolver/probe.h"""
        self._send("probe")
        return self.child.stdout.readline().decode().rstrip("\n").split("\t")

    def ask(self, name, rtype):
        """@return (security, (status, canonical name, records), why)"""
        self._send(f"{name} {int(dns.rdatatype.from_text(rtype))}")
        line = self.child.stdout.readline().decode()
        assert line, f"resolver_driver ended with {self.child.wait()} on {name} {rtype}"
        security, status, canonical, records, why = line.rstrip("\n").split("\t")
        return security, (status, canonical, frozenset(records.split())), why


@pytest.fixture(name="driver", scope="module")
def fixture_driver(tree):
    made = Driver(tree.port, tree.anchor)
    yield made
    made.close()


# ---- differential test --------------------------------------------------------------------------------------------

LABELS = ["", "www", "txt", "mail", "alias", "nope", "zzz", "a.b.c.empty", "b.c.empty", "empty", "q.wild", "*.wild",
          "exact.wild", "x.exact.wild", "wild", "_dmarc", "deep", "www.deep", "nope.nope", "ns", "0", "mixedcase", "srv",
          "x.www", "to", "absent", "d", "www.d", "x.w", "w", "unsigned", "www.unsigned", "signed", "www.signed", "ent",
          "target", "source", "victim", "t", "plain"]
