# SPDX-License-Identifier: BSD-2-Clause
"""DNS of the private world: NSD serves one root zone, a non-validating Unbound resolves from it."""
import heapq
import selectors
import socket
import subprocess
import threading
import time

import dns.exception
import dns.message
import dns.query

from house.ports import bound_pair, free_port

from .processes import wait_for

SOA = "@ 300 IN SOA ns.example. hostmaster.example. {serial} 3600 600 86400 300"
BLACK_HOLE = "blackhole.example"    # its name server never answers


def txt(text):
    """Text as the character strings of one TXT record."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return " ".join('"%s"' % escaped[i:i + 250] for i in range(0, len(escaped), 250)) or '""'


class Dns:
    """NSD + Unbound. add() records first, then start(); or add() and reload() later (for names not asked before)."""

    def __init__(self, world, port=None):
        self.world = world
        self.records = []
        self.serial = 1
        self.nsd_port, self.port = free_port(), port or free_port()
        self.black_hole = bound_pair()      # takes questions and answers none
        self.black_port = self.black_hole[0].getsockname()[1]
        self.swallowed = set()              # names that it was asked for, as far as was_swallowed() has looked
        self.nsd = self.unbound = None
        self.add(".", "NS", "ns.example.")
        self.add("ns.example", "A", "127.0.0.1")

    def add(self, name, rtype, value, ttl=300):
        owner = name if name.endswith(".") else name + "."
        self.records.append(f"{owner} {ttl} IN {rtype} {txt(value) if rtype == 'TXT' else value}")

    def _write_zone(self):
        self.serial += 1
        lines = ["$ORIGIN .", SOA.format(serial=self.serial)] + self.records
        self.world.write("nsd/root.zone", "\n".join(lines) + "\n")

    def start(self):
        self._write_zone()
        self._start_black_hole()
        self._start_nsd()
        self.start_unbound()

    def _start_black_hole(self):
        udp, tcp = self.black_hole
        tcp.listen(1)
        self.world.on_close(udp.close)
        self.world.on_close(tcp.close)

    def was_swallowed(self, name):
        """Whether the name server that never answers was asked for it."""
        try:
            while True:
                question = dns.message.from_wire(self.black_hole[0].recv(4096, socket.MSG_DONTWAIT)).question[0]
                self.swallowed.add(question.name.to_text(True).lower())
        except BlockingIOError:
            return name in self.swallowed

    def _start_nsd(self):
        directory = self.world.path("nsd")
        conf = self.world.write("nsd/nsd.conf", f"""
server:
	ip-address: 127.0.0.1
	port: {self.nsd_port}
	server-count: 1
	username: ""
	chroot: ""
	zonesdir: "{directory}"
	database: ""
	pidfile: "{directory}/nsd.pid"
	xfrdfile: "{directory}/xfrd.state"
	zonelistfile: "{directory}/zone.list"
	xfrdir: "{directory}"
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: "."
	zonefile: "root.zone"
""")
        self.nsd = self.world.processes.start("nsd", ["nsd", "-d", "-c", conf])
        self._wait_answer(self.nsd_port, self.nsd)

    def start_unbound(self):
        """Also used to restart it with a cold cache."""
        if self.unbound is not None:
            self.world.processes.stop(self.unbound)
        directory = self.world.path("unbound")
        conf = self.world.write("unbound/unbound.conf", f"""
server:
	interface: 127.0.0.1
	port: {self.port}
	do-daemonize: no
	username: ""
	chroot: ""
	directory: "{directory}"
	pidfile: "{directory}/unbound.pid"
	use-syslog: no
	logfile: ""
	num-threads: 1
	module-config: "iterator"
	do-not-query-localhost: no
	do-ip6: no
	access-control: 127.0.0.0/8 allow
	unblock-lan-zones: yes
	local-zone: "test." nodefault
	local-zone: "invalid." nodefault
	local-zone: "2.0.192.in-addr.arpa." nodefault
	local-zone: "100.51.198.in-addr.arpa." nodefault
	local-zone: "113.0.203.in-addr.arpa." nodefault
	local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
remote-control:
	control-enable: no
stub-zone:
	name: "."
	stub-addr: 127.0.0.1@{self.nsd_port}
stub-zone:
	name: "{BLACK_HOLE}"
	stub-addr: 127.0.0.1@{self.black_port}
""")
        self.unbound = self.world.processes.start("unbound", ["unbound", "-d", "-p", "-c", conf])
        self._wait_answer(self.port, self.unbound)

    def _wait_answer(self, port, child):
        question = dns.message.make_query("ns.example.", "A")

        def answered():
            self.world.processes.alive(child)
            try:
                return bool(dns.query.udp(question, "127.0.0.1", port=port, timeout=0.3).answer)
            except (dns.exception.DNSException, OSError):
                return False
        wait_for(answered, f"{child.name} to answer on port {port}")

    def reload(self):
        """Makes NSD serve what was added since the start."""
        marker = f"serial{self.serial}.example"
        self.add(marker, "TXT", "here")
        self._write_zone()
        subprocess.run(["nsd-checkzone", ".", self.world.path("nsd/root.zone")], check=True, stdout=subprocess.DEVNULL)
        self.nsd.send_signal(1)
        question = dns.message.make_query(marker + ".", "TXT")

        def served():
            try:
                return bool(dns.query.udp(question, "127.0.0.1", port=self.nsd_port, timeout=0.3).answer)
            except (dns.exception.DNSException, OSError):
                return False
        wait_for(served, "NSD to reload its zone")


class DelayProxy:
    """Forwards DNS datagrams to a server on loopback and holds each answer back for delay_secs. Counts the questions."""

    def __init__(self, world, upstream_port, delay_secs, port=0):
        self.upstream = ("127.0.0.1", upstream_port)
        self.delay = delay_secs
        self.questions = 0
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", port))
        self.front.setblocking(False)
        self.port = self.front.getsockname()[1]
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        world.on_close(self.close)

    def close(self):
        self.stopping = True
        self.thread.join(5)
        self.front.close()

    def _run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.front, selectors.EVENT_READ, None)
        pending = []    # heap of (when, serial, answer, client)
        serial = 0
        while not self.stopping:
            timeout = 0.2
            if pending:
                timeout = max(0.0, min(timeout, pending[0][0] - time.monotonic()))
            for key, _ in selector.select(timeout):
                if key.data is None:
                    self._ask(selector)
                    continue
                serial += 1
                self._collect(selector, key, pending, serial)
            while pending and pending[0][0] <= time.monotonic():
                _, _, answer, client = heapq.heappop(pending)
                self.front.sendto(answer, client)
        for key in list(selector.get_map().values()):
            if key.data is not None:
                key.fileobj.close()
        selector.close()

    def arrived(self, question):  # pylint: disable=unused-argument
        """For those who answer some questions otherwise. @return None: forward it; an answer; b"": silence."""
        return None

    def _ask(self, selector):
        while True:
            try:
                question, client = self.front.recvfrom(65535)
            except BlockingIOError:
                return
            self.questions += 1
            answer = self.arrived(question)
            if answer is not None:
                if answer:
                    self.front.sendto(answer, client)
                continue
            back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            back.setblocking(False)
            back.connect(self.upstream)
            back.send(question)
            selector.register(back, selectors.EVENT_READ, client)

    def _collect(self, selector, key, pending, serial):
        try:
            answer = key.fileobj.recv(65535)
        except OSError:
            answer = None
        if answer is not None:
            heapq.heappush(pending, (time.monotonic() + self.delay, serial, answer, key.data))
        selector.unregister(key.fileobj)
        key.fileobj.close()
