# SPDX-License-Identifier: BSD-2-Clause
"""Other people's recursive servers on loopback, each forwarding to the tree's Unbound (dnssec_tree.py), which resolves without
validating. KINDS has a function for each; it starts the server and returns (process, address, port)."""
import glob
import os
import re
import shutil
import subprocess

import dns.exception
import dns.message
import dns.query
import pytest

from house import needs
from house.ports import free_port
from world.processes import wait_for

RESOLVED = "/var/cache/assay-tests/resolved"


def need(program):
    """@return its path."""
    needs.programs(program)
    return shutil.which(program)


def answers(port, address="127.0.0.1"):
    try:
        return bool(dns.query.udp(dns.message.make_query("ns.one.", "A"), address, port=port, timeout=0.5))
    except (dns.exception.DNSException, OSError):
        return False


class Kind:
    """
    full: whether it passes on what validation needs.
    loses_rcode: once an alias is in its cache, the rcode says that its missing target is there; the proof beside it stays.
    silent_on_expired: whether, where all signatures of a zone have expired, it says SERVFAIL in spite of CD and without the
    reason (RFC 8914). A function: it may have to ask the program for its version.
    """

    def __init__(self, name, start, full=True, loses_rcode=False, silent_on_expired=lambda: False):
        self.name, self.start, self.full = name, start, full
        self.loses_rcode, self.silent_on_expired = loses_rcode, silent_on_expired


def _launch(tree, name, argv, port):
    child = tree.world.processes.start(name, argv)
    wait_for(lambda: tree.world.processes.alive(child) and answers(port), f"{name} to answer on port {port}")
    return child, port


def _unbound(tree):
    need("unbound")
    port = free_port()
    return tree.start_unbound("other-unbound", port, "validator iterator"), port


def _dnsmasq(*options):
    def start(tree):
        port = free_port()
        return _launch(tree, "dnsmasq", [need("dnsmasq"), "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--user=root",
                       "--pid-file", "--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}",
                       f"--server=127.0.0.1#{tree.port}", *options], port)
    return start


def _dnsmasq_validating(tree):
    ds = [f"--trust-anchor=.,{','.join(text.split())}" for text in tree.zones["."].ds_records]
    return _dnsmasq("--dnssec", "--dnssec-no-timecheck", *ds)(tree)


def _pdns_version():
    """@return (major, minor), or (0, 0) where it does not tell."""
    told = subprocess.run([need("pdns_recursor"), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"Recursor (\d+)\.(\d+)", told.stdout + told.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _pdns_is_silent():
    """4.8 of Debian 12; 5.2 of Debian 13 gives the reason. Other bogus answers both hand on, as CD asks."""
    return _pdns_version() == (4, 8)


def _pdns(mode):
    def start(tree):
        program, port = need("pdns_recursor"), free_port()
        directory = tree.world.path("pdns")
        os.makedirs(directory, exist_ok=True)
        lua = tree.world.write("pdns/anchor.lua", "clearTA('.')\n" + "".join(
            f'addTA(".", "{text}")\n' for text in tree.zones["."].ds_records))
        tree.world.write("pdns/recursor.conf", f"""
local-address=127.0.0.1
local-port={port}
socket-dir={directory}
daemon=no
disable-syslog=yes
threads=1
dnssec={mode}
lua-config-file={lua}
forward-zones-recurse=.=127.0.0.1:{tree.port}
hint-file=no
serve-rfc1918=no
extended-resolution-errors=yes
max-negative-ttl=60
qname-minimization=no
""")
        # from 5.2 on the file is read as YAML, unless told otherwise
        old = ["--enable-old-settings"] if _pdns_version() >= (5, 2) else []
        return _launch(tree, "pdns", [program, f"--config-dir={directory}", *old], port)
    return start


def _kresd(tree):
    program, port = need("kresd"), free_port()
    directory = tree.world.path("kresd")
    os.makedirs(directory, exist_ok=True)
    tree.world.write("kresd/root.keys", "".join(f". 300 IN DS {text}\n" for text in tree.zones["."].ds_records))
    conf = tree.world.write("kresd/kresd.conf", f"""
net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})
trust_anchors.remove('.')
trust_anchors.add_file('root.keys', true)
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('priming')
modules.unload('detect_time_skew')
cache.size = 10 * MB
policy.add(policy.all(policy.FORWARD({{'127.0.0.1@{tree.port}'}})))
""")
    return _launch(tree, "kresd", [program, "-n", "-c", conf, directory], port)


def _bind(validation):
    def start(tree):
        program, port = need("named"), free_port()
        directory = tree.world.path("bind")
        os.makedirs(directory, exist_ok=True)
        anchors = "".join(". static-ds {} {} {} \"{}\";\n".format(*text.split()) for text in tree.zones["."].ds_records)
        conf = tree.world.write("bind/named.conf", f"""
options {{
    directory "{directory}"; pid-file none; session-keyfile none; managed-keys-directory "{directory}";
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    forward only; forwarders {{ 127.0.0.1 port {tree.port}; }};
    dnssec-validation {validation}; empty-zones-enable no; recursion yes; allow-query {{ any; }};
}};
{"trust-anchors { " + anchors + " };" if validation == "yes" else ""}
controls {{ }};
""")
        return _launch(tree, "bind", [program, "-g", "-n", "1", "-c", conf], port)
    return start


def _dnsdist(tree):
    program, port = need("dnsdist"), free_port()
    conf = tree.world.write("dnsdist.conf", f"""
setLocal("127.0.0.1:{port}")
newServer({{address="127.0.0.1:{tree.port}", healthCheckMode="up"}})
pc = newPacketCache(10000)
getPool(""):setCache(pc)
setACL({{"127.0.0.0/8"}})
""")
    return _launch(tree, "dnsdist", [program, "--supervised", "-C", conf], port)


def resolved_program():
    found = [path for path in glob.glob(RESOLVED + "/*/systemd/systemd-resolved") + glob.glob(RESOLVED + "/usr/lib/systemd/systemd-resolved")
             if os.access(path, os.X_OK)]
    if not found:
        pytest.skip(f"no systemd-resolved unpacked in {RESOLVED} (scripts/setup does it)")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-mn", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root and namespaces")
    return found[0]


KINDS = [
    Kind("unbound", _unbound),
    Kind("dnsmasq", _dnsmasq(), loses_rcode=True),
    Kind("dnsmasq-dnssec", _dnsmasq_validating, loses_rcode=True),
    Kind("pdns-off", _pdns("off"), full=False),
    Kind("pdns-process-no-validate", _pdns("process-no-validate")),
    Kind("pdns-process", _pdns("process"), silent_on_expired=_pdns_is_silent),
    Kind("pdns-validate", _pdns("validate"), silent_on_expired=_pdns_is_silent),
    Kind("kresd", _kresd),
    Kind("bind", _bind("yes")),
    Kind("bind-no-validation", _bind("no")),
    Kind("dnsdist", _dnsdist),
]
