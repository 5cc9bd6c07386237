# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the flow tests: the programs of a build, run against a zone file on loopback. ASSAY_BUILD names the build
directory (default: the top of the source tree). Every process a test starts is ended by its own handle."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ASSAY_BUILD", TOP)).resolve()

# Slow enough for a sanitizer build on a busy machine.
START_SECS = 30


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than ten seconds")


@pytest.fixture(scope="session")
def build_dir():
    return BUILD


@pytest.fixture(scope="session")
def top_dir():
    return TOP


@pytest.fixture
def free_port():
    """A function that gives a port nobody uses right now, on loopback."""
    def give():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]
    return give


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


@pytest.fixture(scope="session")
def assay():
    return Assay(BUILD / "assay")


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
            self.process = subprocess.Popen([str(BUILD / "assayd"), "-f", "-c", str(self.config_path), *arguments],
                                            stderr=log, stdout=log, stdin=subprocess.DEVNULL, **identity)
        if wait:
            self.wait_for_log("serving at")
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_for_log(self, text, count=1, secs=START_SECS):
        end = time.monotonic() + secs
        while self.log().count(text) < count:
            assert self.process is None or self.process.poll() is None, "assayd ended: " + self.log()
            assert time.monotonic() < end, f"{text!r} not seen in: " + self.log()
            time.sleep(0.02)

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


@pytest.fixture
def workdir():
    """A short path: a unix socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="assay-") as directory:
        yield pathlib.Path(directory)


@pytest.fixture
def assayd(workdir):
    """A function that makes a Daemon: assayd(mode="enforce", sections="findings { ... }", ...).start()"""
    made = []

    def make(mode="dry-run", options="", sections="", dns_options="", zone=ZONE, socket_spec=None, config=None):
        directory = workdir / f"d{len(made)}"
        directory.mkdir()
        (directory / "zone").write_text(zone)
        spec = socket_spec or f"unix:{directory}/sock"
        text = config or CONFIG.format(socket=spec, mode=mode, options=options, sections=sections,
                                       dns_options=dns_options, zone=directory / "zone")
        daemon = Daemon(directory, text, spec)
        made.append(daemon)
        return daemon

    yield make
    codes = [daemon.stop() for daemon in made if daemon.process is not None and daemon.process.poll() is None]
    assert all(code == 0 for code in codes), f"assayd ended with {codes}"
