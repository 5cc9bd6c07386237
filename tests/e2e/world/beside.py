# SPDX-License-Identifier: BSD-2-Clause
"""
Other people's filters beside assayd, each started on a socket in the world's directory: opendkim, opendmarc, proxsmtpd.
They are Debian's programs with a configuration of the test; none of them reads /etc or asks a name server of this machine.
"""
import os
import re
import shutil
import signal
import smtplib
import socketserver
import threading

from house.ports import free_port

from .processes import tcp_answers, unix_answers, wait_for

def _directory(world, name):
    directory = world.path(name)
    os.makedirs(directory, exist_ok=True)
    shutil.chown(directory, "nobody")
    return directory


class _Milter:
    """A milter that listens on a unix socket. milter: as main.cf names it."""

    def __init__(self, world, name, argv, lines):
        self.world, self.name = world, name
        self.socket = os.path.join(_directory(world, name), "milter.sock")
        conf = world.write(f"{name}/{name}.conf", "".join(f"{line}\n" for line in (
            f"Socket local:{self.socket}", "UMask 000", "UserID nobody", "Syslog no", *lines)))
        self.child = world.processes.start(name, [*argv, conf])
        world.on_close(self.stop)
        wait_for(lambda: world.processes.alive(self.child) and unix_answers(self.socket), f"{name}'s socket")

    @property
    def milter(self):
        return "unix:" + self.socket

    def stop(self):
        self.world.processes.stop(self.child)


def _texts(dns, part):
    """(name, text) of the zone's TXT records whose name has that part."""
    for record in dns.records:
        name, _, _, rtype, value = record.split(" ", 4)
        if rtype == "TXT" and part in name:
            yield name.rstrip("."), "".join(re.findall(r'"([^"]*)"', value))


class OpenDkim(_Milter):
    """Knows the keys that stand in the zone when it is made, and asks nobody for others."""

    def __init__(self, world, name, dns, *lines):
        _directory(world, name)
        data = world.write(f"{name}/keys", "".join(f"{key} {text}\n" for key, text in _texts(dns, "._domainkey.")))
        super().__init__(world, name, ["opendkim", "-f", "-x"], [
            "Mode v", "InternalHosts 203.0.113.254", f"TestDNSData {data}", *lines])


class OpenDmarc(_Milter):
    """Knows the policies that stand in the zone when it is made."""

    def __init__(self, world, name, dns, *lines):
        _directory(world, name)
        data = world.write(f"{name}/policies", "".join(f"{record} {text}\n" for record, text in _texts(dns, "_dmarc.")))
        super().__init__(world, name, ["opendmarc", "-f", "-c"], [f"TestDNSData {data}", *lines])


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
