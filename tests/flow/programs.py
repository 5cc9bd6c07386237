# SPDX-License-Identifier: BSD-2-Clause
"""The two programs of a build as flow tests use them: `assay` run to its end, `assayd` served from a zone file on loopback. Every
process that is started here is ended by its own handle."""
import json
import os
import pathlib
import signal
import subprocess

from house import build
from house.waiting import wait_for

# Slow enough for a sanitizer build on a busy machine.
START_SECS = 30


class Assay:
    """The command line program."""

    def __init__(self, program):
        self.program = str(program)

    def run(self, *arguments, stdin=b"", timeout=60):
        return subprocess.run([self.program, *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout,
                              check=False)

    def json(self, *arguments, stdin=b""):
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)


class Daemon:
    """One assayd in the foreground; its log is in the file self.log_path."""

    def __init__(self, directory, config, socket_spec):
        self.directory, self.socket_spec = directory, socket_spec
        self.config_path = directory / "assay.conf"
        self.config_path.write_text(config)
        self.log_path = directory / "log"
        self.process = None

    def start(self, *arguments, wait=True, as_user=None):
        """as_user: (uid, gid) to start it as."""
        identity = {"user": as_user[0], "group": as_user[1], "extra_groups": []} if as_user else {}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(build.program("assayd")), "-f", "-c", str(self.config_path), *arguments],
                                            stderr=log, stdout=log, stdin=subprocess.DEVNULL, **identity)
        if wait:
            self.wait_for_log("listening at")
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_for_log(self, text, count=1, secs=START_SECS):
        def seen():
            # looked at before the log: what it wrote at its end is in there
            ended = self.process is not None and self.process.poll() is not None
            if self.log().count(text) >= count:
                return True
            assert not ended, "assayd ended: " + self.log()
            return False
        wait_for(seen, lambda: f"{text!r} in: " + self.log(), secs)

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def cpu_secs(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, secs=START_SECS):
        """SIGTERM and the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(secs)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


CONFIG = """\
socket = "{socket}"
user = ""
log-target = stderr
log-level = info
authserv-id = "mx.test.example"
trusted-networks = {{ "198.51.100.0/24" }}
mode = {mode}
{options}
dns {{
    zone-file = "{zone}"
    dnssec = off
    {dns_options}
}}
{sections}
"""

ZONE = """\
good.example.            300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
good.example.            300 IN MX  10 mx.good.example.
good.example.            300 IN A   192.0.2.1
mx.good.example.         300 IN A   192.0.2.1
1.2.0.192.in-addr.arpa.  300 IN PTR mx.good.example.
_dmarc.good.example.     300 IN TXT "v=DMARC1; p=reject"
quiet.example.           300 IN TXT "v=spf1 ip4:192.0.2.1 ?all"
test.example.            300 IN A   192.0.2.9
"""
