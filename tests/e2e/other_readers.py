# SPDX-License-Identifier: BSD-2-Clause
"""Other people's readers of Authentication-Results, started on loopback with a configuration of the test's own: SpamAssassin with
its AuthRes plugin, and OpenDMARC as a milter behind assayd."""
import os
import re
import shutil
import subprocess

from house import needs
from house.ports import free_port
from world.mail import AUTHSERV_ID, delivered_fields
from world.processes import tcp_answers, unix_answers, wait_for

METHODS = ("auth", "dkim", "dkim-adsp", "dmarc", "iprev", "spf")
RESULTS = ("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "policy", "discard", "nxdomain", "unknown")

SPAMASSASSIN_CF = """
use_bayes 0
report_safe 0
dns_available no
clear_trusted_networks
clear_internal_networks
trusted_networks 127.0.0.0/8
internal_networks 127.0.0.0/8
authres_networks internal
authres_trusted_authserv {authserv_id}
"""


class SpamAssassin:
    """spamd without any rule but those that ask the plugin for each method's result."""

    def __init__(self, world):
        needs.programs("spamd", "spamc")
        directory = world.path("spamassassin")
        os.makedirs(directory)
        shutil.chown(directory, "nobody")
        world.write("spamassassin/init.pre", "".join(f"loadplugin Mail::SpamAssassin::Plugin::{name}\n" for name in ("Check", "AuthRes")))
        rules = "".join(f"header {self.symbol(method, result)} eval:check_authres_result('{method}', '{result}')\n"
                        for method in METHODS for result in (*RESULTS, "missing"))
        world.write("spamassassin/local.cf", SPAMASSASSIN_CF.format(authserv_id=AUTHSERV_ID) + rules)
        self.port = free_port()
        self.child = world.processes.start("spamd", [
            "spamd", "--local", "--nouser-config", "--syslog=stderr", f"--configpath={directory}", f"--siteconfigpath={directory}",
            f"--helper-home-dir={directory}", "--username=nobody", "--max-children=1", "--listen=127.0.0.1", f"--port={self.port}"],
            env=dict(os.environ, HOME=directory))
        self.world = world
        wait_for(lambda: world.processes.alive(self.child) and tcp_answers(self.port), "spamd", 60)

    @staticmethod
    def symbol(method, result):
        return f"AR_{method.replace('-', '_')}_{result}".upper()

    def reads(self, raw):
        """@return {method: result} of those that the message has."""
        done = subprocess.run(["spamc", "-d", "127.0.0.1", "-p", str(self.port), "--tests"], input=raw, capture_output=True,
                              timeout=60, check=True)
        hit = set(done.stdout.decode().strip().split(","))
        found = {method: [result for result in (*RESULTS, "missing") if self.symbol(method, result) in hit] for method in METHODS}
        assert all(len(results) == 1 for results in found.values()), (done.stdout, self.world.processes.log("spamd")[-3000:])
        return {method: results[0] for method, results in found.items() if results[0] != "missing"}

    def stop(self):
        self.world.processes.stop(self.child)


OPENDMARC_CONF = """
AuthservID {own_id}
TrustedAuthservIDs {authserv_id}
BaseDirectory {directory}
DNSTimeout 5
HistoryFile {directory}/history
IgnoreHosts {directory}/ignored
RecordAllMessages true
SPFSelfValidate false
Syslog false
TestDNSData {directory}/dns
UMask 000
"""


class OpenDmarc:
    """records: [(name, text)] of the TXT records that it finds."""

    OWN_ID = "opendmarc.assay.example"
    # the numbers of its history file
    RESULTS = {"0": "pass", "2": "softfail", "3": "neutral", "4": "temperror", "5": "permerror", "6": "none", "7": "fail", "8": "policy"}

    def __init__(self, world, records):
        needs.programs("opendmarc")
        self.world, self.directory = world, world.path("opendmarc")
        os.makedirs(self.directory)
        shutil.chown(self.directory, "nobody")
        world.write("opendmarc/ignored", "203.0.113.254\n")
        world.write("opendmarc/dns", "".join(f"{name} {text}\n" for name, text in records))
        world.write("opendmarc/opendmarc.conf", OPENDMARC_CONF.format(own_id=self.OWN_ID, authserv_id=AUTHSERV_ID, directory=self.directory))
        self.socket = os.path.join(self.directory, "milter.sock")
        self.child = world.processes.start("opendmarc", [
            "opendmarc", "-f", "-c", os.path.join(self.directory, "opendmarc.conf"), "-p", "local:" + self.socket,
            "-P", os.path.join(self.directory, "pid"), "-u", "nobody"])
        wait_for(lambda: world.processes.alive(self.child) and unix_answers(self.socket), "opendmarc")

    @property
    def milter(self):
        return "unix:" + self.socket

    def reads(self, raw, queue_id):
        """
        @return (DMARC result of its own, {"spf": result, "dkim": [(domain, selector, result)], "counts": [of spf and dkim, what
        passes in alignment]}) as it took them from our field.
        """
        fields = [value for value in delivered_fields(raw, "Authentication-Results") if self.OWN_ID in value]
        assert len(fields) == 1, (fields, self.world.processes.log("opendmarc"))
        lines = self.history(queue_id)
        spf = [self.RESULTS[line.split()[1]] for line in lines if line.startswith("spf ") and line.split()[1] != "-1"]
        dkim = [line.split()[1:4] for line in lines if line.startswith("dkim ")]
        return re.search(r"dmarc=(\w+)", fields[0]).group(1), {
            "spf": spf[-1] if spf else None, "dkim": [(domain, selector, self.RESULTS[result]) for domain, selector, result in dkim],
            "counts": [method for method in ("spf", "dkim") if f"align_{method} 4" in lines]}

    def history(self, queue_id):
        with open(os.path.join(self.directory, "history"), encoding="utf-8", errors="replace") as file:
            blocks = re.split(r"(?m)^job ", file.read())
        return next(block.splitlines() for block in blocks if block.split("\n", 1)[0].strip() == queue_id)

    def stop(self):
        self.world.processes.stop(self.child)
