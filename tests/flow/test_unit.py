# SPDX-License-Identifier: BSD-2-Clause
"""The installed unit under a real systemd, in a container made of this machine's own files: an overlay whose changes are kept
in memory, with namespaces, a cgroup and a loopback of its own, and no unit but ours. Skipped where that cannot be had.
scripts/try-package does the same, and more, in empty roots of Debian 12 and 13."""
import contextlib
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from house import waiting
from milterclient import Client

BOOT_SECS = 120
CANNOT = 77  # exit status of what lacks rights or mounts
NAMESPACES = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup", "--fork", "--kill-child", "--"]
SYSTEMD = "/lib/systemd/systemd"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not os.path.exists(SYSTEMD), reason="systemd is not installed"),
    pytest.mark.skipif("ASSAY_SANITIZED" in os.environ, reason="sanitizers need system calls that the unit forbids"),
]

# In its own mount namespace: the overlay, in it the installation, the user, and no units of this machine.
PREPARE = """
set -e
mount --make-rprivate / && mount -t tmpfs tmpfs "$1" || exit 77
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root" || exit 77
rm -rf "$1/root/etc/systemd/system" "$1/root/etc/assay" "$1/root/var/lib/assay"
mkdir -p "$1/root/etc/systemd/system" "$1/root/run" "$1/root/tmp"
cp -R "$2/." "$1/root"
sh "$3/scripts/install-user" "$1/root" "$3/conf/assay.sysusers" "$3/conf/assay.tmpfiles"
exec "$3/scripts/enter-root" --boot "$1/root" --unit=assayd.service
"""

CONFIG = """\
authserv-id = "mx.test.example"
record { path = "/var/lib/assay/assay.db" }
dns {
    zone-file = "/etc/assay/zone"
    dnssec = off
}
"""


def unified_hierarchy():
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind = line.split()[:3]
        if kind == "cgroup2":
            return pathlib.Path(place)
    return None


@contextlib.contextmanager
def own_cgroup():
    """A cgroup for the container, gone with all that is in it."""
    hierarchy = unified_hierarchy()
    if hierarchy is None:
        pytest.skip("no unified cgroup hierarchy")
    cgroup = hierarchy / f"assay-test-{os.getpid()}"
    try:
        cgroup.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made: {error}")
    try:
        yield cgroup
    finally:
        def removed():
            for directory, _, _ in os.walk(cgroup, topdown=False):
                with contextlib.suppress(OSError):  # busy until its processes are gone
                    os.rmdir(directory)
            return not cgroup.exists()
        waiting.wait_for(removed, f"{cgroup} to be removed", 60, 0.05)


