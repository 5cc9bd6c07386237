# SPDX-License-Identifier: BSD-2-Clause
"""
Other people's filters beside assayd, each started on a socket in the world's directory: opendkim, opendmarc, spamd, proxsmtpd.
They are Debian's programs with a configuration of the test; none of them reads /etc or asks a name server of this machine.
"""
import os
import re
import shutil
import signal
import smtplib
import socketserver
import subprocess
import threading

from house.ports import free_port

from .mail import AUTHSERV_ID
from .processes import tcp_answers, unix_answers, wait_for

SPAMD_RULES = f"""\
authres_trusted_authserv {AUTHSERV_ID}
authres_networks all
use_bayes 0
dns_available no
util_rb_tld example
"""


def _directory(world, name):
    directory = world.path(name)
    os.makedirs(directory, exist_ok=True)
    shutil.chown(directory, "nobody")
    return directory


class _Milter:
    """A milter that listens on a unix socket. milter: as main.cf names it."""

    def __init__(self, world, name, argv, lines, wrapper=()):
        self.world, self.name = world, name
        self.socket = os.path.join(_directory(world, name), "milter.sock")
        conf = world.write(f"{name}/{name}.conf", "".join(f"{line}\n" for line in (
            f"Socket local:{self.socket}", "UMask 000", "UserID nobody", "Syslog no", *lines)))
        self.child = world.processes.start(name, [*wrapper, *argv, conf])
        world.on_close(self.stop)
        wait_for(lambda: world.processes.alive(self.child) and unix_answers(self.socket), f"{name}'s socket")

    @property
    def milter(self):
        return "unix:" + self.socket

    def stop(self):
        """Nothing of it is worth waiting for, and its namespace goes with it."""
        self.world.processes.stop(self.child, signal.SIGKILL)


def _key_records(dns):
    for record in dns.records:
        name, _, _, rtype, value = record.split(" ", 4)
        if rtype == "TXT" and "._domainkey." in name:
            yield name.rstrip("."), "".join(re.findall(r'"([^"]*)"', value))


class OpenDkim(_Milter):
    """Knows the keys that stand in the zone when it is made, and asks nobody for others."""

    def __init__(self, world, name, dns, *lines):
        _directory(world, name)
        data = world.write(f"{name}/keys", "".join(f"{key} {text}\n" for key, text in _key_records(dns)))
        super().__init__(world, name, ["opendkim", "-f", "-x"], [
            "Mode v", "InternalHosts 203.0.113.254", f"TestDNSData {data}", *lines])


# opendmarc asks port 53 of the servers in /etc/resolv.conf: it gets a network of its own with a copy of the zone.
NAMESPACE = """set -e
ip link set lo up
mount --make-rprivate /
mount --bind {directory}/resolv.conf /etc/resolv.conf
nsd -d -c {directory}/nsd.conf &
exec "$@"
"""
NSD_CONF = """server:
	ip-address: 127.0.0.1
	port: 53
	server-count: 1
	username: ""
	chroot: ""
	zonesdir: "{zones}"
	database: ""
	pidfile: "{directory}/nsd.pid"
	xfrdfile: "{directory}/xfrd.state"
	zonelistfile: "{directory}/zone.list"
	xfrdir: "{directory}"
	rrl-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: "."
	zonefile: "root.zone"
"""


class OpenDmarc(_Milter):
    def __init__(self, world, name, *lines):
        directory = _directory(world, name)
        world.write(f"{name}/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n")
        world.write(f"{name}/nsd.conf", NSD_CONF.format(directory=directory, zones=world.path("nsd")))
        super().__init__(world, name, ["opendmarc", "-f", "-c"], lines, [
            "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", NAMESPACE.format(directory=directory), "sh"])


