# SPDX-License-Identifier: BSD-2-Clause
"""assayd under test: its configuration, start, reload and end."""
import os
import re
import shutil
import signal

from house import build

from .mail import AUTHSERV_ID
from .processes import unix_answers, wait_for

CONFIG = """\
socket = "unix:{socket}"
user = "nobody"
umask = 000
log-target = stderr
log-level = {log_level}
authserv-id = "{authserv_id}"
mode = {mode}
trusted-networks = {{ {trusted} }}
help-url = "https://help.assay.example/%s"
{options}
dns {{
	servers = {{ "127.0.0.1@{dns_port}" }}
	dnssec = {dnssec}
	timeout = {dns_timeout}
	rounds = 2
	fail-ttl = 1s
	{dns_options}
}}
findings {{
{findings}
}}
{policies}
"""

# What an admin who wants to see everything act would write; the rest stays at the defaults.
STRICT = {"spf-fail": "reject", "adsp-discardable": "reject", "from-multiple": "reject", "spf-temperror": "defer",
          "dmarc-temperror": "defer"}


TRUSTED = '"127.0.0.0/8", "198.51.100.0/24"'


class Assayd:
    """dns_port: the resolver. Everything else may be changed between start()s, or before reload()."""

    def __init__(self, world, dns_port, mode="dry-run", findings=None, policies="", options="", dns_options="",
                 dns_timeout="400ms", dnssec="off", name="assayd", trusted=TRUSTED):
        self.world, self.dns_port, self.name = world, dns_port, name
        self.mode, self.findings, self.policies = mode, dict(STRICT if findings is None else findings), policies
        self.options, self.dns_options, self.dns_timeout, self.dnssec = options, dns_options, dns_timeout, dnssec
        self.log_level, self.trusted = "info", trusted
        self.arguments = []     # further ones of the command line
        directory = world.path(name)
        os.makedirs(directory, exist_ok=True)
        shutil.chown(directory, "nobody")
        self.socket = os.path.join(directory, "milter.sock")
        self.child = None
        world.on_close(self.stop)

    @property
    def milter(self):
        """As main.cf names the socket."""
        return "unix:" + self.socket

    @staticmethod
    def program(name="assayd"):
        return str(build.program(name))

    def write_config(self):
        findings = "\n".join(f'\t{name} = {action}' for name, action in self.findings.items())
        return self.world.write(self.name + ".conf", CONFIG.format(
            socket=self.socket, log_level=self.log_level, authserv_id=AUTHSERV_ID, mode=self.mode, dns_port=self.dns_port,
            dnssec=self.dnssec, trusted=self.trusted, findings=findings, policies=self.policies, options=self.options,
            dns_timeout=self.dns_timeout, dns_options=self.dns_options))

    def start(self, wrapper=()):
        config = self.write_config()
        self.child = self.world.processes.start(self.name, [*wrapper, self.program(), "-f", "-c", config, *self.arguments])
        wait_for(lambda: self.world.processes.alive(self.child) and unix_answers(self.socket), "assayd's socket")

    def stop(self, sign=signal.SIGTERM):
        """@return the exit status; fails when a sanitizer had something to say."""
        if self.child is None:
            return None
        status = self.world.processes.stop(self.child, sign, 30)
        self.child = None
        report = re.search(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*", self.log(), re.S)
        if report:
            raise AssertionError(report.group(0)[:6000])
        return status

    def restart(self):
        self.stop()
        self.start()

    def reload(self):
        """New configuration by SIGHUP; returns when the log says that it was taken or refused."""
        self.write_config()
        seen = len(self.log())
        self.child.send_signal(signal.SIGHUP)
        wait_for(lambda: re.search(r"reload|configuration", self.log()[seen:], re.I), "assayd to reload")

    def log(self):
        return self.world.processes.log(self.name)

    def rss_bytes(self):
        with open(f"/proc/{self.child.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