class Container:
    def __init__(self, process, log):
        self.process, self.log = process, log
        self.init = None

    def find_init(self):
        """The first process of the pid namespace, seen from here; None before it is systemd."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                self.init = int(child)
        return self.init

    def run(self, *words):
        return subprocess.run(["nsenter", "-t", str(self.init), "-a", "--", *words], capture_output=True, text=True, timeout=60,
                              check=False, stdin=subprocess.DEVNULL)

    def show(self, name):
        return self.run("systemctl", "show", "-p", name, "--value", "assayd.service").stdout.strip()

    def path(self, name):
        return f"/proc/{self.init}/root{name}"


def wait_for(what, condition):
    return waiting.wait_for(condition, what, BOOT_SECS, 0.1)


@contextlib.contextmanager
def boot(directory, stage, top_dir):
    """A container that answers systemctl, with what lies in stage added to this machine's files."""
    log = directory / "log"
    with own_cgroup() as cgroup, open(log, "wb") as output:
        join = f'echo $$ >{cgroup}/cgroup.procs && exec "$@"'
        process = subprocess.Popen(["sh", "-c", join, "sh", *NAMESPACES, "sh", "-c", PREPARE, "sh", str(directory / "place"),
                                    str(stage), str(top_dir)], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            container = Container(process, log)
            wait_for(log.read_text, lambda: process.poll() is not None or container.find_init())
            if container.init is None:
                assert process.returncode == CANNOT, log.read_text()
                pytest.skip("no container here: " + log.read_text()[-300:])
            wait_for(log.read_text, lambda: container.run("systemctl", "show", "-p", "Version").returncode == 0)
            yield container
        finally:
            process.kill()  # and with it the namespace's first process, and all others
            process.wait()


@pytest.fixture(scope="module")
def booted(build_dir, top_dir):
    if not (build_dir / "Makefile").exists():
        pytest.skip("not a build directory")
    if subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no namespaces here")
    with tempfile.TemporaryDirectory(prefix="assay-") as name:
        directory = pathlib.Path(name)
        stage = directory / "stage"
        (directory / "place").mkdir()
        (stage / "etc/assay").mkdir(parents=True)
        (stage / "etc/assay/assay.conf").write_text(CONFIG)
        (stage / "etc/assay/zone").write_text('good.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"\n')
        subprocess.run(["make", "-s", "-C", build_dir, "install", f"DESTDIR={stage}", "prefix=/usr/local"], check=True,
                       capture_output=True, timeout=300)
        with boot(directory, stage, top_dir) as container:
            yield container


def test_unit_starts_and_says_its_state(booted):
    state = wait_for(lambda: booted.run("systemctl", "status", "--no-pager", "assayd.service").stdout + booted.log.read_text(),
                     lambda: (found := booted.show("ActiveState")) in ("active", "failed") and found)
    assert state == "active", booted.run("systemctl", "status", "--no-pager", "assayd.service").stdout
    assert "mode dry-run" in booted.show("StatusText")
    assert "remembers in /var/lib/assay/assay.db" in booted.show("StatusText")


def test_daemon_has_nothing_but_what_the_unit_gives(booted):
    test_unit_starts_and_says_its_state(booted)
    pid = booted.show("MainPID")
    status = dict(line.split(":\t", 1) for line in booted.run("cat", f"/proc/{pid}/status").stdout.splitlines() if ":\t" in line)
    assert status["CapPrm"].strip("0") == status["CapBnd"].strip("0") == "" and status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2" and status["Uid"].split()[0] != "0"
    for path in ("/run/assay/assay.sock", "/var/lib/assay/assay.db"):
        assert os.stat(booted.path(path)).st_uid == int(status["Uid"].split()[0])


def test_unit_bounds_what_the_daemon_may_take(booted):
    test_unit_starts_and_says_its_state(booted)
    limits = booted.run("cat", f"/proc/{booted.show('MainPID')}/limits").stdout
    assert re.search(r"^Max open files +(\d+) +\1 ", limits, re.M)
    # the daemon's own doing, which the unit's system call filter lets it do
    assert re.search(r"^Max stack size +524288 ", limits, re.M)
    assert int(booted.show("MemoryMax")) == 1 << 30 and int(booted.show("TasksMax")) == 4096


def test_daemon_judges_under_the_unit(booted):
    test_unit_starts_and_says_its_state(booted)
    client = Client("unix:" + booted.path("/run/assay/assay.sock"))
    client.connect()
    client.helo()
    outcome = client.message()
    assert outcome.reply == "c" and "mx.test.example" in outcome.header("Authentication-Results")[0]
    client.quit()


def test_socket_below_the_queue_gets_its_directorys_group(booted):
    # as `assay setup postfix --apply` makes it; here without Postfix, the group is another one than assayd's
    test_unit_starts_and_says_its_state(booted)
    directory = "/var/spool/postfix/assay"
    booted.run("rm", "-rf", directory)
    assert booted.run("mkdir", "-p", "/var/spool/postfix").returncode == 0
    assert booted.run("install", "-d", "-o", "assay", "-g", "mail", "-m", "2750", directory).returncode == 0
    config = pathlib.Path(booted.path("/etc/assay/assay.conf"))
    before = config.read_text()
    config.write_text(f'socket = "unix:{directory}/assay.sock"\n' + before)
    assert booted.run("systemctl", "restart", "assayd.service").returncode == 0
    found = booted.run("stat", "-c", "%U %G %a", directory + "/assay.sock")
    config.write_text(before)
    assert booted.run("systemctl", "restart", "assayd.service").returncode == 0
    assert found.stdout.split() == ["assay", "mail", "770"], found.stderr


def in_record(booted, statement):
    """Rows of a statement on the record, run inside: SQLite would resolve a path through /proc on this side."""
    program = ("import sqlite3, sys\nwith sqlite3.connect('/var/lib/assay/assay.db', timeout=20) as database:\n"
               "    print(database.execute(sys.argv[1]).fetchall())")
    done = booted.run("/usr/bin/python3", "-c", program, statement)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


REPORTS = """
dmarc-reports {
    aggregate = yes
    email = "dmarc-reports@mx.test.example"
}
"""


@pytest.mark.skipif(not os.path.exists("/usr/sbin/postdrop"), reason="Postfix is not installed")
def test_reports_are_mailed_under_their_unit(booted):
    """By the packaged sendmail, whose postdrop is set-gid; with NoNewPrivileges it could not, and the report would wait."""
    test_unit_starts_and_says_its_state(booted)
    config, zone = pathlib.Path(booted.path("/etc/assay/assay.conf")), pathlib.Path(booted.path("/etc/assay/zone"))
    drop, maildrop = "/run/systemd/system/assay-dmarc-reports.service.d", pathlib.Path(booted.path("/var/spool/postfix/maildrop"))
    before = config.read_text()
    config.write_text(before + REPORTS)
    # an installation without questions leaves none
    pathlib.Path(booted.path("/etc/postfix/main.cf")).write_text("compatibility_level = 3.6\nmyhostname = mx.test.example\n")
    zone.write_text(zone.read_text() + '_dmarc.good.example. 300 IN TXT "v=DMARC1; p=none; rua=mailto:r@good.example"\n')
    assert booted.run("systemctl", "restart", "assayd.service").returncode == 0
    client = Client("unix:" + booted.path("/run/assay/assay.sock"))
    client.connect()
    client.helo()
    client.message()
    client.quit()
    wait_for("the message to be counted", lambda: in_record(booted, "SELECT count(*) FROM dmarc_row") == "[(1,)]")
    in_record(booted, "UPDATE dmarc_policy SET day=day-1")
    assert not list(maildrop.iterdir())
    booted.run("mkdir", "-p", drop)
    pathlib.Path(booted.path(drop), "no.conf").write_text("[Service]\nNoNewPrivileges=yes\nTimeoutStartSec=8\n")
    booted.run("systemctl", "daemon-reload")
    start = ("systemctl", "start", "assay-dmarc-reports.service")
    # postdrop goes on trying
    assert booted.run(*start).returncode != 0 and not list(maildrop.iterdir())
    booted.run("rm", "-r", drop)
    booted.run("systemctl", "daemon-reload")
    assert in_record(booted, "SELECT state, tries FROM dmarc_delivery") == "[(0, 0)]"
    in_record(booted, "UPDATE dmarc_delivery SET claimed=0")
    done = booted.run(*start)
    assert done.returncode == 0, done.stderr
    mailed, = maildrop.iterdir()
    assert b"r@good.example" in mailed.read_bytes() and b"Report Domain: good.example" in mailed.read_bytes()
    mailed.unlink()
    assert booted.run("systemctl", "is-enabled", "assay-dmarc-reports.timer").stdout.strip() == "disabled"
    config.write_text(before)
    assert booted.run("systemctl", "restart", "assayd.service").returncode == 0


@pytest.mark.skipif(not os.path.exists("/usr/sbin/postdrop"), reason="Postfix is not installed")
def test_failures_and_the_morning_are_mailed_under_their_units(booted):
    test_unit_starts_and_says_its_state(booted)
    config, zone = pathlib.Path(booted.path("/etc/assay/assay.conf")), pathlib.Path(booted.path("/etc/assay/zone"))
    maildrop = pathlib.Path(booted.path("/var/spool/postfix/maildrop"))
    before = config.read_text()
    config.write_text(before + 'dmarc-reports { failure = yes failure-wait = "1s" email = "dmarc@mx.test.example" }\n'
                      'morning { to = "root@mx.test.example" }\n')
    pathlib.Path(booted.path("/etc/postfix/main.cf")).write_text("compatibility_level = 3.6\nmyhostname = mx.test.example\n")
    zone.write_text(zone.read_text() + '_dmarc.failing.example. 300 IN TXT "v=DMARC1; p=none; ruf=mailto:f@failing.example"\n')
    assert booted.run("systemctl", "restart", "assayd.service").returncode == 0
    client = Client("unix:" + booted.path("/run/assay/assay.sock"))
    client.connect()
    client.helo()
    client.message("<joe@failing.example>", headers=(("From", "joe@failing.example"),))
    client.quit()
    wait_for("the failure to be noted and old enough",
             lambda: in_record(booted, "SELECT count(*) FROM failure WHERE first<strftime('%s','now')-1") == "[(1,)]")
    for name, words in (("failure-reports", b"message/feedback-report"), ("morning", b"Needs you")):
        done = booted.run("systemctl", "start", f"assay-{name}.service")
        assert done.returncode == 0, done.stderr
        mailed, = maildrop.iterdir()
        assert words in mailed.read_bytes()
        mailed.unlink()
        assert booted.run("systemctl", "is-enabled", f"assay-{name}.timer").stdout.strip() == "disabled"
    config.write_text(before)
    assert booted.run("systemctl", "restart", "assayd.service").returncode == 0


def test_reload_and_stop_under_the_unit(booted):
    test_unit_starts_and_says_its_state(booted)
    config = pathlib.Path(booted.path("/etc/assay/assay.conf"))
    config.write_text("mode = enforce\n" + config.read_text())
    assert booted.run("systemctl", "reload", "assayd.service").returncode == 0
    wait_for(lambda: booted.show("StatusText"), lambda: "mode enforce" in booted.show("StatusText"))
    assert booted.run("systemctl", "stop", "assayd.service").returncode == 0
    assert (booted.show("Result"), booted.show("ExecMainStatus")) == ("success", "0")