class Proxsmtp:
    """An SMTP proxy that hands every message through a command."""

    def __init__(self, world, name, to_port, command="/bin/cat"):
        self.world, self.port = world, free_port()
        directory = _directory(world, name)
        conf = world.write(f"{name}/{name}.conf", f"OutAddress: 127.0.0.1:{to_port}\nListen: 127.0.0.1:{self.port}\n"
                           f"FilterType: pipe\nFilterCommand: {command}\nTempDirectory: {directory}\nUser: nobody\n"
                           "Header: X-Filtered: yes\n")
        self.child = world.processes.start(name, ["proxsmtpd", "-d", "4", "-f", conf])
        world.on_close(self.stop)
        wait_for(lambda: world.processes.alive(self.child) and tcp_answers(self.port), f"{name}'s port")

    def stop(self):
        self.world.processes.stop(self.child, signal.SIGKILL)


class Spamd:
    """SpamAssassin without rules but those given, without network, with the plugin that reads Authentication-Results."""

    def __init__(self, world, name, rules):
        self.world = world
        directory = _directory(world, name)
        self.socket = os.path.join(directory, "spamd.sock")
        world.write(f"{name}/site/init.pre", "".join(
            f"loadplugin Mail::SpamAssassin::Plugin::{plugin}\n" for plugin in ("Check", "AuthRes")))
        world.write(f"{name}/site/local.cf", SPAMD_RULES + rules)
        world.write(f"{name}/rules/none.cf", "")
        self.child = world.processes.start(name, [
            "spamd", "-L", "-x", "-u", "nobody", "--min-children=1", "--max-children=1", f"--socketpath={self.socket}", "--socketmode=0666",
            f"--siteconfigpath={directory}/site", f"--configpath={directory}/rules", f"--helper-home-dir={directory}", "-s", "stderr"])
        world.on_close(self.stop)
        wait_for(lambda: world.processes.alive(self.child) and unix_answers(self.socket), "spamd's socket", 60)

    def stop(self):
        self.world.processes.stop(self.child)

    def hits(self, raw):
        """Names of the rules that a message meets."""
        done = subprocess.run(["spamc", "-U", self.socket, "-y"], input=raw, capture_output=True, check=True)
        return {name for name in done.stdout.decode().strip().split(",") if name}


class XclientProxy:
    """
    A proxy of smtpd_proxy_filter that knows how to tell the smtpd behind it whom it speaks for: it gets XFORWARD, and says XCLIENT.
    """

    def __init__(self, world, to_port):
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                proxy.session(self.rfile, self.wfile)

        self.to_port = to_port
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        world.on_close(self.stop)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def session(self, rfile, wfile):
        client, behind = {}, None

        def say(text):
            wfile.write(text.encode() + b"\r\n")

        say("220 proxy ESMTP")
        for line in rfile:
            words = line.decode("latin-1").split()
            verb = words[0].upper() if words else ""
            if verb == "EHLO":
                say("250-proxy\r\n250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE")
            elif verb == "XFORWARD":
                client.update(word.split("=", 1) for word in words[1:])
                say("250 noted")
            elif verb == "DATA":
                say("354 go on")
                self.data(rfile, behind, say)
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                behind = behind or self.connect(client)
                code, text = behind.docmd(line.decode("latin-1").strip())
                say(f"{code} {text.decode()}")
        if behind is not None:
            behind.close()

    def connect(self, client):
        behind = smtplib.SMTP("127.0.0.1", self.to_port, local_hostname=client["HELO"])
        behind.ehlo()
        code, text = behind.docmd("XCLIENT", f"NAME={client['NAME']} ADDR={client['ADDR']}")
        if code != 220:
            raise RuntimeError(f"XCLIENT refused: {code} {text}")
        behind.ehlo(client["HELO"])
        return behind

    @staticmethod
    def data(rfile, behind, say):
        message = b"X-Filtered: yes\r\n"
        for line in rfile:
            message += line
            if line == b".\r\n":
                break
        behind.docmd("DATA")
        behind.send(message)
        code, text = behind.getreply()
        say(f"{code} {text.decode()}")
