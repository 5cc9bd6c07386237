# SPDX-License-Identifier: BSD-2-Clause
"""systemd-resolved as Debian ships it, for test_resolved.py: to be run by `unshare -mn python3`, as root.

usage: resolved_world.py SYSTEMD-RESOLVED
Makes a network of its own (loopback, and a link with multicast, so that LLMNR works), a small signed tree, systemd-resolved on
top of it and assayd on top of that; prints one JSON object of what each says.
"""
import json
import os
import subprocess
import sys

import dns.exception
import dns.message
import dns.query

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dnssec_tree  # noqa: E402  pylint: disable=wrong-import-position
from house import build  # noqa: E402  pylint: disable=wrong-import-position
from world import Assayd, World  # noqa: E402  pylint: disable=wrong-import-position
from world.processes import wait_for  # noqa: E402  pylint: disable=wrong-import-position

STUB, SECOND = "127.0.0.53", "127.0.0.54"
NAMES = [("www.nsec.one", "A"), ("nope.nsec.one", "A"), ("www.unsigned.one", "A"), ("www.expired.one", "A")]


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def bind_file(world, path, text):
    run("mount", "--bind", world.write("etc" + path, text), path)


def make_network():
    run("mount", "--make-rprivate", "/")
    run("ip", "link", "set", "lo", "up")
    try:
        run("ip", "link", "add", "link0", "type", "dummy")
    except subprocess.CalledProcessError:
        run("ip", "link", "add", "link0", "type", "veth", "peer", "name", "link1")
        run("ip", "link", "set", "link1", "up")
    run("ip", "address", "add", "192.0.2.77/24", "dev", "link0")
    run("ip", "link", "set", "link0", "up", "multicast", "on")


def make_system(world, port):
    """What resolved and assayd find in /etc and /run."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/systemd/resolved.conf.d")
    with open("/run/systemd/resolved.conf.d/tree.conf", "w", encoding="ascii") as file:
        file.write(f"[Resolve]\nDNS=127.0.0.1:{port}\nFallbackDNS=\nLLMNR=yes\n")
    for path, line in (("/etc/passwd", "systemd-resolve:x:64985:64985::/:/usr/sbin/nologin\n"),
                       ("/etc/group", "systemd-resolve:x:64985:\n")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if "systemd-resolve:" not in text:
            bind_file(world, path, text + line)
    bind_file(world, "/etc/resolv.conf", f"nameserver {STUB}\noptions edns0 trust-ad\n")


def answers(address):
    try:
        return dns.query.udp(dns.message.make_query("ns.one.", "A"), address, timeout=1).rcode() == 0
    except (dns.exception.DNSException, OSError):
        return False


def ask(address, name, rtype):
    reply = dns.query.udp(dns.message.make_query(name, rtype, want_dnssec=True), address, timeout=3)
    return dns.rcode.to_text(reply.rcode())


def assay(world, tree, name, servers):
    """assayd's word at start and `assay dns` for a few names, by that list of servers."""
    assayd = Assayd(world, 0, name=name, dnssec="validate", dns_timeout="3s",
                    dns_options=f'trust-anchor-files = {{ "{tree.anchor}" }}')
    write_config = assayd.write_config

    def write():
        path = write_config()
        with open(path, encoding="utf-8") as file:
            text = file.read().replace('servers = { "127.0.0.1@0" }', f"servers = {{ {servers} }}")
        return world.write(name + ".conf", text)
    assayd.write_config = write
    assayd.start()
    wait_for(lambda: "dnssec: validation" in assayd.log() or "no DNSSEC on" in assayd.log(), "the probe's word", 30)
    config = write()
    answered = {name: json.loads(run(build.program("assay"), "dns", "--json", "--config", config, name, rtype))
                for name, rtype in NAMES}
    log = assayd.log()
    return {"log": log, "status": assayd.stop(),
            "answers": {name: [answer["security"], answer["status"], answer["why"]] for name, answer in answered.items()}}


def main():
    make_network()
    with World() as world:
        tree = dnssec_tree.Tree(world, [
            dnssec_tree.Zone(".", "", algorithm=8, keys=2), dnssec_tree.Zone("one", "plain TXT \"tld\"\n", keys=2),
            dnssec_tree.Zone("nsec.one", dnssec_tree.HOST), dnssec_tree.Zone("unsigned.one", dnssec_tree.HOST, signed=False),
            dnssec_tree.Zone("expired.one", dnssec_tree.HOST, dates=(-60 * dnssec_tree.DAY, -30 * dnssec_tree.DAY))])
        tree.start()
        make_system(world, tree.port)
        child = world.processes.start("resolved", [sys.argv[1]])
        wait_for(lambda: world.processes.alive(child) and answers(STUB), "systemd-resolved to answer", 20)
        print(json.dumps({
            "stub": ask(STUB, "one.", "DS"), "second": ask(SECOND, "one.", "DS") if answers(SECOND) else None,
            "system": assay(world, tree, "system", ""), "named": assay(world, tree, "named", f'"{STUB}"')}))


if __name__ == "__main__":
    main()
