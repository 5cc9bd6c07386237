#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""CPU per validated answer that is in no cache: our validator against Unbound's, on the same answers.

Each question is a new name below a wildcard: a signed answer and its proof, both verified anew. Unbound's own figure is what
it spends with its validator less what it spends without; ours is the process of validate_driver less what it
spends on the same questions in a zone that is not signed (sockets, parsing).
usage: tests/bench/validate_unbound.py [QUESTIONS]     ASSAY_BUILD: the build directory (default: build/ in the tree)
"""
import os
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TESTS, os.path.join(TESTS, "e2e")]

import dns.message  # noqa: E402
import dns.query  # noqa: E402

import dnssec_tree  # noqa: E402
from house import build  # noqa: E402
from dnssec_driver import Driver  # noqa: E402
from world import World, free_port  # noqa: E402


def cpu_us(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def unbound_us(tree, port, child, zone, count, tag):
    before = cpu_us(child.pid)
    for i in range(count):
        question = dns.message.make_query(f"{tag}{i}.wild.{zone}", "TXT", want_dnssec=True)
        dns.query.udp(question, "127.0.0.1", port=port, timeout=10)
    return (cpu_us(child.pid) - before) / count


def driver_us(driver, zone, count, tag):
    driver.judge(f"first.wild.{zone}", "TXT")
    before = cpu_us(driver.child.pid)
    for i in range(count):
        driver.judge(f"{tag}{i}.wild.{zone}", "TXT")
    return (cpu_us(driver.child.pid) - before) / count


def main():
    build.of_argument()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    with World() as world:
        tree = dnssec_tree.Tree(world)
        tree.start()
        port = free_port()
        validating = tree.start_unbound("validating", port, "validator iterator")
        driver = Driver(tree.port, tree.anchor)
        print(f"CPU microseconds per answer, {count} answers (clock ticks of {1e6 / os.sysconf('SC_CLK_TCK'):.0f} us)")
        for zone in ("rsa256.one", "p256.one", "p384.one", "ed25519.one"):
            plain = unbound_us(tree, tree.port, tree.unbound, zone, count, "u")
            theirs = unbound_us(tree, port, validating, zone, count, "u") - plain
            base = driver_us(driver, "unsigned.one", count, zone[:4])
            ours = driver_us(driver, zone, count, "u") - base
            print(f"{zone:12} unbound {theirs:8.1f}   assay {ours:8.1f}   ratio {ours / max(theirs, 1):5.2f}")
        driver.close()


if __name__ == "__main__":
    main()
