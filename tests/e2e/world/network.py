# SPDX-License-Identifier: BSD-2-Clause
"""
A network of its own for an MTA that takes nobody's word for the client's address: a namespace in which every address is local.
A client binds the address that it is to have and connects; what the MTA then sees is a real connection from there. Names of
clients stand in the hosts file of that namespace. It ends with its holder, a process of the world.
"""
import ctypes
import os
import socket
import subprocess
import threading

from .processes import wait_for

CLONE_NEWNET = 0x40000000
IPV6_FREEBIND = 78     # Python's socket has no name for it

# What is mounted is seen by the processes of this namespace only. A /dev of its own, because syslog(3) writes to /dev/log.
# Every address is local, so that any may be bound; unmounting is the kernel's, when the last process is gone.
HOLDER = r"""set -e
hostname {hostname}
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo 2>/dev/null || :
mount --bind {directory}/hosts /etc/hosts
mount --bind {directory}/resolv.conf /etc/resolv.conf
mount --bind {directory}/sasl /usr/lib/sasl2
mount -t tmpfs -o mode=755 tmpfs {directory}/dev
for device in null zero full random urandom tty; do
	: >{directory}/dev/$device
	mount --bind /dev/$device {directory}/dev/$device
done
ln -s {directory}/log.sock {directory}/dev/log
mount --move {directory}/dev /dev
: >{directory}/ready
exec sleep infinity
"""


def why_not():
    """@return why there can be no such network here, or None."""
    done = subprocess.run(["unshare", "--net", "--uts", "--mount", "sh", "-c", "ip link set lo up && ip route add local 0.0.0.0/0 dev lo"],
                          capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else "no namespaces here: " + done.stderr.strip()


class Listener(int):
    """A port that is reached through such a network, and else a number like others."""

    def __new__(cls, port, network):
        listener = super().__new__(cls, port)
        listener.network = network
        return listener


class Network:
    """directory: with sasl/ in it, which stands in the place of Cyrus SASL's. hostname: of the machine, as those inside see it."""

    def __init__(self, world, directory, hostname):
        self.directory, self.hostname, self.names, self.lock = directory, hostname, {}, threading.Lock()
        os.makedirs(os.path.join(directory, "dev"))
        self._write_hosts()
        with open(os.path.join(directory, "resolv.conf"), "w", encoding="ascii") as file:
            file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self._listen_to_syslog()
        script = HOLDER.format(hostname=hostname, directory=directory)
        self.holder = world.processes.start("network", ["unshare", "--net", "--uts", "--mount", "sh", "-c", script])
        wait_for(lambda: world.processes.alive(self.holder) and os.path.exists(os.path.join(directory, "ready")), "a network of its own")

    def inside(self, *command):
        """The command line that runs it inside."""
        return ["nsenter", f"--target={self.holder.pid}", "--net", "--uts", "--mount", f"--wd={self.directory}", "--", *command]

    def log(self):
        with open(os.path.join(self.directory, "syslog"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def _listen_to_syslog(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(os.path.join(self.directory, "log.sock"))
        os.chmod(os.path.join(self.directory, "log.sock"), 0o666)

        def read():
            with open(os.path.join(self.directory, "syslog"), "ab", buffering=0) as file:
                while True:
                    file.write(listener.recv(65536).rstrip(b"\0\n") + b"\n")
        with open(os.path.join(self.directory, "syslog"), "wb"):
            threading.Thread(target=read, daemon=True).start()

    def _write_hosts(self):
        """In place: the file is bound by its inode."""
        lines = [f"127.0.0.1 {self.hostname} localhost", "::1 localhost", *(f"{address} {name}" for address, name in self.names.items())]
        with open(os.path.join(self.directory, "hosts"), "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    def name(self, address, name):
        """name: that of the client's address and its way back; None: it has none."""
        with self.lock:
            if self.names.get(address) != name:
                self.names[address] = name
                self.names = {key: value for key, value in self.names.items() if value}
                self._write_hosts()

    def socket(self, family=socket.AF_INET):
        """A TCP socket inside: a socket stays in the network in which it was made. A thread goes there, and ends."""
        made = []

        def make():
            with open(f"/proc/{self.holder.pid}/ns/net", "rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    made.append(OSError(ctypes.get_errno(), "setns"))
                    return
            made.append(socket.socket(family, socket.SOCK_STREAM))
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]

    def connect(self, port, client=None, client_name=None, timeout=120):
        """A connection from that client's address (None: from this machine's own) to the port."""
        if client is not None:
            self.name(client, client_name)
        six = client is not None and ":" in client
        made = self.socket(socket.AF_INET6 if six else socket.AF_INET)
        try:
            made.settimeout(timeout)
            if six:     # unlike with IPv4 a route makes no address ours
                made.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            if client is not None:
                made.bind((client, 0))
            made.connect(("::1" if six else "127.0.0.1", int(port)))
        except OSError:
            made.close()
            raise
        return made

    def answers(self, port):
        try:
            self.connect(port, timeout=1).close()
        except OSError:
            return False
        return True
